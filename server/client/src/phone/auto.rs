//! The process that answers for virtual phones by itself: whom it answers for, and whether it runs.

use std::collections::BTreeSet;
use std::path::PathBuf;

use domain::{AccountId, Timestamp};
use rustix::process::{Pid, Signal, kill_process};
use serde::{Deserialize, Serialize};

use super::drawer::Drawer;
use crate::error::ClientError;
use crate::files::{self, Lock};

/// What the process is started with: `iamctl … sandbox phone watch`.
pub const RUN: [&str; 3] = ["sandbox", "phone", "watch"];
/// A note larger than this is not read.
const MAX_FILE: u64 = 1024 * 1024;

/// The note about it, beside the phones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Auto {
    /// The process.
    pub pid: i32,
    /// For whom it answers; for every phone in the drawer when absent.
    pub citizens: Option<BTreeSet<AccountId>>,
    /// Since when.
    pub since: Timestamp,
}

impl Auto {
    /// The note, whether its process runs or not.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn noted(drawer: &Drawer) -> Result<Option<Self>, ClientError> {
        let path = Self::path(drawer);
        if !path.exists() {
            return Ok(None);
        }
        // What nobody can read was written by nobody of ours: as good as none.
        Ok(serde_json::from_slice(&files::read(&path, MAX_FILE)?).ok())
    }

    /// The note of a process that runs.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn running(drawer: &Drawer) -> Result<Option<Self>, ClientError> {
        Ok(Self::noted(drawer)?.filter(Self::runs))
    }

    /// Puts the note beside the phones.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn note(&self, drawer: &Drawer) -> Result<(), ClientError> {
        files::private_folder(drawer.folder())?;
        let text = serde_json::to_vec(self).unwrap_or_default();
        Ok(files::write_private(&Self::path(drawer), &text)?)
    }

    /// Takes the note away.
    ///
    /// # Errors
    /// When it cannot be removed.
    pub fn forget(drawer: &Drawer) -> Result<(), ClientError> {
        let path = Self::path(drawer);
        if path.exists() {
            files::remove(&path)?;
        }
        Ok(())
    }

    /// Where it says what it does.
    #[must_use]
    pub fn log(drawer: &Drawer) -> PathBuf {
        drawer.folder().join("auto.log")
    }

    /// Whether it answers for this citizen.
    #[must_use]
    pub fn answers_for(&self, account: AccountId) -> bool {
        self.citizens.as_ref().is_none_or(|citizens| citizens.contains(&account))
    }

    /// Whether the process is there and is what it was started as: a number is given to another in time.
    #[must_use]
    pub fn runs(&self) -> bool {
        let line = files::read_special(&PathBuf::from(format!("/proc/{}/cmdline", self.pid))).unwrap_or_default();
        let words: Vec<&[u8]> = line.split(|byte| *byte == 0).filter(|word| !word.is_empty()).collect();
        let run = RUN.map(str::as_bytes);
        words.ends_with(&run)
    }

    /// Asks the process to end.
    pub fn stop(&self) {
        if let Some(pid) = Pid::from_raw(self.pid).filter(|_| self.runs()) {
            // It may have ended by itself meanwhile.
            let _ = kill_process(pid, Signal::TERM);
        }
    }

    /// Held by whoever looks whether the process runs and starts or ends it; none while another does.
    ///
    /// # Errors
    /// When the folder or the lock's file cannot be made.
    pub fn hold(drawer: &Drawer) -> Result<Option<Lock>, ClientError> {
        files::private_folder(drawer.folder())?;
        Ok(Lock::alone(&drawer.folder().join("auto.lock"))?)
    }

    /// Held by such a process as long as it lives, by several if need be: one that was started by somebody who died before the note
    /// was written ends by itself.
    ///
    /// # Errors
    /// As [`Auto::hold`].
    pub fn alive(drawer: &Drawer) -> Result<Lock, ClientError> {
        files::private_folder(drawer.folder())?;
        Ok(Lock::shared(&drawer.folder().join("auto.alive"))?)
    }

    /// Whether no such process is left, noted or not.
    ///
    /// # Errors
    /// When the lock's file cannot be made.
    pub fn none_alive(drawer: &Drawer) -> Result<bool, ClientError> {
        Ok(!drawer.folder().exists() || Lock::alone(&drawer.folder().join("auto.alive"))?.is_some())
    }

    fn path(drawer: &Drawer) -> PathBuf {
        drawer.folder().join("auto.json")
    }
}
