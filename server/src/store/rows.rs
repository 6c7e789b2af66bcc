//! Many rows at once. Ordinary statements of many rows on both engines for counters; for rows that are only added, each
//! engine's own fast lane: multi-row inserts on SQLite, COPY on PostgreSQL.

use std::sync::{Mutex, OnceLock};
use std::time::Duration;

use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use tokio::time::Instant;

use super::StoreError;

/// Rows of one statement; what is left over goes in smaller ones. SQLite takes at most 32 766 values a statement.
const SIZES: [usize; 3] = [256, 16, 1];
/// Bytes gathered before they are sent to PostgreSQL.
const SEND: usize = 128 * 1024;

/// An INSERT of many rows, or an UPDATE from many. Its texts are made once, out of constants: nothing that anybody typed is ever in them.
pub(super) struct Insert {
    head: &'static str,
    columns: usize,
    tail: &'static str,
    question: OnceLock<[String; 3]>,
    dollar: OnceLock<[String; 3]>,
}

/// Rows of one statement, and its text.
#[derive(Clone, Copy)]
pub(super) struct Text {
    pub(super) rows: usize,
    pub(super) sql: &'static str,
}

impl Insert {
    /// `INSERT INTO t (a, b) VALUES`, two columns, and what follows the rows.
    pub(super) const fn new(head: &'static str, columns: usize, tail: &'static str) -> Self {
        Self { head, columns, tail, question: OnceLock::new(), dollar: OnceLock::new() }
    }

    /// For SQLite. It looks a numbered placeholder up by its name, one after the other, which thousands of them make slow.
    /// And it keeps a copy of every page that a statement touches, to undo the statement alone; OR FAIL goes without: whoever
    /// meets an error here gives the whole transaction up.
    fn question(&'static self) -> [Text; 3] {
        let head = self.head.replacen("INSERT INTO", "INSERT OR FAIL INTO", 1);
        Self::texts(self.question.get_or_init(|| SIZES.map(|rows| self.text(&head, rows, |_| "?".to_owned()))))
    }

    /// For PostgreSQL.
    fn dollar(&'static self) -> [Text; 3] {
        Self::texts(self.dollar.get_or_init(|| SIZES.map(|rows| self.text(self.head, rows, |number| format!("${number}")))))
    }

    fn texts(texts: &'static [String; 3]) -> [Text; 3] {
        [0, 1, 2].map(|place| Text { rows: SIZES[place], sql: texts[place].as_str() })
    }

    fn text(&self, head: &str, rows: usize, placeholder: impl Fn(usize) -> String) -> String {
        let row = |row: usize| {
            let values: Vec<String> = (1..=self.columns).map(|column| placeholder(row * self.columns + column)).collect();
            format!("({})", values.join(","))
        };
        let rows: Vec<String> = (0..rows).map(row).collect();
        format!("{head} {} {}", rows.join(","), self.tail)
    }
}

/// Parts rows into the largest statements that they fill.
fn parts<T>(mut rows: &[T], texts: [Text; 3]) -> Vec<(Text, &[T])> {
    let mut parts = Vec::new();
    for text in texts {
        while rows.len() >= text.rows {
            let (part, rest) = rows.split_at(text.rows);
            parts.push((text, part));
            rows = rest;
        }
    }
    parts
}

/// Runs one INSERT for a slice of rows on either engine; `$bind` adds a row's values to the query. Gives how many rows it changed.
macro_rules! insert_rows {
    ($tx:expr, $insert:expr, $rows:expr, |$query:ident, $row:ident| $bind:expr) => {{
        let done: Result<u64, sqlx::Error> = match $tx.conn() {
            $crate::store::conn::Conn::Sqlite(transaction) => {
                let mut done = Ok(0);
                for (text, rows) in $crate::store::rows::question_parts(&$insert, $rows) {
                    let mut $query = sqlx::query(text.sql);
                    for $row in rows {
                        $query = $bind;
                    }
                    let part = $query.execute(&mut **transaction).await;
                    done = done.and_then(|sum| part.map(|part| sum + part.rows_affected()));
                    if done.is_err() {
                        break;
                    }
                }
                done
            }
            $crate::store::conn::Conn::Postgres(transaction) => {
                let mut done = Ok(0);
                for (text, rows) in $crate::store::rows::dollar_parts(&$insert, $rows) {
                    let mut $query = sqlx::query(text.sql);
                    for $row in rows {
                        $query = $bind;
                    }
                    let part = $query.execute(&mut **transaction).await;
                    done = done.and_then(|sum| part.map(|part| sum + part.rows_affected()));
                    if done.is_err() {
                        break;
                    }
                }
                done
            }
        };
        done.map_err(|error| $tx.error(error))
    }};
}
pub(super) use insert_rows;

pub(super) fn question_parts<'a, T>(insert: &'static Insert, rows: &'a [T]) -> Vec<(Text, &'a [T])> {
    parts(rows, insert.question())
}

pub(super) fn dollar_parts<'a, T>(insert: &'static Insert, rows: &'a [T]) -> Vec<(Text, &'a [T])> {
    parts(rows, insert.dollar())
}

/// Why rows could not be poured in: the engine, or the maker of the rows.
pub(super) enum Spilt {
    Engine(sqlx::Error),
    Rows(StoreError),
}

impl From<sqlx::Error> for Spilt {
    fn from(error: sqlx::Error) -> Self {
        Self::Engine(error)
    }
}

/// Pours rows into a SQLite table. While the engine's own thread runs one statement, the rows of the next are made here.
pub(super) async fn pour_sqlite<T, I>(
    connection: &mut SqliteConnection,
    insert: &'static Insert,
    mut rows: I,
    bind: fn(&mut SqliteArguments, T) -> Result<(), sqlx::error::BoxDynError>,
) -> Result<u64, Spilt>
where
    I: Iterator<Item = Result<T, StoreError>> + Send,
    T: Send,
{
    let texts = insert.question();
    let mut poured = 0;
    let mut ready = statements(&mut rows, texts, insert.columns, bind)?;
    while !ready.is_empty() {
        let mut next = None;
        for (text, arguments) in ready {
            let run = sqlx::query_with(text.sql, arguments).execute(&mut *connection);
            let (done, made) = tokio::join!(run, async {
                // A short statement is the last: nothing comes behind it.
                if text.rows == SIZES[0] { Some(statements(&mut rows, texts, insert.columns, bind)) } else { None }
            });
            poured += done?.rows_affected();
            next = made.or(next);
        }
        ready = next.transpose()?.unwrap_or_default();
    }
    Ok(poured)
}

type Statements = Vec<(Text, SqliteArguments)>;

fn statements<T>(
    rows: &mut impl Iterator<Item = Result<T, StoreError>>,
    texts: [Text; 3],
    columns: usize,
    bind: fn(&mut SqliteArguments, T) -> Result<(), sqlx::error::BoxDynError>,
) -> Result<Statements, Spilt> {
    let mut made = rows.take(SIZES[0]).collect::<Result<Vec<T>, StoreError>>().map_err(Spilt::Rows)?.into_iter();
    let mut statements = Vec::new();
    for text in texts {
        while made.len() >= text.rows {
            let mut arguments = SqliteArguments::default();
            sqlx::Arguments::reserve(&mut arguments, text.rows * columns, 0);
            for row in made.by_ref().take(text.rows) {
                bind(&mut arguments, row).map_err(sqlx::Error::Encode)?;
            }
            statements.push((text, arguments));
        }
    }
    Ok(statements)
}

/// A row in COPY's binary form (PostgreSQL documentation, COPY, "Binary Format").
pub(super) struct Tuple<'a>(&'a mut Vec<u8>);

impl Tuple<'_> {
    pub(super) fn bytes(&mut self, value: &[u8]) {
        // PostgreSQL refuses fields above 1 GB; rows hold far less.
        self.0.extend(i32::try_from(value.len()).unwrap_or(i32::MAX).to_be_bytes());
        self.0.extend(value);
    }

    pub(super) fn null(&mut self) {
        self.0.extend((-1_i32).to_be_bytes());
    }

    pub(super) fn maybe(&mut self, value: Option<&[u8]>) {
        match value {
            Some(value) => self.bytes(value),
            None => self.null(),
        }
    }

    pub(super) fn big(&mut self, value: i64) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn int(&mut self, value: i32) {
        self.bytes(&value.to_be_bytes());
    }

    pub(super) fn small(&mut self, value: i16) {
        self.bytes(&value.to_be_bytes());
    }
}

/// Pours rows into a PostgreSQL table by COPY in binary form; `columns` is what `write` writes of each.
pub(super) async fn pour_postgres<T, I>(
    connection: &mut PgConnection,
    copy: &'static str,
    columns: i16,
    rows: I,
    write: fn(&mut Tuple<'_>, T),
) -> Result<u64, Spilt>
where
    I: Iterator<Item = Result<T, StoreError>> + Send,
    T: Send,
{
    let underway = Underway::default();
    let mut copying = connection.copy_in_raw(copy).await?;
    let mut buffer = Vec::with_capacity(SEND + SEND / 4);
    buffer.extend(b"PGCOPY\n\xff\r\n\0");
    buffer.extend([0; 8]);
    for row in rows {
        match row {
            Ok(row) => {
                buffer.extend(columns.to_be_bytes());
                write(&mut Tuple(&mut buffer), row);
            }
            Err(error) => {
                copying.abort("the rows could not be made").await?;
                underway.ended();
                return Err(Spilt::Rows(error));
            }
        }
        if buffer.len() >= SEND {
            copying.send(buffer.as_slice()).await?;
            buffer.clear();
        }
    }
    buffer.extend((-1_i16).to_be_bytes());
    copying.send(buffer.as_slice()).await?;
    let done = copying.finish().await;
    underway.ended();
    Ok(done?)
}

/// The last moment at which a COPY was dropped half-way.
static DROPPED: Mutex<Option<Instant>> = Mutex::new(None);

/// A COPY whose future may be dropped: its caller went away, or was cancelled. What PostgreSQL answers afterwards belongs to
/// nobody, and the next statement on that connection would take it for its own answer.
#[derive(Default)]
struct Underway {
    ended: bool,
}

impl Underway {
    fn ended(mut self) {
        self.ended = true;
    }
}

impl Drop for Underway {
    fn drop(&mut self) {
        if !self.ended
            && let Ok(mut dropped) = DROPPED.lock()
        {
            *dropped = Some(Instant::now());
        }
    }
}

/// Whether a connection of that age may be out of step: it was open when a COPY was dropped. Which one it was cannot be told
/// from outside, and it happens seldom: all of them are closed when their turn comes, and new ones opened.
pub(super) fn out_of_step(age: Duration) -> bool {
    DROPPED.lock().is_ok_and(|dropped| dropped.is_some_and(|dropped| dropped.elapsed() <= age))
}

#[cfg(test)]
mod tests {
    use super::*;

    static PAIRS: Insert = Insert::new("INSERT INTO t (a, b) VALUES", 2, "ON CONFLICT DO NOTHING");

    #[test]
    fn texts_have_a_placeholder_for_every_value() {
        let [most, some, one] = PAIRS.dollar();
        assert_eq!(one.sql, "INSERT INTO t (a, b) VALUES ($1,$2) ON CONFLICT DO NOTHING");
        assert!(some.sql.contains("($31,$32)"));
        assert!(most.sql.contains("($511,$512)"));
        let [most, ..] = PAIRS.question();
        assert!(most.sql.starts_with("INSERT OR FAIL INTO t (a, b) VALUES (?,?),(?,?)"));
        assert_eq!(most.sql.matches('?').count(), 512);
    }

    #[test]
    fn rows_are_parted_into_the_largest_statements() {
        let rows: Vec<usize> = (0..546).collect();
        let parts = question_parts(&PAIRS, &rows);
        let sizes: Vec<usize> = parts.iter().map(|(text, _)| text.rows).collect();
        assert_eq!(sizes, [256, 256, 16, 16, 1, 1]);
        assert_eq!(parts.iter().flat_map(|(_, rows)| rows.iter().copied()).collect::<Vec<_>>(), rows);
    }
}
