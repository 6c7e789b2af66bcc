//! A copy of the whole database as it is at one moment, while others go on writing. PostgreSQL has tools of its own for that.

use std::path::Path;

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions, Connection};
use tokio_util::sync::CancellationToken;

use super::StoreError;
use super::engine::Engine;

/// How many steps of SQLite's machine lie between two looks at whether to go on; some milliseconds.
const STEPS: i32 = 100_000;

impl Engine {
    /// Bytes that a copy will have at most; none on PostgreSQL.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn copy_size(&self) -> Result<Option<u64>, StoreError> {
        let Self::Sqlite { readers, .. } = self else { return Ok(None) };
        let bytes: i64 = sqlx::query_scalar(
            "SELECT (page_count - freelist_count) * page_size
             FROM pragma_page_count(), pragma_freelist_count(), pragma_page_size()",
        )
        .fetch_one(readers)
        .await
        .map_err(|error| self.error(error))?;
        Ok(Some(u64::try_from(bytes).unwrap_or_default()))
    }

    /// Copies a SQLite database into a file that is not there yet, out of one snapshot: writers go on, and nothing that they
    /// write meanwhile is in it. Free pages are left out, and with them whatever was deleted. Without `stop` it ends when the
    /// copy is whole, or not at all.
    ///
    /// By VACUUM INTO and not by SQLite's other way, page by page: that one begins anew whenever another process has written,
    /// which on a busy instance is for ever.
    ///
    /// # Errors
    /// [`StoreError::Storage`] when the disk is full or the database damaged; the file is then of no use.
    pub async fn copy_into(&self, to: &Path, stop: &CancellationToken) -> Result<(), StoreError> {
        let Self::Sqlite { path, .. } = self else {
            return Err(StoreError::Broken(anyhow::anyhow!("only a SQLite database is copied")));
        };
        let options = SqliteConnectOptions::new().filename(path).pragma("cache_size", "-4096").pragma("temp_store", "file");
        let mut connection = options.connect().await.map_err(|error| self.error(error))?;
        let copied = copy(&mut connection, to, stop.clone()).await;
        let closed = connection.close().await;
        copied.and(closed).map_err(|error| self.error(error))
    }
}

async fn copy(connection: &mut SqliteConnection, to: &Path, stop: CancellationToken) -> Result<(), sqlx::Error> {
    connection.lock_handle().await?.set_progress_handler(STEPS, move || !stop.is_cancelled());
    sqlx::query("VACUUM INTO $1").bind(to.to_string_lossy()).execute(&mut *connection).await?;
    Ok(())
}
