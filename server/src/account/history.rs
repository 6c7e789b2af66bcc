use api::account::{AccountEventView, AccountHistory};
use api::audit::{AuditOutcome, AuditView};
use api::{Operation, hotline::FindCaller};
use domain::{AccountId, Timestamp};
use serde_json::{Value, json};

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{StoredAccount, Write};

/// What was done to an account, oldest first: its registration, every audit entry about it, and every look at it from a call.
pub async fn history(app: &App, caller: &Caller, op: AccountHistory) -> Result<Vec<AccountEventView>, Failure> {
    let mut tx = app.store.write().await?;
    let stored = tx.account(op.account).await?.ok_or_else(|| Failure::not_found("account", op.account))?;
    let mut entries = tx.audit_of(&op.account.to_string()).await?;
    entries.extend(found_in_calls(&mut tx, &stored).await?);
    entries.sort_by_key(|(view, _)| (view.at, view.id));
    let mut events = vec![registration(&stored)];
    for (view, leaf) in entries {
        events.push(event(view, facts(&leaf)?));
    }
    tx.commit(caller.record(&op), events).await
}

/// The citizen's own registration, which came in with many others.
fn registration(stored: &StoredAccount) -> AccountEventView {
    let recorded_at = stored.id.get_timestamp().map(|made| {
        let (seconds, nanos) = made.to_unix();
        Timestamp::from_micros(i64::try_from(seconds).unwrap_or(0) * 1_000_000 + i64::from(nanos / 1_000))
    });
    AccountEventView {
        at: stored.account.registered_at,
        action: "account.registered".to_owned(),
        operator: "citizen".to_owned(),
        outcome: outcome(AuditOutcome::Done).to_owned(),
        call: None,
        facts: json!({
            "channel": stored.account.channel,
            "location": stored.account.location,
            "recorded_at": recorded_at,
        }),
    }
}

/// A search is audited under its call; the entry says which accounts it gave.
async fn found_in_calls(tx: &mut Write, stored: &StoredAccount) -> Result<Vec<(AuditView, Vec<u8>)>, Failure> {
    let mut found = Vec::new();
    for call in tx.calls_about(stored.id).await? {
        for (view, leaf) in tx.audit_of(&call.to_string()).await? {
            if view.action == FindCaller::NAME && gave(&facts(&leaf)?, stored.account.id) {
                found.push((view, leaf));
            }
        }
    }
    Ok(found)
}

fn gave(facts: &Value, account: AccountId) -> bool {
    let found = facts.get("found").and_then(Value::as_array);
    found.is_some_and(|found| found.iter().any(|id| *id == account.to_string()))
}

fn facts(leaf: &[u8]) -> Result<Value, Failure> {
    let mut leaf: Value = serde_json::from_slice(leaf).map_err(anyhow::Error::from)?;
    Ok(leaf.get_mut("facts").map(Value::take).unwrap_or_default())
}

fn event(view: AuditView, facts: Value) -> AccountEventView {
    AccountEventView {
        at: view.at,
        action: view.action,
        operator: view.operator,
        outcome: outcome(view.outcome).to_owned(),
        call: view.call,
        facts,
    }
}

fn outcome(outcome: AuditOutcome) -> &'static str {
    match outcome {
        AuditOutcome::Done => "done",
        AuditOutcome::Refused => "refused",
    }
}
