use api::Role;
use api::account::{Ended, NoticeStatus, PartyNotice, SuspendAccount, Suspension};
use domain::{
    Account, AccountEventKind, AccountId, AccountState, CallRef, OperatorId, Outcome, Refusal, RequestId, Standing, Suspend,
    SuspensionReason, Timestamp,
};
use serde_json::json;

use super::read_back::read_back;
use super::seal::{person_if_readable, seal_note};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::hotline::open_call;
use crate::request::record_ended;
use crate::store::{AccountEvent, EndReason, StoreError, StoredAccount, Suspended, Write};

/// The longest note, in characters.
const LONGEST_NOTE: usize = 500;
/// Kind of the messages by which parties are told.
const NOTICE: &str = "account.suspended";

/// Stops every use of an account at once. Asked again, it answers with the suspension in force and changes nothing; a note
/// that comes with it is kept.
pub async fn suspend(app: &App, caller: &Caller, op: SuspendAccount) -> Result<Suspension, Failure> {
    let started = app.clock.now();
    let note = note(&op)?;
    let mut tx = app.store.write().await?;
    // The call is locked before the account, everywhere, so that no two wait for each other.
    match op.call {
        Some(call) => drop(open_call(&mut tx, caller, call).await?),
        None => may_suspend_without_call(caller)?,
    }
    let word = Word { reason: op.reason, call: op.call, operator: Some(&caller.operator) };
    let Stopped { stored, account, already, ended, since, call } = stop(app, &mut tx, op.account, word).await?;
    let note = match note {
        Some(text) => Some(keep_note(app, caller, &mut tx, &stored, text, app.clock.now()).await?),
        None => None,
    };
    let relying_parties = notices(&mut tx, op.account, since).await?;
    let reply = Suspension {
        account: op.account,
        state: AccountState::Suspended,
        already,
        call,
        suspended_at: since,
        took_ms: u64::try_from(app.clock.now().saturating_since(started).as_millis()).unwrap_or(u64::MAX),
        ended,
        read_back: read_back(&account, since, op.call, relying_parties.len())?,
        relying_parties,
    };
    let facts = json!({
        "reason": op.reason, "already": already, "before": stored.account.state(), "since": since, "note": note,
        "ended": ended, "relying_parties": reply.relying_parties.len(),
    });
    let reply = tx.commit(caller.record(&op).facts(facts), reply).await?;
    wake(app);
    Ok(reply)
}

/// At whose word an account stops.
pub(super) struct Word<'a> {
    pub reason: SuspensionReason,
    pub call: Option<CallRef>,
    /// None when it is the citizen's own.
    pub operator: Option<&'a OperatorId>,
}

/// An account that has stopped, now or before.
pub(super) struct Stopped {
    /// As it was read.
    pub stored: StoredAccount,
    /// As it is now.
    pub account: Account,
    /// Whether it had stopped before; then nothing was changed.
    pub already: bool,
    pub ended: Ended,
    pub since: Timestamp,
    /// In which call it was stopped.
    pub call: Option<CallRef>,
}

/// Stops an account within a transaction: the rule, the end of everything under way, the event, and the notices to the parties.
///
/// # Errors
/// When there is no such account, or it is closed.
pub(super) async fn stop(app: &App, tx: &mut Write, id: AccountId, word: Word<'_>) -> Result<Stopped, Failure> {
    let stored = tx.account_locked(id).await?.ok_or_else(|| Failure::not_found("account", id))?;
    app.keys.learn(tx, &stored.kek_id).await;
    let now = app.clock.now();
    let outcome = stored.account.suspend(word.reason, word.call, now)?;
    let account = outcome.account().clone();
    let already = matches!(outcome, Suspend::Already(_));
    let mut ended = Ended::default();
    if !already {
        tx.put_account(&stored, &account, word.operator).await?;
        let requests;
        (ended, requests) = tx.end_everything(&stored, EndReason::Suspended, now).await?;
        record_ended(app, tx, &requests, |_| Outcome::Refused).await?;
        record_event(app, tx, &stored, &word, now).await?;
        tell_parties(app, tx, &stored, now).await?;
        if let Some(call) = word.call {
            tx.note_suspended(call, stored.id, now).await?;
        }
    }
    let (since, call) = facts_of(&account)?;
    Ok(Stopped { stored, account, already, ended, since, call })
}

/// Once it is durable: parties are told, lists are signed, events are counted.
pub(super) fn wake(app: &App) {
    app.wake.outbox.notify_one();
    app.wake.revocations.notify_one();
    app.wake.folder.notify_one();
}

/// An agent acts for a caller; only a supervisor may act on other word, e.g. of the police.
fn may_suspend_without_call(caller: &Caller) -> Result<(), Failure> {
    if caller.has(Role::HotlineSupervisor) {
        return Ok(());
    }
    let refusal = Refusal::new("account.call-required", "a hotline agent suspends in an open call of their own")
        .hint("open one: 'iamctl hotline open', and name it with --call");
    Err(Failure::Denied(refusal))
}

fn note(op: &SuspendAccount) -> Result<Option<&str>, Failure> {
    let note = op.note.as_deref().map(str::trim).filter(|note| !note.is_empty());
    match note {
        None if op.reason.needs_note() => {
            let message = format!("the reason '{}' needs a note that says more", op.reason);
            Err(Failure::invalid_field("account.note-missing", "note", message))
        }
        Some(note) if note.chars().count() > LONGEST_NOTE => {
            let message = format!("the note has more than {LONGEST_NOTE} characters");
            Err(Failure::invalid_field("account.note", "note", message))
        }
        Some(note) if note.lines().any(|line| domain::visible(line) != line) => {
            Err(Failure::invalid_field("account.note", "note", "the note holds an invisible or a control character"))
        }
        note => Ok(note),
    }
}

/// Keeps a note under the account's data key, so that erasing the person reaches it; says what became of it. A data key that
/// does not open must not keep the account usable.
async fn keep_note(
    app: &App,
    caller: &Caller,
    tx: &mut Write,
    stored: &StoredAccount,
    text: &str,
    now: Timestamp,
) -> Result<&'static str, Failure> {
    let id = RequestId::new(now, app.entropy.as_ref()).uuid();
    match seal_note(&app.keys, stored, id, text) {
        Ok(Some(sealed)) => {
            tx.insert_account_note(id, stored.id, &caller.operator, now, &sealed).await?;
            Ok("kept")
        }
        Ok(None) => Ok("not kept"),
        Err(failure) => {
            tracing::error!(account = %stored.account.id, ?failure, "a note could not be sealed");
            Ok("not kept")
        }
    }
}

/// What statistics keep: year of birth and sex, nothing that leads back to the person. Of a damaged record they are unknown:
/// the suspension goes on.
async fn record_event(app: &App, tx: &mut Write, stored: &StoredAccount, word: &Word<'_>, now: Timestamp) -> Result<(), Failure> {
    let opened = match word.call {
        Some(call) => tx.call_locked(call).await?.map(|call| call.opened_at),
        None => None,
    };
    let person = person_if_readable(&app.keys, stored);
    let Account { tier, channel, location, .. } = stored.account.clone();
    let event = AccountEvent {
        kind: AccountEventKind::Suspended,
        tier,
        channel,
        location,
        birth_year: person.as_ref().and_then(|person| i16::try_from(person.birth_date.year()).ok()).unwrap_or(0),
        sex: person.and_then(|person| person.sex),
        at: now,
        recorded_at: tx.recording_time().await?,
        suspension: Some(Suspended { reason: word.reason, took: opened.map(|opened| now.saturating_since(opened)) }),
    };
    Ok(tx.account_event(&event).await?)
}

/// A message for every party that knows this citizen. Who the citizen is to that party is worked out when it is sent: no
/// account reference leaves the platform.
async fn tell_parties(app: &App, tx: &mut Write, stored: &StoredAccount, now: Timestamp) -> Result<(), StoreError> {
    let payload = json!({ "since": now }).to_string();
    let subject = stored.account.id.to_string();
    for party in tx.parties_of(stored.id).await? {
        let id = RequestId::new(now, app.entropy.as_ref()).uuid();
        tx.enqueue(id, NOTICE, party.as_str(), &subject, &payload, now).await?;
    }
    Ok(())
}

/// How telling stands, from the messages of this suspension.
pub(super) async fn notices(tx: &mut Write, account: AccountId, since: Timestamp) -> Result<Vec<PartyNotice>, Failure> {
    let mut notices = Vec::new();
    for message in tx.outbox_about(&account.to_string()).await? {
        if message.kind != NOTICE || message.created_at < since.micros() {
            continue;
        }
        let broken = || anyhow::anyhow!("an outbox row has a bad receiver or state");
        notices.push(PartyNotice {
            rp: message.receiver.parse().map_err(|_| broken())?,
            status: match message.state.as_str() {
                "pending" => NoticeStatus::Pending,
                "acknowledged" => NoticeStatus::Acknowledged,
                "failed" => NoticeStatus::Failed,
                _ => return Err(broken().into()),
            },
        });
    }
    Ok(notices)
}

fn facts_of(account: &Account) -> Result<(Timestamp, Option<CallRef>), Failure> {
    match account.standing {
        Standing::Suspended { since, call, .. } => Ok((since, call)),
        _ => Err(anyhow::anyhow!("the rule has suspended account {} without facts", account.id).into()),
    }
}
