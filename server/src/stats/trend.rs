//! Whole months, and what may be said of them.

use std::collections::BTreeSet;

use api::stats::{Trend, TrendMonth, TrendOf, TrendReport, View};
use domain::{Bilingual, Conditions, Count, Day, Dimension, LAUNCH, Measure, Month};

use super::facts::{Facts, Needs};
use super::grid::{Column, Entry, Span, exact, published};
use super::grouping::Series;
use super::nested::Nested;
use super::question;
use super::services::Services;
use super::tally::{self, whole};
use super::tending::Run;
use super::usage::view_of;
use super::words::say;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Read, StoreError};

/// Uses, accounts or users month by month.
pub(crate) async fn trend(app: &App, caller: &Caller, op: TrendReport) -> Result<Trend, Failure> {
    let today = app.clock.now().hk_day();
    question::months(op.from, op.to, today)?;
    question::known_at(op.known_at, today)?;
    let view = view_of(caller, op.view)?;
    let mut read = app.store.read().await?;
    run(app, &mut read, &op, view).await
}

/// The months out of one snapshot.
///
/// # Errors
/// `stats.month-not-ended`; not found when there is no such service; when the database cannot be reached or contradicts itself.
pub async fn run(app: &App, read: &mut Read, op: &TrendReport, view: View) -> Result<Trend, Failure> {
    let extents = (read.usage_extent().await?, read.account_extent().await?);
    let tails = [read.usage_tail().await?, read.account_tail().await?];
    let services = Services::load(read).await?;
    let known_at = op.known_at.or_else(|| tally::last_recorded([extents.0, extents.1], tails, &services));
    let known_at = known_at.unwrap_or(LAUNCH);
    let services = services.known_by(known_at);
    let (count, group) = counted(op, &services)?;
    let name = named(op, &services, known_at)?;
    let mut needs = Needs::default();
    needs.add(&count, if group == 0 { &[] } else { &[Dimension::Service] });
    let last = if known_at == known_at.month().last_day() { known_at.month() } else { known_at.month().previous() };
    let to = op.to.unwrap_or(last);
    if to > last && op.to.is_some() {
        let message = format!("{to} had not ended on {known_at}: a trend is of whole months");
        return Err(Failure::invalid_field("stats.month-not-ended", "to", message));
    }
    let from = op.from.unwrap_or(LAUNCH.month()).max(LAUNCH.month());
    let as_at = to.last_day();
    let facts = Facts::load(read, &app.keys, (as_at, known_at), extents, services, needs).await?;
    let by = (group != 0).then_some(Dimension::Service);
    let series = facts.groups(&count, by, None)?.remove(&(group, 0)).unwrap_or_default();
    let months: Vec<Month> = (from.number()..=to.number()).map(Month::from_number).collect();
    let mut column = [column(&count, series, &months, name.clone())?];
    let among = match &op.of {
        TrendOf::Service(_) => Some((Dimension::Service, group)),
        TrendOf::Sector(sector) => Some((Dimension::Sector, sector.code().into())),
        TrendOf::Uses | TrendOf::Registered | TrendOf::Users => None,
    };
    if let (Some(among), View::Published, Some(nested)) = (among, view, Nested::of(&facts, &count)?) {
        for (row, month) in months.iter().enumerate() {
            if nested.left_out(Span::In(*month), app.settings.disclosure_threshold)?.contains(&among) {
                column[0].withheld.insert(row);
            }
        }
    }
    let exactly: Vec<u64> = column[0].cells.iter().map(|cell| cell.value).collect();
    let told = match view {
        View::Published => published(&column, as_at, app.settings.disclosure_threshold),
        View::Auditor => exact(&column),
    };
    let run = Run::of(from, &exactly);
    let months = months.into_iter().zip(&told.columns[0]).map(|(month, value)| TrendMonth { month, value: *value }).collect();
    let text = run.text(&name)?;
    // A slope to the thousandth would tell of months that are left out.
    let slope_milli = if told.left_out > 0 { run.slope_milli / 10_000 * 10_000 } else { run.slope_milli };
    Ok(Trend { months, tendency: run.tendency, slope_milli, text })
}

fn column(count: &Count, series: Series, months: &[Month], name: Bilingual) -> Result<Column, StoreError> {
    let cells = months.iter().map(|month| {
        let span = if count.measure == Measure::Accounts { Span::AtTheEndOf(*month) } else { Span::In(*month) };
        Ok(Entry { series: series.clone(), span, value: whole(span.of(&series))? })
    });
    let cells = cells.collect::<Result<Vec<Entry>, StoreError>>()?;
    Ok(Column { name, people: true, cells, whole: None, part_of: None, withheld: BTreeSet::new(), decided: false })
}

/// What is counted, and the group of the one service that is asked for.
fn counted(op: &TrendReport, services: &Services) -> Result<(Count, i64), Failure> {
    let of = |measure, conditions| Count { measure, conditions, rounding: None };
    Ok(match &op.of {
        TrendOf::Uses => (of(Measure::Uses, Conditions::default()), 0),
        TrendOf::Sector(sector) => (of(Measure::Uses, Conditions { sector: vec![*sector], ..Conditions::default() }), 0),
        TrendOf::Registered => (of(Measure::Accounts, Conditions::default()), 0),
        TrendOf::Users => (of(Measure::Users, Conditions::default()), 0),
        TrendOf::Service(service) => {
            let code = services.code_of(service).ok_or_else(|| Failure::not_found("service", service))?;
            (of(Measure::Uses, Conditions::default()), code.into())
        }
    })
}

fn named(op: &TrendReport, services: &Services, day: Day) -> Result<Bilingual, Failure> {
    Ok(match &op.of {
        TrendOf::Uses => say("trend-of-uses", &[])?,
        TrendOf::Registered => say("trend-of-registered", &[])?,
        TrendOf::Users => say("trend-of-users", &[])?,
        TrendOf::Sector(sector) => {
            let (of, sector) = (say("trend-of-uses", &[])?, say(&format!("sector-{sector}"), &[])?);
            Bilingual { en: format!("{}, {}", of.en, sector.en), zh_hant: format!("{}{}", sector.zh_hant, of.zh_hant) }
        }
        TrendOf::Service(service) => {
            let code = services.code_of(service).ok_or_else(|| Failure::not_found("service", service))?;
            services.on(code, day)?.name.clone()
        }
    })
}
