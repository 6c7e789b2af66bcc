//! One checkpoint key follows another: the old one announces the new one to whoever trusts it, and the log itself says so.

use domain::Timestamp;
use pki::checkpoint::VerifierKey;
use pki::succession::{Parting, Succession};
use serde_json::json;

use crate::app::App;
use crate::store::{KeyRow, Read, StoreError, Write};

/// Lets the old key announce the new one, in the transaction that publishes it. Two signatures a rotation: nobody waits long.
///
/// # Errors
/// When a key does not open, or the token that holds it does not sign.
pub(crate) async fn announce(app: &App, tx: &mut Write, old: &KeyRow, new: &KeyRow, now: Timestamp) -> anyhow::Result<()> {
    let succession = succession(app, tx, Parting::Announced, old, new, now).await?;
    let note = succession.sign(Some(app.keys.checkpoint_signer(old)?), app.keys.checkpoint_signer(new)?)?;
    tx.insert_succession(&old.kid, &new.kid, &note).await?;
    let facts =
        json!({ "vkey": succession.new.to_string(), "follows": succession.old.to_string(), "tree_size": succession.size });
    Ok(tx.also("audit.key-announced", &new.kid, &facts).await?)
}

/// Lets the new key say that nothing counts any more which the old one signs from now on.
///
/// # Errors
/// As [`announce`].
pub(crate) async fn revoke(app: &App, tx: &mut Write, old: &KeyRow, new: &KeyRow, now: Timestamp) -> anyhow::Result<()> {
    let succession = succession(app, tx, Parting::Revoked, old, new, now).await?;
    let note = succession.sign(None, app.keys.checkpoint_signer(new)?)?;
    tx.insert_succession(&old.kid, &new.kid, &note).await?;
    let facts = json!({ "vkey": succession.old.to_string(), "by": succession.new.to_string(), "tree_size": succession.size });
    Ok(tx.also("audit.key-revoked", &old.kid, &facts).await?)
}

async fn succession(
    app: &App,
    read: &mut Read,
    parting: Parting,
    old: &KeyRow,
    new: &KeyRow,
    at: Timestamp,
) -> anyhow::Result<Succession> {
    let size = read.last_checkpoint().await?.map_or(0, |row| row.tree_size);
    Ok(Succession {
        parting,
        old: app.keys.checkpoint_verifier(old)?,
        new: app.keys.checkpoint_verifier(new)?,
        size: u64::try_from(size)?,
        at,
    })
}

/// The key with which a verification begins: the first from which announcements lead to the one that signs now. A key that was
/// revoked leads nowhere. With it all notes, oldest first.
///
/// # Errors
/// When the database cannot be reached.
pub async fn first_key(read: &mut Read, active: VerifierKey) -> Result<(VerifierKey, Vec<String>), StoreError> {
    let notes = read.successions().await?;
    let known: Vec<Succession> = notes.iter().filter_map(|note| Succession::open(note).ok()).collect();
    let revoked = |key: &VerifierKey| known.iter().any(|note| note.parting == Parting::Revoked && note.old == *key);
    let mut first = active;
    for note in known.iter().rev().filter(|note| note.parting == Parting::Announced) {
        if note.new == first && !revoked(&note.old) {
            first = note.old.clone();
        }
    }
    Ok((first, notes))
}
