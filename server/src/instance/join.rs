//! `iamd join`: another node of an instance that is there.

use std::path::Path;

use anyhow::{Context, ensure};

use super::open::{read_instance, require_provider, unlock};
use crate::data_dir::{self, KEY_FILE};
use crate::keys::Hsm;
use crate::settings::{self, Settings};
use crate::store::{Create, Engine, Location, Read};

/// Writes a data folder for this node.
///
/// # Errors
/// When the folder holds an instance already, the key is not the instance's, or the database cannot be shared.
pub async fn join(dir: &Path, key_file: &Path, file: &settings::File, settings: &Settings) -> anyhow::Result<String> {
    ensure!(
        matches!(settings.database, Location::Url(_)),
        "only a PostgreSQL instance has more than one node; give its --database-url"
    );
    data_dir::require_own_folder(dir)?;
    let ring = data_dir::read_key(key_file)?;
    // The settings are written last: a folder with the same key and without them is that of a join that broke off.
    let path = dir.join(KEY_FILE);
    let begun = path.exists() && data_dir::read_key(&path).is_ok_and(|there| there.ids() == ring.ids());
    ensure!(
        !dir.join(settings::FILE).exists() && (begun || !path.exists()),
        "{} holds a node already; choose another folder. Nothing was changed",
        dir.display()
    );
    let engine = Engine::open(&settings.database, Create::Never).await.context("cannot open the database")?;
    let schema = engine.schema().await?;
    ensure!(schema.applied == schema.known, "the database's schema is {}, this program's {}", schema.applied, schema.known);
    let (row, instance) = read_instance(&engine).await?;
    let rows = Read::on(engine.clone()).await?.keys(None, None).await?;
    engine.close().await;
    let keys = unlock(key_file, ring, instance, &row.kek_id, &rows).map_err(|error| error.context("nothing was changed"))?;
    require_provider(&settings.keys, &row)?;
    if let Some(hsm) = Hsm::of(&settings.keys)? {
        let lacking = hsm.lacks(&rows).await.context("nothing was changed")?;
        ensure!(
            lacking.is_empty(),
            "the token labelled '{}' has no key {}: it is not this instance's. Nothing was changed",
            hsm.label(),
            lacking.join(" and no key ")
        );
    }
    data_dir::private_folder(dir)?;
    if !begun {
        data_dir::write_private(&path, keys.now().ring().to_file_text().as_bytes())?;
    }
    let text = serde_yaml::to_string(file).context("the settings cannot be written")?;
    data_dir::write_private(&dir.join(settings::FILE), text.as_bytes())?;
    Ok(row.id)
}
