//! The steps of a plan with their dates, and the settings that the dates rest on.

use std::time::Duration;

use super::{PlanState, RotationPlan};
use crate::wire::words;
use crate::{ActivateAt, KeyPurpose, Timestamp};

/// The longest that a token of ours lives (public-interface.md: access tokens, 5 minutes).
pub const LONGEST_TOKEN: Duration = Duration::from_mins(5);

words! {
    /// A step of a rotation.
    pub enum RotationStep, "step of a rotation" {
        /// The new key is shown to others.
        Publish = 1 => "publish",
        /// Others learn it.
        Wait = 2 => "wait",
        /// It takes over; the old one signs no more.
        Activate = 3 => "activate",
        /// What the old one signed runs out.
        Drain = 4 => "drain",
        /// The old one is gone.
        Retire = 5 => "retire",
    }
}

words! {
    /// How a step stands.
    pub enum StepState, "state of a step" {
        /// Taken.
        Done = 1 => "done",
        /// It goes on now.
        UnderWay = 2 => "under-way",
        /// To come.
        Ahead = 3 => "ahead",
        /// It will not come: the plan ended before.
        CalledOff = 4 => "called-off",
    }
}

/// A step with its dates.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PlannedStep {
    /// Which.
    pub step: RotationStep,
    /// When it begins, or is taken.
    pub at: Timestamp,
    /// When it ends, for a step that lasts.
    pub until: Option<Timestamp>,
    /// How it stands.
    pub state: StepState,
}

/// What the dates of a rotation rest on: the settings, and what is fixed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RotationBasis {
    /// How long a relying party may keep the key set.
    pub jwks_max_age: Duration,
    /// How long the longest token lives.
    pub longest_token: Duration,
}

/// A setting behind a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name in `iamd.yaml`, or what it is in words where it is no setting.
    pub name: &'static str,
    /// Its value.
    pub value: Duration,
}

impl RotationPlan {
    /// Its steps with dates, of a plan that was not run as though it were run now.
    pub fn steps(&self, now: Timestamp) -> [PlannedStep; 5] {
        let publish = self.publish_at.unwrap_or(now);
        let activate = self.activated_at.or(self.activate_at).unwrap_or(match self.wanted {
            ActivateAt::Now => publish,
            ActivateAt::AfterPublish => publish.plus(self.times.publish),
            ActivateAt::Time(at) => at,
        });
        let retire = match self.state {
            PlanState::Done => self.finished_at.unwrap_or(activate),
            _ => activate.plus(self.times.drain),
        };
        let (published, activated) = (self.publish_at.is_some(), self.activated_at.is_some());
        let done = self.state == PlanState::Done;
        // In order: the first one that is not done goes on now, once the plan runs; those behind it are to come.
        let reached = [published, activated, activated, done, done];
        let mut under_way = published && !self.is_over();
        let mut state = |place: usize| match reached[place] {
            true => StepState::Done,
            false if self.is_over() => StepState::CalledOff,
            false if std::mem::take(&mut under_way) => StepState::UnderWay,
            false => StepState::Ahead,
        };
        let moment = |step, at, state| PlannedStep { step, at, until: None, state };
        [
            moment(RotationStep::Publish, publish, state(0)),
            PlannedStep { step: RotationStep::Wait, at: publish, until: Some(activate), state: state(1) },
            moment(RotationStep::Activate, activate, state(2)),
            PlannedStep { step: RotationStep::Drain, at: activate, until: Some(retire), state: state(3) },
            moment(RotationStep::Retire, retire, state(4)),
        ]
    }

    /// The settings behind the length of a step; none behind one that takes a moment.
    pub fn settings(&self, step: RotationStep, basis: &RotationBasis) -> Vec<Setting> {
        let setting = |name, value| Setting { name, value };
        match (step, self.purpose) {
            (RotationStep::Wait, KeyPurpose::TokenSigning) => {
                vec![setting("keyPublishInterval", self.times.publish), setting("jwksMaxAge", basis.jwks_max_age)]
            }
            (RotationStep::Drain, KeyPurpose::TokenSigning) => {
                vec![setting("keyDrainInterval", self.times.drain), setting("longest token", basis.longest_token)]
            }
            (RotationStep::Drain, KeyPurpose::IssuingCa) => vec![setting("longest certificate", self.times.drain)],
            (RotationStep::Wait, _) => vec![setting("keyPublishInterval", self.times.publish)],
            (RotationStep::Drain, _) => vec![setting("keyDrainInterval", self.times.drain)],
            (RotationStep::Publish | RotationStep::Activate | RotationStep::Retire, _) => Vec::new(),
        }
    }
}
