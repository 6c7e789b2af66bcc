//! What a login costs, beside the bars: the token endpoint against one that only signs and against the npm package oidc-provider, and
//! whole logins against what PostgreSQL commits. By the programs themselves, over TLS. Run by `scripts/bench`, which fetches
//! oidc-provider, or, when the programs are built with `--release`:
//!
//!     scripts/with-postgres cargo bench -p tests --bench logins
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops where it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]
#![expect(clippy::cast_precision_loss, reason = "counts of a few seconds")]

mod bare;
mod load;
mod office;
mod whole;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use http::header;
use tests::daemon::{Daemon, Running};
use tests::world::postgres::Database;
use tests::{Engine, measured};

use load::{Asks, Beside, Kept, Seen, form, load};
use office::Office;

/// Who ask for tokens at once.
const CONNECTIONS: usize = 64;
/// How long each row is measured.
const LASTS: Duration = Duration::from_secs(8);
/// Of an endpoint that only signs; times oidc-provider for a second of processor; milliseconds.
const TOKEN_BAR: f64 = 0.85;
const PEER_BAR: f64 = 7.0;
const P99_BAR: f64 = 10.0;
/// Logins for a transaction of pgbench.
const LOGIN_BAR: f64 = 1.0 / 6.0;
/// Citizens who log in at once.
const CITIZENS: u32 = 32;
/// Resident memory of a node besides page cache, MiB.
const RESIDENT_BAR: f64 = 64.0;

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, role, certificate, key] = arguments.as_slice()
        && role == bare::ROLE
    {
        return bare::serve(certificate, key).await;
    }
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let daemon = Daemon::new(engine).await;
        let running = daemon.serves();
        let office = Arc::new(Office::opens(&daemon, &running, CITIZENS).await);
        tokens(engine, &daemon, &running, &office).await;
        logins(engine, &daemon, &running, &office).await;
        resident(engine, &running);
    }
}

/// A client that asks for tokens for itself.
struct Machine {
    kept: Kept,
    authorization: String,
}

impl Asks for Machine {
    async fn once(&mut self) {
        let mut request = form("/oauth2/token", &[("grant_type", "client_credentials")]);
        request.headers_mut().insert(header::AUTHORIZATION, self.authorization.parse().unwrap());
        let (status, body) = self.kept.asks(request).await;
        assert!(status.is_success(), "{status} {}", String::from_utf8_lossy(&body));
    }
}

async fn machines(address: SocketAddr, server: u32, client: &str, secret: &str) -> Seen {
    let authorization = format!("Basic {}", BASE64_STANDARD.encode(format!("{client}:{secret}")));
    let mut all = Vec::new();
    for _ in 0..CONNECTIONS {
        all.push(Machine { kept: Kept::to(address).await, authorization: authorization.clone() });
    }
    load(all, LASTS, server).await
}

/// The token endpoint for client_credentials, with a secret: everything that is there beside the signature.
async fn tokens(engine: Engine, daemon: &Daemon, running: &Running, office: &Arc<Office>) {
    let (certificate, key) = certificate(daemon.folder());
    let here = std::env::current_exe().unwrap();
    let (bare, address) = Beside::starts(Command::new(here).arg(bare::ROLE).args([&certificate, &key]));
    let (client, secret) = (office.plain.as_str(), office.secret.as_str());
    let signs = machines(address, bare.id(), client, secret).await;
    drop(bare);
    let ours = machines(running.public, running.child.id(), client, secret).await;
    row(engine, "signs and nothing else", &format!("{:>9.0} /s", signs.rate), &format!("   p99 {:.1} ms", signs.p99));
    let ratio = ours.rate / signs.rate;
    let beside = format!("   bar {TOKEN_BAR} of that       {:.2}x ({ratio:.2})", ratio / TOKEN_BAR);
    row(engine, "client_credentials", &format!("{:>9.0} /s", ours.rate), &beside);
    row(
        engine,
        "client_credentials, p99",
        &format!("{:>9.2} ms", ours.p99),
        &format!("   bar {P99_BAR:>7.2} ms   {:.2}x", ours.p99 / P99_BAR),
    );
    let Some(peer) = peer() else {
        row(engine, "oidc-provider", "        —", "   not measured: scripts/bench fetches it");
        return;
    };
    let mut node = Command::new("node");
    node.arg("server.mjs").args([certificate.as_os_str(), key.as_os_str()]).args([client, secret]).current_dir(peer);
    let (node, address) = Beside::starts(node.env("NODE_ENV", "production").stderr(std::process::Stdio::null()));
    let theirs = machines(address, node.id(), client, secret).await;
    let times = ours.for_a_second / theirs.for_a_second;
    let beside = format!("   bar {PEER_BAR} times {:.0}   {:.2}x ({times:.1})", theirs.for_a_second, times / PEER_BAR);
    row(engine, "tokens a CPU-second", &format!("{:>9.0}", ours.for_a_second), &beside);
}

/// Whole logins, beside transactions of pgbench in a database of the same server.
async fn logins(engine: Engine, daemon: &Daemon, running: &Running, office: &Arc<Office>) {
    let plain = whole::logins(running, office, whole::Profile::Oidc, LASTS).await;
    let bound = whole::logins(running, office, whole::Profile::Fapi2, LASTS).await;
    for (what, seen) in [("logins, oidc", &plain), ("logins, fapi2", &bound)] {
        let beside = format!("   p99 {:.1} ms, {:.0} a CPU-second of the server", seen.p99, seen.for_a_second);
        row(engine, what, &format!("{:>9.0} /s", seen.rate), &beside);
    }
    let recorded = daemon.number("SELECT COUNT(*) FROM usage_event WHERE outcome = 1").await;
    row(engine, "uses on record", &format!("{recorded:>9}"), "");
    if engine == Engine::Postgres {
        let commits = pgbench().await;
        row(engine, "pgbench, simple update", &format!("{commits:>9.0} /s"), "");
        for (what, seen) in [("oidc", plain), ("fapi2", bound)] {
            let ratio = seen.rate / commits;
            let beside = format!("   bar {LOGIN_BAR:.3} of that      {:.2}x", ratio / LOGIN_BAR);
            row(engine, &format!("whole logins, {what}"), &format!("{ratio:>9.3}"), &beside);
        }
    }
}

/// `pgbench -N` with as many clients as citizens log in at once.
async fn pgbench() -> f64 {
    let database = Database::create().await;
    let url = database.url();
    let run = |arguments: &[&str]| {
        let done = Command::new("pgbench").args(arguments).arg(&url).output().unwrap();
        assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
        String::from_utf8(done.stdout).unwrap()
    };
    run(&["-i", "-q", "-s", "10"]);
    let (clients, seconds) = (CITIZENS.to_string(), LASTS.as_secs().to_string());
    let told = run(&["-N", "-c", &clients, "-j", "2", "-T", &seconds]);
    let line = told.lines().find(|line| line.starts_with("tps = ")).unwrap();
    line.split_whitespace().nth(2).unwrap().parse().unwrap()
}

fn resident(engine: Engine, running: &Running) {
    let mib = measured::resident(running.child.id());
    let beside = format!("   bar {RESIDENT_BAR:>7.1} MiB besides page cache   {:.2}x", mib / RESIDENT_BAR);
    row(engine, "iamd, resident", &format!("{mib:>9.1} MiB"), &beside);
}

/// A certificate for endpoints that are not ours, of the kind that ours has.
fn certificate(folder: &Path) -> (PathBuf, PathBuf) {
    let (certificate, key) = (folder.join("localhost.crt"), folder.join("localhost.key"));
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "ec",
            "-pkeyopt",
            "ec_paramgen_curve:P-256",
            "-nodes",
            "-days",
            "2",
            "-subj",
            "/CN=localhost",
        ])
        .arg("-keyout")
        .arg(&key)
        .arg("-out")
        .arg(&certificate)
        .output()
        .unwrap();
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    (certificate, key)
}

/// The folder where oidc-provider was put; none when it was not fetched.
fn peer() -> Option<PathBuf> {
    let folder = PathBuf::from(std::env::var_os("IAM_BENCH_PEER")?);
    folder.join("node_modules/oidc-provider").exists().then_some(folder)
}

fn row(engine: Engine, what: &str, measured: &str, beside: &str) {
    println!("{:<11} {what:<26} {measured}{beside}", format!("{engine:?}").to_lowercase());
}
