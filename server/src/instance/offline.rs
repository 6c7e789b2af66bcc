//! `iamd check`: the node looked over whether or not it is being served.

use std::path::Path;

use api::instance::Check;

use super::health;
use super::open::{Ports, open};
use crate::data_dir::{KEY_FILE, read_key};
use crate::settings::Settings;
use crate::store::{Create, Engine};

/// One line a thing, each with the mend.
pub async fn check(dir: &Path, settings: anyhow::Result<Settings>, ports: Ports) -> Vec<Check> {
    let mut checks = Vec::new();
    let settings = match settings {
        Ok(settings) => {
            checks.push(good("settings", format!("{} and the environment agree", dir.join(crate::settings::FILE).display())));
            settings
        }
        Err(error) => {
            checks.push(bad("settings", format!("{error:#}"), "correct the setting named above"));
            return checks;
        }
    };
    checks.push(match read_key(&dir.join(KEY_FILE)) {
        Ok(key) => good("key file", format!("key-encryption key {} is private", key.id())),
        Err(error) => bad("key file", format!("{error:#}"), "restore the file, or its mode, as said"),
    });
    checks.push(match schema(&settings).await {
        Ok(detail) => good("schema", detail),
        Err(error) => bad("schema", format!("{error:#}"), "run 'iamd migrate', or install the version the database is of"),
    });
    match open(dir, settings, ports).await {
        Ok(app) => checks.extend(health::look(&app).await),
        Err(error) => checks.push(bad("instance", format!("{error:#}"), "mend what is said above and check again")),
    }
    checks
}

async fn schema(settings: &Settings) -> anyhow::Result<String> {
    let engine = Engine::open(&settings.database, Create::Never).await?;
    engine.require_c_collation().await?;
    let schema = engine.schema().await?;
    engine.close().await;
    anyhow::ensure!(schema.applied == schema.known, "the database has schema {}, this program {}", schema.applied, schema.known);
    Ok(format!("version {} on {}", schema.applied, engine.name()))
}

fn good(id: &str, detail: String) -> Check {
    Check { id: id.to_owned(), ok: true, detail, mend: None }
}

fn bad(id: &str, detail: String, mend: &str) -> Check {
    Check { id: id.to_owned(), ok: false, detail, mend: Some(mend.to_owned()) }
}
