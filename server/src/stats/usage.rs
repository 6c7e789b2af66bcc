//! Uses of whole months, broken down.

use std::collections::{BTreeMap, BTreeSet};

use api::Role;
use api::stats::{UsageBy, UsageReport, UsageRow, View};
use domain::{Bilingual, Conditions, Count, Day, Dimension, Measure, Month};

use super::facts::Facts;
use super::grid::{Column, Entry, Span, exact, national, published};
use super::grouping::{Groups, Series};
use super::legco::may_see;
use super::nested::{LeftOut, Nested};
use super::rows::{Head, heads};
use super::services::Services;
use super::tally::{self, Detail, whole};
use super::window::Window;
use super::{question, rows};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Ended, Read, StoreError};

/// Uses by service, category, sector, function, month, day and what else they are told apart by.
pub(crate) async fn usage(app: &App, caller: &Caller, op: UsageReport) -> Result<Vec<UsageRow>, Failure> {
    let today = app.clock.now().hk_day();
    question::months(op.from, op.to, today)?;
    question::known_at(op.known_at, today)?;
    let view = view_of(caller, op.view)?;
    let mut read = app.store.read().await?;
    break_down(&mut read, &op, view, app.settings.disclosure_threshold).await
}

/// An auditor sees every cell when nothing else is asked for; anybody else what may be published.
///
/// # Errors
/// `stats.view`.
pub(super) fn view_of(caller: &Caller, asked: Option<View>) -> Result<View, Failure> {
    let view = asked.unwrap_or(if caller.has(Role::Auditor) { View::Auditor } else { View::Published });
    may_see(caller, view)?;
    Ok(view)
}

/// Uses without a condition.
pub(super) const ALL_USES: Count = Count { measure: Measure::Uses, conditions: NO_CONDITIONS, rounding: None };
const NO_CONDITIONS: Conditions = Conditions { tier: Vec::new(), sector: Vec::new(), function: Vec::new(), reason: Vec::new() };

/// The rows out of one snapshot.
///
/// # Errors
/// When the database cannot be reached or contradicts itself.
pub async fn break_down(read: &mut Read, op: &UsageReport, view: View, threshold: u64) -> Result<Vec<UsageRow>, Failure> {
    let extent = read.usage_extent().await?;
    let tail = read.usage_tail().await?;
    let services = Services::load(read).await?;
    let known_at = op.known_at.or_else(|| tally::last_recorded([extent, None], [tail, None], &services));
    // Without anything recorded there is nothing that a day of recording could keep out.
    let known_at = known_at.unwrap_or(Day::MAX);
    let Some((from, to)) = months(op, read.usage_span(known_at).await?) else { return Ok(Vec::new()) };
    let services = services.known_by(known_at);
    // From the beginning: what was before tells which months may be told apart.
    let window = Window { from: Month::MIN.first_day(), to: to.last_day(), known_at };
    if op.by == UsageBy::Day {
        return by_day(read, &Window { from: from.first_day(), ..window }, view, threshold).await;
    }
    let detail = match op.by {
        UsageBy::Function | UsageBy::Channel | UsageBy::Tier => Detail::Uses,
        _ => Detail::Services,
    };
    let dimension = dimension(op.by);
    let mut facts = Facts::empty((window.to, known_at), services);
    let mut groups = Vec::new();
    let mut left_out = Vec::new();
    for ended in [Ended::Completed, Ended::NotCompleted] {
        facts.uses = tally::requests(read, &window, extent, &facts.services, ended, detail).await?;
        groups.push(facts.groups(&ALL_USES, dimension, None)?);
        left_out.push(match (view, Nested::of(&facts, &ALL_USES)?) {
            (View::Published, Some(nested)) if detail == Detail::Services => nested.left_out(Span::From(from, to), threshold)?,
            _ => LeftOut::new(),
        });
    }
    let heads = match dimension {
        Some(dimension) => heads(&facts, Measure::Uses, dimension, &found(&groups))?,
        None => (from.number()..=to.number()).map(|month| rows::month(Month::from_number(month))).collect(),
    };
    let mut columns = Vec::new();
    for (groups, left_out) in groups.iter().zip(&left_out) {
        let withheld = |head: &Head| dimension.is_some_and(|dimension| left_out.contains(&(dimension, head.group)));
        let withheld = (0..).zip(&heads).filter(|(_, head)| withheld(head)).map(|(row, _)| row).collect();
        columns.push(Column { withheld, ..column(groups, &heads, op.by, (from, to))? });
    }
    let told = match view {
        View::Published => published(&columns, window.to, threshold),
        View::Auditor => exact(&columns),
    };
    let mut rows = Vec::new();
    for (place, head) in heads.into_iter().enumerate() {
        let any = columns.iter().any(|column| column.cells[place].value > 0);
        if any || !matches!(op.by, UsageBy::Service | UsageBy::Department) {
            let (uses, not_completed) = (told.columns[0][place], told.columns[1][place]);
            rows.push((columns[0].cells[place].value, UsageRow { id: head.id, name: head.name, uses, not_completed }));
        }
    }
    if matches!(op.by, UsageBy::Service | UsageBy::Department) {
        // Where a number is left out, its place says nothing of it.
        rows.sort_by(|one, other| other.1.uses.cmp(&one.1.uses).then_with(|| one.1.id.cmp(&other.1.id)));
    }
    Ok(rows.into_iter().map(|(_, row)| row).collect())
}

fn dimension(by: UsageBy) -> Option<Dimension> {
    match by {
        UsageBy::Service => Some(Dimension::Service),
        UsageBy::Category => Some(Dimension::Category),
        UsageBy::Sector => Some(Dimension::Sector),
        UsageBy::Function => Some(Dimension::Function),
        UsageBy::Department => Some(Dimension::Department),
        UsageBy::Industry => Some(Dimension::Industry),
        UsageBy::Channel => Some(Dimension::Channel),
        UsageBy::Tier => Some(Dimension::Tier),
        UsageBy::Month | UsageBy::Day => None,
    }
}

fn found(groups: &[Groups]) -> Vec<i64> {
    let found: BTreeSet<i64> = groups.iter().flat_map(|groups| groups.keys().map(|(row, _)| *row)).collect();
    found.into_iter().collect()
}

fn column(groups: &Groups, heads: &[Head], by: UsageBy, (from, to): (Month, Month)) -> Result<Column, StoreError> {
    let none = Series::new();
    let cells = heads.iter().map(|head| {
        let (group, span) = match by {
            UsageBy::Month => (0, Span::In(Month::from_number(i32::try_from(head.group).unwrap_or(0)))),
            _ => (head.group, Span::From(from, to)),
        };
        let series = groups.get(&(group, 0)).unwrap_or(&none).clone();
        let value = whole(span.of(&series))?;
        Ok(Entry { series, span, value })
    });
    let cells: Vec<Entry> = cells.collect::<Result<_, StoreError>>()?;
    let name = Bilingual { en: String::new(), zh_hant: String::new() };
    let sum = cells.iter().map(|cell| cell.value).sum();
    // Months are told one by one, and the sum of some of them by other reports.
    Ok(Column { name, people: true, cells, whole: Some(national(sum)), part_of: None, withheld: BTreeSet::new(), decided: false })
}

/// The months asked for; where the question leaves them open, those of the first and the last use on record by the day they are
/// known at: what is recorded later widens no earlier answer.
fn months(op: &UsageReport, span: Option<(Day, Day)>) -> Option<(Month, Month)> {
    let from = op.from.or(span.map(|(first, _)| first.month())).or(op.to)?;
    let to = op.to.or(span.map(|(_, last)| last.month())).or(op.from)?;
    Some((from, to))
}

/// Every day up to the last one that anything can be known of. What is left out of a month's days is not told by the month.
async fn by_day(read: &mut Read, window: &Window, view: View, threshold: u64) -> Result<Vec<UsageRow>, Failure> {
    let completed = tally::requests_by_day(read, window, Ended::Completed).await?;
    let not_completed = tally::requests_by_day(read, window, Ended::NotCompleted).await?;
    let last = window.to.min(window.known_at);
    let days: Vec<Day> = (window.from.number()..=last.number()).map(Day::from_number).collect();
    let mut told = Vec::new();
    for counts in [&completed, &not_completed] {
        let numbers = days.iter().map(|day| whole(counts.get(day).copied().unwrap_or(0))).collect::<Result<Vec<_>, _>>()?;
        told.push(match view {
            View::Auditor => numbers.into_iter().map(Some).collect(),
            View::Published => days_told(&days, &numbers, threshold),
        });
    }
    let mut rows = Vec::new();
    for (place, day) in days.iter().enumerate() {
        let name = Bilingual { en: day.english(), zh_hant: day.chinese() };
        rows.push(UsageRow { id: day.to_string(), name, uses: told[0][place], not_completed: told[1][place] });
    }
    Ok(rows)
}

fn days_told(days: &[Day], numbers: &[u64], threshold: u64) -> Vec<Option<u64>> {
    use domain::disclosure::{Cell, CellKind, Sum, suppress};
    let mut cells: Vec<Cell> = numbers.iter().map(|value| Cell { value: *value, kind: CellKind::Part }).collect();
    let mut months: BTreeMap<Month, Vec<usize>> = BTreeMap::new();
    for (place, day) in days.iter().enumerate() {
        months.entry(day.month()).or_default().push(place);
    }
    let mut sums = Vec::new();
    for parts in months.into_values() {
        let value = parts.iter().map(|part| cells[*part].value).sum();
        cells.push(Cell { value, kind: CellKind::National });
        sums.push(Sum { total: cells.len() - 1, parts });
    }
    let hidden = suppress(&cells, &sums, threshold);
    numbers.iter().enumerate().map(|(place, number)| (!hidden.contains(&place)).then_some(*number)).collect()
}
