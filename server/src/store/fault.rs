//! What an error of either engine means to us.

use super::StoreError;

pub(super) fn opening(error: sqlx::Error, place: &str) -> StoreError {
    match classify(error, place) {
        StoreError::Broken(cause) => StoreError::Unavailable(cause.to_string()),
        other => other,
    }
}

pub(super) fn is_missing_table(error: &sqlx::Error) -> bool {
    error
        .as_database_error()
        .is_some_and(|error| error.code().as_deref() == Some("42P01") || error.message().starts_with("no such table"))
}

pub(super) fn classify(error: sqlx::Error, place: &str) -> StoreError {
    match &error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) | sqlx::Error::PoolClosed | sqlx::Error::WorkerCrashed => {
            StoreError::Unavailable(error.to_string())
        }
        sqlx::Error::PoolTimedOut => StoreError::Unavailable("no connection became free in time".to_owned()),
        sqlx::Error::Database(database) => {
            if database.is_unique_violation() {
                return StoreError::Unique;
            }
            match database.code().as_deref() {
                // PostgreSQL: serialization failure, deadlock, lock not available.
                Some("40001" | "40P01" | "55P03") => StoreError::Contended,
                // PostgreSQL: disk full, out of memory, read-only transaction.
                Some("53100" | "53200" | "25006") => {
                    StoreError::Storage { cause: database.message().to_owned(), path: place.to_owned() }
                }
                // PostgreSQL: connection classes, not let in, no such database, not accepting connections, shutting down, too
                // many connections.
                Some(code)
                    if ["08", "28", "3D", "57P"].iter().any(|class| code.starts_with(class))
                        || matches!(code, "53300" | "55000") =>
                {
                    StoreError::Unavailable(database.message().to_owned())
                }
                // SQLite primary result codes: busy and locked; full, read-only, I/O, corrupt, cannot open. A code of five
                // characters is PostgreSQL's, and its number means nothing here.
                Some(code) if code.len() < 5 => match code.parse::<i32>().map(|code| code & 0xff) {
                    Ok(5 | 6) => StoreError::Unavailable(database.message().to_owned()),
                    Ok(8 | 10 | 11 | 13 | 14 | 26) => {
                        StoreError::Storage { cause: database.message().to_owned(), path: place.to_owned() }
                    }
                    _ => StoreError::Broken(error.into()),
                },
                Some(_) | None => StoreError::Broken(error.into()),
            }
        }
        _ => StoreError::Broken(error.into()),
    }
}
