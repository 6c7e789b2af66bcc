//! A table before it is put into words: which rows and columns it has, and the numbers of each by month.

use std::collections::BTreeSet;

use domain::disclosure::{Blocks, Cell, CellKind, Sum, is_small, suppress, within_month};
use domain::{Bilingual, Day, LAUNCH, Month};

use super::grouping::Series;

/// What the number of a cell is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    /// From the beginning to the day.
    ToTheDay,
    /// From the beginning of a month to the day.
    Since(Month),
    /// In a month.
    In(Month),
    /// At the end of a month.
    AtTheEndOf(Month),
    /// In some whole months.
    From(Month, Month),
}

impl Span {
    /// The number of a cell out of what was added month by month.
    #[must_use]
    pub fn of(self, series: &Series) -> i64 {
        match self {
            Self::ToTheDay => series.values().sum(),
            Self::Since(month) => series.range(month..).map(|(_, change)| change).sum(),
            Self::In(month) => series.get(&month).copied().unwrap_or(0),
            Self::AtTheEndOf(month) => series.range(..=month).map(|(_, change)| change).sum(),
            Self::From(from, to) => series.range(from..=to).map(|(_, change)| change).sum(),
        }
    }
}

/// A cell of a group.
#[derive(Debug, Clone)]
pub struct Entry {
    /// What was added month by month, from the first month on record.
    pub series: Series,
    /// Of which the cell is a part.
    pub span: Span,
    /// The number.
    pub value: u64,
}

/// A column.
#[derive(Debug, Clone)]
pub struct Column {
    /// Its heading.
    pub name: Bilingual,
    /// Whether cells of a few are left out of what is published.
    pub people: bool,
    /// A cell a row.
    pub cells: Vec<Entry>,
    /// What the cells sum to: published in any case, or withheld.
    pub whole: Option<Cell>,
    /// Place of the column that this one is a part of.
    pub part_of: Option<usize>,
    /// Rows that another breakdown of the same number needs left out here.
    pub withheld: BTreeSet<usize>,
    /// Whether those are all that is left out, as decided for this and other breakdowns together.
    pub decided: bool,
}

/// A number that is published in any case.
#[must_use]
pub const fn national(value: u64) -> Cell {
    Cell { value, kind: CellKind::National }
}

/// What is told of a table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// By column and row; none where a number is left out.
    pub columns: Vec<Vec<Option<u64>>>,
    /// How many are left out.
    pub left_out: usize,
}

/// Every number to the unit.
#[must_use]
pub fn exact(columns: &[Column]) -> Told {
    let columns = columns.iter().map(|column| column.cells.iter().map(|cell| Some(cell.value)).collect()).collect();
    Told { columns, left_out: 0 }
}

/// What may be published: no cell of a few, none that follows from others or from the same report of another day.
#[must_use]
pub fn published(columns: &[Column], as_at: Day, threshold: u64) -> Told {
    let mut told: Vec<Vec<u64>> = Vec::new();
    let mut cells: Vec<Cell> = Vec::new();
    let mut sums: Vec<Sum> = Vec::new();
    let mut first: Vec<usize> = Vec::new();
    for column in columns {
        first.push(cells.len());
        let of = |(row, entry): (usize, &Entry)| match may_tell(entry, as_at, threshold) {
            // A number of services is as public as the services are.
            _ if !column.people => (entry.value, CellKind::National),
            (value, _) if column.decided && !column.withheld.contains(&row) => (value, CellKind::National),
            (value, _) if column.withheld.contains(&row) => (value, CellKind::Withheld),
            told => told,
        };
        let numbers: Vec<(u64, CellKind)> = column.cells.iter().enumerate().map(of).collect();
        told.push(numbers.iter().map(|(value, _)| *value).collect());
        cells.extend(numbers.iter().map(|(value, kind)| Cell { value: *value, kind: *kind }));
    }
    for (column, first_cell) in columns.iter().zip(&first) {
        if let Some(whole) = column.whole.filter(|_| column.people && !column.decided) {
            cells.push(whole);
            let parts = (*first_cell..first_cell + column.cells.len()).collect();
            sums.push(Sum { total: cells.len() - 1, parts });
        }
    }
    // Where columns are parts of another, what they leave of it is told too.
    for whole in 0..columns.len() {
        let parts: Vec<usize> =
            (0..columns.len()).filter(|part| columns[*part].part_of == Some(whole) && !columns[*part].decided).collect();
        if parts.is_empty() || !columns[whole].people {
            continue;
        }
        for (row, of) in told[whole].iter().enumerate() {
            let total = first[whole] + row;
            let members: Vec<usize> = parts.iter().map(|part| first[*part] + row).collect();
            for part in &parts {
                let rest = of.saturating_sub(told[*part][row]);
                cells.push(Cell { value: rest, kind: CellKind::Part });
                sums.push(Sum { total, parts: vec![first[*part] + row, cells.len() - 1] });
            }
            if parts.iter().map(|part| told[*part][row]).sum::<u64>() == *of {
                sums.push(Sum { total, parts: members });
            }
        }
    }
    let hidden = suppress(&cells, &sums, threshold);
    let mut left_out = 0;
    let columns = told
        .into_iter()
        .zip(&first)
        .map(|(values, first)| {
            let open = |(row, value)| {
                let open = !hidden.contains(&(first + row));
                left_out += usize::from(!open);
                open.then_some(value)
            };
            values.into_iter().enumerate().map(open).collect()
        })
        .collect();
    Told { columns, left_out }
}

/// The number that may be told of a cell by itself, and whether it may.
pub fn may_tell(entry: &Entry, as_at: Day, threshold: u64) -> (u64, CellKind) {
    if is_small(entry.value, threshold) {
        return (entry.value, CellKind::Part);
    }
    let base = LAUNCH.month().number();
    let place = |month: Month| usize::try_from(month.number() - base).unwrap_or(0);
    let last = entry.series.keys().next_back().map_or(0, |month| place(*month)).max(place(as_at.month()));
    // What is dated before the launch stands in its month.
    let changes = (0..=last).map(|at| {
        let month = Month::from_number(base + i32::try_from(at).unwrap_or(0));
        if at == 0 { Span::AtTheEndOf(month).of(&entry.series) } else { Span::In(month).of(&entry.series) }
    });
    let blocks = Blocks::of(changes, threshold);
    let month = as_at.month();
    let (value, tells) = match entry.span {
        Span::ToTheDay if as_at == month.last_day() => (entry.value, blocks.tells_at_end_of(place(month))),
        Span::Since(from) if as_at == month.last_day() => (entry.value, blocks.tells(place(from), place(month))),
        Span::ToTheDay | Span::Since(_) => {
            let from = if let Span::Since(from) = entry.span { place(from) } else { 0 };
            let before = entry.span.of(&entry.series) - Span::In(month).of(&entry.series);
            let told = |place: usize| place.checked_sub(1).is_none_or(|before| blocks.tells_at_end_of(before));
            let told = told(from) && told(place(month));
            (within_month(u64::try_from(before).unwrap_or(0), entry.value, threshold), told)
        }
        Span::In(month) => (entry.value, blocks.tells(place(month), place(month))),
        Span::AtTheEndOf(month) => (entry.value, blocks.tells_at_end_of(place(month))),
        Span::From(from, to) => (entry.value, blocks.tells(place(from), place(to))),
    };
    (value, if tells { CellKind::Part } else { CellKind::Withheld })
}

/// Parts of a thousand that sum to a thousand, by largest remainder; equal remainders go to the earlier. None of nothing.
#[must_use]
pub fn shares(values: &[u64]) -> Vec<Option<u64>> {
    let whole: u128 = values.iter().map(|value| u128::from(*value)).sum();
    if whole == 0 {
        return vec![None; values.len()];
    }
    let mut parts: Vec<(u64, u128)> = values
        .iter()
        .map(|value| {
            let thousandfold = u128::from(*value) * 1_000;
            (u64::try_from(thousandfold / whole).unwrap_or(0), thousandfold % whole)
        })
        .collect();
    let short = 1_000_u64.saturating_sub(parts.iter().map(|(part, _)| part).sum());
    let mut order: Vec<usize> = (0..parts.len()).collect();
    order.sort_by_key(|place| (std::cmp::Reverse(parts[*place].1), *place));
    for place in order.into_iter().take(usize::try_from(short).unwrap_or(0)) {
        parts[place].0 += 1;
    }
    parts.into_iter().map(|(part, _)| Some(part)).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn day(text: &str) -> Day {
        text.parse().unwrap()
    }

    fn column(values: &[u64], whole: Option<u64>) -> Column {
        let cells = values.iter().map(|value| {
            let series = Series::from([("2022-03".parse().unwrap(), i64::try_from(*value).unwrap())]);
            Entry { series, span: Span::ToTheDay, value: *value }
        });
        let name = Bilingual { en: "n".to_owned(), zh_hant: "n".to_owned() };
        Column {
            name,
            people: true,
            cells: cells.collect(),
            whole: whole.map(national),
            part_of: None,
            withheld: BTreeSet::new(),
            decided: false,
        }
    }

    fn told(columns: &[Column]) -> Vec<Vec<Option<u64>>> {
        published(columns, day("2022-05-31"), 10).columns
    }

    #[test]
    fn a_small_cell_takes_another_with_it() {
        assert_eq!(told(&[column(&[100, 4, 30, 0], Some(134))]), [[Some(100), None, None, Some(0)]]);
        assert_eq!(told(&[column(&[100, 4, 30, 0], None)]), [[Some(100), None, Some(30), Some(0)]], "nothing sums it up");
        assert_eq!(exact(&[column(&[100, 4], Some(104))]).columns, [[Some(100), Some(4)]]);
        let mut services = column(&[3, 4], Some(7));
        services.people = false;
        assert_eq!(told(&[services]), [[Some(3), Some(4)]], "services are not people");
    }

    #[test]
    fn what_a_part_leaves_of_its_whole_is_a_cell_too() {
        let mut plus = column(&[95, 50], None);
        plus.part_of = Some(0);
        let told = told(&[column(&[100, 80], None), plus]);
        assert!(told[0][0].is_none() || told[1][0].is_none(), "100 less 95 is 5: {told:?}");
        assert_eq!((told[0][1], told[1][1]), (Some(80), Some(50)));
    }

    #[test]
    fn two_months_never_differ_by_a_few() {
        let month = |text: &str| text.parse::<Month>().unwrap();
        let entry = |as_at: &str, value| {
            let series = Series::from([(month("2022-03"), 100), (month("2022-04"), 3), (month("2022-05"), 40)]);
            let series: Series = series.into_iter().filter(|(month, _)| *month <= day(as_at).month()).collect();
            Column { cells: vec![Entry { series, span: Span::ToTheDay, value }], ..column(&[], None) }
        };
        let told = |as_at, value| published(&[entry(as_at, value)], day(as_at), 10).columns[0][0];
        assert_eq!((told("2022-03-31", 100), told("2022-04-30", 103), told("2022-05-31", 143)), (Some(100), None, Some(143)));
    }

    #[test]
    fn shares_sum_as_stated() {
        assert_eq!(shares(&[1, 1, 1]), [Some(334), Some(333), Some(333)]);
        assert_eq!(shares(&[0, 0]), [None, None]);
        assert_eq!(shares(&[412_350, 900_130]), [Some(314), Some(686)]);
    }

    proptest! {
        #[test]
        fn shares_always_sum_to_a_thousand(values in prop::collection::vec(0_u64..1_000_000, 1..20)) {
            let sum: u64 = shares(&values).into_iter().flatten().sum();
            prop_assert_eq!(sum, if values.iter().any(|value| *value > 0) { 1_000 } else { 0 });
        }
    }
}
