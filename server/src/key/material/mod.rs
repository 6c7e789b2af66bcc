//! Keys that are no use to anybody outside: what their rotation means for the rows that lie under them.
//!
//! The work goes on by itself on one node, batch by batch, each in a short transaction that also says how far it is: a node that
//! dies leaves what another one goes on from, and nobody who has a caller on the line waits for more than a batch.

pub(super) mod authorities;
pub(super) mod certified;
pub(super) mod checkpoints;
pub(super) mod kek;
pub(super) mod look_ups;

use domain::{KeyPurpose, KeyState, PlanState, RotationPlan};

use super::work::{Gate, Line};
use crate::app::App;
use crate::failure::Failure;
use crate::keys::responder_kid;
use crate::store::{KeyRow, KeyWorkRow, Read, StoreError};

/// Rows of one transaction: a few tens of milliseconds.
pub const BATCH: i64 = 2_000;

/// A pass goes through all accounts in order of their ordinals, from the first to the last.
const BEFORE_THE_FIRST: i64 = -1;

/// Does a batch of at most so many rows of what there is to do; gives whether there may be more at once.
///
/// # Errors
/// When the database cannot be reached: what was done stays done.
pub async fn advance(app: &App, batch: i64) -> anyhow::Result<bool> {
    let mut read = app.store.read().await?;
    let mut plans = Vec::new();
    for row in read.open_plans().await? {
        let plan = row.plan()?;
        if matches!(plan.state, PlanState::Running | PlanState::Held) {
            plans.push(plan);
        }
    }
    let mut more = false;
    for plan in plans {
        let generations = Generations::of(&mut read, &plan).await?;
        more |= match plan.purpose {
            KeyPurpose::Data => kek::advance(app, &generations, batch).await?,
            KeyPurpose::BlindIndex => look_ups::advance(app, &generations, batch).await?,
            _ => false,
        };
    }
    drop(read);
    Ok(more | look_ups::clear(app, batch).await?)
}

/// The generations of a plan of a line with one algorithm.
pub(super) struct Generations {
    /// The one that it made.
    pub new: Option<KeyRow>,
    /// The one that it replaces, while that one drains.
    pub old: Option<KeyRow>,
}

impl Generations {
    pub(super) async fn of(read: &mut Read, plan: &RotationPlan) -> Result<Self, StoreError> {
        let rows = read.keys(Some(plan.purpose), None).await?;
        let id = plan.id.to_string();
        let new = rows.iter().find(|row| row.plan.as_deref() == Some(&id) && row.name == plan.name).cloned();
        let drains = |row: &&KeyRow| row.drained_by.as_deref() == Some(&id) && row.state == KeyState::Draining.as_str();
        let old = rows.iter().find(drains).cloned();
        Ok(Self { new, old })
    }
}

/// The kid of the next generation of a line whose generations are counted: `checkpoints-2`. Two who ask at once are given the same
/// one; the second one's row meets the first one's.
pub(super) async fn next_kid(app: &App, line: &Line) -> Result<String, Failure> {
    let rows = app.store.read().await?.keys(Some(line.purpose), None).await?;
    let numbers = rows.iter().filter(|row| row.name == line.name).filter_map(|row| row.kid.rsplit_once('-'));
    let last = numbers.filter_map(|(_, number)| number.parse::<u32>().ok()).max().unwrap_or(0);
    Ok(match line.purpose {
        KeyPurpose::Ocsp => responder_kid(&line.name, last + 1),
        _ => format!("{}-{}", line.name, last + 1),
    })
}

/// How far a piece of work is, as a step that waits for it sees it. Rows that do not open hold it up, unless an operator has said
/// that it is to go on without them.
fn gate(plan: &RotationPlan, work: Option<&KeyWorkRow>, over: &str, what: &str) -> Gate {
    let whole = |number: i64| u64::try_from(number).unwrap_or(0);
    match work {
        Some(work) if work.stage == over && (work.unreadable == 0 || plan.overridden.is_some()) => Gate::Open,
        Some(work) if work.unreadable > 0 => Gate::Working {
            done: whole(work.done),
            total: whole(work.total),
            what: format!("{what}; {} of accounts whose record is damaged are left", work.unreadable).into(),
        },
        Some(work) => Gate::Working { done: whole(work.done), total: whole(work.total), what: what.to_owned().into() },
        None => Gate::Working { done: 0, total: 0, what: what.to_owned().into() },
    }
}
