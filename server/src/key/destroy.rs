//! Key pairs in the token whose generations are over are destroyed there, as a wrapped private part is in the database: whoever
//! gets at the token later signs nothing with them.
//!
//! First the pair, then the entry: the log never says that a key is gone which is not. A node that dies in between finds the pair
//! gone the next time, and says so then.

use serde_json::json;

use crate::app::App;
use crate::store::Housekeeping;

/// Destroys what is over; gives how many pairs. Does nothing while the token is away.
///
/// # Errors
/// When the database or the token cannot be reached: what was done stays done.
pub async fn destroy_over(app: &App) -> anyhow::Result<usize> {
    let Some(hsm) = app.keys.hsm().filter(|hsm| hsm.standing().is_ok()) else { return Ok(0) };
    let rows = app.store.read().await?.keys_in_token().await?;
    let mut destroyed = 0;
    for row in rows {
        let state = row.generation()?.state;
        let Some(object) = row.token_object.clone().filter(|_| state.is_over()) else { continue };
        // No transaction is held while the token works.
        let found = hsm.destroy(object.clone()).await?;
        let mut tx = app.store.write().await?;
        if !tx.forget_pair(&row.kid, &object).await? {
            // Another node was faster.
            tx.rollback().await?;
            continue;
        }
        let facts = json!({ "token_object": object, "state": state, "found": found });
        tx.commit_housekeeping(Housekeeping::Step { action: "key.destroy", subject: row.kid, facts }).await?;
        app.wake.sealer.notify_one();
        destroyed += 1;
    }
    Ok(destroyed)
}
