//! `iamd init`: a new instance, all of it or nothing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use anyhow::{Context, ensure};
use api::Role;
use domain::{Environment, Holder, KeyState, Timestamp};
use pki::provider::pkcs11::Token;
use pki::{Authority, Instance, KeyEncryptionKey, KeyKind, KeyRing, PrivateKey, Secret, profile};
use serde::Serialize;
use serde_json::json;

use super::first_keys::{Authorities, FirstKeys};
use super::open::{Ports, ledger};
use crate::data_dir::{self, FIRST_OPERATOR, KEY_FILE, ROOT_KEY_FILE};
use crate::http::reached::Reached;
use crate::keys::{self, FreshKeys, Hsm, KeyMaker, LedgerKeys};
use crate::operator::add::{CODE_LIFE, enrolment_code};
use crate::settings::{self, Settings};
use crate::stats;
use crate::store::{
    CertificateRow, Create, Engine, Housekeeping, InstanceRow, OperatorRow, Read, Store, StoreError, Write, roles_text,
};

/// What a new instance is to be.
pub struct NewInstance {
    /// Fixed for its life.
    pub environment: Environment,
    /// Base of the public interface.
    pub public_url: String,
    /// Base under which certificates and revocation lists are published.
    pub pki_url: String,
    /// What is written to `iamd.yaml`.
    pub file: settings::File,
    /// Where the root's key is made.
    pub root: RootPlace,
}

/// Where the root's key is made.
#[derive(Default)]
pub enum RootPlace {
    /// In the token of the other keys; where those lie in files, in a file of its own.
    #[default]
    WithTheOthers,
    /// In a file of its own, to be kept away, wherever the other keys are.
    File,
    /// In a token of its own, to be kept away.
    Token(RootsToken),
}

/// A token of the root's own, and what was made in it.
pub struct RootsToken {
    pub(super) token: Token,
    pub(super) made: OnceLock<String>,
}

impl RootsToken {
    /// Nothing is made in it yet.
    #[must_use]
    pub fn new(token: Token) -> Self {
        Self { token, made: OnceLock::new() }
    }

    /// The instance came to nothing: so does the root's key.
    fn clear(&self) {
        if let Some(object) = self.made.get()
            && let Err(error) = self.token.destroy(object)
        {
            tracing::warn!(object, %error, "a key pair that came to nothing stays in the root's token");
        }
    }
}

/// What was made.
pub struct Made {
    /// The instance's id.
    pub instance: String,
    /// The first operator's context.
    pub context: PathBuf,
    /// Label of the token with the root's key; none where it lies in its file.
    pub root_token: Option<String>,
    /// On production: the second administrator's id, code and the code's last moment.
    pub second: Option<(String, String, Timestamp)>,
}

/// The first operator's id.
const FIRST: &str = "first-operator";
/// On production, the second administrator's id.
const SECOND: &str = "second-administrator";

/// Makes an instance in `dir`.
///
/// # Errors
/// When the folder or the database holds one already, or something cannot be written; then nothing is left behind.
pub async fn init(dir: &Path, new: NewInstance, settings: &Settings, ports: &Ports) -> anyhow::Result<Made> {
    for name in [settings::FILE, "iam.db", KEY_FILE, ROOT_KEY_FILE, FIRST_OPERATOR] {
        let path = dir.join(name);
        ensure!(
            !path.exists(),
            "{} holds an instance already ({} is there); choose another folder. Nothing was changed",
            dir.display(),
            path.display()
        );
    }
    data_dir::require_own_folder(dir)?;
    let existed = dir.exists();
    data_dir::private_folder(dir)?;
    let mut fresh = FreshKeys::new(Vec::new(), Hsm::of(&settings.keys)?);
    match make(dir, &new, settings, ports, &mut fresh).await {
        Ok(made) => {
            fresh.kept();
            Ok(made)
        }
        // The database may hold the instance: its key must not be thrown away.
        Err(error) if matches!(error.downcast_ref::<StoreError>(), Some(StoreError::NotConfirmed(_))) => {
            fresh.kept();
            Err(error.context(format!(
                "NOT CONFIRMED: the instance may be made or not, and its files stay in {}; try 'iamd serve', and where it says that the database holds no instance, remove the folder and begin again",
                dir.display()
            )))
        }
        Err(error) => {
            sweep(dir, existed);
            fresh.destroyed().await;
            if let RootPlace::Token(own) = &new.root {
                own.clear();
            }
            Err(error)
        }
    }
}

/// Removes what a failed init has made; the names are ours alone, for they were not there before.
fn sweep(dir: &Path, existed: bool) {
    for name in [settings::FILE, "iam.db", "iam.db-wal", "iam.db-shm", KEY_FILE, ROOT_KEY_FILE] {
        let _ = std::fs::remove_file(dir.join(name));
    }
    let _ = std::fs::remove_dir_all(dir.join(FIRST_OPERATOR));
    if !existed {
        let _ = std::fs::remove_dir(dir);
    }
}

async fn make(dir: &Path, new: &NewInstance, settings: &Settings, ports: &Ports, fresh: &mut FreshKeys) -> anyhow::Result<Made> {
    let now = ports.clock.now();
    let id = domain::RequestId::new(now, ports.entropy.as_ref()).to_string();
    let instance = Instance::new(&id, new.environment, &new.pki_url)?;
    let kek = Arc::new(KeyEncryptionKey::generate(ports.entropy.as_ref())?);
    let reached = Reached::of(settings, &new.public_url)?;

    let engine = Engine::open(&settings.database, Create::IfMissing).await.context("cannot open the database")?;
    engine.require_c_collation().await?;
    // By the row, not by the schema: an init that broke off leaves the tables, and can be repeated.
    let taken = "the database holds an instance already; give another one with --database-url. Nothing was changed";
    ensure!(engine.schema().await?.applied == 0 || Read::on(engine.clone()).await?.instance().await?.is_none(), taken);
    engine.migrate().await?;
    let payloads = secret(ports);
    let ledger_keys = LedgerKeys::of(&payloads[..], &instance, &KeyRing::of(Arc::clone(&kek)))?;
    let store = Store::new(engine, ledger(&instance, Arc::new(ledger_keys), ports));
    let mut tx = store.write().await?;
    // Of two at once on one database, the second waits here for the first.
    tx.hold_administrators().await?;
    ensure!(tx.instance().await?.is_none(), taken);
    tx.insert_instance(&InstanceRow {
        id: id.clone(),
        environment: new.environment.to_string(),
        public_url: new.public_url.clone(),
        pki_url: new.pki_url.clone(),
        kek_id: kek.id(),
        keys_provider: settings.keys.to_string(),
        two_person: new.environment == Environment::Production,
        created_at: now.micros(),
    })
    .await?;
    tx.insert_figure_definitions(&stats::ledger::first_rows()?).await?;
    let hsm = fresh.hsm();
    if let Some(hsm) = &hsm {
        hsm.probe().await.context("nothing was changed")?;
    }
    let maker = KeyMaker { kek: &kek, instance: &instance, hsm: hsm.as_ref() };
    let mut keys = FirstKeys { tx: &mut tx, maker, fresh, root: &new.root, now };
    let (root_key, authorities) = keys.make(&reached, &payloads, ports).await?;
    let operator = insert_first_operator(&mut tx, &authorities.operators, new.environment, now).await?;
    let second = match new.environment {
        Environment::Sandbox => None,
        Environment::Production => Some(invite_second(&mut tx, Arc::clone(&kek), &instance, ports, now).await?),
    };
    let facts = json!({ "environment": new.environment, "public_url": new.public_url, "pki_url": new.pki_url });
    // The files first, durable, and the commit last: a database whose key was never written down could be opened by nobody.
    data_dir::write_private(&dir.join(KEY_FILE), kek.to_file_text().as_bytes())?;
    if let Some(root_key) = root_key {
        data_dir::write_private(&dir.join(ROOT_KEY_FILE), pki::envelope::private_key_to_pem(&root_key)?.as_bytes())?;
    }
    let context = write_first_operator(dir, settings, new.environment, &id, &operator, &authorities)?;
    let text = serde_yaml::to_string(&new.file).context("the settings cannot be written")?;
    // Private: a database URL may hold a password.
    data_dir::write_private(&dir.join(settings::FILE), text.as_bytes())?;
    data_dir::sync_folder(dir.parent().unwrap_or(dir))?;
    tx.commit_housekeeping(Housekeeping::Step { action: "instance.init", subject: id.clone(), facts }).await?;
    store.engine().close().await;
    let root_token = match &new.root {
        RootPlace::Token(own) => Some(own.token.settings().label.clone()),
        RootPlace::WithTheOthers => hsm.map(|hsm| hsm.label().to_owned()),
        RootPlace::File => None,
    };
    Ok(Made { instance: id, context, root_token, second })
}

pub(super) fn secret(ports: &Ports) -> Secret {
    let mut secret = Secret::default();
    ports.entropy.fill(secret.as_mut());
    secret
}

struct FirstOperator {
    key: PrivateKey,
    certificate: pki::Certificate,
}

async fn insert_first_operator(
    tx: &mut Write,
    authority: &Authority,
    environment: Environment,
    now: Timestamp,
) -> anyhow::Result<FirstOperator> {
    // On a sandbox one person tries everything; on production the first operator lets others in and does nothing else.
    let roles = match environment {
        Environment::Sandbox => Role::ALL,
        Environment::Production => &[Role::Administrator],
    };
    let key = PrivateKey::generate(KeyKind::P256)?;
    let certificate = authority.sign(&authority.plan_operator(FIRST, &key.public()?, None, now)?)?;
    tx.put_operator(&OperatorRow {
        id: FIRST.to_owned(),
        name: "First operator".to_owned(),
        roles: roles_text(roles),
        state: "active".to_owned(),
        version: 0,
        created_at: now.micros(),
        enrolment_mac: None,
        enrolment_expires_at: None,
    })
    .await?;
    let holder = Holder::Operator(FIRST.parse()?);
    tx.insert_certificate(&CertificateRow::made(&certificate, &profile::OPERATOR, &holder, now)?).await?;
    Ok(FirstOperator { key, certificate })
}

/// A production instance starts with two administrators: severe verbs work once both are in.
async fn invite_second(
    tx: &mut Write,
    kek: Arc<KeyEncryptionKey>,
    instance: &Instance,
    ports: &Ports,
    now: Timestamp,
) -> anyhow::Result<(String, String, Timestamp)> {
    let rows = tx.keys(None, Some(KeyState::Active)).await?;
    let unlocked = keys::Keys::unlock(KeyRing::of(kek), instance.clone(), &rows)?;
    let code = enrolment_code(ports.entropy.as_ref());
    let expires_at = now.plus(CODE_LIFE);
    tx.put_operator(&OperatorRow {
        id: SECOND.to_owned(),
        name: "Second administrator".to_owned(),
        roles: roles_text(&[Role::Administrator]),
        state: "invited".to_owned(),
        version: 0,
        created_at: now.micros(),
        enrolment_mac: Some(unlocked.enrolment_mac(&code)?.to_vec()),
        enrolment_expires_at: Some(expires_at.micros()),
    })
    .await?;
    Ok((SECOND.to_owned(), code, expires_at))
}

/// The first operator's context, as `iamctl` reads it.
#[derive(Serialize)]
struct ContextFile<'a> {
    name: &'a str,
    server: String,
    instance: &'a str,
    environment: Environment,
    operator: &'a str,
    ca: &'a str,
    certificate: &'a str,
    key: &'a str,
}

fn write_first_operator(
    dir: &Path,
    settings: &Settings,
    environment: Environment,
    instance: &str,
    operator: &FirstOperator,
    authorities: &Authorities,
) -> anyhow::Result<PathBuf> {
    let folder = dir.join(FIRST_OPERATOR);
    data_dir::private_folder(&folder)?;
    let mut listen = settings.admin_listen;
    if listen.ip().is_unspecified() {
        listen.set_ip([127, 0, 0, 1].into());
    }
    let context = ContextFile {
        name: &environment.to_string(),
        server: format!("https://{listen}"),
        instance,
        environment,
        operator: FIRST,
        ca: "ca.crt",
        certificate: "operator.crt",
        key: "operator.key",
    };
    let text = serde_yaml::to_string(&context).context("the context cannot be written")?;
    data_dir::write_readable(&folder.join("ca.crt"), authorities.root.certificate().pem()?.as_bytes())?;
    data_dir::write_readable(&folder.join("operator.crt"), operator.certificate.pem()?.as_bytes())?;
    data_dir::write_private(&folder.join("operator.key"), pki::envelope::private_key_to_pem(&operator.key)?.as_bytes())?;
    let path = folder.join("context.yaml");
    data_dir::write_private(&path, text.as_bytes())?;
    Ok(path)
}
