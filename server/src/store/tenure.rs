//! Leading a task for longer than one transaction: a job takes minutes, and a transaction that long would stop everybody.

use sqlx::Connection;
use sqlx::postgres::PgConnection;

use super::StoreError;
use super::engine::{Engine, Leader};

/// A task that this node leads until it lets go or dies.
///
/// It keeps other nodes from starting the same work. It does not make the work safe: a connection may break unnoticed. What
/// is done in each transaction therefore checks, in that transaction, that it goes on from where the work stands.
#[derive(Debug)]
pub struct Tenure(Option<(PgConnection, Leader)>);

impl Engine {
    /// Takes the lead of a task, unless another node has it. On SQLite there is no other node.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn tenure(&self, task: Leader) -> Result<Option<Tenure>, StoreError> {
        let Self::Postgres { pool } = self else { return Ok(Some(Tenure(None))) };
        let mut connection = pool.acquire().await.map_err(|error| self.error(error))?.detach();
        let led: bool = sqlx::query_scalar("SELECT pg_try_advisory_lock($1)")
            .bind(task as i64)
            .fetch_one(&mut connection)
            .await
            .map_err(|error| self.error(error))?;
        if led {
            return Ok(Some(Tenure(Some((connection, task)))));
        }
        let _ = connection.close().await;
        Ok(None)
    }
}

impl Tenure {
    /// Lets another node lead.
    pub async fn end(self) {
        if let Some((mut connection, task)) = self.0 {
            // Let go before the connection is, so that whoever asks next finds it free. A connection that is broken has let go.
            let _ = sqlx::query("SELECT pg_advisory_unlock($1)").bind(task as i64).execute(&mut connection).await;
            let _ = connection.close().await;
        }
    }
}
