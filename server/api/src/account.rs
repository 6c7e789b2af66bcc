//! Citizens' accounts. Views are masked by type; nothing here can carry a full HKIC number out of the server.

use std::time::Duration;

use domain::{
    AccountId, AccountState, CallRef, Channel, Day, Hkic, LocationId, Masked, OperatorId, PersonName, Phone, RelyingPartyId, Sex,
    SuspensionReason, Tier, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

/// The most rows one import request carries: one transaction, one audit entry.
pub const MAX_ROWS: usize = 5_000;

/// Register a batch of accounts from a file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ImportAccounts {
    /// SHA-256 of the whole file, lower-case hex; with `chunk` it names this batch for ever. Only a keyed digest of it is kept.
    pub file: String,
    /// 0-based number of the batch within the file.
    pub chunk: u32,
    /// At most 5 000 rows.
    pub rows: Vec<ImportRow>,
}

impl Operation for ImportAccounts {
    const NAME: &'static str = "account.import";
    const ROLES: &'static [Role] = &[Role::RegistrationOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = Imported;

    /// Without the file's digest: that of a file of one line gives the person away to whoever tries all card numbers.
    fn subject(&self) -> String {
        format!("batch {}", self.chunk)
    }
}

/// One line of an import with its place in the file.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(from = "FlatRow")]
pub struct ImportRow {
    /// 1-based line.
    pub line: u64,
    /// What it says.
    #[serde(flatten)]
    pub registration: Registration,
}

/// A registration as `account import` reads it: one JSON object a line (contract section 6).
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Registration {
    /// HKIC number, checked.
    #[serde(with = "crate::secret::hkic")]
    #[schemars(with = "String")]
    pub hkic: Hkic,
    /// Names on the card.
    pub name: PersonName,
    /// Sex; new cards only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
    /// Date of birth.
    pub birth_date: Day,
    /// Date of issue of the card.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_issued: Option<Day>,
    /// Mobile phone, E.164.
    #[serde(with = "crate::secret::phone")]
    #[schemars(with = "String")]
    pub phone: Phone,
    /// Tier.
    pub tier: Tier,
    /// How the citizen registered.
    pub channel: Channel,
    /// Where; absent for `remote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub location: Option<LocationId>,
    /// When.
    pub registered_at: Timestamp,
}

/// A row as it is read: field by field, so that a mistake names its field, and nothing is copied aside on the way as
/// `flatten` would (half as long again to read, and card numbers left behind in memory).
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ImportRow")]
struct FlatRow {
    /// 1-based line.
    line: u64,
    /// HKIC number, checked.
    #[serde(with = "crate::secret::hkic")]
    #[schemars(with = "String")]
    hkic: Hkic,
    /// Names on the card.
    name: PersonName,
    /// Sex; new cards only.
    #[serde(default)]
    sex: Option<Sex>,
    /// Date of birth.
    birth_date: Day,
    /// Date of issue of the card.
    #[serde(default)]
    card_issued: Option<Day>,
    /// Mobile phone, E.164.
    #[serde(with = "crate::secret::phone")]
    #[schemars(with = "String")]
    phone: Phone,
    /// Tier.
    tier: Tier,
    /// How the citizen registered.
    channel: Channel,
    /// Where; absent for `remote`.
    #[serde(default)]
    location: Option<LocationId>,
    /// When.
    registered_at: Timestamp,
}

impl From<FlatRow> for ImportRow {
    fn from(row: FlatRow) -> Self {
        let FlatRow { line, hkic, name, sex, birth_date, card_issued, phone, tier, channel, location, registered_at } = row;
        let registration =
            Registration { hkic, name, sex, birth_date, card_issued, phone, tier, channel, location, registered_at };
        Self { line, registration }
    }
}

/// What an import batch did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Imported {
    /// New accounts.
    pub registered: u64,
    /// Rows that had been imported before.
    pub unchanged: u64,
    /// Rows that the state of things refuses.
    pub refused: Vec<RefusedRow>,
}

/// A row that was refused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RefusedRow {
    /// 1-based line.
    pub line: u64,
    /// Stable code.
    pub code: String,
    /// Why.
    pub message: String,
}

/// Show one account, masked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowAccount {
    /// Which.
    pub account: AccountId,
}

impl Operation for ShowAccount {
    const NAME: &'static str = "account.show";
    const ROLES: &'static [Role] = &[Role::HotlineAgent, Role::HotlineSupervisor, Role::RegistrationOfficer, Role::Auditor];
    const EFFECT: Effect = Effect::ReadPersonal;
    type Reply = AccountView;

    fn subject(&self) -> String {
        self.account.to_string()
    }
}

/// An account, masked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountView {
    /// Id.
    pub account: AccountId,
    /// State.
    pub state: AccountState,
    /// Tier.
    pub tier: Tier,
    /// How the citizen registered.
    pub channel: Channel,
    /// Where; absent for `remote`.
    pub location: Option<LocationId>,
    /// When.
    pub registered_at: Timestamp,
    /// Name; null once closed.
    pub name_masked: Option<Masked<PersonName>>,
    /// HKIC number; null once closed.
    pub hkic_masked: Option<Masked<Hkic>>,
    /// Phone; null once closed.
    pub phone_masked: Option<Masked<Phone>>,
    /// The device in use, by the name the citizen's app gave it; null when none is bound.
    pub device: Option<String>,
    /// The suspension in force.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended: Option<SuspendedFacts>,
    /// Counts up with each change.
    pub version: i64,
}

/// The suspension in force.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SuspendedFacts {
    /// Since when.
    pub since: Timestamp,
    /// Why.
    pub reason: SuspensionReason,
    /// By which operator; null when the citizen did it in the app.
    pub by: Option<OperatorId>,
    /// In which call.
    pub call: Option<CallRef>,
}

/// List accounts; no personal data.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListAccounts {
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<AccountState>,
    /// Only this tier.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tier: Option<Tier>,
    /// Only this channel.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub channel: Option<Channel>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListAccounts {
    const NAME: &'static str = "account.list";
    const ROLES: &'static [Role] = &[Role::HotlineSupervisor, Role::RegistrationOfficer, Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<AccountSummary>;
}

/// An account in a list; no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountSummary {
    /// Id.
    pub account: AccountId,
    /// State.
    pub state: AccountState,
    /// Tier.
    pub tier: Tier,
    /// How the citizen registered.
    pub channel: Channel,
    /// Where; absent for `remote`.
    pub location: Option<LocationId>,
    /// When.
    pub registered_at: Timestamp,
}

/// Stop every use of an account at once.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SuspendAccount {
    /// Which.
    pub account: AccountId,
    /// Why.
    pub reason: SuspensionReason,
    /// The call it came in by; hotline agents must name one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call: Option<CallRef>,
    /// What the reason `other` needs; kept sealed, at most 500 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

impl Operation for SuspendAccount {
    const NAME: &'static str = "account.suspend";
    const ROLES: &'static [Role] = &[Role::HotlineAgent, Role::HotlineSupervisor];
    // Protects, and must not wait for a person to type: the bar to suspend is low, the bar to restore is high.
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    const PATIENCE: Duration = super::CALLER_WAITS;
    type Reply = Suspension;

    fn subject(&self) -> String {
        self.account.to_string()
    }

    fn call(&self) -> Option<CallRef> {
        self.call
    }
}

/// A suspension, acknowledged: from this moment nothing of the account goes on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Suspension {
    /// Which account.
    pub account: AccountId,
    /// Always `suspended`.
    pub state: AccountState,
    /// Whether it had been suspended before; then nothing was changed now, and only a note was added.
    pub already: bool,
    /// The call on record.
    pub call: Option<CallRef>,
    /// Since when.
    pub suspended_at: Timestamp,
    /// Milliseconds the server took, up to making it durable.
    pub took_ms: u64,
    /// What was under way and has ended with it.
    pub ended: Ended,
    /// The parties that know this citizen, and whether each has been told.
    pub relying_parties: Vec<PartyNotice>,
    /// What the agent reads back to the caller.
    pub read_back: domain::Bilingual,
}

/// What was under way and has ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// Logins.
    pub sessions: u64,
    /// Tokens.
    pub tokens: u64,
    /// Requests waiting for the citizen.
    pub requests: u64,
    /// Signing certificates put on hold.
    pub certificates: u64,
}

/// Whether a party has been told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PartyNotice {
    /// Which party.
    pub rp: RelyingPartyId,
    /// How it stands.
    pub status: NoticeStatus,
}

/// How telling a party stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum NoticeStatus {
    /// On its way; tried again until it is answered.
    Pending,
    /// The party has confirmed.
    Acknowledged,
    /// Given up.
    Failed,
}

/// Show what was done to an account, by whom and when.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountHistory {
    /// Which.
    pub account: AccountId,
}

impl Operation for AccountHistory {
    const NAME: &'static str = "account.history";
    const ROLES: &'static [Role] = &[Role::HotlineAgent, Role::HotlineSupervisor, Role::RegistrationOfficer, Role::Auditor];
    const EFFECT: Effect = Effect::ReadPersonal;
    type Reply = Vec<AccountEventView>;

    fn subject(&self) -> String {
        self.account.to_string()
    }
}

/// One thing done to an account, oldest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AccountEventView {
    /// When.
    pub at: Timestamp,
    /// The operation, e.g. `account.suspend`.
    pub action: String,
    /// Who.
    pub operator: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// In which call.
    pub call: Option<CallRef>,
    /// What the audit entry says besides.
    pub facts: serde_json::Value,
}
