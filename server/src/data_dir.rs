//! The node's data folder: what lies where, with which mode, and who has it open.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use pki::KeyRing;

use crate::http::tls::require_private;

/// The key-encryption key, during its rotation the old and the new one; the only secrets of the instance outside its database.
pub const KEY_FILE: &str = "key-encryption.key";
/// The root authority's key. The server needs it for nothing it does by itself: keep it elsewhere, and give it to `iamd ca`.
pub const ROOT_KEY_FILE: &str = "root-ca.key";
/// The first operator's context, certificate and key.
pub const FIRST_OPERATOR: &str = "first-operator";

/// A file of the node beside its database, and who may read it.
pub struct Belonging {
    /// Its name in the data folder.
    pub name: &'static str,
    /// Who may read it.
    pub access: Access,
}

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// Its owner.
    Private,
    /// Everybody.
    Readable,
}

/// What a node cannot be without, or its operators; in the order in which a backup holds it.
pub const BELONGINGS: &[Belonging] = &[
    Belonging { name: KEY_FILE, access: Access::Private },
    Belonging { name: ROOT_KEY_FILE, access: Access::Private },
    Belonging { name: "first-operator/ca.crt", access: Access::Readable },
    Belonging { name: "first-operator/operator.crt", access: Access::Readable },
    Belonging { name: "first-operator/operator.key", access: Access::Private },
    Belonging { name: "first-operator/context.yaml", access: Access::Private },
    Belonging { name: crate::settings::FILE, access: Access::Private },
];

/// What one process at a time does in a data folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Serve it, or change what is served.
    Serve,
    /// Back it up.
    Backup,
}

/// Makes a folder that only its owner enters; one that is there already is kept.
///
/// # Errors
/// When it cannot be made.
pub fn private_folder(path: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path)
        .with_context(|| format!("cannot make the folder {}", path.display()))
}

/// Refuses a folder in which others may make, rename and remove files: they could put a key or a database of their own in place
/// of the instance's, whatever the modes of the files say. A folder that is not there yet is nobody's.
///
/// # Errors
/// With the mend.
pub fn require_own_folder(path: &Path) -> anyhow::Result<()> {
    let mode = match fs::metadata(path) {
        Ok(metadata) => metadata.permissions().mode() & 0o7777,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
    };
    let shown = path.display();
    anyhow::ensure!(
        mode & 0o022 == 0,
        "{shown} has mode {mode:04o}, so others could replace the files in it; mend it with: chmod go-w {shown}"
    );
    Ok(())
}

/// Writes a file that only its owner reads, whole or not at all; refuses to replace one.
///
/// # Errors
/// When it is there already or cannot be written.
pub fn write_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_new(path, bytes, 0o600)
}

/// Writes a file that only its owner reads in place of the one that is there: as a whole, or the old one stays.
///
/// # Errors
/// When it cannot be written.
pub fn replace_private(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let mut new = path.as_os_str().to_owned();
    new.push(".new");
    let new = PathBuf::from(new);
    let written = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&new).and_then(|mut file| {
        file.write_all(bytes)?;
        file.sync_all()?;
        fs::rename(&new, path)
    });
    if let Err(error) = written {
        let _ = fs::remove_file(&new);
        return Err(error).with_context(|| format!("cannot write {}", path.display()));
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Writes a file that everybody may read; refuses to replace one.
///
/// # Errors
/// When it is there already or cannot be written.
pub fn write_readable(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    write_new(path, bytes, 0o644)
}

fn write_new(path: &Path, bytes: &[u8], mode: u32) -> anyhow::Result<()> {
    let made = OpenOptions::new().write(true).create_new(true).mode(mode).open(path);
    let mut file = match made {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            bail!("{} is there already, and nothing is written over it: give another name, or take it away", path.display())
        }
        made => made.with_context(|| format!("cannot make {}", path.display()))?,
    };
    if let Err(error) = file.write_all(bytes).and_then(|()| file.sync_all()) {
        let _ = fs::remove_file(path);
        return Err(error).with_context(|| format!("cannot write {}", path.display()));
    }
    path.parent().map_or(Ok(()), sync_folder)
}

/// Makes the names in a folder durable: a file whose name is lost with the power is lost as well.
///
/// # Errors
/// When the folder cannot be opened or the disk refuses.
pub fn sync_folder(path: &Path) -> anyhow::Result<()> {
    let path = if path.as_os_str().is_empty() { Path::new(".") } else { path };
    File::open(path).and_then(|folder| folder.sync_all()).with_context(|| format!("cannot write {}", path.display()))
}

/// Reads the key-encryption keys, which nobody but the owner may read.
///
/// # Errors
/// With the mend, when it is missing, readable by others or damaged.
pub fn read_key(path: &Path) -> anyhow::Result<KeyRing> {
    require_private(path)?;
    let text = zeroize::Zeroizing::new(fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display()))?);
    KeyRing::from_file_text(&text).with_context(|| format!("{} is damaged", path.display()))
}

/// Holds the folder for this process; freed when the process ends, however it ends.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Takes the folder for serving it.
///
/// # Errors
/// When another `iamd` serves it.
pub fn hold(dir: &Path) -> anyhow::Result<Held> {
    lock(dir, Lock::Serve)
}

/// Takes the folder.
///
/// # Errors
/// When another `iamd` does the same in it.
pub fn lock(dir: &Path, lock: Lock) -> anyhow::Result<Held> {
    let (name, does) = match lock {
        Lock::Serve => ("iamd.lock", "another iamd serves"),
        Lock::Backup => ("backup.lock", "another iamd backs up"),
    };
    let path: PathBuf = dir.join(name);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    rustix::fs::flock(&file, rustix::fs::FlockOperation::NonBlockingLockExclusive)
        .map_err(|_| anyhow::anyhow!("{does} {}; stop it first", dir.display()))?;
    Ok(Held { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_written_over_a_file_that_is_there() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("request.json");
        write_readable(&path, b"first").unwrap();
        let told = write_private(&path, b"second").unwrap_err().to_string();
        assert!(told.ends_with("is there already, and nothing is written over it: give another name, or take it away"), "{told}");
        assert_eq!(fs::read(&path).unwrap(), b"first");
    }
}
