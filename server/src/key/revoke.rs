use api::key::{KeyRevocation, RevokeKey};
use domain::{KeyGeneration, KeyPurpose, KeyState, Kid, Refusal, Timestamp};
use serde_json::json;

use super::begin::{open_plans, somebody_was_faster};
use super::ledger::{counted, ledger};
use super::take_over::generations;
use super::telling::{Withdrawn, tell_parties};
use super::view::view;
use super::work;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::FreshKeys;
use crate::store::{KeyRow, Write};

/// Withdraws a key at once. In place of an active one the waiting generation takes over, or a fresh one. Relying parties are told as
/// in an emergency, whatever the key did: each of them may have a copy of it.
pub async fn revoke(app: &App, caller: &Caller, op: RevokeKey) -> Result<KeyRevocation, Failure> {
    op.reason.check_for_key().map_err(|refusal| Failure::invalid_field(refusal.code, "reason", refusal.message))?;
    let now = app.clock.now();
    let known = app.store.read().await?.key(&op.kid).await?.ok_or_else(|| Failure::not_found("key", &op.kid))?;
    if known.purpose != KeyPurpose::TokenSigning.to_string() {
        let of = known.generation()?;
        let message = format!("only token-signing keys are revoked by this verb, and {} is of {}", of.kid, of.purpose);
        let refusal = Refusal::new("key.revoked-otherwise", message);
        return Err(refusal.hint(work::withdrawn_by(of.purpose, &of.name)).into());
    }
    // Made before the transaction begins, as in a rotation, for one that signs or is about to; thrown away when a waiting
    // generation takes over. That none could be made matters only where none waits.
    let known = known.generation()?;
    let made = match known.state {
        KeyState::Published | KeyState::Active => {
            let line = work::line(known.purpose, Some(&known.name), Some(known.algorithm))?;
            work::make(app, &line, caller.keep, now).await
        }
        KeyState::Draining | KeyState::Retired | KeyState::Revoked => Ok(FreshKeys::none()),
    };
    let (mut spare, unmade) = match made {
        Ok(spare) => (spare, None),
        Err(failure) => (FreshKeys::none(), Some(failure)),
    };
    let mut tx = app.store.write().await?;
    tx.hold_generations().await?;
    let rows = tx.keys(Some(KeyPurpose::TokenSigning), None).await?;
    let row = rows.iter().find(|row| row.kid == op.kid.as_str()).ok_or_else(|| Failure::not_found("key", &op.kid))?;
    let was = row.generation()?;
    let revoked = row.with(&was.revoke(op.reason, now)?);
    tx.put_key(&revoked).await?;
    let replaced_by = match was.state {
        KeyState::Active => Some(replace(&mut tx, &rows, &was, (spare.first(), unmade), now).await.map_err(somebody_was_faster)?),
        _ => None,
    };
    let settled = settle(&mut tx, known.purpose, now).await.map_err(somebody_was_faster)?;
    spare.retain(|row| replaced_by.as_ref().is_some_and(|replacing| replacing.kid == row.kid));
    let replacing: Option<Kid> = replaced_by.as_ref().map(KeyRow::generation).transpose()?.map(|generation| generation.kid);
    let readiness = match &replacing {
        Some(kid) => Some(counted(&ledger(&mut tx, known.purpose, std::slice::from_ref(kid), now).await?)),
        None => None,
    };
    let active: Vec<KeyRow> = replaced_by.into_iter().collect();
    let (purpose, subject, gone) = (known.purpose, op.kid.to_string(), [revoked]);
    let withdrawn = Withdrawn { purpose, subject, revoked: &gone, active: &active, reason: op.reason };
    let notices = tell_parties(app, &mut tx, withdrawn, now).await?;
    let facts = json!({ "was": was.state, "reason": op.reason, "replaced_by": replacing, "plans": settled,
        "readiness": readiness, "notices": notices });
    let [revoked] = gone;
    let reply = KeyRevocation { key: view(&revoked)?, replaced_by: replacing, readiness, notices: Some(notices) };
    spare.hand_over(caller);
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    app.wake.outbox.notify_one();
    Ok(reply)
}

/// Ends the rotations that the revocation has left nothing to do; gives what they are now.
pub(crate) async fn settle(tx: &mut Write, purpose: KeyPurpose, now: Timestamp) -> Result<Vec<String>, Failure> {
    let generations = generations(&tx.keys(Some(purpose), None).await?)?;
    let mut settled = Vec::new();
    for plan in open_plans(tx).await?.into_iter().filter(|plan| plan.purpose == purpose) {
        if let Some(plan) = plan.settled(&generations, now) {
            tx.put_plan(&plan).await?;
            settled.push(format!("{} {}", plan.id, plan.state));
        }
    }
    Ok(settled)
}

/// Puts a generation in the revoked one's place, so that the platform never stands without a key.
async fn replace(
    tx: &mut Write,
    rows: &[KeyRow],
    revoked: &KeyGeneration,
    (spare, unmade): (Option<&KeyRow>, Option<Failure>),
    now: Timestamp,
) -> Result<KeyRow, Failure> {
    let slot = revoked.slot();
    let waiting = generations(rows)?
        .into_iter()
        .find(|generation| generation.state == KeyState::Published && generation.slot() == slot)
        .and_then(|generation| rows.iter().find(|row| row.kid == generation.kid.as_str()));
    match waiting {
        Some(row) => {
            let active = row.with(&row.generation()?.activate(now)?);
            tx.put_key(&active).await?;
            Ok(active)
        }
        None => {
            let none = || anyhow::anyhow!("no key was made for the place of {}", revoked.kid);
            let spare = spare.ok_or_else(|| unmade.unwrap_or_else(|| none().into()))?;
            let active = spare.with(&spare.generation()?.activate(now)?);
            tx.insert_key(&active).await?;
            Ok(active)
        }
    }
}
