//! `iamd backup`: the instance in one encrypted file, while it is served or not.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use domain::Timestamp;
use pki::backup::{FileKey, Head};
use serde_json::json;
use tokio_util::sync::CancellationToken;
use zeroize::Zeroizing;

use super::container::{SealedWriter, Whole};
use super::locks::{self, Ask};
use super::partial::Partial;
use super::parts;
use crate::anchor::{self, Anchor};
use crate::app::App;
use crate::data_dir::{self, BELONGINGS, Belonging, KEY_FILE, Lock, ROOT_KEY_FILE};
use crate::instance::health::free_bytes;
use crate::instance::open::{Ports, open};
use crate::settings::Settings;
use crate::store::{Engine, Housekeeping};

/// The copy of a SQLite database that is being sealed; it has no name any more once it is whole.
const COPY: &str = "backup-copy.tmp";
/// The name of the database's part.
pub const DATABASE: &str = "iam.db";
/// What the head, the other files and the file system need besides the database.
const BESIDES: u64 = 4 << 20;

/// What is asked for.
pub struct Wanted<'a> {
    /// Where to; not there yet.
    pub to: &'a Path,
    /// Certificates to encrypt to; without any, a passphrase.
    pub recipients: &'a [PathBuf],
    /// Asks the person at the terminal.
    pub ask: Ask<'a>,
}

/// What was made.
pub struct Made {
    /// Its head.
    pub head: Head,
    /// Digest and length.
    pub whole: Whole,
    /// Entries that the newest checkpoint in it covers.
    pub entries: u64,
    /// What the operator should know besides, a line each.
    pub warnings: Vec<String>,
}

/// It was ended by a signal; nothing is left of it.
#[derive(Debug, thiserror::Error)]
#[error("interrupted; nothing was written")]
pub struct Interrupted;

/// Backs the instance in `dir` up.
///
/// # Errors
/// One line with the mend; then nothing is left where the backup would be.
pub async fn back_up(
    dir: &Path,
    settings: Settings,
    ports: Ports,
    wanted: Wanted<'_>,
    stop: &CancellationToken,
) -> anyhow::Result<Made> {
    let partial = Partial::begin(wanted.to)?;
    let _alone = data_dir::lock(dir, Lock::Backup)?;
    sweep(dir);
    let app = open(dir, settings, ports).await?;
    let now = app.clock.now();
    let key = FileKey::generate()?;
    let locks = locks::make(wanted.recipients, &key, now, wanted.ask)?;
    let mut warnings: Vec<String> = locks.ended.iter().map(|ended| format!("the certificate in {ended}")).collect();

    // Before the copy: what was seen by then is in it.
    let anchor = Anchor::of(&mut app.store.read().await?, now).await?;
    let entries = anchor.high_water()?.entries;
    let mut contents = contents(&app, &anchor)?;
    if contents.iter().any(|content| content.name == ROOT_KEY_FILE) {
        warnings.push(format!(
            "the root authority's key lies in {} and so in the backup; keep it elsewhere, and give it to 'iamd ca'",
            dir.join(ROOT_KEY_FILE).display()
        ));
    }
    let copy = copy(&app, wanted.to, stop).await?;
    if let Some(copy) = copy {
        contents.push(Content { name: DATABASE.to_owned(), length: copy.metadata()?.len(), from: Box::new(copy) });
    }
    let head = head(&app, now, &contents, locks.locks);
    let (partial, whole) = seal(partial, head.clone(), key, contents, stop.clone()).await?;
    partial.sync()?;
    ensure!(!stop.is_cancelled(), Interrupted);

    // The entry before the file: there is no copy of the keys that the log does not know.
    let facts = json!({
        "sha256": whole.sha256,
        "bytes": whole.bytes,
        "recipients": locks.recipients,
        "passphrase": locks.recipients.is_empty(),
        "holds": head.holds,
        "entries": entries,
    });
    record(&app, facts).await.context("the audit log takes no entry of this backup, so there is none; nothing of it is left")?;
    app.store.engine().close().await;
    partial.publish()?;
    Ok(Made { head, whole, entries, warnings })
}

struct Content {
    name: String,
    length: u64,
    from: Box<dyn Read + Send>,
}

/// Everything but the database. Before the database is copied: the keys of a rotation that begins meanwhile lie in it under those
/// that are here.
fn contents(app: &App, anchor: &Anchor) -> anyhow::Result<Vec<Content>> {
    let held = |name: &str, bytes: Zeroizing<Vec<u8>>| Content {
        name: name.to_owned(),
        length: bytes.len() as u64,
        from: Box::new(io::Cursor::new(bytes)),
    };
    let mut contents = vec![held(anchor::FILE, Zeroizing::new(serde_json::to_vec_pretty(anchor)?))];
    for Belonging { name, .. } in BELONGINGS {
        let path = app.data_dir.join(name);
        if *name == KEY_FILE {
            // As they are unlocked: the file of a node that was away during a rotation has fewer.
            contents.push(held(name, Zeroizing::new(app.keys.now().ring().to_file_text().as_bytes().to_vec())));
            continue;
        }
        match fs::read(&path) {
            Ok(bytes) => contents.push(held(name, Zeroizing::new(bytes))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot read {}", path.display())),
        }
    }
    Ok(contents)
}

fn head(app: &App, now: Timestamp, contents: &[Content], locks: Vec<pki::backup::Lock>) -> Head {
    Head {
        instance: app.instance.clone(),
        environment: app.environment,
        made_at: now,
        program: env!("CARGO_PKG_VERSION").to_owned(),
        engine: app.store.engine().name().to_owned(),
        schema: Engine::known_schema(),
        holds: contents.iter().map(|content| content.name.clone()).collect(),
        locks,
    }
}

/// A copy of the database, open and without a name; none on PostgreSQL.
async fn copy(app: &App, to: &Path, stop: &CancellationToken) -> anyhow::Result<Option<File>> {
    let Some(size) = app.store.engine().copy_size().await? else { return Ok(None) };
    let dir = &app.data_dir;
    require_room(dir, to, size, app.settings.disk_reserve)?;
    let path = dir.join(COPY);
    if let Err(error) = app.store.engine().copy_into(&path, stop).await {
        sweep(dir);
        ensure!(!stop.is_cancelled(), Interrupted);
        return Err(error).context("the database cannot be copied; nothing was written");
    }
    let file = File::open(&path).with_context(|| format!("cannot read {}", path.display()));
    sweep(dir);
    file.map(Some)
}

/// The copy lies beside the database, whose owner alone enters the folder: it is sealed as the database is, and no more.
fn require_room(dir: &Path, to: &Path, size: u64, reserve: u64) -> anyhow::Result<()> {
    let folder = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let same = fs::metadata(dir)?.dev() == fs::metadata(folder)?.dev();
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    let need = |place: &Path, bytes: u64, why: &str| -> anyhow::Result<()> {
        let free = free_bytes(place).with_context(|| format!("cannot look at {}", place.display()))?;
        ensure!(
            free >= bytes,
            "{} has {} MiB free, and {why} need {} MiB; free some space, or let --to name another disk. Nothing was written",
            place.display(),
            mib(free),
            mib(bytes)
        );
        Ok(())
    };
    let backup = size + BESIDES;
    if same {
        return need(dir, size + backup + reserve, "a copy of the database, the backup and the node's reserve");
    }
    need(dir, size + reserve, "a copy of the database and the node's reserve")?;
    need(folder, backup, "the backup")
}

/// Removes the copy that a run which was killed has left, or its name.
pub fn sweep(dir: &Path) {
    for name in [COPY, "backup-copy.tmp-journal"] {
        let _ = fs::remove_file(dir.join(name));
    }
}

async fn seal(
    partial: Partial,
    head: Head,
    key: FileKey,
    contents: Vec<Content>,
    stop: CancellationToken,
) -> anyhow::Result<(Partial, Whole)> {
    let stopped = stop.clone();
    let sealed = tokio::task::spawn_blocking(move || -> io::Result<(Partial, Whole)> {
        let mut to = SealedWriter::begin(Stoppable { to: &partial.file, stop }, &head, &key)?;
        for content in contents {
            parts::put(&mut to, &content.name, content.length, content.from)?;
        }
        parts::end(&mut to)?;
        let (_, whole) = to.finish()?;
        Ok((partial, whole))
    });
    match sealed.await? {
        Ok(sealed) => Ok(sealed),
        Err(_) if stopped.is_cancelled() => Err(Interrupted.into()),
        Err(error) => Err(error).context("the backup cannot be written, and nothing of it is left"),
    }
}

/// A file whose writer is told when to stop.
struct Stoppable<'a> {
    to: &'a File,
    stop: CancellationToken,
}

impl Write for Stoppable<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.stop.is_cancelled() {
            return Err(io::Error::other(Interrupted));
        }
        self.to.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

async fn record(app: &App, facts: serde_json::Value) -> anyhow::Result<()> {
    let step = Housekeeping::Step { action: "instance.backup", subject: app.instance.clone(), facts };
    Ok(app.store.write().await?.commit_housekeeping(step).await?)
}
