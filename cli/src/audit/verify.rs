//! `iamctl audit verify`.

use std::convert::Infallible;
use std::fs::{self, File};
use std::io::BufReader;
use std::path::{Path, PathBuf};

use api::Exit;
use api::audit::ExportAudit;
use clap::Args;
use pki::audit_log::{self, CheckpointFile, Verdict};
use pki::checkpoint::VerifierKey;
use tokio::sync::mpsc;

use super::export::{BATCH, every_checkpoint};
use crate::failure::Failure;
use crate::files::unreadable;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Verify the audit log: from an export without the server, or streamed from it
#[derive(Debug, Args)]
#[command(after_help = "Give --vkey and --checkpoint from what was kept elsewhere: then it is not the
server's word that is believed. A kept checkpoint shows a log that was rolled
back or rewritten. A bad log is exit 1.

Examples:
  iamctl audit verify --from export --vkey kept/vkey --checkpoint kept/812
  iamctl audit verify -o json")]
pub struct Verify {
    /// A folder that 'audit export' wrote; the server's log when absent
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    from: Option<PathBuf>,
    /// The verifier key, or a file with it; the log's own when absent
    #[arg(long, value_name = "KEY")]
    vkey: Option<String>,
    /// A checkpoint that was kept from before
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    checkpoint: Option<PathBuf>,
}

impl Verb for Verify {
    type Row = Verdict;

    async fn run(self, session: &Session) -> Result<Answer<Verdict>, Failure> {
        let kept = self.checkpoint.as_deref().map(text_of).transpose()?;
        let given = self.vkey.as_deref().map(verifier_key).transpose()?;
        let own = given.is_none();
        let verdict = match self.from {
            Some(folder) => offline(folder, given, kept).await?,
            None => streamed(session, given, kept).await?,
        };
        let exit = if verdict.ok { Exit::Done } else { Exit::Failed };
        let answer = Answer::one(verdict).exit(exit);
        Ok(if own {
            answer.tell("the log's own verifier key was believed; --vkey takes one that was kept elsewhere")
        } else {
            answer
        })
    }
}

async fn offline(folder: PathBuf, given: Option<VerifierKey>, kept: Option<String>) -> Result<Verdict, Failure> {
    let vkey = match given {
        Some(vkey) => vkey,
        None => parse_vkey(
            &text_of(&folder.join("vkey")).map_err(|failure| failure.hint("is it a folder that 'iamctl audit export' wrote?"))?,
        )?,
    };
    let checkpoints = checkpoints_in(&folder.join("checkpoints"))?;
    let path = folder.join("entries.jsonl");
    let name = path.display().to_string();
    // Reading and hashing keep a thread busy; an interruption must still be heard.
    let verified = tokio::task::spawn_blocking(move || {
        let file = File::open(&path)?;
        audit_log::verify(audit_log::leaves(BufReader::new(file)), checkpoints, kept.as_deref(), &vkey)
    });
    match verified.await {
        Ok(verdict) => verdict.map_err(|error| unreadable(&name, &error.to_string())),
        Err(error) => Err(Failure::new(Exit::Failed, "internal", error.to_string())),
    }
}

fn checkpoints_in(folder: &Path) -> Result<Vec<CheckpointFile>, Failure> {
    let name = folder.display().to_string();
    let mut checkpoints = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(&name, &error.to_string()))? {
        let path = entry.map_err(|error| unreadable(&name, &error.to_string()))?.path();
        let size = path.file_name().and_then(|name| name.to_str()).and_then(|name| name.parse().ok());
        let Some(tree_size) = size else {
            let message = format!("{} does not belong into an export: checkpoints are named by their tree size", path.display());
            return Err(Failure::usage("audit.export", message));
        };
        checkpoints.push(CheckpointFile { tree_size, note: text_of(&path)? });
    }
    Ok(checkpoints)
}

/// The server's log, page by page: memory holds the checkpoints and two pages of entries.
async fn streamed(session: &Session, given: Option<VerifierKey>, kept: Option<String>) -> Result<Verdict, Failure> {
    let (vkey, checkpoints) = every_checkpoint(session).await?;
    let vkey = match given {
        Some(vkey) => vkey,
        None => parse_vkey(&vkey)?,
    };
    let end = checkpoints.last().map_or(0, |checkpoint| checkpoint.tree_size);
    let files = checkpoints
        .into_iter()
        .map(|checkpoint| CheckpointFile { tree_size: checkpoint.tree_size, note: checkpoint.note })
        .collect();
    let (give, mut take) = mpsc::channel::<Vec<String>>(1);
    let verified = tokio::task::spawn_blocking(move || {
        let entries = std::iter::from_fn(|| take.blocking_recv()).flatten().map(Ok::<_, Infallible>);
        audit_log::verify(entries, files, kept.as_deref(), &vkey)
    });
    let mut from = 0;
    while from < end {
        let limit = u32::try_from(end - from).unwrap_or(BATCH).min(BATCH);
        let page = session.call(&ExportAudit { from, limit }).await?;
        let Some(next) = from.checked_add(page.leaves.len() as u64).filter(|next| *next > from) else { break };
        from = next;
        if give.send(page.leaves).await.is_err() {
            break;
        }
    }
    drop(give);
    match verified.await {
        Ok(Ok(verdict)) => Ok(verdict),
        Ok(Err(never)) => match never {},
        Err(error) => Err(Failure::new(Exit::Failed, "internal", error.to_string())),
    }
}

/// The key itself, or a file that holds it.
fn verifier_key(given: &str) -> Result<VerifierKey, Failure> {
    match given.parse() {
        Ok(vkey) => Ok(vkey),
        Err(_) if Path::new(given).is_file() => parse_vkey(&text_of(Path::new(given))?),
        Err(_) => parse_vkey(given),
    }
}

fn parse_vkey(text: &str) -> Result<VerifierKey, Failure> {
    text.trim().parse().map_err(|error: pki::PkiError| {
        Failure::usage("audit.vkey", format!("that is no verifier key: {error}"))
            .hint("give the one line of the file 'vkey', or the file itself")
    })
}

/// A small text file: a key, a checkpoint.
fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = client::files::read(path, 64 * 1024)?;
    String::from_utf8(bytes).map_err(|_| unreadable(&path.display().to_string(), "it is no text"))
}
