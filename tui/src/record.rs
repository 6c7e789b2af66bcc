//! A session written down and played again. What is typed of a person is written as a number of characters; what the server
//! answers is masked by its own types.

use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use domain::Timestamp;
use serde::{Deserialize, Serialize};

use crate::event::Happened;
use crate::state::{Look, Place, State};

/// The first line: how the dashboard was opened.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Opened {
    /// When.
    pub at: Timestamp,
    /// Where it was connected to.
    pub place: Place,
    /// How it was drawn.
    pub look: Look,
    /// Columns and rows.
    pub size: (u16, u16),
}

/// Writes a session down, one JSON line an event.
pub struct Recorder<W> {
    to: W,
}

impl Recorder<BufWriter<File>> {
    /// Into a file that only its owner can read.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn create(path: &Path, opened: &Opened) -> io::Result<Self> {
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
        // The mode above is for a new file only.
        file.set_permissions(Permissions::from_mode(0o600))?;
        Self::begin(BufWriter::new(file), opened)
    }
}

impl<W: Write> Recorder<W> {
    /// Begins with how it was opened.
    ///
    /// # Errors
    /// As the writer does.
    pub fn begin(mut to: W, opened: &Opened) -> io::Result<Self> {
        line(&mut to, opened)?;
        Ok(Self { to })
    }

    /// Writes what is about to be taken in by `state`.
    ///
    /// # Errors
    /// As the writer does.
    pub fn write(&mut self, state: &State, happened: &Happened) -> io::Result<()> {
        let private = if state.is_private(&happened.event) { happened.event.redacted() } else { None };
        match private {
            Some(event) => line(&mut self.to, &Happened { at: happened.at, event }),
            None => line(&mut self.to, happened),
        }?;
        // A session that ends badly is the one that is wanted.
        self.to.flush()
    }

    /// What was written.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.to
    }
}

fn line(to: &mut impl Write, value: &impl Serialize) -> io::Result<()> {
    client::json::write_line(&mut *to, value)?;
    to.write_all(b"\n")
}

/// Plays a recorded session again and answers the state at its end. Its actions are not performed: what they brought is in
/// the recording.
///
/// # Errors
/// The first line that is none of a recording.
pub fn replay(recording: &str, grammar: Option<clap::Command>) -> Result<State, String> {
    let mut lines = recording.lines().enumerate();
    let wrong = |number: usize, error: serde_json::Error| format!("line {}: {error}", number + 1);
    let (number, first) = lines.next().ok_or("the recording is empty")?;
    let opened: Opened = serde_json::from_str(first).map_err(|error| wrong(number, error))?;
    let (mut state, _) = State::open(opened.place, opened.look, grammar, opened.size, opened.at);
    for (number, line) in lines {
        let happened: Happened = serde_json::from_str(line).map_err(|error| wrong(number, error))?;
        state.apply(happened);
    }
    Ok(state)
}

#[cfg(test)]
mod tests {
    use domain::Environment;

    use super::*;

    #[test]
    fn a_file_that_was_there_before_is_closed_to_others() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("session.jsonl");
        std::fs::write(&path, "an older session").unwrap();
        std::fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
        let opened = Opened {
            at: Timestamp::from_micros(1_654_000_000_000_000),
            place: Place {
                context: "demo".to_owned(),
                server: "https://127.0.0.1:7443".to_owned(),
                environment: Environment::Sandbox,
                operator: "first-operator".to_owned(),
            },
            look: Look { ascii: false, color: true },
            size: (80, 24),
        };
        drop(Recorder::create(&path, &opened).unwrap());
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert!(!std::fs::read_to_string(&path).unwrap().contains("older"));
    }
}
