//! `iamd restore --from`: a backup into an empty folder. Everything is verified before anything is written.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::Path;

use anyhow::{Context, ensure};
use domain::Timestamp;
use pki::KeyRing;
use pki::backup::{FileKey, Head};
use serde_json::json;
use zeroize::Zeroizing;

use super::container::{Locked, SealedReader, Whole};
use super::locks::{self, Ask};
use super::make::DATABASE;
use super::parts;
use super::unproven::{self, RESTORED, Restored};
use crate::anchor::{self, Anchor};
use crate::data_dir::{self, Access, BELONGINGS, KEY_FILE};
use crate::instance::health::free_bytes;
use crate::instance::open::{Ports, open, read_instance};
use crate::settings::{self, Settings, Source};
use crate::store::{Create, Engine, Housekeeping, Location, Read as Snapshot};

/// No part but the database is longer.
const LONGEST_PART: u64 = 1 << 20;

/// What is asked for.
pub struct Wanted<'a> {
    /// The backup.
    pub from: &'a Path,
    /// File of a recipient's private key; without it the passphrase is asked for.
    pub key: Option<&'a Path>,
    /// Takes the place of the database URL in the settings.
    pub database_url: Option<String>,
    /// The `IAMD_*` variables that are set.
    pub environment: &'a Source,
    /// Asks the person at the terminal.
    pub ask: Ask<'a>,
}

/// What was restored.
pub struct Done {
    /// What the backup says of itself.
    pub head: Head,
    /// When it was restored.
    pub at: Timestamp,
    /// Whether the schema is this program's.
    pub schema: Schema,
}

/// Whether the database can be used as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Schema {
    /// It can.
    Current,
    /// It waits for `iamd migrate`.
    Older,
}

/// Restores a backup into `dir`.
///
/// # Errors
/// One line with the mend; then the folder is as it was.
pub async fn restore(dir: &Path, wanted: Wanted<'_>, ports: Ports) -> anyhow::Result<Done> {
    require_empty(dir)?;
    let (head, key, contents) = verify(&wanted)?;
    let settings = contents.settings(dir, &wanted)?;
    ensure!(
        head.schema <= Engine::known_schema(),
        "the backup has schema {}, and this program knows {}; install the version of iamd that made it ({}), or a newer one. Nothing was written",
        head.schema,
        Engine::known_schema(),
        domain::visible(&head.program)
    );
    let schema = if head.schema == Engine::known_schema() { Schema::Current } else { Schema::Older };
    match &settings.database {
        Location::File(_) => require_room(dir, contents.database)?,
        Location::Url(_) => require_restored_database(&settings, &head, &contents.anchor).await?,
    }
    let at = ports.clock.now();
    let existed = dir.exists();
    data_dir::private_folder(dir)?;
    let written = write(dir, &wanted, &head, &key, &contents, at).and_then(|()| contents.write_settings(dir, &wanted));
    let checked = match written {
        Ok(()) if schema == Schema::Current => record(dir, settings, ports, &contents, &head).await,
        Ok(()) => Ok(()),
        Err(error) => Err(error),
    };
    if let Err(error) = checked {
        clear(dir, existed);
        return Err(error.context(format!("{} is as it was", dir.display())));
    }
    Ok(Done { head, at, schema })
}

fn require_empty(dir: &Path) -> anyhow::Result<()> {
    data_dir::require_own_folder(dir)?;
    let empty = match fs::read_dir(dir) {
        Ok(mut entries) => entries.next().is_none(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => true,
        Err(error) => return Err(error).with_context(|| format!("cannot look into {}", dir.display())),
    };
    ensure!(empty, "{} is not empty; restore into a new folder. Nothing was changed", dir.display());
    Ok(())
}

/// What the backup holds besides its database, verified.
struct Contents {
    whole: Whole,
    /// Bytes of the database's part.
    database: Option<u64>,
    anchor: Anchor,
    file: settings::File,
    small: BTreeMap<String, Zeroizing<Vec<u8>>>,
}

fn unlock(wanted: &Wanted<'_>, key: Option<FileKey>) -> anyhow::Result<(Head, FileKey, SealedReader<BufReader<File>>)> {
    let shown = wanted.from.display();
    let file = File::open(wanted.from).with_context(|| format!("cannot read {shown}"))?;
    ensure!(file.metadata()?.is_file(), "{shown} is no file: it is read twice");
    let locked = Locked::read(BufReader::with_capacity(1 << 16, file)).with_context(|| format!("cannot restore {shown}"))?;
    let head = locked.head.clone();
    let key = match key {
        Some(key) => key,
        None => locks::open(&head, wanted.key, wanted.ask)?,
    };
    let opened = locked.unlock(&key).with_context(|| format!("cannot restore {shown}; nothing was written"))?;
    Ok((head, key, opened))
}

/// Reads all of it once.
fn verify(wanted: &Wanted<'_>) -> anyhow::Result<(Head, FileKey, Contents)> {
    let (head, key, mut opened) = unlock(wanted, None)?;
    let mut small = BTreeMap::new();
    let mut database = None;
    let mut names = Vec::new();
    let read = (|| -> io::Result<Whole> {
        while let Some((name, length)) = parts::next(&mut opened)? {
            let mut part = (&mut opened).take(length);
            if name == DATABASE {
                database = Some(length);
                io::copy(&mut part, &mut io::sink())?;
            } else if length <= LONGEST_PART {
                let mut bytes = Zeroizing::new(Vec::with_capacity(length as usize));
                part.read_to_end(&mut bytes)?;
                small.insert(name.clone(), bytes);
            }
            names.push(name);
        }
        opened.finish()
    })();
    let whole = read.with_context(|| format!("cannot restore {}; nothing was written", wanted.from.display()))?;
    let known = |name: &String| name == DATABASE || name == anchor::FILE || BELONGINGS.iter().any(|ours| ours.name == name);
    ensure!(
        names == head.holds && names.iter().all(known),
        "{} holds parts that this version of iamd does not know; restore it with the version that made it ({}). Nothing was written",
        wanted.from.display(),
        domain::visible(&head.program)
    );
    let contents = Contents::of(whole, database, small).context("the backup is not complete; nothing was written")?;
    ensure!(
        (&contents.anchor.instance, contents.anchor.environment) == (&head.instance, head.environment),
        "the backup holds an anchor of another instance; nothing was written"
    );
    Ok((head, key, contents))
}

impl Contents {
    fn of(whole: Whole, database: Option<u64>, small: BTreeMap<String, Zeroizing<Vec<u8>>>) -> anyhow::Result<Self> {
        let text = |name: &str| -> anyhow::Result<&str> {
            let bytes = small.get(name).with_context(|| format!("it has no {name}"))?;
            std::str::from_utf8(bytes).map_err(|_| anyhow::anyhow!("its {name} is not text"))
        };
        KeyRing::from_file_text(text(KEY_FILE)?)?;
        let anchor: Anchor = serde_json::from_str(text(anchor::FILE)?).context("its anchor is damaged")?;
        let file = settings::File::parse(text(settings::FILE)?)?;
        Ok(Self { whole, database, anchor, file, small })
    }

    /// The settings that the instance will run with.
    fn settings(&self, dir: &Path, wanted: &Wanted<'_>) -> anyhow::Result<Settings> {
        let flags: Source = wanted.database_url.iter().map(|url| ("database-url", url.clone())).collect();
        let settings = Settings::settle(dir, &flags, wanted.environment, &self.file)?;
        match (&settings.database, self.database) {
            (Location::File(_), Some(_)) | (Location::Url(_), None) => Ok(settings),
            (Location::File(_), None) => anyhow::bail!(
                "the instance is on PostgreSQL, and the backup's settings do not say where; give --database-url. Nothing was written"
            ),
            (Location::Url(_), Some(_)) => anyhow::bail!(
                "the backup holds its own SQLite database, and another one is named; leave --database-url and IAMD_DATABASE_URL out. Nothing was written"
            ),
        }
    }

    /// The last file: without it nothing is served.
    fn write_settings(&self, dir: &Path, wanted: &Wanted<'_>) -> anyhow::Result<()> {
        let path = dir.join(settings::FILE);
        match &wanted.database_url {
            None => data_dir::write_private(&path, self.small.get(settings::FILE).context("the backup has no settings")?)?,
            Some(url) => {
                let file = settings::File { database_url: Some(url.clone()), ..self.file.clone() };
                let text = serde_yaml::to_string(&file).context("the settings cannot be written")?;
                data_dir::write_private(&path, text.as_bytes())?;
            }
        }
        data_dir::sync_folder(dir.parent().unwrap_or(dir))
    }
}

fn require_room(dir: &Path, database: Option<u64>) -> anyhow::Result<()> {
    let place = dir.ancestors().find(|place| place.exists()).unwrap_or(Path::new("."));
    let (free, need) = (free_bytes(place)?, database.unwrap_or_default() + (4 << 20));
    let mib = |bytes: u64| bytes.div_ceil(1 << 20);
    ensure!(
        free >= need,
        "{} has {} MiB free, and the instance needs {} MiB; free some space, or restore elsewhere. Nothing was written",
        place.display(),
        mib(free),
        mib(need)
    );
    Ok(())
}

/// PostgreSQL's own tools come first: what they restored is looked at before anything is written here.
async fn require_restored_database(settings: &Settings, head: &Head, anchor: &Anchor) -> anyhow::Result<()> {
    const FIRST: &str =
        "restore the database first, with PostgreSQL's own tools (pg_restore), then run this again; nothing was written";
    let engine = Engine::open(&settings.database, Create::Never).await.context(FIRST)?;
    let schema = engine.schema().await?;
    ensure!(schema.applied != 0, "the database holds no instance; {FIRST}");
    ensure!(
        schema.applied == schema.known,
        "the database has schema {}, and this program knows {}; restore with the version of iamd that it is of, then migrate. Nothing was written",
        schema.applied,
        schema.known
    );
    let (row, instance) = read_instance(&engine).await?;
    ensure!(
        row.id == head.instance && instance.environment() == head.environment,
        "the database is of the {} instance {}, and the backup of the {} instance {}; nothing was written",
        instance.environment(),
        row.id,
        head.environment,
        domain::visible(&head.instance)
    );
    let missing = anchor.missed_by(&mut Snapshot::on(engine.clone()).await?).await?;
    engine.close().await;
    ensure!(
        missing.is_none(),
        "the database is older than the backup: {}; restore a dump that was taken after it, or an older backup. Nothing was written",
        missing.unwrap_or_default()
    );
    Ok(())
}

/// Everything but the settings. The mark comes first: whatever happens afterwards, a folder that was begun is not served.
fn write(dir: &Path, wanted: &Wanted<'_>, head: &Head, key: &FileKey, contents: &Contents, at: Timestamp) -> anyhow::Result<()> {
    let backup = contents.whole.sha256.clone();
    Restored { instance: head.instance.clone(), backup, made_at: head.made_at, restored_at: at }.write(dir)?;
    for ours in BELONGINGS.iter().filter(|ours| ours.name != settings::FILE) {
        let Some(bytes) = contents.small.get(ours.name) else { continue };
        let path = dir.join(ours.name);
        path.parent().map_or(Ok(()), data_dir::private_folder)?;
        match ours.access {
            Access::Private => data_dir::write_private(&path, bytes)?,
            Access::Readable => data_dir::write_readable(&path, bytes)?,
        }
    }
    contents.anchor.write(dir)?;
    if contents.database.is_some() {
        write_database(dir, wanted, key, &contents.whole)?;
    }
    Ok(())
}

/// Reads the backup once more, and it must be the same as before.
fn write_database(dir: &Path, wanted: &Wanted<'_>, key: &FileKey, whole: &Whole) -> anyhow::Result<()> {
    let path = dir.join(DATABASE);
    let shown = path.display();
    let (_, _, mut opened) = unlock(wanted, Some(key.clone()))?;
    let mut options = fs::OpenOptions::new();
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.write(true).create_new(true).open(&path).with_context(|| format!("cannot make {shown}"))?;
    while let Some((name, length)) = parts::next(&mut opened)? {
        let mut part = (&mut opened).take(length);
        if name == DATABASE {
            io::copy(&mut part, &mut file).with_context(|| format!("cannot write {shown}"))?;
        } else {
            io::copy(&mut part, &mut io::sink())?;
        }
    }
    ensure!(opened.finish()? == *whole, "{} was changed while it was being read", wanted.from.display());
    file.flush().and_then(|()| file.sync_all()).with_context(|| format!("cannot write {shown}"))?;
    data_dir::sync_folder(dir)
}

/// Opens what was restored, which shows that keys and database belong together, and writes the restore into its audit log.
async fn record(dir: &Path, settings: Settings, ports: Ports, contents: &Contents, head: &Head) -> anyhow::Result<()> {
    let app = open(dir, settings, ports).await?;
    ensure!(app.instance == head.instance && app.environment == head.environment, "the database is another instance's");
    let missing = contents.anchor.missed_by(&mut app.store.read().await?).await?;
    ensure!(missing.is_none(), "the database is not that of the backup: {}", missing.unwrap_or_default());
    let facts = json!({ "backup": contents.whole.sha256, "made_at": head.made_at });
    let step = Housekeeping::Step { action: RESTORED, subject: app.instance.clone(), facts };
    app.store.write().await?.commit_housekeeping(step).await?;
    app.store.engine().close().await;
    Ok(())
}

/// Removes what a restore that failed has written; the folder was empty before.
fn clear(dir: &Path, existed: bool) {
    let ours = BELONGINGS.iter().map(|ours| ours.name);
    for name in ours.chain([anchor::FILE, unproven::FILE, DATABASE, "iam.db-wal", "iam.db-shm", "anchor.json.new"]) {
        let _ = fs::remove_file(dir.join(name));
    }
    let _ = fs::remove_dir(dir.join(data_dir::FIRST_OPERATOR));
    if !existed {
        let _ = fs::remove_dir(dir);
    }
}
