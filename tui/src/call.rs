//! What the dashboard asks of the server, what comes back, and the command that would do the same.

use api::Page;
use api::account::{SuspendAccount, Suspension};
use api::certificate::{CertificateDetail, CertificateView, ListCertificates, ShowCertificate};
use api::hotline::{CallClosed, CallOpened, CloseCall, FoundAccount, OpenCall};
use api::instance::{Check, CheckInstance, Overview, ShowOverview};
use api::job::{CancelJob, JobView};
use api::key::{KeyDetail, KeyRevocation, KeyView, ListKeys, RevokeKey, RotateKey, ShowKey};
use api::operator::{Identity, WhoAmI};
use api::relying_party::{ListParties, PartySummary, PartyView, ResumeParty, ShowParty, SuspendParty};
use api::{Operation, Role};
use domain::{
    AccountId, ActivateAt, CallRef, JobId, KeyPurpose, Kid, RelyingPartyId, RevocationReason, Serial, SuspensionReason,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::secret::Secret;
pub use crate::state::certificates::Wanted;

/// What is asked of the server.
#[derive(Debug)]
pub enum Call {
    /// To be told something.
    Read(Read),
    /// To find a caller; reads personal data.
    Find {
        /// In which call.
        call: CallRef,
        /// What was typed; wiped once it is sent.
        who: Secret,
    },
    /// To change something.
    Write(Write),
}

/// To be told something.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Read {
    /// Who the server takes us for.
    WhoAmI,
    /// One look at everything, with so many days of usage.
    Overview(u32),
    /// Whether the server is as it should be.
    Checks,
    /// Every relying party.
    Parties,
    /// One relying party.
    Party(RelyingPartyId),
    /// Every key.
    Keys,
    /// One key.
    Key(Kid),
    /// The page of these certificates that is behind that row.
    Certificates(Wanted, Option<String>),
    /// One certificate.
    Certificate(Serial),
}

/// To change something.
#[derive(Debug, Clone)]
pub enum Write {
    /// Stop a relying party.
    SuspendParty(RelyingPartyId, String),
    /// Let it go on.
    ResumeParty(RelyingPartyId, String),
    /// Make the next key.
    RotateKey(KeyPurpose, Option<domain::KeyAlgorithm>, ActivateAt),
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
}

/// What came back.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "each is the reply of the call of the same name")]
pub enum Reply {
    WhoAmI(Identity),
    Overview(Overview),
    Checks(Vec<Check>),
    Parties(Vec<PartySummary>),
    Party(Box<PartyView>),
    Keys(Vec<KeyView>),
    Key(Box<KeyDetail>),
    Certificates(Page<CertificateView>),
    Certificate(Box<CertificateDetail>),
    Found(Vec<FoundAccount>),
    PartySuspended(Box<PartyView>),
    PartyResumed(Box<PartyView>),
    Rotated(Vec<KeyView>),
    Revoked(KeyRevocation),
    Opened(CallOpened),
    Suspended(Suspension),
    Closed(CallClosed),
    Cancelled(JobView),
}

impl Read {
    /// Who may ask.
    #[must_use]
    pub fn roles(&self) -> &'static [Role] {
        match self {
            Self::WhoAmI => WhoAmI::ROLES,
            Self::Overview(_) => ShowOverview::ROLES,
            Self::Checks => CheckInstance::ROLES,
            Self::Parties => ListParties::ROLES,
            Self::Party(_) => ShowParty::ROLES,
            Self::Keys => ListKeys::ROLES,
            Self::Key(_) => ShowKey::ROLES,
            Self::Certificates(..) => ListCertificates::ROLES,
            Self::Certificate(_) => ShowCertificate::ROLES,
        }
    }

    /// The command that shows the same; none where there is no such command.
    #[must_use]
    pub fn command(&self) -> Option<String> {
        Some(match self {
            Self::WhoAmI => "iamctl whoami".to_owned(),
            Self::Overview(_) => return None,
            Self::Checks => "iamctl doctor".to_owned(),
            Self::Parties => "iamctl rp list".to_owned(),
            Self::Party(rp) => format!("iamctl rp show {rp}"),
            Self::Keys => "iamctl key list".to_owned(),
            Self::Key(kid) => format!("iamctl key show {kid}"),
            Self::Certificates(wanted, _) => wanted.command(),
            Self::Certificate(serial) => format!("iamctl cert show {serial}"),
        })
    }
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
        }
    }
}

impl Reply {
    /// What was done, in a line; empty for what was only asked.
    #[must_use]
    pub fn done(&self) -> String {
        match self {
            Self::PartySuspended(party) => format!("{} is suspended", party.rp),
            Self::PartyResumed(party) => format!("{} goes on", party.rp),
            Self::Rotated(keys) => {
                let made: Vec<String> = keys.iter().map(|key| format!("{} {}", key.algorithm, key.state)).collect();
                format!("new keys: {}", made.join(", "))
            }
            Self::Revoked(revocation) => {
                let kid = listed(&revocation.key.kid);
                match &revocation.replaced_by {
                    Some(by) => format!("key {kid} is revoked, {} has taken over", listed(by)),
                    None => format!("key {kid} is revoked"),
                }
            }
            Self::Opened(call) => format!("call {} is open", call.call),
            Self::Suspended(suspension) if suspension.already => format!("{} was suspended before", suspension.account),
            Self::Suspended(suspension) => format!("{} is suspended", suspension.account),
            Self::Closed(call) => format!("call {} is closed", call.call),
            Self::Cancelled(job) => format!("job {} is {}", job.kind, crate::words::job_state(job.state)),
            _ => String::new(),
        }
    }
}

/// The first eight characters of a key's id, which tell it apart well enough.
#[must_use]
pub fn short(kid: &Kid) -> String {
    kid.as_str().chars().take(8).collect()
}

/// A key's id as lists show it: whole when it is a name, its beginning when it is a thumbprint.
#[must_use]
pub(crate) fn listed(kid: &Kid) -> String {
    if kid.as_str().len() <= 13 { kid.to_string() } else { short(kid) }
}

/// A value as one word of a shell.
#[must_use]
pub fn shell_word(text: &str) -> String {
    let plain = |character: char| character.is_ascii_alphanumeric() || "-_./:@%+=,".contains(character);
    if !text.is_empty() && text.chars().all(plain) { text.to_owned() } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(shell_word("lost-device"), "lost-device");
        assert_eq!(shell_word("credential leaked, case 4711"), "'credential leaked, case 4711'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }

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
}
