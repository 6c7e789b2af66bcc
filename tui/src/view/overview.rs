//! The overview: accounts, services, uses, keys, jobs and the latest audit entries at one look.

use api::audit::{AuditOutcome, AuditView};
use api::instance::{Check, DayCount, Overview};
use api::job::{JobState, JobView, ListJobs};
use api::{Operation, instance};
use client::times::spaced;
use client::width::Align;
use domain::{AccountState, KeyPurpose, KeyState, Tier, Timestamp};
use ratatui::layout::Rect;

use super::pen::{Pen, Pieces, line};
use super::{EXPIRY, absence, age, keys};
use crate::state::State;
use crate::theme::Tone;
use crate::words::{self, fitted};

pub(super) fn draw(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let Some(overview) = &state.overview.value else {
        let lines = absence(state, &state.overview, instance::ShowOverview::ROLES).unwrap_or_default();
        pen.heading(area.x, area.y, area.width, "Overview", "");
        let inside = Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: area.height - 1 };
        pen.lines(inside, &lines, 0);
        return;
    };
    let top = 5;
    // The server tells ten entries at most; what a large terminal has left goes to the uses.
    let (uses, middle) = if area.height >= 34 { ((area.height - 26).min(16), 10) } else { (4, 5) };
    let mut y = area.y;
    let rest = area.height.saturating_sub(top + uses + middle);
    for (height, part) in [(top, 0), (uses, 1), (middle, 2), (rest, 3)] {
        let area = Rect { y, height, ..area };
        y += height;
        match part {
            0 => figures(state, pen, area, overview),
            1 => sparkline(state, pen, area, overview),
            2 => keys_and_jobs(state, pen, area, overview),
            _ => audit(state, pen, area, overview),
        }
    }
}

/// Two parts side by side, the left one a little wider, with a gap between them.
fn halves(area: Rect) -> (Rect, Rect) {
    let left = Rect { width: area.width * 11 / 20 - 1, ..area };
    let x = left.right() + 2;
    (left, Rect { x, width: area.right() - x, ..area })
}

fn figures(state: &State, pen: &mut Pen<'_>, area: Rect, overview: &Overview) {
    let (left, right) = if area.width >= 110 {
        (Rect { width: 44, ..area }, Rect { x: area.x + 46, width: area.width - 46, ..area })
    } else {
        halves(area)
    };
    accounts(state, pen, left, overview);
    if area.width >= 110 {
        let width = right.width / 2 - 1;
        platform(pen, Rect { width, ..right }, overview, None);
        let x = right.x + width + 2;
        checks(state, pen, Rect { x, width: area.right() - x, ..right });
    } else {
        platform(pen, right, overview, state.checks.value.as_deref());
    }
}

fn accounts(state: &State, pen: &mut Pen<'_>, area: Rect, overview: &Overview) {
    pen.heading(area.x, area.y, area.width, "Accounts", &age(state, &state.overview));
    let count = |tier: Option<Tier>, state: AccountState| -> u64 {
        let fits = |row: &&instance::AccountCount| tier.is_none_or(|tier| row.tier == tier) && row.state == state;
        overview.accounts.iter().filter(fits).map(|row| row.count).sum()
    };
    let states = [AccountState::Active, AccountState::Suspended, AccountState::Closed];
    let cells = |label: &str, cells: [String; 3]| {
        let cells: String = cells.iter().map(|cell| fitted(cell, 10, Align::Right, "")).collect();
        format!(" {}{cells}", fitted(label, 10, Align::Left, ""))
    };
    let headings = cells("", ["active".into(), "suspended".into(), "closed".into()]);
    pen.text(area.x, area.y + 1, area.width, Tone::Faint, &headings);
    for (y, tier) in (area.y + 2..).zip([Some(Tier::IamSmart), Some(Tier::IamSmartPlus), None]) {
        let label = tier.map_or("together", words::tier);
        let text = cells(label, states.map(|state| spaced(count(tier, state))));
        pen.text(area.x, y, area.width, if tier.is_none() { Tone::Strong } else { Tone::Plain }, &text);
    }
}

fn platform(pen: &mut Pen<'_>, area: Rect, overview: &Overview, checks: Option<&[Check]>) {
    let version = format!("version {}", overview.version);
    pen.heading(area.x, area.y, area.width, "Platform", &version);
    let rows = [("relying parties", overview.parties), ("services", overview.services), ("uses in all", overview.uses)];
    for (y, (label, count)) in (area.y + 1..).zip(rows) {
        pen.text(area.x + 1, y, 16, Tone::Plain, label);
        pen.right(area.x + 17, y, 13, Tone::Strong, &spaced(count));
    }
    if let Some(checks) = checks {
        pen.pieces(area.x + 1, area.y + 4, area.width - 1, &readiness(checks));
    }
}

/// All checks in one line; those that fail stand in an alarm of their own.
fn readiness(checks: &[Check]) -> Pieces {
    let failed = checks.iter().filter(|check| !check.ok && check.id != EXPIRY);
    let failed: Vec<&str> = failed.map(|check| check.id.as_str()).collect();
    let ending = checks.iter().any(|check| !check.ok && check.id == EXPIRY);
    if checks.is_empty() {
        return Vec::new();
    }
    if failed.is_empty() && ending {
        vec![(Tone::Good, "ready".to_owned()), (Tone::Warn, "  something ends soon".to_owned())]
    } else if failed.is_empty() {
        vec![(Tone::Good, "ready".to_owned()), (Tone::Faint, format!("  all {} checks ok", checks.len()))]
    } else {
        vec![(Tone::Bad, format!("NOT READY: {}", failed.join(", ")))]
    }
}

fn checks(state: &State, pen: &mut Pen<'_>, area: Rect) {
    let all = state.checks.value.as_deref().unwrap_or_default();
    pen.heading(area.x, area.y, area.width, "Ready", "");
    let mut order: Vec<&Check> = all.iter().collect();
    order.sort_by_key(|check| check.ok);
    // Each thing that runs out is a check of its own by the same name.
    order.dedup_by_key(|check| (check.id.as_str(), check.ok));
    let rows = area.height - 1;
    // Two columns of names: what is found is told where it is not as it should be.
    for (place, check) in order.iter().enumerate().take(usize::from(rows) * 2) {
        let place = u16::try_from(place).unwrap_or_default();
        let (x, y) = (area.x + 1 + place / rows * (area.width / 2), area.y + 1 + place % rows);
        let (tone, word) = if check.ok { (Tone::Good, "ok ") } else { (Tone::Bad, "NOT OK ") };
        pen.pieces(x, y, area.width / 2 - 1, &[(tone, word.to_owned()), (Tone::Plain, check.id.clone())]);
    }
}

fn sparkline(state: &State, pen: &mut Pen<'_>, area: Rect, overview: &Overview) {
    let room = usize::from(area.width.saturating_sub(2));
    let days = &overview.uses_per_day[overview.uses_per_day.len().saturating_sub(room)..];
    let highest = days.iter().max_by_key(|day| day.count);
    let (title, aside) = match (days.first(), days.last(), highest) {
        (Some(first), Some(last), Some(highest)) if highest.count > 0 => (
            format!("Uses a day, {} to {} {}", words::day(first.day), words::day(last.day), last.day.year()),
            format!("last {}, highest {} on {}", spaced(last.count), spaced(highest.count), words::day(highest.day)),
        ),
        _ => ("Uses a day".to_owned(), age(state, &state.overview)),
    };
    pen.heading(area.x, area.y, area.width, &title, &aside);
    let rows = area.height - 1;
    if highest.is_none_or(|highest| highest.count == 0) {
        pen.text(area.x + 1, area.y + 1, area.width - 2, Tone::Faint, "No use has been counted yet.");
        return;
    }
    bars(pen, Rect { x: area.x + 1, y: area.y + 1, width: area.width - 2, height: rows }, days);
}

/// One column a day, the last one at the right end.
fn bars(pen: &mut Pen<'_>, area: Rect, days: &[DayCount]) {
    let levels = pen.theme.glyphs.bars;
    let steps = (levels.len() - 1) as u64;
    let highest = days.iter().map(|day| day.count).max().unwrap_or(0).max(1);
    let full = steps * u64::from(area.height);
    let start = area.right() - u16::try_from(days.len()).unwrap_or(area.width).min(area.width);
    for (x, day) in (start..area.right()).zip(days) {
        // A day with any use shows the lowest mark.
        let filled = (u128::from(day.count) * u128::from(full)).div_ceil(u128::from(highest)) as u64;
        for row in 0..area.height {
            let below = steps * u64::from(area.height - 1 - row);
            let level = usize::try_from(filled.saturating_sub(below).min(steps)).unwrap_or_default();
            if level > 0 {
                pen.text(x, area.y + row, 1, Tone::Good, levels[level]);
            }
        }
    }
}

fn keys_and_jobs(state: &State, pen: &mut Pen<'_>, area: Rect, overview: &Overview) {
    let (left, right) = halves(area);
    let now = state.server_now();
    let mut listed: Vec<_> = overview.keys.iter().collect();
    // What happens soon first, then what signs, then the rest by its end.
    listed.sort_by_key(|key| {
        let soon = matches!(keys::tone(key, now), Tone::Warn | Tone::Bad);
        (!soon, key.purpose != KeyPurpose::TokenSigning, keys::next_moment(key).map_or(i64::MAX, Timestamp::micros))
    });
    let fits = listed.len() <= usize::from(left.height - 1);
    let aside = if fits { String::new() } else { format!("{} in all", listed.len()) };
    pen.heading(left.x, left.y, left.width, "Keys", &aside);
    if listed.is_empty() {
        pen.text(left.x + 1, left.y + 1, left.width - 1, Tone::Faint, "Your roles do not reach the keys.");
    }
    for (y, key) in (left.y + 1..left.bottom()).zip(listed) {
        let name = fitted(&format!("{} {}", key.purpose, key.algorithm), 21, Align::Left, pen.theme.glyphs.cut);
        let tone = keys::tone(key, now);
        let tone = if key.state == KeyState::Active && tone == Tone::Good { Tone::Plain } else { tone };
        pen.pieces(left.x + 1, y, left.width - 1, &[(Tone::Plain, name + " "), (tone, keys::standing(key, now))]);
    }
    pen.heading(right.x, right.y, right.width, "Jobs", "");
    if overview.jobs.is_empty() {
        let reached = state.may(ListJobs::ROLES).is_ok();
        let none = if reached { "No job has run." } else { "Your roles do not reach the jobs." };
        pen.text(right.x + 1, right.y + 1, right.width - 1, Tone::Faint, none);
    }
    let lines = overview.jobs.iter().flat_map(|job| job_lines(pen, job, usize::from(right.width - 1), state));
    let lines: Vec<Pieces> = lines.collect();
    for (y, pieces) in (right.y + 1..right.bottom()).zip(&lines) {
        pen.pieces(right.x + 1, y, right.width - 1, pieces);
    }
}

fn job_lines(pen: &Pen<'_>, job: &JobView, room: usize, state: &State) -> Vec<Pieces> {
    let tone = match job.state {
        JobState::Done => Tone::Good,
        JobState::Failed => Tone::Bad,
        JobState::Queued | JobState::Running => Tone::Warn,
        JobState::Cancelled => Tone::Faint,
    };
    let at = words::when(job.finished_at.or(job.started_at).unwrap_or(job.created_at), state.server_now());
    let mut lines = vec![vec![
        (tone, format!("{} ", words::job_state(job.state))),
        (Tone::Plain, format!("{} ", job.kind)),
        (Tone::Faint, if room < 40 { at } else { format!("{at} {}", job.operator) }),
    ]];
    if !job.state.is_over() {
        lines.push(line(Tone::Good, progress(pen, job, room)));
    }
    let said = job.error.as_ref().unwrap_or(&job.message);
    if !said.is_empty() {
        let tone = if job.error.is_some() { Tone::Bad } else { Tone::Faint };
        let rows = words::wrapped(said, room.saturating_sub(3)).into_iter().take(2);
        lines.extend(rows.map(|text| line(tone, format!("  {text}"))));
    }
    lines
}

fn progress(pen: &Pen<'_>, job: &JobView, room: usize) -> String {
    if job.total == 0 {
        return format!("  {} done", spaced(job.done));
    }
    let share = (u128::from(job.done.min(job.total)) * 100 / u128::from(job.total)) as usize;
    let counted = format!(" {share:>3} %");
    let bar = room.saturating_sub(counted.len() + 2).min(24);
    let full = bar * share / 100;
    format!("  {}{}{counted}", pen.theme.glyphs.done.repeat(full), pen.theme.glyphs.left.repeat(bar - full))
}

fn audit(state: &State, pen: &mut Pen<'_>, area: Rect, overview: &Overview) {
    if area.height < 2 {
        return;
    }
    pen.heading(area.x, area.y, area.width, "Latest audit entries", &age(state, &state.overview));
    if overview.audit.is_empty() {
        pen.text(area.x + 1, area.y + 1, area.width - 2, Tone::Faint, "None that your roles reach.");
    }
    for (y, entry) in (area.y + 1..area.bottom()).zip(&overview.audit) {
        entry_row(state, pen, Rect { y, height: 1, ..area }, entry);
    }
}

fn entry_row(state: &State, pen: &mut Pen<'_>, area: Rect, entry: &AuditView) {
    let cut = pen.theme.glyphs.cut;
    let (tone, outcome) = match entry.outcome {
        AuditOutcome::Done => (Tone::Plain, ""),
        AuditOutcome::Refused => (Tone::Bad, words::outcome(entry.outcome)),
    };
    let call = entry.call.map(|call| call.to_string()).filter(|call| *call != entry.subject);
    let call = call.map(|call| format!("  {call}")).unwrap_or_default();
    let pieces = [
        (Tone::Faint, fitted(&words::when(entry.at, state.server_now()), 12, Align::Left, cut)),
        (Tone::Plain, fitted(&entry.operator, 17, Align::Left, cut) + " "),
        (Tone::Strong, fitted(&entry.action, 19, Align::Left, cut) + " "),
        (tone, if outcome.is_empty() { String::new() } else { format!("{outcome} ") }),
        (Tone::Plain, entry.subject.clone()),
        (Tone::Faint, call),
    ];
    pen.pieces(area.x + 1, area.y, area.width - 2, &pieces);
}
