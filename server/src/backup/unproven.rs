//! Restored, and not proven yet: such an instance is not served.
//!
//! Two marks say so: a file in the data folder, and the newest entry of its kind in the audit log, which every node of an
//! instance on PostgreSQL sees.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::data_dir;

/// Its name in the data folder.
pub const FILE: &str = "restored.json";
/// The audit entry of a restore.
pub const RESTORED: &str = "instance.restore";
/// The audit entry of a proof.
pub const PROVEN: &str = "instance.prove";
/// The audit entry of a loss that somebody answers for.
pub const LOSS_ACCEPTED: &str = "instance.loss-accepted";

/// Out of which backup the folder was restored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Restored {
    /// The instance's id.
    pub instance: String,
    /// SHA-256 over the backup, lower-case hex.
    pub backup: String,
    /// When the backup was made.
    pub made_at: Timestamp,
    /// When it was restored.
    pub restored_at: Timestamp,
}

impl Restored {
    /// The mark in a folder; none in one that was not restored, or that was proven since.
    ///
    /// # Errors
    /// With the file's name, when it cannot be read or is damaged.
    pub fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = path(dir);
        match std::fs::read(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error).with_context(|| format!("cannot read {}", path.display())),
            Ok(bytes) => Ok(Some(serde_json::from_slice(&bytes).with_context(|| format!("{} is damaged", path.display()))?)),
        }
    }

    /// Marks a folder.
    ///
    /// # Errors
    /// When it is marked already, or the disk refuses.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        data_dir::write_private(&path(dir), &text)
    }
}

/// Takes the mark off a folder; one that has none is left as it is.
///
/// # Errors
/// When the disk refuses.
pub fn take_off(dir: &Path) -> anyhow::Result<()> {
    let path = path(dir);
    match std::fs::remove_file(&path) {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error).with_context(|| format!("cannot remove {}", path.display())),
        Ok(()) => data_dir::sync_folder(dir),
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// Refuses an instance that was restored and not proven.
///
/// # Errors
/// One line with the mend.
pub async fn require_proven(app: &App) -> anyhow::Result<()> {
    let dir = app.data_dir.display();
    let how = format!(
        "show that it is not behind what the world has seen: iamd restore --data-dir {dir} --prove --checkpoint FILE --crl FILE"
    );
    if let Some(restored) = Restored::read(&app.data_dir)? {
        anyhow::bail!(
            "{dir} was restored from a backup of {} and is not served before it is proven; {how}",
            restored.made_at.people()
        );
    }
    let newest = app.store.read().await?.newest_of([RESTORED, PROVEN, LOSS_ACCEPTED]).await?;
    ensure!(
        newest.is_none_or(|action| action != RESTORED),
        "the instance was restored from a backup, and is not served by any node before it is proven; {how}"
    );
    Ok(())
}
