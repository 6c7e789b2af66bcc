//! The frequently used services.

use api::stats::{TopRow, TopServices, View};
use domain::{Bilingual, Day, Dimension, Month};

use super::definitions::FREQUENT;
use super::facts::Facts;
use super::grid::{Column, Entry, Span, exact, national, published};
use super::nested::Nested;
use super::services::Services;
use super::tally::{self, Detail, whole};
use super::usage::{ALL_USES, view_of};
use super::window::Window;
use super::{question, ranking};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Ended, Read};

/// The most that may be asked for.
const LIMIT: u32 = 1_000;

/// The services by uses, the most used first.
pub(crate) async fn top(app: &App, caller: &Caller, op: TopServices) -> Result<Vec<TopRow>, Failure> {
    let today = app.clock.now().hk_day();
    if let Some(as_at) = op.as_at {
        question::as_at(as_at, today)?;
    }
    question::known_at(op.known_at, today)?;
    if op.limit.is_some_and(|limit| !(1..=LIMIT).contains(&limit)) {
        return Err(Failure::invalid_field("stats.limit", "limit", format!("a list of services has 1 to {LIMIT} ranks")));
    }
    let view = view_of(caller, op.view)?;
    let mut read = app.store.read().await?;
    rank(&mut read, &op, view, app.settings.disclosure_threshold).await
}

/// The rows out of one snapshot.
///
/// # Errors
/// When the database cannot be reached or contradicts itself.
pub async fn rank(read: &mut Read, op: &TopServices, view: View, threshold: u64) -> Result<Vec<TopRow>, Failure> {
    let extent = read.usage_extent().await?;
    let tail = read.usage_tail().await?;
    let services = Services::load(read).await?;
    let known_at = op.known_at.or_else(|| tally::last_recorded([extent, None], [tail, None], &services));
    // Up to the day they are known at: what is recorded later moves no earlier answer.
    let Some(to) = op.as_at.or(known_at) else { return Ok(Vec::new()) };
    let known_at = known_at.unwrap_or(Day::MAX);
    let window = Window { from: Month::MIN.first_day(), to, known_at };
    let mut facts = Facts::empty((to, known_at), services.known_by(known_at));
    facts.uses = tally::requests(read, &window, extent, &facts.services, Ended::Completed, Detail::Services).await?;
    let mut entries = Vec::new();
    let mut cells = Vec::new();
    let mut groups: Vec<i64> = Vec::new();
    for ((group, _), series) in facts.groups(&ALL_USES, Some(Dimension::Service), None)? {
        let version = facts.services.on(i32::try_from(group).unwrap_or(0), to)?;
        entries.push((version.service.to_string(), version.name.clone()));
        let value = whole(Span::ToTheDay.of(&series))?;
        groups.push(group);
        cells.push(Entry { series, span: Span::ToTheDay, value });
    }
    let values: Vec<u64> = cells.iter().map(|cell| cell.value).collect();
    let name = Bilingual { en: String::new(), zh_hant: String::new() };
    let nested =
        Nested::of(&facts, &ALL_USES)?.map(|nested| nested.left_out(Span::ToTheDay, threshold)).transpose()?.unwrap_or_default();
    let withheld = (0..).zip(&groups).filter(|(_, group)| nested.contains(&(Dimension::Service, **group))).map(|(row, _)| row);
    let withheld = withheld.collect();
    let column = [Column {
        name,
        people: true,
        whole: Some(national(values.iter().sum())),
        cells,
        part_of: None,
        withheld,
        decided: false,
    }];
    let told = match view {
        View::Published => published(&column, to, threshold),
        View::Auditor => exact(&column),
    };
    let services = entries.into_iter().zip(values).zip(&told.columns[0]).map(|(((id, name), value), told)| {
        // What a few have used is not frequently used: its place among others would say how few.
        let few = view == View::Published && told.is_none() && value < threshold;
        (id, (name, *told), if few { 0 } else { value })
    });
    let ranked = ranking::rank(services, op.limit.unwrap_or(FREQUENT));
    let row = |ranked: ranking::Ranked<(Bilingual, Option<u64>)>| {
        let (name, uses) = ranked.shown;
        TopRow { rank: ranked.rank, service: ranked.id, name, uses }
    };
    Ok(ranked.into_iter().map(row).collect())
}
