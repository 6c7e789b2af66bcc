//! Certificates: what ends first at the top, and one of them in full.

use api::certificate::{CertificateDetail, CertificateView};
use client::Tabular;
use client::times::{self, people};
use domain::{CertificateState, THRESHOLDS, Timestamp, crossed, days_left};
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces, line};
use super::table::{self, Column, number, text};
use super::{absence, age, body_now, list_and_detail, parties::fact};
use crate::call::Read;
use crate::state::State;
use crate::state::certificates::Certificates;
use crate::state::wanted::Wanted;
use crate::theme::Tone;
use crate::words;

/// The words for how near an end is, by the threshold that was crossed last.
const MARKS: [(Tone, &str); THRESHOLDS.len()] = [
    (Tone::Warn, "in sight"),
    (Tone::Warn, "renew"),
    (Tone::Bad, "renew now"),
    (Tone::Bad, "urgent"),
    (Tone::Production, "LAST DAY"),
];

/// How near its end is, in a word; nothing before the first threshold, and of what is not good any more.
fn mark(row: &CertificateView, now: Timestamp) -> (Tone, &'static str) {
    if !matches!(row.state, CertificateState::Valid | CertificateState::Expired) {
        return (Tone::Plain, "");
    }
    if row.not_after < now {
        return (Tone::Bad, "ended");
    }
    let threshold = crossed(row.not_after, now);
    let place = THRESHOLDS.iter().position(|days| Some(*days) == threshold);
    place.map_or((Tone::Plain, ""), |place| MARKS[place])
}

fn state_tone(state: CertificateState) -> Tone {
    match state {
        CertificateState::Valid => Tone::Good,
        CertificateState::OnHold | CertificateState::Planned => Tone::Warn,
        CertificateState::Revoked => Tone::Bad,
        CertificateState::Expired => Tone::Faint,
    }
}

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let (list, detail) = list_and_detail(state.certificates.open.is_some(), area);
    if let Some(area) = list {
        draw_list(state, pen, area);
    }
    if let (Some(area), Some(serial)) = (detail, &state.certificates.open) {
        pen.heading(area.x, area.y, area.width, &format!("Certificate {serial}"), &age(state, &state.certificates.detail));
        let inside = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 };
        pen.lines(inside, &lines(state), state.certificates.scroll);
    }
}

/// Which rows of how many are held: how many there are in all, only the last page tells.
fn title(certificates: &Certificates) -> String {
    let what = match certificates.wanted.state {
        Some(CertificateState::Valid) => "Valid certificates",
        _ => "Certificates",
    };
    let Some(page) = &certificates.list.value else { return what.to_owned() };
    let (before, held) = (certificates.before() as u64, page.items.len() as u64);
    match (before, &page.next) {
        (0, None) => format!("{what}: {}", times::spaced(held)),
        (before, None) => format!("{what}: {} to {}, the last", times::spaced(before + 1), times::spaced(before + held)),
        (before, Some(_)) => format!("{what}: {} to {}, more follow", times::spaced(before + 1), times::spaced(before + held)),
    }
}

fn draw_list(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let certificates = &state.certificates;
    let turning = if certificates.is_turning() { "turning the page" } else { "" };
    let old = age(state, &certificates.list);
    pen.heading(area.x, area.y, area.width, &title(certificates), if old.is_empty() { turning } else { &old });
    let mut inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if certificates.filtering || certificates.wanted != Wanted::default() {
        let (typed, cursor) = if certificates.filtering {
            (certificates.filter.value().to_owned(), pen.theme.glyphs.cursor)
        } else {
            (certificates.wanted.to_string(), "")
        };
        let pieces = [(Tone::Key, "filter ".to_owned()), (Tone::Strong, format!("{typed}{cursor}"))];
        pen.pieces(inside.x + 2, inside.y, inside.width - 3, &pieces);
        inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
        let about = certificates.wrong.as_ref().map(|wrong| (Tone::Bad, wrong.clone())).or_else(|| {
            let words = "words: all, revoked, on-hold, expired, planned; operator, relying-party, account, key;";
            certificates.filtering.then(|| (Tone::Faint, format!("{words} 30d; issuer:NAME, profile:NAME, or a holder's id")))
        });
        if let Some((tone, about)) = about {
            for text in words::wrapped(&about, usize::from(inside.width - 4)).into_iter().take(2) {
                pen.text(inside.x + 2, inside.y, inside.width - 3, tone, &text);
                inside = Rect { y: inside.y + 1, height: inside.height - 1, ..inside };
            }
        }
    }
    if let Some(lines) = absence(state, &certificates.list, certificates.read().roles()) {
        pen.lines(Rect { x: inside.x + 1, width: inside.width - 2, ..inside }, &lines, 0);
        return;
    }
    if certificates.rows().is_empty() {
        let why = if certificates.before() > 0 {
            "Nothing is left on this page; home goes to the first."
        } else if certificates.wanted == Wanted::default() {
            "No certificate is valid: 'iamd check' says what is wrong."
        } else {
            "None fits; esc clears the filter."
        };
        pen.text(inside.x + 2, inside.y, inside.width - 3, Tone::Faint, why);
        return;
    }
    rows(state, pen, inside);
}

fn rows(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let certificates = &state.certificates;
    let legend = Rect { y: area.bottom() - 1, height: 1, ..area };
    let area = Rect { height: area.height - 1, ..area };
    let (wide, wider) = (area.width >= 110, area.width >= 160);
    let mut columns: Vec<Column> = vec![number("DAYS", 6), text("", 9), text("HOLDER", 0), text("PROFILE", 15)];
    columns.extend(wide.then(|| text("ISSUER", 18)));
    columns.extend([text("STATE", 7), text("UNTIL", 16)]);
    columns.extend(wide.then(|| text("SERIAL", 9)));
    columns.extend(wider.then(|| text("SUBJECT", 0)));
    let now = state.server_now();
    table::draw(pen, area, &columns, certificates.rows().len(), certificates.place(), |place| {
        let row = &certificates.rows()[place];
        let (tone, word) = mark(row, now);
        let mut cells = vec![
            (tone, days_left(row.not_after, now).to_string()),
            (tone, word.to_owned()),
            (Tone::Plain, row.holder.clone()),
            (Tone::Plain, row.profile.clone()),
        ];
        cells.extend(wide.then(|| (Tone::Plain, row.issuer.clone())));
        cells.push((state_tone(row.state), row.state.to_string()));
        cells.push((Tone::Faint, people(row.not_after).chars().take(16).collect()));
        cells.extend(wide.then(|| (Tone::Faint, row.serial.as_str().chars().take(8).collect())));
        cells.extend(wider.then(|| (Tone::Faint, row.subject.clone())));
        cells
    });
    let mut pieces: Pieces = vec![(Tone::Faint, "days left: ".to_owned())];
    for (days, (tone, word)) in THRESHOLDS.iter().zip(MARKS) {
        pieces.push((Tone::Faint, format!("{days} ")));
        pieces.push((tone, word.to_owned()));
        pieces.push((Tone::Faint, "  ".to_owned()));
    }
    pen.pieces(legend.x + 2, legend.y, legend.width - 3, &pieces);
}

/// Rows of the open certificate that are seen.
pub(crate) fn seen(state: &State) -> usize {
    list_and_detail(state.certificates.open.is_some(), body_now(state))
        .1
        .map_or(0, |area| usize::from(area.height.saturating_sub(1)))
}

/// The open certificate in full.
pub(crate) fn lines(state: &State) -> Vec<Pieces> {
    let Some(serial) = &state.certificates.open else { return Vec::new() };
    let room = usize::from(state.size.0.saturating_sub(6));
    match &state.certificates.detail.value {
        Some(detail) => detail_lines(detail, state.server_now(), room),
        None => absence(state, &state.certificates.detail, Read::Certificate(serial.clone()).roles()).unwrap_or_default(),
    }
}

fn detail_lines(detail: &CertificateDetail, now: Timestamp, room: usize) -> Vec<Pieces> {
    let row = &detail.certificate;
    let days = days_left(row.not_after, now);
    let (tone, word) = mark(row, now);
    let left = match days {
        ..=-1 => format!("none, it ended {}", super::distance(row.not_after, now)),
        0 => format!("less than one, it ends {}", super::distance(row.not_after, now)),
        1 => "1 day".to_owned(),
        days => format!("{} days", times::spaced(days.unsigned_abs())),
    };
    let long = |label: &str, value: &str| -> Vec<Pieces> {
        let rows = words::wrapped(value, room.saturating_sub(14)).into_iter().enumerate();
        rows.map(|(place, text)| fact(if place == 0 { label } else { "" }, text)).collect()
    };
    let mut lines = long("Holder", &format!("{} {}", row.holder_kind, row.holder));
    lines.extend(long("Subject", &row.subject));
    lines.push(fact("Profile", row.profile.clone()));
    lines.push(fact("Issuer", row.issuer.clone()));
    lines.push(vec![(Tone::Faint, format!("{:<14}", "State")), (state_tone(row.state), row.state.to_string())]);
    if let (Some(at), Some(why)) = (row.revoked_at, row.revoked_reason) {
        lines.push(fact("", format!("{why} since {}", people(at))));
    }
    let label = (Tone::Faint, format!("{:<14}", "Days left"));
    lines.push(vec![label, (Tone::Plain, left), (Tone::Plain, "  ".to_owned()), (tone, word.to_owned())]);
    lines.push(fact("Good from", people(row.not_before)));
    lines.push(fact("Until", people(row.not_after)));
    lines.push(fact("On record", people(detail.planned_at)));
    lines.extend(detail.next.iter().flat_map(|next| long("Next", next)));
    lines.extend(detail.key.iter().flat_map(|key| long("Key", key)));
    for section in detail.sections().into_iter().filter(|section| !matches!(section.title.as_str(), "Next" | "Not good")) {
        lines.push(Vec::new());
        lines.push(line(Tone::Strong, section.title.clone()));
        let rows = section.rows.iter().flatten();
        lines.extend(rows.flat_map(|row| words::wrapped(row, room)).map(|row| line(Tone::Plain, row)));
    }
    lines
}
