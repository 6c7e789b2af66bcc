//! The first row: tabs, where we are, and how we stand to the server.

use client::width;
use domain::Environment;
use ratatui::layout::Rect;

use super::pen::Pen;
use crate::state::link::FeedState;
use crate::state::{Place, State, View};
use crate::theme::Tone;

/// From this width on tabs have their whole names, and names of their own stand beside them.
const ROOMY: u16 = 110;

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let mut x = area.x;
    let roomy = area.width >= ROOMY;
    for (number, view) in View::ALL.iter().enumerate() {
        let mark = if *view == View::Hotline && state.hotline.is_open() { pen.theme.glyphs.live } else { "" };
        let number = number + 1;
        let text = match (roomy, mark) {
            (true, _) => format!(" {number} {}{mark} ", view.title()),
            // The mark takes the place of the gap, so that nothing behind it moves.
            (false, "") => format!(" {number} {}", view.short()),
            (false, _) => format!("{mark}{number} {}", view.short()),
        };
        let tone = if *view == state.view { Tone::Selected } else { Tone::Plain };
        x += pen.text(x, area.y, area.right() - x, tone, &text);
    }
    let glyphs = pen.theme.glyphs;
    let (tone, link) = match (state.link.feed, &state.link.away) {
        (_, Some(_)) => (Tone::Bad, format!("{} away", glyphs.waiting)),
        (FeedState::Live, None) => (Tone::Good, format!("{} live", glyphs.live)),
        (FeedState::Denied, None) => (Tone::Plain, format!("{} every 10 s", glyphs.waiting)),
        (FeedState::Connecting | FeedState::Lost, None) => (Tone::Warn, format!("{} connecting", glyphs.waiting)),
    };
    let room = area.right().saturating_sub(x + 1);
    // The word comes first and is never cut; names give way.
    let (place_tone, place) = match state.place.environment {
        Environment::Production => (Tone::Production, " PRODUCTION ".to_owned()),
        Environment::Sandbox => (Tone::Plain, "sandbox".to_owned()),
    };
    let fixed = columns(&place) + columns(&link) + 1;
    let Place { context, environment, operator, .. } = &state.place;
    // A context is often called after its environment: that is not said twice.
    let who = match (context == environment.as_str(), roomy) {
        (true, _) => operator.clone(),
        (false, true) => format!("{context} {} {operator}", glyphs.dot),
        (false, false) => context.clone(),
    };
    let space = usize::from(room.saturating_sub(fixed + 1));
    // A name of which nothing would be left is left out.
    let who = if space < 4 { String::new() } else { width::truncate(&client::safe::visible(&who), space, glyphs.cut) };
    let gap = if who.is_empty() { " ".to_owned() } else { format!(" {who} ") };
    let taken = (fixed - 1 + columns(&gap)).min(room);
    let pieces = [(place_tone, place), (Tone::Plain, gap), (tone, link)];
    pen.pieces(area.right() - taken, area.y, taken, &pieces);
}

fn columns(text: &str) -> u16 {
    u16::try_from(width::columns(text)).unwrap_or(u16::MAX)
}
