//! The anchor: how far this node has seen its instance come, kept outside the database.
//!
//! A database knows nothing of what it has lost. The node therefore writes down beside it the newest checkpoint of the audit
//! log and the number of each authority's newest revocation list; a database that has less, or another log under the same
//! number of entries, is an older copy or was rewritten, and the node does not serve it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use anyhow::{Context, ensure};
use domain::{Environment, HighWater, Timestamp};
use pki::checkpoint::{Checkpoint, SignedNote};
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::data_dir;
use crate::store::Read;

/// Its name in the data folder.
pub const FILE: &str = "anchor.json";
/// A larger file is none.
const LONGEST: u64 = 1 << 20;

/// How far the instance had come at a moment. Readable by whoever has the file: no secret, no personal data.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Anchor {
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
    /// When it was taken.
    pub at: Timestamp,
    /// The newest checkpoint of the audit log, the signed note; none before the first.
    pub checkpoint: Option<String>,
    /// Number of the newest revocation list, by the authority's NAME.
    pub revocation_lists: BTreeMap<String, u64>,
}

impl Anchor {
    /// What the database says now.
    ///
    /// # Errors
    /// When it cannot be reached or holds no instance.
    pub async fn of(read: &mut Read, at: Timestamp) -> anyhow::Result<Self> {
        let row = read.instance().await?.context("the database holds no instance")?;
        Ok(Self {
            environment: row.environment.parse().map_err(|_| anyhow::anyhow!("the instance's environment is damaged"))?,
            instance: row.id,
            at,
            checkpoint: read.last_checkpoint().await?.map(|row| row.note),
            revocation_lists: read.revocation_numbers().await?,
        })
    }

    /// The node's own; none in a folder that has never been served.
    ///
    /// # Errors
    /// With the file's name, when it cannot be read or is damaged.
    pub fn read(dir: &Path) -> anyhow::Result<Option<Self>> {
        let path = path(dir);
        let text = match std::fs::metadata(&path) {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Ok(metadata) if metadata.len() > LONGEST => Err(anyhow::anyhow!("it is far too large")),
            Ok(_) => std::fs::read_to_string(&path).map_err(Into::into),
            Err(error) => Err(error.into()),
        };
        let anchor = text.and_then(|text| {
            let anchor: Self = serde_json::from_str(&text)?;
            anchor.high_water()?;
            Ok(anchor)
        });
        Ok(Some(anchor.with_context(|| format!("cannot read {}", path.display()))?))
    }

    /// Makes it the node's own, durably and as a whole.
    ///
    /// # Errors
    /// When the disk refuses; then the one before is still there.
    pub fn write(&self, dir: &Path) -> anyhow::Result<()> {
        let mut text = serde_json::to_vec_pretty(self)?;
        text.push(b'\n');
        data_dir::replace_private(&path(dir), &text)
    }

    /// The numbers of it.
    ///
    /// # Errors
    /// When the checkpoint is none. Its signature is not looked at: whoever writes into this folder has the keys as well.
    pub fn high_water(&self) -> anyhow::Result<HighWater> {
        let entries = match &self.checkpoint {
            None => 0,
            Some(note) => Checkpoint::parse_body(&SignedNote::parse(note)?.text)?.size,
        };
        Ok(HighWater { entries, lists: self.revocation_lists.clone() })
    }

    /// What the database is not, compared with this; none when it has come as far and its log is the same. A fragment.
    ///
    /// # Errors
    /// When the database cannot be read.
    pub async fn missed_by(&self, read: &mut Read) -> anyhow::Result<Option<String>> {
        let now = Self::of(read, self.at).await?;
        if now == *self {
            return Ok(None);
        }
        if (&now.instance, now.environment) != (&self.instance, self.environment) {
            let (is, seen) = ((now.environment, now.instance), (self.environment, &self.instance));
            return Ok(Some(format!("it is of the {} instance {}, and {} {} was seen", is.0, is.1, seen.0, seen.1)));
        }
        let seen = self.high_water()?;
        // By the row, not by its note: of a note that was damaged the database has the number of entries still.
        let entries = read.last_checkpoint().await?.map_or(0, |row| row.tree_size);
        let here = HighWater { entries: u64::try_from(entries).unwrap_or_default(), lists: now.revocation_lists };
        if let Some(behind) = here.behind(&seen) {
            return Ok(Some(behind.to_string()));
        }
        let size = i64::try_from(seen.entries)?;
        let same = size == 0 || read.checkpoint_at(size).await?.is_some_and(|row| Some(&row.note) == self.checkpoint.as_ref());
        Ok((!same).then(|| format!("its audit log is another one: the checkpoint seen over {size} entries is not in it")))
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join(FILE)
}

/// What a running node has seen, and whether the database is still there.
#[derive(Debug, Default)]
pub struct Seen(Mutex<Sight>);

#[derive(Debug, Clone, Default)]
struct Sight {
    anchor: Option<Anchor>,
    missing: Option<String>,
}

impl Seen {
    /// What the database was found to lack; none while all is well.
    #[must_use]
    pub fn missing(&self) -> Option<String> {
        self.sight().missing
    }

    fn sight(&self) -> Sight {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn put(&self, sight: Sight) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = sight;
    }
}

/// Compares the database with what the node has seen, and writes down what is new.
///
/// # Errors
/// When the database is behind, or cannot be reached, or the file cannot be written.
pub async fn note(app: &App) -> anyhow::Result<()> {
    let mut read = app.store.read().await?;
    let now = Anchor::of(&mut read, app.clock.now()).await?;
    let seen = match app.seen.sight().anchor {
        Some(anchor) => Some(anchor),
        None => Anchor::read(&app.data_dir)?,
    };
    if let Some(seen) = &seen {
        let missing = seen.missed_by(&mut read).await?;
        app.seen.put(Sight { anchor: Some(seen.clone()), missing: missing.clone() });
        if let Some(missing) = missing {
            anyhow::bail!("the database is not the one that this node has seen: {missing}");
        }
    }
    let known = seen.is_some_and(|seen| seen.checkpoint == now.checkpoint && seen.revocation_lists == now.revocation_lists);
    if !known {
        now.write(&app.data_dir)?;
        app.seen.put(Sight { anchor: Some(now), missing: None });
    }
    Ok(())
}

/// What the database lacks of what this node has seen, as this transaction finds it; none while all is well.
///
/// # Errors
/// When the database cannot be reached, or the node's own file cannot be read.
pub async fn missed(app: &App, read: &mut Read) -> anyhow::Result<Option<String>> {
    let seen = match app.seen.sight().anchor {
        Some(anchor) => Some(anchor),
        None => Anchor::read(&app.data_dir)?,
    };
    match seen {
        Some(seen) => seen.missed_by(read).await,
        None => Ok(None),
    }
}

/// Refuses a database that is behind what this node has seen.
///
/// # Errors
/// One line with the mend.
pub async fn require_reached(app: &App) -> anyhow::Result<()> {
    let Some(seen) = Anchor::read(&app.data_dir)? else { return Ok(()) };
    let missing = seen.missed_by(&mut app.store.read().await?).await?;
    ensure!(
        missing.is_none(),
        "the database is not the one that this node has seen ({}): {}; it is an older copy, or was rewritten. Put the newest one back; where there is none: iamd restore --data-dir {} --prove",
        path(&app.data_dir).display(),
        missing.unwrap_or_default(),
        app.data_dir.display()
    );
    Ok(())
}
