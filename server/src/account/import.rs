use std::collections::HashMap;
use std::sync::Arc;

use api::account::{ImportAccounts, Imported, MAX_ROWS, RefusedRow};
use domain::{Account, AccountEventKind, AccountId, Channel, Entropy, LocationId, RegistrationRules, Standing, Tier, Timestamp};
use serde_json::json;
use uuid::{Builder, Uuid};
use zeroize::Zeroizing;

use super::registration::{Checked, check};
use super::seal::{Foreseen, Sealer};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::{IndexKeys, Indexes, Keys, LookUp};
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
    let Prepared { mut candidates, mut generation, digest } = prepared.await.map_err(anyhow::Error::from)??;
    let file = app.keys.payload_mac(format!("account.import file {}", op.file).as_bytes()).map_err(anyhow::Error::from)?;
    let mut tries = 0;
    loop {
        tries += 1;
        let mut tx = app.store.write().await?;
        let first = tx.begin_registering().await?;
        // Whoever changes which keys new rows lie under waits for this transaction, or this one has seen it.
        let unlocked = app.keys.as_of(&mut tx).await?;
        let batch = Batch::of(&unlocked, caller.operator.as_str());
        let indexes = unlocked.indexes();
        index(&mut candidates, generation, indexes).map_err(anyhow::Error::from)?;
        generation = indexes.active.generation();
        let asked: Vec<LookUp> = candidates.iter().flat_map(Candidate::looked_up).collect();
        let sorted = sort_out(&candidates, &tx.registered(&asked).await?, indexes).map_err(anyhow::Error::from)?;
        let references = references(app.entropy.as_ref(), sorted.new.len());
        let mut sealer = Sealer::new(&app.keys, Arc::clone(&unlocked)).map_err(anyhow::Error::from)?;
        // Each is sealed when its row is wanted, while the engine stores the rows before it.
        let sealed = |(candidate, reference): (&&Candidate, _)| candidate.account(&mut sealer, generation, reference);
        let rows = sorted.new.iter().zip(references).map(sealed);
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
    /// Generation of their look-up values.
    generation: i32,
    /// Keyed digest over what the rows said.
    digest: String,
}

/// A row, checked, that may become an account.
struct Candidate {
    id: Uuid,
    checked: Checked,
    hkic_index: LookUp,
    /// Under the other generations, while one takes over from another.
    others: Vec<LookUp>,
}

/// A registration that a card number has already, on record or earlier in the batch.
struct Other<'a> {
    channel: Channel,
    registered_at: Timestamp,
    tier: Tier,
    location: Option<&'a LocationId>,
    phone_index: LookUp,
    /// What that was made with; none where it is not known any more.
    index: Option<&'a IndexKeys>,
    /// As it is called in a message.
    called: String,
}

impl Candidate {
    /// Why it cannot go in beside that other one; none when it is that one. One card number registers through one channel at
    /// one moment once: what else differs then is a correction, which an import is not.
    fn refused_beside(&self, other: &Other<'_>) -> Result<Option<RefusedRow>, pki::PkiError> {
        let Checked { line, channel, registered_at, tier, ref location, ref profile } = self.checked;
        if (channel, registered_at) != (other.channel, other.registered_at) {
            return Ok(Some(RefusedRow {
                line,
                code: "account.already-registered".to_owned(),
                message: format!("the HKIC number has another registration already: {}", other.called),
            }));
        }
        let phone = other.index.map(|keys| keys.phone(&profile.phone)).transpose()?;
        let differs = [
            ("tier", tier != other.tier),
            ("location", location.as_ref() != other.location),
            ("phone", phone != Some(other.phone_index)),
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
    /// Every look-up value by which a row with its card number may be there.
    fn looked_up(&self) -> impl Iterator<Item = LookUp> {
        std::iter::once(self.hkic_index).chain(self.others.iter().copied())
    }

    fn account(&self, sealer: &mut Sealer<'_>, generation: i32, reference: AccountId) -> Result<NewAccount, StoreError> {
        let foreseen = Foreseen { generation, hkic: self.hkic_index };
        let Checked { ref profile, tier, channel, ref location, registered_at, .. } = self.checked;
        let sealed = sealer.seal(self.id, profile, foreseen).map_err(|error| StoreError::Broken(error.into()))?;
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
            suspension: None,
        }
    }
}

/// Puts the rows in order of their card numbers' look-up values, with ids that ascend with them. References are handed out
/// ascending too: then nearly all indexes are walked from one end to the other, and a page is written once for a batch.
fn prepare(keys: &Keys, entropy: &dyn Entropy, rows: Vec<Checked>, now: Timestamp) -> Result<Prepared, Failure> {
    let digest = digest(keys, &rows).map_err(anyhow::Error::from)?;
    let unlocked = keys.now();
    let active = &unlocked.indexes().active;
    let indexed = rows.into_iter().map(|row| Ok((active.hkic(&row.profile.hkic)?, row)));
    let mut indexed = indexed.collect::<Result<Vec<_>, pki::PkiError>>().map_err(anyhow::Error::from)?;
    // Stable: of two rows with one card number the first of the file stays first.
    indexed.sort_by_key(|(index, _)| *index);
    let ids = ids(entropy, indexed.len(), now);
    let candidate = |((hkic_index, checked), id)| Candidate { id, checked, hkic_index, others: Vec::new() };
    let candidates = indexed.into_iter().zip(ids).map(candidate).collect();
    Ok(Prepared { candidates, generation: active.generation(), digest })
}

/// Brings the look-up values to the generations of the moment in which the rows are stored; `generation` is the one that they
/// were made with. Outside a rotation nothing is to be done.
fn index(candidates: &mut [Candidate], generation: i32, indexes: &Indexes) -> Result<(), pki::PkiError> {
    let Indexes { active, next, before } = indexes;
    let others = [next, before].map(Option::as_ref);
    for candidate in &mut *candidates {
        let hkic = &candidate.checked.profile.hkic;
        if active.generation() != generation {
            candidate.hkic_index = active.hkic(hkic)?;
        }
        candidate.others = others.into_iter().flatten().map(|keys| keys.hkic(hkic)).collect::<Result<_, _>>()?;
    }
    // Stable, as before: of two rows with one card number the first of the file stays first.
    candidates.sort_by_key(|candidate| candidate.hkic_index);
    Ok(())
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
    known: &HashMap<LookUp, Registered>,
    indexes: &Indexes,
) -> Result<Sorted<'a>, pki::PkiError> {
    let mut sorted = Sorted { new: Vec::with_capacity(candidates.len()), unchanged: 0, refused: Vec::new() };
    for candidate in candidates {
        let before = sorted.new.last().filter(|before| before.hkic_index == candidate.hkic_index);
        let known = candidate.looked_up().find_map(|index| known.get(&index));
        let other = match (known, before) {
            (Some(known), _) => Other {
                channel: known.channel,
                registered_at: known.registered_at,
                tier: known.tier,
                location: known.location.as_ref(),
                phone_index: known.phone_index,
                index: indexes.get(known.index_generation),
                called: format!("account {}", known.account),
            },
            (None, Some(Candidate { checked: before, .. })) => Other {
                channel: before.channel,
                registered_at: before.registered_at,
                tier: before.tier,
                location: before.location.as_ref(),
                phone_index: indexes.active.phone(&before.profile.phone)?,
                index: Some(&indexes.active),
                called: format!("line {}", before.line),
            },
            (None, None) => {
                sorted.new.push(candidate);
                continue;
            }
        };
        match candidate.refused_beside(&other)? {
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
