//! Uses of whole months, broken down.

use std::collections::BTreeMap;

use api::stats::{UsageBy, UsageReport, UsageRow};
use domain::{Bilingual, Category, Day, Function, Month, Sector};

use super::definitions::categories;
use super::question;
use super::services::Services;
use super::tally::{self, Cell, Uses, whole};
use super::window::{Extent, Sign, Window};
use super::words::say;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Read, StoreError, Tail};

/// Uses by service, category, sector, function, month or day.
pub(crate) async fn usage(app: &App, _: &Caller, op: UsageReport) -> Result<Vec<UsageRow>, Failure> {
    let today = app.clock.now().hk_day();
    question::months(op.from, op.to, today)?;
    question::known_at(op.known_at, today)?;
    let mut read = app.store.read().await?;
    break_down(&mut read, &op).await
}

/// The rows out of one snapshot.
///
/// # Errors
/// When the database cannot be reached or contradicts itself.
pub async fn break_down(read: &mut Read, op: &UsageReport) -> Result<Vec<UsageRow>, Failure> {
    let extent = read.usage_extent().await?;
    let tail = read.usage_tail().await?;
    let services = Services::load(read).await?;
    let Some((from, to)) = months(op, extent, tail) else { return Ok(Vec::new()) };
    let known_at = op.known_at.or_else(|| tally::last_recorded([extent, None], [tail, None], &services));
    // Without anything recorded there is nothing that a day of recording could keep out.
    let known_at = known_at.unwrap_or(Day::MAX);
    let services = services.known_by(known_at);
    let window = Window { from: from.first_day(), to: to.last_day(), known_at };
    match op.by {
        UsageBy::Function => by_function(&tally::uses_by_function(read, &window, extent).await?),
        UsageBy::Day => by_day(&tally::uses_by_day(read, &window).await?, &window),
        UsageBy::Month => by_month(&tally::uses(read, &window, extent, &services).await?, from, to),
        UsageBy::Service => by_service(&tally::uses(read, &window, extent, &services).await?, &services, window.to),
        UsageBy::Category => by_category(&tally::uses(read, &window, extent, &services).await?, &services),
        UsageBy::Sector => by_sector(&tally::uses(read, &window, extent, &services).await?, &services),
    }
}

/// The months asked for; where the question leaves them open, those of the first and the last use on record.
fn months(op: &UsageReport, extent: Option<Extent>, tail: Option<Tail>) -> Option<(Month, Month)> {
    let first = extent.map(|extent| extent.first_event).into_iter().chain(tail.map(|tail| tail.first_event)).min();
    let last = extent.map(|extent| extent.last_event).into_iter().chain(tail.map(|tail| tail.last_event)).max();
    let from = op.from.or_else(|| first.map(Day::month)).or(op.to)?;
    let to = op.to.or_else(|| last.map(Day::month)).or(op.from)?;
    Some((from, to))
}

fn row(id: String, name: Bilingual, uses: Option<&Uses>) -> Result<UsageRow, StoreError> {
    let uses = uses.copied().unwrap_or_default();
    Ok(UsageRow { id, name, uses: whole(uses.completed)?, not_completed: whole(uses.not_completed)? })
}

fn sums<K: Ord>(cells: &[Cell], key: impl Fn(&Cell) -> Result<K, StoreError>) -> Result<BTreeMap<K, Uses>, StoreError> {
    let mut sums: BTreeMap<K, Uses> = BTreeMap::new();
    for cell in cells {
        sums.entry(key(cell)?).or_default().add(Sign::Added, cell.uses.completed, cell.uses.not_completed);
    }
    Ok(sums)
}

fn by_function(uses: &BTreeMap<i32, Uses>) -> Result<Vec<UsageRow>, Failure> {
    let mut rows = Vec::new();
    for function in Function::ALL {
        let name = say(&format!("function-{function}"), &[])?;
        rows.push(row(function.to_string(), name, uses.get(&function.code().into()))?);
    }
    Ok(rows)
}

/// Every day up to the last one that anything can be known of.
fn by_day(uses: &BTreeMap<Day, Uses>, window: &Window) -> Result<Vec<UsageRow>, Failure> {
    let last = window.to.min(window.known_at);
    let mut rows = Vec::new();
    for number in window.from.number()..=last.number() {
        let day = Day::from_number(number);
        rows.push(row(day.to_string(), Bilingual { en: day.english(), zh_hant: day.chinese() }, uses.get(&day))?);
    }
    Ok(rows)
}

fn by_month(cells: &[Cell], from: Month, to: Month) -> Result<Vec<UsageRow>, Failure> {
    let uses = sums(cells, |cell| Ok(cell.day.month()))?;
    let mut rows = Vec::new();
    for number in from.number()..=to.number() {
        let month = Month::from_number(number);
        rows.push(row(month.to_string(), Bilingual { en: month.english(), zh_hant: month.chinese() }, uses.get(&month))?);
    }
    Ok(rows)
}

/// The most used first.
fn by_service(cells: &[Cell], services: &Services, to: Day) -> Result<Vec<UsageRow>, Failure> {
    let mut rows = Vec::new();
    for (code, uses) in sums(cells, |cell| Ok(cell.service))? {
        let version = services.on(code, to)?;
        let row = row(version.service.to_string(), version.name.clone(), Some(&uses))?;
        if row.uses > 0 || row.not_completed > 0 {
            rows.push(row);
        }
    }
    rows.sort_unstable_by(|one, other| other.uses.cmp(&one.uses).then_with(|| one.id.cmp(&other.id)));
    Ok(rows)
}

fn by_category(cells: &[Cell], services: &Services) -> Result<Vec<UsageRow>, Failure> {
    let uses: BTreeMap<Option<Category>, Uses> = sums(cells, |cell| Ok(services.on(cell.service, cell.day)?.category))?;
    let mut rows = Vec::new();
    for entry in &categories()?.categories {
        rows.push(row(entry.id.to_string(), entry.name.clone(), uses.get(&Some(entry.id)))?);
    }
    rows.push(row("none".to_owned(), say("no-category", &[])?, uses.get(&None))?);
    Ok(rows)
}

fn by_sector(cells: &[Cell], services: &Services) -> Result<Vec<UsageRow>, Failure> {
    let uses: BTreeMap<Sector, Uses> = sums(cells, |cell| Ok(services.on(cell.service, cell.day)?.sector))?;
    let mut rows = Vec::new();
    for sector in Sector::ALL {
        rows.push(row(sector.to_string(), say(&format!("sector-{sector}"), &[])?, uses.get(sector))?);
    }
    Ok(rows)
}
