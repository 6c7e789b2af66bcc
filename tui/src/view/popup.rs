//! What stands in front of a view.

use domain::{Environment, RevocationReason};
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces, line};
use super::{help, palette, trouble_lines};
use crate::call::{Write, listed};
use crate::state::State;
use crate::state::popup::{Ask, Confirm, Popup, REVOCATIONS};
use crate::theme::Tone;
use crate::words::wrapped;

/// Columns of a question.
const COLUMNS: u16 = 70;
const ROOM: usize = COLUMNS as usize - 6;
/// Columns of a frame around a text to read.
const TEXT_FRAME: u16 = 78;
/// Columns of the text in it: beside it stand the frame and the mark that there is more.
pub(crate) const TEXT_COLUMNS: usize = TEXT_FRAME as usize - 6;

/// Rows of a text to read that are seen.
pub(crate) fn text_rows(state: &State) -> usize {
    usize::from(rows(state, u16::MAX).saturating_sub(2))
}

/// Rows of a frame for so many lines, frame included.
fn rows(state: &State, lines: u16) -> u16 {
    lines.saturating_add(2).min(state.size.1.saturating_sub(4)).min(40)
}

pub(super) fn draw(state: &State, pen: &mut Pen<'_>) {
    let Some(popup) = &state.popup else { return };
    match popup {
        Popup::Help { scroll } => {
            let area = pen.middle(TEXT_FRAME, rows(state, u16::MAX));
            let inside = pen.frame(area, "Help", Tone::Key);
            pen.lines(inside, &help::lines(state), *scroll);
        }
        Popup::Text { title, lines, scroll } => {
            let area = pen.middle(TEXT_FRAME, rows(state, u16::try_from(lines.len()).unwrap_or(u16::MAX)));
            let inside = pen.frame(area, title, Tone::Key);
            let lines: Vec<Pieces> = lines.iter().map(|text| line(Tone::Plain, text.clone())).collect();
            pen.lines(inside, &lines, *scroll);
        }
        Popup::Reason { why, input } => {
            let mut lines = paragraph(&why.question(), Tone::Strong);
            lines.push(Vec::new());
            let typed = palette::tail(&format!("{}{}", input.value(), pen.theme.glyphs.cursor), ROOM - 2);
            lines.push(vec![(Tone::Key, "> ".to_owned()), (Tone::Plain, typed)]);
            lines.extend(command(&why.command(input.value().trim())));
            question(state, pen, "Why?", &lines, Tone::Key);
        }
        Popup::Ask { ask, input, wrong } => {
            let mut lines = paragraph(&ask.question(), Tone::Strong);
            lines.push(Vec::new());
            let typed = palette::tail(&format!("{}{}", input.value(), pen.theme.glyphs.cursor), ROOM - 2);
            lines.push(vec![(Tone::Key, "> ".to_owned()), (Tone::Plain, typed)]);
            lines.extend(wrong.iter().flat_map(|why| paragraph(why, Tone::Bad)));
            question(state, pen, if matches!(ask, Ask::Month) { "Month" } else { "Export" }, &lines, Tone::Key);
        }
        Popup::Revoke { kid, selected } => {
            let asked = format!("Why is key {} revoked?", listed(kid));
            reasons(state, pen, &asked, *selected, &|reason| Write::RevokeKey(kid.clone(), reason));
        }
        Popup::Emergency { line, selected } => {
            let asked = format!("Why are the keys of {line} replaced at once, and the old ones revoked?");
            reasons(state, pen, &asked, *selected, &|reason| Write::Emergency(line.clone(), reason));
        }
        Popup::Confirm(confirm) => question(state, pen, "Is this meant?", &confirmation(pen, confirm), Tone::Warn),
        Popup::Trouble { trouble, command: done, again } => {
            let mut lines = Vec::new();
            if trouble.unconfirmed.is_some() {
                lines.push(line(Tone::Production, " NOT CONFIRMED "));
                lines.push(Vec::new());
            }
            lines.extend(trouble_lines(trouble, ROOM));
            if again.is_some() {
                lines.push(Vec::new());
                lines.push(vec![(Tone::Key, "r".to_owned()), (Tone::Plain, "  sends it again".to_owned())]);
            }
            if let Some(done) = done {
                lines.extend(command(done));
            }
            let title = if trouble.unconfirmed.is_some() { "No answer" } else { "It was not done" };
            question(state, pen, title, &lines, Tone::Bad);
        }
        Popup::Leaving => question(state, pen, "Leave?", &leaving(state), Tone::Warn),
        Popup::Palette(palette) => palette::draw(state, pen, palette),
    }
}

/// The reasons that a key can be revoked for, one of them selected, and the command that it leads to.
fn reasons(state: &State, pen: &mut Pen<'_>, asked: &str, selected: usize, write: &dyn Fn(RevocationReason) -> Write) {
    let mut lines = paragraph(asked, Tone::Strong);
    lines.push(Vec::new());
    lines.extend(REVOCATIONS.iter().enumerate().map(|(place, reason)| {
        let (mark, tone) = if place == selected { (pen.theme.glyphs.pointer, Tone::Selected) } else { (" ", Tone::Plain) };
        vec![(Tone::Plain, format!("{mark} ")), (tone, format!(" {reason} "))]
    }));
    if let Some(reason) = REVOCATIONS.get(selected) {
        lines.extend(command(&write(*reason).command()));
    }
    question(state, pen, "Why?", &lines, Tone::Key);
}

fn confirmation(pen: &Pen<'_>, confirm: &Confirm) -> Vec<Pieces> {
    let mut lines = paragraph(&confirm.question, Tone::Strong);
    lines.push(Vec::new());
    match &confirm.name {
        None => lines.push(yes_no()),
        Some(name) => {
            lines.push(vec![
                (Tone::Plain, "Type ".to_owned()),
                (Tone::Strong, name.clone()),
                (Tone::Plain, " to go on:".to_owned()),
            ]);
            let typed = palette::tail(&format!("{}{}", confirm.typed.value(), pen.theme.glyphs.cursor), ROOM - 2);
            lines.push(vec![(Tone::Key, "> ".to_owned()), (Tone::Plain, typed)]);
            if confirm.wrong {
                lines.push(line(Tone::Bad, "that is another name; nothing was sent"));
            }
        }
    }
    lines.extend(command(&confirm.write.command()));
    lines
}

/// Why it is asked whether to leave.
pub(super) fn in_the_way(state: &State) -> &'static str {
    if state.unanswered().is_some() {
        "The server has not answered yet. Leave without knowing whether this was done?"
    } else {
        "A call is still open. Leave the dashboard all the same?"
    }
}

fn leaving(state: &State) -> Vec<Pieces> {
    let mut lines = Vec::new();
    if let Some(write) = state.unanswered() {
        lines.extend(paragraph(in_the_way(state), Tone::Strong));
        lines.extend(command(&write.command()));
    } else {
        lines.extend(paragraph(in_the_way(state), Tone::Strong));
        if let Some(call) = &state.hotline.call {
            lines.push(line(Tone::Plain, format!("'iamctl hotline close {}' closes it later.", call.call)));
        }
    }
    lines.push(Vec::new());
    lines.push(yes_no());
    lines
}

fn yes_no() -> Pieces {
    vec![
        (Tone::Key, "y".to_owned()),
        (Tone::Plain, "  yes      ".to_owned()),
        (Tone::Key, "n".to_owned()),
        (Tone::Plain, "  no".to_owned()),
    ]
}

fn paragraph(text: &str, tone: Tone) -> Vec<Pieces> {
    wrapped(text, ROOM).into_iter().map(|text| line(tone, text)).collect()
}

/// The command that does the same.
fn command(command: &str) -> Vec<Pieces> {
    let mut lines = vec![Vec::new()];
    lines.extend(wrapped(&format!("$ {command}"), ROOM).into_iter().map(|text| line(Tone::Faint, text)));
    lines
}

/// A question in the middle of the screen; on production it says so first.
fn question(state: &State, pen: &mut Pen<'_>, title: &str, lines: &[Pieces], tone: Tone) {
    let production = state.place.environment == Environment::Production;
    let mut all = Vec::new();
    if production {
        all.push(line(Tone::Production, format!(" PRODUCTION {} ", state.place.context)));
        all.push(Vec::new());
    }
    all.extend_from_slice(lines);
    let rows = u16::try_from(all.len()).unwrap_or(u16::MAX).saturating_add(2);
    let area = pen.middle(COLUMNS, rows.min(state.size.1.saturating_sub(3)));
    let inside = pen.frame(area, title, if production { Tone::Bad } else { tone });
    pen.lines(Rect { width: inside.width + 1, ..inside }, &all, 0);
}
