//! Keys: the list of generations, and one of them in full.

use api::key::{KeyDetail, KeyView};
use client::Tabular;
use client::times::people;
use domain::{KeyState, Timestamp};
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces, line};
use super::table::{self, text};
use super::{absence, age, body_now, distance, list_and_detail, parties::fact, rough};
use crate::call::{Read, listed};
use crate::state::State;
use crate::theme::Tone;
use crate::words;

/// From this width on there is room for a line's whole name.
const WIDE: u16 = 100;

/// When the next thing happens to it of itself: a key is good for nothing after its certificate.
pub(super) fn next_moment(key: &KeyView) -> Option<Timestamp> {
    let ends = [key.retire_at, key.not_after].into_iter().flatten().min();
    match key.state {
        KeyState::Published => key.activate_at,
        KeyState::Active => ends,
        KeyState::Draining => key.retire_at,
        KeyState::Retired | KeyState::Revoked => None,
    }
}

/// The next step, or how long it has been what it is.
pub(super) fn next(key: &KeyView, now: Timestamp) -> String {
    match (key.state, next_moment(key)) {
        (KeyState::Published, Some(at)) if at > now => format!("active {}", distance(at, now)),
        (KeyState::Published, Some(_)) => "active in a moment".to_owned(),
        (KeyState::Published, None) => "waits".to_owned(),
        (KeyState::Draining, Some(at)) if at > now => format!("retires {}", distance(at, now)),
        (KeyState::Draining, _) => "retires in a moment".to_owned(),
        (KeyState::Active, Some(at)) if at > now => format!("{} left", rough(at.saturating_since(now))),
        (KeyState::Active, Some(at)) => format!("ended {}", distance(at, now)),
        (KeyState::Active, None) => match key.activate_at {
            Some(at) if at <= now => format!("for {}", rough(now.saturating_since(at))),
            _ => String::new(),
        },
        (KeyState::Revoked, _) => key.revoked.as_ref().map(|revoked| revoked.reason.to_string()).unwrap_or_default(),
        (KeyState::Retired, _) => String::new(),
    }
}

/// How a key stands, in words.
pub(super) fn standing(key: &KeyView, now: Timestamp) -> String {
    let next = next(key, now);
    match key.state {
        KeyState::Active if next.is_empty() || next.starts_with("for") => format!("active {next}").trim_end().to_owned(),
        KeyState::Active => format!("active, {next}"),
        KeyState::Published | KeyState::Draining => next,
        KeyState::Retired | KeyState::Revoked => format!("{} {next}", key.state),
    }
}

/// Less than thirty days are to be looked at, less than seven are late.
pub(super) fn tone(key: &KeyView, now: Timestamp) -> Tone {
    const DAY: u64 = 86_400;
    match key.state {
        KeyState::Published | KeyState::Draining => Tone::Warn,
        KeyState::Active => match next_moment(key).map(|at| at.saturating_since(now).as_secs()) {
            Some(left) if left < 7 * DAY => Tone::Bad,
            Some(left) if left < 30 * DAY => Tone::Warn,
            _ => Tone::Good,
        },
        KeyState::Retired => Tone::Faint,
        KeyState::Revoked => Tone::Bad,
    }
}

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let (list, detail) = list_and_detail(state.keys.open.is_some(), area);
    if let Some(area) = list {
        draw_list(state, pen, area);
    }
    if let Some(area) = detail {
        let title = state.keys.open.as_ref().map(|kid| format!("Key {}", listed(kid))).unwrap_or_default();
        pen.heading(area.x, area.y, area.width, &title, &age(state, &state.keys.detail));
        let inside = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        pen.lines(inside, &lines(state), state.keys.scroll);
    }
}

fn draw_list(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let keys = &state.keys;
    let shown: Vec<&KeyView> = keys.shown().collect();
    let all = keys.list.value.as_ref().map_or(0, Vec::len);
    let count = if shown.len() == all { format!("{all}") } else { format!("{} in use, {all} in all", shown.len()) };
    let title = if keys.list.value.is_some() { format!("Keys: {count}") } else { "Keys".to_owned() };
    pen.heading(area.x, area.y, area.width, &title, &age(state, &keys.list));
    let inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if let Some(lines) = absence(state, &keys.list, Read::Keys.roles()) {
        pen.lines(Rect { x: inside.x + 1, width: inside.width - 2, ..inside }, &lines, 0);
        return;
    }
    let name = if inside.width >= WIDE { 19 } else { 11 };
    let columns = [text("PURPOSE", 13), text("NAME", name), text("ALG", 7), text("STATE", 9), text("KID", 13), text("NEXT", 0)];
    let now = state.server_now();
    table::draw(pen, inside, &columns, shown.len(), keys.place(), |place| {
        let key = shown[place];
        vec![
            (Tone::Plain, key.purpose.to_string()),
            (Tone::Plain, key.name.clone()),
            (Tone::Plain, key.algorithm.to_string()),
            (tone(key, now), key.state.to_string()),
            (Tone::Faint, listed(&key.kid)),
            (Tone::Plain, next(key, now)),
        ]
    });
}

/// Rows of the open key that are seen.
pub(crate) fn seen(state: &State) -> usize {
    list_and_detail(state.keys.open.is_some(), body_now(state)).1.map_or(0, |area| usize::from(area.height.saturating_sub(1)))
}

/// The open key in full.
pub(crate) fn lines(state: &State) -> Vec<Pieces> {
    let room = usize::from(state.size.0.saturating_sub(6));
    match &state.keys.detail.value {
        Some(detail) => detail_lines(detail, state.server_now(), room),
        None => absence(state, &state.keys.detail, Read::Keys.roles()).unwrap_or_default(),
    }
}

fn detail_lines(detail: &KeyDetail, now: Timestamp, room: usize) -> Vec<Pieces> {
    let key = &detail.key;
    let mut lines = vec![
        fact("Key id", key.kid.to_string()),
        fact("Purpose", format!("{} ({}), {}", key.purpose, key.name, key.algorithm)),
        vec![(Tone::Faint, format!("{:<14}", "State")), (tone(key, now), key.state.to_string())],
        fact("Stands", standing(key, now)),
        fact("Created", people(key.created_at)),
    ];
    lines.extend(key.activate_at.map(|at| fact("Active from", people(at))));
    lines.extend(key.retire_at.map(|at| fact("Until", people(at))));
    lines.extend(key.not_after.map(|at| fact("Certificate", format!("until {}", people(at)))));
    lines.push(fact("In the JWKS", if detail.in_jwks { "yes" } else { "no" }.to_owned()));
    lines.extend(detail.next.as_ref().map(|next| fact("Next", next.clone())));
    for section in detail.sections() {
        lines.push(Vec::new());
        lines.push(line(Tone::Strong, section.title.clone()));
        let rows = section.rows.iter().flatten();
        lines.extend(rows.flat_map(|row| words::wrapped(row, room)).map(|row| line(Tone::Plain, row)));
    }
    lines
}
