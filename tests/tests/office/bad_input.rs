//! What is sent by mistake or on purpose: refused by name at every door, and nothing is left behind.

use std::time::Duration;

use api::certificate::{IssueCertificate, ListCertificates, RenewCertificate};
use api::key::{ListKeys, RevokeKey};
use api::operator::AddOperator;
use api::relying_party::ApplyParties;
use api::{Effect, Problem, Role, operations};
use axum::body::Body;
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use domain::{CertificateState, RevocationReason};
use http::Request;
use openssl::bn::{BigNum, BigNumContext, BigNumRef};
use openssl::ec::{EcGroup, EcKey};
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use openssl::stack::Stack;
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509Extension, X509NameBuilder, X509ReqBuilder};
use server::certificate::publish::publish_due;
use server::key::steps::take_due;
use tests::world::desk::fresh_key;
use tests::{both_engines, fixtures};

const PARTY: &str = "inland-revenue-department";

/// A request as an ill-willed tool makes it.
struct Hostile {
    key: PKey<Private>,
    signer: PKey<Private>,
    name: (Nid, String),
    extension: Option<X509Extension>,
}

fn curve(nid: Nid) -> PKey<Private> {
    PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(nid).unwrap()).unwrap()).unwrap()
}

fn rsa(bits: u32, exponent: u32) -> PKey<Private> {
    PKey::from_rsa(Rsa::generate_with_e(bits, &BigNum::from_u32(exponent).unwrap()).unwrap()).unwrap()
}

/// The next prime that an RSA key can have.
fn prime_above(start: &BigNumRef) -> BigNum {
    let (mut context, mut rest) = (BigNumContext::new().unwrap(), BigNum::new().unwrap());
    let (two, exponent) = (BigNum::from_u32(2).unwrap(), BigNum::from_u32(65_537).unwrap());
    let mut candidate = start.to_owned().unwrap();
    loop {
        let next = &candidate + &two;
        candidate = next;
        rest.nnmod(&candidate, &exponent, &mut context).unwrap();
        if rest != BigNum::from_u32(1).unwrap() && candidate.is_prime(32, &mut context).unwrap() {
            return candidate;
        }
    }
}

/// A key whose two primes are neighbours: a square root away from its private half.
fn close_primes() -> PKey<Private> {
    let mut context = BigNumContext::new().unwrap();
    let mut start = BigNum::new().unwrap();
    start.generate_prime(1024, false, None, None).unwrap();
    let p = prime_above(&start);
    let q = prime_above(&p);
    let one = BigNum::from_u32(1).unwrap();
    let (p1, q1) = (&p - &one, &q - &one);
    let (n, phi) = (&p * &q, &p1 * &q1);
    let exponent = BigNum::from_u32(65_537).unwrap();
    let (mut d, mut d_p, mut d_q, mut inverse) =
        (BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap(), BigNum::new().unwrap());
    d.mod_inverse(&exponent, &phi, &mut context).unwrap();
    d_p.nnmod(&d, &p1, &mut context).unwrap();
    d_q.nnmod(&d, &q1, &mut context).unwrap();
    inverse.mod_inverse(&q, &p, &mut context).unwrap();
    PKey::from_rsa(Rsa::from_private_components(n, exponent, d, p, q, d_p, d_q, inverse).unwrap()).unwrap()
}

impl Hostile {
    fn of(key: PKey<Private>) -> Self {
        Self { signer: key.clone(), key, name: (Nid::COMMONNAME, "whoever".to_owned()), extension: None }
    }

    fn honest() -> Self {
        Self::of(curve(Nid::X9_62_PRIME256V1))
    }

    fn named(nid: Nid, name: &str) -> Self {
        Self { name: (nid, name.to_owned()), ..Self::honest() }
    }

    fn asking(extension: X509Extension) -> Self {
        Self { extension: Some(extension), ..Self::honest() }
    }

    fn for_name(name: &mut SubjectAlternativeName) -> Self {
        let request = X509ReqBuilder::new().unwrap();
        Self::asking(name.build(&request.x509v3_context(None)).unwrap())
    }

    fn der(self) -> Vec<u8> {
        let mut request = X509ReqBuilder::new().unwrap();
        let mut name = X509NameBuilder::new().unwrap();
        name.append_entry_by_nid(self.name.0, &self.name.1).unwrap();
        request.set_subject_name(&name.build()).unwrap();
        request.set_pubkey(&self.key).unwrap();
        let mut extensions = Stack::new().unwrap();
        self.extension.into_iter().for_each(|extension| extensions.push(extension).unwrap());
        if !extensions.is_empty() {
            request.add_extensions(&extensions).unwrap();
        }
        request.sign(&self.signer, MessageDigest::sha256()).unwrap();
        request.build().to_der().unwrap()
    }
}

fn hostile_requests() -> Vec<(&'static str, Vec<u8>)> {
    let borrowed = Hostile { signer: curve(Nid::X9_62_PRIME256V1), ..Hostile::honest() };
    let trailing = [Hostile::honest().der(), b"\0".to_vec()].concat();
    vec![
        ("csr.proof-of-possession", borrowed.der()),
        ("csr.rsa-size", Hostile::of(rsa(1024, 65_537)).der()),
        ("csr.rsa-exponent", Hostile::of(rsa(2048, 3)).der()),
        ("csr.rsa-close-primes", Hostile::of(close_primes()).der()),
        ("csr.curve", Hostile::of(curve(Nid::X9_62_PRIME192V1)).der()),
        ("csr.ca-requested", Hostile::asking(BasicConstraints::new().critical().ca().build().unwrap()).der()),
        ("csr.san", Hostile::for_name(SubjectAlternativeName::new().dns("*.gov.hk")).der()),
        ("csr.san", Hostile::for_name(SubjectAlternativeName::new().ip("192.0.2.1")).der()),
        ("csr.name", Hostile::named(Nid::COMMONNAME, "inland-revenue\0-department").der()),
        ("csr.encoding", trailing),
        ("csr.not-a-csr", b"a letter".to_vec()),
    ]
}

/// Bodies that are no operation of ours, whichever it is.
fn garbage() -> Vec<Vec<u8>> {
    vec![
        Vec::new(),
        b"\0".to_vec(),
        vec![0xff; 4_000],
        vec![0x30; 70_000],
        b"{".to_vec(),
        b"null".to_vec(),
        b"[{}]".to_vec(),
        b"\"suspend\"".to_vec(),
        b"1e999999".to_vec(),
        b"{} {}".to_vec(),
        b"{\"no such field\": 1}".to_vec(),
        b"{\"\\ud800\": 1}".to_vec(),
        vec![b'['; 200_000],
        b"{\"a\":".repeat(50_000),
    ]
}

both_engines! {
    async fn hostile_requests_are_refused_by_name_at_every_door(world: &World) {
        world.first().call(&ApplyParties { manifests: vec![fixtures::party(PARTY)] }).await.unwrap();
        let officer = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let issue = |csr: String| IssueCertificate { rp: PARTY.parse().unwrap(), csr, validity: None };
        let honest = BASE64_STANDARD.encode(Hostile::honest().der());
        let held = officer.call(&issue(honest.clone())).await.unwrap().certificate.serial;
        let add = AddOperator { id: "agent-7".parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::HotlineAgent] };
        let code = world.first().call(&add).await.unwrap().code.unwrap();

        let on_record = "SELECT COUNT(*) FROM certificate";
        let before = world.number(on_record).await;
        for (wanted, der) in hostile_requests() {
            let csr = BASE64_STANDARD.encode(der);
            let renew = RenewCertificate { serial: held.clone(), csr: Some(csr.clone()), validity: None };
            let problems: [Problem; 3] = [
                officer.call(&issue(csr.clone())).await.unwrap_err(),
                officer.call(&renew).await.unwrap_err(),
                world.enrolment(&code, &csr).await.reply.unwrap_err(),
            ];
            for problem in problems {
                assert_eq!((problem.status, problem.code.as_str()), (422, wanted), "{problem:?}");
                assert!(!problem.message.contains('\0') && !problem.fields.is_empty(), "{problem:?}");
            }
        }
        let huge = BASE64_STANDARD.encode(Hostile::named(Nid::PKCS9_UNSTRUCTUREDNAME, &"x".repeat(1_000_000)).der());
        assert_eq!(officer.call(&issue(huge.clone())).await.unwrap_err().code, "csr.too-large");
        assert_eq!(world.enrolment(&code, &huge).await.reply.unwrap_err().code, "request.too-large");
        assert_eq!(world.number(on_record).await, before, "no serial number was spent on any of them");
        // A key that is somebody else's is none, however well it is shown to be held.
        assert_eq!(world.enrolment(&code, &honest).await.reply.unwrap_err().code, "cert.key-in-use");
        // Whoever mends the request is let in: the code was not spent either.
        world.enrols("agent-7", &code).await;
    }

    async fn of_two_people_with_one_key_at_once_one_at_most_gets_in(world: &World) {
        let csr = BASE64_STANDARD.encode(Hostile::honest().der());
        let mut codes = Vec::new();
        for id in ["agent-7", "agent-8"] {
            let add = AddOperator { id: id.parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::HotlineAgent] };
            codes.push(world.first().call(&add).await.unwrap().code.unwrap());
        }
        let answers = futures_util::future::join_all(codes.iter().map(|code| world.enrolment(code, &csr))).await;
        let mut enrolled = 0;
        for answer in answers {
            match answer.reply {
                Ok(_) => enrolled += 1,
                Err(problem) => assert_eq!(problem.code, "cert.key-in-use"),
            }
        }
        assert!(enrolled <= 1);
    }

    async fn garbage_is_no_operation_and_changes_nothing(world: &World) {
        let desk = world.first();
        for operation in operations() {
            for body in garbage() {
                let shown = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
                let answer = match operation.effect {
                    Effect::Read | Effect::ReadPersonal => desk.post(operation.name, body).await,
                    Effect::Write(_) => desk.under(&fresh_key()).post(operation.name, body).await,
                };
                let problem = answer.reply.unwrap_err();
                assert_eq!((problem.status, problem.code.as_str()), (422, "request.invalid"), "{} {shown}", operation.name);
            }
        }
        for body in garbage() {
            let request = Request::post(api::enrol::PATH).extension(server::http::accept::Peer(None)).body(Body::from(body)).unwrap();
            let status = world.exchange::<serde_json::Value>(request).await.reply.unwrap_err().status;
            assert!(matches!(status, 403 | 413 | 422), "{status}");
        }
        let router = server::http::public::router(world.app.clone());
        for path in ["/oauth2/jwks/%00", "/oauth2/jwks/%ff%fe", "/oauth2/jwks/%1b%5b2J", &format!("/oauth2/jwks/{}", "x".repeat(20_000))] {
            let request = Request::get(path).extension(server::http::accept::Peer(None)).body(Body::empty()).unwrap();
            let status = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap().status();
            assert!(status.is_client_error(), "{path}: {status}");
        }
        let done = world.leaves().await.into_iter().filter(|leaf| leaf["outcome"] == "done" && leaf["action"] != "instance.init").count();
        assert_eq!(done, 0, "nothing was done");
    }

    async fn what_is_not_there_is_not_revoked(world: &World) {
        let revoke = RevokeKey { kid: "nobody".parse().unwrap(), reason: RevocationReason::KeyCompromise };
        let problem = world.first().call(&revoke).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (404, "key.not-found"));
    }

    async fn a_clock_a_year_ahead_ends_nothing_for_good(world: &World) {
        let all = ListCertificates::default();
        publish_due(&world.app).await.unwrap();
        world.seal().await;
        let certificates = world.first().call(&all).await.unwrap().items;
        let keys = world.first().call(&ListKeys::default()).await.unwrap();
        let lists = world.texts("SELECT DISTINCT issuer FROM revocation_list ORDER BY issuer").await;
        let newest = world.numbers("SELECT MAX(this_update) FROM revocation_list WHERE issuer <> 'root-1'").await;

        let right = domain::Clock::now(world.clock.as_ref());
        for away in [Duration::from_hours(24 * 365), Duration::from_hours(24 * 3650)] {
            world.clock.set(right.plus(away));
            let said = publish_due(&world.app).await.map(|_| ()).err().map(|error| error.to_string());
            // After ten years there is no authority left that would sign.
            assert!(said.is_none_or(|said| said.contains("no revocation list is signed")));
            assert_eq!(take_due(&world.app).await.unwrap(), 0);
            server::housekeeping::sweep(&world.app).await.unwrap();
        }
        world.clock.set(right.minus(Duration::from_hours(1)));
        assert_eq!(take_due(&world.app).await.unwrap(), 0);
        publish_due(&world.app).await.unwrap();
        world.clock.set(right);
        assert_eq!(world.first().call(&all).await.unwrap().items, certificates, "expiry is what the clock says, and never stored");
        assert!(certificates.iter().all(|one| one.state == CertificateState::Valid));
        assert_eq!(world.first().call(&ListKeys::default()).await.unwrap(), keys);
        assert_eq!(world.texts("SELECT DISTINCT issuer FROM revocation_list ORDER BY issuer").await, lists);
        assert_eq!(world.numbers("SELECT MAX(this_update) FROM revocation_list WHERE issuer <> 'root-1'").await, newest);
    }
}
