//! Uses of whole months, broken down.

use std::collections::{BTreeMap, BTreeSet};

use api::stats::{UsageBy, UsageReport, UsageRow};
use domain::{Bilingual, Day, Function, Month, Sector};

use super::definitions::categories;
use super::question;
use super::services::Services;
use super::tally::{self, Cell, sums, whole};
use super::window::{Extent, Window};
use super::words::say;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Ended, Read, StoreError};

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
    let known_at = op.known_at.or_else(|| tally::last_recorded([extent, None], [tail, None], &services));
    // Without anything recorded there is nothing that a day of recording could keep out.
    let known_at = known_at.unwrap_or(Day::MAX);
    let Some((from, to)) = months(op, read.usage_span(known_at).await?) else { return Ok(Vec::new()) };
    let services = services.known_by(known_at);
    let window = Window { from: from.first_day(), to: to.last_day(), known_at };
    let asked = Asked { window, extent, services, months: (from, to) };
    match op.by {
        UsageBy::Function => asked.by_function(read).await,
        UsageBy::Day => asked.by_day(read).await,
        UsageBy::Month => asked.by_month(read).await,
        UsageBy::Service => asked.by_service(read).await,
        UsageBy::Category => asked.by_category(read).await,
        UsageBy::Sector => asked.by_sector(read).await,
        UsageBy::Department | UsageBy::Industry | UsageBy::Channel | UsageBy::Tier => {
            Err(Failure::invalid_field("stats.usage-by", "by", "uses are not broken down by that yet"))
        }
    }
}

/// The months asked for; where the question leaves them open, those of the first and the last use on record by the day they are
/// known at: what is recorded later widens no earlier answer.
fn months(op: &UsageReport, span: Option<(Day, Day)>) -> Option<(Month, Month)> {
    let from = op.from.or(span.map(|(first, _)| first.month())).or(op.to)?;
    let to = op.to.or(span.map(|(_, last)| last.month())).or(op.from)?;
    Some((from, to))
}

/// Completed and not completed requests under each key.
struct Counts<K> {
    completed: BTreeMap<K, i64>,
    not_completed: BTreeMap<K, i64>,
}

impl<K: Ord + Clone> Counts<K> {
    fn keys(&self) -> BTreeSet<K> {
        self.completed.keys().chain(self.not_completed.keys()).cloned().collect()
    }

    fn row(&self, key: &K, id: String, name: Bilingual) -> Result<UsageRow, StoreError> {
        let count = |counts: &BTreeMap<K, i64>| whole(counts.get(key).copied().unwrap_or(0));
        Ok(UsageRow { id, name, uses: count(&self.completed)?, not_completed: count(&self.not_completed)? })
    }
}

/// What is asked for.
struct Asked {
    window: Window,
    extent: Option<Extent>,
    services: Services,
    months: (Month, Month),
}

impl Asked {
    async fn counts<K: Ord + Clone>(
        &self,
        read: &mut Read,
        key: impl Fn(&Cell) -> Result<K, StoreError>,
    ) -> Result<Counts<K>, StoreError> {
        let completed = tally::requests(read, &self.window, self.extent, &self.services, Ended::Completed).await?;
        let not_completed = tally::requests(read, &self.window, self.extent, &self.services, Ended::NotCompleted).await?;
        Ok(Counts { completed: sums(&completed, &key)?, not_completed: sums(&not_completed, &key)? })
    }

    async fn by_function(&self, read: &mut Read) -> Result<Vec<UsageRow>, Failure> {
        let completed = tally::requests_by_function(read, &self.window, self.extent, Ended::Completed).await?;
        let not_completed = tally::requests_by_function(read, &self.window, self.extent, Ended::NotCompleted).await?;
        let counts = Counts { completed, not_completed };
        let mut rows = Vec::new();
        for function in Function::ALL {
            let name = say(&format!("function-{function}"), &[])?;
            rows.push(counts.row(&function.code().into(), function.to_string(), name)?);
        }
        Ok(rows)
    }

    /// Every day up to the last one that anything can be known of.
    async fn by_day(&self, read: &mut Read) -> Result<Vec<UsageRow>, Failure> {
        let completed = tally::requests_by_day(read, &self.window, Ended::Completed).await?;
        let not_completed = tally::requests_by_day(read, &self.window, Ended::NotCompleted).await?;
        let counts = Counts { completed, not_completed };
        let last = self.window.to.min(self.window.known_at);
        let mut rows = Vec::new();
        for number in self.window.from.number()..=last.number() {
            let day = Day::from_number(number);
            rows.push(counts.row(&day, day.to_string(), Bilingual { en: day.english(), zh_hant: day.chinese() })?);
        }
        Ok(rows)
    }

    async fn by_month(&self, read: &mut Read) -> Result<Vec<UsageRow>, Failure> {
        let counts = self.counts(read, |cell| Ok(cell.day.month())).await?;
        let (from, to) = self.months;
        let mut rows = Vec::new();
        for number in from.number()..=to.number() {
            let month = Month::from_number(number);
            rows.push(counts.row(&month, month.to_string(), Bilingual { en: month.english(), zh_hant: month.chinese() })?);
        }
        Ok(rows)
    }

    /// The most used first, under the names they have at the end of the last month.
    async fn by_service(&self, read: &mut Read) -> Result<Vec<UsageRow>, Failure> {
        let counts = self.counts(read, |cell| Ok(cell.service)).await?;
        let mut rows = Vec::new();
        for code in counts.keys() {
            let version = self.services.on(code, self.window.to)?;
            rows.push(counts.row(&code, version.service.to_string(), version.name.clone())?);
        }
        rows.retain(|row| row.uses > 0 || row.not_completed > 0);
        rows.sort_unstable_by(|one, other| other.uses.cmp(&one.uses).then_with(|| one.id.cmp(&other.id)));
        Ok(rows)
    }

    async fn by_category(&self, read: &mut Read) -> Result<Vec<UsageRow>, Failure> {
        let counts = self.counts(read, |cell| Ok(self.services.on(cell.service, cell.day)?.category)).await?;
        let mut rows = Vec::new();
        for entry in &categories()?.categories {
            rows.push(counts.row(&Some(entry.id), entry.id.to_string(), entry.name.clone())?);
        }
        rows.push(counts.row(&None, "none".to_owned(), say("no-category", &[])?)?);
        Ok(rows)
    }

    async fn by_sector(&self, read: &mut Read) -> Result<Vec<UsageRow>, Failure> {
        let counts = self.counts(read, |cell| Ok(self.services.on(cell.service, cell.day)?.sector)).await?;
        let mut rows = Vec::new();
        for sector in Sector::ALL {
            rows.push(counts.row(sector, sector.to_string(), say(&format!("sector-{sector}"), &[])?)?);
        }
        Ok(rows)
    }
}
