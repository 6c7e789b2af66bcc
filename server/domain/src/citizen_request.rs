//! What a service asks of a citizen: asked, taken up and shown, approved or refused, redeemed. Which protocol the service speaks is
//! nothing to it.
//!
//! A request is one citizen's once it is addressed or taken up, and nobody else's any more. It is decided once, by a device of that
//! citizen; what was approved is redeemed once, by the client that asked.

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::wire::words;
use crate::{Claim, Refusal, Timestamp};

/// How long a request waits for its citizen where nothing else was asked for.
pub const WAITS: Duration = Duration::from_mins(5);
/// The longest that one may be asked to wait.
pub const WAITS_AT_MOST: Duration = Duration::from_mins(10);
/// How long the client has to redeem what was approved, at least.
pub const REDEEMED_WITHIN: Duration = Duration::from_mins(3);
/// Requests of one party that may wait for one citizen at once.
pub const PENDING_A_PARTY: u32 = 3;
/// Requests that may be put to one citizen within [`BOMBING_WINDOW`], by all parties.
pub const ASKED_A_CITIZEN: u32 = 10;
/// See [`ASKED_A_CITIZEN`].
pub const BOMBING_WINDOW: Duration = Duration::from_mins(10);

words! {
    /// Where a request stands.
    pub enum RequestState, "request state" {
        /// Nobody has decided.
        Waiting = 1 => "waiting",
        /// The citizen has said yes; the client has not redeemed it yet.
        Approved = 2 => "approved",
        /// The citizen has said no.
        Refused = 3 => "refused",
        /// Nobody decided, or redeemed, in time.
        Expired = 4 => "expired",
        /// Withdrawn by the client.
        Cancelled = 5 => "cancelled",
        /// The client has what was approved.
        Redeemed = 6 => "redeemed",
        /// Ended with the account, the device or the relying party.
        Ended = 7 => "ended",
    }
}

impl RequestState {
    /// Whether something can still become of it.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, RequestState::Waiting | RequestState::Approved)
    }
}

/// What is asked for, as the citizen is shown it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Wants {
    /// What the service would learn.
    #[serde(default)]
    pub claims: Vec<Claim>,
    /// What the service says it is about; made safe to show. It is stored sealed under the citizen's own key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether it wants to go on without asking again, until the citizen withdraws it.
    #[serde(default, skip_serializing_if = "is_false")]
    pub offline: bool,
    /// Whether only an account of iAM Smart+ will do.
    #[serde(default, skip_serializing_if = "is_false")]
    pub plus: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A request, as the rules know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CitizenRequest {
    /// Where it stands.
    pub state: RequestState,
    /// Whose it is; none until somebody takes it up.
    pub account: Option<Uuid>,
    /// What is asked for.
    pub wants: Wants,
    /// What the citizen released.
    pub granted: Option<Vec<Claim>>,
    /// Its last moment.
    pub expires_at: Timestamp,
}

impl CitizenRequest {
    /// Somebody has it on their screen: it becomes theirs. Again by the same citizen changes nothing.
    ///
    /// # Errors
    /// `request.not-found` when it is another's: that there is one is not told. `request.over`, `request.expired`.
    pub fn take_up(&self, account: Uuid, now: Timestamp) -> Result<CitizenRequest, Refusal> {
        self.check_is(account)?;
        self.check_waits(now)?;
        Ok(CitizenRequest { account: Some(account), ..self.clone() })
    }

    /// The citizen says yes, and releases some or all of what was asked for. The client has some minutes to redeem it.
    ///
    /// # Errors
    /// As [`CitizenRequest::take_up`]; `request.claims` when more is released than was asked for.
    pub fn approve(&self, account: Uuid, released: &[Claim], now: Timestamp) -> Result<CitizenRequest, Refusal> {
        self.check_is(account)?;
        self.check_waits(now)?;
        if let Some(more) = released.iter().find(|claim| !self.wants.claims.contains(claim)) {
            return Err(Refusal::new("request.claims", format!("the service did not ask for '{more}'"))
                .hint("release what is listed in the request, or less"));
        }
        let mut granted: Vec<Claim> = self.wants.claims.clone();
        granted.retain(|claim| released.contains(claim));
        let expires_at = self.expires_at.max(now.plus(REDEEMED_WITHIN));
        Ok(CitizenRequest {
            state: RequestState::Approved,
            account: Some(account),
            granted: Some(granted),
            expires_at,
            ..self.clone()
        })
    }

    /// The citizen says no.
    ///
    /// # Errors
    /// As [`CitizenRequest::take_up`].
    pub fn refuse(&self, account: Uuid, now: Timestamp) -> Result<CitizenRequest, Refusal> {
        self.check_is(account)?;
        self.check_waits(now)?;
        Ok(CitizenRequest { state: RequestState::Refused, account: Some(account), ..self.clone() })
    }

    /// Where it stands at that moment: one whose time has passed has expired, whether that was noted or not.
    #[must_use]
    pub fn state_at(&self, now: Timestamp) -> RequestState {
        if self.state.is_open() && self.expires_at <= now { RequestState::Expired } else { self.state }
    }

    /// Somebody else's is nobody's business.
    fn check_is(&self, account: Uuid) -> Result<(), Refusal> {
        match self.account {
            Some(whose) if whose != account => Err(not_found()),
            _ => Ok(()),
        }
    }

    fn check_waits(&self, now: Timestamp) -> Result<(), Refusal> {
        match self.state_at(now) {
            RequestState::Waiting => Ok(()),
            RequestState::Expired => {
                Err(Refusal::new("request.expired", "the request was not answered in time").hint("the service asks again"))
            }
            state => Err(Refusal::new("request.over", format!("the request is {state} already")).hint("the service asks again")),
        }
    }
}

/// There is no such request, or it is not for this citizen: one answer for both.
#[must_use]
pub fn not_found() -> Refusal {
    Refusal::new("request.not-found", "there is no such request for this citizen")
        .hint("scan the code again, or type the one that the screen shows now")
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNA: Uuid = Uuid::from_u128(1);
    const BEN: Uuid = Uuid::from_u128(2);

    fn noon() -> Timestamp {
        "2022-05-31T12:00:00+08:00".parse().unwrap()
    }

    fn request(state: RequestState, account: Option<Uuid>) -> CitizenRequest {
        let wants = Wants { claims: vec![Claim::Name, Claim::Birthdate], ..Wants::default() };
        CitizenRequest { state, account, wants, granted: None, expires_at: noon().plus(WAITS) }
    }

    #[test]
    fn every_verb_in_every_state() {
        use RequestState::{Approved, Cancelled, Ended, Expired, Redeemed, Refused, Waiting};
        type Verb = fn(&CitizenRequest, Timestamp) -> Result<CitizenRequest, Refusal>;
        let take_up: Verb = |request, now| request.take_up(ANNA, now);
        let approve: Verb = |request, now| request.approve(ANNA, &[Claim::Name], now);
        let refuse: Verb = |request, now| request.refuse(ANNA, now);
        for (verb, after) in [(take_up, Waiting), (approve, Approved), (refuse, Refused)] {
            for (state, expected) in [
                (Waiting, Ok(after)),
                (Approved, Err("request.over")),
                (Refused, Err("request.over")),
                (Expired, Err("request.expired")),
                (Cancelled, Err("request.over")),
                (Redeemed, Err("request.over")),
                (Ended, Err("request.over")),
            ] {
                let told = |done: Result<CitizenRequest, Refusal>| done.map(|r| r.state).map_err(|refusal| refusal.code);
                assert_eq!(told(verb(&request(state, Some(ANNA)), noon())), expected, "{state}");
                assert_eq!(told(verb(&request(state, Some(BEN)), noon())), Err("request.not-found"), "{state}, another's");
                if state == Waiting {
                    assert_eq!(told(verb(&request(state, None), noon())), expected, "{state}, nobody's yet");
                    assert_eq!(told(verb(&request(state, None), noon().plus(WAITS))), Err("request.expired"));
                }
            }
        }
    }

    #[test]
    fn less_may_be_released_and_no_more() {
        let asked = request(RequestState::Waiting, None);
        let approved = asked.approve(ANNA, &[Claim::Birthdate, Claim::Name], noon()).unwrap();
        assert_eq!(approved.granted, Some(vec![Claim::Name, Claim::Birthdate]), "in the order of the request");
        assert_eq!(asked.approve(ANNA, &[], noon()).unwrap().granted, Some(vec![]));
        assert_eq!(asked.approve(ANNA, &[Claim::PhoneNumber], noon()).unwrap_err().code, "request.claims");
    }

    #[test]
    fn whoever_approves_late_leaves_the_client_time() {
        let late = noon().plus(WAITS - Duration::from_secs(1));
        let approved = request(RequestState::Waiting, Some(ANNA)).approve(ANNA, &[], late).unwrap();
        assert_eq!(approved.expires_at, late.plus(REDEEMED_WITHIN));
        assert_eq!(approved.state_at(late.plus(REDEEMED_WITHIN)), RequestState::Expired);
    }
}
