//! What the database holds, asked past the server: it may be down.

use sqlx::Connection as _;

use super::Daemon;

/// Runs one expression on a connection to whichever engine the daemon has; `$mode` opens the file of SQLite.
macro_rules! on_connection {
    ($daemon:expr, $mode:literal, |$connection:ident| $body:expr) => {
        match &$daemon.database {
            None => {
                let url = format!("sqlite://{}{}", $daemon.data_dir.join("iam.db").display(), $mode);
                let mut $connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
                $body
            }
            Some(database) => {
                let mut $connection = sqlx::PgConnection::connect(&database.url()).await.unwrap();
                $body
            }
        }
    };
}

impl Daemon {
    /// The one number that a statement gives.
    ///
    /// # Panics
    /// When it gives none.
    pub async fn number(&self, sql: &'static str) -> i64 {
        on_connection!(self, "?mode=ro", |connection| sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap())
    }

    /// The first column as numbers, in order.
    ///
    /// # Panics
    /// When it is none.
    pub async fn numbers(&self, sql: &'static str) -> Vec<i64> {
        let mut numbers: Vec<i64> =
            on_connection!(self, "?mode=ro", |connection| sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap());
        numbers.sort_unstable();
        numbers
    }

    /// The first column as bytes, in order.
    ///
    /// # Panics
    /// When it is none.
    pub async fn blobs(&self, sql: &'static str) -> Vec<Vec<u8>> {
        let mut blobs: Vec<Vec<u8>> =
            on_connection!(self, "?mode=ro", |connection| sqlx::query_scalar(sql).fetch_all(&mut connection).await.unwrap());
        blobs.sort();
        blobs
    }

    /// What every column of every table holds, by table and column: its values as bytes, one after the other.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn columns(&self) -> Vec<(String, Vec<u8>)> {
        let names = match self.database {
            None => {
                "SELECT held.name, shape.name, shape.type FROM sqlite_schema held JOIN pragma_table_info(held.name) shape
                 WHERE held.type = 'table'"
            }
            Some(_) => {
                "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT)
                 FROM information_schema.columns WHERE table_schema = 'public'"
            }
        };
        let bytes = |column: &str, is: &str| match self.database {
            None => format!("CAST(\"{column}\" AS BLOB)"),
            Some(_) if is == "bytea" => format!("\"{column}\""),
            Some(_) => format!("convert_to(CAST(\"{column}\" AS TEXT), 'UTF8')"),
        };
        on_connection!(self, "?mode=ro", |connection| {
            let names: Vec<(String, String, String)> = sqlx::query_as(names).fetch_all(&mut connection).await.unwrap();
            let mut columns = Vec::new();
            for (table, column, is) in names {
                let sql = format!("SELECT {} FROM \"{table}\"", bytes(&column, &is));
                let values: Vec<Option<Vec<u8>>> =
                    sqlx::query_scalar(sqlx::AssertSqlSafe(sql)).fetch_all(&mut connection).await.unwrap();
                let held: Vec<Vec<u8>> = values.into_iter().flatten().collect();
                columns.push((format!("{table}.{column}"), held.join(&b'\n')));
            }
            columns
        })
    }

    /// Changes the database as whoever has it in their hands can; gives how many rows.
    ///
    /// # Panics
    /// When the database refuses.
    pub async fn tampers(&self, sql: &'static str) -> u64 {
        on_connection!(self, "", |connection| sqlx::query(sql).execute(&mut connection).await.unwrap().rows_affected())
    }
}
