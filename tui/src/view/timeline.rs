//! Generations of a line of keys in time: which column of the screen shows what. Pure: dates in, columns out.

use api::key::KeyView;
use client::times::people;
use domain::{KeyState, Timestamp};

const SECOND: i64 = 1_000_000;
const DAY: i64 = 86_400 * SECOND;
/// From this span on, hours do not matter.
const WEEKS: i64 = 8 * DAY;
/// From this span on, days do not matter either.
const MONTHS: i64 = 100 * DAY;

/// Spans of time that a line can stand for, microseconds and in words.
pub(crate) const SPANS: [(i64, &str); 9] = [
    (3_600 * SECOND, "1 h"),
    (6 * 3_600 * SECOND, "6 h"),
    (DAY, "1 d"),
    (7 * DAY, "7 d"),
    (30 * DAY, "30 d"),
    (90 * DAY, "90 d"),
    (365 * DAY, "1 y"),
    (5 * 365 * DAY, "5 y"),
    (25 * 365 * DAY, "25 y"),
];
/// A year: what is drawn where nothing is under way.
pub(crate) const YEAR: usize = 6;
/// Columns of a date on the scale, with the gap behind it.
const DATE: i64 = 9;

/// Which moments the columns stand for. A third of them lies in the past.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    now: i64,
    span: i64,
    columns: i64,
}

/// What a column shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Cell {
    /// No key.
    Nothing,
    /// A key that is out of use.
    Past,
    /// Where in the past one key took over from another.
    Change,
    /// The key that signs, alone.
    Signs,
    /// The key that signs, beside another that is published or drains.
    Beside,
    /// A key that has not taken over yet, from the date on which it will.
    Next,
    /// Where a key was revoked.
    Revoked,
}

/// The shortest span whose columns show these moments; the longest when none does.
pub(crate) fn fitting(now: Timestamp, moments: &[Timestamp]) -> usize {
    let fits = |(span, _): &(i64, &str)| {
        let (from, until) = (now.micros() - span / 3, now.micros() + span / 3 * 2);
        moments.iter().all(|at| (from..=until).contains(&at.micros()))
    };
    SPANS.iter().position(fits).unwrap_or(SPANS.len() - 1)
}

impl Scale {
    /// So many columns for the span at that place.
    pub(crate) fn new(now: Timestamp, place: usize, columns: u16) -> Self {
        let (span, _) = SPANS[place.min(SPANS.len() - 1)];
        Self { now: now.micros(), span, columns: i64::from(columns.max(3)) }
    }

    /// The column of this moment.
    pub(crate) fn today(self) -> u16 {
        u16::try_from(self.columns / 3).unwrap_or_default()
    }

    /// When a column begins: that of this moment begins now.
    fn begins(self, column: i64) -> i64 {
        let columns = i128::from(column - self.columns / 3) * i128::from(self.span) / i128::from(self.columns);
        self.now + i64::try_from(columns).unwrap_or_default()
    }

    /// Dates above the columns, each with the column that it begins at; none stands where this moment has its word.
    pub(crate) fn dates(self) -> Vec<(u16, String)> {
        let today = self.columns / 3;
        let behind = (0..today - DATE + 1).step_by(DATE as usize);
        let ahead = (today + 5..self.columns - DATE + 2).step_by(DATE as usize);
        let mut dates: Vec<(u16, String)> =
            behind.chain(ahead).map(|column| (u16::try_from(column).unwrap_or_default(), self.date(column))).collect();
        dates.push((u16::try_from(today).unwrap_or_default(), "now".to_owned()));
        dates
    }

    /// Hours of a short span, days of a longer one, months of years.
    fn date(self, column: i64) -> String {
        let text = people(Timestamp::from_micros(self.begins(column)));
        let part = |from: usize, until: usize| text.get(from..until).unwrap_or_default().to_owned();
        match self.span {
            ..DAY => part(11, 16),
            DAY..WEEKS => part(8, 16),
            WEEKS..MONTHS => part(5, 10),
            _ => part(0, 7),
        }
    }

    /// What each column shows of these generations, the oldest first.
    pub(crate) fn cells(self, keys: &[&KeyView]) -> Vec<Cell> {
        let mut lives: Vec<Life> = keys.iter().map(|key| Life::of(key, self.now)).collect();
        // One that was called off before it signed has taken over from nobody.
        lives.retain(|life| life.begins < life.ends);
        for place in 1..lives.len() {
            lives[place - 1].until = lives[place - 1].ends.min(lives[place].begins);
        }
        (0..self.columns).map(|column| cell(&lives, self.begins(column), self.begins(column + 1))).collect()
    }
}

/// When a generation was what.
#[derive(Debug)]
struct Life {
    state: KeyState,
    /// Since when others are shown it.
    shown: i64,
    /// From when until when it signs.
    begins: i64,
    until: i64,
    /// When it leaves use; later than that, where it drains.
    ends: i64,
    revoked: Option<i64>,
}

impl Life {
    fn of(key: &KeyView, now: i64) -> Self {
        let micros = |at: Option<Timestamp>| at.map(Timestamp::micros);
        let revoked = key.revoked.as_ref().map(|revoked| revoked.at.micros());
        let ends = [micros(key.retire_at), micros(key.not_after), revoked].into_iter().flatten().min().unwrap_or(i64::MAX);
        let over = matches!(key.state, KeyState::Retired | KeyState::Revoked);
        // Of one that left use before it signed, no date is kept on which it would have.
        let begins = micros(key.activate_at).unwrap_or(if over { ends } else { key.created_at.micros() });
        // One that is late, because its rotation is stopped or held, does not sign before now.
        let begins = if key.state == KeyState::Published { begins.max(now) } else { begins };
        Self { state: key.state, shown: key.created_at.micros(), begins, until: ends, ends, revoked }
    }

    fn signs_between(&self, from: i64, until: i64) -> bool {
        self.begins < until && self.until > from
    }

    /// Whether others are shown it although it does not sign.
    fn idles_between(&self, from: i64, until: i64) -> bool {
        let waits = self.shown < until && self.begins > from;
        let drains = self.until < until && self.ends > from;
        waits || drains
    }

    fn is_over(&self) -> bool {
        matches!(self.state, KeyState::Retired | KeyState::Revoked)
    }
}

fn cell(lives: &[Life], from: i64, until: i64) -> Cell {
    let within = |at: i64| (from..until).contains(&at);
    if lives.iter().any(|life| life.revoked.is_some_and(within)) {
        return Cell::Revoked;
    }
    let signing: Vec<&Life> = lives.iter().filter(|life| life.signs_between(from, until)).collect();
    let is_one = |which: fn(&Life) -> bool| signing.iter().any(|life| which(life));
    if is_one(|life| matches!(life.state, KeyState::Active | KeyState::Draining)) {
        let idle = |life: &&Life| !life.is_over() && !life.signs_between(from, until) && life.idles_between(from, until);
        // Where one takes over from another, both are shown for a time.
        let taking_over = signing.iter().filter(|life| !life.is_over()).count() > 1;
        let beside = taking_over || lives.iter().any(|life| idle(&life));
        if beside { Cell::Beside } else { Cell::Signs }
    } else if is_one(|life| life.state == KeyState::Published) {
        Cell::Next
    } else if signing.is_empty() {
        Cell::Nothing
    } else if lives.iter().skip(1).any(|life| within(life.begins)) {
        Cell::Change
    } else {
        Cell::Past
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    use domain::{KeyAlgorithm, KeyPurpose, RevocationReason};

    const NOW: i64 = 1_654_000_000 * SECOND;

    fn hour(hours: i64) -> Timestamp {
        Timestamp::from_micros(NOW + hours * 3_600 * SECOND)
    }

    /// A generation that was made, takes over and leaves use so many hours from now.
    fn key(state: KeyState, made: i64, begins: i64, ends: Option<i64>) -> KeyView {
        let told = serde_json::json!({
            "kid": "k", "purpose": KeyPurpose::TokenSigning, "name": "tokens", "algorithm": KeyAlgorithm::Es256, "state": state,
            "created_at": hour(made), "activate_at": hour(begins), "retire_at": ends.map(hour),
        });
        serde_json::from_value(told).unwrap()
    }

    /// A day in 24 columns: eight hours behind, sixteen ahead.
    fn drawn(keys: &[KeyView]) -> String {
        let keys: Vec<&KeyView> = keys.iter().collect();
        let scale = Scale::new(Timestamp::from_micros(NOW), 2, 24);
        let letter = |cell| match cell {
            Cell::Nothing => ' ',
            Cell::Past => '-',
            Cell::Change => '+',
            Cell::Signs => '=',
            Cell::Beside => '#',
            Cell::Next => ':',
            Cell::Revoked => 'x',
        };
        scale.cells(&keys).into_iter().map(letter).collect()
    }

    #[test]
    fn each_stage_of_a_rotation_has_its_columns() {
        use KeyState::{Active, Draining, Published, Retired};
        let first = key(Active, -100, -100, None);
        assert_eq!(drawn(std::slice::from_ref(&first)), "========================");
        // Published two hours ago, takes over in three hours; the old one drains for two.
        assert_eq!(drawn(&[first, key(Published, -2, 3, None)]), "======#####:::::::::::::");
        let old = key(Draining, -100, -2, Some(3));
        let old = KeyView { activate_at: Some(hour(-100)), ..old };
        assert_eq!(drawn(&[old, key(Active, -4, -2, None)]), "====#######=============");
        let gone = key(Retired, -100, -100, Some(-1));
        assert_eq!(drawn(&[gone, key(Active, -4, -3, None)]), "-----===================");
        let (gone, later) = (key(Retired, -100, -100, Some(-4)), key(Retired, -6, -5, Some(-2)));
        assert_eq!(drawn(&[gone, later, key(Active, -4, -3, None)]), "---+-===================");
    }

    #[test]
    fn a_key_that_is_late_stays_ahead() {
        let held = key(KeyState::Published, -4, -1, None);
        assert_eq!(drawn(&[key(KeyState::Active, -100, -100, None), held]), "====####::::::::::::::::");
    }

    #[test]
    fn a_revoked_key_ends_where_it_was_revoked() {
        let mut revoked = key(KeyState::Revoked, -100, -100, None);
        revoked.revoked = Some(api::key::Revoked { at: hour(-3), reason: RevocationReason::KeyCompromise });
        assert_eq!(drawn(&[revoked, key(KeyState::Active, -3, -3, None)]), "-----x==================");
    }

    #[test]
    fn a_key_that_was_called_off_takes_over_from_nobody() {
        let aborted = KeyView { activate_at: None, ..key(KeyState::Retired, -2, 0, Some(-1)) };
        assert_eq!(drawn(&[key(KeyState::Active, -100, -100, None), aborted]), "========================");
    }

    #[test]
    fn a_rotation_that_fits_into_one_column_shows() {
        let (old, new) = (key(KeyState::Active, -100, -100, None), key(KeyState::Published, -1, 3, None));
        let minutes = Timestamp::from_micros(NOW + 30 * 60 * SECOND);
        let new = KeyView { created_at: minutes, activate_at: Some(minutes), ..new };
        assert_eq!(drawn(&[old, new]), "========#:::::::::::::::");
    }

    #[test]
    fn one_that_ends_leaves_nothing_behind_it() {
        let ends = KeyView { not_after: Some(hour(4)), ..key(KeyState::Active, -100, -100, None) };
        assert_eq!(drawn(&[ends]), "============            ");
    }

    #[test]
    fn the_shortest_span_that_shows_everything_is_taken() {
        let now = Timestamp::from_micros(NOW);
        for (moments, words) in [
            (vec![hour(0)], "1 h"),
            (vec![hour(-1), hour(1)], "6 h"),
            (vec![hour(-10), hour(20)], "7 d"),
            (vec![hour(24 * 200)], "1 y"),
            (vec![hour(24 * 365 * 90)], "25 y"),
        ] {
            assert_eq!(SPANS[fitting(now, &moments)].1, words);
        }
    }

    #[test]
    fn dates_do_not_overlap() {
        for columns in [20, 33, 60, 155] {
            for place in 0..SPANS.len() {
                let scale = Scale::new(Timestamp::from_micros(NOW), place, columns);
                let mut dates = scale.dates();
                dates.sort();
                for pair in dates.windows(2) {
                    assert!(usize::from(pair[0].0) + pair[0].1.len() < usize::from(pair[1].0), "{columns}, {place}: {dates:?}");
                }
                let (at, text) = dates.last().unwrap();
                assert!(usize::from(*at) + text.len() <= usize::from(columns), "{columns}, {place}: {dates:?}");
            }
        }
    }
}
