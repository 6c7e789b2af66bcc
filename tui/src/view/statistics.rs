//! Statistics: months as bars, the services and sectors of one of them, and a service in full.

use api::stats::{Trend, TrendMonth, UsageReport, UsageRow};
use api::{Operation, Role};
use client::times::spaced;
use domain::{Environment, Month};
use ratatui::layout::Rect;

use super::pen::{Pen, line};
use super::table::{self, number, text};
use super::{absence, age};
use crate::state::State;
use crate::state::statistics::MonthFigures;
use crate::theme::Tone;
use crate::words;

/// Columns of the numbers beside a chart.
const AXIS: u16 = 12;

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let statistics = &state.statistics;
    let title = match statistics.month() {
        Some(month) => format!("Statistics: {}", month.english()),
        None => "Statistics".to_owned(),
    };
    let old = age(state, &statistics.figures);
    pen.heading(area.x, area.y, area.width, &title, if old.is_empty() { whose(state) } else { &old });
    let Some(figures) = &statistics.figures.value else {
        let lines = absence(state, &statistics.figures, UsageReport::ROLES).unwrap_or_default();
        pen.lines(Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 1 }, &lines, 0);
        return;
    };
    pen.pieces(area.x + 1, area.y + 1, area.width - 2, &[(Tone::Faint, standing(state, figures))]);
    let chart = if area.height >= 34 { 12 } else { 7 };
    let above = Rect { y: area.y + 2, height: chart, ..area };
    months(pen, above, "Uses by month", &figures.trend, figures.month);
    let below = Rect { y: above.bottom(), height: area.bottom() - above.bottom(), ..area };
    let left = Rect { width: below.width * 11 / 20 - 1, ..below };
    let right = Rect { x: left.right() + 2, width: below.right() - left.right() - 2, ..below };
    services(state, pen, left, figures);
    match &statistics.open {
        Some(service) => {
            let row = figures.services.iter().find(|row| row.id == service.to_string());
            open(state, pen, right, row, figures.month);
        }
        None => sectors(state, pen, right, &figures.sectors),
    }
}

/// For whose eyes, and whether of anybody real.
fn whose(state: &State) -> &'static str {
    let auditor = state.identity.value.as_ref().is_some_and(|identity| identity.roles.contains(&Role::Auditor));
    match (state.place.environment, auditor) {
        (Environment::Sandbox, true) => "SYNTHETIC DATA, auditor's view",
        (Environment::Sandbox, false) => "SYNTHETIC DATA, published view",
        (Environment::Production, true) => "auditor's view, not for publication",
        (Environment::Production, false) => "published view",
    }
}

/// How the month stands: closed, ended, or still running; and what was used in it.
fn standing(state: &State, figures: &MonthFigures) -> String {
    let known: Vec<u64> = figures.sectors.iter().filter_map(|row| row.uses).collect();
    let left_out = known.len() < figures.sectors.len();
    let uses = format!("{}{}", if left_out { "at least " } else { "" }, words::counted(known.iter().sum(), "use"));
    let month = figures.month;
    let stands = match &figures.frozen {
        Some(frozen) => {
            let digest: String = frozen.digest.chars().take(12).collect();
            format!("closed as known at {}, digest {digest}, {}", frozen.known_at, words::counted(frozen.users, "user"))
        }
        None if month >= state.server_now().hk_day().month() => "still running: figures of a part of the month".to_owned(),
        None => "ended, not closed".to_owned(),
    };
    format!("{uses} {} {stands}", if state.look.ascii { "-" } else { "·" })
}

/// Months as bars, the one that is shown marked; as many of the newest as there is room for.
fn months(pen: &mut Pen<'_>, area: Rect, title: &str, trend: &Trend, shown: Month) {
    let room = area.width.saturating_sub(AXIS + 2);
    let all = &trend.months;
    let fits = usize::from(room / 2).max(1);
    // What is shown stays on the screen.
    let end = all
        .iter()
        .position(|row| row.month == shown)
        .map_or(all.len(), |place| (place + fits / 2).clamp(fits.min(all.len()), all.len()));
    let rows = &all[end.saturating_sub(fits)..end];
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        pen.heading(area.x, area.y, area.width, title, "");
        pen.text(area.x + 1, area.y + 1, area.width - 2, Tone::Faint, "No whole month yet.");
        return;
    };
    pen.heading(area.x, area.y, area.width, title, &format!("{} to {}", first.month.english(), last.month.english()));
    let chart = Rect { x: area.x + AXIS, y: area.y + 1, width: room, height: area.height.saturating_sub(2) };
    let highest = rows.iter().filter_map(|row| row.value).max().unwrap_or(0);
    pen.right(area.x, chart.y, AXIS - 1, Tone::Faint, &spaced(highest));
    pen.right(area.x, chart.bottom() - 1, AXIS - 1, Tone::Faint, "0");
    let each = (room / u16::try_from(rows.len()).unwrap_or(room).max(1)).clamp(2, 8);
    for (place, row) in (0_u16..).zip(rows) {
        let x = chart.x + place * each;
        let tone = if row.month == shown { Tone::Key } else { Tone::Good };
        column(pen, Rect { x, width: each - 1, ..chart }, row, highest, tone);
        let under = match row.month.month_of_year() {
            1 => row.month.year().to_string(),
            _ if row.month == shown => pen.theme.glyphs.above.to_owned(),
            _ => continue,
        };
        let tone = if row.month == shown { Tone::Key } else { Tone::Faint };
        pen.text(x, chart.bottom(), 4, tone, &under);
    }
}

/// One bar. A month with any use shows the lowest mark; one of which nothing may be told a dot.
fn column(pen: &mut Pen<'_>, area: Rect, row: &TrendMonth, highest: u64, tone: Tone) {
    let levels = pen.theme.glyphs.bars;
    let Some(value) = row.value else {
        pen.text(area.x, area.bottom() - 1, 1, Tone::Faint, pen.theme.glyphs.dot);
        return;
    };
    let steps = (levels.len() - 1) as u64;
    let full = steps * u64::from(area.height);
    let filled = u64::try_from((u128::from(value) * u128::from(full)).div_ceil(u128::from(highest.max(1)))).unwrap_or(full);
    for up in 0..area.height {
        let level = usize::try_from(filled.saturating_sub(steps * u64::from(up)).min(steps)).unwrap_or_default();
        if level > 0 {
            let bar = levels[level].repeat(usize::from(area.width));
            pen.text(area.x, area.bottom() - 1 - up, area.width, tone, &bar);
        }
    }
}

fn services(state: &State, pen: &mut Pen<'_>, area: Rect, figures: &MonthFigures) {
    let rows: Vec<&UsageRow> = state.statistics.services().collect();
    pen.heading(area.x, area.y, area.width, &format!("Services: {}", rows.len()), "");
    let inside = Rect { y: area.y + 1, height: area.height - 1, ..area };
    if rows.is_empty() {
        let none = format!("No use in {}.", figures.month.english());
        pen.text(inside.x + 2, inside.y, inside.width - 3, Tone::Faint, &none);
        return;
    }
    let columns = [number("", 3), text("SERVICE", 0), number("USES", 11)];
    table::draw(pen, inside, &columns, rows.len(), state.statistics.place(), |place| {
        let row = rows[place];
        vec![(Tone::Faint, rank(&rows, place)), (Tone::Plain, row.name.en.clone()), (Tone::Plain, told(state, row.uses))]
    });
}

/// Its place; equal uses, equal rank. None for what is left out.
fn rank(rows: &[&UsageRow], place: usize) -> String {
    match rows[place].uses {
        Some(uses) => (1 + rows.iter().filter(|row| row.uses.is_some_and(|other| other > uses)).count()).to_string(),
        None => String::new(),
    }
}

/// A number, or the mark of one that is suppressed, as on the command line.
fn told(state: &State, uses: Option<u64>) -> String {
    uses.map_or_else(|| if state.look.ascii { "-" } else { "–" }.to_owned(), spaced)
}

fn sectors(state: &State, pen: &mut Pen<'_>, area: Rect, rows: &[UsageRow]) {
    pen.heading(area.x, area.y, area.width, "By sector", "");
    let highest = rows.iter().filter_map(|row| row.uses).max().unwrap_or(0).max(1);
    let room = u64::from(area.width.saturating_sub(26));
    for (y, row) in (area.y + 1..area.bottom()).zip(rows) {
        let full =
            u64::try_from((u128::from(row.uses.unwrap_or(0)) * u128::from(room)).div_ceil(u128::from(highest))).unwrap_or(0);
        let bar = pen.theme.glyphs.done.repeat(usize::try_from(full).unwrap_or(0));
        pen.text(area.x + 1, y, 11, Tone::Plain, &row.name.en);
        pen.right(area.x + 12, y, 11, Tone::Strong, &told(state, row.uses));
        pen.text(area.x + 24, y, area.width.saturating_sub(25), Tone::Good, &bar);
    }
}

/// A service in full: what it is called, its uses in the month and by month, and what may be said of them.
fn open(state: &State, pen: &mut Pen<'_>, area: Rect, row: Option<&UsageRow>, shown: Month) {
    let statistics = &state.statistics;
    let title = statistics.open.as_ref().map(ToString::to_string).unwrap_or_default();
    pen.heading(area.x, area.y, area.width, &title, "");
    let room = usize::from(area.width.saturating_sub(3));
    let mut lines = Vec::new();
    if let Some(row) = row {
        let name = if state.look.ascii { row.name.en.clone() } else { format!("{} {}", row.name.en, row.name.zh_hant) };
        lines.extend(words::wrapped(&name, room).into_iter().take(2).map(|text| line(Tone::Strong, text)));
        let uses = format!("{} uses, {} not completed", told(state, row.uses), told(state, row.not_completed));
        lines.push(line(Tone::Plain, uses));
    }
    let Some(trend) = &statistics.months.value else {
        lines.extend(absence(state, &statistics.months, UsageReport::ROLES).unwrap_or_default());
        return pen.lines(Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height: area.height - 1 }, &lines, 0);
    };
    // Its name stands above already.
    let name = row.map(|row| format!("{}: ", row.name.en)).unwrap_or_default();
    let text = trend.text.en.strip_prefix(&name).unwrap_or(&trend.text.en);
    lines.extend(words::wrapped(text, room).into_iter().take(3).map(|text| line(Tone::Faint, text)));
    let height = u16::try_from(lines.len()).unwrap_or(area.height).min(area.height - 1);
    pen.lines(Rect { x: area.x + 1, y: area.y + 1, width: area.width - 1, height }, &lines, 0);
    let rest = Rect { y: area.y + 1 + height, height: area.height - 1 - height, ..area };
    if rest.height >= 4 {
        months(pen, rest, "By month", trend, shown);
    }
}
