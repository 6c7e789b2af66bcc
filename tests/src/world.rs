//! One instance, and people who work with it.

pub mod audit;
pub mod citizen;
pub mod client;
pub mod clock;
pub mod desk;
pub mod ear;
pub mod handset;
pub mod invariants;
pub mod line;
pub mod phone;
pub mod postgres;
pub mod records;
pub mod s_client;
pub mod shelf;
pub mod wire;

mod sql;
mod template;

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use api::Role;
use api::enrol::Enrol;
use api::operator::AddOperator;
use axum::Router;
use axum::body::Body;
use domain::{Clock, Entropy, Environment, Timestamp};
use http::Request;
use pki::{KeyKind, PrivateKey};
use server::app::App;
use server::clock::{SystemClock, SystemEntropy};
use server::credential::key_sets::{KeySets, OverTheNetwork};
use server::housekeeping::outbox::Courier;
use server::http::accept::Peer;
use server::instance::init::{NewInstance, RootPlace, init};
use server::instance::open::{Ports, open};
use server::notice::Channels;
use server::population_register::PopulationRegister;
use server::settings::{File, Settings, Source};
use tempfile::TempDir;

use clock::ManualClock;
use desk::{Answer, Badge, Desk};
use records::Records;
use shelf::Shelf;

use crate::described::{ADMIN, PUBLIC, checked};
use crate::soft_token::SoftToken;

/// The first operator's id, as `iamd init` calls them.
pub const FIRST: &str = "first-operator";

/// Which database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// A file in the data folder.
    Sqlite,
    /// A database of its own on the server that `scripts/with-postgres` started.
    Postgres,
}

/// How a world begins.
#[derive(Debug, Clone)]
pub struct Setup {
    /// Sandbox or production.
    pub environment: Environment,
    /// What the clock says at first.
    pub start: Timestamp,
    /// Settings that differ from the default, by name.
    pub settings: Source,
    /// Whose instance it is.
    pub instance: Instance,
}

/// Whose instance a world is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Instance {
    /// A copy: its keys are those of other worlds of this run.
    Copied,
    /// Made for this world alone, a stranger to every other.
    ItsOwn,
}

impl Default for Setup {
    /// A sandbox on Monday 5 January 2026, nine in the morning in Hong Kong.
    fn default() -> Self {
        let start = "2026-01-05T01:00:00Z".parse().expect("a time");
        Self { environment: Environment::Sandbox, start, settings: Source::new(), instance: Instance::Copied }
    }
}

impl Setup {
    /// Begins at the system's own time, as a real TLS client needs it.
    #[must_use]
    pub fn today() -> Self {
        Self { start: SystemClock.now(), ..Self::default() }
    }

    /// A production instance with its first administrator alone.
    #[must_use]
    pub fn production() -> Self {
        Self { environment: Environment::Production, ..Self::default() }
    }

    /// A stranger to every other world.
    #[must_use]
    pub fn of_its_own(self) -> Self {
        Self { instance: Instance::ItsOwn, ..self }
    }

    /// An instance whose signing keys lie in a token; in the process of [`crate::soft_token::apart`].
    #[must_use]
    pub fn in_token(self, token: &SoftToken) -> Self {
        let module = crate::soft_token::module().display().to_string();
        let pin = token.pin_file().display().to_string();
        let named = self.of_its_own().with("keys-provider", "pkcs11").with("keys-module", &module);
        named.with("keys-token", crate::soft_token::LABEL).with("keys-pin-file", &pin)
    }

    fn is_today(&self) -> bool {
        self.start != Self::default().start
    }

    /// The kind of instance it begins with, where it may be a copy.
    fn template(&self) -> Option<String> {
        let day = if self.is_today() { "today" } else { "monday" };
        (self.instance == Instance::Copied).then(|| format!("{}-{day}", self.environment))
    }

    /// An instance whose public listener is where it says that it is, on a port that was free a moment ago: for what signs the
    /// address that it speaks to.
    ///
    /// # Panics
    /// When there is no port.
    #[must_use]
    pub fn reached(self) -> Self {
        let free = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap().local_addr().unwrap();
        self.of_its_own().with("public-listen", &free.to_string())
    }

    /// With another setting, e.g. `("key-publish-interval", "20m")`.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: &str) -> Self {
        self.settings.insert(name, value.to_owned());
        self
    }
}

/// Where `close` leaves the judgement of the log to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Log {
    Whole,
    Damaged,
}

/// An instance in a temporary folder, opened in process, with a clock of its own.
pub struct World {
    /// Which engine it runs on.
    pub engine: Engine,
    /// Moves when the test says so.
    pub clock: Arc<ManualClock>,
    /// What parties serve at the addresses of their key sets.
    pub key_sets: Arc<Shelf>,
    /// What the Immigration Department says.
    pub records: Arc<Records>,
    /// The ports that operations are given.
    pub app: Arc<App>,
    /// The data folder.
    pub data_dir: PathBuf,
    /// The settings it runs with; every listener on a port that the system chooses.
    pub settings: Settings,
    /// PostgreSQL's side of it.
    pub database: Option<postgres::Database>,
    /// On production, the second administrator's enrolment code.
    pub second_code: Option<String>,
    router: Router,
    public: Router,
    badges: Mutex<BTreeMap<String, Badge>>,
    people: Mutex<u32>,
    log: Mutex<Log>,
    folder: TempDir,
}

impl std::fmt::Debug for World {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("World").field("engine", &self.engine).finish_non_exhaustive()
    }
}

/// Runs one test on one engine.
///
/// # Panics
/// When the test fails, or the world does not hold its invariants afterwards.
pub fn run(engine: Engine, setup: Setup, body: impl AsyncFnOnce(&World)) {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(async {
        let world = World::new(engine, setup).await;
        body(&world).await;
        world.close().await;
    });
}

impl World {
    /// An instance made by `iamd init`'s own function, or a copy of such a one, opened.
    ///
    /// # Panics
    /// When that fails.
    pub async fn new(engine: Engine, setup: Setup) -> Self {
        let folder = TempDir::with_prefix("iam-world-").unwrap();
        let data_dir = folder.path().join("data");
        let made = template::instance(engine, &setup, &data_dir).await;
        // An instance that was copied may have been made a moment after this world was thought of.
        let start = if setup.is_today() { SystemClock.now() } else { setup.start };
        let clock = Arc::new(ManualClock::new(start));
        let file = file(made.database.as_ref());
        let settings = Settings::settle(&data_dir, &setup.settings, &Source::new(), &file).unwrap();
        let key_sets = Arc::new(Shelf::default());
        let records = Arc::new(Records::default());
        let app = open(&data_dir, settings.clone(), ports(&clock, &key_sets, &records)).await.unwrap();
        let first = first_badge(&data_dir);
        Self {
            engine,
            clock,
            router: checked(server::http::admin::router(Arc::clone(&app)), &ADMIN),
            public: checked(server::http::public::router(Arc::clone(&app)), &PUBLIC),
            key_sets,
            records,
            app,
            data_dir,
            settings,
            database: made.database,
            second_code: made.second_code,
            badges: Mutex::new(BTreeMap::from([(FIRST.to_owned(), first)])),
            people: Mutex::new(0),
            log: Mutex::new(Log::Whole),
            folder,
        }
    }

    /// The ports of another node over the same clock.
    #[must_use]
    pub fn ports(&self) -> Ports {
        ports(&self.clock, &self.key_sets, &self.records)
    }

    /// Another node of the same instance, opened in process: a folder of its own on PostgreSQL, the same one on SQLite.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn another_node(&self) -> Arc<App> {
        open(&self.data_dir, self.settings.clone(), self.ports()).await.unwrap()
    }

    /// The same instance with another way to relying parties.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn with_courier(&self, courier: Arc<dyn Courier>) -> Arc<App> {
        open(&self.data_dir, self.settings.clone(), Ports { courier, ..self.ports() }).await.unwrap()
    }

    /// The same instance with another way to the key sets of parties.
    ///
    /// # Panics
    /// When it cannot be opened.
    pub async fn with_key_sets(&self, key_sets: Arc<dyn KeySets>) -> Arc<App> {
        open(&self.data_dir, self.settings.clone(), Ports { key_sets, ..self.ports() }).await.unwrap()
    }

    /// So many days go by on a platform that is served: its log has an entry on each, or nobody would believe the clock.
    ///
    /// # Panics
    /// When the server cannot write.
    pub async fn days_go_by(&self, days: u64) {
        let end = self.clock.now().plus(Duration::from_hours(24 * days));
        while self.clock.now() < end {
            self.clock.set(self.clock.now().plus(Duration::from_hours(20)).min(end));
            server::key::clock::watch(&self.app, &[], true).await.unwrap();
        }
    }

    /// A folder for the test's own files; gone at the end.
    #[must_use]
    pub fn folder(&self) -> PathBuf {
        self.folder.path().to_owned()
    }

    /// The first operator, who holds every role on a sandbox.
    #[must_use]
    pub fn first(&self) -> Desk<'_> {
        self.as_operator(FIRST)
    }

    /// An operator who has enrolled.
    ///
    /// # Panics
    /// When there is none of that id.
    #[must_use]
    pub fn as_operator(&self, id: &str) -> Desk<'_> {
        Desk::new(self, self.badge(id).peer)
    }

    /// An operator at another node, which [`World::another_node`] has opened.
    ///
    /// # Panics
    /// When there is none of that id.
    #[must_use]
    pub fn at_node(&self, node: &Arc<App>, id: &str) -> Desk<'_> {
        Desk::at(self, checked(server::http::admin::router(Arc::clone(node)), &ADMIN), self.badge(id).peer)
    }

    /// Somebody with this certificate, or with none.
    #[must_use]
    pub fn as_peer(&self, peer: Peer) -> Desk<'_> {
        Desk::new(self, peer)
    }

    /// An operator's certificate and key.
    ///
    /// # Panics
    /// When there is none of that id.
    #[must_use]
    pub fn badge(&self, id: &str) -> Badge {
        let badges = self.badges.lock().unwrap();
        badges.get(id).unwrap_or_else(|| panic!("{id} has not enrolled; begin with world.operator({id:?}, …)")).clone()
    }

    /// Puts an operator on record and enrols them, as an administrator and they themselves would.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn operator(&self, id: &str, roles: &[Role]) -> Desk<'_> {
        let add = AddOperator { id: id.parse().unwrap(), name: format!("Operator {id}"), roles: roles.to_vec() };
        let added = self.first().call(&add).await.unwrap();
        self.enrols(id, &added.code.unwrap()).await;
        self.as_operator(id)
    }

    /// Enrols with a code.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn enrols(&self, id: &str, code: &str) {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let enrolled = self.enrolment(code, &pki::make_csr(&key, id).unwrap()).await.reply.unwrap();
        assert_eq!(enrolled.operator.as_str(), id, "the code was somebody else's");
        let badge = Badge::new(id, &key, &enrolled.certificate, &enrolled.chain);
        self.badges.lock().unwrap().insert(id.to_owned(), badge);
    }

    /// Sends an enrolment, which needs no certificate.
    ///
    /// # Panics
    /// When the answer is neither a reply nor a problem.
    pub async fn enrolment(&self, code: &str, csr: &str) -> Answer<api::enrol::Enrolled> {
        let body = serde_json::to_vec(&Enrol { code: code.to_owned(), csr: csr.to_owned() }).unwrap();
        let request = Request::post(api::enrol::PATH).extension(Peer(None)).body(Body::from(body)).unwrap();
        self.exchange(request).await
    }

    /// Says that this test damages the log: `close` does not judge it then.
    ///
    /// # Panics
    /// Never.
    pub fn log_is_damaged(&self) {
        *self.log.lock().unwrap() = Log::Damaged;
    }

    /// Ends the world; the test macro does it.
    ///
    /// # Panics
    /// When an invariant is broken or the audit log does not verify.
    pub async fn close(self) {
        let log = *self.log.lock().unwrap();
        if log == Log::Whole {
            self.judge().await;
        }
        self.app.store.engine().close().await;
    }
}

/// The ports of a node that runs by the system's clock, beside a real server.
#[must_use]
pub fn system_ports() -> Ports {
    Ports {
        clock: Arc::new(SystemClock),
        ..ports(&Arc::new(ManualClock::new(SystemClock.now())), &Arc::default(), &Arc::default())
    }
}

fn ports(clock: &Arc<ManualClock>, key_sets: &Arc<Shelf>, records: &Arc<Records>) -> Ports {
    let clock: Arc<dyn Clock> = Arc::<ManualClock>::clone(clock);
    let key_sets: Arc<dyn KeySets> = Arc::<Shelf>::clone(key_sets);
    let population_register: Arc<dyn PopulationRegister> = Arc::<Records>::clone(records);
    let network = Arc::new(OverTheNetwork::new(None));
    let (entropy, courier) = (Arc::new(SystemEntropy), Arc::new(Channels::over(network)));
    Ports { clock, entropy, courier, key_sets, population_register, clock_vouched: false }
}

/// What is written to `iamd.yaml`: every listener on a port that the system chooses.
fn file(database: Option<&postgres::Database>) -> File {
    let any = || Some("127.0.0.1:0".to_owned());
    File {
        database_url: database.map(postgres::Database::url),
        admin_listen: any(),
        public_listen: any(),
        pki_listen: any(),
        metrics_listen: any(),
        ..File::default()
    }
}

/// Makes an instance by `iamd init`'s own function; gives the second administrator's code, where there is one.
async fn make(setup: &Setup, data_dir: &std::path::Path, database: Option<&postgres::Database>) -> Option<String> {
    let file = file(database);
    // What many worlds copy is made with the defaults.
    let flags = if setup.instance == Instance::ItsOwn { setup.settings.clone() } else { Source::new() };
    let settings = Settings::settle(data_dir, &flags, &Source::new(), &file).unwrap();
    let new = NewInstance {
        environment: setup.environment,
        public_url: setup.settings.get("public-listen").map_or("https://iam.example".to_owned(), |at| format!("https://{at}")),
        pki_url: "http://pki.iam.example".to_owned(),
        file,
        root: RootPlace::default(),
    };
    let clock = Arc::new(ManualClock::new(setup.start));
    let made = init(data_dir, new, &settings, &ports(&clock, &Arc::default(), &Arc::default())).await.unwrap();
    made.second.map(|(_, code, _)| code)
}

fn first_badge(data_dir: &std::path::Path) -> Badge {
    let folder = data_dir.join(server::data_dir::FIRST_OPERATOR);
    let read = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    let key = pki::envelope::private_key_from_pem(read("operator.key").as_bytes()).unwrap();
    Badge::new(FIRST, &key, &read("operator.crt"), &[])
}

/// Sixteen random bytes.
pub(crate) fn random() -> [u8; 16] {
    let mut bytes = [0; 16];
    SystemEntropy.fill(&mut bytes);
    bytes
}
