//! Every column of every table, written with the most extreme value its type can hold and read back, on both engines.
//!
//! SQLite does not hold to declared types by itself and PostgreSQL does; what one engine stores the other must store too.

use std::collections::BTreeMap;

use server::store::{Create, Engine, Location};
use sqlx::{AssertSqlSafe, Connection, PgConnection, Row, SqliteConnection};
use tests::world::postgres::Database;

/// Table to its columns: name, type in our words, whether it may be NULL.
type Schema = BTreeMap<String, Vec<(String, Kind, bool)>>;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Text,
    Bytes,
    Big,
    Integer,
    Small,
    Boolean,
}

impl Kind {
    fn of(declared: &str) -> Self {
        match declared.to_ascii_uppercase().as_str() {
            "TEXT" => Self::Text,
            "BYTEA" => Self::Bytes,
            "BIGINT" => Self::Big,
            "INTEGER" => Self::Integer,
            "SMALLINT" => Self::Small,
            "BOOLEAN" => Self::Boolean,
            other => unreachable!("a column of type {other}: it has no counterpart on both engines"),
        }
    }
}

/// Every printable surprise a text can hold, and nothing that PostgreSQL refuses (U+0000).
const TEXT: &str = "陳大文 \u{10ffff} \u{202e} \u{1b}[31m '\"\\ %_ \n\r\t \u{feff} e\u{301}";

fn bytes() -> Vec<u8> {
    (0..=255).collect()
}

/// Binds, in the order of the columns, the largest or smallest value of each.
macro_rules! with_extremes {
    ($query:expr, $columns:expr, $largest:expr) => {{
        let mut query = $query;
        for (_, kind, _) in $columns {
            query = match kind {
                Kind::Text => query.bind(if $largest { TEXT.to_owned() } else { String::new() }),
                Kind::Bytes => query.bind(if $largest { bytes() } else { Vec::new() }),
                Kind::Big => query.bind(if $largest { i64::MAX } else { i64::MIN }),
                Kind::Integer => query.bind(if $largest { i32::MAX } else { i32::MIN }),
                Kind::Small => query.bind(if $largest { i16::MAX } else { i16::MIN }),
                Kind::Boolean => query.bind($largest),
            };
        }
        query
    }};
}

/// Holds one read row against what was written.
macro_rules! is_extreme {
    ($row:expr, $table:expr, $columns:expr, $largest:expr) => {
        for (at, (name, kind, _)) in $columns.iter().enumerate() {
            let place = format!("{}.{name}", $table);
            match kind {
                Kind::Text => assert_eq!($row.try_get::<String, _>(at).unwrap(), if $largest { TEXT } else { "" }, "{place}"),
                Kind::Bytes => {
                    assert_eq!($row.try_get::<Vec<u8>, _>(at).unwrap(), if $largest { bytes() } else { Vec::new() }, "{place}");
                }
                Kind::Big => {
                    assert_eq!($row.try_get::<i64, _>(at).unwrap(), if $largest { i64::MAX } else { i64::MIN }, "{place}")
                }
                Kind::Integer => {
                    assert_eq!($row.try_get::<i32, _>(at).unwrap(), if $largest { i32::MAX } else { i32::MIN }, "{place}");
                }
                Kind::Small => {
                    assert_eq!($row.try_get::<i16, _>(at).unwrap(), if $largest { i16::MAX } else { i16::MIN }, "{place}");
                }
                Kind::Boolean => assert_eq!($row.try_get::<bool, _>(at).unwrap(), $largest, "{place}"),
            }
        }
    };
}

fn insert(table: &str, columns: &[(String, Kind, bool)]) -> AssertSqlSafe<String> {
    let names: Vec<&str> = columns.iter().map(|(name, _, _)| name.as_str()).collect();
    let places: Vec<String> = (1..=columns.len()).map(|at| format!("${at}")).collect();
    AssertSqlSafe(format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", ")))
}

fn select(table: &str, columns: &[(String, Kind, bool)]) -> AssertSqlSafe<String> {
    let names: Vec<&str> = columns.iter().map(|(name, _, _)| name.as_str()).collect();
    AssertSqlSafe(format!("SELECT {} FROM {table}", names.join(", ")))
}

/// Writes and reads a row of extremes in every table, one table after the other.
macro_rules! every_column {
    ($connection:expr, $schema:expr) => {
        for (table, columns) in $schema {
            for largest in [true, false] {
                with_extremes!(sqlx::query(insert(table, columns)), columns, largest).execute(&mut $connection).await.unwrap();
                let row = sqlx::query(select(table, columns)).fetch_one(&mut $connection).await.unwrap();
                is_extreme!(row, table, columns, largest);
                sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut $connection).await.unwrap();
            }
            let nullable: Vec<_> = columns.iter().filter(|(_, _, nullable)| *nullable).cloned().collect();
            let required: Vec<_> = columns.iter().filter(|(_, _, nullable)| !nullable).cloned().collect();
            with_extremes!(sqlx::query(insert(table, &required)), &required, true).execute(&mut $connection).await.unwrap();
            for (name, _, _) in &nullable {
                let null = AssertSqlSafe(format!("SELECT {name} IS NULL FROM {table}"));
                assert!(sqlx::query_scalar::<_, bool>(null).fetch_one(&mut $connection).await.unwrap(), "{table}.{name}");
            }
            sqlx::query(AssertSqlSafe(format!("DELETE FROM {table}"))).execute(&mut $connection).await.unwrap();
        }
    };
}

async fn on_sqlite() -> Schema {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("iam.db");
    let engine = Engine::open(&Location::File(path.clone()), Create::IfMissing).await.unwrap();
    engine.migrate().await.unwrap();
    engine.close().await;
    let mut connection = SqliteConnection::connect(&format!("sqlite://{}", path.display())).await.unwrap();
    sqlx::query("PRAGMA foreign_keys = off").execute(&mut connection).await.unwrap();
    let tables = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_sqlx%' ESCAPE '\\' AND name NOT LIKE 'sqlite%'";
    let mut schema = Schema::new();
    for table in sqlx::query_scalar::<_, String>(tables).fetch_all(&mut connection).await.unwrap() {
        let rows = sqlx::query(AssertSqlSafe(format!("PRAGMA table_info({table})"))).fetch_all(&mut connection).await.unwrap();
        let columns = rows.iter().map(|row| {
            let (name, declared) = (row.get::<String, _>("name"), row.get::<String, _>("type"));
            // The identity column: INTEGER PRIMARY KEY is SQLite's own 64-bit row id.
            let alone = rows.iter().filter(|row| row.get::<i64, _>("pk") > 0).count() == 1;
            let identity = declared == "INTEGER" && alone && row.get::<i64, _>("pk") == 1 && row.get::<i64, _>("notnull") == 0;
            let kind = if identity { Kind::Big } else { Kind::of(&declared) };
            (name, kind, !identity && row.get::<i64, _>("notnull") == 0)
        });
        schema.insert(table, columns.collect());
    }
    every_column!(connection, &schema);
    schema
}

async fn on_postgres() -> Schema {
    let database = Database::create().await;
    let engine = Engine::open(&Location::Url(database.url()), Create::Never).await.unwrap();
    engine.migrate().await.unwrap();
    engine.close().await;
    let mut connection = PgConnection::connect(&database.url()).await.unwrap();
    sqlx::query("SET session_replication_role = replica").execute(&mut connection).await.unwrap();
    let columns = "SELECT CAST(table_name AS TEXT), CAST(column_name AS TEXT), CAST(data_type AS TEXT), CAST(is_nullable AS TEXT)
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name NOT LIKE '\\_sqlx%' ORDER BY table_name, ordinal_position";
    let mut schema = Schema::new();
    for row in sqlx::query(columns).fetch_all(&mut connection).await.unwrap() {
        let column = (row.get::<String, _>(1), Kind::of(&row.get::<String, _>(2)), row.get::<String, _>(3) == "YES");
        schema.entry(row.get(0)).or_default().push(column);
    }
    every_column!(connection, &schema);
    schema
}

#[tokio::test]
async fn every_column_holds_the_extremes_of_its_type_and_both_engines_have_the_same_columns() {
    let (sqlite, postgres) = (on_sqlite().await, on_postgres().await);
    assert!(sqlite.len() > 20, "{:?}", sqlite.keys());
    assert_eq!(sqlite.keys().collect::<Vec<_>>(), postgres.keys().collect::<Vec<_>>());
    for (table, columns) in &sqlite {
        assert_eq!(columns, &postgres[table], "{table}");
    }
}
