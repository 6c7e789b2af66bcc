//! A rotation as a plan: its steps with dates, and the rules by which it is run, paused, held, resumed and called off.
//!
//! The generations have their own rules ([`crate::key`]); a plan says when those are asked. A running plan's generations take
//! their dated steps, those of a paused or held plan do not: the new key stays in the key set and does not sign, an old one that
//! drains goes on being accepted. Whatever stands still errs on the side of more keys accepted, never fewer.

mod renewal;
mod schedule;

use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{
    ActivateAt, KeyAlgorithm, KeyGeneration, KeyPurpose, KeyState, Kid, OperatorId, PlanRef, Refusal, RevocationReason,
    RotationTimes, Timestamp,
};

pub use renewal::{LONGEST_STAMPING, renew_from, renews_itself};
pub use schedule::{LONGEST_TOKEN, PlannedStep, RotationBasis, RotationStep, Setting, StepState};

/// A plan that is not run within this time lapses: keys, parties and settings are others by then.
pub const KEPT: Duration = Duration::from_hours(7 * 24);

words! {
    /// The state of a rotation plan.
    pub enum PlanState, "plan state" {
        /// Written down; nothing has happened.
        Planned = 1 => "planned",
        /// Its steps are taken as they are due.
        Running = 2 => "running",
        /// An operator has stopped it; `resume` lets it go on.
        Paused = 3 => "paused",
        /// It has reached its date and waits: for parties to be ready, or for work to be finished.
        Held = 4 => "held",
        /// Every step is taken.
        Done = 5 => "done",
        /// Called off before the new key signed.
        Aborted = 6 => "aborted",
        /// Never run: another plan took its place, or it grew too old.
        Lapsed = 7 => "lapsed",
    }
}

words! {
    /// What a held plan waits for.
    pub enum HoldCause, "cause of a hold" {
        /// Relying parties that do not know the new key, or of whom it is not known.
        Parties = 1 => "parties-not-ready",
        /// Work that the new key needs before it takes over.
        Work = 2 => "work-unfinished",
    }
}

/// Somebody's word that a rotation goes on although parties are not ready.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Override {
    /// Why, as the operator wrote it.
    pub reason: String,
    /// Who.
    pub by: OperatorId,
    /// When.
    pub at: Timestamp,
}

/// A rotation of one line of keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RotationPlan {
    /// Its reference.
    pub id: PlanRef,
    /// What the keys are for.
    pub purpose: KeyPurpose,
    /// Which line of that purpose.
    pub name: String,
    /// The algorithms that are rotated together.
    pub algorithms: Vec<KeyAlgorithm>,
    /// Its state.
    pub state: PlanState,
    /// When it was written down.
    pub created_at: Timestamp,
    /// By whom. None: by the platform itself, on schedule.
    pub created_by: Option<OperatorId>,
    /// When the new key is to take over.
    pub wanted: ActivateAt,
    /// How long the stages last, as the settings said when it was written down.
    pub times: RotationTimes,
    /// When the new key was published. None: not yet run.
    pub publish_at: Option<Timestamp>,
    /// When it takes over. None: not yet run.
    pub activate_at: Option<Timestamp>,
    /// When it did.
    pub activated_at: Option<Timestamp>,
    /// When the plan ended, one way or another.
    pub finished_at: Option<Timestamp>,
    /// Set when a key was withdrawn at the same moment, and why.
    pub emergency: Option<RevocationReason>,
    /// Set when it goes on although parties are not ready.
    pub overridden: Option<Override>,
    /// What it waits for, while it is held.
    pub hold: Option<HoldCause>,
    /// Version of the row.
    pub version: i64,
}

/// What is due of a plan.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Due {
    /// The published keys take over, all of them together; the active ones of the same slots begin to drain.
    Activate {
        /// Those that take over.
        kids: Vec<Kid>,
        /// Those that they replace.
        drains: Vec<Kid>,
    },
    /// A drained key is retired.
    Retire {
        /// Which.
        kid: Kid,
    },
    /// Nothing is left to do.
    Finish,
    /// It was not run in time.
    Lapse,
}

/// Whether a rotation of that purpose may begin while the one before it still drains: where old and new live side by side in
/// any number. Where every record is brought from the old key to the new one, it may not.
pub const fn may_overlap(purpose: KeyPurpose) -> bool {
    !matches!(purpose, KeyPurpose::Data | KeyPurpose::BlindIndex | KeyPurpose::Pairwise)
}

/// Refuses a rotation while another one stands in its way: of the same line, with an algorithm in common.
///
/// # Errors
/// `key.rotation-in-progress`, with the plan.
pub fn in_the_way(open: &[RotationPlan], purpose: KeyPurpose, name: &str, algorithms: &[KeyAlgorithm]) -> Result<(), Refusal> {
    let other = open.iter().find(|plan| {
        plan.occupies()
            && plan.purpose == purpose
            && plan.name == name
            && plan.algorithms.iter().any(|algorithm| algorithms.contains(algorithm))
    });
    match other {
        None => Ok(()),
        Some(other) => Err(Refusal::new(
            "key.rotation-in-progress",
            format!("a rotation of {purpose} {name} is under way: plan {} is {}", other.id, other.state),
        )
        .hint(format!("see 'iamctl key plan {}'", other.id))),
    }
}

impl RotationPlan {
    /// Whether it keeps other rotations of its line out. A planned one does not: whoever runs theirs first wins.
    pub fn occupies(&self) -> bool {
        let under_way = matches!(self.state, PlanState::Running | PlanState::Paused | PlanState::Held);
        under_way && (self.activated_at.is_none() || !may_overlap(self.purpose))
    }

    /// Whether nothing more will happen.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, PlanState::Done | PlanState::Aborted | PlanState::Lapsed)
    }

    /// When a plan that was not run lapses.
    pub fn lapses_at(&self) -> Timestamp {
        self.created_at.plus(KEPT)
    }

    /// Whether the date that is wanted can be kept, were it run now.
    ///
    /// # Errors
    /// `key.activation-too-early`, `key.activation-too-late`.
    pub fn check_date(&self, now: Timestamp) -> Result<(), Refusal> {
        self.wanted.moment(now, &self.times).map(drop)
    }

    /// From planned to running: the new keys are published now and take over at `activate_at`.
    ///
    /// # Errors
    /// `key.plan-state`; `key.plan-lapsed` when it is too old.
    pub fn run(&self, now: Timestamp, activate_at: Timestamp) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Planned], "run")?;
        if now > self.lapses_at() {
            return Err(self.lapsed());
        }
        Ok(Self { state: PlanState::Running, publish_at: Some(now), activate_at: Some(activate_at), ..self.clone() })
    }

    /// Stops it until it is resumed. Before the new key has taken over, it stays published and does not sign; afterwards the old one goes on
    /// being accepted.
    ///
    /// # Errors
    /// `key.plan-state`.
    pub fn pause(&self) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Running, PlanState::Held], "paused")?;
        Ok(Self { state: PlanState::Paused, hold: None, ..self.clone() })
    }

    /// Lets it go on. What fell due meanwhile is due at once: the new key was published all the while.
    ///
    /// # Errors
    /// `key.plan-state`; `key.plan-held` for one that is held and is not told to go on regardless; `key.plan-working` for one
    /// that is held for unfinished work, which nobody can wave through.
    pub fn resume(&self, overridden: Option<Override>) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Paused, PlanState::Held], "resumed")?;
        match self.hold {
            Some(HoldCause::Work) => {
                return Err(Refusal::new("key.plan-working", format!("plan {} waits for work that is not finished", self.id))
                    .hint("it goes on by itself; 'iamctl key plan' shows how far the work is"));
            }
            Some(HoldCause::Parties) if overridden.is_none() => {
                return Err(Refusal::new(
                    "key.plan-held",
                    format!("plan {} waits for relying parties that are not ready, and goes on by itself when they are", self.id),
                )
                .hint("'iamctl key plan' shows which; '--override --reason TEXT' goes on without them"));
            }
            _ => {}
        }
        let overridden = overridden.or_else(|| self.overridden.clone());
        Ok(Self { state: PlanState::Running, hold: None, overridden, ..self.clone() })
    }

    /// Whether its new key may sign at once, when so many relying parties do not know it: in an emergency, or on somebody's word.
    ///
    /// # Errors
    /// `key.plan-held`.
    pub fn check_at_once(&self, awaited: u64) -> Result<(), Refusal> {
        if awaited == 0 || self.emergency.is_some() || self.overridden.is_some() {
            return Ok(());
        }
        let message = format!("{awaited} relying parties do not know the new key and would fail; nothing was changed");
        Err(Refusal::new("key.plan-held", message).hint(
            "leave out '--activate now': it takes over when they are ready; '--override --reason TEXT' goes on without them; a key that somebody else has is replaced by '--emergency'",
        ))
    }

    /// Calls it off: what it has published is retired without having signed.
    ///
    /// # Errors
    /// `key.plan-activated` once the new key signs; `key.plan-state` when it has ended.
    pub fn abort(&self, now: Timestamp) -> Result<Self, Refusal> {
        let open = [PlanState::Planned, PlanState::Running, PlanState::Paused, PlanState::Held];
        self.must_be(&open, "aborted")?;
        if let Some(at) = self.activated_at {
            return Err(Refusal::new(
                "key.plan-activated",
                format!("the new key of plan {} has signed since {}", self.id, at.people()),
            )
            .hint("nothing goes back to the old key; 'iamctl key rotate' makes another one"));
        }
        Ok(Self { state: PlanState::Aborted, hold: None, finished_at: Some(now), ..self.clone() })
    }

    /// Its date has come and it cannot go on yet.
    ///
    /// # Errors
    /// `key.plan-state`; `key.plan-activated`.
    pub fn hold(&self, cause: HoldCause) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Running, PlanState::Held], "held")?;
        self.must_not_be_active()?;
        Ok(Self { state: PlanState::Held, hold: Some(cause), ..self.clone() })
    }

    /// The new keys take over.
    ///
    /// # Errors
    /// `key.plan-state`; `key.plan-activated`.
    pub fn activate(&self, now: Timestamp) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Running, PlanState::Held], "activated")?;
        self.must_not_be_active()?;
        Ok(Self { state: PlanState::Running, hold: None, activated_at: Some(now), ..self.clone() })
    }

    /// Nothing is left to do.
    ///
    /// # Errors
    /// `key.plan-state`, for one whose new key does not sign yet as well.
    pub fn finish(&self, now: Timestamp) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Running], "finished")?;
        if self.activated_at.is_none() {
            return Err(Refusal::new("key.plan-state", format!("the new key of plan {} does not sign yet", self.id)));
        }
        Ok(Self { state: PlanState::Done, finished_at: Some(now), ..self.clone() })
    }

    /// It is not run any more.
    ///
    /// # Errors
    /// `key.plan-state`.
    pub fn lapse(&self, now: Timestamp) -> Result<Self, Refusal> {
        self.must_be(&[PlanState::Planned], "lapsed")?;
        Ok(Self { state: PlanState::Lapsed, finished_at: Some(now), ..self.clone() })
    }

    /// What it is after one of its keys was withdrawn by hand: done when nothing of it waits or drains and a key of it signs,
    /// called off when none of its keys is left. None: it stays as it is.
    pub fn settled(&self, generations: &[KeyGeneration], now: Timestamp) -> Option<Self> {
        let under_way = matches!(self.state, PlanState::Running | PlanState::Paused | PlanState::Held);
        if !under_way || self.published(generations).next().is_some() || self.draining(generations).next().is_some() {
            return None;
        }
        let made = |generation: &&KeyGeneration| generation.plan == Some(self.id) && generation.state == KeyState::Active;
        let signs = self.activated_at.is_some() || generations.iter().any(|generation| made(&generation));
        let state = if signs { PlanState::Done } else { PlanState::Aborted };
        let activated_at = self.activated_at.or(signs.then_some(now));
        Some(Self { state, activated_at, hold: None, finished_at: Some(now), ..self.clone() })
    }

    /// What is due at `now`. Asked again after it was done, it answers with what comes next, or nothing.
    pub fn due(&self, generations: &[KeyGeneration], now: Timestamp) -> Option<Due> {
        if self.state == PlanState::Planned {
            return (now > self.lapses_at()).then_some(Due::Lapse);
        }
        if !matches!(self.state, PlanState::Running | PlanState::Held) {
            return None;
        }
        let waiting: Vec<&KeyGeneration> = self.published(generations).collect();
        if !waiting.is_empty() {
            let due = self.activate_at.is_some_and(|at| at <= now);
            let replaced = |generation: &&KeyGeneration| {
                generation.state == KeyState::Active && waiting.iter().any(|waiting| waiting.slot() == generation.slot())
            };
            return due.then(|| Due::Activate {
                kids: waiting.iter().map(|generation| generation.kid.clone()).collect(),
                drains: generations.iter().filter(replaced).map(|generation| generation.kid.clone()).collect(),
            });
        }
        let mut draining = self.draining(generations).peekable();
        if draining.peek().is_none() {
            return (self.activated_at.is_some()).then_some(Due::Finish);
        }
        let drained = draining.find(|generation| generation.retire_at.is_none_or(|at| at <= now))?;
        Some(Due::Retire { kid: drained.kid.clone() })
    }

    fn published<'a>(&self, generations: &'a [KeyGeneration]) -> impl Iterator<Item = &'a KeyGeneration> {
        let id = self.id;
        generations.iter().filter(move |one| one.plan == Some(id) && one.state == KeyState::Published)
    }

    fn draining<'a>(&self, generations: &'a [KeyGeneration]) -> impl Iterator<Item = &'a KeyGeneration> {
        let id = self.id;
        generations.iter().filter(move |one| one.drained_by == Some(id) && one.state == KeyState::Draining)
    }

    fn must_be(&self, wanted: &[PlanState], verb: &str) -> Result<(), Refusal> {
        if wanted.contains(&self.state) {
            return Ok(());
        }
        if self.state == PlanState::Lapsed {
            return Err(self.lapsed());
        }
        let message = format!("plan {} is {} and cannot be {verb}", self.id, self.state);
        Err(Refusal::new("key.plan-state", message).hint(format!("see 'iamctl key plan {}'", self.id)))
    }

    fn must_not_be_active(&self) -> Result<(), Refusal> {
        match self.activated_at {
            None => Ok(()),
            Some(at) => Err(Refusal::new(
                "key.plan-activated",
                format!("the new key of plan {} has signed since {}", self.id, at.people()),
            )),
        }
    }

    fn lapsed(&self) -> Refusal {
        Refusal::new("key.plan-lapsed", format!("plan {} has lapsed: it was not run in time, or another took its place", self.id))
            .hint("'iamctl key plan --purpose' makes a new one")
    }
}

#[cfg(test)]
mod tests;
