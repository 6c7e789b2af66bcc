//! When something counts as recorded. A published figure names the day it is known at; nothing may come to be recorded under
//! such a day later.

use domain::{Day, Timestamp};

use super::conn::on;
use super::{StoreError, Write};

/// The newest of each kind of record that figures are made of.
#[derive(sqlx::FromRow)]
struct NewestRow {
    uses: Option<i32>,
    accounts: Option<i32>,
    use_waiting: Option<i64>,
    account_waiting: Option<i64>,
    party: Option<i64>,
}

impl Write {
    /// The moment as which what this transaction records counts as recorded: now, but never on a day before the newest day
    /// that anything is on record under. A clock that goes back, or is behind another node's, adds nothing to a day that others
    /// have counted. To be asked for late in the transaction, not before it.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn recording_time(&mut self) -> Result<Timestamp, StoreError> {
        let newest: Result<NewestRow, _> = on!(*self.conn(), |c| sqlx::query_as(
            "SELECT (SELECT MAX(recorded_day) FROM usage_daily) AS uses,
                    (SELECT MAX(recorded_day) FROM account_daily) AS accounts,
                    (SELECT recorded_at FROM usage_inbox ORDER BY id DESC LIMIT 1) AS use_waiting,
                    (SELECT recorded_at FROM account_event_inbox ORDER BY id DESC LIMIT 1) AS account_waiting,
                    (SELECT MAX(updated_at) FROM relying_party) AS party"
        )
        .fetch_one(c));
        let newest = newest.map_err(|error| self.error(error))?;
        let counted = [newest.uses, newest.accounts].into_iter().flatten().map(Day::from_number);
        let waiting = [newest.use_waiting, newest.account_waiting, newest.party].into_iter().flatten();
        let newest = counted.chain(waiting.map(|at| Timestamp::from_micros(at).hk_day())).max();
        let now = self.now();
        Ok(newest.map_or(now, |day| day.start().max(now)))
    }
}
