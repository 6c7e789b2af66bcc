//! A month counted again from its raw events.

use std::collections::BTreeMap;
use std::fmt::Debug;

use api::stats::{CellDifference, Verification, VerifyMonth};
use domain::{Day, Month};
use pki::checkpoint::SignedNote;

use super::contents::{Contents, Known, note_text, told};
use super::question;
use super::tally::whole;
use crate::app::{App, Caller};
use crate::audit::whole::checkpoint_keys;
use crate::failure::Failure;
use crate::store::{AccountCell, AccountKey, FrozenMonthRow, PersonKey, Read, UsageCell, UsageKey};

/// The most differences that are told.
const TOLD: usize = 100;

/// Counts a month again, and holds it against the counters of days and of months, the people counted, the digest and the signature.
pub(crate) async fn verify(app: &App, _: &Caller, op: VerifyMonth) -> Result<Verification, Failure> {
    question::months(Some(op.month), None, app.clock.now().hk_day())?;
    let mut read = app.store.read().await?;
    let mut found = Found::default();
    let uses = sorted(read.recount_month_uses(op.month).await?);
    let accounts = sorted(read.recount_month_accounts(op.month).await?);
    let people = sorted(read.recount_month_people(op.month).await?);
    found.hold("usage_daily", read.month_usage_daily(op.month).await?, &uses);
    found.hold("usage_monthly", read.month_usage_monthly(op.month).await?, &above(&uses, UsageKey::monthly));
    found.hold("account_daily", read.month_account_daily(op.month).await?, &accounts);
    found.hold("account_monthly", read.month_account_monthly(op.month).await?, &above(&accounts, AccountKey::monthly));
    found.hold("account_person_daily", read.month_person_daily(op.month).await?, &people);
    found.hold("account_person_monthly", read.month_person_monthly(op.month).await?, &above(&people, PersonKey::monthly));
    let users: i64 = read.recount_users(op.month).await?.iter().map(|row| row.count).sum();
    let counted: i64 = read.users_by_recorded_day(op.month).await?.iter().map(|row| row.count).sum();
    found.unless("users", op.month, Some(counted), Some(users));
    let frozen = read.frozen_month(op.month).await?;
    if let Some(row) = &frozen {
        hold_frozen(app, &mut read, row, &uses, &accounts, &mut found).await?;
    }
    Ok(Verification {
        month: op.month,
        ok: found.differences.is_empty(),
        events: whole(read.count_month_events(op.month).await?)?,
        cells: found.cells,
        users: whole(users)?,
        frozen: frozen.as_ref().map(|row| told(row, false)).transpose()?,
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
    let contents = Contents::of(app, read, known, &uses_by(uses, known_at), &accounts_by(accounts, known_at)).await?;
    for (what, counted, recounted) in [
        ("uses", row.uses, contents.uses),
        ("users", row.users, contents.users),
        ("registered", row.registered, contents.registered),
    ] {
        found.unless("frozen", what, Some(counted), i64::try_from(recounted).ok());
    }
    if contents.digest != row.digest {
        found.differs("digest", format!("{month}: {} was frozen, {} comes out", row.digest, contents.digest));
    }
    let text = note_text(&app.keys.log_origin(), month, known_at, &row.digest);
    let signed = SignedNote::parse(&row.note).ok().filter(|note| note.text == text);
    let keys = checkpoint_keys(read).await?;
    let verifies = |note: &SignedNote| {
        keys.trusted().any(|key| app.keys.checkpoint_verifier(key).is_ok_and(|verifier| note.verify(&verifier).is_ok()))
    };
    if !signed.as_ref().is_some_and(verifies) {
        found.differs("signature", format!("{month}: the note is not this instance's, or not over this digest"));
    }
    Ok(())
}

/// What does not agree.
#[derive(Default)]
struct Found {
    cells: u64,
    differences: Vec<CellDifference>,
}

impl Found {
    fn hold<K: Ord + Debug>(&mut self, what: &str, counted: Vec<(K, i64)>, recounted: &BTreeMap<K, i64>) {
        let counted = sorted(counted);
        self.cells += counted.len() as u64;
        let missing = recounted.keys().filter(|key| !counted.contains_key(key));
        for key in counted.keys().chain(missing) {
            self.unless_equal(what, key, counted.get(key).copied(), recounted.get(key).copied());
        }
    }

    fn unless_equal(&mut self, what: &str, cell: &impl Debug, counted: Option<i64>, recounted: Option<i64>) {
        if counted != recounted {
            let difference = CellDifference { what: what.to_owned(), cell: format!("{cell:?}"), counted, recounted };
            self.differences.push(difference);
        }
    }

    fn unless(&mut self, what: &str, cell: impl ToString, counted: Option<i64>, recounted: Option<i64>) {
        if counted != recounted {
            self.differences.push(CellDifference { what: what.to_owned(), cell: cell.to_string(), counted, recounted });
        }
    }

    fn differs(&mut self, what: &str, cell: String) {
        self.differences.push(CellDifference { what: what.to_owned(), cell, counted: None, recounted: None });
    }
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
