//! The two engines, and everything in which they truly differ: opening, write transactions, row locks, leader locks, which
//! errors mean what, and two words of the migrations. Everywhere else one SQL text runs on both.

use std::path::{Path, PathBuf};
use std::time::Duration;

use sqlx::migrate::{Migration, MigrationType, Migrator};
use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePool, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{AssertSqlSafe, Connection, Executor, Row, SqlSafeStr};

use super::StoreError;
use super::conn::{Conn, Held, on};
use super::fault::{at_commit, classify, is_missing_table, opening};

/// How long a statement may wait for a connection: an agent has a caller on the line, and less than an operation of the hotline
/// may take: then it is certain that nothing was written.
const ACQUIRE: Duration = Duration::from_secs(3);

/// Where the database is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Location {
    /// SQLite in this file.
    File(PathBuf),
    /// PostgreSQL at this URL.
    Url(String),
}

/// An open database.
#[derive(Debug, Clone)]
pub enum Engine {
    /// One writer, several readers, one file.
    Sqlite {
        /// The only connection that writes.
        writer: SqlitePool,
        /// Snapshots.
        readers: SqlitePool,
        /// The file.
        path: PathBuf,
    },
    /// A pool.
    Postgres {
        /// Every connection.
        pool: PgPool,
    },
}

/// A task that one node at a time does. The number is the PostgreSQL advisory lock; it never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(i64)]
pub enum Leader {
    /// Seals audit entries.
    Sealer = 7_443_001,
    /// Folds events into counters.
    Folder = 7_443_002,
    /// Takes the dated steps of keys.
    KeySteps = 7_443_003,
    /// Runs jobs.
    Jobs = 7_443_005,
    /// Clears what has aged out.
    Sweeper = 7_443_006,
    /// Signs revocation lists.
    Revocations = 7_443_007,
    /// Brings rows from one key to another.
    KeyWork = 7_443_008,
    /// Reads key sets at parties' addresses.
    KeySets = 7_443_009,
    /// Sounds alarms for what runs out.
    Alarms = 7_443_010,
    /// Ends requests that nobody answered.
    Requests = 7_443_011,
}

impl Engine {
    /// Opens the database; on SQLite creates the file when `create` says so.
    ///
    /// # Errors
    /// When it cannot be reached.
    pub async fn open(location: &Location, create: Create) -> Result<Self, StoreError> {
        match location {
            Location::File(path) => Self::open_sqlite(path, create).await,
            Location::Url(url) => Self::open_postgres(url).await,
        }
    }

    async fn open_sqlite(path: &Path, create: Create) -> Result<Self, StoreError> {
        let options = SqliteConnectOptions::new()
            .filename(path)
            .create_if_missing(create == Create::IfMissing)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(ACQUIRE)
            .pragma("secure_delete", "on")
            .pragma("journal_size_limit", "67108864")
            // 64 MB, the size the log is cut back to: batches of accounts touch the same index pages again and again, and a
            // page is copied into the file once for all of them.
            .pragma("wal_autocheckpoint", "16000");
        let pool = || {
            // A file does not go away between two statements: nothing is asked before a connection is used again.
            SqlitePoolOptions::new().acquire_timeout(ACQUIRE).test_before_acquire(false).after_release(|connection, _| {
                Box::pin(async move {
                    // A full disk or a failed read ends SQLite's transaction on its own; the driver then cannot roll back,
                    // takes it for open for ever, and the only writer would never write again.
                    if connection.is_in_transaction() {
                        connection.ping().await?;
                    }
                    Ok(!connection.is_in_transaction())
                })
            })
        };
        let writer = pool()
            .max_connections(1)
            .connect_with(options.clone().pragma("cache_size", "-16384"))
            .await
            .map_err(|error| opening(error, &path.display().to_string()))?;
        let readers = pool()
            .max_connections(4)
            .connect_with(options.create_if_missing(false).pragma("cache_size", "-2048").pragma("query_only", "on"))
            .await
            .map_err(|error| opening(error, &path.display().to_string()))?;
        Ok(Self::Sqlite { writer, readers, path: path.to_owned() })
    }

    async fn open_postgres(url: &str) -> Result<Self, StoreError> {
        let options: PgConnectOptions = url.parse().map_err(|error: sqlx::Error| opening(error, "the database URL"))?;
        let pool = PgPoolOptions::new()
            .max_connections(24)
            .acquire_timeout(ACQUIRE)
            .after_connect(|connection, _| {
                Box::pin(async move {
                    connection.execute("SET synchronous_commit = on").await?;
                    connection.execute("SET statement_timeout = '120s'").await?;
                    connection.execute("SET idle_in_transaction_session_timeout = '60s'").await?;
                    connection.execute("SET lock_timeout = '4s'").await?;
                    Ok(())
                })
            })
            .before_acquire(|_, connection| Box::pin(async move { Ok(!super::rows::out_of_step(connection.age)) }))
            .connect_with(options.application_name("iamd"))
            .await
            .map_err(|error| opening(error, "PostgreSQL"))?;
        Ok(Self::Postgres { pool })
    }

    /// `sqlite` or `postgresql`.
    #[must_use]
    pub fn name(&self) -> &'static str {
        match self {
            Self::Sqlite { .. } => "sqlite",
            Self::Postgres { .. } => "postgresql",
        }
    }

    /// What error messages name when storage refuses.
    #[must_use]
    pub fn place(&self) -> String {
        match self {
            Self::Sqlite { path, .. } => path.display().to_string(),
            Self::Postgres { .. } => "the PostgreSQL database".to_owned(),
        }
    }

    /// A snapshot: every statement in it sees the same state.
    pub async fn begin_read(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                Conn::Sqlite(Held::Transaction(readers.begin().await.map_err(|error| self.error(error))?))
            }
            Self::Postgres { pool } => Conn::Postgres(Held::Transaction(
                pool.begin_with("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await.map_err(|error| self.error(error))?,
            )),
        })
    }

    /// A connection to read from by one statement, which sees one state by itself.
    pub async fn reader(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { readers, .. } => {
                Conn::Sqlite(Held::Looking(readers.acquire().await.map_err(|error| self.error(error))?))
            }
            Self::Postgres { pool } => Conn::Postgres(Held::Looking(pool.acquire().await.map_err(|error| self.error(error))?)),
        })
    }

    /// A connection to write by one statement, which is durable by itself.
    pub async fn writer(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => Conn::Sqlite(Held::Doing(writer.acquire().await.map_err(|error| self.error(error))?)),
            Self::Postgres { pool } => Conn::Postgres(Held::Doing(pool.acquire().await.map_err(|error| self.error(error))?)),
        })
    }

    /// A write transaction; on SQLite the writer is alone from its first moment.
    pub async fn begin_write(&self) -> Result<Conn, StoreError> {
        Ok(match self {
            Self::Sqlite { writer, .. } => {
                let begun = writer.begin_with("BEGIN IMMEDIATE").await;
                Conn::Sqlite(Held::Transaction(begun.map_err(|error| self.error(error))?))
            }
            Self::Postgres { pool } => Conn::Postgres(Held::Transaction(pool.begin().await.map_err(|error| self.error(error))?)),
        })
    }

    /// Brings the schema up to this version of the program.
    ///
    /// # Errors
    /// [`StoreError::Broken`] when the database is of a newer version or was changed by hand.
    pub async fn migrate(&self) -> Result<(), StoreError> {
        let migrator = self.migrator();
        let done = match self {
            Self::Sqlite { writer, .. } => migrator.run(writer).await,
            Self::Postgres { pool } => migrator.run(pool).await,
        };
        done.map_err(|error| StoreError::Broken(anyhow::anyhow!("the schema cannot be brought up to date: {error}")))
    }

    /// The schema's version in the database and in this program.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn schema(&self) -> Result<Schema, StoreError> {
        let mut conn = self.begin_read().await?;
        let applied: Result<Option<i64>, sqlx::Error> =
            on!(conn, |c| sqlx::query_scalar("SELECT MAX(version) FROM _sqlx_migrations WHERE success").fetch_one(c));
        let applied = match applied {
            Ok(version) => version.unwrap_or(0),
            Err(error) if is_missing_table(&error) => 0,
            Err(error) => return Err(self.error(error)),
        };
        Ok(Schema { applied, known: Self::known_schema() })
    }

    /// The schema's version in this program.
    #[must_use]
    pub fn known_schema() -> i64 {
        super::MIGRATIONS.iter().map(|(version, ..)| *version).max().unwrap_or(0)
    }

    fn migrator(&self) -> Migrator {
        // Counters lie in the order of their key: on SQLite without a second copy of it, which reports read six times faster.
        let (identity, clustered) = match self {
            Self::Sqlite { .. } => ("INTEGER PRIMARY KEY", "WITHOUT ROWID"),
            Self::Postgres { .. } => ("BIGINT GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY", ""),
        };
        let migrations = super::MIGRATIONS
            .iter()
            .map(|(version, name, text)| {
                // The text is compiled in; only the engine's own words for these two are put into it.
                let sql = AssertSqlSafe(text.replace("{identity}", identity).replace("{clustered}", clustered)).into_sql_str();
                Migration::new(*version, (*name).into(), MigrationType::Simple, sql, false)
            })
            .collect();
        Migrator::with_migrations(migrations)
    }

    /// Refuses a PostgreSQL whose text does not sort by bytes: pages and reports would differ between engines.
    ///
    /// # Errors
    /// [`StoreError::Broken`] with the mend.
    pub async fn require_c_collation(&self) -> Result<(), StoreError> {
        let Self::Postgres { pool } = self else { return Ok(()) };
        // The name alone does not tell: an ICU locale sorts its own way under any name.
        let row = sqlx::query(
            "SELECT datcollate, CAST('B' AS TEXT) < CAST('a' AS TEXT) FROM pg_database WHERE datname = current_database()",
        )
        .fetch_one(pool)
        .await
        .map_err(|error| self.error(error))?;
        let collation: String = row.try_get(0).map_err(|error| self.error(error))?;
        let by_bytes: bool = row.try_get(1).map_err(|error| self.error(error))?;
        if by_bytes && matches!(collation.as_str(), "C" | "C.UTF-8" | "C.utf8" | "POSIX") {
            return Ok(());
        }
        Err(StoreError::Broken(anyhow::anyhow!(
            "the database sorts text by a locale (LC_COLLATE '{collation}'), not by bytes; create it with: CREATE DATABASE iam TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
        )))
    }

    /// What an error of the engine means to us.
    pub fn error(&self, error: sqlx::Error) -> StoreError {
        classify(error, &self.place())
    }

    /// What an error means that a statement on this connection has met.
    pub(super) fn error_on(&self, conn: &Conn, error: sqlx::Error) -> StoreError {
        match conn {
            Conn::Sqlite(Held::Doing(_)) | Conn::Postgres(Held::Doing(_)) => at_commit(error, &self.place()),
            _ => self.error(error),
        }
    }

    /// Closes every connection; SQLite folds its log into the file.
    pub async fn close(&self) {
        match self {
            Self::Sqlite { writer, readers, .. } => {
                readers.close().await;
                writer.close().await;
            }
            Self::Postgres { pool } => pool.close().await,
        }
    }
}

/// Whether opening may make the file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Create {
    /// `iamd init`.
    IfMissing,
    /// Everything else.
    Never,
}

/// Whether a database that answers takes writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TakesWrites {
    /// It does, as far as can be told by asking.
    Yes,
    /// It is a standby, or set read-only.
    No,
}

/// Versions of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Schema {
    /// In the database; 0 when there is none.
    pub applied: i64,
    /// In this program.
    pub known: i64,
}
