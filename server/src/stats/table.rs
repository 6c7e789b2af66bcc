//! A table of the ledger, out of its formula.

use std::collections::{BTreeMap, BTreeSet};

use api::stats::{Chart, LegcoRow, LegcoTable, Unit, View};
use domain::disclosure::{Cell, CellKind};
use domain::{Beside, Bilingual, Count, Dimension, Drawn, FigureEntry, Formula, LAUNCH, Measure, Month, TableFormula};

use super::facts::Facts;
use super::grid::{Column, Entry, Span, Told, exact, published, shares};
use super::grouping::{Groups, Series};
use super::ledger::InForce;
use super::nested::{self, Nested};
use super::outside::Outside;
use super::part::{Breakdown, Part};
use super::people::LeftOut;
use super::rows::{Head, heads, month as month_row};
use super::tally::whole;
use super::words::say;
use crate::failure::Failure;
use crate::store::StoreError;

/// What tables are drawn up with.
pub struct Drawer<'r> {
    /// What is counted.
    pub facts: &'r Facts,
    /// What it means.
    pub ledger: &'r InForce,
    /// Numbers from outside.
    pub outside: &'r Outside,
    /// For whose eyes.
    pub view: View,
    /// Below how many a cell is left out.
    pub threshold: u64,
}

/// A table, and how many cells were left out of it.
pub struct DrawnUp {
    /// The table.
    pub table: LegcoTable,
    /// Cells that were left out.
    pub left_out: usize,
    /// The months of a table over months, to the unit, where it has one figure.
    pub months: Option<Vec<u64>>,
}

/// A figure of a table.
struct Figure<'r> {
    name: Bilingual,
    count: &'r Count,
    groups: Groups,
}

impl Drawer<'_> {
    /// The table of that definition.
    ///
    /// # Errors
    /// When the ledger or the database contradicts itself.
    pub fn table(&self, entry: &FigureEntry, formula: &TableFormula, from: Option<Month>) -> Result<DrawnUp, Failure> {
        let mut figures = Vec::new();
        for id in &formula.figures {
            let Some((FigureEntry { name, .. }, count)) = self.count(id) else {
                return Err(
                    StoreError::Broken(anyhow::anyhow!("table '{}' is made of '{id}', which is no number", entry.id)).into()
                );
            };
            let by = Some(formula.by).filter(|by| *by != Dimension::Month);
            figures.push(Figure { name: name.clone(), count, groups: self.facts.groups(count, by, formula.across)? });
        }
        let (mut rows, columns) = self.columns(formula, &figures, from)?;
        let mut told = match self.view {
            View::Published => published(&columns, self.facts.as_at, self.threshold),
            View::Auditor => exact(&columns),
        };
        let months = (formula.by == Dimension::Month && columns.len() == 1)
            .then(|| columns[0].cells.iter().map(|cell| cell.value).collect());
        let ranks = self.in_order(formula, &columns, &mut rows, &mut told);
        let whole = |column: &Column| column.whole.filter(|whole| whole.kind == CellKind::National).map(|whole| whole.value);
        let total = self.has_total(formula).then(|| columns.iter().map(whole).collect::<Vec<_>>());
        let mut table = LegcoTable {
            id: entry.id.clone(),
            title: entry.name.clone(),
            columns: columns.iter().map(|column| column.name.clone()).collect(),
            units: vec![unit(figures.first().map(|figure| figure.count.measure)); columns.len()],
            chart: formula.chart.map(|drawn| match drawn {
                Drawn::Bar => Chart::Bar,
                Drawn::Line => Chart::Line,
            }),
            rows: Vec::new(),
        };
        let place = |row: usize, column: usize| told.columns[column].get(row).copied().flatten();
        for (row, head) in rows.iter().enumerate() {
            let values: Vec<_> = (0..columns.len()).map(|column| place(row, column)).collect();
            let suppressed = (0..).zip(&values).filter(|(_, value)| value.is_none()).map(|(place, _)| place).collect();
            table.rows.push(LegcoRow { id: head.id.clone(), name: head.name.clone(), values, suppressed });
        }
        if let Some(total) = total {
            let suppressed = (0..).zip(&total).filter(|(_, value)| value.is_none()).map(|(place, _)| place).collect();
            table.rows.push(LegcoRow { id: "total".to_owned(), name: say("total", &[])?, values: total, suppressed });
        }
        for beside in &formula.beside {
            self.beside(*beside, formula, &figures, &rows, &ranks, &mut table)?;
        }
        Ok(DrawnUp { table, left_out: told.left_out, months })
    }

    /// What other breakdowns of a number need left out of what is published of each span.
    fn left_out(&self, count: &Count, spans: impl IntoIterator<Item = Span>) -> Result<Vec<nested::LeftOut>, StoreError> {
        let nested = match self.view {
            View::Published => Nested::of(self.facts, count)?,
            View::Auditor => None,
        };
        let of =
            |span| nested.as_ref().map_or_else(|| Ok(nested::LeftOut::new()), |nested| nested.left_out(span, self.threshold));
        spans.into_iter().map(of).collect()
    }

    fn count(&self, id: &str) -> Option<(&FigureEntry, &Count)> {
        let entry = self.ledger.get(id)?;
        match &entry.formula {
            Formula::Count(count) => Some((entry, count)),
            Formula::Table(_) | Formula::Unavailable(_) => None,
        }
    }

    fn has_total(&self, formula: &TableFormula) -> bool {
        formula.top.is_none() && formula.by != Dimension::Month
    }

    fn columns(
        &self,
        formula: &TableFormula,
        figures: &[Figure<'_>],
        from: Option<Month>,
    ) -> Result<(Vec<Head>, Vec<Column>), Failure> {
        if formula.by == Dimension::Month {
            return self.months(formula, figures, from);
        }
        let found: BTreeSet<i64> = figures.iter().flat_map(|figure| figure.groups.keys().map(|(row, _)| *row)).collect();
        let measure = figures.first().map_or(Measure::Uses, |figure| figure.count.measure);
        let rows = heads(self.facts, measure, formula.by, &found.into_iter().collect::<Vec<_>>())?;
        let mut columns = Vec::new();
        let threshold = (self.view == View::Published).then_some(self.threshold);
        let together = matches!(formula.across, None | Some(Dimension::Tier))
            && figures.iter().any(|figure| LeftOut::decides(figure.count, Some(formula.by)));
        let people_left_out = threshold.filter(|_| together).map(|threshold| LeftOut::of(self.facts, threshold)).transpose()?;
        for figure in figures {
            let people = figure.count.measure.is_of_people();
            let since = from.filter(|from| *from > LAUNCH.month() && figure.count.measure.is_of_a_period());
            let span = since.map_or(Span::ToTheDay, Span::Since);
            let left_out = self.left_out(figure.count, [span])?.remove(0);
            let all = Part::of(self.facts, figure.count)?;
            let told_across = match (threshold, formula.across) {
                (Some(threshold), Some(across)) if people => {
                    Breakdown::of(self.facts, figure.count, across)?.told(span, threshold)?
                }
                _ => BTreeMap::new(),
            };
            let of_column =
                |column: Option<i64>| figure.groups.iter().filter(move |((_, c), _)| column.is_none_or(|column| column == *c));
            let mut push = |name: Bilingual, column: Option<i64>, part_of: Option<usize>| {
                let entry = |row: &Head| {
                    let of = of_column(column).filter(|((group, _), _)| *group == row.group);
                    entry_of(of.map(|(_, series)| series), span)
                };
                let cells = rows.iter().map(entry).collect::<Result<Vec<_>, _>>()?;
                let whole = whole(of_column(column).map(|(_, series)| span.of(series)).sum())?;
                let kind = match column.map(|column| told_across.get(&column)) {
                    Some(Some(None)) => CellKind::Withheld,
                    None if people => all.sum(span, threshold)?.kind,
                    _ => CellKind::National,
                };
                let whole = Some(Cell { value: whole, kind });
                let name = match since {
                    Some(from) => say("column-since", &[("name", name.into()), ("from", month_row(from).name.into())])?,
                    None => name,
                };
                let tier = match formula.across {
                    Some(Dimension::Tier) => column,
                    _ => figure.count.conditions.tier.first().map(|tier| tier.code().into()),
                };
                let decided = people_left_out.is_some() && LeftOut::decides(figure.count, Some(formula.by));
                let of = |row: &Head| match &people_left_out {
                    Some(left_out) if decided => left_out.has(formula.by, row.group, tier),
                    _ => column.is_none() && left_out.contains(&(formula.by, row.group)),
                };
                let withheld = (0..).zip(&rows).filter(|(_, row)| of(row)).map(|(place, _)| place).collect();
                columns.push(Column { name, people, cells, whole, part_of, withheld, decided });
                Ok::<_, Failure>(())
            };
            match formula.across {
                None => push(figure.name.clone(), None, None)?,
                Some(across) => {
                    let found: BTreeSet<i64> = figure.groups.keys().map(|(_, column)| *column).collect();
                    let heads = heads(self.facts, measure, across, &found.into_iter().collect::<Vec<_>>())?;
                    let last = heads.len();
                    for head in heads {
                        push(head.name, Some(head.group), Some(last))?;
                    }
                    push(say("total", &[])?, None, None)?;
                }
            }
        }
        if formula.across.is_none() {
            parts_of_each_other(figures, &mut columns);
        }
        Ok((rows, columns))
    }

    /// Whole months, one a row.
    fn months(
        &self,
        formula: &TableFormula,
        figures: &[Figure<'_>],
        from: Option<Month>,
    ) -> Result<(Vec<Head>, Vec<Column>), Failure> {
        let from = from.unwrap_or(LAUNCH.month()).max(LAUNCH.month());
        let last = self.facts.last_whole_month().map_or(from.number() - 1, Month::number);
        let months: Vec<Month> = (from.number()..=last).map(Month::from_number).collect();
        let rows = months.iter().map(|month| month_row(*month)).collect();
        let mut columns = Vec::new();
        for figure in figures {
            let span = |month| match figure.count.measure {
                Measure::Accounts => Span::AtTheEndOf(month),
                _ => Span::In(month),
            };
            let people = figure.count.measure.is_of_people();
            let across_left_out = match formula.across {
                Some(_) => self.left_out(figure.count, months.iter().map(|month| span(*month)))?,
                None => Vec::new(),
            };
            let part = match self.view {
                View::Published if !figure.count.conditions.is_none() => Some(Part::of(self.facts, figure.count)?),
                View::Published | View::Auditor => None,
            };
            let found: BTreeSet<i64> = figure.groups.keys().map(|(_, column)| *column).collect();
            let across = match formula.across {
                Some(across) => heads(self.facts, figure.count.measure, across, &found.into_iter().collect::<Vec<_>>())?,
                None => vec![Head { group: 0, id: String::new(), name: figure.name.clone() }],
            };
            for head in across {
                let series: Vec<&Series> =
                    figure.groups.iter().filter(|((_, column), _)| *column == head.group).map(|(_, series)| series).collect();
                let cells = months.iter().map(|month| entry_of(series.iter().copied(), span(*month)));
                let cells = cells.collect::<Result<Vec<_>, _>>()?;
                let of =
                    |left_out: &nested::LeftOut| formula.across.is_some_and(|across| left_out.contains(&(across, head.group)));
                let mut withheld: BTreeSet<usize> =
                    (0..).zip(&across_left_out).filter(|(_, left_out)| of(left_out)).map(|(place, _)| place).collect();
                if let Some(part) = &part {
                    for (place, month) in months.iter().enumerate() {
                        if part.told(span(*month), self.threshold)?.is_none() {
                            withheld.insert(place);
                        }
                    }
                }
                columns.push(Column { name: head.name, people, cells, whole: None, part_of: None, withheld, decided: false });
            }
        }
        if formula.across.is_none() {
            parts_of_each_other(figures, &mut columns);
        }
        Ok((rows, columns))
    }

    /// Puts the rows in the order that the dimension asks for, and cuts a list; gives the ranks.
    fn in_order(&self, formula: &TableFormula, columns: &[Column], rows: &mut Vec<Head>, told: &mut Told) -> Vec<Option<u64>> {
        if !matches!(formula.by, Dimension::Service | Dimension::Department) && formula.top.is_none() {
            return vec![None; rows.len()];
        }
        let value = |row: usize| columns.first().map_or(0, |column| column.cells[row].value);
        let any = |row: usize| columns.iter().any(|column| column.cells[row].value > 0);
        // A service that a few have used is not frequently used: its place among others would say how few.
        let few = |row: usize| {
            self.view == View::Published && formula.top.is_some() && value(row) < self.threshold && told_none(told, row)
        };
        let mut order: Vec<usize> = (0..rows.len()).filter(|row| any(*row) && !few(*row)).collect();
        // Where a number is left out, its place says nothing of it.
        let hidden = |row: usize| formula.top.is_none() && told_none(told, row);
        order.sort_by(|one, other| {
            let key = |row: usize| (hidden(row), std::cmp::Reverse(if hidden(row) { 0 } else { value(row) }));
            key(*one).cmp(&key(*other)).then_with(|| rows[*one].id.cmp(&rows[*other].id))
        });
        let mut ranks: Vec<(u64, u64)> = Vec::new();
        for (place, row) in (1_u64..).zip(&order) {
            let rank = match ranks.last() {
                Some((rank, last)) if *last == value(*row) => *rank,
                _ => place,
            };
            if formula.top.is_some_and(|top| rank > u64::from(top)) {
                break;
            }
            ranks.push((rank, value(*row)));
        }
        order.truncate(ranks.len());
        told.columns.iter_mut().for_each(|column| *column = order.iter().map(|row| column[*row]).collect());
        told.left_out = told.columns.iter().flatten().filter(|value| value.is_none()).count();
        *rows = order.iter().map(|row| rows[*row].clone()).collect();
        ranks.into_iter().map(|(rank, _)| Some(rank)).collect()
    }

    fn beside(
        &self,
        beside: Beside,
        formula: &TableFormula,
        figures: &[Figure<'_>],
        rows: &[Head],
        ranks: &[Option<u64>],
        table: &mut LegcoTable,
    ) -> Result<(), Failure> {
        // A place has a number, or none that anybody gave; which of them are suppressed is said beside.
        let nothing = vec![false; rows.len()];
        let hidden = || table.rows.iter().take(rows.len()).map(|row| row.suppressed.contains(&0)).collect();
        let (first, key, unit, values, total, suppressed): (bool, _, _, Vec<Option<u64>>, Option<u64>, Vec<bool>) = match beside {
            Beside::Rank => (true, "column-rank", Unit::Rank, ranks.to_vec(), None, nothing),
            Beside::Planned => {
                let planned = self.outside.planned_by(self.facts.as_at)?;
                let of = |row: &Head| Some(planned.get(&row.id).copied().unwrap_or(0));
                (true, "column-planned", Unit::Count, rows.iter().map(of).collect(), Some(planned.values().sum()), nothing)
            }
            Beside::Share => {
                let counted: Vec<Option<u64>> = table.rows.iter().take(rows.len()).map(|row| row.values[0]).collect();
                let whole = table.rows.get(rows.len()).and_then(|total| total.values[0]);
                // What is left out, all together: its share is what the others leave.
                let open: u64 = counted.iter().flatten().sum();
                let mut values: Vec<u64> = counted.iter().map(|value| value.unwrap_or(0)).collect();
                values.push(whole.unwrap_or(open).saturating_sub(open));
                let parts = shares(&values);
                let values = counted.iter().zip(parts).map(|(value, part)| value.and(part)).collect();
                (false, "column-share", Unit::PerMille, values, Some(1_000), hidden())
            }
            Beside::ShareOfService => {
                if self.outside.service_totals.is_empty() {
                    return Ok(());
                }
                let shares = self.outside.shares(
                    self.facts,
                    figures.first().map(|figure| figure.count),
                    formula.by,
                    (self.view == View::Published).then_some(self.threshold),
                )?;
                let open = |place: usize| table.rows[place].values.first().is_some_and(Option::is_some);
                let of = |(place, row): (usize, &Head)| shares.get(&row.group).copied().flatten().filter(|_| open(place));
                let given = |(row, hidden): (&Head, bool)| shares.get(&row.group).is_some_and(|share| hidden || share.is_none());
                let suppressed = rows.iter().zip(hidden()).map(given).collect();
                (false, "column-share-of-service", Unit::PerMille, rows.iter().enumerate().map(of).collect(), None, suppressed)
            }
        };
        let at = if first { 0 } else { table.columns.len() };
        table.columns.insert(at, say(key, &[])?);
        table.units.insert(at, unit);
        let at = u32::try_from(at).unwrap_or(u32::MAX);
        for (place, row) in table.rows.iter_mut().enumerate() {
            row.values.insert(at as usize, values.get(place).copied().unwrap_or(total));
            row.suppressed.iter_mut().filter(|column| **column >= at).for_each(|column| *column += 1);
            if suppressed.get(place).copied().unwrap_or(false) {
                row.suppressed.push(at);
            }
        }
        Ok(())
    }
}

fn told_none(told: &Told, row: usize) -> bool {
    told.columns.first().is_some_and(|column| column.get(row).copied().flatten().is_none())
}

fn unit(measure: Option<Measure>) -> Unit {
    match measure {
        Some(Measure::MedianTimeToSuspend | Measure::P95TimeToSuspend) => Unit::Seconds,
        _ => Unit::Count,
    }
}

/// A cell of groups put together.
fn entry_of<'r>(of: impl Iterator<Item = &'r Series>, span: Span) -> Result<Entry, StoreError> {
    let mut series: Series = BTreeMap::new();
    for one in of {
        for (month, change) in one {
            *series.entry(*month).or_default() += change;
        }
    }
    let value = whole(span.of(&series))?;
    Ok(Entry { series, span, value })
}

/// A figure with a condition is a part of the one of the same measure that has none.
fn parts_of_each_other(figures: &[Figure<'_>], columns: &mut [Column]) {
    for part in 0..columns.len() {
        let of = |whole: &Figure<'_>| {
            whole.count.measure == figures[part].count.measure
                && whole.count.conditions.is_none()
                && !figures[part].count.conditions.is_none()
        };
        // Of several parts, each leaves a rest of its own; they may overlap.
        columns[part].part_of = figures.iter().position(of);
    }
}
