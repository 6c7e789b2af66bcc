//! `iamctl key rotate`.

use api::key::{Notices, RotateKey, RotatedKey};
use api::rotation::{EmergencyRotation, PlanRotation, Readiness, RunPlan};
use clap::{ArgGroup, Args};
use client::CallOptions;
use domain::{ActivateAt, KeyAlgorithm, KeyPurpose, PlanRef, RevocationReason};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{moment, word};

/// Publish the next key and let it take over from the active one
#[derive(Debug, Args)]
#[command(group = ArgGroup::new("what").args(["purpose", "plan", "emergency"]).required(true).multiple(true),
    override_usage = "iamctl key rotate [OPTIONS] --purpose PURPOSE
       iamctl key rotate [OPTIONS] --plan PLAN
       iamctl key rotate [OPTIONS] --emergency --reason REASON")]
#[command(group = ArgGroup::new("why").args(["override", "emergency"]))]
#[command(after_help = "The new key is published at once and takes over after the publish interval, when
every relying party has fetched it. At its date it is held while one that counts
is not ready: 'iamctl key plan' shows which. '--override' goes on without them.

'--activate now' is refused while one that counts is not ready. '--override'
goes on without them there, too: they fail until they fetch the JWKS again.
'--emergency' is for a key that somebody else has: a new one signs at once, the
old one is revoked in the same step, and the reply names the relying parties
that no notice reaches: call them.

Examples:
  iamctl key rotate --purpose token-signing
  iamctl key rotate --purpose token-signing --activate 2022-06-01T02:00:00+08:00
  iamctl key rotate --plan R7K39QDX
  iamctl key rotate --purpose token-signing --activate now --yes
  iamctl key rotate --emergency --reason key-compromise")]
pub struct Rotate {
    /// The purpose of the keys; token-signing in an emergency, when absent
    #[arg(long, value_parser = word::<KeyPurpose>(KeyPurpose::WORDS), hide_possible_values = true)]
    purpose: Option<KeyPurpose>,
    /// Run this plan, of 'iamctl key plan'
    #[arg(long, conflicts_with_all = ["purpose", "line", "algorithm", "activate", "emergency"])]
    plan: Option<PlanRef>,
    /// The line of keys, where the purpose has several
    #[arg(long, value_name = "NAME")]
    line: Option<String>,
    /// Only this algorithm; every one of the line when absent
    #[arg(long, value_parser = word::<KeyAlgorithm>(KeyAlgorithm::WORDS), hide_possible_values = true)]
    algorithm: Option<KeyAlgorithm>,
    /// When it takes over: 'now' or a time; after the publish interval when absent
    #[arg(long, value_name = "now|TIME", value_parser = activate, alias = "at")]
    activate: Option<ActivateAt>,
    /// Go on although relying parties are not ready; --reason says why
    #[arg(long = "override", id = "override", requires = "reason")]
    regardless: bool,
    /// Replace a key that somebody else has; --reason says why it is revoked
    #[arg(long, conflicts_with_all = ["activate", "override"], requires = "reason")]
    emergency: bool,
    /// Why: a line of text, or in an emergency a reason such as key-compromise
    #[arg(long, value_name = "TEXT", requires = "why")]
    reason: Option<String>,
}

/// When a key takes over.
pub(super) fn activate(text: &str) -> Result<ActivateAt, String> {
    if text == "now" { Ok(ActivateAt::Now) } else { moment(text).map(ActivateAt::Time) }
}

impl Verb for Rotate {
    type Row = RotatedKey;

    async fn run(self, session: &Session) -> Result<Answer<RotatedKey>, Failure> {
        let made = if self.emergency {
            self.in_an_emergency(session).await?
        } else if let Some(plan) = self.plan {
            let what = format!("Run rotation {plan}: publish its new keys now?");
            session.confirm::<RunPlan>(&what, &plan.to_string()).await?;
            session.call(&RunPlan { plan, override_reason: self.reason }).await?
        } else {
            self.in_one_breath(session).await?
        };
        if let Some(first) = made.first()
            && first.replaced.is_some()
            && first.readiness.awaited() > 0
        {
            // A log has to show it as well.
            session.say(&unready(&first.readiness));
        }
        if let Some(told) = made.first().and_then(|made| made.notices.as_ref()).and_then(not_told) {
            session.say(&told);
        }
        let plan = made.first().and_then(|made| made.key.plan);
        let withdrawn: Vec<String> = made.iter().flat_map(|made| &made.withdrawn).map(ToString::to_string).collect();
        let mut answer = Answer::list(made);
        if !withdrawn.is_empty() {
            answer = answer.tell(format!("revoked, nothing that they signed is accepted any more: {}", withdrawn.join(", ")));
        }
        Ok(match plan {
            Some(plan) => answer.tell(format!("its steps, and who is ready: iamctl key plan {plan}")),
            None => answer,
        })
    }
}

impl Rotate {
    async fn in_one_breath(self, session: &Session) -> Result<Vec<RotatedKey>, Failure> {
        // clap has seen to it that one of the three is there.
        let purpose = self.purpose.unwrap_or(KeyPurpose::TokenSigning);
        let activate = self.activate.unwrap_or_default();
        let when = match activate {
            ActivateAt::AfterPublish => "it takes over after the publish interval".to_owned(),
            ActivateAt::Now => format!("it takes over NOW: {}", self.whom_it_meets(session, purpose).await?),
            ActivateAt::Time(at) => format!("it takes over at {}", client::times::people(at)),
        };
        session.confirm::<RotateKey>(&format!("Make a new {purpose} key; {when}?"), purpose.as_str()).await?;
        let op = RotateKey {
            purpose,
            name: self.line,
            algorithm: self.algorithm,
            activate,
            override_reason: self.reason.filter(|_| self.regardless),
        };
        session.call(&op).await
    }

    async fn in_an_emergency(self, session: &Session) -> Result<Vec<RotatedKey>, Failure> {
        let purpose = self.purpose.unwrap_or(KeyPurpose::TokenSigning);
        let word = self.reason.clone().unwrap_or_default();
        let reason: RevocationReason = word.parse().map_err(|_| {
            let of_a_key = |word: &&&str| word.parse::<RevocationReason>().is_ok_and(|reason| reason.check_for_key().is_ok());
            let known = RevocationReason::WORDS.iter().filter(of_a_key).copied().collect::<Vec<_>>().join(", ");
            Failure::new(api::Exit::Usage, "usage.invalid-value", format!("'{}' is no reason to revoke a key", domain::visible(&word)))
                .hint(format!("one of: {known}"))
        })?;
        let whom = self.whom_it_meets(session, purpose).await?;
        let what = format!("Replace the {purpose} keys NOW and revoke the old ones for {reason}: what they signed stops being good; {whom}?");
        session.confirm::<EmergencyRotation>(&what, purpose.as_str()).await?;
        let op = EmergencyRotation { purpose, name: self.line, algorithm: self.algorithm, reason };
        session.call(&op).await
    }

    /// How many relying parties a new key would meet unprepared, where somebody is there to be told before they answer.
    async fn whom_it_meets(&self, session: &Session, purpose: KeyPurpose) -> Result<String, Failure> {
        let unknown = "parties that hold the old JWKS fail until they fetch it again".to_owned();
        if !session.would_ask() {
            return Ok(unknown);
        }
        let op = PlanRotation { purpose, name: self.line.clone(), algorithm: self.algorithm, activate: ActivateAt::Now };
        let rehearsal = CallOptions { dry_run: true, idempotency_key: None, ..session.options() };
        let plan = session.answered(&op, rehearsal).await?.reply;
        Ok(plan.readiness.map_or(unknown, |readiness| unready(&readiness)))
    }
}

/// Whom somebody has to call, for no notice reaches them.
pub(super) fn not_told(notices: &Notices) -> Option<String> {
    let (parties, sent) = (&notices.without_a_way, notices.on_their_way);
    if parties.is_empty() {
        return None;
    }
    let names: Vec<String> = parties.iter().map(ToString::to_string).collect();
    let all = parties.len() as u64 + sent;
    let count = parties.len();
    Some(format!(
        "{count} of {all} relying parties have NOT been told, for there is no channel for notices to them: {}; \
         call them: 'iamctl rp show RP' has the contact",
        names.join(", ")
    ))
}

pub(super) fn unready(readiness: &Readiness) -> String {
    if readiness.not_tracked > 0 {
        return format!("which of {} relying parties have pinned what is replaced is not tracked", readiness.not_tracked);
    }
    let (awaited, all) = (readiness.awaited(), readiness.ready + readiness.awaited());
    format!("{awaited} of {all} relying parties do not know the new key and fail until they fetch the JWKS again")
}
