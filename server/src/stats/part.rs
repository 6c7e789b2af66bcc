//! A number with a condition is a part of a whole: what may be told of it is what the breakdown by that condition tells, whether the
//! breakdown is asked for or not.

use std::collections::BTreeMap;

use domain::disclosure::{Cell, CellKind};
use domain::{Bilingual, Conditions, Count, Dimension, Measure};

use super::facts::Facts;
use super::grid::{Column, Entry, Span, national, published};
use super::nested::Nested;
use super::tally::whole;
use crate::store::StoreError;

/// The number of a count in a span; none when it, or one that follows from it, is one of a few.
///
/// # Errors
/// [`StoreError::Broken`] when the counters contradict themselves.
pub fn told(facts: &Facts, count: &Count, span: Span, threshold: u64) -> Result<Option<u64>, StoreError> {
    let mut number = None;
    for (dimension, groups) in conditions(&count.conditions) {
        let among = Count { conditions: without(&count.conditions, dimension), ..count.clone() };
        let told = told_groups(facts, &among, dimension, span, threshold)?;
        // Where there is no such group, there is nothing of it.
        let Some(parts) = groups.iter().map(|group| told.get(group).copied().unwrap_or(Some(0))).collect::<Option<Vec<u64>>>()
        else {
            return Ok(None);
        };
        number = Some(parts.into_iter().sum());
    }
    match number {
        Some(number) => Ok(Some(number)),
        None => exactly(facts, count, span).map(Some),
    }
}

/// The same as what its parts sum to: a number that is published in any case, or one that is not.
///
/// # Errors
/// As [`told`].
pub fn sum(facts: &Facts, count: &Count, span: Span, threshold: Option<u64>) -> Result<Cell, StoreError> {
    let value = exactly(facts, count, span)?;
    let Some(threshold) = threshold else { return Ok(national(value)) };
    let kind = if told(facts, count, span, threshold)?.is_some() { CellKind::National } else { CellKind::Withheld };
    Ok(Cell { value, kind })
}

/// What is told of each group of a dimension.
///
/// # Errors
/// As [`told`].
pub fn told_groups(
    facts: &Facts,
    count: &Count,
    dimension: Dimension,
    span: Span,
    threshold: u64,
) -> Result<BTreeMap<i64, Option<u64>>, StoreError> {
    let groups = facts.groups(count, Some(dimension), None)?;
    let nested = match (count.measure, dimension) {
        (Measure::Uses, Dimension::Sector) => {
            Nested::of(facts, count)?.map(|nested| nested.left_out(span, threshold)).transpose()?
        }
        _ => None,
    };
    let left_out = nested.unwrap_or_default();
    let mut cells = Vec::new();
    for series in groups.values() {
        cells.push(Entry { series: series.clone(), span, value: whole(span.of(series))? });
    }
    let groups: Vec<i64> = groups.into_keys().map(|(group, _)| group).collect();
    let withheld = (0..).zip(&groups).filter(|(_, group)| left_out.contains(&(dimension, **group))).map(|(row, _)| row).collect();
    let all = Some(sum(facts, count, span, Some(threshold))?);
    let name = Bilingual { en: String::new(), zh_hant: String::new() };
    let column =
        Column { name, people: count.measure.is_of_people(), cells, whole: all, part_of: None, withheld, decided: false };
    let told = published(&[column], facts.as_at, threshold).columns.remove(0);
    Ok(groups.into_iter().zip(told).collect())
}

/// To the unit.
///
/// # Errors
/// As [`told`].
pub fn exactly(facts: &Facts, count: &Count, span: Span) -> Result<u64, StoreError> {
    let groups = facts.groups(count, None, None)?;
    whole(groups.get(&(0, 0)).map_or(0, |series| span.of(series)))
}

fn conditions(of: &Conditions) -> impl Iterator<Item = (Dimension, Vec<i64>)> {
    let Conditions { tier, sector, function, reason } = of;
    [
        (Dimension::Tier, tier.iter().map(|tier| tier.code().into()).collect::<Vec<i64>>()),
        (Dimension::Sector, sector.iter().map(|sector| sector.code().into()).collect()),
        (Dimension::Function, function.iter().map(|function| function.code().into()).collect()),
        (Dimension::Reason, reason.iter().map(|reason| reason.code().into()).collect()),
    ]
    .into_iter()
    .filter(|(_, groups)| !groups.is_empty())
}

fn without(of: &Conditions, dimension: Dimension) -> Conditions {
    let mut rest = of.clone();
    match dimension {
        Dimension::Tier => rest.tier.clear(),
        Dimension::Sector => rest.sector.clear(),
        Dimension::Function => rest.function.clear(),
        _ => rest.reason.clear(),
    }
    rest
}
