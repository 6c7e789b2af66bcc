//! What can be done with a rotation: planned, run, paused, resumed, called off, and the emergency.

use api::Operation;
use api::rotation::{AbortPlan, EmergencyRotation, PausePlan, PlanRotation, PlanView, ResumePlan, RunPlan};
use client::times::people;
use domain::{ActivateAt, HoldCause, PlanRef, PlanState, RevocationReason, RotationStep, StepState};

use super::popup::{Confirm, Popup, Why};
use super::rotations::Row;
use super::{State, View};
use crate::command::{Command, Whether, not};
use crate::view;
use crate::write::{KeyLine, Write};

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
        what: "Pause the rotation; what is published stays published",
        cli: "key pause PLAN",
        enabled: |state| {
            state.may(PausePlan::ROLES)?;
            in_state(state, &[PlanState::Running, PlanState::Held], "only a rotation that is under way can be paused")
        },
        run: |state| {
            if let Some(plan) = state.rotations.subject() {
                let question = format!("Pause rotation {}? {}", plan.plan, what_stays(plan));
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
        what: "Emergency: new keys sign at once, the old ones are trusted no more; call the parties",
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
    let signs = plan.steps.iter().any(|step| step.step == RotationStep::Activate && step.state == StepState::Done);
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
    let spans = view::timeline::SPANS.len();
    let now = view::rotations::span_place(state);
    state.rotations.zoom = Some(now.saturating_add_signed(by).min(spans - 1));
}
