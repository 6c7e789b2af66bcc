//! `iamctl stats run`.

mod pack;
pub mod schedule;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use api::Exit;
use api::stats::{FreezeMonth, FrozenMonth, LegcoReport, ListFrozen, Question, RestateMonth, RestateReason, Restatement, View};
use clap::Args;
use client::{CallOptions, Tabular};
use client::surroundings;
use client::tabular::Column;
use client::times::spaced;
use domain::{Day, Month};
use render::Language;
use serde::Serialize;

use self::pack::{Files, Manifest, Packs, pretty};
use self::schedule::{Form, Ready, Report, Written};
use crate::failure::Failure;
use crate::flags::Format;
use crate::output::{self, Answer, Body, Broken, Look, Style, aside};
use crate::session::Session;
use crate::stats::document::made;
use crate::verb::Verb;

/// Write the reports of a closed month into a folder, whole or not at all
#[derive(Debug, Args)]
#[command(after_help = "A schedule names reports: question files beside it, languages, formats ('iamctl
explain schedule' shows its fields). They are written to DIR/MONTH with a
manifest of digests, as at the last day of the month and as known when it was
closed: the same again writes the same bytes. A pack that is there is never
written over. What came late for the month goes to DIR/MONTH-late-DAY, once for
each state of it, and is told by exit 11. Questions are tried before a month is
closed: what the platform refuses closes nothing.

Exit 0 written; 10 nothing new; 11 written, and data came late; 7 a file there
was altered, or the month no longer gives the digest it was closed with.

Examples:
  iamctl stats run -f scripts/reports/schedule.yaml --to /srv/reports --yes
  iamctl stats run -f schedule.yaml --month 2022-05 --to . --dry-run")]
pub struct Run {
    /// What to write
    #[arg(short, long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// The month; the last one that has ended when absent
    #[arg(long, value_name = "MONTH")]
    month: Option<Month>,
    /// The folder of packs; it must be there
    #[arg(long, value_name = "DIR", value_hint = clap::ValueHint::DirPath)]
    to: PathBuf,
    /// The font of PDFs; Noto Sans CJK of the system when absent
    #[arg(long, value_name = "FILE", env = surroundings::REPORT_FONT, hide_env_values = true, value_hint = clap::ValueHint::FilePath)]
    font: Option<PathBuf>,
}

/// A file of a pack.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Filed {
    pack: String,
    file: String,
    bytes: u64,
    sha256: String,
}

impl Tabular for Filed {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("pack", "PACK", |row: &Self| row.pack.clone()),
                Column::text("file", "FILE", |row: &Self| row.file.clone()),
                Column::number("bytes", "BYTES", |row: &Self| spaced(row.bytes), |row: &Self| row.bytes.to_string()),
                Column::text("sha256", "SHA-256", |row: &Self| row.sha256.clone()).wide(),
            ]
        }
    }
}

impl Verb for Run {
    type Row = Filed;

    async fn run(self, session: &Session) -> Result<Answer<Filed>, Failure> {
        session.no_idempotency_key("stats run", "closes a month once, however often it is asked")?;
        // Everything of this machine first: a month cannot be opened again.
        let ready = schedule::read(self.file, self.font.as_deref()).await?;
        let packs = Packs::take(&self.to)?;
        let month = self.month.unwrap_or_else(|| surroundings::now().hk_day().month().previous());
        let (frozen, closed) = closed(session, month, &ready, &packs).await?;
        reported(&self.to, session, &packs, &ready, frozen).await.map_err(|failure| match closed {
            true => {
                let changed = failure.changed.clone().unwrap_or_else(|| "no report was written".to_owned());
                failure.changed(format!("{month} was closed by this run; {changed}"))
            }
            false => failure,
        })
    }
}

/// The reports of a closed month, and what came late for it.
async fn reported(
    to: &Path,
    session: &Session,
    packs: &Packs<'_>,
    ready: &Ready,
    frozen: FrozenMonth,
) -> Result<Answer<Filed>, Failure> {
        let month = frozen.month;
        let restated = session.call(&RestateMonth { month, known_at: None, view: Some(View::Published) }).await?;
        if !restated.intact {
            let message = format!("{month} is not what was closed: its counters give another digest, or its signature does not hold");
            return Err(Failure::new(Exit::Differs, "report.not-intact", message)
                .changed("no report was written")
                .hint(format!("iamctl stats verify {month} finds where")));
        }

        let name = month.to_string();
        let mut replies = BTreeMap::new();
        let files = files(session, ready, month, frozen.known_at, &mut replies).await?;
        let manifest = Manifest { replies, ..Manifest::of(&frozen, frozen.known_at, &files) };
        let differences = packs.differences(&name, &manifest, &files)?;
        if let Some(differences) = differences.as_ref().filter(|differences| !differences.is_empty()) {
            let message = format!("{} differs from what it would be: {}", to.join(&name).display(), differences.join("; "));
            return Err(Failure::new(Exit::Differs, "report.differs", message)
                .changed("nothing was written over")
                .hint("put the files back, or move the folder away and give the same command again"));
        }
        for name in packs.late(month)? {
            let faults = packs.faults(&name)?;
            if !faults.is_empty() {
                let message = format!("{} is not what was written: {}", to.join(&name).display(), faults.join("; "));
                return Err(Failure::new(Exit::Differs, "report.differs", message).changed("no report was written"));
            }
        }
        let late = late(packs, &frozen, &restated).await?;
        let mut rows = Vec::new();
        if differences.is_none() {
            put(session, packs, &name, &manifest, &files, &mut rows)?;
        }
        let Some((name, files)) = late else {
            let exit = if rows.is_empty() { Exit::NothingNew } else { Exit::Done };
            let told = if rows.is_empty() { format!("{} is there, nothing new", to.join(&name).display()) } else { String::new() };
            return Ok(over(session, rows, exit, told));
        };
        let written = rows.len();
        let late = put(session, packs, &name, &Manifest::of(&frozen, restated.known_at, &files), &files, &mut rows);
        late.map_err(|failure| if written > 0 { failure.changed(format!("the pack of {month} is written; {name} is not")) } else { failure })?;
        let told = format!("data came late for {month}: see {}", to.join(&name).display());
        Ok(over(session, rows, Exit::LateData, told))
    }

fn over(session: &Session, rows: Vec<Filed>, exit: Exit, told: String) -> Answer<Filed> {
    if session.flags.dry_run {
        aside("dry run: nothing was written");
    }
    if !told.is_empty() {
        aside(&told);
    }
    Answer::list(rows).exit(exit)
}

/// The month as it was closed, and whether it was closed just now: where the schedule says so.
async fn closed(session: &Session, month: Month, ready: &Ready, packs: &Packs<'_>) -> Result<(FrozenMonth, bool), Failure> {
    packs.holds_a_pack_or_nothing(&month.to_string())?;
    let frozen = session.call(&ListFrozen {}).await?.into_iter().find(|frozen| frozen.month == month);
    match frozen {
        Some(frozen) => return Ok((frozen, false)),
        None if !ready.freeze => {
            return Err(Failure::new(Exit::Conflict, "stats.not-frozen", format!("{month} is not closed"))
                .changed("no report was written")
                .hint(format!("'iamctl stats freeze {month}', or 'freeze: true' in the schedule")));
        }
        None => {}
    }
    // As it would be closed, for the questions that are tried on it: a month cannot be opened again.
    let rehearsed = CallOptions { dry_run: true, ..session.options() };
    let known_at = session.answered(&FreezeMonth { month, known_at: None }, rehearsed).await?.reply.known_at;
    for (report, question) in &ready.reports {
        session.call(&asked(report, question, month, known_at)).await?;
    }
    if session.flags.dry_run {
        // A dry run would leave nothing that could be reported on.
        return Err(Failure::new(Exit::Conflict, "stats.not-frozen", format!("{month} is not closed yet"))
            .changed("nothing was changed")
            .hint("without --dry-run it would be closed first"));
    }
    let question = format!("Freeze {month}: its published figures can never be changed, only restated?");
    session.confirm::<FreezeMonth>(&question, &month.to_string()).await?;
    aside(&format!("closing {month}"));
    Ok((session.call(&FreezeMonth { month, known_at: Some(known_at) }).await?, true))
}

/// What a report asks of the platform.
fn asked(report: &Report, question: &Option<Question>, month: Month, known_at: Day) -> LegcoReport {
    LegcoReport { as_at: month.last_day(), known_at: Some(known_at), question: question.clone(), view: report.view }
}

/// Every file of the schedule, as it would be written, and the digest of each reply.
async fn files(
    session: &Session,
    ready: &Ready,
    month: Month,
    known_at: Day,
    replies: &mut BTreeMap<String, String>,
) -> Result<Files, Failure> {
    let mut files = Files::new();
    for (number, (report, question)) in ready.reports.iter().enumerate() {
        aside(&format!("{} of {}: {}", number + 1, ready.reports.len(), report.name));
        let reply = session.call(&asked(report, question, month, known_at)).await?;
        replies.insert(report.name.clone(), reply.digest.clone());
        for form in &report.formats {
            let document = |format: Format| {
                let languages = if report.languages.is_empty() { &[Written::Both][..] } else { &report.languages };
                let one = |written: &Written| Ok((called(report, *written, *form), made(&reply, written.language(), format, ready.fonts.as_ref())?));
                languages.iter().map(one).collect::<Result<Vec<_>, Failure>>()
            };
            match form {
                Form::Text => files.extend(document(Format::Text)?),
                Form::Md => files.extend(document(Format::Md)?),
                Form::Html => files.extend(document(Format::Html)?),
                Form::Pdf => files.extend(document(Format::Pdf)?),
                Form::Xlsx => files.extend(document(Format::Xlsx)?),
                Form::Csv => drop(files.insert(format!("{}.csv", report.name), printed(reply.clone(), Format::Csv).await?)),
                Form::Json => drop(files.insert(format!("{}.json", report.name), printed(reply.clone(), Format::Json).await?)),
            }
        }
    }
    Ok(files)
}

impl Written {
    fn language(self) -> Language {
        match self {
            Self::En => Language::En,
            Self::ZhHant => Language::ZhHant,
            Self::Both => Language::Both,
        }
    }
}

/// `lcq5.pdf`, `lcq5.zh-Hant.pdf`.
fn called(report: &Report, written: Written, form: Form) -> String {
    let language = match written {
        Written::En => ".en",
        Written::ZhHant => ".zh-Hant",
        Written::Both => "",
    };
    let ending = match form {
        Form::Text => "txt",
        Form::Md => "md",
        Form::Html => "html",
        Form::Pdf => "pdf",
        Form::Xlsx => "xlsx",
        Form::Csv => "csv",
        Form::Json => "json",
    };
    format!("{}{language}.{ending}", report.name)
}

/// A reply as it is printed to a program or a file.
async fn printed<T: Tabular>(reply: T, format: Format) -> Result<Vec<u8>, Failure> {
    let style = Style { format, columns: Vec::new(), bom: false, look: Look { color: false, room: None } };
    let mut bytes = Vec::new();
    match output::print(Body::One(reply), &style, &mut bytes).await {
        Ok(()) | Err(Broken::Pipe) => Ok(bytes),
        Err(Broken::Failed(failure)) => Err(failure),
    }
}

/// What came late for the month, and what its folder is called; none where nothing did, or all of it was told before.
async fn late(packs: &Packs<'_>, frozen: &FrozenMonth, restated: &Restatement) -> Result<Option<(String, Files)>, Failure> {
    // A definition that has a new version alone is no data: the frozen figures keep theirs.
    let late = |reason: &RestateReason| reason.kind != "definition-changed";
    if restated.rows.is_empty() && restated.suppressed == 0 && !restated.reasons.iter().any(late) {
        return Ok(None);
    }
    let same = |name: &String| {
        let told = packs.file(name, RESTATEMENT).and_then(|bytes| serde_json::from_slice::<Restatement>(&bytes).ok());
        let reasons = |of: &Restatement| of.reasons.iter().map(|reason| (reason.kind.clone(), reason.count)).collect::<Vec<_>>();
        told.is_some_and(|told| told.rows == restated.rows && told.suppressed == restated.suppressed && reasons(&told) == reasons(restated))
    };
    let before = packs.late(frozen.month)?;
    if before.iter().any(same) {
        return Ok(None);
    }
    let mut name = format!("{}-late-{}", frozen.month, restated.known_at);
    // Two states of one day.
    for number in 2_u32.. {
        if !before.contains(&name) {
            break;
        }
        name = format!("{}-late-{}-{number}", frozen.month, restated.known_at);
    }
    let mut files = Files::from([(RESTATEMENT.to_owned(), pretty(restated)?)]);
    for (ending, format) in [("txt", Format::Table), ("csv", Format::Csv)] {
        files.insert(format!("restatement.{ending}"), printed(restated.clone(), format).await?);
    }
    Ok(Some((name, files)))
}

const RESTATEMENT: &str = "restatement.json";

/// Writes a pack, and lists what is in it.
fn put(
    session: &Session,
    packs: &Packs<'_>,
    name: &str,
    manifest: &Manifest,
    files: &Files,
    rows: &mut Vec<Filed>,
) -> Result<(), Failure> {
    if !session.flags.dry_run {
        packs.put(name, manifest, files)?;
    }
    rows.extend(manifest.files.iter().map(|(file, listed)| Filed {
        pack: name.to_owned(),
        file: file.clone(),
        bytes: listed.bytes,
        sha256: listed.sha256.clone(),
    }));
    Ok(())
}
