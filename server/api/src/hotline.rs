//! The 24-hour hotline: a call is opened, the caller found, the account suspended, the call closed.

use std::time::Duration;

use domain::{AccountId, AccountState, CallRef, Hkic, Masked, PersonName, Phone, Tier, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Role, Severity};

const HOTLINE: &[Role] = &[Role::HotlineAgent, Role::HotlineSupervisor];

/// Open a call and get the reference that is read to the caller.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct OpenCall {}

impl Operation for OpenCall {
    const NAME: &'static str = "hotline.open";
    const ROLES: &'static [Role] = HOTLINE;
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    const PATIENCE: Duration = super::CALLER_WAITS;
    type Reply = CallOpened;
}

/// A call that is open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallOpened {
    /// The reference, made to be read aloud.
    pub call: CallRef,
    /// Since when.
    pub opened_at: Timestamp,
}

/// Find the caller's account; the screen shows masked data only.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct FindCaller {
    /// In which call.
    pub call: CallRef,
    /// By what.
    pub by: Identifier,
}

/// What a caller names.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Identifier {
    /// HKIC number.
    Hkic(
        #[serde(with = "crate::secret::hkic")]
        #[schemars(with = "String")]
        Hkic,
    ),
    /// Phone number.
    Phone(
        #[serde(with = "crate::secret::phone")]
        #[schemars(with = "String")]
        Phone,
    ),
    /// Account reference.
    Account(AccountId),
}

impl Operation for FindCaller {
    const NAME: &'static str = "hotline.find";
    const ROLES: &'static [Role] = HOTLINE;
    const EFFECT: Effect = Effect::ReadPersonal;
    const PATIENCE: Duration = super::CALLER_WAITS;
    type Reply = Vec<FoundAccount>;

    fn subject(&self) -> String {
        self.call.to_string()
    }

    fn call(&self) -> Option<CallRef> {
        Some(self.call)
    }
}

/// An account that fits, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundAccount {
    /// Id.
    pub account: AccountId,
    /// Name.
    pub name_masked: Option<Masked<PersonName>>,
    /// HKIC number.
    pub hkic_masked: Option<Masked<Hkic>>,
    /// Tier.
    pub tier: Tier,
    /// State.
    pub state: AccountState,
    /// The device in use; null when none is bound.
    pub device: Option<String>,
}

/// Close a call.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CloseCall {
    /// Which.
    pub call: CallRef,
}

impl Operation for CloseCall {
    const NAME: &'static str = "hotline.close";
    const ROLES: &'static [Role] = HOTLINE;
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    const PATIENCE: Duration = super::CALLER_WAITS;
    type Reply = CallClosed;

    fn subject(&self) -> String {
        self.call.to_string()
    }

    fn call(&self) -> Option<CallRef> {
        Some(self.call)
    }
}

/// A call that is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallClosed {
    /// Which.
    pub call: CallRef,
    /// From.
    pub opened_at: Timestamp,
    /// To.
    pub closed_at: Timestamp,
    /// Accounts suspended in it.
    pub suspended: Vec<AccountId>,
}
