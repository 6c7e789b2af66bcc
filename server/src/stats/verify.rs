//! A month counted again from its raw events.

use std::collections::BTreeMap;

use api::stats::{CellDifference, Verification, VerifyMonth};
use domain::{AccountEventKind, Channel, Day, Function, Month, Outcome, Tier, UsageChannel};

use super::contents::{Contents, Known, is_signed, told};
use super::question;
use super::services::Services;
use super::tally::whole;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{AccountCell, AccountKey, FrozenMonthRow, NumberRow, PersonKey, Read, UsageCell, UsageKey};

/// The most differences that are told.
const TOLD: usize = 100;

/// Counts a month again, and holds it against the counters of days and of months, the people counted, the digest and the signature.
pub(crate) async fn verify(app: &App, _: &Caller, op: VerifyMonth) -> Result<Verification, Failure> {
    question::months(Some(op.month), None, app.clock.now().hk_day())?;
    let mut read = app.store.read().await?;
    let mut found = Found { services: Services::load(&mut read).await?, cells: 0, differences: Vec::new() };
    let uses = sorted(read.recount_month_uses(op.month).await?);
    let accounts = sorted(read.recount_month_accounts(op.month).await?);
    let people = sorted(read.recount_month_people(op.month).await?);
    found.hold("usage_daily", read.month_usage_daily(op.month).await?, &uses);
    found.hold("usage_monthly", read.month_usage_monthly(op.month).await?, &above(&uses, UsageKey::monthly));
    found.hold("account_daily", read.month_account_daily(op.month).await?, &accounts);
    found.hold("account_monthly", read.month_account_monthly(op.month).await?, &above(&accounts, AccountKey::monthly));
    found.hold("account_person_daily", read.month_person_daily(op.month).await?, &people);
    found.hold("account_person_monthly", read.month_person_monthly(op.month).await?, &above(&people, PersonKey::monthly));
    let users = sorted(first_seen(read.recount_users(op.month).await?));
    found.hold("users", first_seen(read.users_by_recorded_day(op.month).await?), &users);
    let row = read.frozen_month(op.month).await?;
    let mut frozen = None;
    if let Some(row) = &row {
        match told(row, false) {
            Ok(told) => {
                frozen = Some(told);
                hold_frozen(app, &mut read, row, &uses, &accounts, &mut found).await?;
            }
            // What was closed and cannot be read any more is a difference like any other.
            Err(damaged) => found.differs("frozen", format!("{}: {damaged}", op.month)),
        }
    }
    Ok(Verification {
        month: op.month,
        ok: found.differences.is_empty(),
        events: whole(read.count_month_events(op.month).await?)?,
        cells: found.cells,
        users: whole(users.values().sum())?,
        frozen,
        differences: found.differences.into_iter().take(TOLD).collect(),
    })
}

/// Holds what was frozen against the recount as known on its day: the figures, the digest over every cell, and the signature.
async fn hold_frozen(
    app: &App,
    read: &mut Read,
    row: &FrozenMonthRow,
    uses: &BTreeMap<UsageKey, i64>,
    accounts: &BTreeMap<AccountKey, i64>,
    found: &mut Found,
) -> Result<(), Failure> {
    let (month, known_at) = (Month::from_number(row.month), Day::from_number(row.known_day));
    let known = Known { month, known_at, edition: row.edition.clone(), head: row.head.clone() };
    let recounted = Contents::of(app, read, known, &uses_by(uses, known_at), &accounts_by(accounts, known_at)).await;
    let contents = match recounted {
        Ok(contents) => contents,
        // Counters or events that cannot be read as what they should be are a difference like any other.
        Err(Failure::Internal(damaged)) => {
            found.differs("frozen", format!("{month}: {damaged:#}"));
            return Ok(());
        }
        Err(failure) => return Err(failure),
    };
    for (figure, counted, recounted) in [
        ("uses", row.uses, contents.uses),
        ("users", row.users, contents.users),
        ("registered", row.registered, contents.registered),
    ] {
        found.unless("frozen", || figure.to_owned(), Some(counted), i64::try_from(recounted).ok());
    }
    if contents.digest != row.digest {
        found.differs("digest", format!("{month}: {} was frozen, {} comes out", row.digest, contents.digest));
    }
    if !is_signed(app, read, row).await? {
        found.differs(
            "signature",
            format!("{month}: the note is not this instance's, or not over this digest, day, moment and operator"),
        );
    }
    Ok(())
}

/// What does not agree.
struct Found {
    services: Services,
    cells: u64,
    differences: Vec<CellDifference>,
}

impl Found {
    fn hold<K: Ord + Cell>(&mut self, what: &str, counted: Vec<(K, i64)>, recounted: &BTreeMap<K, i64>) {
        let counted = sorted(counted);
        self.cells += counted.len() as u64;
        let missing = recounted.keys().filter(|key| !counted.contains_key(key));
        for key in counted.keys().chain(missing) {
            let (counted, recounted) = (counted.get(key).copied(), recounted.get(key).copied());
            if counted != recounted {
                let cell = key.told(what.ends_with("_monthly"), &self.services);
                self.differences.push(CellDifference { what: what.to_owned(), cell, counted, recounted });
            }
        }
    }

    fn unless(&mut self, what: &str, cell: impl FnOnce() -> String, counted: Option<i64>, recounted: Option<i64>) {
        if counted != recounted {
            self.differences.push(CellDifference { what: what.to_owned(), cell: cell(), counted, recounted });
        }
    }

    fn differs(&mut self, what: &str, cell: String) {
        self.differences.push(CellDifference { what: what.to_owned(), cell, counted: None, recounted: None });
    }
}

/// A counter, as whoever looks for it names it: when it happened and was recorded, then what is counted. Whatever codes were
/// tampered with stand there as they are.
trait Cell {
    fn told(&self, monthly: bool, services: &Services) -> String;
}

/// The day or month of an event, and that of its recording.
fn dates(event: i32, recorded: i32, monthly: bool) -> String {
    match monthly {
        true => format!("{} recorded {}", Month::from_number(event), Month::from_number(recorded)),
        false => format!("{} recorded {}", Day::from_number(event), Day::from_number(recorded)),
    }
}

fn word<W: ToString>(word: Option<W>, code: i16) -> String {
    word.map_or_else(|| format!("code {code}"), |word| word.to_string())
}

impl Cell for UsageKey {
    fn told(&self, monthly: bool, services: &Services) -> String {
        let day = if monthly { Month::from_number(self.event).last_day() } else { Day::from_number(self.event) };
        let service = services.on(self.service, day).map(|version| version.service.to_string());
        [
            dates(self.event, self.recorded, monthly),
            service.unwrap_or_else(|_| format!("service code {}", self.service)),
            word(Function::from_code(self.function), self.function),
            word(Tier::from_code(self.tier), self.tier),
            word(UsageChannel::from_code(self.channel), self.channel),
            word(Outcome::from_code(self.outcome), self.outcome),
        ]
        .join(", ")
    }
}

impl Cell for AccountKey {
    fn told(&self, monthly: bool, _: &Services) -> String {
        let place = if self.location.is_empty() { "no place" } else { &self.location };
        [
            dates(self.event, self.recorded, monthly),
            word(AccountEventKind::from_code(self.kind), self.kind),
            word(Tier::from_code(self.tier), self.tier),
            word(Channel::from_code(self.channel), self.channel),
            place.to_owned(),
        ]
        .join(", ")
    }
}

/// Years of birth and sexes are not told: a day has few of each.
impl Cell for PersonKey {
    fn told(&self, monthly: bool, _: &Services) -> String {
        [
            dates(self.event, self.recorded, monthly),
            word(AccountEventKind::from_code(self.kind), self.kind),
            word(Tier::from_code(self.tier), self.tier),
            word(Channel::from_code(self.channel), self.channel),
            "one of its ages and sexes".to_owned(),
        ]
        .join(", ")
    }
}

/// The day on which people were first seen in the month.
impl Cell for Day {
    fn told(&self, _: bool, _: &Services) -> String {
        format!("first seen by what was recorded {self}")
    }
}

fn first_seen(rows: Vec<NumberRow>) -> Vec<(Day, i64)> {
    rows.into_iter().map(|row| (Day::from_number(row.number), row.count)).collect()
}

fn sorted<K: Ord>(rows: Vec<(K, i64)>) -> BTreeMap<K, i64> {
    rows.into_iter().collect()
}

/// The monthly counters above daily ones.
fn above<K: Ord + Clone>(daily: &BTreeMap<K, i64>, month: impl Fn(K) -> K) -> BTreeMap<K, i64> {
    let mut monthly = BTreeMap::new();
    for (key, count) in daily {
        *monthly.entry(month(key.clone())).or_default() += count;
    }
    monthly
}

fn uses_by(uses: &BTreeMap<UsageKey, i64>, known_at: Day) -> Vec<UsageCell> {
    let mut cells: BTreeMap<UsageKey, i64> = BTreeMap::new();
    for (key, count) in uses.iter().filter(|(key, _)| key.recorded <= known_at.number()) {
        *cells.entry(UsageKey { recorded: 0, ..*key }).or_default() += count;
    }
    let cell = |(key, count): (UsageKey, i64)| UsageCell {
        event_day: key.event,
        service: key.service,
        function: key.function,
        tier: key.tier,
        channel: key.channel,
        outcome: key.outcome,
        count,
    };
    cells.into_iter().map(cell).collect()
}

fn accounts_by(accounts: &BTreeMap<AccountKey, i64>, known_at: Day) -> Vec<AccountCell> {
    let mut cells: BTreeMap<(i32, i16, i16, i16), i64> = BTreeMap::new();
    for (key, count) in accounts.iter().filter(|(key, _)| key.recorded <= known_at.number()) {
        *cells.entry((key.event, key.kind, key.tier, key.channel)).or_default() += count;
    }
    cells
        .into_iter()
        .map(|((event_day, kind, tier, channel), count)| AccountCell { event_day, kind, tier, channel, count })
        .collect()
}
