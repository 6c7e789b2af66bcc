//! Uses from a file: what a service counted while the platform could not be told, and corrections of such.

use std::collections::{BTreeMap, HashMap};

use api::Field;
use api::stats::{ImportUses, ImportedUse, MAX_USES, UsesImported};
use domain::{ClientId, Day, Function, Outcome, ServiceHistory, Timestamp};
use openssl::sha::{Sha256, sha256};
use serde_json::json;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{NOBODY, SourceKey, UsageRow, Write};

/// The longest name of a source, and the longest key in one.
const LONGEST: usize = 64;

/// Puts a chunk of uses on record and into the counters, in one transaction with one audit entry. Nobody's login waits for the
/// counters: they are added to by the folder, which waits instead.
pub(crate) async fn import(app: &App, caller: &Caller, op: ImportUses) -> Result<UsesImported, Failure> {
    chunk_is_well_formed(&op)?;
    let digest = pki::hex(&sha256(&serde_json::to_vec(&op.uses).map_err(anyhow::Error::from)?));
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    tx.hold_imports().await?;
    let services = Services::of(&mut tx, &op.uses).await?;
    let known = tx.uses_of_source(&keys(&op)).await?;
    let recorded_at = tx.recording_time().await?;
    let mut sorting = Sorting { source: &op.source, services, now, recorded_at, known, rows: Vec::new(), reply: nothing() };
    for (number, used) in op.uses.iter().enumerate() {
        sorting.take(number, used);
    }
    let Sorting { rows, reply, .. } = sorting;
    tx.insert_uses_folded(rows.into_iter().map(Ok)).await?;
    let facts = json!({
        "rows": op.uses.len(), "digest": digest, "recorded": reply.recorded, "duplicates": reply.duplicates,
        "corrections": reply.corrections, "refused": reply.refused.len(),
    });
    tx.commit(caller.record(&op).facts(facts), reply).await
}

fn nothing() -> UsesImported {
    UsesImported { recorded: 0, duplicates: 0, corrections: 0, refused: Vec::new() }
}

fn chunk_is_well_formed(op: &ImportUses) -> Result<(), Failure> {
    if op.uses.is_empty() || op.uses.len() > MAX_USES {
        let message = format!("a chunk has 1 to {MAX_USES} uses, this one has {}", op.uses.len());
        return Err(Failure::invalid_field("stats.chunk", "uses", message));
    }
    let letters = |byte: u8| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'.' | b'-');
    if op.source.is_empty() || op.source.len() > LONGEST || !op.source.bytes().all(letters) {
        let message = format!("a source is called by 1 to {LONGEST} lower-case letters, digits, dots and hyphens");
        return Err(Failure::invalid_field("stats.source", "source", message));
    }
    Ok(())
}

/// What an event is found by. Neither part can hold the byte that parts them.
fn key_of(source: &str, key: &str) -> SourceKey {
    digest(&[source.as_bytes(), b"\0", key.as_bytes()])
}

/// What is found where an event was taken off: there is one such row for each event at most.
fn off_key_of(source: &str, key: &str) -> SourceKey {
    digest(&[source.as_bytes(), b"\0", key.as_bytes(), b"\0taken off"])
}

fn digest(parts: &[&[u8]]) -> SourceKey {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update(part);
    }
    let whole = digest.finish();
    std::array::from_fn(|place| whole[place])
}

/// Everything to look up for a chunk: its events, those that it corrects, and whether these were corrected before.
fn keys(op: &ImportUses) -> Vec<SourceKey> {
    let corrected = || op.uses.iter().filter_map(|used| used.corrects.as_deref());
    let events = op.uses.iter().map(|used| used.key.as_str()).chain(corrected()).map(|key| key_of(&op.source, key));
    events.chain(corrected().map(|key| off_key_of(&op.source, key))).collect()
}

/// The services that a chunk names.
struct Services {
    history: ServiceHistory,
    /// Code and functions; none of those that there are not.
    named: BTreeMap<ClientId, Option<(i32, Vec<Function>)>>,
}

impl Services {
    async fn of(tx: &mut Write, uses: &[ImportedUse]) -> Result<Self, Failure> {
        let mut named = BTreeMap::new();
        for used in uses {
            if named.contains_key(&used.service) {
                continue;
            }
            let found = match tx.service(&used.service).await? {
                Some(found) => Some((found.service.code, found.service.functions()?)),
                None => None,
            };
            named.insert(used.service.clone(), found);
        }
        Ok(Self { history: tx.service_history(Day::MAX).await?, named })
    }
}

/// Why an event is not put on record: its field, a code, the reason.
type Refused = (&'static str, &'static str, String);

/// A chunk on its way to the rows that it becomes.
struct Sorting<'a> {
    source: &'a str,
    services: Services,
    now: Timestamp,
    recorded_at: Timestamp,
    /// On record, or earlier in the chunk.
    known: HashMap<SourceKey, UsageRow>,
    rows: Vec<UsageRow>,
    reply: UsesImported,
}

impl Sorting<'_> {
    fn take(&mut self, number: usize, used: &ImportedUse) {
        match self.judge(used) {
            Ok(None) => self.reply.duplicates += 1,
            Ok(Some((row, off))) => {
                self.reply.recorded += 1;
                self.reply.corrections += u64::from(off.is_some());
                for row in off.into_iter().chain([row]) {
                    if let Some(key) = row.source_key.as_deref().and_then(|key| SourceKey::try_from(key).ok()) {
                        self.known.insert(key, row.clone());
                    }
                    self.rows.push(row);
                }
            }
            Err((field, code, message)) => self.reply.refused.push(Field {
                path: format!("uses[{number}].{field}"),
                file: None,
                line: None,
                column: None,
                code: Some(code.to_owned()),
                message,
            }),
        }
    }

    /// The row of a use, with that of the event which it takes the place of; nothing for one that is on record.
    fn judge(&self, used: &ImportedUse) -> Result<Option<(UsageRow, Option<UsageRow>)>, Refused> {
        let fit = |key: &str| (1..=LONGEST).contains(&key.len()) && key.bytes().all(|byte| (b' '..=b'~').contains(&byte));
        for (field, key) in [("key", Some(&used.key)), ("corrects", used.corrects.as_ref())] {
            if key.is_some_and(|key| !fit(key)) {
                return Err((field, "stats.use-key", format!("a key has 1 to {LONGEST} printable ASCII characters")));
            }
        }
        let Some(Some((code, functions))) = self.services.named.get(&used.service) else {
            return Err(("service", "stats.use-service", format!("there is no service {}", used.service)));
        };
        let row = self.row(*code, used);
        let corrected = used.corrects.as_deref().map(|key| (key, off_key_of(self.source, key)));
        let taken_off = |off: &SourceKey| self.known.contains_key(off);
        // What is on record stays known whatever has become of its service.
        if let Some(before) = self.known.get(&key_of(self.source, &used.key)) {
            if same(before, &row) && corrected.as_ref().is_none_or(|(_, off)| taken_off(off)) {
                return Ok(None);
            }
            let message =
                "the key is on record with another event; a correction has a key of its own, and names this one in 'corrects'";
            return Err(("key", "stats.use-differs", message.to_owned()));
        }
        self.rules(used, *code, functions)?;
        let Some((key, off)) = corrected else { return Ok(Some((row, None))) };
        let Some(before) = self.known.get(&key_of(self.source, key)) else {
            return Err(("corrects", "stats.use-corrects", format!("nothing of that key came from {}", self.source)));
        };
        if taken_off(&off) {
            let message = "that event was corrected before: correct the one that took its place";
            return Err(("corrects", "stats.use-corrected", message.to_owned()));
        }
        let off =
            UsageRow { count: -1, recorded_at: self.recorded_at.micros(), source_key: Some(off.to_vec()), ..before.clone() };
        Ok(Some((row, Some(off))))
    }

    /// What could have happened.
    fn rules(&self, used: &ImportedUse, code: i32, functions: &[Function]) -> Result<(), Refused> {
        let ImportedUse { service, function, at, .. } = used;
        let day = at.hk_day();
        if *at > self.now {
            let today = self.now.hk_day();
            return Err(("at", "stats.use-future", format!("{at} has not come yet: today is {today} in Hong Kong")));
        }
        if let Some(began) = self.services.history.began(code, day).filter(|began| *began > day) {
            return Err(("at", "stats.use-before-service", format!("{service} was not there on {day}: it began on {began}")));
        }
        if self.services.history.gone(code, day) {
            return Err(("at", "stats.use-after-service", format!("{service} was retired by {day}")));
        }
        if !functions.contains(function) {
            return Err(("function", "stats.use-function", format!("{service} has no {function}")));
        }
        if used.outcome == Outcome::Completed && used.tier < function.needs() {
            let needs = function.needs();
            return Err(("tier", "stats.use-tier", format!("nobody completes {function} without {needs}")));
        }
        Ok(())
    }

    fn row(&self, service: i32, used: &ImportedUse) -> UsageRow {
        UsageRow {
            service,
            function: used.function.code(),
            tier: used.tier.code(),
            channel: used.channel.code(),
            outcome: used.outcome.code(),
            event_day: used.at.hk_day().number(),
            at: used.at.micros(),
            recorded_at: self.recorded_at.micros(),
            // Whose it was, the service does not say.
            pseudonym: 0,
            source_key: Some(key_of(self.source, &used.key).to_vec()),
            count: 1,
            ordinal: NOBODY,
        }
    }
}

/// Whether two rows tell of the same event, whenever each was recorded.
fn same(one: &UsageRow, other: &UsageRow) -> bool {
    let said = |row: &UsageRow| (row.service, row.function, row.tier, row.channel, row.outcome, row.at);
    said(one) == said(other)
}
