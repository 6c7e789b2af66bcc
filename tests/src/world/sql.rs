//! Statements of a test's own, past the store: to count, to look, to do damage.

use server::store::Engine;
use sqlx::{AssertSqlSafe, Row};

use super::World;

/// Runs one expression on whichever engine the world has; the pool is `$pool`.
macro_rules! on_pool {
    ($world:expr, |$pool:ident| $body:expr) => {
        match $world.app.store.engine() {
            Engine::Sqlite { writer: $pool, .. } => $body,
            Engine::Postgres { pool: $pool } => $body,
        }
    };
}

impl World {
    /// The one number that a statement gives.
    ///
    /// # Panics
    /// When it gives none.
    pub async fn number(&self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_one(pool).await.unwrap())
    }

    /// The first column as numbers.
    ///
    /// # Panics
    /// When it is none.
    pub async fn numbers(&self, sql: &str) -> Vec<i64> {
        let sql = AssertSqlSafe(sql.to_owned());
        on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_all(pool).await.unwrap())
    }

    /// The first column as texts.
    ///
    /// # Panics
    /// When it is no text.
    pub async fn texts(&self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_all(pool).await.unwrap())
    }

    /// The first column as bytes.
    ///
    /// # Panics
    /// When it is none.
    pub async fn blobs(&self, sql: &str) -> Vec<Vec<u8>> {
        let sql = AssertSqlSafe(sql.to_owned());
        on_pool!(self, |pool| sqlx::query_scalar(sql).fetch_all(pool).await.unwrap())
    }

    /// Changes rows past the store; gives how many.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn execute(&self, sql: &str) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on_pool!(self, |pool| sqlx::query(sql).execute(pool).await.unwrap().rows_affected())
    }

    /// Changes rows past the store, with one value of bytes as `$1`; gives how many.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn execute_with(&self, sql: &str, bytes: &[u8]) -> u64 {
        let sql = AssertSqlSafe(sql.to_owned());
        on_pool!(self, |pool| sqlx::query(sql).bind(bytes.to_vec()).execute(pool).await.unwrap().rows_affected())
    }

    /// Rows of every table, by name: equal before and after what must change nothing.
    ///
    /// # Panics
    /// When the database does not answer.
    pub async fn census(&self) -> Vec<(String, i64)> {
        let tables = match self.app.store.engine() {
            Engine::Sqlite { writer, .. } => {
                let rows =
                    sqlx::query("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name").fetch_all(writer).await;
                rows.unwrap().iter().map(|row| row.get(0)).collect::<Vec<String>>()
            }
            Engine::Postgres { pool } => {
                let rows = sqlx::query("SELECT CAST(tablename AS TEXT) FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")
                    .fetch_all(pool)
                    .await;
                rows.unwrap().iter().map(|row| row.get(0)).collect()
            }
        };
        let mut census = Vec::with_capacity(tables.len());
        for table in tables {
            let count = self.number(&format!("SELECT COUNT(*) FROM {table}")).await;
            census.push((table, count));
        }
        census
    }

    /// The same after a refusal, which leaves its entry in the audit log and nothing else.
    ///
    /// # Panics
    /// When there is no audit log.
    #[must_use]
    pub fn and_one_refusal(mut census: Vec<(String, i64)>) -> Vec<(String, i64)> {
        census.iter_mut().find(|(table, _)| table == "audit_entry").unwrap().1 += 1;
        census
    }
}
