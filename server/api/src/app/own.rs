//! What a citizen sees of their own account in the app, and what they change of it.

use domain::{
    AccountId, AccountState, Bilingual, CitizenRequestId, Claim, ClientId, Function, RequestState, Timestamp, UsageChannel,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::account::Ended;

/// `GET`: what came of the requests of this citizen, the latest first; a [`Page`](crate::Page) of [`Use`], which goes on by the parameters
/// `after` and `limit` (1 to [`MOST_USES`]) of the address.
pub const USES: &str = "/app/v1/uses";
/// Rows of a page of those.
pub const MOST_USES: u32 = 200;
/// `GET`: what this citizen lets services know; an array of [`Consent`].
pub const CONSENTS: &str = "/app/v1/consents";
/// `DELETE`: [`Withdrawn`].
pub const CONSENT: &str = "/app/v1/consents/{client}";
/// `POST` [`SuspendOwn`]: [`OwnSuspension`].
pub const SUSPEND: &str = "/app/v1/account/suspend";
/// `GET`: [`LoginHint`].
pub const LOGIN_HINT: &str = "/app/v1/login-hint";

/// One request of the past.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Use {
    /// The request.
    pub request: CitizenRequestId,
    /// The service that asked.
    pub client: ClientId,
    /// The name of the organisation that runs it.
    pub organisation: Bilingual,
    /// The service's name.
    pub service: Bilingual,
    /// What it asked for.
    pub function: Function,
    /// How it came to the phone.
    pub channel: UsageChannel,
    /// What came of it: `redeemed` is a use; what is `approved` is not made use of yet.
    pub state: RequestState,
    /// The claims that were released.
    pub claims: Vec<Claim>,
    /// When it was asked.
    pub asked_at: Timestamp,
    /// When it ended.
    pub ended_at: Option<Timestamp>,
}

/// What a service may know of this citizen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Consent {
    /// The service.
    pub client: ClientId,
    /// The name of the organisation that runs it.
    pub organisation: Bilingual,
    /// The service's name.
    pub service: Bilingual,
    /// The claims that were last released to it.
    pub claims: Vec<Claim>,
    /// When consent was first given.
    pub given_at: Timestamp,
    /// When it was last given again.
    pub used_at: Timestamp,
}

/// A consent that is withdrawn: the logins of that service have ended, and their tokens with them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Withdrawn {
    /// From which service.
    pub client: ClientId,
    /// When.
    pub withdrawn_at: Timestamp,
    /// Logins that ended.
    pub sessions: u64,
    /// Tokens that ended.
    pub tokens: u64,
}

/// Stops every use of the citizen's own account at once. A new registration brings it back.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendOwn {}

/// What came of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OwnSuspension {
    /// The account.
    pub account: AccountId,
    /// Its state.
    pub state: AccountState,
    /// Since when.
    pub suspended_at: Timestamp,
    /// What ended with it.
    pub ended: Ended,
    /// How many relying parties are told.
    pub relying_parties: u64,
}

/// What a citizen shows or sends to a service so that it can ask for them (OpenID Connect CIBA Core 1.0, section 7.1).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LoginHint {
    /// The token. It says who to nobody but this platform.
    pub login_hint_token: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
}
