//! What the pki listener tells everybody, read by the real `openssl`: authorities, revocation lists, OCSP, time stamps.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use api::account::SuspendAccount;
use api::certificate::{IssueCertificate, RevokeCertificate};
use api::relying_party::ApplyParties;
use api::rotation::EmergencyRotation;
use axum::body::{Body, Bytes};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{Clock, HolderKind, KeyPurpose, RevocationReason, SuspensionReason};
use http::{Request, Response, StatusCode};
use http_body_util::BodyExt;
use pki::crl::RevocationList;
use pki::{Certificate, KeyKind, PrivateKey, make_csr};
use server::certificate::{citizen, publish::publish_due};
use tempfile::TempDir;
use tests::{World, both_engines, fixtures};
use tower::ServiceExt;

pub(super) const PARTY: &str = "inland-revenue-department";
const KIOSK: &str = "harbour-road-sports-centre";

pub(super) async fn asks(world: &World, request: Request<Body>) -> (StatusCode, http::HeaderMap, Bytes) {
    let answer: Response<Body> = server::http::pki::router(Arc::clone(&world.app)).oneshot(request).await.unwrap();
    let (head, body) = answer.into_parts();
    (head.status, head.headers, body.collect().await.unwrap().to_bytes())
}

pub(super) async fn gets(world: &World, path: &str) -> Bytes {
    let (status, _, body) = asks(world, Request::get(path).body(Body::empty()).unwrap()).await;
    assert_eq!(status, 200, "{path}: {}", String::from_utf8_lossy(&body));
    body
}

pub(super) async fn posts(world: &World, path: &str, body: Vec<u8>) -> (StatusCode, Bytes) {
    let (status, _, body) = asks(world, Request::post(path).body(Body::from(body)).unwrap()).await;
    (status, body)
}

/// A folder for what `openssl` reads and writes, by the world's clock.
pub(super) struct Desk {
    pub(super) folder: TempDir,
    pub(super) at: String,
}

impl Desk {
    pub(super) fn at(world: &World) -> Self {
        Self { folder: TempDir::new().unwrap(), at: (world.clock.now().micros() / 1_000_000).to_string() }
    }

    pub(super) fn file(&self, name: &str, bytes: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    }

    /// A certificate in DER as PEM.
    pub(super) fn pem(&self, name: &str, der: &[u8]) -> PathBuf {
        self.file(name, Certificate::from_der(der).unwrap().pem().unwrap())
    }

    /// Whether it agrees, and all that it says.
    pub(super) fn openssl(&self, arguments: &[&str]) -> (bool, String) {
        let done = Command::new("openssl").args(arguments).current_dir(self.folder.path()).output().unwrap();
        let said = [done.stdout, done.stderr].concat();
        (done.status.success(), String::from_utf8_lossy(&said).into_owned())
    }

    pub(super) fn verifies(&self, certificate: &Path) -> (bool, String) {
        let certificate = certificate.to_str().unwrap();
        self.openssl(&[
            "verify",
            "-attime",
            &self.at,
            "-crl_check",
            "-CAfile",
            "root.pem",
            "-untrusted",
            "issuer.pem",
            "-CRLfile",
            "list.pem",
            certificate,
        ])
    }
}

/// What everybody can fetch about an authority, put on the desk.
pub(super) async fn fetched(world: &World, authority: &str) -> Desk {
    let desk = Desk::at(world);
    desk.pem("root.pem", &gets(world, "/ca/root-1.crt").await);
    desk.pem("issuer.pem", &gets(world, &format!("/ca/{authority}.crt")).await);
    let list = gets(world, &format!("/crl/{authority}.crl")).await;
    desk.file("list.pem", openssl::x509::X509Crl::from_der(&list).unwrap().to_pem().unwrap());
    desk
}

pub(super) async fn issued(world: &World) -> (Certificate, domain::Serial) {
    world.first().call(&ApplyParties { manifests: vec![fixtures::party(PARTY)] }).await.unwrap();
    let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whoever").unwrap();
    let issued = world.first().call(&IssueCertificate { rp: PARTY.parse().unwrap(), csr, validity: None }).await.unwrap();
    (Certificate::from_pem(issued.pem.unwrap().as_bytes()).unwrap(), issued.certificate.serial)
}

async fn revoke(world: &World, serial: &domain::Serial) {
    world.first().call(&RevokeCertificate { serial: serial.clone(), reason: RevocationReason::KeyCompromise }).await.unwrap();
}

/// What OCSP says of a certificate, as `openssl ocsp` reads it.
pub(super) async fn ocsp(world: &World, desk: &Desk, certificate: &Path, digest: &str) -> String {
    let name = certificate.to_str().unwrap();
    let (made, said) = desk.openssl(&["ocsp", "-issuer", "issuer.pem", digest, "-cert", name, "-reqout", "request.der"]);
    assert!(made, "{said}");
    let request = std::fs::read(desk.folder.path().join("request.der")).unwrap();
    let (status, answer) = posts(world, "/ocsp", request).await;
    assert_eq!(status, 200);
    desk.file("answer.der", &answer);
    let trust = ["-CAfile", "root.pem", "-verify_other", "issuer.pem", "-no_cert_verify", "-validity_period", "999999999"];
    // With the request: the nonce is looked at. With the certificate: what is said of it.
    let (good, said) = desk.openssl(&[&["ocsp", "-reqin", "request.der", "-respin", "answer.der"][..], &trust].concat());
    assert!(good && said.contains("Response verify OK") && !said.contains("nonce"), "{said}");
    let about = ["ocsp", "-no_nonce", "-issuer", "issuer.pem", digest, "-cert", name, "-respin", "answer.der"];
    let (good, said) = desk.openssl(&[&about[..], &trust].concat());
    assert!(good && said.contains("Response verify OK"), "{said}");
    said
}

/// A request about one certificate that is the same from everybody: without a nonce.
pub(super) fn question(desk: &Desk, certificate: &Certificate) -> Vec<u8> {
    desk.pem("asked.pem", certificate.der());
    let (made, said) =
        desk.openssl(&["ocsp", "-issuer", "issuer.pem", "-cert", "asked.pem", "-no_nonce", "-reqout", "request.der"]);
    assert!(made, "{said}");
    std::fs::read(desk.folder.path().join("request.der")).unwrap()
}

/// A document on the desk beside the service's chain, and what `openssl` asks for a time stamp over it.
pub(super) async fn to_be_stamped(world: &World) -> (Desk, Vec<u8>) {
    let desk = Desk::at(world);
    desk.pem("root.pem", &gets(world, "/ca/root-1.crt").await);
    desk.pem("issuer.pem", &gets(world, "/ca/time-stamping-1.crt").await);
    desk.file("document", "what was there");
    let (made, said) = desk.openssl(&["ts", "-query", "-data", "document", "-sha256", "-cert", "-out", "query.tsq"]);
    assert!(made, "{said}");
    let query = std::fs::read(desk.folder.path().join("query.tsq")).unwrap();
    (desk, query)
}

both_engines! {
    async fn a_list_says_what_was_revoked_and_its_number_only_grows(world: &World) {
        let (certificate, serial) = issued(world).await;
        assert_eq!(publish_due(&world.app).await.unwrap(), 5, "every issuing authority has its first list");
        let desk = fetched(world, "relying-parties-1").await;
        let held = desk.pem("party.pem", certificate.der());
        assert!(desk.verifies(&held).0, "{:?}", desk.verifies(&held));
        revoke(world, &serial).await;
        assert_eq!(publish_due(&world.app).await.unwrap(), 0, "of many at once there is one list");
        world.clock.advance(Duration::from_secs(20));
        assert_eq!(publish_due(&world.app).await.unwrap(), 1);
        let desk = fetched(world, "relying-parties-1").await;
        let (good, said) = desk.verifies(&desk.pem("party.pem", certificate.der()));
        assert!(!good && said.contains("certificate revoked"), "{said}");
        let list = RevocationList::from_der(&gets(world, "/crl/relying-parties-1.crl").await).unwrap();
        assert_eq!((list.number(), list.len()), (2, 1));
        let entry = list.entries().next().unwrap();
        assert_eq!((entry.serial.as_str(), entry.reason), (serial.as_str(), RevocationReason::KeyCompromise));
        assert_eq!(world.number("SELECT COUNT(*) FROM revocation_untold").await, 0);
        // Half a day later all are signed anew, and nothing has left.
        world.clock.advance(Duration::from_hours(12));
        assert_eq!(publish_due(&world.app).await.unwrap(), 5);
        let list = RevocationList::from_der(&gets(world, "/crl/relying-parties-1.crl").await).unwrap();
        assert_eq!((list.number(), list.len()), (3, 1));
        assert_eq!(world.audited("crl.publish").await.len(), 11);
    }

    async fn the_roots_lists_were_signed_beforehand_one_for_each_day(world: &World) {
        let list = async || RevocationList::from_der(&gets(world, "/crl/root-1.crl").await).unwrap();
        let first = list().await;
        assert_eq!(first.number(), 1);
        world.clock.advance(Duration::from_hours(24 * 300 + 1));
        let later = list().await;
        assert_eq!(later.number(), 301);
        let age = world.clock.now().saturating_since(later.this_update());
        assert!(age < Duration::from_hours(24), "{age:?}");
        let root = Certificate::from_der(&gets(world, "/ca/root-1.crt").await).unwrap();
        assert!(later.is_signed_by(&root).unwrap());
    }

    async fn ocsp_knows_what_a_certificate_is_worth_within_a_minute(world: &World) {
        let (certificate, serial) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        let desk = fetched(world, "relying-parties-1").await;
        let held = desk.pem("party.pem", certificate.der());
        for digest in ["-sha1", "-sha256"] {
            let said = ocsp(world, &desk, &held, digest).await;
            assert!(said.contains("party.pem: good"), "{said}");
        }
        revoke(world, &serial).await;
        world.clock.advance(Duration::from_secs(60));
        let said = ocsp(world, &desk, &held, "-sha256").await;
        assert!(said.contains("party.pem: revoked") && said.contains("keyCompromise"), "{said}");
        // One that this authority never issued.
        let (made, said) = desk.openssl(&["ocsp", "-issuer", "issuer.pem", "-serial", "0x1234", "-reqout", "request.der"]);
        assert!(made, "{said}");
        let request = std::fs::read(desk.folder.path().join("request.der")).unwrap();
        desk.file("answer.der", posts(world, "/ocsp", request).await.1);
        let (_, said) = desk.openssl(&["ocsp", "-issuer", "issuer.pem", "-serial", "0x1234", "-no_nonce", "-respin", "answer.der", "-noverify", "-validity_period", "999999999"]);
        assert!(said.contains("0x1234: unknown"), "{said}");
    }

    async fn an_answer_is_kept_for_a_moment_and_not_longer(world: &World) {
        let (certificate, serial) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        let desk = fetched(world, "relying-parties-1").await;
        let request = question(&desk, &certificate);
        let got = format!("/ocsp/{}", BASE64_STANDARD.encode(&request).replace('/', "%2F").replace('+', "%2B").replace('=', "%3D"));
        let (_, first) = posts(world, "/ocsp", request.clone()).await;
        let by_get = gets(world, &got).await;
        revoke(world, &serial).await;
        assert_eq!(posts(world, "/ocsp", request.clone()).await.1, first, "from the cache");
        world.clock.advance(Duration::from_secs(21));
        let later = posts(world, "/ocsp", request).await.1;
        assert_ne!(later, first);
        assert_ne!(gets(world, &got).await, by_get);
        let answer = openssl::ocsp::OcspResponse::from_der(&later).unwrap();
        assert_eq!(answer.status(), openssl::ocsp::OcspResponseStatus::SUCCESSFUL);
    }

    async fn an_answer_is_signed_again_when_it_has_grown_old_or_another_responder_answers(world: &World) {
        let (certificate, _) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        let request = question(&fetched(world, "relying-parties-1").await, &certificate);
        let (_, first) = posts(world, "/ocsp", request.clone()).await;
        world.clock.advance(Duration::from_mins(20));
        assert_eq!(posts(world, "/ocsp", request.clone()).await.1, first, "it says the same");
        world.clock.advance(Duration::from_mins(11));
        let (_, second) = posts(world, "/ocsp", request.clone()).await;
        assert_ne!(second, first, "it would not be good for long any more");
        let emergency = EmergencyRotation {
            purpose: KeyPurpose::Ocsp,
            name: Some("relying-parties-1".to_owned()),
            algorithm: None,
            reason: RevocationReason::KeyCompromise,
        };
        world.first().call(&emergency).await.unwrap();
        world.clock.advance(Duration::from_secs(21));
        assert_ne!(posts(world, "/ocsp", request).await.1, second, "whoever signed it is not believed any more");
    }

    async fn a_suspended_citizens_certificate_is_on_hold_in_the_same_moment(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk(KIOSK).await;
        let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "phone").unwrap();
        let certificate = citizen::issue(&world.app, citizen.account, &csr).await.unwrap();
        assert_eq!(certificate.view().subject, format!("CN={}, O=iAM Smart platform (sandbox)", citizen.account));
        publish_due(&world.app).await.unwrap();
        let suspend = SuspendAccount { account: citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        let suspended = world.first().call(&suspend).await.unwrap();
        assert_eq!(suspended.ended.certificates, 1);
        let row = world.app.store.read().await.unwrap().certificates_of(HolderKind::Account, &citizen.account.to_string()).await.unwrap();
        assert_eq!((row.len(), row[0].state.as_str()), (1, "on-hold"));
        world.clock.advance(Duration::from_secs(20));
        publish_due(&world.app).await.unwrap();
        let list = RevocationList::from_der(&gets(world, "/crl/citizens-1.crl").await).unwrap();
        assert_eq!(list.entries().next().unwrap().reason, RevocationReason::CertificateHold);
        let desk = fetched(world, "citizens-1").await;
        let held = desk.pem("citizen.pem", certificate.der());
        let said = ocsp(world, &desk, &held, "-sha256").await;
        assert!(said.contains("citizen.pem: revoked") && said.contains("certificateHold"), "{said}");
        // Nobody who is suspended gets another one.
        let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "phone").unwrap();
        assert_eq!(citizen::issue(&world.app, citizen.account, &csr).await.unwrap_err().code(), "cert.account");
    }

    async fn a_new_phones_certificate_takes_the_old_ones_place(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk(KIOSK).await;
        let csr = || make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "phone").unwrap();
        let old = citizen::issue(&world.app, citizen.account, &csr()).await.unwrap();
        let new = citizen::issue(&world.app, citizen.account, &csr()).await.unwrap();
        let rows = world.app.store.read().await.unwrap().certificates_of(HolderKind::Account, &citizen.account.to_string()).await.unwrap();
        let state = |certificate: &Certificate| rows.iter().find(|row| row.serial == certificate.view().serial).unwrap().state.clone();
        assert_eq!((state(&old).as_str(), state(&new).as_str()), ("revoked", "valid"));
        let plain = world.citizen("WONG SIU MING").registers_remotely().await;
        assert_eq!(citizen::issue(&world.app, plain.account, &csr()).await.unwrap_err().code(), "cert.account");
    }

    async fn a_time_stamp_is_verified_by_openssl(world: &World) {
        let (desk, query) = to_be_stamped(world).await;
        let (status, reply) = posts(world, "/tsa", query).await;
        assert_eq!(status, 200);
        desk.file("reply.tsr", &reply);
        let (good, said) = desk.openssl(&[
            "ts", "-verify", "-queryfile", "query.tsq", "-in", "reply.tsr", "-CAfile", "root.pem", "-untrusted", "issuer.pem", "-attime", &desk.at,
        ]);
        assert!(good && said.contains("Verification: OK"), "{said}");
        desk.file("document", "something else");
        let (good, _) = desk.openssl(&["ts", "-verify", "-data", "document", "-in", "reply.tsr", "-CAfile", "root.pem", "-untrusted", "issuer.pem", "-attime", &desk.at]);
        assert!(!good);
    }

    async fn garbage_is_refused_everywhere(world: &World) {
        for path in ["/ocsp", "/tsa"] {
            for garbage in [Vec::new(), vec![0x30, 0x80], b"hello".to_vec(), vec![0xff; 4_000]] {
                assert_eq!(posts(world, path, garbage).await.0, 400, "{path}");
            }
            let (status, body) = posts(world, path, vec![0x30; 70_000]).await;
            let problem: api::Problem = serde_json::from_slice(&body).unwrap();
            assert_eq!((status.as_u16(), problem.code.as_str()), (413, "request.too-large"), "{path}");
        }
        for path in ["/ocsp/%%%", "/ocsp/AAAA", "/ocsp/hello"] {
            let (status, _, _) = asks(world, Request::get(path).body(Body::empty()).unwrap()).await;
            assert_eq!(status, 400, "{path}");
        }
        let (ca, none) = ("ca.not-found", "operation.not-found");
        for (path, code) in
            [("/ca/nobody-1.crt", ca), ("/ca/root-1", ca), ("/crl/../iam.db", none), ("/crl/root-2.crl", ca), ("/elsewhere", none)]
        {
            let (status, headers, body) = asks(world, Request::get(path).body(Body::empty()).unwrap()).await;
            let problem: api::Problem = serde_json::from_slice(&body).unwrap();
            assert_eq!((status.as_u16(), problem.code.as_str()), (404, code), "{path}");
            assert_eq!(headers["content-type"], "application/problem+json");
        }
        assert_eq!(posts(world, "/ca", Vec::new()).await.0, 405);
    }

    async fn authorities_and_lists_are_listed(world: &World) {
        publish_due(&world.app).await.unwrap();
        let names = async |path: &str| -> Vec<String> {
            let all: serde_json::Value = serde_json::from_slice(&gets(world, path).await).unwrap();
            all.as_array().unwrap().iter().map(|one| one["name"].as_str().unwrap().to_owned()).collect()
        };
        let wanted = ["root-1", "citizens-1", "operators-1", "relying-parties-1", "servers-1", "time-stamping-1"];
        assert_eq!(names("/ca/").await, wanted);
        assert_eq!(names("/crl/").await, wanted);
    }

    async fn a_clock_that_jumped_signs_nothing_and_says_so(world: &World) {
        world.clock.advance(Duration::from_hours(2));
        let (certificate, serial) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        revoke(world, &serial).await;
        world.seal().await;
        let before = gets(world, "/crl/relying-parties-1.crl").await;
        let right = world.clock.now();
        world.clock.set(right.plus(Duration::from_hours(24 * 364)));
        let refused = publish_due(&world.app).await.unwrap_err().to_string();
        assert!(refused.contains("nothing is signed by such a clock"), "{refused}");
        assert_eq!(gets(world, "/crl/relying-parties-1.crl").await, before);
        // What was done there proves nothing for a day, and neither does another start on production.
        world.seal().await;
        assert!(publish_due(&world.app).await.is_err());
        let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whoever").unwrap();
        let asked = IssueCertificate { rp: PARTY.parse().unwrap(), csr, validity: None };
        let problem = world.first().call(&asked).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (503, "clock.doubted"));
        // Set right, and then back an hour: what was revoked is told, dated as the clock says.
        world.clock.set(right.minus(Duration::from_hours(1)));
        assert_eq!(gets(world, "/crl/relying-parties-1.crl").await, before, "a list is there, whatever the clock says");
        assert_eq!(publish_due(&world.app).await.unwrap(), 5);
        let list = RevocationList::from_der(&gets(world, "/crl/relying-parties-1.crl").await).unwrap();
        assert!(list.this_update() <= world.clock.now());
        world.clock.set(right);
        let list = RevocationList::from_der(&gets(world, "/crl/relying-parties-1.crl").await).unwrap();
        assert_eq!((list.number(), list.entries().next().unwrap().serial), (2, certificate.view().serial.clone()));
    }
}
