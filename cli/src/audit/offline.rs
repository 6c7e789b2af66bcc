//! The verification of an export. Whatever somebody may have done to its files ends in a verdict: only a folder that is no
//! export, or that the system does not let us read, is a failure.

use std::fs::{self, File};
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::Exit;
use pki::Certificate;
use pki::audit_log::{self, CheckpointFile, FirstBad, Verdict, Verification};
use pki::checkpoint::VerifierKey;
use pki::succession::Trust;

use super::stamps::{self, STAMPS, Stamped};
use crate::failure::Failure;
use crate::files::unreadable;
use crate::output::Terminal;
use crate::progress::Progress;

/// A key or a checkpoint that is longer is none.
const MAX_SMALL: u64 = 64 * 1024;
/// So many entries between two words about how far it has come.
const STEP: u64 = 4_096;

/// Verifies the export in `folder`, its time stamps by `root` where that was kept elsewhere; gives with the verdict what its time stamps say, in words.
pub async fn offline(
    terminal: Terminal,
    folder: PathBuf,
    given: Option<VerifierKey>,
    kept: Option<String>,
    root: Option<Certificate>,
) -> Result<(Verdict, Option<String>), Failure> {
    let name = folder.display().to_string();
    let cannot = move |error: io::Error| unreadable(&name, &error.to_string());
    let Some(export) = Export::open(&folder, root.as_ref()).map_err(&cannot)? else {
        return Err(Failure::usage("audit.export", format!("{} is no export of an audit log", folder.display()))
            .hint("name the folder that 'iamctl audit export --to DIR' wrote"));
    };
    let vkey = match given.map_or_else(|| own_key(&folder), Ok) {
        Ok(vkey) => vkey,
        Err(reason) => return Ok((Verdict::of_nothing(reason), None)),
    };
    let told = export.stamped.told();
    // Reading and hashing keep a thread busy; an interruption must still be heard.
    let progress = Arc::new(Progress::new(terminal, export.tree_size()));
    let showing = Arc::clone(&progress);
    let verified = tokio::task::spawn_blocking(move || export.verify(kept.as_deref(), &vkey, &showing)).await;
    progress.over();
    match verified {
        Ok(verdict) => Ok((verdict.map_err(cannot)?, told)),
        Err(error) => Err(Failure::new(Exit::Failed, "internal", error.to_string())),
    }
}

/// The files of an export.
struct Export {
    checkpoints: Vec<CheckpointFile>,
    /// In the order of their numbers.
    announcements: Vec<String>,
    quarantined: bool,
    stamped: Stamped,
    /// What is wrong with the folder itself.
    amiss: Option<String>,
    entries: Option<File>,
}

impl Export {
    /// None when it is no export at all.
    fn open(folder: &Path, root: Option<&Certificate>) -> io::Result<Option<Self>> {
        let mut export = Self {
            checkpoints: Vec::new(),
            announcements: Vec::new(),
            quarantined: false,
            stamped: Stamped::default(),
            amiss: None,
            entries: None,
        };
        let path = folder.join("entries.jsonl");
        match fs::metadata(&path) {
            Ok(metadata) if metadata.is_file() => export.entries = Some(File::open(&path)?),
            Ok(_) => export.is_amiss("entries.jsonl is no file".to_owned()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => export.is_amiss("entries.jsonl is missing".to_owned()),
            Err(error) => return Err(error),
        }
        export.quarantined = fs::metadata(folder.join("quarantine.jsonl")).is_ok_and(|metadata| metadata.len() > 0);
        export.read_announcements(&folder.join("announcements"))?;
        let listed = match fs::read_dir(folder.join("checkpoints")) {
            Ok(listed) => listed,
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                if export.entries.is_none() {
                    return Ok(None);
                }
                export.is_amiss("the folder checkpoints is missing".to_owned());
                return Ok(Some(export));
            }
            Err(error) => return Err(error),
        };
        for entry in listed {
            let entry = entry?;
            let name = entry.file_name();
            let size = name.to_str().and_then(|name| name.parse().ok()).filter(|size: &u64| *name == *size.to_string());
            match size {
                Some(tree_size) if entry.file_type()?.is_file() => {
                    export.checkpoints.push(CheckpointFile { tree_size, note: small(&entry.path())? });
                }
                _ => export.is_amiss(format!("checkpoints/{} does not belong into an export", name.display())),
            }
        }
        export.stamped = stamps::verify(&folder.join(STAMPS), &export.checkpoints, root)?;
        Ok(Some(export))
    }

    /// Numbered from 1 on; where a number is missing, what comes behind it is not read.
    fn read_announcements(&mut self, folder: &Path) -> io::Result<()> {
        for number in 1_u32.. {
            match small(&folder.join(number.to_string())) {
                Ok(note) => self.announcements.push(note),
                Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => break,
                Err(error) if error.kind() == io::ErrorKind::IsADirectory => {
                    self.is_amiss(format!("announcements/{number} does not belong into an export"));
                    break;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(())
    }

    fn is_amiss(&mut self, reason: String) {
        self.amiss.get_or_insert(reason);
    }

    fn tree_size(&self) -> u64 {
        self.checkpoints.iter().map(|checkpoint| checkpoint.tree_size).max().unwrap_or_default()
    }

    fn verify(self, kept: Option<&str>, vkey: &VerifierKey, progress: &Progress) -> io::Result<Verdict> {
        let total = self.tree_size();
        let mut trust = Trust::new(vkey.clone());
        trust.follow(&self.announcements);
        let mut verification = Verification::new(self.checkpoints, kept, trust);
        let leaves = self.entries.into_iter().flat_map(|file| audit_log::leaves(BufReader::with_capacity(1 << 16, file)));
        for (number, leaf) in (1..).zip(leaves) {
            match leaf {
                Ok(leaf) => verification.entry(&leaf),
                Err(error) if error.kind() == io::ErrorKind::InvalidData => verification.broken(error.to_string()),
                Err(error) => return Err(error),
            }
            if number % STEP == 0 {
                progress.at(number, total, "entries");
            }
        }
        let verdict = verification.verdict();
        if let Some((size, reason)) = self.stamped.bad
            && verdict.ok
        {
            let first_bad = Some(FirstBad { from: 0, to: size.saturating_sub(1), reason });
            return Ok(Verdict { ok: false, first_bad, ..verdict });
        }
        Ok(match self.amiss {
            Some(reason) if verdict.ok => {
                let first_bad = Some(FirstBad { from: 0, to: verdict.entries.saturating_sub(1), reason });
                Verdict { ok: false, first_bad, ..verdict }
            }
            _ => verdict,
        })
    }
}

/// The export's own verifier key, or why it cannot be used.
fn own_key(folder: &Path) -> Result<VerifierKey, String> {
    let text = small(&folder.join("vkey")).map_err(|error| format!("the export's verifier key cannot be read: {error}"))?;
    text.trim().parse().map_err(|error| format!("the export's verifier key cannot be used: {error}"))
}

/// A small file's text. Bytes that are no text get a mark in their place: what is signed does not verify with it.
fn small(path: &Path) -> io::Result<String> {
    let mut bytes = Vec::new();
    File::open(path)?.take(MAX_SMALL + 1).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use pki::checkpoint::{Checkpoint, NoteSigner};
    use pki::merkle::{leaf_hash, root_of};
    use pki::{KeyKind, PrivateKey};

    const TERMINAL: Terminal = Terminal { input: false, output: false, error: false };

    /// Five entries under checkpoints of two and five.
    fn export() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        let signer = NoteSigner::new("iam-audit-demo", PrivateKey::generate(KeyKind::Ed25519).unwrap()).unwrap();
        let entry =
            |n| format!(r#"{{"v":1,"id":"01970000-0000-7000-8000-00000000000{n}","at":"2022-05-31T15:59:00Z","action":"x"}}"#);
        let entries: Vec<String> = (0..5).map(entry).collect();
        fs::create_dir(folder.path().join("checkpoints")).unwrap();
        for size in [2, 5] {
            let hashes: Vec<_> = entries[..size].iter().map(|entry| leaf_hash(entry.as_bytes())).collect();
            let note = Checkpoint::new("iam-audit-demo", size as u64, root_of(&hashes)).sign(&signer).unwrap();
            fs::write(folder.path().join(format!("checkpoints/{size}")), note).unwrap();
        }
        fs::write(folder.path().join("entries.jsonl"), entries.join("\n") + "\n").unwrap();
        fs::write(folder.path().join("vkey"), signer.verifier().to_string() + "\n").unwrap();
        folder
    }

    async fn verdict(folder: &Path) -> Verdict {
        offline(TERMINAL, folder.to_owned(), None, None, None).await.unwrap().0
    }

    #[tokio::test]
    async fn a_whole_export_is_good() {
        let verdict = verdict(export().path()).await;
        assert_eq!((verdict.ok, verdict.entries, verdict.checkpoints, verdict.tree_size), (true, 5, 2, 5), "{verdict:?}");
    }

    #[tokio::test]
    async fn whatever_is_done_to_an_export_ends_in_a_verdict() {
        type Harm = fn(&Path);
        let harms: [(&str, Harm); 12] = [
            ("the time stamps cannot be verified", |folder| {
                fs::create_dir(folder.join("stamps")).unwrap();
                fs::write(folder.join("stamps/5"), "x").unwrap();
            }),
            ("checkpoint 5", |folder| {
                let path = folder.join("checkpoints/5");
                let mut note = fs::read(&path).unwrap();
                note[3] |= 0x80;
                fs::write(path, note).unwrap();
            }),
            ("checkpoints/notes.txt does not belong", |folder| fs::write(folder.join("checkpoints/notes.txt"), "x").unwrap()),
            ("checkpoints/05 does not belong", |folder| {
                fs::copy(folder.join("checkpoints/5"), folder.join("checkpoints/05")).unwrap();
            }),
            ("checkpoints/9 does not belong", |folder| fs::create_dir(folder.join("checkpoints/9")).unwrap()),
            ("checkpoint 9", |folder| fs::write(folder.join("checkpoints/9"), vec![b'a'; 1 << 20]).unwrap()),
            ("ends after 0 entries", |folder| fs::remove_file(folder.join("entries.jsonl")).unwrap()),
            ("entries.jsonl is missing", |folder| {
                fs::remove_file(folder.join("entries.jsonl")).unwrap();
                fs::remove_dir_all(folder.join("checkpoints")).unwrap();
                fs::create_dir(folder.join("checkpoints")).unwrap();
            }),
            ("there is no checkpoint", |folder| fs::remove_dir_all(folder.join("checkpoints")).unwrap()),
            ("longer than", |folder| {
                let path = folder.join("entries.jsonl");
                let mut entries = fs::read(&path).unwrap();
                entries.extend(vec![b'x'; audit_log::LONGEST_ENTRY + 1]);
                fs::write(path, entries).unwrap();
            }),
            ("verifier key", |folder| fs::write(folder.join("vkey"), b"\xff").unwrap()),
            ("verifier key", |folder| fs::remove_file(folder.join("vkey")).unwrap()),
        ];
        for (reason, harm) in harms {
            let folder = export();
            harm(folder.path());
            let verdict = verdict(folder.path()).await;
            assert!(!verdict.ok, "{reason}");
            let bad = verdict.first_bad.unwrap();
            assert!(bad.reason.contains(reason), "{reason}: {bad:?}");
        }
    }

    #[tokio::test]
    async fn a_folder_that_is_no_export_is_told_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let failure = offline(TERMINAL, folder.path().to_owned(), None, None, None).await.unwrap_err();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Usage, "audit.export"));
    }
}
