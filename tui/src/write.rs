//! What the dashboard changes: who may, how weighty it is, and the command that does the same.

use std::fmt;

use api::account::SuspendAccount;
use api::hotline::{CloseCall, OpenCall};
use api::job::CancelJob;
use api::key::{RevokeKey, RotateKey};
use api::relying_party::{ResumeParty, SuspendParty};
use api::rotation::{AbortPlan, EmergencyRotation, PausePlan, PlanRotation, ResumePlan, RunPlan};
use api::{Effect, Operation, Role, Severity};
use domain::{
    AccountId, ActivateAt, CallRef, JobId, KeyAlgorithm, KeyPurpose, Kid, PlanRef, RelyingPartyId, RevocationReason,
    SuspensionReason,
};
use zeroize::Zeroizing;

use crate::call::{shell_word, short};

/// To change something.
#[derive(Debug, Clone)]
pub enum Write {
    /// Stop a relying party.
    SuspendParty(RelyingPartyId, String),
    /// Let it go on.
    ResumeParty(RelyingPartyId, String),
    /// Make the next key.
    RotateKey(KeyPurpose, Option<KeyAlgorithm>, ActivateAt),
    /// Stop trusting a key.
    RevokeKey(Kid, RevocationReason),
    /// Open a call.
    OpenCall,
    /// Stop every use of an account.
    SuspendAccount {
        /// Which.
        account: AccountId,
        /// Why.
        reason: SuspensionReason,
        /// In which call.
        call: Option<CallRef>,
        /// What the reason `other` needs.
        note: Option<Zeroizing<String>>,
    },
    /// Close a call.
    CloseCall(CallRef),
    /// Stop a job.
    CancelJob(JobId),
    /// Write a rotation down.
    PlanRotation(KeyLine, ActivateAt),
    /// Run a rotation that was written down; the text is why it goes on without parties that are not ready.
    RunPlan(PlanRef, Option<String>),
    /// Stop a rotation until it is resumed.
    PausePlan(PlanRef),
    /// Let it go on; the text is why without parties that are not ready.
    ResumePlan(PlanRef, Option<String>),
    /// Call it off.
    AbortPlan(PlanRef),
    /// Replace a key that somebody else has, and revoke it.
    Emergency(KeyLine, RevocationReason),
}

/// Which keys a rotation is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyLine {
    /// What they are for.
    pub purpose: KeyPurpose,
    /// Which line of that purpose; where absent, the only one.
    pub name: Option<String>,
    /// Only this algorithm; every one of the line when absent.
    pub algorithm: Option<KeyAlgorithm>,
}

impl KeyLine {
    /// The flags that name it.
    fn flags(&self) -> String {
        let line = self.name.as_ref().map(|name| format!(" --line {}", shell_word(name))).unwrap_or_default();
        let algorithm = self.algorithm.map(|algorithm| format!(" --algorithm {algorithm}")).unwrap_or_default();
        format!(" --purpose {}{line}{algorithm}", self.purpose)
    }
}

impl fmt::Display for KeyLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.name.as_ref().map(|name| format!(" {name}")).unwrap_or_default();
        let algorithm = self.algorithm.map(|algorithm| format!(" {algorithm}")).unwrap_or_default();
        write!(f, "{}{name}{algorithm}", self.purpose)
    }
}

/// Why a rotation goes on although parties are not ready, as flags.
fn without(why: Option<&str>) -> String {
    why.map(|why| format!(" --override --reason {}", shell_word(why))).unwrap_or_default()
}

impl Write {
    /// Who may ask.
    #[must_use]
    pub fn roles(&self) -> &'static [Role] {
        match self {
            Self::SuspendParty(..) => SuspendParty::ROLES,
            Self::ResumeParty(..) => ResumeParty::ROLES,
            Self::RotateKey(..) => RotateKey::ROLES,
            Self::RevokeKey(..) => RevokeKey::ROLES,
            Self::OpenCall => OpenCall::ROLES,
            Self::SuspendAccount { .. } => SuspendAccount::ROLES,
            Self::CloseCall(_) => CloseCall::ROLES,
            Self::CancelJob(_) => CancelJob::ROLES,
            Self::PlanRotation(..) => PlanRotation::ROLES,
            Self::RunPlan(..) => RunPlan::ROLES,
            Self::PausePlan(_) => PausePlan::ROLES,
            Self::ResumePlan(..) => ResumePlan::ROLES,
            Self::AbortPlan(_) => AbortPlan::ROLES,
            Self::Emergency(..) => EmergencyRotation::ROLES,
        }
    }

    /// The command that does the same.
    #[must_use]
    pub fn command(&self) -> String {
        match self {
            Self::SuspendParty(rp, reason) => format!("iamctl rp suspend {rp} --reason {}", shell_word(reason)),
            Self::ResumeParty(rp, reason) => format!("iamctl rp resume {rp} --reason {}", shell_word(reason)),
            Self::RotateKey(purpose, algorithm, activate) => {
                let algorithm = algorithm.map(|algorithm| format!(" --algorithm {algorithm}")).unwrap_or_default();
                let activate = match activate {
                    ActivateAt::AfterPublish => String::new(),
                    ActivateAt::Now => " --activate now".to_owned(),
                    ActivateAt::Time(at) => format!(" --activate {at}"),
                };
                format!("iamctl key rotate --purpose {purpose}{algorithm}{activate}")
            }
            Self::RevokeKey(kid, reason) => format!("iamctl key revoke {kid} --reason {reason}"),
            Self::OpenCall => "iamctl hotline open".to_owned(),
            Self::SuspendAccount { account, reason, call, note } => {
                // The note may speak of a person: it stays out of what is shown and copied.
                let note = if note.is_some() { " --note TEXT" } else { "" };
                match call {
                    Some(call) => format!("iamctl hotline suspend {account} --call {call} --reason {reason}{note}"),
                    None => format!("iamctl account suspend {account} --reason {reason}{note}"),
                }
            }
            Self::CloseCall(call) => format!("iamctl hotline close {call}"),
            Self::CancelJob(job) => format!("iamctl job cancel {job}"),
            Self::PlanRotation(line, at) => {
                let at = match at {
                    ActivateAt::AfterPublish => String::new(),
                    ActivateAt::Now => " --at now".to_owned(),
                    ActivateAt::Time(at) => format!(" --at {at}"),
                };
                format!("iamctl key plan{}{at}", line.flags())
            }
            Self::RunPlan(plan, why) => format!("iamctl key rotate --plan {plan}{}", without(why.as_deref())),
            Self::PausePlan(plan) => format!("iamctl key pause {plan}"),
            Self::ResumePlan(plan, why) => format!("iamctl key resume {plan}{}", without(why.as_deref())),
            Self::AbortPlan(plan) => format!("iamctl key abort {plan}"),
            Self::Emergency(line, reason) => format!("iamctl key rotate --emergency{} --reason {reason}", line.flags()),
        }
    }

    /// How weighty it is, as the operation says.
    pub(crate) fn severity(&self) -> Severity {
        let effect = match self {
            Self::SuspendParty(..) => SuspendParty::EFFECT,
            Self::ResumeParty(..) => ResumeParty::EFFECT,
            Self::RotateKey(..) => RotateKey::EFFECT,
            Self::RevokeKey(..) => RevokeKey::EFFECT,
            Self::OpenCall => OpenCall::EFFECT,
            Self::SuspendAccount { .. } => SuspendAccount::EFFECT,
            Self::CloseCall(_) => CloseCall::EFFECT,
            Self::CancelJob(_) => CancelJob::EFFECT,
            Self::PlanRotation(..) => PlanRotation::EFFECT,
            Self::RunPlan(..) => RunPlan::EFFECT,
            Self::PausePlan(_) => PausePlan::EFFECT,
            Self::ResumePlan(..) => ResumePlan::EFFECT,
            Self::AbortPlan(_) => AbortPlan::EFFECT,
            Self::Emergency(..) => EmergencyRotation::EFFECT,
        };
        match effect {
            Effect::Write(severity) => severity,
            Effect::Read | Effect::ReadPersonal => Severity::Mild,
        }
    }

    /// What a weighty one asks to type: the same as on the command line.
    pub(crate) fn name(&self) -> String {
        match self {
            Self::SuspendParty(rp, _) | Self::ResumeParty(rp, _) => rp.to_string(),
            Self::RotateKey(purpose, ..) => purpose.to_string(),
            Self::RevokeKey(kid, _) => short(kid),
            Self::OpenCall => "open".to_owned(),
            Self::SuspendAccount { account, .. } => account.to_string(),
            Self::CloseCall(call) => call.to_string(),
            Self::CancelJob(job) => job.to_string(),
            Self::PlanRotation(line, _) | Self::Emergency(line, _) => line.purpose.to_string(),
            Self::RunPlan(plan, _) | Self::PausePlan(plan) | Self::ResumePlan(plan, _) | Self::AbortPlan(plan) => {
                plan.to_string()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_stays_out_of_the_command() {
        let write = Write::SuspendAccount {
            account: AccountId::from_number(7).unwrap(),
            reason: SuspensionReason::Other,
            call: None,
            note: Some(Zeroizing::new("spoke to the sister".into())),
        };
        assert!(write.command().ends_with("--reason other --note TEXT"), "{}", write.command());
    }

    #[test]
    fn a_line_of_keys_is_named_as_on_the_command_line() {
        let line =
            |name: Option<&str>, algorithm| KeyLine { purpose: KeyPurpose::IssuingCa, name: name.map(str::to_owned), algorithm };
        let plan = Write::PlanRotation(line(Some("operators"), Some(KeyAlgorithm::Es256)), ActivateAt::AfterPublish);
        assert_eq!(plan.command(), "iamctl key plan --purpose issuing-ca --line operators --algorithm ES256");
        let emergency = Write::Emergency(line(None, None), RevocationReason::KeyCompromise);
        assert_eq!(emergency.command(), "iamctl key rotate --emergency --purpose issuing-ca --reason key-compromise");
        let plan: PlanRef = PlanRef::from_number(7).unwrap();
        let run = Write::RunPlan(plan, Some("told by phone, ticket 4711".to_owned()));
        assert_eq!(run.command(), format!("iamctl key rotate --plan {plan} --override --reason 'told by phone, ticket 4711'"));
    }
}
