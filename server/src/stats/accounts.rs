//! The stock of accounts, broken down.

use std::collections::BTreeSet;

use api::stats::{AccountsBy, AccountsReport, AccountsRow, View};
use domain::disclosure::CellKind;
use domain::{Bilingual, Conditions, Count, Day, Dimension, LAUNCH, Measure, Month, Tier};

use super::facts::{Facts, Needs};
use super::grid::{Column, Entry, Span, exact, published};
use super::grouping::{Groups, Series};
use super::part::Part;
use super::people::LeftOut;
use super::question;
use super::rows::{Head, heads, month};
use super::services::Services;
use super::tally::{self, whole};
use super::usage::view_of;
use super::words::say;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Read, StoreError};

/// Registered accounts by tier, channel, age group, sex or month.
pub(crate) async fn accounts(app: &App, caller: &Caller, op: AccountsReport) -> Result<Vec<AccountsRow>, Failure> {
    let today = app.clock.now().hk_day();
    if let Some(as_at) = op.as_at {
        question::as_at(as_at, today)?;
    }
    question::known_at(op.known_at, today)?;
    let view = view_of(caller, op.view)?;
    let mut read = app.store.read().await?;
    break_down(app, &mut read, &op, view).await
}

fn count(tier: Option<Tier>) -> Count {
    let conditions = Conditions { tier: tier.into_iter().collect(), ..Conditions::default() };
    Count { measure: Measure::Accounts, conditions, rounding: None }
}

/// The rows out of one snapshot.
///
/// # Errors
/// When the database cannot be reached or contradicts itself.
pub async fn break_down(app: &App, read: &mut Read, op: &AccountsReport, view: View) -> Result<Vec<AccountsRow>, Failure> {
    let extents = (read.usage_extent().await?, read.account_extent().await?);
    let tail = read.account_tail().await?;
    let services = Services::load(read).await?;
    let known_at = op.known_at.or_else(|| tally::last_recorded([None, extents.1], [None, tail], &services));
    let Some(as_at) = op.as_at.or(known_at) else { return Ok(Vec::new()) };
    let known_at = known_at.unwrap_or(Day::MAX);
    let dimension = match op.by {
        AccountsBy::Tier => Some(Dimension::Tier),
        AccountsBy::Channel => Some(Dimension::Channel),
        AccountsBy::Age => Some(Dimension::Age),
        AccountsBy::Sex => Some(Dimension::Sex),
        AccountsBy::Month => None,
    };
    let counts = [count(None), count(Some(Tier::IamSmartPlus))];
    let mut needs = Needs::default();
    needs.add(&counts[0], dimension.as_slice());
    let facts = Facts::load(read, &app.keys, (as_at, known_at), extents, services.known_by(known_at), needs).await?;
    // An upgrade is recorded with the channel of the upgrade, and not with that of the registration.
    let counts = if op.by == AccountsBy::Channel { &counts[..1] } else { &counts[..] };
    let groups = counts.iter().map(|count| facts.groups(count, dimension, None)).collect::<Result<Vec<_>, _>>()?;
    let heads = match dimension {
        Some(dimension) => {
            let found: Vec<i64> = groups[0].keys().map(|(row, _)| *row).collect();
            heads(&facts, Measure::Accounts, dimension, &found)?
        }
        None => {
            let last = facts.last_whole_month().map_or(LAUNCH.month().number() - 1, Month::number);
            (LAUNCH.month().number()..=last).map(|number| month(Month::from_number(number))).collect()
        }
    };
    let threshold = (view == View::Published).then_some(app.settings.disclosure_threshold);
    let together = threshold.filter(|_| LeftOut::decides(&counts[0], dimension));
    let left_out = together.map(|threshold| LeftOut::of(&facts, threshold)).transpose()?;
    let mut columns = Vec::new();
    for (place, (count, groups)) in counts.iter().zip(&groups).enumerate() {
        let mut column = column(groups, &heads, dimension)?;
        column.part_of = (place == 1).then_some(0);
        if let (Some(left_out), Some(by)) = (&left_out, dimension) {
            let tier = count.conditions.tier.first().map(|tier| tier.code().into());
            column.decided = true;
            column.withheld =
                (0..).zip(&heads).filter(|(_, head)| left_out.has(by, head.group, tier)).map(|(row, _)| row).collect();
        }
        let part = Part::of(&facts, count)?;
        match threshold {
            _ if dimension.is_some() => column.whole = Some(part.sum(Span::ToTheDay, threshold)?),
            Some(threshold) => {
                for (row, cell) in column.cells.iter().enumerate() {
                    if part.told(cell.span, threshold)?.is_none() {
                        column.withheld.insert(row);
                    }
                }
            }
            None => {}
        }
        columns.push(column);
    }
    let told = match view {
        View::Published => published(&columns, as_at, app.settings.disclosure_threshold),
        View::Auditor => exact(&columns),
    };
    let of = |column: usize, row: usize| told.columns.get(column).and_then(|column| column[row]);
    let mut rows: Vec<AccountsRow> = heads
        .into_iter()
        .enumerate()
        .map(|(row, head)| AccountsRow { id: head.id, name: head.name, registered: of(0, row), plus: of(1, row) })
        .collect();
    if dimension.is_some() {
        let of = |column: usize| columns.get(column).and_then(|column: &Column| column.whole);
        let total = |column: usize| of(column).filter(|whole| whole.kind == CellKind::National).map(|whole| whole.value);
        rows.push(AccountsRow { id: "total".to_owned(), name: say("total", &[])?, registered: total(0), plus: total(1) });
    }
    Ok(rows)
}

fn column(groups: &Groups, heads: &[Head], dimension: Option<Dimension>) -> Result<Column, StoreError> {
    let none = Series::new();
    let cells = heads.iter().map(|head| {
        let (group, span) = match dimension {
            Some(_) => (head.group, Span::ToTheDay),
            None => (0, Span::AtTheEndOf(Month::from_number(i32::try_from(head.group).unwrap_or(0)))),
        };
        let series = groups.get(&(group, 0)).unwrap_or(&none).clone();
        let value = whole(span.of(&series))?;
        Ok(Entry { series, span, value })
    });
    let cells = cells.collect::<Result<Vec<Entry>, StoreError>>()?;
    let name = Bilingual { en: String::new(), zh_hant: String::new() };
    Ok(Column { name, people: true, cells, whole: None, part_of: None, withheld: BTreeSet::new(), decided: false })
}
