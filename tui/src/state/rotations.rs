//! The rotation board: every line of keys in use with its generations in time, and the rotation of the selected one.

use api::Operation;
use api::key::KeyView;
use api::rotation::{AbortPlan, EmergencyRotation, PausePlan, PlanRotation, PlanView, ResumePlan, RunPlan};
use client::times::people;
use domain::{ActivateAt, HoldCause, KeyAlgorithm, KeyPurpose, KeyState, PlanRef, PlanState, RevocationReason};

use super::loaded::Loaded;
use super::popup::{Confirm, Popup, Why};
use super::{State, View};
use crate::call::Read;
use crate::command::{Command, Whether, not};
use crate::write::{KeyLine, Write};

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
    fn line(&self) -> KeyLine {
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
    /// Whether the rotation of the selected line has the whole screen.
    pub(crate) open: bool,
    pub(crate) plan: Loaded<PlanView>,
    pub(crate) scroll: usize,
    /// Which span of time is drawn, of those that there are; none for the one that fits.
    pub(crate) zoom: Option<usize>,
}

pub(crate) const COMMANDS: &[Command] = &[
    Command {
        keys: &["enter"],
        name: "open",
        what: "Show the rotation of the selected line: steps, dates, and who is ready",
        cli: "key plan PLAN",
        enabled: |state| {
            here(state)?;
            if state.rotations.open { not("it is open") } else { selected(state).map(drop) }
        },
        run: |state| {
            state.rotations.open = true;
            state.rotations.scroll = 0;
            state.refresh();
        },
    },
    Command {
        keys: &["esc"],
        name: "back",
        what: "Back to the board",
        cli: "",
        enabled: |state| {
            here(state)?;
            if state.rotations.open { Ok(()) } else { not("no rotation is open") }
        },
        run: |state| state.rotations.open = false,
    },
    Command {
        keys: &["p"],
        name: "plan",
        what: "Write a rotation of the selected line down: its dates and who is ready; nothing happens until it is run",
        cli: "key plan --purpose PURPOSE",
        enabled: |state| {
            state.may(PlanRotation::ROLES)?;
            selected(state).map(drop)
        },
        run: |state| {
            if let Ok(row) = selected(state) {
                let line = row.slot.line();
                let question = format!("Write a rotation of {line} down? Nothing happens until it is run.");
                state.popup = Some(Popup::Confirm(Confirm::of(Write::PlanRotation(line, ActivateAt::AfterPublish), question)));
            }
        },
    },
    Command {
        keys: &["r"],
        name: "run",
        what: "Run the rotation as it was planned: the new keys are published now and take over on their date",
        cli: "key rotate --plan PLAN",
        enabled: |state| {
            state.may(RunPlan::ROLES)?;
            in_state(state, &[PlanState::Planned], "only a planned rotation can be run; 'p' plans one")
        },
        run: |state| {
            if let Some(plan) = state.rotations.subject() {
                let write = Write::RunPlan(plan.plan, None);
                ask(state, write, run_question(plan));
            }
        },
    },
    Command {
        keys: &["s"],
        name: "pause",
        what: "Stop the rotation for now; what is published stays published",
        cli: "key pause PLAN",
        enabled: |state| {
            state.may(PausePlan::ROLES)?;
            in_state(state, &[PlanState::Running, PlanState::Held], "only a rotation that is under way can be paused")
        },
        run: |state| {
            if let Some(plan) = state.rotations.subject() {
                let question = format!("Stop rotation {} for now? {}", plan.plan, what_stays(plan));
                ask(state, Write::PausePlan(plan.plan), question);
            }
        },
    },
    Command {
        keys: &["c"],
        name: "resume",
        what: "Let a paused rotation go on; what fell due meanwhile is done at once",
        cli: "key resume PLAN",
        enabled: |state| {
            state.may(ResumePlan::ROLES)?;
            in_state(state, &[PlanState::Paused], "only a paused rotation can be resumed; 'g' goes on without parties")
        },
        run: |state| {
            if let Some(plan) = state.rotations.subject() {
                let question = format!("Let rotation {} go on? What fell due meanwhile is done at once.", plan.plan);
                ask(state, Write::ResumePlan(plan.plan, None), question);
            }
        },
    },
    Command {
        keys: &["g"],
        name: "go without",
        what: "Override: the rotation goes on although relying parties are not ready; it asks why",
        cli: "key resume PLAN --override --reason TEXT",
        enabled: |state| {
            state.may(ResumePlan::ROLES)?;
            in_state(state, &[PlanState::Planned, PlanState::Paused, PlanState::Held], "it goes on by itself, or is over")?;
            let works = state.rotations.subject().is_some_and(|plan| plan.held_for == Some(HoldCause::Work));
            if works { not("it waits for work, not for relying parties") } else { Ok(()) }
        },
        run: |state| {
            if let Some(plan) = state.rotations.subject() {
                let why = Why::GoWithout { plan: plan.plan, run: plan.state == PlanState::Planned };
                state.popup = Some(Popup::reason(why));
            }
        },
    },
    Command {
        keys: &["x"],
        name: "abort",
        what: "Call the rotation off before the new key signs; what it has published is retired",
        cli: "key abort PLAN",
        enabled: |state| {
            state.may(AbortPlan::ROLES)?;
            let open = [PlanState::Planned, PlanState::Running, PlanState::Paused, PlanState::Held];
            in_state(state, &open, "this rotation is over")
        },
        run: |state| {
            if let Some(plan) = state.rotations.subject() {
                let question = format!("Call rotation {} off and retire the keys that it has published?", plan.plan);
                ask(state, Write::AbortPlan(plan.plan), question);
            }
        },
    },
    Command {
        keys: &["e"],
        name: "emergency",
        what: "Emergency: new keys sign at once, the old ones are trusted no more, relying parties are told",
        cli: "key rotate --emergency --reason REASON",
        enabled: |state| {
            state.may(EmergencyRotation::ROLES)?;
            selected(state).map(drop)
        },
        run: |state| {
            if let Ok(row) = selected(state) {
                let line = row.slot.line();
                state.popup = Some(Popup::Emergency { line, selected: 0 });
            }
        },
    },
    Command {
        keys: &["+", "="],
        name: "closer",
        what: "Draw a shorter span of time",
        cli: "",
        enabled: here,
        run: |state| zoom(state, -1),
    },
    Command {
        keys: &["-"],
        name: "further",
        what: "Draw a longer span of time",
        cli: "",
        enabled: here,
        run: |state| zoom(state, 1),
    },
    Command {
        keys: &["0"],
        name: "fitting",
        what: "Draw the span of time that what is under way needs",
        cli: "",
        enabled: here,
        run: |state| state.rotations.zoom = None,
    },
];

/// What this view asks for. Names of relying parties change seldom: they are asked for once.
pub(crate) fn reads(state: &State) -> Vec<Read> {
    let plan = state.rotations.current(state).map(|plan| Read::Plan(plan.plan));
    let named = state.rotations.open || state.size.0 >= crate::view::ledger::NAMED;
    let names = (named && plan.is_some() && state.parties.list.value.is_none()).then_some(Read::Parties);
    [Read::Keys, Read::Plans].into_iter().chain(plan).chain(names).collect()
}

fn here(state: &State) -> Whether {
    if state.view == View::Rotations { Ok(()) } else { not("go to the rotations and select a line first") }
}

fn selected(state: &State) -> Result<Row<'_>, String> {
    here(state)?;
    state.rotations.at(state).ok_or_else(|| "no line of keys is selected".to_owned())
}

fn in_state(state: &State, wanted: &[PlanState], why: &str) -> Whether {
    selected(state)?;
    match state.rotations.subject() {
        None => not("this line has no rotation; 'p' plans one"),
        Some(plan) if wanted.contains(&plan.state) => Ok(()),
        Some(_) => not(why),
    }
}

/// Whether it is meant: the rotation's reference is to be typed.
fn ask(state: &mut State, write: Write, question: String) {
    state.popup = Some(Popup::Confirm(Confirm::typed(write, question)));
}

fn run_question(plan: &PlanView) -> String {
    let keys: Vec<String> = plan.algorithms.iter().map(ToString::to_string).collect();
    format!(
        "Run rotation {} of {} {}, {}? New keys are published now and take over at {}; where a relying party that counts is not \
         ready by then, they wait for it.",
        plan.plan,
        plan.purpose,
        plan.name,
        keys.join(" and "),
        people(plan.activate_at)
    )
}

fn what_stays(plan: &PlanView) -> &'static str {
    let signs =
        plan.steps.iter().any(|step| step.step == domain::RotationStep::Activate && step.state == domain::StepState::Done);
    if signs {
        "The new key signs already; the old one goes on being accepted."
    } else {
        "The new keys stay published and do not sign."
    }
}

/// Asks whether a rotation is to go on without those that are not ready.
pub(crate) fn go_without(state: &State, plan: PlanRef) -> String {
    let readiness = state.rotations.subject().filter(|shown| shown.plan == plan).and_then(|shown| shown.readiness);
    let whom = match readiness.map(|readiness| readiness.awaited()) {
        Some(0) | None => "relying parties that may not be ready".to_owned(),
        Some(1) => "the relying party that is not ready".to_owned(),
        Some(count) => format!("the {count} relying parties that are not ready"),
    };
    format!("Let rotation {plan} go on WITHOUT {whom}? They refuse our tokens until they fetch the key set again.")
}

/// Asks whether an emergency rotation is meant.
pub(crate) fn ask_emergency(state: &mut State, line: KeyLine, reason: RevocationReason) {
    let question = format!(
        "Replace the keys of {line} NOW and revoke the old ones for {reason}? What they signed stops being good at once; parties \
         that hold the old key set fail until they fetch it again."
    );
    ask(state, Write::Emergency(line, reason), question);
}

fn zoom(state: &mut State, by: isize) {
    let spans = crate::view::timeline::SPANS.len();
    let now = crate::view::rotations::span_place(state);
    state.rotations.zoom = Some(now.saturating_add_signed(by).min(spans - 1));
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
