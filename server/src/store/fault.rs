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
        sqlx::Error::Database(database) if database.is_unique_violation() => StoreError::Unique,
        sqlx::Error::Database(database) => {
            let cause = || database.message().to_owned();
            match database.code().as_deref().map_or(Meaning::Broken, meaning) {
                Meaning::Contended => StoreError::Contended,
                Meaning::Unavailable => StoreError::Unavailable(cause()),
                Meaning::Storage | Meaning::Io => StoreError::Storage { cause: cause(), path: place.to_owned() },
                Meaning::Broken => StoreError::Broken(error.into()),
            }
        }
        _ => StoreError::Broken(error.into()),
    }
}

/// What an error means that was the answer to a commit. Only where the engine says for certain that it has undone the
/// transaction may anybody be told that nothing was changed: a failed fsync or an answer that we do not understand leaves it open.
pub(super) fn at_commit(error: sqlx::Error, place: &str) -> StoreError {
    let code = error.as_database_error().and_then(sqlx::error::DatabaseError::code).map(|code| meaning(&code));
    match classify(error, place) {
        StoreError::Unavailable(cause) => StoreError::NotConfirmed(cause),
        StoreError::Storage { cause, path } if code == Some(Meaning::Io) => StoreError::NotConfirmed(format!("{cause}, {path}")),
        StoreError::Broken(cause) => StoreError::NotConfirmed(format!("{cause:#}, {place}")),
        other => other,
    }
}

/// What an engine's error code means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    /// Two transactions in each other's way.
    Contended,
    /// Away, overloaded or out of time: the same again may go through.
    Unavailable,
    /// The disk refuses: full, read-only, damaged, not there.
    Storage,
    /// The disk failed, perhaps in the middle.
    Io,
    /// A fault of ours.
    Broken,
}

fn meaning(code: &str) -> Meaning {
    // SQLite gives numbers of up to four digits, the primary code in the lowest byte; PostgreSQL five characters, of which the
    // first two are the class.
    if code.len() < 5 {
        return match code.parse::<i32>().map(|code| code & 0xff) {
            // Busy, locked, interrupted; out of memory.
            Ok(5..=7 | 9) => Meaning::Unavailable,
            Ok(10) => Meaning::Io,
            // Read-only, damaged, full, cannot be opened, no database.
            Ok(8 | 11 | 13 | 14 | 26) => Meaning::Storage,
            _ => Meaning::Broken,
        };
    }
    match code {
        // Serialization failure, deadlock, lock not available.
        "40001" | "40P01" | "55P03" => Meaning::Contended,
        // Disk full; a read-only transaction: a standby, or a server that somebody has set so.
        "53100" | "25006" => Meaning::Storage,
        // Damaged data or index.
        "XX001" | "XX002" => Meaning::Storage,
        // A statement that was cancelled, by its time limit for one; not in the state for it, such as starting up.
        "57014" | "55000" => Meaning::Unavailable,
        // Not let in, no such database, no connection, out of memory or connections, shut down by an operator, a transaction
        // that stood idle for too long or is over.
        _ if ["08", "28", "3D", "53", "57P", "25P"].iter().any(|class| code.starts_with(class)) => Meaning::Unavailable,
        _ if code.starts_with("58") => Meaning::Io,
        _ => Meaning::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_of_either_engine_has_one_meaning() {
        for (meant, codes) in [
            (Meaning::Contended, &["40001", "40P01", "55P03"][..]),
            (Meaning::Storage, &["53100", "25006", "XX001", "XX002", "8", "11", "13", "14", "26", "1032"]),
            (Meaning::Io, &["58030", "58000", "58P01", "10", "266", "778", "1034"]),
            (
                Meaning::Unavailable,
                &[
                    "08006", "28P01", "3D000", "53200", "53300", "53400", "57014", "57P01", "57P03", "25P02", "25P03", "55000",
                    "5", "6", "7",
                ],
            ),
            (Meaning::Broken, &["42601", "23502", "22P02", "XX000", "1", "19", "nonsense", ""]),
        ] {
            for code in codes {
                assert_eq!(meaning(code), meant, "{code}");
            }
        }
    }

    #[test]
    fn what_is_not_understood_at_a_commit_is_not_confirmed() {
        for error in [sqlx::Error::RowNotFound, sqlx::Error::WorkerCrashed, sqlx::Error::PoolTimedOut] {
            assert!(matches!(at_commit(error, "/data/iam.db"), StoreError::NotConfirmed(_)));
        }
    }
}
