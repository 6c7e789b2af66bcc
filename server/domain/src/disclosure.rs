//! Disclosure control: which cells of a published table are left out, so that nobody learns of a few people.
//!
//! Three ways lead to a small number, and each is closed by a rule of its own:
//!
//! * The cell itself. One that is more than nothing and less than the threshold is suppressed.
//! * A sum. A suppressed cell that follows from what is shown (a total less its other parts, or several such sums together) would
//!   be told all the same; so is a group of suppressed cells that together are less than the threshold. Other cells are suppressed
//!   besides, the smallest first, until nothing follows ([`suppress`]). Breakdowns of one number into parts of each other, by
//!   service and by department say, are one set of sums, whichever of them is asked for.
//! * Another report. One month less than another, a longer run of months less a shorter one: each shown number is a sum of whole
//!   blocks of months, and each block is nothing, or at least the threshold ([`Blocks`]).
//!
//! All of it follows from the numbers alone. The same question is answered the same, whatever was asked before.
//!
//! Method: primary and complementary cell suppression (Willenborg and de Waal, Elements of Statistical Disclosure Control, 2001,
//! chapter 4). Nothing is tied to zero: that nobody was counted is shown.

use std::collections::{BTreeMap, BTreeSet};

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
    let hidden: BTreeSet<usize> = cells
        .iter()
        .enumerate()
        .filter(|(_, cell)| match cell.kind {
            CellKind::Part => is_small(cell.value, threshold),
            CellKind::Withheld => true,
            CellKind::National => false,
        })
        .map(|(place, _)| place)
        .collect();
    let mut net = Net::of(cells, sums, hidden);
    // What is told is covered by another cell of the sums that it follows from. Where there is none left, everything that could be
    // hidden is: what is told then follows from the national number alone.
    while let Some(cover) = net.cover(threshold) {
        net.hide(cover);
    }
    net.hidden
}

/// Whether a number is one of a few: more than nothing, less than the threshold.
pub const fn is_small(value: u64, threshold: u64) -> bool {
    value > 0 && value < threshold
}

/// Cells and their sums, with what is hidden of them so far.
struct Net<'n> {
    cells: &'n [Cell],
    sums: &'n [Sum],
    /// By cell: the sums in which it stands.
    of: Vec<Vec<usize>>,
    /// Those that must not be told; the others are hidden for their sake.
    secret: BTreeSet<usize>,
    hidden: BTreeSet<usize>,
    /// By sum: how many of its cells are hidden.
    hidden_in: Vec<usize>,
}

impl<'n> Net<'n> {
    fn of(cells: &'n [Cell], sums: &'n [Sum], hidden: BTreeSet<usize>) -> Self {
        let mut of = vec![Vec::new(); cells.len()];
        for (at, sum) in sums.iter().enumerate() {
            places(sum).for_each(|place| of[place].push(at));
        }
        let hidden_in = sums.iter().map(|sum| places(sum).filter(|place| hidden.contains(place)).count()).collect();
        Self { cells, sums, of, secret: hidden.clone(), hidden, hidden_in }
    }

    fn hide(&mut self, place: usize) {
        if self.hidden.insert(place) {
            self.of[place].iter().for_each(|sum| self.hidden_in[*sum] += 1);
        }
    }

    /// A cell to hide because of something that follows from what is shown; none when nothing does that could still be covered.
    fn cover(&self, threshold: u64) -> Option<usize> {
        let with_hidden: Vec<usize> = (0..self.sums.len()).filter(|sum| self.hidden_in[*sum] > 0).collect();
        // A sum by itself first: what covers there often settles what follows from several.
        for sum in &with_hidden {
            let of: Vec<usize> = places(&self.sums[*sum]).filter(|place| self.hidden.contains(place)).collect();
            if self.tells(&of, !self.hidden.contains(&self.sums[*sum].total), threshold)
                && let Some(cover) = self.cover_in(&[(*sum, 1)])
            {
                return Some(cover);
            }
        }
        // Then all of them together. Behind the hidden cells each row keeps which sums it was put together from.
        let columns: Vec<usize> = self.hidden.iter().copied().collect();
        let mut rows: Vec<Vec<u64>> = Vec::new();
        for (at, sum) in with_hidden.iter().enumerate() {
            let mut row = vec![0; columns.len() + with_hidden.len()];
            for part in &self.sums[*sum].parts {
                if let Ok(column) = columns.binary_search(part) {
                    row[column] = plus(row[column], 1);
                }
            }
            if let Ok(column) = columns.binary_search(&self.sums[*sum].total) {
                row[column] = plus(row[column], PRIME - 1);
            }
            row[columns.len() + at] = 1;
            rows.push(row);
        }
        reduce(&mut rows, columns.len());
        rows.iter().find_map(|row| {
            let (of, from) = row.split_at(columns.len());
            let alike = of.iter().all(|factor| *factor <= 1);
            let of: Vec<usize> = of.iter().zip(&columns).filter(|(factor, _)| **factor != 0).map(|(_, place)| *place).collect();
            let from: Vec<(usize, u64)> =
                with_hidden.iter().zip(from).filter(|(_, factor)| **factor != 0).map(|(sum, factor)| (*sum, *factor)).collect();
            self.tells(&of, alike, threshold).then(|| self.cover_in(&from)).flatten()
        })
    }

    /// Whether it may not be known what hidden cells come to: a secret one by itself, or several, all of them added, that together
    /// are small.
    fn tells(&self, of: &[usize], alike: bool, threshold: u64) -> bool {
        let together = || of.iter().map(|place| self.cells[*place].value).fold(0, u64::saturating_add);
        match of {
            [] => false,
            [one] => self.secret.contains(one),
            _ => alike && together() < threshold,
        }
    }

    /// A shown cell without which sums that are put together say nothing: the one that leaves the fewest other sums with a single
    /// hidden cell, of those one that is not nothing, of those the smallest.
    fn cover_in(&self, from: &[(usize, u64)]) -> Option<usize> {
        let mut factors: BTreeMap<usize, u64> = BTreeMap::new();
        for (sum, factor) in from {
            for part in &self.sums[*sum].parts {
                let of = factors.entry(*part).or_default();
                *of = plus(*of, *factor);
            }
            let of = factors.entry(self.sums[*sum].total).or_default();
            *of = plus(*of, (PRIME - factor) % PRIME);
        }
        let opens = |place: usize| self.of[place].iter().filter(|sum| self.hidden_in[**sum] == 0).count();
        factors
            .into_iter()
            .filter(|(place, factor)| {
                *factor != 0 && self.cells[*place].kind != CellKind::National && !self.hidden.contains(place)
            })
            .map(|(place, _)| place)
            .min_by_key(|place| (opens(*place), self.cells[*place].value == 0, self.cells[*place].value, *place))
    }
}

fn places(sum: &Sum) -> impl Iterator<Item = usize> {
    sum.parts.iter().chain([&sum.total]).copied()
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

/// Reduced row echelon form of the first columns, `width` of them: a row with one factor left there tells one cell.
fn reduce(rows: &mut Vec<Vec<u64>>, width: usize) {
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
                // What was hidden for another's sake may be known, as long as that one is not.
                let told = worked_out(&cells, &sums, &hidden);
                prop_assert!(told.iter().all(|place| !is_small(cells[*place].value, threshold)), "{told:?}");
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
