//! Disclosure control: which cells of a published table are left out, so that nobody learns of a few people.
//!
//! Three ways lead to a small number, and each is closed by a rule of its own:
//!
//! * The cell itself. One that is more than nothing and less than the threshold is suppressed.
//! * A sum. A suppressed cell that follows from what is shown (a total less its other parts, or several such sums together) would
//!   be told all the same; so is a group of suppressed cells that together are less than the threshold. Other cells are suppressed
//!   besides, the smallest first, until nothing follows ([`suppress`]).
//! * Another report. One month less than another, a longer run of months less a shorter one: each shown number is a sum of whole
//!   blocks of months, and each block is nothing, or at least the threshold ([`Blocks`]).
//!
//! All of it follows from the numbers alone. The same question is answered the same, whatever was asked before.
//!
//! Method: primary and complementary cell suppression (Willenborg and de Waal, Elements of Statistical Disclosure Control, 2001,
//! chapter 4). Nothing is tied to zero: that nobody was counted is shown.

use std::collections::BTreeSet;

/// A total and the cells that it is the sum of, each by its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sum {
    /// The total.
    pub total: usize,
    /// Its parts.
    pub parts: Vec<usize>,
}

/// A number in a table or in several that are published together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Cell {
    /// The number.
    pub value: u64,
    /// Whether it may be left out.
    pub kind: CellKind,
}

/// What a cell is, as far as suppressing goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CellKind {
    /// A part of a whole: suppressed when it is small, or when another one needs it.
    Part,
    /// The same, and suppressed whatever its value is: another rule says so.
    Withheld,
    /// A number of the whole country, which is published in any case.
    National,
}

/// The places of the cells that are left out.
///
/// A threshold of 0 or 1 suppresses nothing but what is withheld already.
pub fn suppress(cells: &[Cell], sums: &[Sum], threshold: u64) -> BTreeSet<usize> {
    let mut hidden: BTreeSet<usize> = cells
        .iter()
        .enumerate()
        .filter(|(_, cell)| match cell.kind {
            CellKind::Part => is_small(cell.value, threshold),
            CellKind::Withheld => true,
            CellKind::National => false,
        })
        .map(|(place, _)| place)
        .collect();
    while let Some(told) = told(cells, sums, &hidden, threshold) {
        // What is told is covered by another cell of a sum that it stands in. Where there is none left, everything that could be
        // hidden is: what is told then follows from the national number alone.
        let Some(cover) = cover(cells, sums, &hidden, &told) else { break };
        hidden.insert(cover);
    }
    hidden
}

/// Whether a number is one of a few: more than nothing, less than the threshold.
pub const fn is_small(value: u64, threshold: u64) -> bool {
    value > 0 && value < threshold
}

/// Suppressed cells that follow from what is shown: one by itself, or several that together are small. Those that no other cell
/// can cover any more are passed over.
fn told(cells: &[Cell], sums: &[Sum], hidden: &BTreeSet<usize>, threshold: u64) -> Option<Vec<usize>> {
    let columns: Vec<usize> = hidden.iter().copied().collect();
    let column = |place: usize| columns.binary_search(&place).ok();
    let mut rows: Vec<Vec<u64>> = Vec::new();
    for sum in sums {
        let mut row = vec![0; columns.len()];
        for part in &sum.parts {
            if let Some(column) = column(*part) {
                row[column] = plus(row[column], 1);
            }
        }
        if let Some(column) = column(sum.total) {
            row[column] = plus(row[column], PRIME - 1);
        }
        if row.iter().any(|factor| *factor != 0) {
            rows.push(row);
        }
    }
    // A sum with a single hidden cell is mended first: what covers it often settles what follows from several.
    let tells = |row: &Vec<u64>| {
        let of: Vec<usize> = row.iter().enumerate().filter(|(_, factor)| **factor != 0).map(|(at, _)| columns[at]).collect();
        let alike = row.iter().all(|factor| *factor <= 1);
        let together: u64 = of.iter().map(|place| cells[*place].value).fold(0, u64::saturating_add);
        (of.len() == 1 || (alike && together < threshold)).then_some(of)
    };
    let coverable = |of: &Vec<usize>| cover(cells, sums, hidden, of).is_some();
    if let Some(of) = rows.iter().filter_map(tells).find(coverable) {
        return Some(of);
    }
    reduce(&mut rows);
    rows.iter().filter_map(tells).find(coverable)
}

/// A cell that still stands, of a sum in which one of `told` is: the one that leaves the fewest other sums with a single hidden
/// cell, of those one that is not nothing, of those the smallest.
fn cover(cells: &[Cell], sums: &[Sum], hidden: &BTreeSet<usize>, told: &[usize]) -> Option<usize> {
    let places = |sum: &Sum| -> Vec<usize> { sum.parts.iter().chain([&sum.total]).copied().collect() };
    let opens = |place: usize| {
        let of = |sum: &&Sum| places(sum).contains(&place);
        sums.iter().filter(of).filter(|sum| places(sum).iter().all(|other| !hidden.contains(other))).count()
    };
    sums.iter()
        .map(places)
        .filter(|places| told.iter().any(|place| places.contains(place)))
        .flatten()
        .filter(|place| cells[*place].kind != CellKind::National && !hidden.contains(place))
        .min_by_key(|place| (opens(*place), cells[*place].value == 0, cells[*place].value, *place))
}

/// Sums are solved modulo this prime (2^61 - 1): what follows from them in whole numbers follows here as well, and the other way
/// round but for one chance in 10^18.
const PRIME: u64 = (1 << 61) - 1;

fn plus(one: u64, other: u64) -> u64 {
    (one + other) % PRIME
}

fn times(one: u64, other: u64) -> u64 {
    // The product of two remainders has at most 122 bits, and a remainder of it fits.
    u64::try_from(u128::from(one) * u128::from(other) % u128::from(PRIME)).unwrap_or(0)
}

fn inverse(number: u64) -> u64 {
    // Fermat: a^(p-2) is the inverse of a modulo p.
    let (mut result, mut base, mut exponent) = (1, number, PRIME - 2);
    while exponent > 0 {
        if exponent % 2 == 1 {
            result = times(result, base);
        }
        base = times(base, base);
        exponent /= 2;
    }
    result
}

/// Reduced row echelon form: a row with one factor left tells one cell.
fn reduce(rows: &mut Vec<Vec<u64>>) {
    let width = rows.first().map_or(0, Vec::len);
    let mut lead = 0;
    for column in 0..width {
        let Some(pivot) = (lead..rows.len()).find(|row| rows[*row][column] != 0) else { continue };
        rows.swap(lead, pivot);
        let scale = inverse(rows[lead][column]);
        for factor in &mut rows[lead] {
            *factor = times(*factor, scale);
        }
        let pivot = rows[lead].clone();
        for (row, factors) in rows.iter_mut().enumerate() {
            let scale = factors[column];
            if row != lead && scale != 0 {
                for (factor, of_pivot) in factors.iter_mut().zip(&pivot) {
                    *factor = plus(*factor, times(PRIME - scale, *of_pivot));
                }
            }
        }
        lead += 1;
    }
    rows.truncate(lead);
}

/// The blocks of months that a cell may be told by.
///
/// From the first month on, months are put together until what happened in them is at least the threshold; a month in which nothing
/// happened is a block of its own. What is added later never moves an earlier boundary.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Blocks {
    /// Whether a block ends with the month, from the first month on.
    ends: Vec<bool>,
}

impl Blocks {
    /// Of what was added in each month, from the first one on; a stock that fell has a negative change.
    pub fn of(changes: impl IntoIterator<Item = i64>, threshold: u64) -> Blocks {
        let mut open: i64 = 0;
        let ends = changes.into_iter().map(|change| {
            open += change;
            let ends = !is_small(open.unsigned_abs(), threshold);
            if ends {
                open = 0;
            }
            ends
        });
        Blocks { ends: ends.collect() }
    }

    /// Whether the number at the end of a month (0 for the first) may be told. Before the first month nothing was.
    pub fn tells_at_end_of(&self, month: usize) -> bool {
        self.ends.get(month).or(self.ends.last()).copied().unwrap_or(true)
    }

    /// Whether what was added from one month to another, both included, may be told: it is made of whole blocks.
    pub fn tells(&self, from: usize, to: usize) -> bool {
        from.checked_sub(1).is_none_or(|before| self.tells_at_end_of(before)) && self.tells_at_end_of(to)
    }
}

/// What is told of a number within a month that has not ended: what it was at the last month's end, and as many whole thresholds as
/// came since. Two days of one month never differ by less.
pub fn within_month(at_last_end: u64, now: u64, threshold: u64) -> u64 {
    let step = threshold.max(1);
    if now >= at_last_end {
        at_last_end + (now - at_last_end) / step * step
    } else {
        at_last_end - (at_last_end - now) / step * step
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn part(value: u64) -> Cell {
        Cell { value, kind: CellKind::Part }
    }

    fn national(value: u64) -> Cell {
        Cell { value, kind: CellKind::National }
    }

    fn one_sum(parts: &[u64], threshold: u64) -> Vec<usize> {
        let mut cells: Vec<Cell> = parts.iter().map(|value| part(*value)).collect();
        cells.push(national(parts.iter().sum()));
        let sum = Sum { total: parts.len(), parts: (0..parts.len()).collect() };
        suppress(&cells, &[sum], threshold).into_iter().collect()
    }

    #[test]
    fn a_small_cell_takes_the_smallest_other_with_it() {
        assert_eq!(one_sum(&[120, 7, 40, 300], 10), [1, 2]);
        assert_eq!(one_sum(&[120, 40, 300], 10), [] as [usize; 0]);
        assert_eq!(one_sum(&[120, 10, 300], 10), [] as [usize; 0]);
        assert_eq!(one_sum(&[120, 9, 300], 10), [0, 1]);
    }

    #[test]
    fn two_small_cells_that_together_are_few_take_a_third() {
        assert_eq!(one_sum(&[120, 3, 4, 40], 10), [1, 2, 3]);
        assert_eq!(one_sum(&[120, 6, 4, 40], 10), [1, 2]);
    }

    #[test]
    fn nobody_is_shown_and_covers_only_where_nothing_else_can() {
        assert_eq!(one_sum(&[120, 0, 7, 40], 10), [2, 3]);
        assert_eq!(one_sum(&[0, 7], 10), [0, 1]);
        assert_eq!(one_sum(&[0, 0, 120], 10), [] as [usize; 0]);
    }

    #[test]
    fn without_a_threshold_nothing_is_left_out() {
        assert_eq!(one_sum(&[1, 2, 3], 0), [] as [usize; 0]);
        assert_eq!(one_sum(&[1, 2, 3], 1), [] as [usize; 0]);
    }

    #[test]
    fn the_only_part_of_a_national_number_stays_hidden() {
        // That it equals the total nobody can help.
        assert_eq!(one_sum(&[7], 10), [0]);
    }

    #[test]
    fn tables_that_share_cells_are_closed_together() {
        // Services 0..4, departments 4 and 5, the country 6. The second department has one service.
        let cells = [part(500), part(60), part(80), part(4), part(640), part(4), national(644)];
        let sums = [
            Sum { total: 4, parts: vec![0, 1, 2] },
            Sum { total: 5, parts: vec![3] },
            Sum { total: 6, parts: vec![4, 5] },
            Sum { total: 6, parts: vec![0, 1, 2, 3] },
        ];
        let hidden = suppress(&cells, &sums, 10);
        // The service and its department, the other department, and the smallest service of that one.
        assert_eq!(hidden.into_iter().collect::<Vec<_>>(), [1, 3, 4, 5]);
    }

    #[test]
    fn a_square_of_two_by_two_is_not_solved() {
        // Rows 0..3 by columns 0..3; 5 at (0, 0).
        let values = [5, 50, 60, 70, 80, 90, 30, 40, 20_u64];
        let (cells, sums) = square(&values, 3);
        let hidden = suppress(&cells, &sums, 10);
        assert_eq!(hidden.iter().copied().collect::<Vec<_>>(), [0, 1, 6, 7]);
    }

    /// A table of rows and columns with their totals.
    fn square(values: &[u64], width: usize) -> (Vec<Cell>, Vec<Sum>) {
        let height = values.len() / width;
        let mut cells: Vec<Cell> = values.iter().map(|value| part(*value)).collect();
        let mut sums = Vec::new();
        for row in 0..height {
            let parts: Vec<usize> = (0..width).map(|column| row * width + column).collect();
            cells.push(part(parts.iter().map(|place| values[*place]).sum()));
            sums.push(Sum { total: cells.len() - 1, parts });
        }
        for column in 0..width {
            let parts: Vec<usize> = (0..height).map(|row| row * width + column).collect();
            cells.push(part(parts.iter().map(|place| values[*place]).sum()));
            sums.push(Sum { total: cells.len() - 1, parts });
        }
        cells.push(national(values.iter().sum()));
        let whole = cells.len() - 1;
        sums.push(Sum { total: whole, parts: (values.len()..values.len() + height).collect() });
        sums.push(Sum { total: whole, parts: (values.len() + height..whole).collect() });
        (cells, sums)
    }

    #[test]
    fn blocks_grow_until_they_are_large_enough() {
        let blocks = Blocks::of([0, 4, 3, 5, 0, 30, 2], 10);
        assert_eq!(blocks.ends, [true, false, false, true, true, true, false]);
        assert!(blocks.tells(0, 3) && blocks.tells(4, 4) && blocks.tells(4, 5) && blocks.tells(0, 5));
        assert!(!blocks.tells(1, 1) && !blocks.tells(2, 3) && !blocks.tells(0, 6) && !blocks.tells(6, 6));
        assert!(Blocks::of([], 10).tells(0, 5), "nothing ever happened");
        // A stock that falls.
        assert_eq!(Blocks::of([40, -3, -8, 11], 10).ends, [true, false, true, true]);
    }

    #[test]
    fn within_a_month_numbers_go_up_by_whole_thresholds() {
        for (base, now, told) in [(100, 100, 100), (100, 109, 100), (100, 110, 110), (100, 131, 130), (0, 9, 0), (100, 85, 90)] {
            assert_eq!(within_month(base, now, 10), told, "{base} {now}");
        }
        assert_eq!(within_month(5, 8, 0), 8);
    }

    /// What can be worked out of the shown cells, by fractions and by another way than the code above: which hidden cells have one
    /// value only.
    fn worked_out(cells: &[Cell], sums: &[Sum], hidden: &BTreeSet<usize>) -> Vec<usize> {
        // A cell is told if no direction that keeps every sum moves it. Directions are tried as exchanges: solve by elimination in
        // floating point on small tables, where it is exact enough.
        let columns: Vec<usize> = hidden.iter().copied().collect();
        let mut rows: Vec<Vec<f64>> = sums
            .iter()
            .map(|sum| {
                let mut row = vec![0.0; columns.len()];
                for (at, place) in columns.iter().enumerate() {
                    row[at] += sum.parts.iter().filter(|part| *part == place).count() as f64;
                    row[at] -= f64::from(sum.total == *place);
                }
                row
            })
            .collect();
        let rank = |rows: &[Vec<f64>]| {
            let mut rows = rows.to_vec();
            let mut rank = 0;
            for column in 0..columns.len() {
                let Some(pivot) = (rank..rows.len()).find(|row| rows[*row][column].abs() > 1e-9) else { continue };
                rows.swap(rank, pivot);
                for row in rank + 1..rows.len() {
                    let scale = rows[row][column] / rows[rank][column];
                    let pivot = rows[rank].clone();
                    for (factor, of_pivot) in rows[row].iter_mut().zip(pivot) {
                        *factor -= scale * of_pivot;
                    }
                }
                rank += 1;
            }
            rank
        };
        let before = rank(&rows);
        let mut told = Vec::new();
        for (at, place) in columns.iter().enumerate() {
            // Told exactly when saying its value says nothing new.
            let mut says = vec![0.0; columns.len()];
            says[at] = 1.0;
            rows.push(says);
            if rank(&rows) == before {
                told.push(*place);
            }
            rows.pop();
        }
        assert!(told.iter().all(|place| cells[*place].kind != CellKind::National));
        told
    }

    proptest! {
        #[test]
        fn nothing_that_is_left_out_can_be_worked_out(
            values in prop::collection::vec(prop_oneof![Just(0_u64), 1_u64..10, 10_u64..400], 16),
            threshold in 2_u64..12,
        ) {
            let (cells, sums) = square(&values, 4);
            let hidden = suppress(&cells, &sums, threshold);
            for (place, cell) in cells.iter().enumerate() {
                let shown = !hidden.contains(&place);
                prop_assert!(!(shown && cell.kind == CellKind::Part && is_small(cell.value, threshold)), "{place} is small");
            }
            let open = cells.iter().enumerate().any(|(place, cell)| cell.kind == CellKind::Part && !hidden.contains(&place));
            if open {
                prop_assert_eq!(worked_out(&cells, &sums, &hidden), Vec::<usize>::new());
            }
            prop_assert_eq!(&hidden, &suppress(&cells, &sums, threshold), "the same again");
        }

        #[test]
        fn no_two_reports_differ_by_a_few(changes in prop::collection::vec(0_i64..25, 1..24), threshold in 2_u64..12) {
            let blocks = Blocks::of(changes.iter().copied(), threshold);
            let told: Vec<(usize, usize, i64)> = (0..changes.len())
                .flat_map(|from| (from..changes.len()).map(move |to| (from, to)))
                .filter(|(from, to)| blocks.tells(*from, *to))
                .map(|(from, to)| (from, to, changes[from..=to].iter().sum()))
                .collect();
            for (from, to, sum) in &told {
                prop_assert!(!is_small(sum.unsigned_abs(), threshold));
                for (other_from, other_to, other) in &told {
                    // One run of months that lies within another.
                    if from <= other_from && other_to <= to && (from == other_from || other_to == to) {
                        prop_assert!(!is_small((sum - other).unsigned_abs(), threshold), "{from}..{to} less {other_from}..{other_to}");
                    }
                }
            }
            // What comes later moves nothing.
            let longer = Blocks::of(changes.iter().copied().chain([3, 50]), threshold);
            prop_assert_eq!(&longer.ends[..changes.len()], &blocks.ends[..]);
        }
    }
}
