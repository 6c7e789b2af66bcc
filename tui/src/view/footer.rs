//! The last two rows: what was done and the command that does the same; the keys that do something now.

use client::width;
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces};
use crate::call::Read;
use crate::state::{State, View, ending, global, statistics, typing};
use crate::theme::Tone;
use crate::words;

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let told = match &state.notice {
        Some(notice) => {
            let mut pieces = vec![(Tone::Strong, notice.text.clone())];
            if let Some(command) = &notice.command {
                pieces.push((Tone::Faint, format!("   $ {command}")));
            }
            pieces
        }
        None => same_as(state).map(|command| vec![(Tone::Faint, format!("$ {command}"))]).unwrap_or_default(),
    };
    let note = note(state);
    let taken = u16::try_from(width::columns(&note)).unwrap_or_default();
    pen.right(area.x + 1, area.y, area.width - 2, Tone::Warn, &note);
    let room = if taken > 0 { area.width - 4 - taken } else { area.width - 2 };
    pen.pieces(area.x + 1, area.y, room, &told);
    let hints = hints(state);
    pen.pieces(area.x + 1, area.y + 1, area.width - 2, &fitting(&hints, usize::from(area.width - 2)));
}

/// What ends within weeks; what ends sooner is an alarm.
fn note(state: &State) -> String {
    let Some((count, days)) = ending::note(state) else { return String::new() };
    let old = if super::age(state, &state.ending.list).is_empty() { "" } else { ", when last seen" };
    format!("{} within {days} d{old}", words::stand(count as u64, "ends", "end"))
}

/// The command that shows what the view shows.
fn same_as(state: &State) -> Option<String> {
    match state.view {
        View::Overview => None,
        View::Parties => state.parties.open.clone().map_or(Read::Parties, Read::Party).command(),
        View::Keys => state.keys.open.clone().map_or(Read::Keys, Read::Key).command(),
        View::Hotline => None,
        View::Statistics => statistics::service_read(state).unwrap_or_else(|| Read::Month(state.statistics.month())).command(),
        View::Rotations => {
            let rotations = &state.rotations;
            rotations.subject().filter(|_| rotations.open).map_or(Read::Plans, |plan| Read::Plan(plan.plan)).command()
        }
        View::Certificates => {
            let certificates = &state.certificates;
            let list = || Read::Certificates(certificates.wanted.clone(), None);
            certificates.open.clone().map_or_else(list, Read::Certificate).command()
        }
    }
}

/// Keys and what they do now: those of what stands in front, else those of the view and the most used of all views.
fn hints(state: &State) -> Vec<(String, &'static str)> {
    let owned = |hints: Vec<(&'static str, &'static str)>| hints.into_iter().map(|(key, name)| (key.to_owned(), name)).collect();
    if let Some(popup) = &state.popup {
        return owned(popup.hints());
    }
    if let Some(hints) = typing::hints(state) {
        return owned(hints);
    }
    let always = ["open call", "commands", "help", "quit"];
    let own = state.view.commands().iter();
    let others = global::COMMANDS.iter().filter(|command| always.contains(&command.name));
    own.chain(others)
        .filter(|command| (command.enabled)(state).is_ok())
        .map(|command| (command.keys.first().copied().unwrap_or_default().to_owned(), command.name))
        .collect()
}

/// As many as fit; the last three always do.
fn fitting(hints: &[(String, &'static str)], room: usize) -> Pieces {
    let columns = |(key, name): &(String, &'static str)| width::columns(key) + width::columns(name) + 3;
    let last = hints.len().saturating_sub(3);
    let kept: usize = hints.iter().skip(last).map(columns).sum();
    let mut taken = kept;
    let mut shown = Vec::new();
    for (place, hint) in hints.iter().enumerate() {
        if place < last {
            taken += columns(hint);
            if taken > room + 2 {
                taken -= columns(hint);
                continue;
            }
        }
        let gap = if shown.is_empty() { "" } else { "  " };
        shown.push((Tone::Key, format!("{gap}{}", hint.0)));
        shown.push((Tone::Plain, format!(" {}", hint.1)));
    }
    shown
}
