//! The write transaction and the ledger that every commit writes to.

use std::borrow::Cow;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::Arc;

use api::Operation;
use domain::{AuditId, CallRef, Clock, Entropy, Environment, Refusal, RequestId, Timestamp};
use pki::audit_log::LONGEST_ENTRY;
use pki::provider::Aad;
use serde::Serialize;
use serde_json::Value;

use super::conn::Conn;
use super::{Read, StoreError};
use crate::app::{Caller, Keep};
use crate::failure::Failure;
use crate::keys::LedgerKeys;

/// Version of the audit leaf's fields.
const LEAF_VERSION: u32 = 1;
/// The longest subject of an entry, characters; ids of ours are far shorter.
const LONGEST_SUBJECT: usize = 200;

/// What every commit needs besides the database.
pub struct Ledger {
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// Dates the entries.
    pub clock: Arc<dyn Clock>,
    /// Makes their ids.
    pub entropy: Arc<dyn Entropy>,
    /// Seals replies that are kept for repetition, and vouches for entries until they are sealed.
    pub keys: Arc<LedgerKeys>,
}

/// A transaction that may change things. Dropped, it leaves nothing behind.
pub struct Write {
    read: Read,
    ledger: Arc<Ledger>,
}

impl Deref for Write {
    type Target = Read;

    fn deref(&self) -> &Read {
        &self.read
    }
}

impl DerefMut for Write {
    fn deref_mut(&mut self) -> &mut Read {
        &mut self.read
    }
}

/// The audit record of an operation, without which it cannot be committed.
pub struct Record<'a, O: Operation> {
    caller: &'a Caller,
    subject: String,
    call: Option<CallRef>,
    facts: Value,
    operation: PhantomData<O>,
}

impl<'a, O: Operation> Record<'a, O> {
    pub(crate) fn new(caller: &'a Caller, subject: String, call: Option<CallRef>) -> Self {
        Self { caller, subject, call, facts: Value::Null, operation: PhantomData }
    }

    /// What it was done to, where the operation alone does not know.
    #[must_use]
    pub fn subject(self, subject: impl ToString) -> Self {
        Self { subject: subject.to_string(), ..self }
    }

    /// The call it belongs to, where the operation alone does not know.
    #[must_use]
    pub fn call(self, call: CallRef) -> Self {
        Self { call: Some(call), ..self }
    }

    /// What an auditor wants to know besides: states before and after, counts, reasons. Never personal data.
    #[must_use]
    pub fn facts(self, facts: Value) -> Self {
        Self { facts, ..self }
    }
}

/// Writes that the platform does by itself.
#[derive(Debug, Clone, PartialEq)]
pub enum Housekeeping {
    /// Puts audit entries into the tree and signs a checkpoint, or puts a time stamp beside one: it is the audit log.
    Seal,
    /// Moves events into counters; counts stay equal.
    Fold,
    /// Removes what has aged out: idempotency keys, spent enrolment codes.
    Sweep,
    /// Notes an attempt of the outbox, or what a receiver answered.
    Deliver,
    /// Notes when a key set is read next, and how it went; no credential changes with it.
    Fetch,
    /// Notes how far a job is, or the work that a rotation needs.
    Progress,
    /// Notes that a node is there, and which keys it holds.
    Beat,
    /// Records certificates that are about to be signed: the audit entry comes with the certificate.
    Presign,
    /// Makes certificates good that several waited for, each with an entry of its own ([`Write::also`]).
    Issue,
    /// Notes which key sets relying parties were seen to fetch: gathered from requests of strangers, of whom any number come. A
    /// plan weighs it, and what the plan then does is audited with what it weighed.
    Sightings,
    /// Keeps what strangers and clients ask, before anything is decided: requests that were pushed or put to a citizen, and ids that
    /// are used once. What is decided of them is audited.
    Asked,
    /// A change of its own, audited as done by the system.
    Step {
        /// What, as an operation's name.
        action: &'static str,
        /// To what.
        subject: String,
        /// Facts for the auditor.
        facts: Value,
    },
}

/// The leaf of decisions.md, "Audit leaf": serialised once, stored as bytes, never again.
#[derive(Serialize)]
struct Leaf<'a> {
    v: u32,
    id: AuditId,
    at: Timestamp,
    instance: &'a str,
    environment: Environment,
    actor: Actor<'a>,
    action: &'a str,
    subject: &'a str,
    outcome: &'a str,
    call: Option<CallRef>,
    request_id: Option<String>,
    payload_mac: Option<&'a str>,
    facts: &'a Value,
}

#[derive(Serialize)]
pub(super) struct Actor<'a> {
    pub(super) kind: &'static str,
    pub(super) id: &'a str,
    pub(super) certificate: Option<&'a str>,
}

/// A row of `audit_entry` before it is sealed.
pub(super) struct Entry<'a> {
    pub(super) id: AuditId,
    pub(super) leaf: Vec<u8>,
    pub(super) at: Timestamp,
    pub(super) operator: &'a str,
    pub(super) action: &'a str,
    pub(super) subject: &'a str,
    pub(super) outcome: &'static str,
    pub(super) call: Option<String>,
    pub(super) request_id: Option<String>,
    pub(super) mac: [u8; 32],
}

impl Write {
    pub(super) fn new(read: Read, ledger: Arc<Ledger>) -> Self {
        Self { read, ledger }
    }

    pub(crate) fn conn(&mut self) -> &mut Conn {
        &mut self.read.conn
    }

    /// Chance, for ids that are made while writing.
    #[must_use]
    pub fn entropy(&self) -> &dyn Entropy {
        self.ledger.entropy.as_ref()
    }

    pub(super) fn now(&self) -> Timestamp {
        self.ledger.clock.now()
    }

    /// Whether this transaction may do a task that one node at a time does.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn leads(&mut self, task: super::Leader) -> Result<bool, StoreError> {
        self.read.conn.leads(task).await
    }

    /// Makes an operation durable together with its audit entry and its reply; a dry run is undone instead.
    ///
    /// # Errors
    /// [`Failure::Unavailable`], NOT CONFIRMED, when the answer to the commit never came; a conflict when the same
    /// idempotency key was used by another request at the same moment.
    pub async fn commit<O: Operation>(mut self, record: Record<'_, O>, reply: O::Reply) -> Result<O::Reply, Failure> {
        if record.caller.keep == Keep::Nothing {
            self.read.conn.rollback(&self.read.engine).await?;
            return Ok(reply);
        }
        self.add_entry(record.caller, O::NAME, &record.subject, "done", record.call, &record.facts).await?;
        let reply = self.keep_reply::<O>(record.caller, reply).await?;
        self.read.conn.commit(&self.read.engine).await?;
        Ok(reply)
    }

    /// Records a second thing that this transaction does, by the platform itself: an entry of its own for what an auditor looks
    /// for by name.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn also(&mut self, action: &'static str, subject: &str, facts: &Value) -> Result<(), StoreError> {
        let actor = Actor { kind: "system", id: "system", certificate: None };
        self.insert(actor, action, subject, "done", None, None, None, facts).await
    }

    /// Makes a change of the platform's own durable.
    ///
    /// # Errors
    /// As [`Write::commit`].
    pub async fn commit_housekeeping(mut self, kind: Housekeeping) -> Result<(), StoreError> {
        if let Housekeeping::Step { action, subject, facts } = &kind {
            let actor = Actor { kind: "system", id: "system", certificate: None };
            self.insert(actor, action, subject, "done", None, None, None, facts).await?;
        }
        self.read.conn.commit(&self.read.engine).await
    }

    /// Records that a request was refused, in a transaction of its own.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn commit_refusal(
        mut self,
        caller: &Caller,
        action: &str,
        subject: &str,
        call: Option<CallRef>,
        code: &str,
    ) -> Result<(), StoreError> {
        self.add_entry(caller, action, subject, "refused", call, &serde_json::json!({ "code": code })).await?;
        self.read.conn.commit(&self.read.engine).await
    }

    /// Records that an operator has enrolled: the first thing they do, though without a certificate yet.
    ///
    /// # Errors
    /// As [`Write::commit`].
    pub async fn commit_enrolment(mut self, operator: &str, request: RequestId, facts: &Value) -> Result<(), StoreError> {
        let actor = Actor { kind: "operator", id: operator, certificate: None };
        self.insert(actor, "operator.enrol", operator, "done", None, Some(request.to_string()), None, facts).await?;
        self.read.conn.commit(&self.read.engine).await
    }

    /// Records that somebody was not let in, of whom nothing is known but what they showed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn commit_turned_away(
        mut self,
        action: &'static str,
        subject: &str,
        request: Option<RequestId>,
        facts: &Value,
    ) -> Result<(), StoreError> {
        let actor = Actor { kind: "system", id: "system", certificate: None };
        let request = request.map(|request| request.to_string());
        self.insert(actor, action, subject, "refused", None, request, None, facts).await?;
        self.read.conn.commit(&self.read.engine).await
    }

    /// Throws the transaction away.
    ///
    /// # Errors
    /// When the database cannot be reached; then it is gone anyway.
    pub async fn rollback(self) -> Result<(), StoreError> {
        self.read.conn.rollback(&self.read.engine).await
    }

    async fn add_entry(
        &mut self,
        caller: &Caller,
        action: &str,
        subject: &str,
        outcome: &'static str,
        call: Option<CallRef>,
        facts: &Value,
    ) -> Result<(), StoreError> {
        let actor = Actor { kind: "operator", id: caller.operator.as_str(), certificate: Some(&caller.certificate) };
        let request = Some(caller.request.to_string());
        self.insert(actor, action, subject, outcome, call, request, Some(&caller.payload_mac), facts).await
    }

    /// Makes the transaction durable; the entry is in it.
    pub(super) async fn commit_recorded(self) -> Result<(), StoreError> {
        self.read.conn.commit(&self.read.engine).await
    }

    #[expect(clippy::too_many_arguments, reason = "the fields of the leaf, each once")]
    pub(super) async fn insert(
        &mut self,
        actor: Actor<'_>,
        action: &str,
        subject: &str,
        outcome: &'static str,
        call: Option<CallRef>,
        request_id: Option<String>,
        payload_mac: Option<&str>,
        facts: &Value,
    ) -> Result<(), StoreError> {
        let at = self.ledger.clock.now();
        let id = AuditId::new(at, self.ledger.entropy.as_ref());
        let operator = actor.id;
        let subject = &*fit(subject);
        let leaf = Leaf {
            v: LEAF_VERSION,
            id,
            at,
            instance: &self.ledger.instance,
            environment: self.ledger.environment,
            actor,
            action,
            subject,
            outcome,
            call,
            request_id: request_id.clone(),
            payload_mac,
            facts,
        };
        let leaf = serde_json::to_vec(&leaf).map_err(|error| StoreError::Broken(error.into()))?;
        if leaf.len() > LONGEST_ENTRY {
            // Sealed, it would make every later verification of the log fail.
            let length = leaf.len();
            return Err(StoreError::Broken(anyhow::anyhow!("an audit entry of {action} would have {length} bytes")));
        }
        let call = call.map(|call| call.to_string());
        let mac = self.ledger.keys.entry_mac(id.as_bytes(), &leaf).map_err(|error| StoreError::Broken(error.into()))?;
        self.insert_audit_entry(&Entry { id, leaf, at, operator, action, subject, outcome, call, request_id, mac }).await
    }

    async fn keep_reply<O: Operation>(&mut self, caller: &Caller, reply: O::Reply) -> Result<O::Reply, Failure> {
        let Some(idempotency) = &caller.idempotency else { return Ok(reply) };
        // What is kept has no secrets; what is answered has. The reply travels through JSON because it need not be Clone.
        let whole = serde_json::to_vec(&reply).map_err(anyhow::Error::from)?;
        let kept = O::without_secrets(reply);
        let kept = serde_json::to_vec(&kept).map_err(anyhow::Error::from)?;
        let aad = reply_aad(&self.ledger.instance, caller, &idempotency.key);
        let sealed = self.ledger.keys.seal_reply(&kept, aad).map_err(anyhow::Error::from)?;
        let now = self.ledger.clock.now();
        let kept = self.insert_reply(caller.operator.as_str(), idempotency, O::NAME, &sealed, now).await;
        match kept {
            Ok(()) => Ok(serde_json::from_slice(&whole).map_err(anyhow::Error::from)?),
            Err(StoreError::Unique) => Err(Failure::Conflict(Refusal::new(
                RACED,
                "the same idempotency key is being used by another request at this moment; nothing was changed by this one",
            ))),
            Err(other) => Err(other.into()),
        }
    }

    /// Opens a kept reply.
    pub(super) fn open_reply(ledger: &Ledger, caller: &Caller, key: &str, sealed: &[u8]) -> Result<Value, StoreError> {
        let aad = reply_aad(&ledger.instance, caller, key);
        let opened = ledger.keys.open_reply(sealed, aad).map_err(|error| StoreError::Broken(error.into()))?;
        serde_json::from_slice(&opened).map_err(|error| StoreError::Broken(error.into()))
    }
}

/// What an entry is about, fit for a log that nobody can mend: a request that is refused may name anything at any length.
fn fit(subject: &str) -> Cow<'_, str> {
    match subject.char_indices().nth(LONGEST_SUBJECT) {
        None => domain::visible(subject),
        Some((end, _)) => Cow::Owned(format!("{}…", domain::visible(&subject[..end]))),
    }
}

/// Code of a conflict that the next look-up of the key resolves.
pub(crate) const RACED: &str = "idempotency.raced";

fn reply_aad(instance: &str, caller: &Caller, key: &str) -> Aad {
    Aad::of("idempotency.reply").and(instance).and(caller.operator.as_str()).and(key)
}
