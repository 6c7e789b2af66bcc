//! `iamctl account import`.

use std::cell::{Cell, RefCell};
use std::io::{BufRead, BufReader, Seek, SeekFrom};
use std::path::PathBuf;
use std::pin::pin;

use api::Exit;
use api::account::{ImportAccounts, Imported, MAX_ROWS, RefusedRow};
use clap::Args;
use domain::RegistrationRules;
use client::tabular::{Column, Section};
use client::times::spaced;
use client::{Answered, CallOptions, Tabular};
use futures_util::{StreamExt as _, stream};
use serde::Serialize;

use crate::failure::{Failure, UNKNOWN};
use crate::files::apart;
use crate::files::registrations::{Batches, Checked, changed, check, columns, located, places};
use crate::files::{spooled, unreadable};
use crate::output::{Answer, aside};
use crate::progress::Progress;
use crate::session::Session;
use crate::verb::Verb;

/// So many refused rows are listed, the others are counted.
const MAX_LISTED: usize = 10_000;
/// Batches on their way at once: while the server stores one, it checks the next.
const AT_ONCE: usize = 2;
const GOES_ON: &str = "give the same command again: it goes on where it stopped";

/// Register accounts from a file, one JSON object a line
#[derive(Debug, Args)]
#[command(after_help = "The file is checked whole before anything is sent. Then its rows go in batches
of 5 000, each done whole or not at all; the same command again goes on where it
stopped. Rows that are refused as things stand are listed, exit 8.

A row is unchanged when its card number has that registration already: channel,
moment, tier, place and phone are compared. Names and dates lie sealed and are
not.

Examples:
  iamctl account import -f registrations.jsonl
  zcat registrations.jsonl.gz | iamctl account import -f -")]
pub struct Import {
    /// The file, or '-' for standard input
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
}

/// What an import did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ImportDone {
    file: String,
    digest: String,
    rows: u64,
    registered: u64,
    unchanged: u64,
    refused: u64,
    refused_rows: Vec<RefusedRow>,
}

impl Tabular for ImportDone {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("file", "FILE", |row: &Self| row.file.clone()),
                Column::number("rows", "ROWS", |row: &Self| spaced(row.rows), |row: &Self| row.rows.to_string()),
                Column::number(
                    "registered",
                    "REGISTERED",
                    |row: &Self| spaced(row.registered),
                    |row: &Self| row.registered.to_string(),
                ),
                Column::number(
                    "unchanged",
                    "UNCHANGED",
                    |row: &Self| spaced(row.unchanged),
                    |row: &Self| row.unchanged.to_string(),
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

impl Verb for Import {
    type Row = ImportDone;

    async fn run(self, session: &Session) -> Result<Answer<ImportDone>, Failure> {
        if session.flags.idempotency_key.is_some() {
            return Err(Failure::usage("usage.idempotency-key", "an import makes its own keys, from the file")
                .changed("nothing was sent"));
        }
        let (name, mut file) = spooled::open(self.file).await?;
        // Checking keeps a thread busy; an interruption must still be heard.
        let checking = {
            let (name, mut file) = (name.clone(), file.try_clone().map_err(|error| unreadable(&name, &error.to_string()))?);
            let terminal = session.terminal;
            let environment = session.context()?.0.file.environment;
            apart(move || {
                let places = places()?;
                let rules = RegistrationRules { now: client::surroundings::now(), environment, places: &places };
                let size = file.metadata().map_or(0, |metadata| metadata.len());
                let progress = Progress::new(terminal, size);
                // The position is what the file was read to, a buffer ahead of the line that is looked at.
                let mut place = file.try_clone().map_err(|error| unreadable(&name, &error.to_string()))?;
                check(&name, BufReader::with_capacity(1 << 16, &mut file), rules, || {
                    progress.at(place.stream_position().unwrap_or_default(), size, "bytes checked");
                })
            })
        };
        let checked = checking.await?;
        file.seek(SeekFrom::Start(0)).map_err(|error| unreadable(&name, &error.to_string()))?;
        session.connection()?;
        session.repeat_by(GOES_ON);

        let mut done = ImportDone {
            file: name.clone(),
            digest: checked.digest.clone(),
            rows: checked.rows,
            registered: 0,
            unchanged: 0,
            refused: 0,
            refused_rows: Vec::new(),
        };
        let mut again = file.try_clone().map_err(|error| unreadable(&name, &error.to_string()))?;
        let batches = RefCell::new(Batches::of(&name, BufReader::with_capacity(1 << 16, file), MAX_ROWS));
        let sent = match send(session, &checked, &batches, &mut done).await {
            Ok(sent) => sent,
            Err(mut failure) => {
                // Nothing more is read to be sent. Where the file cannot be read again the lines are told without columns.
                if again.seek(SeekFrom::Start(0)).is_ok() {
                    let _ = columns(&mut failure, &name, BufReader::with_capacity(1 << 16, again));
                }
                return Err(failure);
            }
        };
        if batches.into_inner().digest() != checked.digest {
            return Err(changed(&name).changed(standing(sent.rows, 0)));
        }
        let exit = if done.refused == 0 { Exit::Done } else { Exit::RowsRefused };
        let mut answer = Answer::one(done).exit(exit);
        if sent.before > 0 {
            let before = spaced(sent.before);
            answer = answer.tell(format!("{before} of the rows were in before; this is what was done with them then"));
        }
        if session.flags.dry_run {
            aside("dry run: nothing was changed");
        }
        Ok(answer)
    }
}

/// How many rows were sent, and how many of them a server had answered for before.
struct Sent {
    rows: u64,
    before: u64,
}

/// Sends the file batch by batch and adds up the answers.
async fn send(
    session: &Session,
    checked: &Checked,
    batches: &RefCell<Batches<impl BufRead>>,
    done: &mut ImportDone,
) -> Result<Sent, Failure> {
    let progress = Progress::new(session.terminal, checked.rows);
    let broken = Cell::new(false);
    let name = done.file.clone();
    let next = |chunk: u32| {
        let (broken, digest, name) = (&broken, &checked.digest, name.as_str());
        async move {
            if broken.get() {
                return None;
            }
            let rows = match batches.borrow_mut().next() {
                Ok(rows) if rows.is_empty() => return None,
                rows => rows,
            };
            let key = format!("import-{}-{chunk}", digest.get(..32).unwrap_or_default());
            let options = CallOptions { idempotency_key: Some(key), ..session.options() };
            let op = rows.map(|rows| ImportAccounts { file: digest.clone(), chunk, rows });
            let answer = async move {
                let op = op?;
                let lines: Vec<u64> = op.rows.iter().map(|row| row.line).collect();
                let answered = session.answered(&op, options).await;
                Ok((lines.len() as u64, answered.map_err(|failure| located(failure, name, &lines))?))
            };
            Some((answer, chunk + 1))
        }
    };
    let at_once = if checked.repeats { 1 } else { AT_ONCE };
    let mut answers = pin!(stream::unfold(0, next).buffered(at_once));
    let (mut sent, mut behind, mut before) = (0_u64, 0_u64, 0_u64);
    let mut failures = Vec::new();
    while let Some(answer) = answers.next().await {
        let (count, answered): (u64, Answered<Imported>) = match answer {
            Ok(answered) => answered,
            // What was sent beside it is waited for, so that all that stands can be told.
            Err(broke) => {
                broken.set(true);
                failures.push(broke);
                continue;
            }
        };
        if !failures.is_empty() {
            behind += count;
            continue;
        }
        sent += count;
        before += u64::from(answered.replayed) * count;
        let imported = answered.reply;
        done.registered += imported.registered;
        done.unchanged += imported.unchanged;
        done.refused += imported.refused.len() as u64;
        let room = MAX_LISTED.saturating_sub(done.refused_rows.len());
        done.refused_rows.extend(imported.refused.into_iter().take(room));
        progress.at(sent, checked.rows, "rows");
    }
    progress.over();
    match failures.is_empty() {
        true => Ok(Sent { rows: sent, before }),
        false => Err(broken_off(failures, sent, behind)),
    }
}

fn standing(sent: u64, behind: u64) -> String {
    match (sent, behind) {
        (0, 0) => "nothing was imported".to_owned(),
        (0, _) => format!("the {} rows behind the first batch are in and stay", spaced(behind)),
        (_, 0) => format!("the first {} rows are in and stay", spaced(sent)),
        _ => format!("the first {} rows are in and stay, and so are the {} behind the next batch", spaced(sent), spaced(behind)),
    }
}

/// The first failure, with what stands.
fn broken_off(failures: Vec<Failure>, sent: u64, behind: u64) -> Failure {
    let unknown = failures.iter().any(|failure| failure.changed.as_deref() == Some(UNKNOWN));
    let next = match (failures.len(), unknown) {
        (0 | 1, true) => "of the next batch it is not known",
        (0 | 1, false) => "of the next batch nothing",
        (_, true) => "of the next batches it is not known",
        (_, false) => "of the next batches nothing",
    };
    let mut failure = failures.into_iter().next().unwrap_or_else(|| Failure::new(Exit::Failed, "internal", "no batch failed"));
    failure.changed = Some(format!("{}; {next}", standing(sent, behind)));
    if failure.retryable {
        failure.hint = Some(GOES_ON.to_owned());
    }
    failure
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_stands_is_said_when_an_import_breaks_off() {
        let mut failure = Failure::new(Exit::Unavailable, "server.not-confirmed", "x").changed(UNKNOWN);
        failure.retryable = true;
        let failure = broken_off(vec![failure], 70_000, 0);
        assert_eq!(failure.changed.as_deref(), Some("the first 70 000 rows are in and stay; of the next batch it is not known"));
        assert_eq!(failure.hint.as_deref(), Some(GOES_ON));
        let refused = broken_off(vec![Failure::new(Exit::Denied, "role.denied", "x")], 70_000, 5_000);
        assert_eq!(
            refused.changed.as_deref(),
            Some("the first 70 000 rows are in and stay, and so are the 5 000 behind the next batch; of the next batch nothing")
        );
    }
}
