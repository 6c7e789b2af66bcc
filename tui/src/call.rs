//! What the dashboard asks of the server, what comes back, and the command that would do the same.

use std::path::PathBuf;

use api::Page;
use api::account::Suspension;
use api::certificate::{CertificateDetail, CertificateView, ListCertificates, ShowCertificate};
use api::hotline::{CallClosed, CallOpened, FoundAccount};
use api::instance::{Check, CheckInstance, Overview, ShowOverview};
use api::inventory::{InventoryItem, ListInventory};
use api::job::JobView;
use api::key::{KeyDetail, KeyRevocation, KeyView, ListKeys, Notices, RotatedKey, ShowKey};
use api::operator::{Identity, WhoAmI};
use api::relying_party::{ListParties, PartySummary, PartyView, ShowParty};
use api::rotation::{ListPlans, PlanView, ShowPlan};
use api::stats::{Trend, TrendReport, UsageReport};
use api::{Operation, Role};
use domain::{CallRef, ClientId, Day, Kid, Month, PlanRef, RelyingPartyId, Serial};
use serde::{Deserialize, Serialize};

use crate::secret::Secret;
use crate::state::ending;
pub use crate::state::statistics::MonthFigures;
pub use crate::state::wanted::Wanted;
pub use crate::write::{KeyLine, Write};

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
    /// To be told the reply to the Legislative Council, and to write it to a file as its ending says.
    Export {
        /// As at the end of this day.
        as_at: Day,
        /// The file.
        file: PathBuf,
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
    /// What is about to end, ours and the relying parties'.
    Ending,
    /// Every rotation.
    Plans,
    /// One rotation, with its steps and who is ready.
    Plan(PlanRef),
    /// Figures of a month; of the last one with uses when absent.
    Month(Option<Month>),
    /// Uses of a service by month, up to one that has ended; to the last of those when absent.
    ServiceMonths(ClientId, Option<Month>),
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
    Ending(Page<InventoryItem>),
    Plans(Vec<PlanView>),
    Plan(Box<PlanView>),
    Month(Box<MonthFigures>),
    ServiceMonths(Box<Trend>),
    Exported { file: String, bytes: u64, command: String },
    Found(Vec<FoundAccount>),
    PartySuspended(Box<PartyView>),
    PartyResumed(Box<PartyView>),
    Rotated(Vec<RotatedKey>),
    Revoked(KeyRevocation),
    Opened(CallOpened),
    Suspended(Suspension),
    Closed(CallClosed),
    Cancelled(JobView),
    Planned(Box<PlanView>),
    PlanChanged(Box<PlanView>),
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
            Self::Ending => ListInventory::ROLES,
            Self::Plans => ListPlans::ROLES,
            Self::Plan(_) => ShowPlan::ROLES,
            Self::Month(_) => UsageReport::ROLES,
            Self::ServiceMonths(..) => TrendReport::ROLES,
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
            Self::Ending => format!("iamctl key inventory --within {}", ending::days()),
            Self::Plans => "iamctl key plan --list".to_owned(),
            Self::Plan(plan) => format!("iamctl key plan {plan}"),
            Self::Month(Some(month)) => format!("iamctl stats usage --by service --from {month} --to {month}"),
            Self::Month(None) => "iamctl stats trend".to_owned(),
            Self::ServiceMonths(service, None) => format!("iamctl stats trend --service {service}"),
            Self::ServiceMonths(service, Some(to)) => format!("iamctl stats trend --service {service} --to {to}"),
        })
    }
}

/// How many parties somebody has to call, for no notice reaches them.
fn to_call(notices: Option<&Notices>) -> String {
    match notices.map_or(0, |notices| notices.without_a_way.len()) {
        0 => String::new(),
        1 => "; 1 party not told: call".to_owned(),
        many => format!("; {many} parties not told: call"),
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
                let made: Vec<String> = keys.iter().map(|made| format!("{} {}", made.key.algorithm, made.key.state)).collect();
                let notices = keys.first().and_then(|made| made.notices.as_ref());
                format!("new keys: {}{}", made.join(", "), to_call(notices))
            }
            Self::Revoked(revocation) => {
                let kid = listed(&revocation.key.kid);
                let call = to_call(revocation.notices.as_ref());
                match &revocation.replaced_by {
                    Some(by) => format!("key {kid} is revoked, {} has taken over{call}", listed(by)),
                    None => format!("key {kid} is revoked{call}"),
                }
            }
            Self::Opened(call) => format!("call {} is open", call.call),
            Self::Suspended(suspension) if suspension.already => format!("{} was suspended before", suspension.account),
            Self::Suspended(suspension) => format!("{} is suspended", suspension.account),
            Self::Closed(call) => format!("call {} is closed", call.call),
            Self::Planned(plan) => format!("rotation {} is written down; 'r' runs it", plan.plan),
            Self::PlanChanged(plan) => format!("rotation {} is {}", plan.plan, plan.state),
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

/// Columns of a key's id in lists.
const LISTED: usize = 13;
/// Characters of a thumbprint (RFC 7638 with SHA-256, base64url).
const THUMBPRINT: usize = 43;

/// A key's id as lists show it: whole when it is a short name, the beginning and the generation of a long one, the beginning of a
/// thumbprint.
#[must_use]
pub(crate) fn listed(kid: &Kid) -> String {
    let name = kid.as_str();
    match name.rsplit_once('-') {
        _ if name.len() <= LISTED => name.to_owned(),
        Some((line, generation)) if name.len() < THUMBPRINT && generation.len() < 4 => {
            let room = LISTED - generation.len() - 3;
            format!("{}..-{generation}", line.chars().take(room).collect::<String>())
        }
        _ => short(kid),
    }
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
    fn two_generations_of_a_line_are_never_shown_alike() {
        let shown = |kid: &str| listed(&kid.parse().unwrap());
        assert_eq!(shown("operators-1"), "operators-1");
        assert_eq!([shown("relying-parties-1"), shown("relying-parties-12")], ["relying-p..-1", "relying-..-12"]);
        assert_eq!(shown("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs").len(), 8);
    }

    #[test]
    fn a_word_survives_the_shell() {
        assert_eq!(shell_word("lost-device"), "lost-device");
        assert_eq!(shell_word("credential leaked, case 4711"), "'credential leaked, case 4711'");
        assert_eq!(shell_word("it's"), r"'it'\''s'");
        assert_eq!(shell_word(""), "''");
    }
}
