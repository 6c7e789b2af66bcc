//! The audit log of a world, taken out and verified as an auditor does.

use api::{Operation, Problem};
use client::audit_log::{Calls, Part, Reading};
use pki::audit_log::{CheckpointFile, Verdict, verify};
use pki::checkpoint::VerifierKey;
use pki::succession::Trust;
use serde_json::Value;
use server::keys::CHECKPOINTS;

use super::World;
use super::desk::Desk;

/// An audit log, taken out.
#[derive(Debug, Clone)]
pub struct Export {
    /// Leaves in tree order.
    pub entries: Vec<Vec<u8>>,
    /// Signed checkpoints.
    pub checkpoints: Vec<CheckpointFile>,
    /// What they are verified with.
    pub vkey: VerifierKey,
    /// How one verifier key followed another.
    pub announcements: Vec<String>,
}

impl Export {
    /// Verifies it by itself, or against a checkpoint kept from before.
    ///
    /// # Panics
    /// Never: the entries are in memory.
    #[must_use]
    pub fn verdict(&self, kept: Option<&str>) -> Verdict {
        let entries = self.entries.iter().map(Ok::<_, std::convert::Infallible>);
        verify(entries, self.checkpoints.clone(), kept, &self.trust(&self.vkey)).unwrap()
    }

    /// Whom an auditor trusts who has this key and the export's announcements.
    #[must_use]
    pub fn trust(&self, vkey: &VerifierKey) -> Trust {
        let mut trust = Trust::new(vkey.clone());
        trust.follow(&self.announcements);
        trust
    }
}

impl Calls for Desk<'_> {
    type Error = Problem;

    async fn call<O: Operation>(&self, op: &O) -> Result<O::Reply, Problem> {
        Desk::call(self, op).await
    }
}

impl World {
    /// Seals everything that waits.
    ///
    /// # Panics
    /// When the log does not fit its last checkpoint.
    pub async fn seal(&self) -> usize {
        let mut sealed = 0;
        while self.number("SELECT COUNT(*) FROM audit_entry WHERE leaf_index IS NULL AND quarantined_at IS NULL").await > 0 {
            sealed += server::audit::seal::seal(&self.app).await.unwrap();
        }
        sealed
    }

    /// Takes the log out as `iamctl audit export` does.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn export(&self) -> Export {
        let desk = self.first();
        let mut reading = Reading::begin(&desk).await.unwrap();
        let (mut entries, mut checkpoints, mut announcements) = (Vec::new(), Vec::new(), Vec::new());
        while let Some(part) = reading.next().await.unwrap() {
            match part {
                Part::Announcements(all) => announcements = all,
                Part::Leaves(leaves) => entries.extend(leaves.into_iter().map(String::into_bytes)),
                Part::Checkpoints(newer) => {
                    checkpoints
                        .extend(newer.into_iter().map(|view| CheckpointFile { tree_size: view.tree_size, note: view.note }));
                }
            }
        }
        Export { entries, checkpoints, vkey: reading.vkey().parse().unwrap(), announcements }
    }

    /// Takes the sealed log out of the store, as no operator's roles or certificates stand in the way of.
    ///
    /// # Panics
    /// When the database does not answer.
    pub(super) async fn stored_log(&self) -> Export {
        let mut read = self.app.store.read().await.unwrap();
        let entries = read.sealed_leaves(0, i64::MAX).await.unwrap().into_iter().map(|row| row.leaf).collect();
        let checkpoints = read.checkpoints(0, i64::MAX).await.unwrap();
        let checkpoints = checkpoints
            .into_iter()
            .map(|row| CheckpointFile { tree_size: u64::try_from(row.tree_size).unwrap(), note: row.note })
            .collect();
        let key = read.active_key(domain::KeyPurpose::Audit, CHECKPOINTS).await.unwrap().unwrap();
        let active = self.app.keys.checkpoint_verifier(&key).unwrap();
        let (vkey, announcements) = server::audit::succession::first_key(&mut read, active).await.unwrap();
        Export { entries, checkpoints, vkey, announcements }
    }

    /// Every entry's leaf, oldest first, sealed or not. Entries of one microsecond have no order among themselves: a test that
    /// looks at the order lets the clock tick in between.
    ///
    /// # Panics
    /// When the database does not answer or a leaf is no JSON.
    pub async fn leaves(&self) -> Vec<Value> {
        let rows = self.blobs("SELECT leaf FROM audit_entry ORDER BY id").await;
        rows.iter().map(|leaf| serde_json::from_slice(leaf).unwrap()).collect()
    }

    /// The entries of one action, as `(operator, subject, outcome)`, oldest first.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn audited(&self, action: &str) -> Vec<(String, String, String)> {
        let text = |leaf: &Value, path: &str| leaf.pointer(path).and_then(Value::as_str).unwrap_or_default().to_owned();
        self.leaves()
            .await
            .iter()
            .filter(|leaf| leaf["action"] == action)
            .map(|leaf| (text(leaf, "/actor/id"), text(leaf, "/subject"), text(leaf, "/outcome")))
            .collect()
    }
}
