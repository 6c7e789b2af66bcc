//! Opening an instance that is there: database, schema, key-encryption key, keys, TLS.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use domain::{Clock, Entropy, Environment, KeyPurpose};
use pki::{Instance, KeyRing};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use crate::anchor::Seen;
use crate::app::{App, CHECKS, FOR_STRANGERS, Wake};
use crate::certificate::citizen::Issuer;
use crate::certificate::clock::FoundRight;
use crate::certificate::presign::Presigner;
use crate::clock::Latest;
use crate::credential::key_sets::KeySets;
use crate::data_dir::{self, KEY_FILE};
use crate::face_matcher::{FaceMatcher, Simulated};
use crate::gathered::Gathered;
use crate::housekeeping::outbox::Courier;
use crate::http::listeners::Listeners;
use crate::http::pki::{Responders, Stamping};
use crate::http::public::oauth::failed::FailedClients;
use crate::http::public::surge::Surge;
use crate::job::held_up::HeldUp;
use crate::key::clock::Said;
use crate::key::sightings::Sightings;
use crate::key::sign::OpenSigners;
use crate::keys::watch::Presence;
use crate::keys::{Hsm, Keys, LedgerKeys};
use crate::operator::turned_away::TurnedAway;
use crate::population_register::PopulationRegister;
use crate::registration::arrivals::Arrivals;
use crate::request::Guesses;
use crate::settings::{KeyProvider, Settings};
use crate::spent::Spender;
use crate::store::{Create, Engine, InstanceRow, KeyRow, Ledger, Read, Store};

/// What the world outside gives.
pub struct Ports {
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Chance.
    pub entropy: Arc<dyn Entropy>,
    /// The way to relying parties.
    pub courier: Arc<dyn Courier>,
    /// How their key sets are fetched.
    pub key_sets: Arc<dyn KeySets>,
    /// The records of the Immigration Department.
    pub population_register: Arc<dyn PopulationRegister>,
    /// Whether whoever starts the node says that the clock is right.
    pub clock_vouched: bool,
}

/// Opens the instance in `dir`.
///
/// # Errors
/// One line with the mend: no instance, a schema of another version, a key-encryption key that is not this instance's.
pub async fn open(dir: &Path, settings: Settings, ports: Ports) -> anyhow::Result<Arc<App>> {
    let key_file = dir.join(KEY_FILE);
    let ring = data_dir::read_key(&key_file)?;
    let engine = Engine::open(&settings.database, Create::Never).await.context("cannot open the database")?;
    let schema = engine.schema().await?;
    ensure!(schema.applied != 0, "the database holds no instance; make one with: iamd init --data-dir DIR --environment sandbox");
    ensure!(
        schema.applied <= schema.known,
        "the database is of a newer version of iamd (schema {}, this program knows {}); install that version; nothing was changed",
        schema.applied,
        schema.known
    );
    ensure!(
        schema.applied == schema.known,
        "the database is of an older version of iamd (schema {}, this program needs {}); run: iamd migrate --data-dir {}",
        schema.applied,
        schema.known,
        dir.display()
    );
    let (row, instance) = read_instance(&engine).await?;
    require_provider(&settings.keys, &row)?;
    let hsm = Hsm::of(&settings.keys)?;
    let rows = Read::on(engine.clone()).await?.keys(None, None).await?;
    let keys = unlock(&key_file, ring, instance, &row.kek_id, &rows)?.with_hsm(hsm);
    Ok(Arc::new(assemble(dir, settings, ports, engine, keys, row.public_url)))
}

/// Unlocks the instance's keys with those of a key file. A file from before a rotation of the key-encryption key will do for as
/// long as the old one drains: the new one is taken out of the database under it.
///
/// # Errors
/// When it is another instance's, or one that this instance has left behind.
pub(super) fn unlock(key_file: &Path, ring: KeyRing, instance: Instance, current: &str, rows: &[KeyRow]) -> anyhow::Result<Keys> {
    let held = ring.ids();
    let known = |row: &KeyRow| row.purpose == KeyPurpose::Data.as_str() && held.contains(&row.kid);
    ensure!(
        rows.iter().any(known),
        "{} is not the key-encryption key of this instance (it is {}, the instance's is {current})",
        key_file.display(),
        held.join(" and ")
    );
    Keys::unlock(ring, instance, rows).with_context(|| {
        format!(
            "{} holds {}, and the instance's key-encryption key is {current}; where it was rotated while this node was away, copy the file from a node that serves",
            key_file.display(),
            held.join(" and ")
        )
    })
}

/// Where keys are made was decided when the instance was: two nodes that differ would sign from two places.
///
/// # Errors
/// When the settings of this node say otherwise.
pub(super) fn require_provider(provider: &KeyProvider, row: &InstanceRow) -> anyhow::Result<()> {
    let (here, there) = (provider.as_str(), row.keys_provider.as_str());
    ensure!(
        here == there,
        "the keys of this instance are made by the provider '{there}', and this node is set to '{here}'; mend 'keys' in iamd.yaml. Nothing was changed"
    );
    Ok(())
}

/// The instance in an open database.
///
/// # Errors
/// When there is none.
pub async fn read_instance(engine: &Engine) -> anyhow::Result<(InstanceRow, Instance)> {
    let mut read = Read::on(engine.clone()).await?;
    let row = read.instance().await?.context("the database holds no instance; 'iamd init' did not finish")?;
    let environment: Environment =
        row.environment.parse().map_err(|_| anyhow::anyhow!("the instance's environment is damaged"))?;
    let instance = Instance::new(&row.id, environment, &row.pki_url)?;
    Ok((row, instance))
}

fn assemble(dir: &Path, settings: Settings, ports: Ports, engine: Engine, keys: Keys, public_url: String) -> App {
    let instance = keys.instance();
    let ledger = ledger(instance, Arc::clone(keys.now().ledger()), &ports);
    let environment = instance.environment();
    let id = instance.id().to_owned();
    let started = ports.clock.now();
    let presence = Presence::new(domain::RequestId::new(started, ports.entropy.as_ref()).to_string());
    App {
        store: Store::new(engine, ledger),
        clock: ports.clock,
        latest: Latest::default(),
        entropy: ports.entropy,
        keys: Arc::new(keys),
        surge: Surge::new(settings.surge),
        arrivals: Arrivals::new(settings.surge.registrations),
        settings,
        data_dir: dir.to_owned(),
        instance: id,
        issuer_url: public_url.trim_end_matches('/').to_owned(),
        environment,
        presigner: Presigner::default(),
        issuer: Issuer::default(),
        spender: Spender::default(),
        guesses: Guesses::default(),
        strangers: Semaphore::new(FOR_STRANGERS),
        responders: Responders::default(),
        stamping: Stamping::default(),
        clock_vouched: ports.clock_vouched,
        clock_found_right: FoundRight::default(),
        courier: ports.courier,
        key_sets: ports.key_sets,
        population_register: ports.population_register,
        face_matcher: face_matcher(environment),
        checks: Semaphore::new(CHECKS),
        wake: Wake::default(),
        listeners: Listeners::default(),
        held_up: HeldUp::default(),
        turned_away: TurnedAway::default(),
        failed_clients: FailedClients::default(),
        sightings: Sightings::default(),
        signers: OpenSigners::default(),
        signing: Gathered::default(),
        accepted: Gathered::default(),
        clients: Gathered::default(),
        clock_doubted: Said::default(),
        presence,
        seen: Seen::default(),
        stopping: CancellationToken::new(),
    }
}

/// Simulated on a sandbox; a production instance has nothing that compares faces, and says so to whoever comes with a photo.
fn face_matcher(environment: Environment) -> Option<Arc<dyn FaceMatcher>> {
    match environment {
        Environment::Sandbox => Some(Arc::new(Simulated)),
        Environment::Production => None,
    }
}

/// What every commit writes to.
#[must_use]
pub fn ledger(instance: &Instance, keys: Arc<LedgerKeys>, ports: &Ports) -> Ledger {
    Ledger {
        instance: instance.id().to_owned(),
        environment: instance.environment(),
        clock: Arc::clone(&ports.clock),
        entropy: Arc::clone(&ports.entropy),
        keys,
    }
}
