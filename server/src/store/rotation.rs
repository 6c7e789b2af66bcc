//! Rotation plans.

use std::time::Duration;

use domain::{ActivateAt, KeyAlgorithm, Override, PlanRef, RotationPlan, RotationTimes, Timestamp};
use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

/// A plan as stored.
#[derive(Debug, Clone, sqlx::FromRow)]
pub struct PlanRow {
    /// Reference.
    pub id: String,
    /// Purpose of its keys.
    pub purpose: String,
    /// Line.
    pub name: String,
    /// Algorithms, parted by spaces.
    pub algorithms: String,
    /// State.
    pub state: String,
    /// Whether it keeps other rotations of its line out; the rule says it anew at each write.
    pub occupies: bool,
    /// Counts up with each change.
    pub version: i64,
    /// When it was written down.
    pub created_at: i64,
    /// By whom; empty for the platform itself.
    pub created_by: String,
    /// `after-publish`, `now` or `time`.
    pub wanted: String,
    /// The time.
    pub wanted_at: Option<i64>,
    /// From publishing to taking over, microseconds.
    pub publish_micros: i64,
    /// From draining to retiring, microseconds.
    pub drain_micros: i64,
    /// When it was run.
    pub publish_at: Option<i64>,
    /// When the new key takes over.
    pub activate_at: Option<i64>,
    /// When it did.
    pub activated_at: Option<i64>,
    /// When the plan ended.
    pub finished_at: Option<i64>,
    /// Why a key was withdrawn at the same moment.
    pub emergency: Option<String>,
    /// Why it goes on although parties are not ready.
    pub override_reason: Option<String>,
    /// Who said so.
    pub override_by: Option<String>,
    /// When.
    pub override_at: Option<i64>,
    /// What it waits for.
    pub hold: Option<String>,
    /// How far the work is that it needs.
    #[sqlx(flatten)]
    pub work: WorkRow,
}

/// How far the work is that a rotation needs. Not part of the plan: noting it changes no version.
#[derive(Debug, Clone, Default, PartialEq, Eq, sqlx::FromRow)]
pub struct WorkRow {
    /// What is worked at, in words; none where there is no work.
    pub work_what: Option<String>,
    /// Units done.
    pub work_done: Option<i64>,
    /// Units in all.
    pub work_total: Option<i64>,
}

impl PlanRow {
    /// The row of a plan that has no work yet.
    #[must_use]
    pub fn of(plan: &RotationPlan) -> Self {
        let (wanted, wanted_at) = match plan.wanted {
            ActivateAt::AfterPublish => ("after-publish", None),
            ActivateAt::Now => ("now", None),
            ActivateAt::Time(at) => ("time", Some(at.micros())),
        };
        let algorithms: Vec<&str> = plan.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        Self {
            id: plan.id.to_string(),
            purpose: plan.purpose.to_string(),
            name: plan.name.clone(),
            algorithms: algorithms.join(" "),
            state: plan.state.to_string(),
            occupies: plan.occupies(),
            version: plan.version,
            created_at: plan.created_at.micros(),
            created_by: plan.created_by.as_ref().map(ToString::to_string).unwrap_or_default(),
            wanted: wanted.to_owned(),
            wanted_at,
            publish_micros: micros(plan.times.publish),
            drain_micros: micros(plan.times.drain),
            publish_at: plan.publish_at.map(Timestamp::micros),
            activate_at: plan.activate_at.map(Timestamp::micros),
            activated_at: plan.activated_at.map(Timestamp::micros),
            finished_at: plan.finished_at.map(Timestamp::micros),
            emergency: plan.emergency.map(|reason| reason.to_string()),
            override_reason: plan.overridden.as_ref().map(|word| word.reason.clone()),
            override_by: plan.overridden.as_ref().map(|word| word.by.to_string()),
            override_at: plan.overridden.as_ref().map(|word| word.at.micros()),
            hold: plan.hold.map(|cause| cause.to_string()),
            work: WorkRow::default(),
        }
    }

    /// The plan that rules work on.
    ///
    /// # Errors
    /// When the row is damaged.
    pub fn plan(&self) -> Result<RotationPlan, StoreError> {
        let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("rotation plan {} has a bad {what}", self.id));
        let at = |micros: Option<i64>| micros.map(Timestamp::from_micros);
        let algorithms: Result<Vec<KeyAlgorithm>, _> = self.algorithms.split_whitespace().map(str::parse).collect();
        Ok(RotationPlan {
            id: self.id.parse().map_err(|_| broken("id"))?,
            purpose: self.purpose.parse().map_err(|_| broken("purpose"))?,
            name: self.name.clone(),
            algorithms: algorithms.map_err(|_| broken("algorithm"))?,
            state: self.state.parse().map_err(|_| broken("state"))?,
            created_at: Timestamp::from_micros(self.created_at),
            created_by: match self.created_by.as_str() {
                "" => None,
                operator => Some(operator.parse().map_err(|_| broken("operator"))?),
            },
            wanted: match (self.wanted.as_str(), self.wanted_at) {
                ("after-publish", None) => ActivateAt::AfterPublish,
                ("now", None) => ActivateAt::Now,
                ("time", Some(at)) => ActivateAt::Time(Timestamp::from_micros(at)),
                _ => return Err(broken("date")),
            },
            times: RotationTimes { publish: duration(self.publish_micros), drain: duration(self.drain_micros) },
            publish_at: at(self.publish_at),
            activate_at: at(self.activate_at),
            activated_at: at(self.activated_at),
            finished_at: at(self.finished_at),
            emergency: self.emergency.as_deref().map(str::parse).transpose().map_err(|_| broken("reason"))?,
            overridden: match (&self.override_reason, &self.override_by, self.override_at) {
                (Some(reason), Some(by), Some(at)) => Some(Override {
                    reason: reason.clone(),
                    by: by.parse().map_err(|_| broken("operator"))?,
                    at: Timestamp::from_micros(at),
                }),
                _ => None,
            },
            hold: self.hold.as_deref().map(str::parse).transpose().map_err(|_| broken("hold"))?,
            version: self.version,
        })
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

fn duration(micros: i64) -> Duration {
    Duration::from_micros(u64::try_from(micros).unwrap_or(0))
}

impl Read {
    /// One plan.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn plan(&mut self, id: PlanRef) -> Result<Option<PlanRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, purpose, name, algorithms, state, occupies, version, created_at, created_by, wanted, wanted_at,
                    publish_micros, drain_micros, publish_at, activate_at, activated_at, finished_at, emergency,
                    override_reason, override_by, override_at, hold, work_what, work_done, work_total
             FROM key_plan WHERE id = $1"
        )
        .bind(id.to_string())
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Plans that have not ended, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn open_plans(&mut self) -> Result<Vec<PlanRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, purpose, name, algorithms, state, occupies, version, created_at, created_by, wanted, wanted_at,
                    publish_micros, drain_micros, publish_at, activate_at, activated_at, finished_at, emergency,
                    override_reason, override_by, override_at, hold, work_what, work_done, work_total
             FROM key_plan WHERE finished_at IS NULL ORDER BY created_at, id"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Plans of the past and the present, newest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn plans(&mut self) -> Result<Vec<PlanRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT id, purpose, name, algorithms, state, occupies, version, created_at, created_by, wanted, wanted_at,
                    publish_micros, drain_micros, publish_at, activate_at, activated_at, finished_at, emergency,
                    override_reason, override_by, override_at, hold, work_what, work_done, work_total
             FROM key_plan ORDER BY created_at DESC, id DESC"
        )
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Writes a plan down.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when its line has one in that state already.
    pub async fn insert_plan(&mut self, plan: &RotationPlan) -> Result<(), StoreError> {
        let row = PlanRow::of(plan);
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO key_plan (id, purpose, name, algorithms, state, occupies, version, created_at, created_by, wanted,
               wanted_at, publish_micros, drain_micros, publish_at, activate_at, activated_at, finished_at, emergency,
               override_reason, override_by, override_at, hold)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22)"
        )
        .bind(&row.id)
        .bind(&row.purpose)
        .bind(&row.name)
        .bind(&row.algorithms)
        .bind(&row.state)
        .bind(row.occupies)
        .bind(row.version)
        .bind(row.created_at)
        .bind(&row.created_by)
        .bind(&row.wanted)
        .bind(row.wanted_at)
        .bind(row.publish_micros)
        .bind(row.drain_micros)
        .bind(row.publish_at)
        .bind(row.activate_at)
        .bind(row.activated_at)
        .bind(row.finished_at)
        .bind(&row.emergency)
        .bind(&row.override_reason)
        .bind(&row.override_by)
        .bind(row.override_at)
        .bind(&row.hold)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Puts a plan's new state; the version in it is the one that was read.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster; [`StoreError::Unique`] when another one keeps the line.
    pub async fn put_plan(&mut self, plan: &RotationPlan) -> Result<(), StoreError> {
        let row = PlanRow::of(plan);
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_plan SET state = $1, occupies = $2, publish_at = $3, activate_at = $4, activated_at = $5,
               finished_at = $6, override_reason = $7, override_by = $8, override_at = $9, hold = $10, version = version + 1
             WHERE id = $11 AND version = $12"
        )
        .bind(&row.state)
        .bind(row.occupies)
        .bind(row.publish_at)
        .bind(row.activate_at)
        .bind(row.activated_at)
        .bind(row.finished_at)
        .bind(&row.override_reason)
        .bind(&row.override_by)
        .bind(row.override_at)
        .bind(&row.hold)
        .bind(&row.id)
        .bind(row.version)
        .execute(c)
        .map_ok(|done| done.rows_affected()));
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Notes how far the work of a plan is.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn note_work(&mut self, id: PlanRef, work: &WorkRow) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "UPDATE key_plan SET work_what = $1, work_done = $2, work_total = $3 WHERE id = $4"
        )
        .bind(&work.work_what)
        .bind(work.work_done)
        .bind(work.work_total)
        .bind(id.to_string())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
