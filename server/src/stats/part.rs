//! A number with a condition is a part of a whole: what may be told of it is what the breakdown by that condition tells, whether the
//! breakdown is asked for or not.

use std::collections::BTreeMap;

use domain::disclosure::{Cell, CellKind};
use domain::{Bilingual, Conditions, Count, Day, Dimension, Measure};

use super::facts::Facts;
use super::grid::{Column, Entry, Span, national, published};
use super::grouping::Series;
use super::nested::Nested;
use super::tally::whole;
use crate::store::StoreError;

/// A number by month, and what its parts are told by.
pub struct Part {
    exactly: Series,
    /// The groups that its conditions ask for, and the breakdown that tells of them.
    by: Vec<(Vec<i64>, Breakdown)>,
}

/// What a number is made of in one dimension.
pub struct Breakdown {
    as_at: Day,
    dimension: Dimension,
    people: bool,
    groups: BTreeMap<i64, Series>,
    nested: Option<Nested>,
    whole: Part,
}

impl Part {
    /// Of a count.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the counters contradict themselves.
    pub fn of(facts: &Facts, count: &Count) -> Result<Self, StoreError> {
        let by = conditions(&count.conditions).map(|(dimension, groups)| {
            let among = Count { conditions: without(&count.conditions, dimension), ..count.clone() };
            Ok((groups, Breakdown::of(facts, &among, dimension)?))
        });
        let by = by.collect::<Result<_, StoreError>>()?;
        Ok(Self { exactly: facts.groups(count, None, None)?.remove(&(0, 0)).unwrap_or_default(), by })
    }

    /// The number in a span; none when it, or one that follows from it, is one of a few.
    ///
    /// # Errors
    /// As [`Part::of`].
    pub fn told(&self, span: Span, threshold: u64) -> Result<Option<u64>, StoreError> {
        let mut number = None;
        for (groups, breakdown) in &self.by {
            let told = breakdown.told(span, threshold)?;
            // Where there is no such group, there is nothing of it.
            let parts = groups.iter().map(|group| told.get(group).copied().unwrap_or(Some(0)));
            let Some(parts) = parts.collect::<Option<Vec<u64>>>() else { return Ok(None) };
            number = Some(parts.into_iter().sum());
        }
        match number {
            Some(number) => Ok(Some(number)),
            None => whole(span.of(&self.exactly)).map(Some),
        }
    }

    /// The same as what its parts sum to: a number that is published in any case, or one that is not.
    ///
    /// # Errors
    /// As [`Part::of`].
    pub fn sum(&self, span: Span, threshold: Option<u64>) -> Result<Cell, StoreError> {
        let value = whole(span.of(&self.exactly))?;
        let Some(threshold) = threshold else { return Ok(national(value)) };
        let kind = if self.told(span, threshold)?.is_some() { CellKind::National } else { CellKind::Withheld };
        Ok(Cell { value, kind })
    }
}

impl Breakdown {
    /// Of a count by a dimension that it has no condition of.
    ///
    /// # Errors
    /// As [`Part::of`].
    pub fn of(facts: &Facts, count: &Count, dimension: Dimension) -> Result<Self, StoreError> {
        let groups = facts.groups(count, Some(dimension), None)?;
        let nested = match (count.measure, dimension) {
            (Measure::Uses, Dimension::Sector) => Nested::of(facts, count)?,
            _ => None,
        };
        Ok(Self {
            as_at: facts.as_at,
            dimension,
            people: count.measure.is_of_people(),
            groups: groups.into_iter().map(|((group, _), series)| (group, series)).collect(),
            nested,
            whole: Part::of(facts, count)?,
        })
    }

    /// What is told of each group in a span.
    ///
    /// # Errors
    /// As [`Part::of`].
    pub fn told(&self, span: Span, threshold: u64) -> Result<BTreeMap<i64, Option<u64>>, StoreError> {
        let left_out = self.nested.as_ref().map(|nested| nested.left_out(span, threshold)).transpose()?.unwrap_or_default();
        let mut cells = Vec::new();
        for series in self.groups.values() {
            cells.push(Entry { series: series.clone(), span, value: whole(span.of(series))? });
        }
        let withheld = |group: &i64| left_out.contains(&(self.dimension, *group));
        let withheld = (0..).zip(self.groups.keys()).filter(|(_, group)| withheld(group)).map(|(row, _)| row).collect();
        let all = Some(self.whole.sum(span, Some(threshold))?);
        let name = Bilingual { en: String::new(), zh_hant: String::new() };
        let column = Column { name, people: self.people, cells, whole: all, part_of: None, withheld, decided: false };
        let told = published(&[column], self.as_at, threshold).columns.remove(0);
        Ok(self.groups.keys().copied().zip(told).collect())
    }
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
