//! What a closed month is: its cells as text, one a line, under a digest that anybody can make again.
//!
//! The text is, in UTF-8 with a line feed after each line: a head (canonical JSON, RFC 8785: `definitions`, `edition`, `instance`,
//! `known_at`, `month`), a line `users,N`, and a line for each cell that is not none, sorted by their bytes:
//! `account,DAY,KIND,TIER,CHANNEL,COUNT` and `use,DAY,SERVICE,FUNCTION,TIER,CHANNEL,OUTCOME,COUNT`. The digest is SHA-256 over it,
//! lower-case hex. `iamctl stats export --raw` gives the events that the cells are counted from.

use std::collections::BTreeMap;

use api::stats::FrozenMonth;
use domain::{AccountEventKind, Channel, Day, Function, Month, Outcome, Tier, Timestamp, UsageChannel};
use openssl::sha::sha256;
use pki::checkpoint::{NoteSigner, SignedNote, sign_note};
use serde_json::json;

use super::digest::canonical;
use super::ledger::InForce;
use super::services::Services;
use super::tally::{Accounts, whole};
use super::window::Window;
use crate::app::App;
use crate::audit::whole::checkpoint_keys;
use crate::failure::Failure;
use crate::store::{AccountCell, FrozenMonthRow, Read, StoreError, UsageCell};
use crate::usage::users::users;

/// A month as known at the end of a day.
pub(crate) struct Contents {
    /// The month.
    pub month: Month,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Edition of the definitions.
    pub edition: String,
    /// The first line.
    pub head: String,
    /// Completed uses in the month.
    pub uses: u64,
    /// Different people who made them.
    pub users: u64,
    /// Registered at its end.
    pub registered: u64,
    /// Completed uses by code of the service.
    pub by_service: BTreeMap<i32, u64>,
    /// Over all of it, lower-case hex.
    pub digest: String,
}

impl Contents {
    /// Out of the counters.
    ///
    /// # Errors
    /// When the database cannot be reached or contradicts itself.
    pub(crate) async fn counted(app: &App, read: &mut Read, month: Month, known_at: Day) -> Result<Self, Failure> {
        let in_force = InForce::load(read, known_at).await?;
        let head = json!({ "instance": app.instance, "month": month, "known_at": known_at, "edition": in_force.edition,
            "definitions": digests(&in_force) });
        let head = canonical(&head)?;
        let uses = read.month_uses(month, known_at).await?;
        let accounts = read.month_accounts(month, known_at).await?;
        Self::of(app, read, Known { month, known_at, edition: in_force.edition, head }, &uses, &accounts).await
    }

    /// Out of cells that were counted some other way, under the head that a frozen month has.
    ///
    /// # Errors
    /// When the database cannot be reached or contradicts itself.
    pub(crate) async fn of(
        app: &App,
        read: &mut Read,
        known: Known,
        uses: &[UsageCell],
        accounts: &[AccountCell],
    ) -> Result<Self, Failure> {
        let Known { month, known_at, edition, head } = known;
        let services = Services::load(read).await?;
        let users = users(read, &app.keys, month, month, known_at).await?.get(&month).copied().unwrap_or(0);
        let window = Window { from: Month::MIN.first_day(), to: month.last_day(), known_at };
        let extent = read.account_extent().await?;
        let registered = Accounts::count(read, &window, extent).await?.registered();
        let mut by_service: BTreeMap<i32, i64> = BTreeMap::new();
        for cell in uses.iter().filter(|cell| cell.outcome == Outcome::Completed.code()) {
            *by_service.entry(cell.service).or_default() += cell.count;
        }
        let mut lines = vec![format!("users,{users}")];
        for cell in uses.iter().filter(|cell| cell.count != 0) {
            lines.push(use_line(cell, &services)?);
        }
        for cell in accounts.iter().filter(|cell| cell.count != 0) {
            lines.push(account_line(cell)?);
        }
        lines.sort_unstable();
        let text = format!("{head}\n{}\n", lines.join("\n"));
        Ok(Self {
            month,
            known_at,
            edition,
            head,
            uses: whole(by_service.values().sum())?,
            users: whole(users)?,
            registered: whole(registered)?,
            by_service: by_service.into_iter().map(|(code, uses)| Ok((code, whole(uses)?))).collect::<Result<_, StoreError>>()?,
            digest: sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect(),
        })
    }

    /// A row that closes the month, with a signature of each key.
    pub(crate) fn row(
        &self,
        signers: &[NoteSigner],
        origin: &str,
        now: Timestamp,
        operator: &str,
    ) -> anyhow::Result<FrozenMonthRow> {
        let mut row = FrozenMonthRow {
            month: self.month.number(),
            known_day: self.known_at.number(),
            edition: self.edition.clone(),
            head: self.head.clone(),
            uses: i64::try_from(self.uses)?,
            users: i64::try_from(self.users)?,
            registered: i64::try_from(self.registered)?,
            digest: self.digest.clone(),
            note: String::new(),
            frozen_at: now.micros(),
            operator: operator.to_owned(),
        };
        row.note = sign_note(&note_text(origin, &row), signers)?;
        Ok(row)
    }
}

/// The definitions in force, each `ID version N DIGEST`.
pub(crate) fn digests(in_force: &InForce) -> Vec<String> {
    let told =
        |(id, entry): (&String, &super::ledger::Entry)| format!("{id} version {} {}", entry.definition.version, entry.digest);
    in_force.entries.iter().map(told).collect()
}

/// What is known of a month before its cells are.
pub(crate) struct Known {
    /// The month.
    pub month: Month,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// Edition of the definitions.
    pub edition: String,
    /// The first line.
    pub head: String,
}

/// What is signed of a closed month: whose statistics, the month, the day, the digest, when it was closed and by whom, a line each.
pub(crate) fn note_text(origin: &str, row: &FrozenMonthRow) -> String {
    let (month, known_at) = (Month::from_number(row.month), Day::from_number(row.known_day));
    let frozen_at = Timestamp::from_micros(row.frozen_at);
    format!("{origin}/statistics\n{month}\n{known_at}\n{}\n{frozen_at}\n{}\n", row.digest, row.operator)
}

/// Whether its note is this instance's, and over this month, day, digest, moment and operator.
///
/// # Errors
/// When the database cannot be reached.
pub(crate) async fn is_signed(app: &App, read: &mut Read, row: &FrozenMonthRow) -> Result<bool, Failure> {
    let text = note_text(&app.keys.log_origin(), row);
    let Some(note) = SignedNote::parse(&row.note).ok().filter(|note| note.text == text) else { return Ok(false) };
    let keys = checkpoint_keys(read).await?;
    let mut verifiers = keys.trusted().map(|key| app.keys.checkpoint_verifier(key));
    Ok(verifiers.any(|verifier| verifier.is_ok_and(|verifier| note.verify(&verifier).is_ok())))
}

fn use_line(cell: &UsageCell, services: &Services) -> Result<String, StoreError> {
    let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("a counter of uses has a bad {what}"));
    let day = Day::from_number(cell.event_day);
    Ok(format!(
        "use,{day},{},{},{},{},{},{}",
        services.on(cell.service, day)?.service,
        Function::from_code(cell.function).ok_or_else(|| broken("function"))?,
        Tier::from_code(cell.tier).ok_or_else(|| broken("tier"))?,
        UsageChannel::from_code(cell.channel).ok_or_else(|| broken("channel"))?,
        Outcome::from_code(cell.outcome).ok_or_else(|| broken("outcome"))?,
        cell.count
    ))
}

fn account_line(cell: &AccountCell) -> Result<String, StoreError> {
    let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("a counter of accounts has a bad {what}"));
    Ok(format!(
        "account,{},{},{},{},{}",
        Day::from_number(cell.event_day),
        AccountEventKind::from_code(cell.kind).ok_or_else(|| broken("kind"))?,
        Tier::from_code(cell.tier).ok_or_else(|| broken("tier"))?,
        Channel::from_code(cell.channel).ok_or_else(|| broken("channel"))?,
        cell.count
    ))
}

/// A closed month as it is told.
///
/// # Errors
/// When the row is damaged.
pub(crate) fn told(row: &FrozenMonthRow, already: bool) -> Result<FrozenMonth, StoreError> {
    let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("a frozen month has a bad {what}"));
    Ok(FrozenMonth {
        month: Month::from_number(row.month),
        known_at: Day::from_number(row.known_day),
        definitions: row.edition.clone(),
        uses: whole(row.uses)?,
        users: whole(row.users)?,
        registered: whole(row.registered)?,
        frozen_at: Timestamp::from_micros(row.frozen_at),
        operator: row.operator.parse().map_err(|_| broken("operator"))?,
        already,
        digest: row.digest.clone(),
        checkpoint: row.note.clone(),
    })
}
