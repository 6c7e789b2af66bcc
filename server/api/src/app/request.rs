//! What services ask of a citizen, as their app shows it, and what they answer.

use domain::{Bilingual, CitizenRequestId, Claim, ClientId, ComparisonCode, Function, Tier, Timestamp, UsageChannel};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// `GET`: the requests that wait for this citizen, the oldest first; an array of [`AppRequest`].
pub const REQUESTS: &str = "/app/v1/requests";
/// `POST` [`TakeUp`]: an [`AppRequest`].
pub const CLAIM: &str = "/app/v1/requests/claim";
/// `POST` [`Approval`]: [`Decided`].
pub const APPROVE: &str = "/app/v1/requests/{request}/approve";
/// `POST` [`Refuse`]: [`Decided`].
pub const REFUSE: &str = "/app/v1/requests/{request}/refuse";

/// A request as the app shows it to its citizen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AppRequest {
    /// Its id.
    pub request: CitizenRequestId,
    /// The service that asks.
    pub client: ClientId,
    /// The name of the organisation that runs it.
    pub organisation: Bilingual,
    /// The service's name.
    pub service: Bilingual,
    /// What it asks for.
    pub function: Function,
    /// The tier that it takes.
    pub tier: Tier,
    /// How it came to this phone.
    pub channel: UsageChannel,
    /// What the service wants to know, as OpenID Connect names claims; empty when it wants to know who comes back and no more.
    pub claims: Vec<Claim>,
    /// The service's own words for this very request, at most 64 characters, to be compared with its screen.
    pub binding_message: Option<String>,
    /// Whether it wants to go on without asking again, until the citizen withdraws it.
    pub offline: bool,
    /// What the page shows too: to be compared.
    pub comparison_code: Option<ComparisonCode>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// From when on it cannot be answered any more.
    pub expires_at: Timestamp,
}

/// Takes up a request by what another screen shows; it is this citizen's from then on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TakeUp {
    /// What the QR code or the app link holds, the address of the page or the id in it, or the comparison code.
    pub shown: String,
}

/// Agrees to a request.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Approval {
    /// The claims that are released: all that the request asks for, or fewer.
    pub claims: Vec<Claim>,
}

/// Says no to a request.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Refuse {}

/// A decision that is durable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Decided {
    /// Of which request.
    pub request: CitizenRequestId,
    /// What was decided.
    pub state: Decision,
    /// When.
    pub decided_at: Timestamp,
}

/// What a citizen decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decision {
    /// Yes.
    Approved,
    /// No.
    Refused,
}

impl Decision {
    /// As it stands on the wire.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approved => "approved",
            Self::Refused => "refused",
        }
    }
}
