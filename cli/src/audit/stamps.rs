//! The time stamps of an export: by them the checkpoints were there at a moment, whoever has the checkpoint key since.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::Path;

use client::times::spaced;
use domain::Timestamp;
use pki::Certificate;
use pki::audit_log::CheckpointFile;
use pki::time_stamp::{Imprint, TimeStampToken};

/// The folder with the stamps, each called as its checkpoint is.
pub(super) const STAMPS: &str = "stamps";
/// What they are verified with, in the same folder.
pub(super) const ROOT: &str = "root.crt";
/// A stamp with its certificates has a few thousand bytes.
const LONGEST: u64 = 64 * 1024;

/// What the stamps say.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Stamped {
    /// How many there are.
    pub(super) count: u64,
    /// The largest checkpoint that has one, and the moment it states.
    pub(super) newest: Option<(u64, Timestamp)>,
    /// The first one that is not good, by the size of its checkpoint, and why.
    pub(super) bad: Option<(u64, String)>,
    /// Whether they were held against a root that was kept elsewhere.
    pub(super) by_kept: bool,
}

impl Stamped {
    /// In words; none where there is none, and nobody has brought a root for them.
    pub(super) fn told(&self) -> Option<String> {
        let Some((size, at)) = self.newest else {
            return self.by_kept.then(|| "no checkpoint has a time stamp that is good by the root that was kept".to_owned());
        };
        let count = if self.count == 1 {
            "1 checkpoint has a good time stamp".to_owned()
        } else {
            format!("{} checkpoints have good time stamps", spaced(self.count))
        };
        let root = if self.by_kept {
            "the root that was kept"
        } else {
            "the export's own root, and --root takes one that was kept elsewhere"
        };
        Some(format!("{count}; by the newest, checkpoint {size} was there at {}; by {root}", at.people()))
    }
}

/// Verifies the stamps in `folder`, which may be absent: each over the checkpoint of its name, by the root that was kept or else by
/// the one in the folder, as of the moment that it states.
pub(super) fn verify(folder: &Path, checkpoints: &[CheckpointFile], kept: Option<&Certificate>) -> io::Result<Stamped> {
    let mut stamped = Stamped { by_kept: kept.is_some(), ..Stamped::default() };
    let listed = match fs::read_dir(folder) {
        Ok(listed) => listed,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(stamped);
        }
        Err(error) => return Err(error),
    };
    let own = bytes(&folder.join(ROOT)).ok().and_then(|pem| Certificate::from_pem(&pem).ok());
    let mut sizes = Vec::new();
    for entry in listed {
        let name = entry?.file_name();
        match name.to_str().and_then(|name| name.parse::<u64>().ok()).filter(|size| *name == *size.to_string()) {
            Some(size) => sizes.push(size),
            None if name == ROOT => {}
            None => stamped.bad = Some((0, format!("{STAMPS}/{} does not belong into an export", name.display()))),
        }
    }
    sizes.sort_unstable();
    for size in sizes {
        let judged = match (kept.or(own.as_ref()), checkpoints.iter().find(|checkpoint| checkpoint.tree_size == size)) {
            (None, _) => Err(format!("the time stamps cannot be verified: {STAMPS}/{ROOT} holds no certificate")),
            (_, None) => Err(format!("{STAMPS}/{size} is over a checkpoint that is not there")),
            (Some(root), Some(checkpoint)) => {
                let token = bytes(&folder.join(size.to_string()))?;
                judge(&token, &checkpoint.note, root).map_err(|error| {
                    let other =
                        own.as_ref().filter(|own| own.der() != root.der() && judge(&token, &checkpoint.note, own).is_ok());
                    let why = other.map_or_else(|| error.to_string(), |own| another(own, root));
                    format!("the time stamp of checkpoint {size} is not good: {why}")
                })
            }
        };
        match judged {
            Ok(at) => (stamped.count, stamped.newest) = (stamped.count + 1, Some((size, at))),
            Err(reason) => drop(stamped.bad.get_or_insert((size, reason))),
        }
    }
    Ok(stamped)
}

/// It is good by the export's own root, and that is not the one that was kept.
fn another(own: &Certificate, kept: &Certificate) -> String {
    let print = |root: &Certificate| pki::hex(&root.fingerprint());
    format!("it is by another root (SHA-256 {}) than the one that was kept ({})", print(own), print(kept))
}

fn judge(token: &[u8], note: &str, root: &Certificate) -> Result<Timestamp, pki::PkiError> {
    let token = TimeStampToken::from_der(token)?;
    Ok(token.verify(&Imprint::of(note.as_bytes()), root, &[], token.stated_at())?.at)
}

fn bytes(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(LONGEST).read_to_end(&mut bytes)?;
    Ok(bytes)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use domain::Environment;
    use pki::time_stamp::{TimeStampRequest, TimeStamper};
    use pki::{Authority, AuthorityName, AuthorityPurpose, Instance, KeyKind, PrivateKey};

    use super::*;

    fn now() -> Timestamp {
        "2022-05-31T12:00:00+08:00".parse().unwrap()
    }

    fn key() -> PrivateKey {
        PrivateKey::generate(KeyKind::P256).unwrap()
    }

    /// An export's checkpoints, of which two are stamped.
    fn export() -> (tempfile::TempDir, Vec<CheckpointFile>) {
        let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
        let root = Authority::new_root(&instance, 1, key(), now()).unwrap();
        let name = AuthorityName::new(AuthorityPurpose::TimeStamping, 1);
        let authority = root.new_issuing(name, key(), now()).unwrap();
        let own = key();
        let certificate = authority.sign(&authority.plan_time_stamping(&own.public().unwrap(), now()).unwrap()).unwrap();
        let stamper = TimeStamper::new(own.into(), certificate, &[authority.certificate().clone()]).unwrap();
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join(ROOT), root.certificate().pem().unwrap()).unwrap();
        let checkpoints: Vec<_> =
            [2, 5, 9].map(|tree_size| CheckpointFile { tree_size, note: format!("demo\n{tree_size}\n") }).into();
        for checkpoint in &checkpoints[..2] {
            let request = TimeStampRequest::of(Imprint::of(checkpoint.note.as_bytes()));
            let at = now().plus(Duration::from_secs(checkpoint.tree_size));
            let token = stamper.token(&request, [7; 16], at, Duration::from_secs(1)).unwrap();
            fs::write(folder.path().join(checkpoint.tree_size.to_string()), token).unwrap();
        }
        (folder, checkpoints)
    }

    #[test]
    fn stamps_say_when_their_checkpoints_were_there() {
        let (folder, checkpoints) = export();
        let stamped = verify(folder.path(), &checkpoints, None).unwrap();
        assert_eq!(stamped, Stamped { count: 2, newest: Some((5, now().plus(Duration::from_secs(5)))), ..Stamped::default() });
        assert_eq!(verify(&folder.path().join("absent"), &checkpoints, None).unwrap(), Stamped::default());
    }

    /// An export that was replaced as a whole brings stamps and a root of its own along.
    #[test]
    fn a_root_that_was_kept_is_believed_in_place_of_the_exports_own() {
        let ((folder, checkpoints), (forged, _)) = (export(), export());
        let kept = Certificate::from_pem(&bytes(&folder.path().join(ROOT)).unwrap()).unwrap();
        let by_kept = |folder: &Path| verify(folder, &checkpoints, Some(&kept)).unwrap();
        let good = by_kept(folder.path());
        assert_eq!((good.count, good.bad.as_ref()), (2, None));
        assert!(good.told().unwrap().ends_with("; by the root that was kept"));
        assert!(verify(folder.path(), &checkpoints, None).unwrap().told().unwrap().contains("by the export's own root"));
        // The export's own root is not asked for, and need not be there.
        fs::remove_file(folder.path().join(ROOT)).unwrap();
        assert_eq!(by_kept(folder.path()), good);

        let (size, told) = by_kept(forged.path()).bad.unwrap();
        let print = pki::hex(&kept.fingerprint());
        assert_eq!(size, 2);
        assert!(
            told.contains("by another root (SHA-256 ") && told.ends_with(&format!("than the one that was kept ({print})")),
            "{told}"
        );
        // Broken ones are told as broken.
        fs::copy(forged.path().join("2"), forged.path().join("5")).unwrap();
        fs::remove_file(forged.path().join("2")).unwrap();
        let (_, told) = by_kept(forged.path()).bad.unwrap();
        assert!(!told.contains("another root"), "{told}");
        let none = by_kept(&folder.path().join("absent"));
        assert!(none.told().unwrap().starts_with("no checkpoint has a time stamp"));
    }

    #[test]
    fn whatever_is_done_to_stamps_shows() {
        type Harm = fn(&Path, &mut Vec<CheckpointFile>);
        let harms: [(&str, Harm); 7] = [
            ("checkpoint 2 is not good", |_, checkpoints| checkpoints[0].note.push('x')),
            ("checkpoint 5 is not good", |folder, _| fs::write(folder.join("5"), "garbage").unwrap()),
            ("checkpoint 5 is not good", |folder, _| {
                fs::copy(folder.join("2"), folder.join("5")).unwrap();
            }),
            ("not there", |_, checkpoints| drop(checkpoints.remove(0))),
            ("holds no certificate", |folder, _| fs::remove_file(folder.join(ROOT)).unwrap()),
            ("does not belong", |folder, _| fs::write(folder.join("05"), "x").unwrap()),
            ("checkpoint 2 is not good", |folder, _| {
                let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
                let other = Authority::new_root(&instance, 1, key(), now()).unwrap();
                fs::write(folder.join(ROOT), other.certificate().pem().unwrap()).unwrap();
            }),
        ];
        for (reason, harm) in harms {
            let (folder, mut checkpoints) = export();
            harm(folder.path(), &mut checkpoints);
            let (_, told) = verify(folder.path(), &checkpoints, None).unwrap().bad.unwrap();
            assert!(told.contains(reason), "{reason}: {told}");
        }
    }
}
