//! Drawing: reads the state and changes nothing.

pub(crate) mod certificates;
mod footer;
mod header;
pub(crate) mod help;
mod hotline;
pub(crate) mod keys;
pub(crate) mod ledger;
mod overview;
mod palette;
pub(crate) mod parties;
pub(crate) mod pen;
pub(crate) mod popup;
pub(crate) mod rotations;
mod statistics;
mod table;
pub(crate) mod timeline;

use std::time::Duration;

use domain::Timestamp;
use ratatui::Frame;
use ratatui::layout::Rect;

use crate::event::Trouble;
use crate::state::ending;
use crate::state::loaded::Loaded;
use crate::state::popup::Popup;
use crate::state::{SMALLEST, State, View};
use crate::theme::{Theme, Tone};
use crate::words;
use pen::{Pen, Pieces, line};

/// Draws the whole screen.
pub fn draw(state: &State, frame: &mut Frame<'_>) {
    let area = frame.area();
    let mut pen = Pen::new(frame.buffer_mut(), Theme::of(state.look));
    if area.width < SMALLEST.0 || area.height < SMALLEST.1 {
        return too_small(state, &mut pen, area);
    }
    header::draw(state, &mut pen, Rect { height: 1, ..area });
    for (y, text) in (area.y + 1..).zip(alarm_rows(state, area.width)) {
        pen.tint(Rect { y, height: 1, ..area }, Tone::Production);
        pen.text(area.x + 1, y, area.width - 2, Tone::Production, &text);
    }
    let body = body(state, area);
    match state.view {
        View::Overview => overview::draw(state, &mut pen, body),
        View::Parties => parties::draw(state, &mut pen, body),
        View::Keys => keys::draw(state, &mut pen, body),
        View::Hotline => hotline::draw(state, &mut pen, body),
        View::Certificates => certificates::draw(state, &mut pen, body),
        View::Rotations => rotations::draw(state, &mut pen, body),
        View::Statistics => statistics::draw(state, &mut pen, body),
    }
    footer::draw(state, &mut pen, Rect { y: area.bottom() - 2, height: 2, ..area });
    popup::draw(state, &mut pen);
}

/// A terminal that the views do not fit into.
fn too_small(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let mut lines = vec![line(Tone::Strong, format!("The dashboard needs {} columns and {} rows.", SMALLEST.0, SMALLEST.1))];
    if matches!(state.popup, Some(Popup::Leaving)) {
        lines.push(line(Tone::Warn, popup::in_the_way(state)));
        lines.push(line(Tone::Strong, "y leaves, n stays."));
    } else {
        let text = format!("This terminal has {} and {}: make it larger, or q to leave.", area.width, area.height);
        lines.push(line(Tone::Strong, text));
    }
    let rows = lines
        .iter()
        .flatten()
        .flat_map(|(tone, text)| words::wrapped(text, usize::from(area.width)).into_iter().map(move |text| (*tone, text)));
    for (y, (tone, text)) in (area.y..area.bottom()).zip(rows) {
        pen.text(area.x, y, area.width, tone, &text);
    }
}

/// What the view has of the screen: the header, the alarms and the footer are drawn around it.
fn body(state: &State, area: Rect) -> Rect {
    let alarms = u16::try_from(alarm_rows(state, area.width).len()).unwrap_or_default();
    Rect { y: area.y + 1 + alarms, height: area.height.saturating_sub(3 + alarms), ..area }
}

/// The body of the screen as it is at present.
fn body_now(state: &State) -> Rect {
    body(state, Rect { x: 0, y: 0, width: state.size.0, height: state.size.1 })
}

/// The room of a list, and of what is `open` of it: below it where both fit, else instead of it.
fn list_and_detail(open: bool, area: Rect) -> (Option<Rect>, Option<Rect>) {
    if !open {
        return (Some(area), None);
    }
    if area.height >= 30 {
        let list = Rect { height: area.height / 2, ..area };
        return (Some(list), Some(Rect { y: list.bottom(), height: area.height - list.height, ..area }));
    }
    (None, Some(area))
}

/// The alarms as they are drawn. Each has two rows at most, so that what it is about stays on the screen.
fn alarm_rows(state: &State, columns: u16) -> Vec<String> {
    let room = usize::from(columns.saturating_sub(2));
    alarms(state).iter().flat_map(|alarm| words::wrapped(alarm, room).into_iter().take(2)).collect()
}

/// The doctor's check of what runs out. The node is ready all the same, and what ends is said apart: once, and with its age.
const EXPIRY: &str = "expiry";

/// What must not be overlooked, whatever the view.
fn alarms(state: &State) -> Vec<String> {
    let mut alarms = Vec::new();
    if let Some(away) = &state.link.away {
        let since = words::when(away.since, state.now);
        let lasts = client::times::span(state.now.saturating_since(away.since));
        alarms.push(format!("not connected since {since} ({lasts}), trying again: {}", away.why));
    }
    let troubles = [state.identity.trouble.as_ref(), kept(state)];
    alarms.extend(troubles.into_iter().flatten().filter(|trouble| !trouble.away).map(told));
    for check in state.checks.value.iter().flatten().filter(|check| !check.ok && check.id != EXPIRY) {
        let mend = check.mend.as_ref().map(|mend| format!("; {mend}")).unwrap_or_default();
        alarms.push(format!("NOT READY, {}: {}{mend}", check.id, check.detail));
    }
    alarms.truncate(2);
    alarms.extend(ends_soon(state));
    alarms
}

/// What ends within days, or has just ended, without another in its place.
fn ends_soon(state: &State) -> Option<String> {
    let (item, at, more) = ending::urgent(state)?;
    let now = state.server_now();
    let word = if at > now { "ENDS" } else { "ENDED" };
    let more = if more > 0 { format!(", and {more} more within 7 d of their end") } else { String::new() };
    let how = item.how.as_ref().map(|how| format!("; {how}")).unwrap_or_default();
    let age = age(state, &state.ending.list);
    let age = if age.is_empty() { age } else { format!(" ({age})") };
    Some(format!("{word} {}: {} of {}{more}{how}{age}", distance(at, now), item.what, item.holder))
}

/// Why what the view shows is not newer; where it shows nothing, the reason stands in its place.
fn kept(state: &State) -> Option<&Trouble> {
    fn of<T>(loaded: &Loaded<T>) -> Option<&Trouble> {
        loaded.trouble.as_ref().filter(|_| loaded.value.is_some())
    }
    match state.view {
        View::Overview => of(&state.overview),
        View::Parties => of(&state.parties.list).or(of(&state.parties.detail)),
        View::Keys => of(&state.keys.list).or(of(&state.keys.detail)),
        View::Hotline => None,
        View::Certificates => of(&state.certificates.list).or(of(&state.certificates.detail)),
        View::Statistics => of(&state.statistics.figures).or(of(&state.statistics.months)),
        View::Rotations => of(&state.keys.list).or(of(&state.rotations.plans)).or(of(&state.rotations.plan)),
    }
}

/// A trouble on one line.
fn told(trouble: &Trouble) -> String {
    let hint = trouble.hint.as_ref().map(|hint| format!("; {hint}")).unwrap_or_default();
    let request = trouble.request_id.as_ref().map(|id| format!(" (request {id})")).unwrap_or_default();
    format!("{}{hint}{request}", trouble.message)
}

/// How old something is, where that must be said: the server is away, or the last try brought nothing.
fn age<T>(state: &State, loaded: &Loaded<T>) -> String {
    let stale = state.link.away.is_some() || loaded.trouble.is_some();
    match loaded.at {
        Some(at) if stale => {
            format!("as at {}, {} old", words::when(at, state.now), client::times::span(state.now.saturating_since(at)))
        }
        _ => String::new(),
    }
}

/// What stands in the place of something that is not there; none when it is there.
fn absence<T>(state: &State, loaded: &Loaded<T>, roles: &[api::Role]) -> Option<Vec<Pieces>> {
    if loaded.value.is_some() {
        return None;
    }
    if state.identity.value.is_some()
        && let Err(why) = state.may(roles)
    {
        let why = format!("Your roles do not reach this: it {why}.");
        return Some(words::wrapped(&why, 76).into_iter().map(|text| line(Tone::Faint, text)).collect());
    }
    Some(match &loaded.trouble {
        Some(trouble) => trouble_lines(trouble, 76),
        None => vec![line(Tone::Faint, "Waiting for the server.")],
    })
}

/// A trouble in full: message, hint, what is wrong in the request, its id.
fn trouble_lines(trouble: &Trouble, room: usize) -> Vec<Pieces> {
    let mut lines: Vec<Pieces> = words::wrapped(&trouble.message, room).into_iter().map(|text| line(Tone::Bad, text)).collect();
    for field in &trouble.fields {
        lines.extend(words::wrapped(field, room).into_iter().map(|text| line(Tone::Plain, text)));
    }
    if let Some(hint) = &trouble.hint {
        lines.extend(words::wrapped(hint, room).into_iter().map(|text| line(Tone::Plain, text)));
    }
    lines.push(line(Tone::Faint, trouble.code.clone()));
    lines.extend(trouble.request_id.as_ref().map(|id| line(Tone::Faint, format!("request {id}"))));
    lines
}

/// `in 9 min` or `9 min ago`.
fn distance(at: Timestamp, now: Timestamp) -> String {
    if at > now { format!("in {}", rough(at.saturating_since(now))) } else { format!("{} ago", rough(now.saturating_since(at))) }
}

/// A span of time without what does not matter: whole days from three of them on.
fn rough(span: Duration) -> String {
    const DAY: u64 = 86_400;
    match span.as_secs() / DAY {
        0..=2 => client::times::span(span),
        days => format!("{} d", client::times::spaced(days)),
    }
}
