//! How one checkpoint key followed another: a handful of rows in the life of an instance.

use futures_util::TryFutureExt;

use super::conn::on;
use super::{Read, StoreError, Write};

impl Read {
    /// The signed notes, oldest first.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn successions(&mut self) -> Result<Vec<String>, StoreError> {
        on!(self.conn, |c| sqlx::query_scalar("SELECT note FROM audit_succession ORDER BY number").fetch_all(c))
            .map_err(|error| self.error(error))
    }
}

impl Write {
    /// Adds a note behind the others.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when another one was added at the same moment.
    pub async fn insert_succession(&mut self, old_kid: &str, new_kid: &str, note: &str) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO audit_succession (number, old_kid, new_kid, note)
             SELECT COALESCE(MAX(number), 0) + 1, $1, $2, $3 FROM audit_succession"
        )
        .bind(old_kid)
        .bind(new_kid)
        .bind(note)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}
