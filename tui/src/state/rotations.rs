//! The rotation board: every line of keys in use with its generations in time, and the rotation of the selected one.

use api::key::KeyView;
use api::rotation::PlanView;
use domain::{KeyAlgorithm, KeyPurpose, KeyState, PlanRef, PlanState};

use super::loaded::Loaded;
use super::{State, View};
use crate::call::Read;
use crate::write::KeyLine;

/// Generations that follow one another: of one purpose, line and algorithm.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) purpose: KeyPurpose,
    pub(crate) name: String,
    pub(crate) algorithm: KeyAlgorithm,
}

impl Slot {
    pub(crate) fn of(key: &KeyView) -> Self {
        Self { purpose: key.purpose, name: key.name.clone(), algorithm: key.algorithm }
    }

    /// The line that is rotated as one.
    pub(super) fn line(&self) -> KeyLine {
        KeyLine { purpose: self.purpose, name: Some(self.name.clone()), algorithm: None }
    }
}

/// A row of the board.
pub(crate) struct Row<'a> {
    pub(crate) slot: Slot,
    /// Its generations, the oldest first.
    pub(crate) keys: Vec<&'a KeyView>,
}

/// The board, and the rotation that is shown.
#[derive(Default)]
pub(crate) struct Rotations {
    /// Newest first.
    pub(crate) plans: Loaded<Vec<PlanView>>,
    pub(crate) selected: Option<Slot>,
    /// The rotation whose line is to be selected.
    wanted: Option<PlanRef>,
    /// Whether the rotation of the selected line has the whole screen.
    pub(crate) open: bool,
    pub(crate) plan: Loaded<PlanView>,
    pub(crate) scroll: usize,
    /// Which span of time is drawn, of those that there are; none for the one that fits.
    pub(crate) zoom: Option<usize>,
}

/// What this view asks for. Names of relying parties change seldom: they are asked for once.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    let plan = state.rotations.current(state).map(|plan| Read::Plan(plan.plan));
    let named = state.rotations.open || state.size.0 >= crate::view::ledger::NAMED;
    let names = (named && plan.is_some() && state.parties.list.value.is_none()).then_some(Read::Parties);
    [Read::Keys, Read::Plans].into_iter().chain(plan).chain(names).collect()
}

/// Moves the selection, and asks for the rotation of the line that it comes to.
pub(super) fn select(state: &mut State, by: isize) {
    let rows = state.rotations.rows(state);
    let place = state.rotations.place(&rows).saturating_add_signed(by).min(rows.len().saturating_sub(1));
    let slot = rows.get(place).map(|row| row.slot.clone());
    state.rotations.selected = slot;
    follow(state);
}

/// The rotation that is shown is that of the selected line; another one is asked for.
pub(super) fn follow(state: &mut State) {
    find(state);
    if state.rotations.selected.is_none() && state.rotations.plans.value.is_some() {
        // From now on it stays selected where the order changes.
        let first = state.rotations.at(state).map(|row| row.slot);
        state.rotations.selected = first;
    }
    let wanted = state.rotations.current(state).map(|plan| plan.plan);
    if state.rotations.plan.value.as_ref().is_some_and(|shown| Some(shown.plan) == wanted) {
        return;
    }
    state.rotations.plan = Loaded::default();
    if let Some(plan) = wanted.filter(|_| state.view == View::Rotations) {
        state.ask(Read::Plan(plan));
    }
}

/// A rotation has come, asked for or just changed: it is in the list before the list is asked for again, and shown when it is
/// that of the selected line.
pub(super) fn plan_came(state: &mut State, plan: PlanView) {
    if let Some(plans) = &mut state.rotations.plans.value {
        let short = PlanView { steps: Vec::new(), ledger: Vec::new(), ..plan.clone() };
        match plans.iter_mut().find(|known| known.plan == plan.plan) {
            Some(known) => *known = short,
            None => plans.insert(0, short),
        }
    }
    if state.rotations.current(state).is_some_and(|current| current.plan == plan.plan) {
        let now = state.now;
        state.rotations.plan.came(plan, now);
    }
}

/// Shows a rotation in full as soon as it is known which line of keys it is of.
pub(crate) fn open(state: &mut State, plan: PlanRef) {
    state.rotations.wanted = Some(plan);
    state.go(View::Rotations);
    follow(state);
}

/// Selects the line of the rotation that is wanted, once both are there.
fn find(state: &mut State) {
    let rotations = &state.rotations;
    let (Some(plan), Some(plans), Some(_)) = (rotations.wanted, &rotations.plans.value, &state.keys.list.value) else { return };
    let slot = plans.iter().find(|known| known.plan == plan).and_then(|known| {
        let algorithm = *known.algorithms.first()?;
        Some(Slot { purpose: known.purpose, name: known.name.clone(), algorithm })
    });
    // Of a line's rotations the board shows one.
    let shown = slot.as_ref().and_then(|slot| rotations.of(slot)).is_some_and(|shown| shown.plan == plan);
    state.rotations.wanted = None;
    if shown {
        state.rotations.selected = slot;
        state.rotations.open = true;
        state.rotations.scroll = 0;
    } else {
        state.tell(format!("rotation {plan} is not on the board"), Read::Plan(plan).command());
    }
}

impl Rotations {
    /// The lines of keys that are in use: those with a rotation under way first, then what signs tokens, then the rest as the
    /// server has them.
    pub(crate) fn rows<'a>(&self, state: &'a State) -> Vec<Row<'a>> {
        let mut rows: Vec<Row<'a>> = Vec::new();
        for key in state.keys.list.value.iter().flatten() {
            let slot = Slot::of(key);
            match rows.iter_mut().find(|row| row.slot == slot) {
                Some(row) => row.keys.push(key),
                None => rows.push(Row { slot, keys: vec![key] }),
            }
        }
        let in_use = |key: &&KeyView| matches!(key.state, KeyState::Published | KeyState::Active | KeyState::Draining);
        rows.retain(|row| row.keys.iter().any(in_use));
        for row in &mut rows {
            row.keys.sort_by_key(|key| key.activate_at.unwrap_or(key.created_at));
        }
        rows.sort_by_key(|row| {
            let open = self.of(&row.slot).is_some_and(|plan| is_open(plan.state) && plan.state != PlanState::Planned);
            (!open, row.slot.purpose != KeyPurpose::TokenSigning)
        });
        rows
    }

    /// The rotation of a line: the one under way, else the one that is planned, else the last.
    pub(crate) fn of(&self, slot: &Slot) -> Option<&PlanView> {
        let plans = self.plans.value.iter().flatten();
        let own = plans
            .filter(|plan| plan.purpose == slot.purpose && plan.name == slot.name && plan.algorithms.contains(&slot.algorithm));
        // Of equals the first is kept, and the newest is the first.
        own.min_by_key(|plan| match plan.state {
            PlanState::Running | PlanState::Paused | PlanState::Held => 0,
            PlanState::Planned => 1,
            PlanState::Done | PlanState::Aborted | PlanState::Lapsed => 2,
        })
    }

    /// The selected line: the first when that is not shown.
    pub(crate) fn at<'a>(&self, state: &'a State) -> Option<Row<'a>> {
        let mut rows = self.rows(state);
        let place = self.place(&rows);
        (place < rows.len()).then(|| rows.swap_remove(place))
    }

    /// Its place among the lines.
    pub(crate) fn place(&self, rows: &[Row<'_>]) -> usize {
        rows.iter().position(|row| Some(&row.slot) == self.selected.as_ref()).unwrap_or_default()
    }

    /// The rotation of the selected line, as the list has it.
    fn current(&self, state: &State) -> Option<&PlanView> {
        self.at(state).and_then(|row| self.of(&row.slot))
    }

    /// The rotation that a command is about: the one that is shown, with its steps.
    pub(crate) fn subject(&self) -> Option<&PlanView> {
        self.plan.value.as_ref()
    }
}

/// Whether something will still happen.
pub(crate) fn is_open(state: PlanState) -> bool {
    matches!(state, PlanState::Planned | PlanState::Running | PlanState::Paused | PlanState::Held)
}
