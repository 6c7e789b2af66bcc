use std::collections::HashMap;
use std::sync::Arc;

use api::account::{ImportAccounts, Imported, MAX_ROWS, RefusedRow};
use domain::{Account, AccountEventKind, AccountId, Channel, Entropy, LocationId, RegistrationRules, Standing, Tier, Timestamp};
use serde_json::json;
use uuid::{Builder, Uuid};
use zeroize::Zeroizing;

use super::registration::{Checked, check};
use super::seal::Sealer;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::Keys;
use crate::places;
use crate::store::{AccountEvent, Batch, NewAccount, Registered, StoreError};

/// How often a batch is stored again because one of its fresh references was taken.
const TRIES: u32 = 4;
/// Random bits of an account's reference.
const REFERENCE_BITS: u32 = 45;

/// Registers a batch: all rows that the state of things allows, in one transaction with one audit entry.
pub async fn import(app: &App, caller: &Caller, mut op: ImportAccounts) -> Result<Imported, Failure> {
    batch_is_well_formed(&op)?;
    let rows = std::mem::take(&mut op.rows);
    let now = app.clock.now();
    let rules = RegistrationRules { now, environment: app.environment, places: places::known()? };
    let (keys, entropy) = (Arc::clone(&app.keys), Arc::clone(&app.entropy));
    // Thousands of rows take longer than anything else may wait for this thread.
    let prepared = tokio::task::spawn_blocking(move || prepare(&keys, entropy.as_ref(), check(rows, rules)?, now));
    let Prepared { candidates, digest } = prepared.await.map_err(anyhow::Error::from)??;
    let file = app.keys.payload_mac(format!("account.import file {}", op.file).as_bytes()).map_err(anyhow::Error::from)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = app.store.write().await?;
        let first = tx.begin_registering().await?;
        // Whoever changes which keys new rows lie under waits for this transaction, or this one has seen it.
        let unlocked = app.keys.as_of(&mut tx).await?;
        let batch = Batch::of(&unlocked, caller.operator.as_str());
        let indexes: Vec<[u8; 16]> = candidates.iter().map(|candidate| candidate.hkic_index).collect();
        let sorted = sort_out(&candidates, &tx.registered(&indexes).await?, &app.keys).map_err(anyhow::Error::from)?;
        let references = references(app.entropy.as_ref(), sorted.new.len());
        let mut sealer = Sealer::new(&app.keys, unlocked).map_err(anyhow::Error::from)?;
        // Each is sealed when its row is wanted, while the engine stores the rows before it.
        let rows = sorted.new.iter().zip(references).map(|(candidate, reference)| candidate.account(&mut sealer, reference));
        match tx.insert_accounts(first, &batch, rows).await {
            Err(StoreError::Unique) if tries < TRIES => continue,
            done => done?,
        };
        let recorded_at = tx.recording_time().await?;
        let events: Vec<AccountEvent> = sorted.new.iter().map(|candidate| candidate.event(recorded_at)).collect();
        tx.account_events_folded(&events).await?;
        let reply = Imported { registered: count(sorted.new.len()), unchanged: count(sorted.unchanged), refused: sorted.refused };
        let facts = json!({
            "file_mac": file, "batch": op.chunk, "rows_mac": digest,
            "registered": reply.registered, "unchanged": reply.unchanged, "refused": reply.refused.len(),
        });
        let record = caller.record(&op).subject(format!("file {} batch {}", &file[..16], op.chunk));
        return tx.commit(record.facts(facts), reply).await;
    }
}

fn batch_is_well_formed(op: &ImportAccounts) -> Result<(), Failure> {
    if op.rows.is_empty() || op.rows.len() > MAX_ROWS {
        let message = format!("a batch has 1 to {MAX_ROWS} rows, this one has {}", op.rows.len());
        return Err(Failure::invalid_field("account.batch", "rows", message));
    }
    let digest = op.file.len() == 64 && op.file.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    if !digest {
        let message = "'file' is the SHA-256 of the whole file in 64 lower-case hex digits";
        return Err(Failure::invalid_field("account.batch", "file", message));
    }
    Ok(())
}

/// A batch, ready to be stored.
struct Prepared {
    candidates: Vec<Candidate>,
    /// Keyed digest over what the rows said.
    digest: String,
}

/// A row, checked, that may become an account.
struct Candidate {
    id: Uuid,
    checked: Checked,
    hkic_index: [u8; 16],
}

/// A registration that a card number has already, on record or earlier in the batch.
struct Other<'a> {
    channel: Channel,
    registered_at: Timestamp,
    tier: Tier,
    location: Option<&'a LocationId>,
    phone_index: [u8; 16],
    /// As it is called in a message.
    called: String,
}

impl Candidate {
    /// Why it cannot go in beside that other one; none when it is that one. One card number registers through one channel at
    /// one moment once: what else differs then is a correction, which an import is not.
    fn refused_beside(&self, other: &Other<'_>, keys: &Keys) -> Result<Option<RefusedRow>, pki::PkiError> {
        let Checked { line, channel, registered_at, tier, ref location, ref profile } = self.checked;
        if (channel, registered_at) != (other.channel, other.registered_at) {
            return Ok(Some(RefusedRow {
                line,
                code: "account.already-registered".to_owned(),
                message: format!("the HKIC number has another registration already: {}", other.called),
            }));
        }
        let differs = [
            ("tier", tier != other.tier),
            ("location", location.as_ref() != other.location),
            ("phone", keys.phone_index(&profile.phone)? != other.phone_index),
        ];
        let differs: Vec<&str> = differs.into_iter().filter(|(_, differs)| *differs).map(|(field, _)| field).collect();
        Ok((!differs.is_empty()).then(|| RefusedRow {
            line,
            code: "account.registration-differs".to_owned(),
            message: format!(
                "the registration is there already, with another {}: {}; nothing was changed",
                differs.join(" and "),
                other.called
            ),
        }))
    }
}

impl Candidate {
    fn account(&self, sealer: &mut Sealer<'_>, reference: AccountId) -> Result<NewAccount, StoreError> {
        let Checked { ref profile, tier, channel, ref location, registered_at, .. } = self.checked;
        let sealed = sealer.seal(self.id, profile, self.hkic_index).map_err(|error| StoreError::Broken(error.into()))?;
        let account =
            Account { id: reference, tier, channel, location: location.clone(), registered_at, standing: Standing::Active };
        Ok(NewAccount { id: self.id, account, sealed: Some(sealed) })
    }

    fn event(&self, recorded_at: Timestamp) -> AccountEvent {
        AccountEvent {
            kind: AccountEventKind::Registered,
            tier: self.checked.tier,
            channel: self.checked.channel,
            location: self.checked.location.clone(),
            birth_year: i16::try_from(self.checked.profile.birth_date.year()).unwrap_or(0),
            sex: self.checked.profile.sex,
            at: self.checked.registered_at,
            recorded_at,
        }
    }
}

/// Puts the rows in order of their card numbers' look-up values, with ids that ascend with them. References are handed out
/// ascending too: then nearly all indexes are walked from one end to the other, and a page is written once for a batch.
fn prepare(keys: &Keys, entropy: &dyn Entropy, rows: Vec<Checked>, now: Timestamp) -> Result<Prepared, Failure> {
    let digest = digest(keys, &rows).map_err(anyhow::Error::from)?;
    let indexed = rows.into_iter().map(|row| Ok((keys.hkic_index(&row.profile.hkic)?, row)));
    let mut indexed = indexed.collect::<Result<Vec<_>, pki::PkiError>>().map_err(anyhow::Error::from)?;
    // Stable: of two rows with one card number the first of the file stays first.
    indexed.sort_by_key(|(index, _)| *index);
    let ids = ids(entropy, indexed.len(), now);
    let candidates = indexed.into_iter().zip(ids).map(|((hkic_index, checked), id)| Candidate { id, checked, hkic_index });
    Ok(Prepared { candidates: candidates.collect(), digest })
}

/// Over every field of every row, keyed: a plain digest of one row would let its card number be found by trying them all.
fn digest(keys: &Keys, rows: &[Checked]) -> Result<String, pki::PkiError> {
    let mut said = Zeroizing::new(Vec::with_capacity(rows.len() * 160));
    said.extend(b"account.import rows");
    for row in rows {
        let location = row.location.as_ref().map(LocationId::as_str).unwrap_or_default();
        said.extend(row.registered_at.micros().to_be_bytes());
        said.extend(row.tier.code().to_be_bytes());
        said.extend(row.channel.code().to_be_bytes());
        for part in [location.as_bytes(), &row.profile.to_bytes()] {
            said.extend((part.len() as u64).to_be_bytes());
            said.extend(part);
        }
    }
    keys.payload_mac(&said)
}

/// Ids of this moment, ascending: an index that is walked from one end to the other is written once a batch.
pub(crate) fn ids(entropy: &dyn Entropy, count: usize, now: Timestamp) -> Vec<Uuid> {
    let millis = u64::try_from(now.micros() / 1_000).unwrap_or(0);
    let mut chance = vec![[0; 10]; count];
    entropy.fill(chance.as_flattened_mut());
    chance.sort_unstable();
    chance.iter().map(|chance| Builder::from_unix_timestamp_millis(millis, chance).into_uuid()).collect()
}

/// References by chance, ascending.
fn references(entropy: &dyn Entropy, count: usize) -> Vec<AccountId> {
    let mut chance = vec![[0; 8]; count];
    entropy.fill(chance.as_flattened_mut());
    let mut numbers: Vec<u64> = chance.into_iter().map(|bytes| u64::from_le_bytes(bytes) >> (64 - REFERENCE_BITS)).collect();
    numbers.sort_unstable();
    numbers.into_iter().filter_map(AccountId::from_number).collect()
}

/// What becomes of a batch.
struct Sorted<'a> {
    new: Vec<&'a Candidate>,
    unchanged: usize,
    refused: Vec<RefusedRow>,
}

/// Parts the rows: new ones, ones that are on record already, and ones whose card number has another registration, on record
/// or earlier in this batch.
fn sort_out<'a>(
    candidates: &'a [Candidate],
    known: &HashMap<[u8; 16], Registered>,
    keys: &Keys,
) -> Result<Sorted<'a>, pki::PkiError> {
    let mut sorted = Sorted { new: Vec::with_capacity(candidates.len()), unchanged: 0, refused: Vec::new() };
    for candidate in candidates {
        let before = sorted.new.last().filter(|before| before.hkic_index == candidate.hkic_index);
        let other = match (known.get(&candidate.hkic_index), before) {
            (Some(known), _) => Other {
                channel: known.channel,
                registered_at: known.registered_at,
                tier: known.tier,
                location: known.location.as_ref(),
                phone_index: known.phone_index,
                called: format!("account {}", known.account),
            },
            (None, Some(Candidate { checked: before, .. })) => Other {
                channel: before.channel,
                registered_at: before.registered_at,
                tier: before.tier,
                location: before.location.as_ref(),
                phone_index: keys.phone_index(&before.profile.phone)?,
                called: format!("line {}", before.line),
            },
            (None, None) => {
                sorted.new.push(candidate);
                continue;
            }
        };
        match candidate.refused_beside(&other, keys)? {
            None => sorted.unchanged += 1,
            Some(refused) => sorted.refused.push(refused),
        }
    }
    sorted.refused.sort_by_key(|row| row.line);
    Ok(sorted)
}

fn count(rows: usize) -> u64 {
    u64::try_from(rows).unwrap_or(u64::MAX)
}
