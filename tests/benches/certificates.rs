//! How fast certificates are issued, lists are made, OCSP is answered, and rows go from one key to another, beside the bars. Run by
//! `scripts/bench`, or:
//!
//!     scripts/with-postgres cargo bench -p tests --bench certificates
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops where it cannot go on")]
#![expect(clippy::disallowed_methods, reason = "time is what is measured")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use api::account::{ImportAccounts, ImportRow, MAX_ROWS};
use api::key::RotateKey;
use axum::body::Body;
use domain::{AccountId, ActivateAt, KeyPurpose, Timestamp};
use http_body_util::BodyExt;
use openssl::hash::MessageDigest;
use openssl::ocsp::{OcspCertId, OcspRequest, OcspResponse};
use openssl::x509::X509;
use pki::{KeyKind, PrivateKey};
use server::app::App;
use server::certificate::publish::publish_due;
use server::certificate::{citizen, issue};
use server::key::material::{BATCH, advance};
use server::key::steps::take_due;
use server::keys::watch::watch;
use server::store::{CertificateRow, Housekeeping, NodeRow};
use tests::{Engine, Setup, World, fixtures};
use tower::ServiceExt;

/// Accounts whose rows go from one key to another.
const ACCOUNTS: u32 = 40_000;
/// Certificates issued, and transactions beside them, by so many at once.
const ISSUED: usize = 4_000;
const AT_ONCE: usize = 32;
/// Part of the durable commits a second that is to be issued.
const ISSUE_BAR: f64 = 0.6;
/// Entries of a revocation list, and seconds that it may take.
const ENTRIES: usize = 100_000;
const LIST_BAR: f64 = 1.0;
/// Answers of OCSP, and how many a second of one core.
const ANSWERS: u32 = 50_000;
const ANSWER_BAR: f64 = 5_000.0;

fn main() {
    for engine in [Engine::Sqlite, Engine::Postgres] {
        if std::env::var_os("ISSUE_ONLY").is_some_and(|x| x != *format!("{engine:?}")) {
            continue;
        }
        tests::world::run(engine, Setup::default(), async |world: &World| {
            let accounts = people(world).await;
            issuing(world, &accounts).await;
            if std::env::var_os("ISSUE_ONLY").is_some() {
                return;
            }
            answering(world, accounts[0]).await;
            keys(world).await;
            listing(world).await;
        });
    }
}

async fn people(world: &World) -> Vec<AccountId> {
    let text = fixtures::registrations(ACCOUNTS);
    let lines: Vec<&str> = text.lines().collect();
    for (place, chunk) in lines.chunks(MAX_ROWS).enumerate() {
        let rows = chunk
            .iter()
            .zip(1..)
            .map(|(line, number)| ImportRow { line: number, registration: serde_json::from_str(line).unwrap() });
        let import = ImportAccounts { file: format!("{place:064x}"), chunk: 0, rows: rows.collect() };
        world.first().call(&import).await.unwrap();
    }
    let references = world.numbers(&format!("SELECT reference FROM account ORDER BY reference LIMIT {ISSUED}")).await;
    references.iter().map(|number| AccountId::from_number(u64::try_from(*number).unwrap()).unwrap()).collect()
}

/// Citizens' certificates as registration issues them: request checked, pre-sign record committed, signed, linted, stored with its
/// audit entry. Beside it, transactions of one small row on the same database, before and after.
async fn issuing(world: &World, accounts: &[AccountId]) {
    let csr = |_| pki::make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "x").unwrap();
    let requests: Arc<Vec<(AccountId, String)>> = Arc::new(accounts.iter().take(ISSUED).map(|one| (*one, csr(one))).collect());
    let before = commits(&world.app).await;
    let issued = at_once(&world.app, move |app, number| {
        let requests = Arc::clone(&requests);
        async move {
            let (account, csr) = &requests[number];
            citizen::issue(&app, *account, csr).await.unwrap();
        }
    });
    let issued = issued.await;
    let commits = f64::midpoint(before, commits(&world.app).await);
    row(world, "durable commits", &format!("{commits:>9.0} /s"), "");
    let ratio = issued / commits;
    let beside = format!("   bar {:>7.0} % of them   {ratio:.2} of them, {:.2}x", ISSUE_BAR * 100.0, ratio / ISSUE_BAR);
    row(world, "certificates issued", &format!("{issued:>9.0} /s"), &beside);
}

async fn commits(app: &Arc<App>) -> f64 {
    at_once(app, |app, number| async move {
        let mut tx = app.store.write().await.unwrap();
        let id = format!("bench-{}", number % AT_ONCE);
        let row = NodeRow { id, host: "bench".to_owned(), seen_at: i64::try_from(number).unwrap(), kek_ids: String::new() };
        tx.put_node(&row).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Beat).await.unwrap();
    })
    .await
}

/// So many times the same, by so many at once; gives how often a second.
async fn at_once<F, R>(app: &Arc<App>, work: F) -> f64
where
    F: Fn(Arc<App>, usize) -> R + Clone + Send + 'static,
    R: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicUsize::new(0));
    let began = Instant::now();
    let tasks: Vec<_> = (0..AT_ONCE)
        .map(|_| {
            let (app, work, next) = (Arc::clone(app), work.clone(), Arc::clone(&next));
            tokio::spawn(async move {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= ISSUED {
                        break;
                    }
                    work(Arc::clone(&app), number).await;
                }
            })
        })
        .collect();
    for task in tasks {
        task.await.unwrap();
    }
    ISSUED as f64 / began.elapsed().as_secs_f64()
}

/// The handler of the pki listener, asked one request after the other by one task: a core. From the cache, as OCSP is asked.
async fn answering(world: &World, account: AccountId) {
    let mut read = world.app.store.read().await.unwrap();
    let row_of = read.certificates_of(domain::HolderKind::Account, &account.to_string()).await.unwrap().remove(0);
    let issuer = read.key(&row_of.issuer.parse().unwrap()).await.unwrap().unwrap();
    drop(read);
    let subject = X509::from_der(row_of.der.as_deref().unwrap()).unwrap();
    let issuer = X509::from_der(issuer.certificate.as_deref().unwrap()).unwrap();
    let mut request = OcspRequest::new().unwrap();
    request.add_id(OcspCertId::from_cert(MessageDigest::sha256(), &subject, &issuer).unwrap()).unwrap();
    let request = request.to_der().unwrap();
    let router = server::http::pki::router(Arc::clone(&world.app));
    let ask = async || {
        let asked = http::Request::post("/ocsp").body(Body::from(request.clone())).unwrap();
        let answer = router.clone().oneshot(asked).await.unwrap();
        answer.into_body().collect().await.unwrap().to_bytes()
    };
    OcspResponse::from_der(&ask().await).unwrap().basic().unwrap();
    let began = Instant::now();
    for _ in 0..ANSWERS {
        ask().await;
    }
    let rate = f64::from(ANSWERS) / began.elapsed().as_secs_f64();
    let beside = format!("   bar {ANSWER_BAR:>7.0} /s a core   {:.2}x, the handler without the socket", rate / ANSWER_BAR);
    row(world, "OCSP, from the cache", &format!("{rate:>9.0} /s"), &beside);
}

/// Data keys under another key-encryption key, look-up values under another key: without the rests that a node takes.
async fn keys(world: &World) {
    watch(&world.app).await.unwrap();
    for (what, purpose) in [("data keys rewrapped", KeyPurpose::Data), ("look-up values", KeyPurpose::BlindIndex)] {
        world.first().call(&RotateKey { activate: ActivateAt::Now, ..RotateKey::of(purpose) }).await.unwrap();
        let mut took = Duration::ZERO;
        let mut longest = Duration::ZERO;
        // To where it takes over, and from there to where the old one goes.
        for _ in 0..2 {
            watch(&world.app).await.unwrap();
            loop {
                let began = Instant::now();
                let more = advance(&world.app, BATCH).await.unwrap();
                took += began.elapsed();
                longest = longest.max(began.elapsed());
                if !more {
                    break;
                }
            }
            take_due(&world.app).await.unwrap();
        }
        while advance(&world.app, BATCH).await.unwrap() {}
        world.clock.advance(Duration::from_hours(1));
        let rate = f64::from(ACCOUNTS) / took.as_secs_f64();
        let beside = format!("   a batch of {BATCH} at most {:.0} ms", longest.as_secs_f64() * 1e3);
        row(world, what, &format!("{rate:>9.0} /s"), &beside);
    }
}

/// A list of a hundred thousand, from the database to the database: read, built, signed, linted, stored.
async fn listing(world: &World) {
    let mut read = world.app.store.read().await.unwrap();
    let authority = issue::active_authority(&world.app, &mut read, pki::AuthorityPurpose::Citizens).await.unwrap();
    let made = read.certificates_of(domain::HolderKind::Account, &first_holder(world).await).await.unwrap().remove(0);
    drop(read);
    while publish_due(&world.app).await.unwrap() > 0 {}
    let now: Timestamp = world.app.clock.now();
    for from in (0..ENTRIES).step_by(10_000) {
        let mut tx = world.app.store.write().await.unwrap();
        for number in from..from + 10_000 {
            let serial = format!("7{number:031x}");
            let (fingerprint, signed_digest) = (Some(serial.clone().into_bytes()), None);
            let revoked = CertificateRow {
                serial,
                state: "revoked".to_owned(),
                revoked_at: Some(now.micros()),
                revoked_reason: Some("key-compromise".to_owned()),
                fingerprint,
                signed_digest,
                holder: "AAAAAAAAAAA".to_owned(),
                der: None,
                ..made.clone()
            };
            tx.insert_certificate(&revoked).await.unwrap();
        }
        tx.commit_housekeeping(Housekeeping::Presign).await.unwrap();
    }
    world.clock.advance(Duration::from_hours(13));
    let began = Instant::now();
    let lists = publish_due(&world.app).await.unwrap();
    let took = began.elapsed().as_secs_f64();
    let name = authority.name().to_string();
    let entries = world
        .numbers(&format!("SELECT entries FROM revocation_list WHERE issuer = '{name}' ORDER BY number DESC LIMIT 1"))
        .await[0];
    let beside = format!("   bar {LIST_BAR:>7.1} s   {:.2}x, {entries} entries, with {} other lists", took / LIST_BAR, lists - 1);
    row(world, "revocation list", &format!("{took:>9.3} s "), &beside);
}

async fn first_holder(world: &World) -> String {
    world.texts("SELECT holder FROM certificate WHERE holder_kind = 'account' ORDER BY serial LIMIT 1").await.remove(0)
}

fn row(world: &World, what: &str, measured: &str, beside: &str) {
    println!("{:<11} {what:<24} {measured}{beside}", world.app.store.engine().name());
}
