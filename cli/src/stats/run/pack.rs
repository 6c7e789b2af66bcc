//! A folder of reports: written whole or not at all, known again by its manifest, never written over.

use std::collections::BTreeMap;
use std::path::Path;

use api::Exit;
use api::stats::FrozenMonth;
use client::files::{FileFault, Lock, listed, put_folder, read, remove_folder};
use domain::{Day, Month};
use openssl::sha::sha256;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;

/// What the pack's own list of its files is called, without its ending.
pub const MANIFEST: &str = "manifest";
const MANIFEST_FILE: &str = "manifest.json";
/// In the folder of packs: whoever writes there holds it.
const LOCK: &str = ".lock";
/// A report larger than this is none of ours.
const LARGEST: u64 = 256 * 1024 * 1024;

/// Files by name.
pub type Files = BTreeMap<String, Vec<u8>>;

/// What a pack says of itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The month.
    pub month: Month,
    /// Events up to the end of this day.
    pub as_at: Day,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Digest of the closed month.
    pub frozen: String,
    /// Digests of the platform's replies, by the name of the report; the page's foot has the same.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub replies: BTreeMap<String, String>,
    /// The files, by name.
    pub files: BTreeMap<String, Listed>,
}

/// A file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// Its length.
    pub bytes: u64,
    /// Over its bytes, lower-case hex.
    pub sha256: String,
}

impl Manifest {
    /// Of those files.
    pub fn of(month: &FrozenMonth, known_at: Day, files: &Files) -> Self {
        let listed = |(name, bytes): (&String, &Vec<u8>)| (name.clone(), Listed::of(bytes));
        let files = files.iter().map(listed).collect();
        let (as_at, frozen) = (month.month.last_day(), month.digest.clone());
        Self { month: month.month, as_at, known_at, frozen, replies: BTreeMap::new(), files }
    }
}

impl Listed {
    fn of(bytes: &[u8]) -> Self {
        let sha256 = sha256(bytes).iter().map(|byte| format!("{byte:02x}")).collect();
        Self { bytes: bytes.len() as u64, sha256 }
    }
}

/// The folder of packs, for one run alone.
pub struct Packs<'p> {
    folder: &'p Path,
    _lock: Lock,
}

impl<'p> Packs<'p> {
    /// Takes the folder; what a run that was killed left half written goes.
    ///
    /// # Errors
    /// When there is no such folder, it cannot be written, or another run has it.
    pub fn take(folder: &'p Path) -> Result<Self, Failure> {
        if !folder.is_dir() {
            let hint = "it is not made here: a disk that is not mounted would be written over";
            return Err(Failure::usage("report.folder", format!("there is no folder {}", folder.display())).hint(hint));
        }
        let Some(lock) = Lock::alone(&folder.join(LOCK)).map_err(unwritten)? else {
            let message = format!("another run writes reports to {}", folder.display());
            return Err(Failure::new(Exit::Conflict, "report.busy", message).changed("nothing was written").hint("when it is over, the same again"));
        };
        for path in listed(folder).map_err(unwritten)? {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if is_left_over(&name) {
                remove_folder(&path).map_err(unwritten)?;
            }
        }
        Ok(Self { folder, _lock: lock })
    }

    /// Whether a pack can be written under a name or was: not over a file, nor into a folder of something else.
    ///
    /// # Errors
    /// When something else is there.
    pub fn holds_a_pack_or_nothing(&self, name: &str) -> Result<(), Failure> {
        let path = self.folder.join(name);
        // Of a link that leads nowhere too.
        let there = path.symlink_metadata().is_ok();
        let empty = || path.read_dir().is_ok_and(|mut entries| entries.next().is_none());
        if !there || path.is_dir() && (path.join(MANIFEST_FILE).is_file() || empty()) {
            return Ok(());
        }
        Err(Failure::new(Exit::Conflict, "report.place", format!("{} is there, and is no pack of reports", path.display())))
    }

    /// What is wrong with a pack that was written earlier, by its own list.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn faults(&self, name: &str) -> Result<Vec<String>, Failure> {
        let Some(written) = self.file(name, MANIFEST_FILE).and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok()) else {
            return Ok(vec![format!("{MANIFEST_FILE}: missing or damaged")]);
        };
        let mut there = self.contents(name)?;
        there.remove(MANIFEST_FILE);
        let mut faults = Vec::new();
        for (file, listed) in &written.files {
            match there.remove(file) {
                None => faults.push(format!("{file}: missing")),
                Some(bytes) if *listed != Listed::of(&bytes) => faults.push(format!("{file}: altered after it was written")),
                Some(_) => {}
            }
        }
        faults.extend(there.into_keys().map(|file| format!("{file}: not of this pack")));
        Ok(faults)
    }

    fn contents(&self, name: &str) -> Result<Files, Failure> {
        let mut there = Files::new();
        for path in listed(&self.folder.join(name)).map_err(unread)? {
            let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            there.insert(file, if path.is_file() { read(&path, LARGEST).map_err(unread)? } else { Vec::new() });
        }
        Ok(there)
    }

    /// What differs between a pack that is there and what it would be now, file by file; none when there is none.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn differences(&self, name: &str, manifest: &Manifest, files: &Files) -> Result<Option<Vec<String>>, Failure> {
        let mut there = self.contents(name)?;
        if there.is_empty() {
            return Ok(None);
        }
        let mut differences = Vec::new();
        let written = there.remove(MANIFEST_FILE).and_then(|bytes| serde_json::from_slice::<Manifest>(&bytes).ok());
        match &written {
            None => differences.push(format!("{MANIFEST_FILE}: missing or damaged")),
            Some(written) if written != manifest => differences.push(format!("{MANIFEST_FILE}: it is of other reports")),
            Some(_) => {}
        }
        for name in there.keys().chain(files.keys()).collect::<std::collections::BTreeSet<_>>() {
            let (found, made) = (there.get(name), files.get(name));
            let listed = written.as_ref().and_then(|written| written.files.get(name));
            let altered = found.is_some_and(|bytes| listed.is_some_and(|listed| *listed != Listed::of(bytes)));
            match (found, made) {
                (Some(found), Some(made)) if found == made => {}
                (None, _) => differences.push(format!("{name}: missing")),
                (Some(_), None) => differences.push(format!("{name}: not of this schedule")),
                _ if altered => differences.push(format!("{name}: altered after it was written")),
                _ => differences.push(format!("{name}: would be another one now")),
            }
        }
        Ok(Some(differences))
    }

    /// Writes a pack: all of it, or nothing.
    ///
    /// # Errors
    /// When it cannot be written; nothing of it is left then.
    pub fn put(&self, name: &str, manifest: &Manifest, files: &Files) -> Result<(), Failure> {
        let list = pretty(manifest)?;
        let mut contents: Vec<(&Path, &[u8])> = files.iter().map(|(name, bytes)| (Path::new(name), bytes.as_slice())).collect();
        contents.push((Path::new(MANIFEST_FILE), &list));
        put_folder(&self.folder.join(name), &contents).map_err(unwritten)
    }

    /// The packs of a month that were written for what came late, the oldest first.
    ///
    /// # Errors
    /// When the folder cannot be read.
    pub fn late(&self, month: Month) -> Result<Vec<String>, Failure> {
        let names = listed(self.folder).map_err(unread)?.into_iter();
        let names = names.map(|path| path.file_name().unwrap_or_default().to_string_lossy().into_owned());
        Ok(names.filter(|name| name.starts_with(&format!("{month}-late-"))).collect())
    }

    /// A file of a pack; none where it cannot be read.
    pub fn file(&self, pack: &str, name: &str) -> Option<Vec<u8>> {
        read(&self.folder.join(pack).join(name), LARGEST).ok()
    }
}

/// JSON for people and programs, with a line feed at its end.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn pretty<T: Serialize>(value: &T) -> Result<Vec<u8>, Failure> {
    let text = serde_json::to_string_pretty(value).map_err(|error| Failure::new(Exit::Failed, "internal", error.to_string()))?;
    Ok(format!("{text}\n").into_bytes())
}

/// `.2022-05.4711`, as a run calls a folder that is not whole yet.
fn is_left_over(name: &str) -> bool {
    let of_month = |name: &str| name.get(..7).is_some_and(|month| month.parse::<Month>().is_ok());
    let parts = name.strip_prefix('.').and_then(|name| name.rsplit_once('.'));
    parts.is_some_and(|(name, process)| of_month(name) && !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit()))
}

fn unwritten(fault: FileFault) -> Failure {
    Failure::new(Exit::Failed, "report.write", fault.to_string())
        .changed("no report was written by this run; what was there is untouched")
        .hint("make room, or see who owns the folder; then the same again")
}

fn unread(fault: FileFault) -> Failure {
    Failure::new(Exit::Failed, "report.read", fault.to_string()).changed("no report was written").hint("see who owns the folder")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_a_run_left_half_written_goes() {
        assert!(is_left_over(".2022-05.4711") && is_left_over(".2022-05-late-2022-06-11.1"));
        for name in [".lock", "2022-05", ".2022-05", ".2022-05.", ".2022-05.a", ".ssh.1", ".2022-13.1", "."] {
            assert!(!is_left_over(name), "{name}");
        }
    }
}
