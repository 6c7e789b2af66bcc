//! Whether the log in the database is the one that this instance has sealed so far. Whoever has the database can take entries
//! and checkpoints away, or put others in their place; the sealer would then sign a log that never was. It looks here first, and
//! so does a node that starts.

use domain::{KeyPurpose, KeyState};
use pki::checkpoint::{self, Checkpoint, SignedNote};
use pki::merkle::CompactRange;
use serde::Deserialize;

use crate::app::App;
use crate::keys::CHECKPOINTS;
use crate::store::{CheckpointRow, KeyRow, Read, StoreError, WaitingRow};

/// Why a log without its first entry is not begun anew.
pub(crate) const NO_BEGINNING: &str = "the audit log has no checkpoint, and the entry of this instance's own 'iamd init' does not wait to be the first: it was taken away";

/// The action of the first entry.
const INIT: &str = "instance.init";

/// What is looked at in the first entry.
#[derive(Deserialize)]
struct First {
    instance: String,
    action: String,
    subject: String,
}

/// The generations of the checkpoint key.
pub(crate) struct CheckpointKeys(Vec<KeyRow>);

impl CheckpointKeys {
    /// Those whose signatures are believed: every generation but a revoked one.
    pub(crate) fn trusted(&self) -> impl Iterator<Item = &KeyRow> {
        self.0.iter().filter(|row| row.state != KeyState::Revoked.as_str())
    }

    /// Those that sign at present: the active one, and one that drains, so that whoever knows only the old one has time to
    /// learn the new.
    pub(crate) fn signing(&self) -> impl Iterator<Item = &KeyRow> {
        let in_state = |state: KeyState| self.0.iter().filter(move |row| row.state == state.as_str());
        in_state(KeyState::Active).chain(in_state(KeyState::Draining))
    }
}

/// The generations of the checkpoint key, whatever became of them.
pub(crate) async fn checkpoint_keys(read: &mut Read) -> Result<CheckpointKeys, StoreError> {
    let rows = read.keys(Some(KeyPurpose::Audit), None).await?;
    Ok(CheckpointKeys(rows.into_iter().filter(|row| row.name == CHECKPOINTS).collect()))
}

/// What is wrong with the log, as far as its end and its beginning tell; none when nothing is. A fragment.
pub(crate) async fn amiss(app: &App, read: &mut Read, keys: &CheckpointKeys) -> anyhow::Result<Option<String>> {
    match crate::anchor::missed(app, read).await {
        Ok(None) => {}
        Ok(Some(missing)) => return Ok(Some(format!("the audit log is not the one that this node has seen: {missing}"))),
        Err(error) if error.is::<StoreError>() => return Err(error),
        // The node's own file: what it has seen cannot be told.
        Err(error) => return Ok(Some(format!("{error:#}"))),
    }
    match read.last_checkpoint().await? {
        Some(row) => Ok(fault_of(app, keys, &row)?),
        None if read.log_counts().await?.begun => Ok(Some("the audit log has entries and no checkpoint over them".to_owned())),
        None => Ok(beginning(app, read).await?.is_none().then(|| NO_BEGINNING.to_owned())),
    }
}

/// The waiting entry of this instance's own `iamd init`, which the server has written; none when there is none.
pub(crate) async fn beginning(app: &App, read: &mut Read) -> anyhow::Result<Option<WaitingRow>> {
    let unlocked = app.keys.now();
    for row in read.waiting_entries_of(INIT).await? {
        let ours = serde_json::from_slice(&row.leaf)
            .is_ok_and(|first: First| first.action == INIT && first.instance == app.instance && first.subject == app.instance);
        if ours && unlocked.ledger().vouches(&row.id, &row.leaf, row.mac.as_deref().unwrap_or_default())? {
            return Ok(Some(row));
        }
    }
    Ok(None)
}

/// What is wrong with the last checkpoint's row: that from which the sealer goes on.
fn fault_of(app: &App, keys: &CheckpointKeys, row: &CheckpointRow) -> anyhow::Result<Option<String>> {
    let size = row.tree_size;
    let fits = CompactRange::from_bytes(&row.frontier)
        .is_ok_and(|range| i64::try_from(range.size()) == Ok(size) && range.root()[..] == row.root[..]);
    if !fits {
        return Ok(Some(format!("the last checkpoint, over {size} entries, does not fit its own frontier")));
    }
    let stated = SignedNote::parse(&row.note).and_then(|note| Checkpoint::parse_body(&note.text));
    let same = stated.is_ok_and(|stated| i64::try_from(stated.size) == Ok(size) && stated.root[..] == row.root[..]);
    if !same {
        return Ok(Some(format!("the last checkpoint, over {size} entries, does not say what is stored beside it")));
    }
    for key in &keys.0 {
        if checkpoint::open(&row.note, &app.keys.checkpoint_verifier(key)?).is_ok() {
            return Ok(None);
        }
    }
    Ok(Some(format!("the last checkpoint, over {size} entries, is signed by no checkpoint key of this instance")))
}

/// Refuses a log that is not this instance's own.
///
/// # Errors
/// One line with the mend.
pub async fn require_whole(app: &App) -> anyhow::Result<()> {
    let mut read = app.store.read().await?;
    let keys = checkpoint_keys(&mut read).await?;
    if let Some(amiss) = amiss(app, &mut read, &keys).await? {
        anyhow::bail!("{amiss}. Put the newest database back");
    }
    Ok(())
}
