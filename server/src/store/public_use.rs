//! The audit entries of what citizens, relying parties and stations do.

use api::audit::AuditOutcome;
use domain::{AccountId, ClientId, RequestId};
use serde_json::Value;

use super::write::Actor;
use super::{StoreError, Write};

/// Who did something that no operator did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PublicActor<'a> {
    /// A citizen, by the key of their device (RFC 7638 thumbprint).
    Citizen {
        /// Whose account.
        account: AccountId,
        /// The device.
        device: &'a str,
    },
    /// A client of a relying party.
    Client(&'a ClientId),
    /// The platform, for something that belongs to a request of somebody else.
    System,
    /// A station of the registration service: the platform's own equipment, so its entries are the system's.
    Station {
        /// Its id.
        station: &'a str,
        /// Serial of its certificate, lower-case hex.
        certificate: &'a str,
    },
}

/// The audit record of what somebody does at the public listener.
#[derive(Debug)]
pub struct PublicUse<'a> {
    /// Who.
    pub actor: PublicActor<'a>,
    /// What, as an operation's name.
    pub action: &'static str,
    /// To what: an account, mostly.
    pub subject: String,
    /// Whether it was done; what is refused changes nothing but what its refusal is to change.
    pub outcome: AuditOutcome,
    /// The request.
    pub request: RequestId,
    /// Facts for the auditor; never personal data.
    pub facts: Value,
}

impl Write {
    /// Makes what somebody did at the public listener durable, with its entry.
    ///
    /// # Errors
    /// As [`Write::commit`].
    pub async fn commit_public(mut self, record: PublicUse<'_>) -> Result<(), StoreError> {
        self.record_public(record).await?;
        self.commit_recorded().await
    }

    /// Puts the entry of one of several into the transaction that they share.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn record_public(&mut self, record: PublicUse<'_>) -> Result<(), StoreError> {
        let PublicUse { actor, action, subject, outcome, request, facts } = record;
        let outcome = match outcome {
            AuditOutcome::Done => "done",
            AuditOutcome::Refused => "refused",
        };
        let (kind, id, certificate) = match actor {
            PublicActor::Citizen { account, device } => ("citizen", account.to_string(), Some(device)),
            PublicActor::Client(client) => ("relying-party", client.to_string(), None),
            PublicActor::Station { station, certificate } => ("system", station.to_owned(), Some(certificate)),
            PublicActor::System => ("system", "system".to_owned(), None),
        };
        let actor = Actor { kind, id: &id, certificate };
        self.insert(actor, action, &subject, outcome, None, Some(request.to_string()), None, &facts).await
    }
}
