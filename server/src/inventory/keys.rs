//! The keys of the platform as things of the inventory.

use std::time::Duration;

use domain::{
    Direction, ItemKind, KeyFacts, KeyGeneration, KeyPurpose, KeyState, Next, NextStep, PlanState, RotationPlan, Timestamp,
    next_of_key,
};
use pki::{AuthorityName, AuthorityPurpose, Certificate, profile};

use super::gather::{Item, PLATFORM};
use crate::app::App;
use crate::failure::Failure;
use crate::key::work;
use crate::keys::PAYLOADS;
use crate::store::KeyRow;

/// A generation that waits, signs or drains.
pub(super) struct Held<'a> {
    generation: KeyGeneration,
    /// Serial number, first and last moment of its certificate.
    certificate: Option<(String, [Timestamp; 2])>,
    plan: Option<&'a RotationPlan>,
    /// What is next.
    pub(super) next: Option<Next>,
}

/// Every generation that waits, signs or drains.
pub(super) fn held_keys<'a>(app: &App, rows: &[KeyRow], plans: &'a [RotationPlan]) -> Result<Vec<Held<'a>>, Failure> {
    let held = rows.iter().map(|row| {
        let generation = row.generation()?;
        let certificate = row.certificate.as_deref().map(Certificate::from_der).transpose().map_err(anyhow::Error::from)?;
        let certificate = certificate.map(|read| (read.view().serial.clone(), [read.view().not_before, read.view().not_after]));
        let facts = KeyFacts {
            not_before: certificate.as_ref().map(|(_, [begins, _])| *begins),
            not_after: certificate.as_ref().map(|(_, [_, ends])| *ends),
            issues_for: issues_for(&row.kid),
            rotate_after: app.settings.rotate_after,
        };
        let plan = plans.iter().find(|plan| is_part_of(&generation, plan));
        let next = next_of_key(&generation, &facts, plan);
        Ok(Held { generation, certificate, plan, next })
    });
    held.collect()
}

/// Whether a rotation that is not over is about this generation.
fn is_part_of(generation: &KeyGeneration, plan: &RotationPlan) -> bool {
    let replaces = generation.state == KeyState::Active
        && plan.activated_at.is_none()
        && plan.state != PlanState::Planned
        && plan.purpose == generation.purpose
        && plan.name == generation.name
        && plan.algorithms.contains(&generation.algorithm);
    let waits = generation.state == KeyState::Published && generation.plan == Some(plan.id);
    replaces || waits || generation.drained_by == Some(plan.id)
}

/// The longest life of what an authority issues: to be followed in time, it has to be able to give as much. The root gives five
/// years to each authority; what it gives for longer may end with it.
fn issues_for(kid: &str) -> Duration {
    let Ok(name) = kid.parse::<AuthorityName>() else { return Duration::ZERO };
    match name.purpose {
        AuthorityPurpose::Root => profile::ISSUING_CA.lifetime,
        AuthorityPurpose::Operators => profile::OPERATOR.lifetime,
        AuthorityPurpose::Servers => profile::SERVER.lifetime,
        AuthorityPurpose::RelyingParties => profile::RELYING_PARTY.lifetime,
        AuthorityPurpose::Citizens => profile::CITIZEN_SIGNING.lifetime,
        AuthorityPurpose::TimeStamping => profile::TIME_STAMPING.lifetime,
    }
}

/// What hangs on one generation and what is next for it while it signs, in words; nothing of one that has left use.
pub(crate) fn told(app: &App, row: &KeyRow, plans: &[RotationPlan]) -> Result<(Vec<String>, Option<String>), Failure> {
    let held = held_keys(app, std::slice::from_ref(row), plans)?;
    let live =
        held.iter().find(|held| matches!(held.generation.state, KeyState::Published | KeyState::Active | KeyState::Draining));
    Ok(live.map_or((Vec::new(), None), |held| (held.depends(), held.is_active().then(|| held.next_in_words()).flatten())))
}

impl Held<'_> {
    /// What is next for one that signs.
    fn next_in_words(&self) -> Option<String> {
        let Next { step, at } = self.next?;
        let how = self.how().map(|how| format!(": {how}")).unwrap_or_default();
        let at = at.people();
        Some(match step {
            NextStep::GiveWay => format!("another one takes over at {at}{how}"),
            NextStep::GoOn => format!("another one takes over when its rotation goes on{how}"),
            NextStep::RenewsItself => format!("another one is made by itself from {at} on"),
            _ => format!("its rotation is due at {at}{how}"),
        })
    }

    /// Whether this is its certificate now.
    pub(super) fn is_certified_by(&self, serial: &str) -> bool {
        self.certificate.as_ref().is_some_and(|(own, _)| own == serial)
    }

    /// Whether it is in use.
    pub(super) fn is_active(&self) -> bool {
        self.generation.state == KeyState::Active
    }

    /// As a thing of the inventory. Alarms sound for its certificate, which is a thing of its own.
    pub(super) fn item(&self) -> Item {
        let generation = &self.generation;
        Item {
            id: generation.kid.to_string(),
            kind: ItemKind::Key,
            direction: Direction::Ours,
            what: format!("{} {} {}", generation.purpose, generation.name, generation.algorithm),
            holder: PLATFORM.to_owned(),
            party: None,
            state: generation.state.to_string(),
            ends_at: match generation.state {
                KeyState::Draining => generation.retire_at,
                _ => self.certificate.as_ref().map(|(_, [_, ends])| *ends),
            },
            renewed: generation.state == KeyState::Draining,
            counts: false,
            depends: self.depends(),
            next: self.next,
            how: self.how(),
            noted_at: generation.created_at,
            version: generation.version,
        }
    }

    /// What stops without it, in words.
    pub(super) fn depends(&self) -> Vec<String> {
        let generation = &self.generation;
        let kid = &generation.kid;
        vec![match generation.purpose {
            KeyPurpose::TokenSigning => "relying parties that verify our tokens".to_owned(),
            KeyPurpose::RootCa => "every certificate of this platform".to_owned(),
            KeyPurpose::IssuingCa => format!("every certificate that {kid} issued"),
            KeyPurpose::Ocsp => format!("OCSP answers for what {} issued", generation.name),
            KeyPurpose::TimeStamping => "time stamps".to_owned(),
            KeyPurpose::ServerTls => "TLS of the admin and public listeners".to_owned(),
            KeyPurpose::Audit if generation.name == PAYLOADS => "comparing request bodies in the audit log".to_owned(),
            KeyPurpose::Audit => "checkpoints of the audit log".to_owned(),
            KeyPurpose::Data => "the data key of every account, and every other key of the platform".to_owned(),
            KeyPurpose::BlindIndex => "finding accounts by card or phone number".to_owned(),
            KeyPurpose::Pairwise => "the subjects by which relying parties know accounts".to_owned(),
        }]
    }

    /// What to do about what is next, where somebody has to.
    pub(super) fn how(&self) -> Option<String> {
        match self.next?.step {
            NextStep::Rotate => self.rotation(),
            NextStep::GoOn | NextStep::Activate | NextStep::GiveWay | NextStep::Retire => {
                self.plan.map(|plan| format!("'iamctl key plan {}'", plan.id))
            }
            _ => None,
        }
    }

    /// The command that rotates it, where there is one.
    fn rotation(&self) -> Option<String> {
        let generation = &self.generation;
        if work::line(generation.purpose, Some(&generation.name), Some(generation.algorithm)).is_err() {
            return None;
        }
        // Named only where the purpose has several.
        let only = work::line(generation.purpose, None, None).is_ok_and(|line| line.name == generation.name);
        let line = if only { String::new() } else { format!(" --line {}", generation.name) };
        Some(format!("'iamctl key plan --purpose {}{line}', then 'iamctl key rotate --plan'", generation.purpose))
    }
}
