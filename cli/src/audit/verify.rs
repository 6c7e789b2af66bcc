//! `iamctl audit verify`.

use std::path::{Path, PathBuf};

use api::Exit;
use clap::Args;
use client::audit_log::{Part, Reading};
use pki::Certificate;
use pki::audit_log::{CheckpointFile, FirstBad, Verdict, Verification};
use pki::checkpoint::VerifierKey;
use pki::succession::Trust;

use super::export::in_quarantine;
use super::offline::offline;
use crate::failure::Failure;
use crate::files::unreadable;
use crate::output::Answer;
use crate::progress::Progress;
use crate::session::Session;
use crate::verb::Verb;

/// Verify the audit log: from an export without the server, or streamed from it
#[derive(Debug, Args)]
#[command(after_help = "Give --vkey, --checkpoint and --root from what was kept elsewhere: then it is
not the server's word that is believed. A kept checkpoint shows a log that was
rolled back or rewritten, a kept root time stamps of some other service. A bad
log is exit 1.

Examples:
  iamctl audit verify --from export --vkey kept/vkey --checkpoint kept/812
  iamctl audit verify --from export --vkey kept/vkey --root kept/root.crt
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
    /// The root by which time stamps verify; the export's own when absent
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "from")]
    root: Option<PathBuf>,
}

impl Verb for Verify {
    type Row = Verdict;

    async fn run(self, session: &Session) -> Result<Answer<Verdict>, Failure> {
        let kept = self.checkpoint.as_deref().map(text_of).transpose()?;
        let given = self.vkey.as_deref().map(verifier_key).transpose()?;
        let root = self.root.as_deref().map(root_of).transpose()?;
        let own = given.is_none();
        let (verdict, stamps) = match self.from {
            Some(folder) => offline(session.terminal, folder, given, kept, root).await?,
            None => (streamed(session, given, kept).await?, None),
        };
        if let Some(stamps) = stamps {
            session.say(&stamps);
        }
        let exit = if verdict.ok { Exit::Done } else { Exit::Failed };
        let answer = Answer::one(verdict).exit(exit);
        Ok(if own {
            answer.tell("the log's own verifier key was believed; --vkey takes one that was kept elsewhere")
        } else {
            answer
        })
    }
}

/// The server's log, page by page: memory holds a page of entries and a page of checkpoints.
async fn streamed(session: &Session, given: Option<VerifierKey>, kept: Option<String>) -> Result<Verdict, Failure> {
    let mut reading = Reading::begin(session).await?;
    let vkey = match given {
        Some(vkey) => vkey,
        None => parse_vkey(reading.vkey())?,
    };
    // The kept checkpoint may be signed by a key that was announced meanwhile.
    let mut trust = Trust::new(vkey);
    trust.follow(reading.announcements());
    let mut verification = Verification::new(Vec::new(), kept.as_deref(), trust);
    let progress = Progress::new(session.terminal, reading.tree_size());
    let mut entries = 0;
    while let Some(part) = reading.next().await? {
        match part {
            Part::Announcements(all) => verification.announcements(&all),
            Part::Leaves(leaves) => {
                leaves.iter().for_each(|leaf| verification.entry(leaf.as_bytes()));
                entries += leaves.len() as u64;
                progress.at(entries, reading.tree_size(), "entries");
            }
            Part::Checkpoints(newer) => {
                let files = newer.into_iter().map(|view| CheckpointFile { tree_size: view.tree_size, note: view.note });
                verification.checkpoints(files.collect());
            }
        }
    }
    progress.over();
    if reading.quarantined() > 0 {
        session.say(&in_quarantine(reading.quarantined(), "'iamctl audit export' writes them out"));
    }
    let verdict = verification.verdict();
    Ok(match reading.amiss() {
        // What was sealed is whole; what comes after it never will be.
        Some(amiss) if verdict.ok => {
            let reason = format!("the server seals nothing any more: {amiss}");
            let first_bad = Some(FirstBad { from: verdict.tree_size, to: verdict.tree_size, reason });
            Verdict { ok: false, first_bad, ..verdict }
        }
        _ => verdict,
    })
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

/// The root's certificate, PEM or DER.
fn root_of(path: &Path) -> Result<Certificate, Failure> {
    let bytes = client::files::read(path, 64 * 1024)?;
    Certificate::from_pem(&bytes).or_else(|_| Certificate::from_der(&bytes)).map_err(|_| {
        Failure::usage("audit.root", format!("{} holds no certificate", path.display()))
            .hint("give the root's certificate as it was kept, PEM or DER: '/ca/root-1.crt' of the pki listener")
    })
}

/// A small text file: a key, a checkpoint.
fn text_of(path: &Path) -> Result<String, Failure> {
    let bytes = client::files::read(path, 64 * 1024)?;
    String::from_utf8(bytes).map_err(|_| unreadable(&path.display().to_string(), "it is no text"))
}
