//! The checkpoint key: the old one announces the new one, and both sign until the old one has drained.

use domain::{KeyState, RotationPlan, Timestamp};

use crate::app::App;
use crate::audit::{succession, whole};
use crate::failure::Failure;
use crate::store::{KeyRow, Write};

/// Lets the active key announce the one that was published. In an emergency it does not: whoever else has it could as well.
pub(in crate::key) async fn published(
    app: &App,
    tx: &mut Write,
    plan: &RotationPlan,
    new: &[KeyRow],
    now: Timestamp,
) -> Result<(), Failure> {
    if plan.emergency.is_some() {
        return Ok(());
    }
    let keys = whole::checkpoint_keys(tx).await?;
    if let (Some(old), [new]) = (keys.signing().find(|row| row.state == KeyState::Active.as_str()), new) {
        succession::announce(app, tx, old, new, now).await?;
    }
    Ok(())
}

/// Lets the new key revoke those that were withdrawn when it took over.
pub(in crate::key) async fn taken_over(
    app: &App,
    tx: &mut Write,
    new: &[KeyRow],
    old: &[KeyRow],
    now: Timestamp,
) -> Result<(), Failure> {
    for old in old.iter().filter(|row| row.state == KeyState::Revoked.as_str()) {
        if let [new] = new {
            succession::revoke(app, tx, old, new, now).await?;
        }
        tx.forget_private_part(&old.kid).await?;
    }
    Ok(())
}
