use std::time::Duration;

use domain::CallRef;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Role;

/// One thing an operator can ask of the server.
///
/// To add one: a struct here, a function in `server/src/<noun>/<verb>.rs`, a line in `catalogue.rs` and in the server's
/// routes, a verb in `cli/src/<noun>/<verb>.rs`.
pub trait Operation: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `noun.verb`: path, permission, audit action, log span.
    const NAME: &'static str;
    /// Who may ask; an operator holding any one of them.
    const ROLES: &'static [Role];
    /// What it does to the state of things.
    const EFFECT: Effect;
    /// Whether a second person must agree (where the instance's two-person setting is on).
    const APPROVAL: Approval = Approval::None;
    /// How long the server tries before it says that it could not confirm: less than the client waits.
    const PATIENCE: Duration = Duration::from_secs(25);
    /// What comes back.
    type Reply: Serialize + DeserializeOwned + JsonSchema + Send + Sync;

    /// What it is done to, as the audit log names it; empty when it has no single subject. Never personal data.
    fn subject(&self) -> String {
        String::new()
    }

    /// The call it belongs to, for the audit log.
    fn call(&self) -> Option<CallRef> {
        None
    }

    /// The reply as it is kept for repetition under the same idempotency key: secrets that are shown once are taken out.
    #[must_use]
    fn without_secrets(reply: Self::Reply) -> Self::Reply {
        reply
    }
}

/// What an operation does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Effect {
    /// Reads no personal data; leaves no audit entry.
    Read,
    /// Reads personal data, masked; audited like a write.
    ReadPersonal,
    /// Changes something; audited in the same transaction.
    Write(Severity),
}

/// How much a write asks of the person at the keyboard.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// No confirmation: it protects, or is easily taken back.
    Mild,
    /// `[y/N]`.
    Moderate,
    /// The name of the thing is to be typed.
    Severe,
}

/// Whether a second person must agree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Approval {
    /// One person is enough.
    None,
    /// A second person, where the instance asks for two.
    SecondPerson,
}
