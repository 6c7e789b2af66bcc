//! Audit entries, sealed and unsealed, and checkpoints.

use std::time::Duration;

use api::audit::{AuditOutcome, AuditView, ListAudit};
use domain::{AuditId, CallRef, Timestamp};
use futures_util::TryFutureExt;
use serde::Deserialize;

use super::conn::on;
use super::write::Entry;
use super::{Read, StoreError, Write};

/// How long a time must lie behind before it counts as passed; also how far a clock that was turned back is seen through.
const A_DAY: Duration = Duration::from_hours(24);

/// An entry as it is shown: out of its leaf, which the tree seals. The columns beside it only find entries; whoever changes them
/// in the database changes nothing that is read.
#[derive(sqlx::FromRow)]
struct AuditRow {
    id: Vec<u8>,
    leaf_index: Option<i64>,
    leaf: Vec<u8>,
}

#[derive(Deserialize)]
struct Said {
    at: Timestamp,
    actor: Actor,
    action: String,
    subject: String,
    outcome: String,
    call: Option<CallRef>,
    request_id: Option<String>,
}

#[derive(Deserialize)]
struct Actor {
    id: String,
}

impl AuditRow {
    fn view(&self) -> Result<AuditView, StoreError> {
        let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("an audit row has a bad {what}"));
        let id = AuditId::from_bytes(&self.id).map_err(|_| broken("id"))?;
        let said = serde_json::from_slice(&self.leaf).unwrap_or_else(|_| Said {
            // It shows that something is wrong and keeps nobody from the other entries; 'audit verify' says what it is.
            at: Timestamp::from_micros(0),
            actor: Actor { id: String::new() },
            action: "unreadable".to_owned(),
            subject: String::new(),
            outcome: String::new(),
            call: None,
            request_id: None,
        });
        Ok(AuditView {
            index: self.leaf_index.map(|index| u64::try_from(index).map_err(|_| broken("index"))).transpose()?,
            id,
            at: said.at,
            operator: said.actor.id,
            action: said.action,
            subject: said.subject,
            outcome: if said.outcome == "done" { AuditOutcome::Done } else { AuditOutcome::Refused },
            call: said.call,
            request_id: said.request_id,
        })
    }
}

/// A leaf and its place.
#[derive(sqlx::FromRow)]
pub struct SealedRow {
    /// Its place in the tree, 0-based.
    pub leaf_index: i64,
    /// Exact bytes.
    pub leaf: Vec<u8>,
}

/// A checkpoint as stored.
#[derive(sqlx::FromRow)]
pub struct CheckpointRow {
    /// Leaves it covers.
    pub tree_size: i64,
    /// Root hash.
    pub root: Vec<u8>,
    /// The compact range from which the next one goes on.
    pub frontier: Vec<u8>,
    /// The signed note.
    pub note: String,
}

impl Write {
    pub(super) async fn insert_audit_entry(&mut self, entry: &Entry<'_>) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO audit_entry (id, leaf, at, operator, action, subject, outcome, call, request_id, mac)
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"
        )
        .bind(&entry.id.as_bytes()[..])
        .bind(&entry.leaf)
        .bind(entry.at.micros())
        .bind(entry.operator)
        .bind(entry.action)
        .bind(entry.subject)
        .bind(entry.outcome)
        .bind(&entry.call)
        .bind(&entry.request_id)
        .bind(&entry.mac[..])
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Keeps a checkpoint.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_checkpoint(&mut self, row: &CheckpointRow, at: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO audit_checkpoint (tree_size, root, frontier, note, at) VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(row.tree_size)
        .bind(&row.root)
        .bind(&row.frontier)
        .bind(&row.note)
        .bind(at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}

impl Read {
    /// When the oldest entry that waits to be sealed, and the entry that was sealed last, were made.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn audit_times(&mut self) -> Result<(Option<Timestamp>, Option<Timestamp>), StoreError> {
        let oldest: Result<Option<i64>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT at FROM audit_entry WHERE leaf_index IS NULL AND quarantined_at IS NULL ORDER BY id LIMIT 1"
        )
        .fetch_optional(c));
        let oldest = oldest.map_err(|error| self.error(error))?;
        Ok((oldest.map(Timestamp::from_micros), self.last_sealed().await?))
    }

    /// When the entry that was sealed last was made. By its place in the tree: by its id it would be, after the clock once ran
    /// ahead, an entry of that time for as long as the clock was ahead.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_sealed(&mut self) -> Result<Option<Timestamp>, StoreError> {
        let last: Result<Option<i64>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT at FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index DESC LIMIT 1"
        )
        .fetch_optional(c));
        Ok(last.map_err(|error| self.error(error))?.map(Timestamp::from_micros))
    }

    /// The time that has passed for certain, whatever the clock says: that of the newest sealed entry which is a day old. What
    /// destroys (replies that are forgotten, notices that are given up) counts by it and not by the clock. A clock that jumps
    /// ahead by a year destroys nothing until it has stood there for a day and somebody has worked by it; after a month
    /// switched off, the same day passes and all goes on. Set right again within the day, nothing is lost.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn passed_for_certain(&mut self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        let at: Result<Option<i64>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT at FROM audit_entry WHERE id < $1 AND leaf_index IS NOT NULL ORDER BY id DESC LIMIT 1"
        )
        .bind(&first_id_of(now.minus(A_DAY))[..])
        .fetch_optional(c));
        Ok(at.map_err(|error| self.error(error))?.map(Timestamp::from_micros))
    }

    /// Whether the log holds, among what was sealed last, an entry from behind this moment: then the moment has passed, though
    /// the clock was turned back since. What lies more than a day ahead of the clock was made by a clock that ran ahead, and
    /// proves nothing.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn has_passed(&mut self, moment: Timestamp, now: Timestamp) -> Result<bool, StoreError> {
        let later: Result<i64, _> = on!(self.conn, |c| {
            sqlx::query_scalar(
            "SELECT COUNT(*) FROM (SELECT at FROM audit_entry WHERE leaf_index IS NOT NULL ORDER BY leaf_index DESC LIMIT 1000) AS lately
             WHERE at > $1 AND at <= $2"
        )
        .bind(moment.micros())
        .bind(now.plus(A_DAY).micros())
        .fetch_one(c)
        });
        Ok(later.map_err(|error| self.error(error))? > 0)
    }

    /// Which of these was done last; none when none ever was.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn newest_of(&mut self, actions: [&str; 3]) -> Result<Option<String>, StoreError> {
        let [first, second, third] = actions;
        on!(self.conn, |c| sqlx::query_scalar(
            "SELECT action FROM audit_entry WHERE action IN ($1, $2, $3) AND outcome = 'done' ORDER BY id DESC LIMIT 1"
        )
        .bind(first)
        .bind(second)
        .bind(third)
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The latest checkpoint.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn last_checkpoint(&mut self) -> Result<Option<CheckpointRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT tree_size, root, frontier, note FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1"
        )
        .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// The checkpoint over this many entries.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn checkpoint_at(&mut self, tree_size: i64) -> Result<Option<CheckpointRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as("SELECT tree_size, root, frontier, note FROM audit_checkpoint WHERE tree_size = $1")
            .bind(tree_size)
            .fetch_optional(c))
        .map_err(|error| self.error(error))
    }

    /// Checkpoints of trees larger than `after`, smallest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn checkpoints(&mut self, after: i64, limit: i64) -> Result<Vec<CheckpointRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT tree_size, root, frontier, note FROM audit_checkpoint WHERE tree_size > $1 ORDER BY tree_size LIMIT $2"
        )
        .bind(after)
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Size of the first checkpoint that covers this leaf.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn checkpoint_covering(&mut self, index: i64) -> Result<Option<i64>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT MIN(tree_size) FROM audit_checkpoint WHERE tree_size > $1")
            .bind(index)
            .fetch_one(c))
        .map_err(|error| self.error(error))
    }

    /// Sealed leaves in tree order from `from` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sealed_leaves(&mut self, from: i64, limit: i64) -> Result<Vec<SealedRow>, StoreError> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT leaf_index, leaf FROM audit_entry WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2"
        )
        .bind(from)
        .bind(limit)
        .fetch_all(c))
        .map_err(|error| self.error(error))
    }

    /// Sealed entries in tree order from `from` on, for the change feed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn sealed_views(&mut self, from: i64, limit: i64) -> Result<Vec<AuditView>, StoreError> {
        let rows: Result<Vec<AuditRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf_index, leaf
             FROM audit_entry WHERE leaf_index >= $1 ORDER BY leaf_index LIMIT $2"
        )
        .bind(from)
        .bind(limit)
        .fetch_all(c));
        rows.map_err(|error| self.error(error))?.iter().map(AuditRow::view).collect()
    }

    /// One entry with its leaf.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn audit_entry(&mut self, id: AuditId) -> Result<Option<(AuditView, Vec<u8>)>, StoreError> {
        let row: Result<Option<AuditRow>, _> =
            on!(self.conn, |c| sqlx::query_as("SELECT id, leaf_index, leaf FROM audit_entry WHERE id = $1")
                .bind(&id.as_bytes()[..])
                .fetch_optional(c));
        let Some(row) = row.map_err(|error| self.error(error))? else { return Ok(None) };
        Ok(Some((row.view()?, row.leaf)))
    }

    /// The sealed entry at a place of the tree, with its leaf's bytes.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn audit_leaf(&mut self, index: i64) -> Result<Option<(AuditView, Vec<u8>)>, StoreError> {
        let row: Result<Option<AuditRow>, _> =
            on!(self.conn, |c| sqlx::query_as("SELECT id, leaf_index, leaf FROM audit_entry WHERE leaf_index = $1")
                .bind(index)
                .fetch_optional(c));
        let Some(row) = row.map_err(|error| self.error(error))? else { return Ok(None) };
        Ok(Some((row.view()?, row.leaf)))
    }

    /// Entries newest first; `before` is the id to go on behind. A filter that is absent is NULL and lets everything pass.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn audit_list(
        &mut self,
        filter: &ListAudit,
        before: Option<AuditId>,
        limit: i64,
    ) -> Result<Vec<AuditView>, StoreError> {
        let outcome = filter.outcome.map(|outcome| match outcome {
            AuditOutcome::Done => "done",
            AuditOutcome::Refused => "refused",
        });
        let rows: Result<Vec<AuditRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf_index, leaf FROM audit_entry
             WHERE (CAST($1 AS TEXT) IS NULL OR operator = $1)
               AND (CAST($2 AS TEXT) IS NULL OR action = $2)
               AND (CAST($3 AS TEXT) IS NULL OR subject = $3)
               AND (CAST($4 AS TEXT) IS NULL OR call = $4)
               AND (CAST($5 AS TEXT) IS NULL OR outcome = $5)
               AND (CAST($6 AS BIGINT) IS NULL OR at >= $6)
               AND (CAST($7 AS BIGINT) IS NULL OR at < $7)
               AND id < $8
             ORDER BY id DESC LIMIT $9"
        )
        .bind(&filter.operator)
        .bind(&filter.action)
        .bind(&filter.subject)
        .bind(filter.call.map(|call| call.to_string()))
        .bind(outcome)
        .bind(filter.from.map(Timestamp::micros))
        .bind(filter.to.map(Timestamp::micros))
        .bind(before.map_or_else(|| vec![0xff; 16], |id| id.as_bytes().to_vec()))
        .bind(limit)
        .fetch_all(c));
        rows.map_err(|error| self.error(error))?.iter().map(AuditRow::view).collect()
    }

    /// Ids of the entries about something of that name, or by somebody of that name, since a moment; the newest 100 000.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn audit_about(&mut self, name: &str, since: Timestamp) -> Result<Vec<AuditId>, StoreError> {
        let ids: Result<Vec<Vec<u8>>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT id FROM audit_entry WHERE (subject = $1 OR operator = $1) AND id >= $2 ORDER BY id DESC LIMIT 100000"
        )
        .bind(name)
        .bind(&first_id_of(since)[..])
        .fetch_all(c));
        let broken = |_| StoreError::Broken(anyhow::anyhow!("an audit row has a bad id"));
        ids.map_err(|error| self.error(error))?.iter().map(|id| AuditId::from_bytes(id).map_err(broken)).collect()
    }

    /// Everything done to one subject, oldest first, with the leaf's facts.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn audit_of(&mut self, subject: &str) -> Result<Vec<(AuditView, Vec<u8>)>, StoreError> {
        let rows: Result<Vec<AuditRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT id, leaf_index, leaf
             FROM audit_entry WHERE subject = $1 ORDER BY id"
        )
        .bind(subject)
        .fetch_all(c));
        rows.map_err(|error| self.error(error))?.into_iter().map(|row| Ok((row.view()?, row.leaf))).collect()
    }
}

/// The smallest id that an entry of this moment can have: a UUID of version 7 begins with its milliseconds.
pub(super) fn first_id_of(moment: Timestamp) -> [u8; 16] {
    let mut id = [0; 16];
    id[..6].copy_from_slice(&moment.micros().div_euclid(1_000).max(0).to_be_bytes()[2..]);
    id
}
