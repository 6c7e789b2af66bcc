//! Operators: who may use the admin listener, and as what.

use domain::{Environment, OperatorId, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

/// Put a new operator on record; they enrol with the one-time code of the reply. Again for the same id, with the name and
/// roles on record, it makes a new code; once that is spent, the certificates before it are revoked.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddOperator {
    /// Id, e.g. `duty-officer-3`.
    pub id: OperatorId,
    /// Name or function, as it stands in the certificate.
    pub name: String,
    /// What they may do; at least one.
    pub roles: Vec<Role>,
}

impl Operation for AddOperator {
    const NAME: &'static str = "operator.add";
    const ROLES: &'static [Role] = &[Role::Administrator];
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = OperatorAdded;

    fn subject(&self) -> String {
        self.id.to_string()
    }

    fn without_secrets(reply: OperatorAdded) -> OperatorAdded {
        OperatorAdded {
            code: None,
            note: Some("the enrolment code is shown once; 'operator add' again for this id makes a new one".into()),
            ..reply
        }
    }
}

/// A new operator, and how they get in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorAdded {
    /// Id.
    pub operator: OperatorId,
    /// Name on record.
    pub name: String,
    /// Roles on record.
    pub roles: Vec<Role>,
    /// The one-time enrolment code; null when the reply is a repetition or of a dry run.
    pub code: Option<String>,
    /// The code's last moment.
    pub expires_at: Timestamp,
    /// Why the code is null, when it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// List the operators.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListOperators {
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListOperators {
    const NAME: &'static str = "operator.list";
    const ROLES: &'static [Role] = &[Role::Administrator, Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<OperatorView>;
}

/// Whether an operator may come in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum OperatorState {
    /// On record; may come in once they have enrolled.
    Invited,
    /// May come in.
    Active,
    /// Refused at the next request.
    Disabled,
}

/// An operator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorView {
    /// Id.
    pub operator: OperatorId,
    /// Name on record.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// Whether they may come in.
    pub state: OperatorState,
    /// When they were put on record.
    pub created_at: Timestamp,
    /// Their certificates, newest first.
    pub certificates: Vec<OperatorCertificate>,
}

/// A certificate an operator comes in with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct OperatorCertificate {
    /// Serial, lower-case hex.
    pub serial: String,
    /// Its first moment.
    pub not_before: Timestamp,
    /// Its last moment.
    pub not_after: Timestamp,
    /// When it was revoked, because its holder enrolled anew.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

/// Show one operator.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowOperator {
    /// Who.
    pub operator: OperatorId,
}

impl Operation for ShowOperator {
    const NAME: &'static str = "operator.show";
    const ROLES: &'static [Role] = &[Role::Administrator, Role::Auditor];
    const EFFECT: Effect = Effect::Read;
    type Reply = OperatorView;

    fn subject(&self) -> String {
        self.operator.to_string()
    }
}

/// Shut an operator out; their open connection is refused at its next request.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DisableOperator {
    /// Who.
    pub operator: OperatorId,
}

impl Operation for DisableOperator {
    const NAME: &'static str = "operator.disable";
    const ROLES: &'static [Role] = &[Role::Administrator];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = OperatorView;

    fn subject(&self) -> String {
        self.operator.to_string()
    }
}

/// Let a disabled operator in again.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct EnableOperator {
    /// Who.
    pub operator: OperatorId,
}

impl Operation for EnableOperator {
    const NAME: &'static str = "operator.enable";
    const ROLES: &'static [Role] = &[Role::Administrator];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = OperatorView;

    fn subject(&self) -> String {
        self.operator.to_string()
    }
}

/// Who the server takes the caller for.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WhoAmI {}

impl Operation for WhoAmI {
    const NAME: &'static str = "operator.whoami";
    const ROLES: &'static [Role] = Role::ALL;
    const EFFECT: Effect = Effect::Read;
    type Reply = Identity;
}

/// The caller, as the server sees them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Identity {
    /// Id.
    pub operator: OperatorId,
    /// Name on record.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// Last moment of the certificate in use.
    pub certificate_not_after: Timestamp,
    /// The server's clock.
    pub server_time: Timestamp,
    /// The server's version.
    pub version: String,
}
