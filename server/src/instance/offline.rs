//! `iamd check`: the node looked over whether or not it is being served.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use anyhow::Context;
use api::instance::Check;
use domain::KeyPurpose;

use super::health;
use super::open::{Ports, open};
use crate::anchor::require_reached;
use crate::app::App;
use crate::backup::unproven::require_proven;
use crate::data_dir::{KEY_FILE, ROOT_KEY_FILE, read_key, require_own_folder};
use crate::keys::Hsm;
use crate::settings::{self, Settings};
use crate::store::{Create, Engine, KeyRow};

/// One line a thing, each with the mend.
pub async fn check(dir: &Path, settings: anyhow::Result<Settings>, ports: Ports) -> Vec<Check> {
    let mut checks = Vec::new();
    let settings = match settings {
        Ok(settings) => {
            checks.push(good("settings", format!("{} and the environment agree", dir.join(settings::FILE).display())));
            settings
        }
        Err(error) => {
            checks.push(bad("settings", format!("{error:#}"), "correct the setting named above"));
            return checks;
        }
    };
    checks.push(match read_key(&dir.join(KEY_FILE)) {
        Ok(ring) => good("key file", format!("key-encryption key {} is private", ring.ids().join(" and "))),
        Err(error) => bad("key file", format!("{error:#}"), "restore the file, or its mode, as said"),
    });
    let files = require_own_folder(dir).and_then(|()| open_to_others(dir));
    checks.push(match files {
        Ok(open) if open.is_empty() => {
            let root = match dir.join(ROOT_KEY_FILE).exists() {
                true => "; the root authority's key lies here too, and is better kept away",
                false => "",
            };
            good("files", format!("settings, database and the first operator's key are their owner's alone{root}"))
        }
        Ok(open) => bad("files", format!("others can get at {}", open.join(" and ")), &format!("chmod 600 {}", open.join(" "))),
        Err(error) => bad("files", format!("{error:#}"), "do as is said; iamd's own user must own the folder"),
    });
    checks.push(match schema(&settings).await {
        Ok(detail) => good("schema", detail),
        Err(error) => bad("schema", format!("{error:#}"), "run 'iamd migrate', or install the version the database is of"),
    });
    match open(dir, settings, ports).await {
        Ok(app) => {
            checks.push(match (require_proven(&app).await, require_reached(&app).await) {
                (Ok(()), Ok(())) => good("anchor", "the database has come as far as this node has seen".to_owned()),
                (Err(error), _) => bad("anchor", format!("{error:#}"), "prove it as is said"),
                (_, Err(error)) => bad("anchor", format!("{error:#}"), "put the newest database back"),
            });
            if let Some(hsm) = app.keys.hsm() {
                checks.push(token(&app, hsm).await);
            }
            checks.extend(health::look(&app).await);
        }
        Err(error) => checks.push(bad("instance", format!("{error:#}"), "mend what is said above and check again")),
    }
    checks
}

/// The token, and whether every key that is on record as lying in it does.
async fn token(app: &App, hsm: &Hsm) -> Check {
    const RIGHT: &str = "put the instance's own token in; without it these keys sign nothing any more";
    let looked = async {
        let rows = app.store.read().await?.keys(None, None).await?;
        let live: Vec<KeyRow> = rows.into_iter().filter(|row| !matches!(row.state.as_str(), "retired" | "revoked")).collect();
        let lacking = hsm.lacks(&live).await?;
        let there: Vec<KeyRow> = live.into_iter().filter(|row| row.token_object.is_some()).collect();
        anyhow::Ok((there, lacking))
    };
    match looked.await {
        Ok((there, lacking)) if lacking.is_empty() => {
            let root = match there.iter().any(|row| row.purpose == KeyPurpose::RootCa.as_str()) {
                true => "; the root authority's is among them, and is better kept apart",
                false => "",
            };
            good("token", format!("'{}' answers and has all {} keys{root}", hsm.label(), there.len()))
        }
        Ok((_, lacking)) => bad("token", format!("'{}' has no key {}", hsm.label(), lacking.join(", ")), RIGHT),
        Err(error) => {
            bad("token", format!("{error:#}"), "put the token in, or mend 'keys' in iamd.yaml or the PIN file, as said")
        }
    }
}

/// Files of secrets that others than their owner can read or write; a file that is not there is nobody's.
fn open_to_others(dir: &Path) -> anyhow::Result<Vec<String>> {
    let database = ["iam.db", "iam.db-wal", "iam.db-shm"];
    let mut open = Vec::new();
    let others = [settings::FILE, ROOT_KEY_FILE, "first-operator/operator.key", "first-operator/context.yaml"];
    for name in database.into_iter().chain(others) {
        let path = dir.join(name);
        match std::fs::metadata(&path) {
            Ok(metadata) if metadata.permissions().mode() & 0o077 != 0 => open.push(path.display().to_string()),
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => return Err(error).with_context(|| format!("cannot look at {}", path.display())),
        }
    }
    Ok(open)
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
