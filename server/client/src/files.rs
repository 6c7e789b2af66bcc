//! Files that only their owner may read, written whole or not at all.

use std::fs::{self, DirBuilder, File, OpenOptions, TryLockError};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// A file that could not be read or written.
#[derive(Debug, thiserror::Error)]
#[error("cannot {verb} {path}: {cause}", path = path.display())]
pub struct FileFault {
    /// `read`, `write`, `create` …
    pub verb: &'static str,
    /// Which file.
    pub path: PathBuf,
    /// What the system says.
    pub cause: io::Error,
}

impl FileFault {
    fn new(verb: &'static str, path: &Path, cause: io::Error) -> Self {
        Self { verb, path: path.to_owned(), cause }
    }
}

/// The whole of a small file.
///
/// # Errors
/// When it cannot be read, is larger than `limit` bytes, or is no file but a device or a pipe, which may never end.
pub fn read(path: &Path, limit: u64) -> Result<Vec<u8>, FileFault> {
    let fault = |cause| FileFault::new("read", path, cause);
    let too_large = |size: &str| {
        let kind = io::ErrorKind::FileTooLarge;
        fault(io::Error::new(kind, format!("it has {size} bytes, more than {limit} are not read")))
    };
    // Looked at before it is opened: opening a pipe waits for whoever writes to it.
    let metadata = fs::metadata(path).map_err(fault)?;
    if !metadata.is_file() {
        return Err(fault(io::Error::new(io::ErrorKind::InvalidInput, "it is no regular file")));
    }
    if metadata.len() > limit {
        return Err(too_large(&metadata.len().to_string()));
    }
    let mut bytes = Vec::new();
    File::open(path).and_then(|file| file.take(limit + 1).read_to_end(&mut bytes)).map_err(fault)?;
    if bytes.len() as u64 > limit { Err(too_large(&format!("over {limit}"))) } else { Ok(bytes) }
}

/// What the kernel tells in a file of `/proc`, at most 64 KiB of it; such files say that they are empty.
///
/// # Errors
/// When it cannot be read: what it tells of is not there any more.
pub fn read_special(path: &Path) -> Result<Vec<u8>, FileFault> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(64 * 1024).read_to_end(&mut bytes));
    read.map_err(|cause| FileFault::new("read", path, cause))?;
    Ok(bytes)
}

/// Makes a folder with mode 0700, and those above it.
///
/// # Errors
/// When the system refuses.
pub fn private_folder(path: &Path) -> Result<(), FileFault> {
    DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|cause| FileFault::new("create", path, cause))
}

/// Writes a file with mode 0600 under a passing name, makes it durable and puts it in place: readers see the old file or
/// the new one, never half of one.
///
/// # Errors
/// When the system refuses; the old file is untouched then.
pub fn write_private(path: &Path, bytes: &[u8]) -> Result<(), FileFault> {
    Prepared::at(path)?.put(bytes)
}

/// A file with mode 0600 that can be written: it is there under a passing name, and gone again unless it is put in place.
#[derive(Debug)]
pub struct Prepared {
    path: PathBuf,
    passing: PathBuf,
    file: File,
}

impl Prepared {
    /// Makes sure that the file can be written.
    ///
    /// # Errors
    /// When the system refuses, or a folder is there.
    pub fn at(path: &Path) -> Result<Self, FileFault> {
        let fault = |cause| FileFault::new("write", path, cause);
        if path.is_dir() {
            return Err(fault(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        let name =
            path.file_name().ok_or_else(|| fault(io::Error::from(io::ErrorKind::InvalidInput)))?.to_string_lossy().into_owned();
        let passing = folder_of(path).join(format!(".{name}.{}", std::process::id()));
        let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&passing).map_err(fault)?;
        Ok(Self { path: path.to_owned(), passing, file })
    }

    /// Where it goes.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Writes it, durable, and puts it in place.
    ///
    /// # Errors
    /// When the system refuses; what was there is untouched then.
    pub fn put(mut self, bytes: &[u8]) -> Result<(), FileFault> {
        let written = (|| {
            self.file.write_all(bytes)?;
            self.file.sync_all()?;
            fs::rename(&self.passing, &self.path)?;
            File::open(folder_of(&self.path))?.sync_all()
        })();
        written.map_err(|cause| FileFault::new("write", &self.path, cause))
    }
}

impl Drop for Prepared {
    fn drop(&mut self) {
        // Best effort: once it is in place nothing is left under the passing name.
        let _ = fs::remove_file(&self.passing);
    }
}

/// A lock beside files, which ends with the value or its process; the file stays.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

impl Lock {
    /// For one holder alone; none while anybody holds it.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn alone(path: &Path) -> Result<Option<Self>, FileFault> {
        let file = Self::open(path)?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(cause)) => Err(FileFault::new("lock", path, cause)),
        }
    }

    /// Together with others who share it; waits while somebody holds it alone.
    ///
    /// # Errors
    /// When the system refuses.
    pub fn shared(path: &Path) -> Result<Self, FileFault> {
        let file = Self::open(path)?;
        file.lock_shared().map_err(|cause| FileFault::new("lock", path, cause))?;
        Ok(Self { _file: file })
    }

    fn open(path: &Path) -> Result<File, FileFault> {
        let opened = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(path);
        opened.map_err(|cause| FileFault::new("lock", path, cause))
    }
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

/// Puts a folder of private files in place as a whole: written beside it, then swapped with what is there, which goes.
///
/// # Errors
/// When the system refuses; what was there is untouched then.
pub fn put_folder(folder: &Path, contents: &[(&Path, &[u8])]) -> Result<(), FileFault> {
    let fault = |cause| FileFault::new("write", folder, cause);
    let name = folder.file_name().ok_or_else(|| fault(io::Error::from(io::ErrorKind::InvalidInput)))?;
    let passing = folder.with_file_name(format!(".{}.{}", name.to_string_lossy(), std::process::id()));
    DirBuilder::new().mode(0o700).create(&passing).map_err(|cause| FileFault::new("create", &passing, cause))?;
    let put = (|| {
        contents.iter().try_for_each(|(name, bytes)| write_private(&passing.join(name), bytes))?;
        swap(&passing, folder).map_err(fault)
    })();
    // What gave way, or what did not come about. Best effort: it is hidden, and named after this process.
    let _ = fs::remove_dir_all(&passing);
    put
}

fn swap(passing: &Path, folder: &Path) -> io::Result<()> {
    use rustix::fs::{CWD, RenameFlags, renameat_with};
    if folder.exists() {
        renameat_with(CWD, passing, CWD, folder, RenameFlags::EXCHANGE)?;
    } else {
        fs::rename(passing, folder)?;
    }
    File::open(folder.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// The files of a folder, in order; none where there is no such folder.
///
/// # Errors
/// When it cannot be read.
pub fn listed(folder: &Path) -> Result<Vec<PathBuf>, FileFault> {
    let fault = |cause| FileFault::new("read", folder, cause);
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(cause) if cause.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(cause) => return Err(fault(cause)),
    };
    let mut paths = entries.map(|entry| entry.map(|entry| entry.path())).collect::<Result<Vec<_>, _>>().map_err(fault)?;
    paths.sort();
    Ok(paths)
}

/// Takes a file away.
///
/// # Errors
/// When the system refuses.
pub fn remove(path: &Path) -> Result<(), FileFault> {
    fs::remove_file(path).map_err(|cause| FileFault::new("remove", path, cause))
}

/// Takes a folder away, with all that is in it.
///
/// # Errors
/// When the system refuses.
pub fn remove_folder(path: &Path) -> Result<(), FileFault> {
    fs::remove_dir_all(path).map_err(|cause| FileFault::new("remove", path, cause))
}

/// The permission bits of a file.
///
/// # Errors
/// When it cannot be looked at.
pub fn mode(path: &Path) -> Result<u32, FileFault> {
    Ok(fs::metadata(path).map_err(|cause| FileFault::new("read", path, cause))?.permissions().mode() & 0o7777)
}

/// Whether nobody but the owner (and root) can read or change a file: the mode, when it is too loose.
///
/// # Errors
/// When it cannot be looked at.
pub fn loose_mode(path: &Path) -> Result<Option<u32>, FileFault> {
    let metadata = fs::metadata(path).map_err(|cause| FileFault::new("read", path, cause))?;
    let mode = metadata.mode() & 0o7777;
    Ok((mode & 0o077 != 0).then_some(mode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_prepared_and_not_written_leaves_nothing_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("out.crt");
        drop(Prepared::at(&path).unwrap());
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
        Prepared::at(&path).unwrap().put(b"one").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"one");
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 1);
        assert!(Prepared::at(folder.path()).is_err());
        assert!(Prepared::at(&folder.path().join("none/out.crt")).is_err());
    }

    #[test]
    fn a_private_file_is_whole_and_private() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        private_folder(&inner).unwrap();
        assert_eq!(mode(&inner).unwrap(), 0o700);
        let path = inner.join("key");
        write_private(&path, b"one").unwrap();
        write_private(&path, b"two").unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"two");
        assert_eq!(mode(&path).unwrap(), 0o600);
        assert_eq!(loose_mode(&path).unwrap(), None);
        assert_eq!(fs::read_dir(&inner).unwrap().count(), 1, "nothing passing is left behind");
    }

    #[test]
    fn a_loose_mode_is_seen() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        write_private(&path, b"x").unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).unwrap();
        assert_eq!(loose_mode(&path).unwrap(), Some(0o640));
    }

    #[test]
    fn a_large_file_is_refused_before_it_is_read() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("big");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let fault = read(&path, 1 << 20).unwrap_err();
        assert!(fault.to_string().contains("1073741824 bytes"), "{fault}");
    }

    #[test]
    fn what_is_no_file_or_has_more_than_it_says_is_not_read_without_end() {
        let folder = tempfile::tempdir().unwrap();
        for path in [Path::new("/dev/zero"), folder.path()] {
            let fault = read(path, 1 << 10).unwrap_err();
            assert!(fault.to_string().contains("no regular file"), "{fault}");
        }
        // Files of the kernel say that they are empty.
        let fault = read(Path::new("/proc/self/maps"), 64).unwrap_err();
        assert!(fault.to_string().contains("more than 64 are not read"), "{fault}");
    }
}
