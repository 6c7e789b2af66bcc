//! `iamctl stats import`.

use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::time::Duration;

use api::Exit;
use api::account::RefusedRow;
use api::stats::{ImportUses, MAX_USES, UsesImported};
use clap::Args;
use client::Tabular;
use client::tabular::{Column, Section};
use client::times::spaced;
use serde::Serialize;
use tokio::time::Instant;

use crate::failure::Failure;
use crate::files::uses::{Checked, Chunks, check};
use crate::files::{apart, registrations, spooled, unreadable};
use crate::output::{Answer, aside};
use crate::progress::Progress;
use crate::session::Session;
use crate::verb::Verb;

/// Uses of one request: on SQLite a login waits for as long as they take to be stored.
const CHUNK: usize = 100;
/// The longest rest between two requests. Each rests for as long as the one before it took, so that logins have the database for
/// as long as this file has.
const REST: Duration = Duration::from_millis(50);
/// So many refused lines are listed, the others are counted.
const MAX_LISTED: usize = 10_000;
const GOES_ON: &str = "give the same command again: what is on record already counts once";

/// Take in uses that a service counted itself, one JSON object a line, late ones and corrections too
#[derive(Debug, Args)]
#[command(after_help = "The file is checked whole before anything is sent. Each use has a key; one that
the source has sent before counts once, so the same file may be sent again. They
are recorded today, whenever they were: what is known at an earlier day stays.

A line with 'corrects' takes the place of an earlier one, which is taken off
today: without use at all, when its outcome is 'cancelled'. Lines that are
refused as things stand are listed, exit 8. No person is known of such uses:
they are not among distinct users. 'iamctl explain use' shows the fields.

Examples:
  iamctl stats import -f fixtures/late-uses.jsonl --source etax-2022-05
  zcat uses.jsonl.gz | iamctl stats import -f - --source etax-2022-05")]
pub struct Import {
    /// The file, or '-' for standard input
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Whose keys these are: 1 to 64 lower-case letters, digits, dots and hyphens
    #[arg(long, value_name = "NAME")]
    source: String,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct UsesDone {
    file: String,
    digest: String,
    source: String,
    rows: u64,
    recorded: u64,
    duplicates: u64,
    corrections: u64,
    refused: u64,
    refused_rows: Vec<RefusedRow>,
}

impl Tabular for UsesDone {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("file", "FILE", |row: &Self| row.file.clone()),
                Column::text("source", "SOURCE", |row: &Self| row.source.clone()),
                Column::number("rows", "ROWS", |row: &Self| spaced(row.rows), |row: &Self| row.rows.to_string()),
                Column::number("recorded", "RECORDED", |row: &Self| spaced(row.recorded), |row: &Self| row.recorded.to_string()),
                Column::number(
                    "corrections",
                    "OF THEM CORRECTIONS",
                    |row: &Self| spaced(row.corrections),
                    |row: &Self| row.corrections.to_string(),
                ),
                Column::number(
                    "duplicates",
                    "KNOWN BEFORE",
                    |row: &Self| spaced(row.duplicates),
                    |row: &Self| row.duplicates.to_string(),
                ),
                Column::number("refused", "REFUSED", |row: &Self| spaced(row.refused), |row: &Self| row.refused.to_string()),
                Column::text("digest", "SHA-256", |row: &Self| row.digest.clone()),
            ]
        }
    }

    fn sections(&self) -> Vec<Section> {
        if self.refused_rows.is_empty() { Vec::new() } else { vec![Section::of("Refused", &self.refused_rows)] }
    }
}

impl UsesDone {
    fn of(file: String, source: String, checked: &Checked) -> Self {
        Self {
            file,
            digest: checked.digest.clone(),
            source,
            rows: checked.rows,
            recorded: 0,
            duplicates: 0,
            corrections: 0,
            refused: 0,
            refused_rows: Vec::new(),
        }
    }

    /// Adds what became of a chunk that stands in those lines.
    fn add(&mut self, reply: UsesImported, lines: &[u64]) {
        self.recorded += reply.recorded;
        self.duplicates += reply.duplicates;
        self.corrections += reply.corrections;
        self.refused += reply.refused.len() as u64;
        let room = MAX_LISTED.saturating_sub(self.refused_rows.len());
        self.refused_rows.extend(reply.refused.into_iter().take(room).map(|field| RefusedRow {
            line: line_of(&field.path, lines).unwrap_or_default(),
            code: field.code.unwrap_or_default(),
            message: field.message,
        }));
    }
}

/// The line that `uses[3].at` is about.
fn line_of(path: &str, lines: &[u64]) -> Option<u64> {
    let (place, _) = path.strip_prefix("uses[")?.split_once(']')?;
    lines.get(place.parse::<usize>().ok()?).copied()
}

impl Verb for Import {
    type Row = UsesDone;

    async fn run(self, session: &Session) -> Result<Answer<UsesDone>, Failure> {
        session.no_idempotency_key("stats import", "knows each use by its own key")?;
        let (name, mut file) = spooled::open(self.file).await?;
        let cannot = |error: std::io::Error| unreadable(&name, &error.to_string());
        // Checking keeps a thread busy; an interruption must still be heard.
        let checking = {
            let (name, file, terminal) = (name.clone(), file.try_clone().map_err(cannot)?, session.terminal);
            apart(move || {
                let size = file.metadata().map_or(0, |metadata| metadata.len());
                let progress = Progress::new(terminal, size);
                let mut place = file.try_clone().map_err(|error| unreadable(&name, &error.to_string()))?;
                check(&name, BufReader::with_capacity(1 << 16, file), || {
                    progress.at(place.stream_position().unwrap_or_default(), size, "bytes checked");
                })
            })
        };
        let checked = checking.await?;
        file.seek(SeekFrom::Start(0)).map_err(cannot)?;
        session.connection()?;
        let what = format!("Put {} uses of {name} on record?", spaced(checked.rows));
        session.confirm::<ImportUses>(&what, &self.source).await?;
        session.repeat_by(GOES_ON);

        let size = if session.flags.dry_run { MAX_USES } else { CHUNK };
        let mut chunks = Chunks::of(&name, BufReader::with_capacity(1 << 16, file), size);
        let mut done = UsesDone::of(name.clone(), self.source, &checked);
        send(session, &mut chunks, &mut done).await?;
        if chunks.digest() != checked.digest {
            return Err(registrations::changed(&name).changed(standing(done.rows)));
        }
        let exit = if done.refused == 0 { Exit::Done } else { Exit::RowsRefused };
        let answer = Answer::one(done).exit(exit);
        if !session.flags.dry_run {
            return Ok(answer);
        }
        aside("dry run: nothing was changed");
        Ok(if checked.rows > MAX_USES as u64 {
            answer.tell("nothing was kept from one part of the file to the next: corrections across them may have been refused")
        } else {
            answer
        })
    }
}

/// Sends the file chunk by chunk, one after the other: a correction comes behind what it corrects.
async fn send(session: &Session, chunks: &mut Chunks<impl BufRead>, done: &mut UsesDone) -> Result<(), Failure> {
    let progress = Progress::new(session.terminal, done.rows);
    let mut sent = 0;
    loop {
        let (lines, uses) = chunks.next().map_err(|failure| failure.changed(standing(sent)))?;
        if uses.is_empty() {
            progress.over();
            return Ok(());
        }
        let op = ImportUses { source: done.source.clone(), uses };
        let asked = Instant::now();
        match session.answered(&op, session.options()).await {
            Ok(answered) => {
                done.add(answered.reply, &lines);
                tokio::time::sleep(asked.elapsed().min(REST)).await;
            }
            Err(mut failure) => {
                progress.over();
                if sent > 0 {
                    let of_next = failure.changed.take().unwrap_or_default();
                    failure.changed = Some(format!("{}; of the next chunk: {of_next}", standing(sent)));
                }
                if failure.retryable {
                    failure.hint = Some(GOES_ON.to_owned());
                }
                return Err(failure);
            }
        }
        sent += lines.len() as u64;
        progress.at(sent, done.rows, "uses");
    }
}

fn standing(sent: u64) -> String {
    match sent {
        0 => "nothing was put on record".to_owned(),
        _ => format!("the first {} uses were dealt with and that stays", spaced(sent)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_by_its_line() {
        assert_eq!(line_of("uses[1].at", &[1, 3, 4]), Some(3));
        assert_eq!(line_of("uses[3].at", &[1, 3, 4]), None);
        assert_eq!(line_of("source", &[1]), None);
    }
}
