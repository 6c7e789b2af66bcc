//! Suspensions and hotline calls, as figures count them.

use domain::{Day, SuspensionReason};

use super::conn::on;
use super::rows::{Insert, insert_rows};
use super::{AccountEvent, Read, StoreError, Write};

/// A suspension.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SuspensionRow {
    /// Day in Hong Kong.
    pub day: Day,
    /// Why.
    pub reason: SuspensionReason,
    /// Milliseconds from the opening of the hotline call; none without a call.
    pub took_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct StoredRow {
    event_day: i32,
    reason: i16,
    took_ms: Option<i64>,
}

static INSERT: Insert = Insert::new("INSERT INTO suspension_event (reason, took_ms, event_day, recorded_at) VALUES", 4, "");

impl Write {
    /// Records the suspensions among events of accounts.
    pub(super) async fn insert_suspensions(&mut self, events: &[AccountEvent]) -> Result<(), StoreError> {
        let rows: Vec<_> = events.iter().filter_map(|event| Some((event, event.suspension?))).collect();
        insert_rows!(self, INSERT, &rows, |query, row| query
            .bind(row.1.reason.code())
            .bind(row.1.took.map(|took| i64::try_from(took.as_millis()).unwrap_or(i64::MAX)))
            .bind(row.0.at.hk_day().number())
            .bind(row.0.recorded_at.micros()))?;
        Ok(())
    }
}

impl Read {
    /// The suspensions up to a day, as on record by the end of another, in the order of their days.
    ///
    /// # Errors
    /// When the database cannot be reached, or a row is damaged.
    pub async fn suspensions(&mut self, to: Day, known_at: Day) -> Result<Vec<SuspensionRow>, StoreError> {
        let rows: Result<Vec<StoredRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT event_day, reason, took_ms FROM suspension_event
             WHERE event_day <= $1 AND recorded_at < $2 ORDER BY event_day, id"
        )
        .bind(to.number())
        .bind(known_at.end().micros())
        .persistent(false)
        .fetch_all(c));
        let read = |row: StoredRow| {
            let reason = SuspensionReason::from_code(row.reason)
                .ok_or_else(|| StoreError::Broken(anyhow::anyhow!("a suspension has a bad reason")))?;
            Ok(SuspensionRow { day: Day::from_number(row.event_day), reason, took_ms: row.took_ms })
        };
        rows.map_err(|error| self.error(error))?.into_iter().map(read).collect()
    }

    /// Hotline calls by the day of their opening, up to a day. A call is on record from its first moment.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn calls_by_day(&mut self, to: Day) -> Result<Vec<(Day, i64)>, StoreError> {
        let rows: Result<Vec<(i32, i64)>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT CAST((opened_at + 28800000000) / 86400000000 AS INTEGER) AS day, COUNT(*) AS count
             FROM hotline_call WHERE opened_at < $1 GROUP BY 1 ORDER BY 1"
        )
        .bind(to.end().micros())
        .persistent(false)
        .fetch_all(c));
        let rows = rows.map_err(|error| self.error(error))?;
        Ok(rows.into_iter().map(|(day, count)| (Day::from_number(day), count)).collect())
    }
}
