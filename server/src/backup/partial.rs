//! A file that is not there until it is whole.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use rustix::fs::{CWD, FlockOperation, RenameFlags};

use crate::data_dir::sync_folder;

/// A file being written under another name beside its own. Dropped, it is gone.
pub struct Partial {
    to: PathBuf,
    path: PathBuf,
    /// Written by whoever began it.
    pub file: File,
    published: bool,
}

impl Partial {
    /// Begins. What a run that was killed has left under the same name is taken over.
    ///
    /// # Errors
    /// When the file is there already, its folder is not, or another run writes it at this moment.
    pub fn begin(to: &Path) -> anyhow::Result<Self> {
        refuse_existing(to)?;
        let folder = folder(to);
        ensure!(folder.is_dir(), "there is no folder {} to write to; make it first", folder.display());
        let name = to.file_name().with_context(|| format!("{} names no file", to.display()))?;
        let mut hidden = std::ffi::OsString::from(".");
        hidden.push(name);
        hidden.push(".partial");
        let path = folder.join(hidden);
        let file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600)
            .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
            .open(&path)
            .with_context(|| format!("cannot make {}", path.display()))?;
        let locked = rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive);
        // Another run may have given the file its name since it was opened here: then it is whole, and not to be emptied.
        let still = fs::symlink_metadata(&path).ok().map(|there| (there.dev(), there.ino()));
        let opened = file.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
        let ours = locked.is_ok() && still == Some((opened.dev(), opened.ino()));
        ensure!(ours, "another run writes {} at this moment", to.display());
        let partial = Self { to: to.to_owned(), path, file, published: false };
        partial.file.set_len(0).with_context(|| format!("cannot write {}", partial.path.display()))?;
        fs::set_permissions(&partial.path, PermissionsExt::from_mode(0o600))
            .with_context(|| format!("cannot write {}", partial.path.display()))?;
        Ok(partial)
    }

    /// Makes what was written durable, under the hidden name still.
    ///
    /// # Errors
    /// When the disk refuses.
    pub fn sync(&self) -> anyhow::Result<()> {
        self.file.sync_all().with_context(|| format!("cannot write {}", self.to.display()))
    }

    /// Gives it its name, durably. A file that came to be under that name meanwhile stays.
    ///
    /// # Errors
    /// When the name is taken, or the disk refuses; then nothing of it is left.
    pub fn publish(mut self) -> anyhow::Result<()> {
        match rustix::fs::renameat_with(CWD, &self.path, CWD, &self.to, RenameFlags::NOREPLACE) {
            Ok(()) => {}
            Err(rustix::io::Errno::INVAL | rustix::io::Errno::NOSYS) => {
                // A file system, of a network for one, that knows no renaming without replacing.
                refuse_existing(&self.to)?;
                fs::rename(&self.path, &self.to).with_context(|| format!("cannot make {}", self.to.display()))?;
            }
            Err(rustix::io::Errno::EXIST) => refuse_existing(&self.to)?,
            Err(error) => return Err(error).with_context(|| format!("cannot make {}", self.to.display())),
        }
        self.published = true;
        sync_folder(folder(&self.to))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.published {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn folder(to: &Path) -> &Path {
    match to.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn refuse_existing(to: &Path) -> anyhow::Result<()> {
    ensure!(fs::symlink_metadata(to).is_err(), "{} is there already; give another name, or remove it first", to.display());
    Ok(())
}
