//! The first row: tabs, where we are, and how we stand to the server.

use client::width;
use domain::Environment;
use ratatui::layout::Rect;

use super::pen::Pen;
use crate::state::link::FeedState;
use crate::state::{Place, State, View};
use crate::theme::Tone;

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let mut x = area.x;
    for (number, view) in View::ALL.iter().enumerate() {
        let mark = if *view == View::Hotline && state.hotline.is_open() { pen.theme.glyphs.live } else { "" };
        let text = format!(" {} {}{mark} ", number + 1, view.title());
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
    let fixed = columns(&place) + columns(&link) + 2;
    let Place { context, environment, operator, .. } = &state.place;
    // A context is often called after its environment: that is not said twice.
    let who = if context == environment.as_str() { operator.clone() } else { format!("{context} {} {operator}", glyphs.dot) };
    let who = width::truncate(&client::safe::visible(&who), usize::from(room.saturating_sub(fixed)), glyphs.cut);
    let taken = (fixed + columns(&who)).min(room);
    let pieces = [(place_tone, place), (Tone::Plain, format!(" {who} ")), (tone, link)];
    pen.pieces(area.right() - taken, area.y, taken, &pieces);
}

fn columns(text: &str) -> u16 {
    u16::try_from(width::columns(text)).unwrap_or(u16::MAX)
}
