//! Uses by service, department, sector, category and industry are sums of one another: who has two of these breakdowns takes one from
//! the other. What is left out of them is therefore decided for all of them together, whichever is asked for, and each report leaves
//! out what falls to it.

use std::collections::{BTreeMap, BTreeSet};

use domain::disclosure::{Cell, CellKind, Sum, suppress};
use domain::{Conditions, Count, Day, Dimension, Measure};

use super::facts::Facts;
use super::grid::{Entry, Span, may_tell};
use super::grouping::Series;
use super::tally::whole;
use crate::store::StoreError;

/// A service and what it belongs to.
const NESTED: [Dimension; 5] =
    [Dimension::Service, Dimension::Department, Dimension::Sector, Dimension::Category, Dimension::Industry];

/// Groups of those dimensions whose numbers are left out.
pub type LeftOut = BTreeSet<(Dimension, i64)>;

/// All of these breakdowns of one number.
pub struct Nested {
    as_at: Day,
    /// Each group of each dimension; parts of a service that moved have no name, nor has the number of the whole platform, the last.
    cells: Vec<(Option<(Dimension, i64)>, Series)>,
    sums: Vec<Sum>,
}

impl Nested {
    /// Of a number of uses. That it may be of some sectors alone makes no difference: its cells are cells of the whole.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when uses are of a service that is not on record.
    pub fn of(facts: &Facts, count: &Count) -> Result<Option<Self>, StoreError> {
        if count.measure != Measure::Uses {
            return Ok(None);
        }
        let count = Count { conditions: Conditions { sector: Vec::new(), ..count.conditions.clone() }, ..count.clone() };
        let parts = facts.attributed(&count, NESTED)?;
        let mut of: BTreeMap<(usize, i64), Vec<usize>> = BTreeMap::new();
        for (place, key) in parts.keys().enumerate() {
            for (dimension, group) in key.iter().enumerate() {
                of.entry((dimension, *group)).or_default().push(place);
            }
        }
        let mut cells: Vec<_> = parts.into_values().map(|series| (None, series)).collect();
        let mut sums = Vec::new();
        let mut sectors = Vec::new();
        for ((dimension, group), parts) in of {
            let named = Some((NESTED[dimension], group));
            // A service that belonged to the same all along is one of the parts itself.
            if let ([part], Dimension::Service) = (parts.as_slice(), NESTED[dimension]) {
                cells[*part].0 = named;
                continue;
            }
            let total = cells.len();
            if NESTED[dimension] == Dimension::Sector {
                sectors.push(total);
            }
            let series = together(parts.iter().map(|part| &cells[*part].1));
            cells.push((named, series));
            sums.push(Sum { total, parts });
        }
        let series = together(sectors.iter().map(|sector| &cells[*sector].1));
        sums.push(Sum { total: cells.len(), parts: sectors });
        cells.push((None, series));
        Ok(Some(Self { as_at: facts.as_at, cells, sums }))
    }

    /// What is left out of what is published of a span.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when a number is less than nothing.
    pub fn left_out(&self, span: Span, threshold: u64) -> Result<LeftOut, StoreError> {
        let mut cells = Vec::new();
        for (name, series) in &self.cells {
            let entry = Entry { series: series.clone(), span, value: whole(span.of(series))? };
            let (value, kind) = may_tell(&entry, self.as_at, threshold);
            // Rows of services and departments without uses are not shown: that there are none is told thereby.
            let by_absence = matches!(name, Some((Dimension::Service | Dimension::Department, _))) && entry.value == 0;
            let kind = if by_absence { CellKind::National } else { kind };
            cells.push(Cell { value, kind });
        }
        if let Some(platform) = cells.last_mut() {
            platform.kind = CellKind::National;
        }
        let hidden = suppress(&cells, &self.sums, threshold);
        Ok(hidden.into_iter().filter_map(|place| self.cells[place].0).collect())
    }
}

fn together<'r>(parts: impl Iterator<Item = &'r Series>) -> Series {
    let mut sum = Series::new();
    for (month, count) in parts.flatten() {
        *sum.entry(*month).or_default() += count;
    }
    sum
}
