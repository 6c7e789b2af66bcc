//! The rotation board: generations in time, and the rotation of the selected line.

use api::key::KeyView;
use api::rotation::{PlanView, StepView};
use client::times::{people, spaced};
use client::width::Align;
use domain::{HoldCause, KeyState, PlanState, RotationStep, StepState, Timestamp};
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces, line};
use super::timeline::{self, Cell, Scale};
use super::{absence, age, body_now, distance, keys, ledger, parties::fact, rough};
use crate::call::{Read, listed};
use crate::state::State;
use crate::state::rotations::{Row, is_open};
use crate::theme::{Glyphs, Tone};
use crate::words::{self, fitted};

/// Rows of what is told of the selected line at the smallest size, heading included.
const PANEL: u16 = 9;

/// The board and what is told below it, or one rotation alone.
fn areas(state: &State, area: Rect) -> (Option<Rect>, Rect) {
    if state.rotations.open {
        return (None, area);
    }
    let lines = u16::try_from(state.rotations.rows(state).len()).unwrap_or(u16::MAX);
    // Heading, dates and what the marks mean stand around the lines.
    let wanted = lines.saturating_add(3).max(8);
    let height = wanted.min(area.height - PANEL);
    let board = Rect { height, ..area };
    (Some(board), Rect { y: board.bottom(), height: area.height - height, ..area })
}

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let (board, panel) = areas(state, area);
    if let Some(area) = board {
        draw_board(state, pen, area);
    }
    pen.heading(panel.x, panel.y, panel.width, &title(state), &age(state, &state.rotations.plan));
    let inside = Rect { x: panel.x + 1, y: panel.y + 1, width: panel.width - 1, height: panel.height - 1 };
    pen.lines(inside, &lines(state), if state.rotations.open { state.rotations.scroll } else { 0 });
}

fn title(state: &State) -> String {
    match (state.rotations.subject(), state.rotations.at(state)) {
        (Some(plan), _) => format!("Rotation {}: {} {}, {}", plan.plan, plan.purpose, plan.name, plan.state),
        (None, Some(row)) => format!("{} {} {}", row.slot.purpose, row.slot.name, row.slot.algorithm),
        (None, None) => "Rotation".to_owned(),
    }
}

/// Which of the spans is drawn: the one that was chosen, else the one that shows what is under way, else a year.
pub(crate) fn span_place(state: &State) -> usize {
    if let Some(zoom) = state.rotations.zoom {
        return zoom;
    }
    let under_way = |plan: &&PlanView| is_open(plan.state) && plan.state != PlanState::Planned;
    let keys: Vec<&KeyView> = state.keys.list.value.iter().flatten().collect();
    let mut moments = Vec::new();
    for plan in state.rotations.plans.value.iter().flatten().filter(under_way) {
        moments.push(plan.activate_at);
        let made = keys.iter().filter(|key| plan.kids.contains(&key.kid));
        moments.extend(made.map(|key| key.created_at));
        let replaced = keys.iter().filter(|key| plan.replaces.contains(&key.kid) && key.state == KeyState::Draining);
        moments.extend(replaced.filter_map(|key| key.retire_at));
    }
    if moments.is_empty() { timeline::YEAR } else { timeline::fitting(state.server_now(), &moments) }
}

fn draw_board(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let rows = state.rotations.rows(state);
    let place = span_place(state);
    let old = [age(state, &state.keys.list), age(state, &state.rotations.plans)].into_iter().find(|age| !age.is_empty());
    let aside = old.unwrap_or_else(|| format!("{} from end to end", timeline::SPANS[place].1));
    let counted = if state.keys.list.value.is_some() { format!(": {} lines of keys", rows.len()) } else { String::new() };
    pen.heading(area.x, area.y, area.width, &format!("Rotations{counted}"), &aside);
    let inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
    let absent = absence(state, &state.keys.list, Read::Keys.roles())
        .or_else(|| absence(state, &state.rotations.plans, Read::Plans.roles()));
    if let Some(lines) = absent {
        pen.lines(Rect { x: inside.x + 1, width: inside.width - 2, ..inside }, &lines, 0);
        return;
    }
    let (label, next) = if area.width >= 110 { (32, 26) } else { (26, 16) };
    let bar = Rect { x: area.x + 2 + label + 1, width: area.width - label - next - 6, ..inside };
    let now = state.server_now();
    let scale = Scale::new(now, place, bar.width);
    for (column, date) in scale.dates() {
        let tone = if date == "now" { Tone::Key } else { Tone::Faint };
        pen.text(bar.x + column, inside.y, bar.width - column, tone, &date);
    }
    let space = usize::from(inside.height.saturating_sub(2));
    let selected = state.rotations.place(&rows);
    let first = selected.saturating_sub(space / 2).min(rows.len().saturating_sub(space));
    let cut = pen.theme.glyphs.cut;
    for (y, (place, row)) in (inside.y + 1..inside.bottom() - 1).zip(rows.iter().enumerate().skip(first)) {
        let name = fitted(&label_of(row, &rows), usize::from(label), Align::Left, cut);
        pen.text(area.x + 2, y, label, Tone::Plain, &name);
        if place == selected {
            pen.text(area.x, y, 2, Tone::Plain, pen.theme.glyphs.pointer);
            pen.tint(Rect { x: area.x, y, width: label + 2, height: 1 }, Tone::Selected);
        }
        for (x, cell) in (bar.x..bar.right()).zip(scale.cells(&row.keys)) {
            let (tone, mark) = drawn(cell, pen.theme.glyphs);
            pen.text(x, y, 1, tone, mark);
        }
        pen.text(bar.x + scale.today(), y, 1, Tone::Key, pen.theme.glyphs.vertical);
        let (tone, text) = standing(state, row, now);
        pen.text(bar.right() + 1, y, next, tone, &text);
    }
    let mark = area.right() - 1;
    if first > 0 {
        pen.text(mark, inside.y + 1, 1, Tone::Key, pen.theme.glyphs.above);
    }
    if first + space < rows.len() {
        pen.text(mark, inside.bottom() - 2, 1, Tone::Key, pen.theme.glyphs.below);
    }
    let legend = legend(pen.theme.glyphs);
    pen.pieces(area.x + 2, inside.bottom() - 1, area.width - 3, &legend);
}

fn drawn(cell: Cell, glyphs: &Glyphs) -> (Tone, &'static str) {
    match cell {
        Cell::Nothing => (Tone::Plain, " "),
        Cell::Past => (Tone::Faint, glyphs.past),
        Cell::Change => (Tone::Faint, glyphs.change),
        Cell::Signs => (Tone::Good, glyphs.signs),
        Cell::Beside => (Tone::Warn, glyphs.beside),
        Cell::Next => (Tone::Warn, glyphs.next),
        Cell::Revoked => (Tone::Bad, glyphs.revoked),
    }
}

fn legend(glyphs: &Glyphs) -> Pieces {
    let all = [
        (Cell::Signs, "in use"),
        (Cell::Beside, "beside another"),
        (Cell::Next, "to come"),
        (Cell::Past, "past"),
        (Cell::Change, "taken over"),
        (Cell::Revoked, "revoked"),
    ];
    let mut pieces = Pieces::new();
    for (cell, word) in all {
        let (tone, mark) = drawn(cell, glyphs);
        pieces.push((tone, mark.to_owned()));
        pieces.push((Tone::Faint, format!(" {word}  ")));
    }
    pieces
}

/// The purpose, and as much more as tells the line apart.
fn label_of(row: &Row<'_>, rows: &[Row<'_>]) -> String {
    let others = || rows.iter().filter(|other| other.slot.purpose == row.slot.purpose && other.slot != row.slot);
    let name = if others().any(|other| other.slot.name != row.slot.name) { format!(" {}", row.slot.name) } else { String::new() };
    let twin = others().any(|other| other.slot.name == row.slot.name);
    let algorithm = if twin { format!(" {}", row.slot.algorithm) } else { String::new() };
    format!("{}{name}{algorithm}", row.slot.purpose)
}

/// What comes next of a line, in a few words.
fn standing(state: &State, row: &Row<'_>, now: Timestamp) -> (Tone, String) {
    if let Some(plan) = state.rotations.of(&row.slot) {
        match (plan.state, plan.held_for) {
            (PlanState::Held, Some(HoldCause::Work)) => return (Tone::Warn, "HELD for work".to_owned()),
            (PlanState::Held, _) => return (Tone::Bad, "HELD for parties".to_owned()),
            (PlanState::Paused, _) => return (Tone::Warn, "paused".to_owned()),
            (PlanState::Planned, _) => return (Tone::Warn, format!("planned {}", plan.plan)),
            _ => {}
        }
    }
    let first = |wanted: KeyState| row.keys.iter().find(|key| key.state == wanted);
    let telling = first(KeyState::Published).or_else(|| first(KeyState::Draining)).or_else(|| first(KeyState::Active));
    telling.map_or((Tone::Plain, String::new()), |key| {
        let tone =
            if key.state == KeyState::Active && keys::tone(key, now) == Tone::Good { Tone::Plain } else { keys::tone(key, now) };
        (tone, keys::next(key, now))
    })
}

/// Rows of the open rotation that are seen.
pub(crate) fn seen(state: &State) -> usize {
    usize::from(areas(state, body_now(state)).1.height.saturating_sub(1))
}

/// What is told of the selected line: its rotation, or its generations where it has none.
pub(crate) fn lines(state: &State) -> Vec<Pieces> {
    let Some(row) = state.rotations.at(state) else { return Vec::new() };
    let now = state.server_now();
    let mut lines = match (state.rotations.of(&row.slot), state.rotations.subject()) {
        (_, Some(plan)) => rotation(state, plan, now),
        (Some(_), None) => absence(state, &state.rotations.plan, Read::Plans.roles()).unwrap_or_default(),
        (None, None) => vec![line(Tone::Faint, "No rotation of this line is on record; 'p' plans one.")],
    };
    lines.push(Vec::new());
    lines.push(line(Tone::Strong, "Generations"));
    lines.extend(row.keys.iter().rev().map(|key| generation(key, now)));
    lines
}

fn generation(key: &KeyView, now: Timestamp) -> Pieces {
    let from = key.activate_at.map_or_else(|| "at no date".to_owned(), people);
    let until = [key.retire_at, key.not_after].into_iter().flatten().min();
    let until = until.map(|at| format!(" to {}", people(at))).unwrap_or_default();
    vec![
        (keys::tone(key, now), fitted(key.state.as_str(), 10, Align::Left, "")),
        (Tone::Plain, fitted(&listed(&key.kid), 14, Align::Left, "")),
        (Tone::Faint, format!("{from}{until}")),
    ]
}

fn plan_tone(state: PlanState) -> Tone {
    match state {
        PlanState::Planned | PlanState::Running | PlanState::Paused => Tone::Warn,
        PlanState::Held => Tone::Bad,
        PlanState::Done => Tone::Good,
        PlanState::Aborted | PlanState::Lapsed => Tone::Faint,
    }
}

fn rotation(state: &State, plan: &PlanView, now: Timestamp) -> Vec<Pieces> {
    let room = usize::from(state.size.0.saturating_sub(5));
    let wide = state.size.0 >= 110;
    let mut lines = vec![summary(plan, now)];
    lines.extend(plan.steps.iter().map(|step| step_row(step, plan.state, now, wide)));
    let (tone, ready) = ledger::summary(plan);
    lines.extend((!ready.is_empty()).then(|| line(tone, ready)));
    if let Some(work) = &plan.work {
        lines.push(line(Tone::Warn, format!("Work: {} of {} {}", spaced(work.done), spaced(work.total), work.what)));
    }
    if let Some(word) = &plan.overridden {
        let told = format!("Goes on without them by the word of {} at {}: {}", word.by, people(word.at), word.reason);
        lines.extend(words::wrapped(&told, room).into_iter().map(|text| line(Tone::Warn, text)));
    }
    if let Some(reason) = plan.emergency {
        lines.push(line(Tone::Bad, format!("Emergency: the keys that it replaced were revoked for {reason}")));
    }
    lines.extend(ledger::lines(state, plan, room));
    lines.push(Vec::new());
    let by = plan.created_by.as_ref().map_or_else(|| "the schedule".to_owned(), ToString::to_string);
    lines.push(fact("Planned", format!("{} by {by}", people(plan.created_at))));
    lines.extend(plan.finished_at.map(|at| fact("Ended", people(at))));
    let kids = |kids: &[domain::Kid]| kids.iter().map(listed).collect::<Vec<_>>().join(", ");
    lines.extend((!plan.kids.is_empty()).then(|| fact("New keys", kids(&plan.kids))));
    lines.extend((!plan.replaces.is_empty()).then(|| fact("Replaces", kids(&plan.replaces))));
    lines
}

/// How the rotation stands and what it waits for.
fn summary(plan: &PlanView, now: Timestamp) -> Pieces {
    let awaited = plan.readiness.map_or(0, |readiness| readiness.awaited());
    let parties = words::stand(awaited, "relying party is", "relying parties are");
    let told = match (plan.state, plan.held_for) {
        (PlanState::Planned, _) => {
            let lapses = plan.lapses_at.map(|at| format!(", lapses {}", distance(at, now))).unwrap_or_default();
            format!("planned, not run{lapses}; the dates are as if it were run now")
        }
        (PlanState::Running, _) => "running; its steps are taken as they are due".to_owned(),
        (PlanState::Paused, _) => "paused by an operator; nothing is done until it is resumed".to_owned(),
        (PlanState::Held, Some(HoldCause::Work)) => "HELD at its date: its work is not finished".to_owned(),
        (PlanState::Held, _) => format!("HELD at its date: {parties} not ready"),
        (PlanState::Done, _) => "done; every step was taken".to_owned(),
        (PlanState::Aborted, _) => "called off before the new key signed".to_owned(),
        (PlanState::Lapsed, _) => "lapsed; it was never run".to_owned(),
    };
    line(plan_tone(plan.state), told)
}

fn step_row(step: &StepView, plan: PlanState, now: Timestamp, wide: bool) -> Pieces {
    let (tone, word) = match step.state {
        StepState::Done => (Tone::Good, "done"),
        StepState::UnderWay => (Tone::Warn, "under way"),
        StepState::Ahead => (Tone::Plain, ""),
        StepState::CalledOff => (Tone::Faint, "called off"),
    };
    let until = step.until.map(|at| format!(" to {}", words::when(at, now))).unwrap_or_default();
    let left = |at: Timestamp| rough(at.saturating_since(now));
    let next = match (step.state, step.until) {
        (StepState::Done | StepState::CalledOff, _) => String::new(),
        _ if plan == PlanState::Planned && matches!(step.step, RotationStep::Publish | RotationStep::Wait) => {
            "when it is run".to_owned()
        }
        (StepState::UnderWay, Some(until)) if until > now => format!("{} more", left(until)),
        (StepState::Ahead | StepState::UnderWay, None) if step.at > now => format!("in {}", left(step.at)),
        (StepState::Ahead, Some(_)) if step.at > now => format!("in {}", left(step.at)),
        (StepState::Ahead | StepState::UnderWay, _) => "due".to_owned(),
    };
    let rests: Vec<String> = step
        .settings
        .iter()
        .map(|setting| format!("{} {}", setting.name, client::times::span(std::time::Duration::from_secs(setting.seconds))))
        .collect();
    let mut pieces = vec![
        (Tone::Plain, fitted(step.step.as_str(), 10, Align::Left, "")),
        (tone, fitted(word, 11, Align::Left, "")),
        (Tone::Plain, fitted(&format!("{}{until}", words::when(step.at, now)), 27, Align::Left, "")),
        (Tone::Strong, fitted(&next, 16, Align::Left, "")),
    ];
    if wide && !rests.is_empty() {
        pieces.push((Tone::Faint, format!("rests on {}", rests.join(", "))));
    }
    pieces
}
