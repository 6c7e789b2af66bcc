//! Opening an instance that is there: database, schema, key-encryption key, keys, TLS.

use std::collections::BTreeSet;
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, ensure};
use domain::{Clock, Entropy, Environment, Holder, KeyPurpose};
use openssl::ssl::SslContext;
use pki::{Certificate, Instance, KeyRing};
use serde_json::json;
use tokio_util::sync::CancellationToken;

use crate::anchor::Seen;
use crate::app::{App, Wake};
use crate::certificate::presign::{Presigner, record};
use crate::credential::key_sets::KeySets;
use crate::data_dir::{self, KEY_FILE};
use crate::housekeeping::outbox::Courier;
use crate::http::pki::{Responders, Stamping};
use crate::http::tls::{self, ServerIdentity};
use crate::job::held_up::HeldUp;
use crate::key::clock::Said;
use crate::key::sightings::Sightings;
use crate::key::sign::OpenSigners;
use crate::keys::watch::Presence;
use crate::keys::{Keys, LISTENERS, LedgerKeys, OPERATORS, SERVERS};
use crate::operator::turned_away::TurnedAway;
use crate::settings::Settings;
use crate::store::{Create, Engine, Housekeeping, InstanceRow, KeyRow, Ledger, Read, Store};

/// A listener's certificate that ends sooner than this is renewed at start.
const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);

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
    let rows = Read::on(engine.clone()).await?.keys(None, None).await?;
    let keys = unlock(&key_file, ring, instance, &row.kek_id, &rows)?;
    Ok(Arc::new(assemble(dir, settings, ports, engine, keys)))
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

fn assemble(dir: &Path, settings: Settings, ports: Ports, engine: Engine, keys: Keys) -> App {
    let instance = keys.instance();
    let ledger = ledger(instance, Arc::clone(keys.now().ledger()), &ports);
    let environment = instance.environment();
    let id = instance.id().to_owned();
    let started = ports.clock.now();
    let presence = Presence::new(domain::RequestId::new(started, ports.entropy.as_ref()).to_string());
    App {
        store: Store::new(engine, ledger),
        clock: ports.clock,
        entropy: ports.entropy,
        keys: Arc::new(keys),
        settings,
        data_dir: dir.to_owned(),
        instance: id,
        environment,
        presigner: Presigner::default(),
        responders: Responders::default(),
        stamping: Stamping::default(),
        started,
        courier: ports.courier,
        key_sets: ports.key_sets,
        wake: Wake::default(),
        held_up: HeldUp::default(),
        turned_away: TurnedAway::default(),
        sightings: Sightings::default(),
        signers: OpenSigners::default(),
        clock_doubted: Said::default(),
        presence,
        seen: Seen::default(),
        stopping: CancellationToken::new(),
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

/// The names and addresses under which the listeners are reached.
pub struct Reached {
    /// Host names.
    pub hosts: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl Reached {
    /// From the settings and the public address.
    ///
    /// # Errors
    /// When the public address has no host.
    pub fn of(settings: &Settings, public_url: &str) -> anyhow::Result<Self> {
        let mut hosts = BTreeSet::from(["localhost".to_owned()]);
        let mut addresses = BTreeSet::new();
        let url = url::Url::parse(public_url).with_context(|| format!("the public URL {public_url} is none"))?;
        match url.host().with_context(|| format!("the public URL {public_url} names no host"))? {
            url::Host::Domain(domain) => drop(hosts.insert(domain.to_ascii_lowercase())),
            url::Host::Ipv4(address) => drop(addresses.insert(IpAddr::V4(address))),
            url::Host::Ipv6(address) => drop(addresses.insert(IpAddr::V6(address))),
        }
        for listener in [settings.admin_listen, settings.public_listen] {
            if listener.ip().is_unspecified() {
                // Every address of the machine: reached by its name, and from the machine itself.
                let name = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
                if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') && !name.is_empty() {
                    hosts.insert(name);
                }
                addresses.insert(IpAddr::from([127, 0, 0, 1]));
            } else {
                addresses.insert(listener.ip());
            }
        }
        Ok(Self { hosts, addresses })
    }

    fn covered_by(&self, certificate: &Certificate) -> bool {
        let names = certificate.x509().subject_alt_names();
        let names: Vec<_> = names.iter().flatten().collect();
        let host = |host: &String| names.iter().any(|name| name.dnsname() == Some(host));
        let address = |address: &IpAddr| {
            let bytes = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            names.iter().any(|name| name.ipaddress() == Some(&bytes))
        };
        self.hosts.iter().all(host) && self.addresses.iter().all(address)
    }

    /// Adds what a certificate covers already: another node of the instance may be reached under it.
    fn widen(&mut self, certificate: &Certificate) {
        for name in certificate.x509().subject_alt_names().iter().flatten() {
            if let Some(host) = name.dnsname() {
                self.hosts.insert(host.to_owned());
            }
            match name.ipaddress() {
                Some(&[a, b, c, d]) => drop(self.addresses.insert(IpAddr::from([a, b, c, d]))),
                Some(bytes) => {
                    if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
                        self.addresses.insert(IpAddr::from(bytes));
                    }
                }
                None => {}
            }
        }
    }
}

/// TLS of the admin and the public listener. The listeners' certificate is renewed here when it ends soon or does not cover
/// this node.
///
/// # Errors
/// When a key is missing or OpenSSL refuses one.
pub async fn listeners(app: &App, public_url: &str) -> anyhow::Result<(SslContext, SslContext)> {
    let mut reached = Reached::of(&app.settings, public_url)?;
    let mut read = app.store.read().await?;
    let row = read.active_key(KeyPurpose::ServerTls, LISTENERS).await?.context("there is no key for the listeners")?;
    let servers = read.active_key(KeyPurpose::IssuingCa, SERVERS).await?.context("there is no authority for servers")?;
    let operators = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
    drop(read);
    let authority = app.keys.authority(&servers)?;
    let key = app.keys.listener_key(&row)?;
    let now = app.clock.now();
    let held = row.certificate.as_deref().map(Certificate::from_der).transpose()?;
    let good = held.as_ref().is_some_and(|held| held.view().not_after > now.plus(RENEW_BEFORE) && reached.covered_by(held));
    let certificate = match held {
        Some(held) if good => held,
        held => {
            if let Some(held) = &held {
                reached.widen(held);
            }
            let hosts: Vec<String> = reached.hosts.into_iter().collect();
            let addresses: Vec<IpAddr> = reached.addresses.into_iter().collect();
            let planned = authority.plan_server(&hosts, &addresses, &key.public()?, None, now)?;
            let recorded = record(app, planned, &Holder::Key(row.kid.parse()?)).await?;
            let (issued, recorded) = recorded.sign(&authority)?;
            let mut tx = app.store.write().await?;
            tx.confirm_certificate(&recorded).await?;
            tx.put_key_certificate(&row, issued.der()).await?;
            let facts = json!({ "serial": issued.view().serial, "not_after": issued.view().not_after });
            tx.commit_housekeeping(Housekeeping::Step { action: "cert.issue", subject: row.kid.clone(), facts }).await?;
            issued
        }
    };
    let chain = vec![authority.certificate().clone()];
    let trusted = operators
        .iter()
        .filter(|row| row.name == OPERATORS && matches!(row.state.as_str(), "active" | "draining"))
        .filter_map(|row| row.certificate.as_deref())
        .map(Certificate::from_der)
        .collect::<Result<Vec<_>, _>>()?;
    let identity = ServerIdentity { key, certificate, chain };
    Ok((tls::admin(&identity, &trusted)?, tls::public(&identity)?))
}
