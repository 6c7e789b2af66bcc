//! `iamctl audit export`.

use std::collections::HashSet;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use api::Exit;
use api::audit::{CheckpointView, Unplaced};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use clap::Args;
use client::Tabular;
use client::audit_log::{self, Part, Reading};
use client::tabular::Column;
use client::times::spaced;
use serde::Serialize;

use super::stamps::{ROOT, STAMPS};
use crate::failure::Failure;
use crate::output::Answer;
use crate::progress::Progress;
use crate::session::Session;
use crate::verb::Verb;

/// Write the audit log to a new folder, for 'audit verify --from' or a verifier of your own
#[derive(Debug, Args)]
#[command(after_help = "Writes entries.jsonl, unsealed.jsonl, checkpoints/<tree size> and vkey;
stamps/<tree size> for checkpoints with a time stamp, announcements/<number>
where one verifier key followed another, quarantine.jsonl
where entries were put into the database past the server. The folder appears
when it is whole. Keep the vkey and a checkpoint elsewhere. A log
that is shorter or longer than its last checkpoint is written all the same, and
is exit 1.

Examples:
  iamctl audit export --to audit-2022-05-31")]
pub struct Export {
    /// A folder that is new or empty
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    to: PathBuf,
}

/// What was written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Exported {
    to: String,
    entries: u64,
    unsealed: u64,
    checkpoints: u64,
    tree_size: u64,
}

impl Tabular for Exported {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("to", "FOLDER", |row: &Self| row.to.clone()),
                Column::number("entries", "ENTRIES", |row: &Self| spaced(row.entries), |row: &Self| row.entries.to_string()),
                Column::number("unsealed", "UNSEALED", |row: &Self| spaced(row.unsealed), |row: &Self| row.unsealed.to_string()),
                Column::number(
                    "checkpoints",
                    "CHECKPOINTS",
                    |row: &Self| spaced(row.checkpoints),
                    |row: &Self| row.checkpoints.to_string(),
                ),
                Column::number(
                    "tree_size",
                    "TREE SIZE",
                    |row: &Self| spaced(row.tree_size),
                    |row: &Self| row.tree_size.to_string(),
                ),
            ]
        }
    }
}

impl Verb for Export {
    type Row = Exported;

    async fn run(self, session: &Session) -> Result<Answer<Exported>, Failure> {
        let passing = Passing::begin(&self.to)?;
        // Asked for first: what is sealed meanwhile is then in one place or the other, never in none.
        let mut unsealed = audit_log::unplaced(session, Unplaced::Waiting).await?;
        let mut reading = Reading::begin(session).await?;
        let mut waiting: HashSet<&str> = unsealed.iter().map(String::as_str).collect();
        let mut sealed_meanwhile = HashSet::new();
        let mut file = passing.file("entries.jsonl")?;
        let progress = Progress::new(session.terminal, reading.tree_size());
        let (mut entries, mut checkpoints) = (0, 0);
        let mut announcements = Vec::new();
        while let Some(part) = reading.next().await? {
            match part {
                Part::Announcements(all) => announcements = all,
                Part::Leaves(leaves) => {
                    for leaf in &leaves {
                        if waiting.remove(leaf.as_str()) {
                            sealed_meanwhile.insert(leaf.clone());
                        }
                        writeln!(file, "{leaf}").map_err(|error| passing.fault(&error))?;
                    }
                    entries += leaves.len() as u64;
                    progress.at(entries, reading.tree_size(), "entries");
                }
                Part::Checkpoints(newer) => {
                    for checkpoint in &newer {
                        passing.write(&format!("checkpoints/{}", checkpoint.tree_size), checkpoint.note.as_bytes())?;
                        passing.stamp(checkpoint, reading.root())?;
                    }
                    checkpoints += newer.len() as u64;
                }
            }
        }
        progress.over();
        passing.finish(file)?;
        unsealed.retain(|leaf| !sealed_meanwhile.contains(leaf));
        passing.lines("unsealed.jsonl", &unsealed)?;
        let quarantined = audit_log::unplaced(session, Unplaced::Quarantined).await?;
        if !quarantined.is_empty() {
            passing.lines("quarantine.jsonl", &quarantined)?;
            session.say(&in_quarantine(quarantined.len() as u64, "quarantine.jsonl has them"));
        }
        passing.announcements(&announcements)?;
        passing.write("vkey", format!("{}\n", reading.vkey().trim_end()).as_bytes())?;
        passing.put_in_place()?;
        let tree_size = reading.tree_size();
        let to = self.to.display().to_string();
        let answer = Answer::one(Exported { to, entries, unsealed: unsealed.len() as u64, checkpoints, tree_size });
        if let Some(amiss) = reading.amiss() {
            session.say(&format!("the server seals nothing any more: {amiss}"));
        }
        if entries == tree_size {
            return Ok(if reading.amiss().is_some() { answer.exit(Exit::Failed) } else { answer });
        }
        session.say(&format!(
            "the log is not whole: it has {} entries and its last checkpoint is over {}; 'iamctl audit verify --from {}' says more",
            spaced(entries),
            spaced(tree_size),
            self.to.display()
        ));
        Ok(answer.exit(Exit::Failed))
    }
}

/// What is said of entries that no node has written.
pub(super) fn in_quarantine(entries: u64, more: &str) -> String {
    let entries = if entries == 1 { "1 entry lies".to_owned() } else { format!("{} entries lie", spaced(entries)) };
    format!("{entries} in the database that no node of the instance has written, set aside and not sealed; {more}")
}

/// A folder on its way: written beside the wanted one, put in its place when whole, taken away when not.
struct Passing {
    wanted: PathBuf,
    folder: PathBuf,
    done: std::cell::Cell<bool>,
}

impl Passing {
    fn begin(wanted: &Path) -> Result<Self, Failure> {
        match fs::read_dir(wanted) {
            Ok(mut entries) => {
                if entries.next().is_some() {
                    return Err(Failure::usage("folder.not-empty", format!("the folder {} is not empty", wanted.display()))
                        .changed("nothing was written")
                        .hint("name a new folder"));
                }
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(crate::files::unreadable(&wanted.display().to_string(), &error.to_string())),
        }
        let name = wanted.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
        let folder = wanted.with_file_name(format!(".{name}.{}", std::process::id()));
        let passing = Self { wanted: wanted.to_owned(), folder, done: false.into() };
        let made = DirBuilder::new()
            .mode(0o700)
            .create(&passing.folder)
            .and_then(|()| fs::create_dir(passing.folder.join("checkpoints")));
        made.map_err(|error| passing.fault(&error))?;
        Ok(passing)
    }

    fn file(&self, name: &str) -> Result<BufWriter<File>, Failure> {
        let opened = OpenOptions::new().write(true).create_new(true).mode(0o600).open(self.folder.join(name));
        Ok(BufWriter::new(opened.map_err(|error| self.fault(&error))?))
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), Failure> {
        let mut file = self.file(name)?;
        file.write_all(bytes).map_err(|error| self.fault(&error))?;
        self.finish(file)
    }

    /// A folder of its own, where there are any: an export of a log with one key is what it always was.
    fn announcements(&self, notes: &[String]) -> Result<(), Failure> {
        if notes.is_empty() {
            return Ok(());
        }
        fs::create_dir(self.folder.join("announcements")).map_err(|error| self.fault(&error))?;
        for (number, note) in (1..).zip(notes) {
            self.write(&format!("announcements/{number}"), note.as_bytes())?;
        }
        Ok(())
    }

    /// A folder of its own, where there are any: what a checkpoint is judged by besides has its name in another folder.
    fn stamp(&self, checkpoint: &CheckpointView, root: &str) -> Result<(), Failure> {
        let Some(token) = checkpoint.time_stamp.as_deref().and_then(|token| BASE64_STANDARD.decode(token).ok()) else {
            return Ok(());
        };
        if !self.folder.join(STAMPS).exists() {
            fs::create_dir(self.folder.join(STAMPS)).map_err(|error| self.fault(&error))?;
            self.write(&format!("{STAMPS}/{ROOT}"), root.as_bytes())?;
        }
        self.write(&format!("{STAMPS}/{}", checkpoint.tree_size), &token)
    }

    fn lines(&self, name: &str, lines: &[String]) -> Result<(), Failure> {
        let mut file = self.file(name)?;
        for line in lines {
            writeln!(file, "{line}").map_err(|error| self.fault(&error))?;
        }
        self.finish(file)
    }

    fn finish(&self, file: BufWriter<File>) -> Result<(), Failure> {
        file.into_inner().map_err(|error| self.fault(error.error()))?.sync_all().map_err(|error| self.fault(&error))
    }

    fn put_in_place(&self) -> Result<(), Failure> {
        File::open(&self.folder).and_then(|folder| folder.sync_all()).map_err(|error| self.fault(&error))?;
        fs::rename(&self.folder, &self.wanted).map_err(|error| self.fault(&error))?;
        self.done.set(true);
        Ok(())
    }

    fn fault(&self, error: &io::Error) -> Failure {
        Failure::new(Exit::Failed, "file", format!("cannot write {}: {error}", self.wanted.display()))
            .changed("the log was read, and no export was kept")
            .hint("see that there is room and that the folder above it can be written, then give the same command again")
    }
}

impl Drop for Passing {
    fn drop(&mut self) {
        if !self.done.get() {
            // Best effort: what is left over is hidden and named after this process.
            let _ = fs::remove_dir_all(&self.folder);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_appears_whole_or_not_at_all() {
        let home = tempfile::tempdir().unwrap();
        let wanted = home.path().join("export");
        let passing = Passing::begin(&wanted).unwrap();
        passing.write("vkey", b"x").unwrap();
        drop(passing);
        assert_eq!(fs::read_dir(home.path()).unwrap().count(), 0);

        fs::create_dir(&wanted).unwrap();
        let passing = Passing::begin(&wanted).unwrap();
        passing.write("checkpoints/7", b"note").unwrap();
        passing.put_in_place().unwrap();
        drop(passing);
        assert_eq!(fs::read(wanted.join("checkpoints/7")).unwrap(), b"note");

        let failure = Passing::begin(&wanted).err().unwrap();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Usage, "folder.not-empty"));
        let failure = Passing::begin(&home.path().join("none/export")).err().unwrap();
        assert_eq!((failure.exit, failure.code.as_str()), (Exit::Failed, "file"));
    }
}
