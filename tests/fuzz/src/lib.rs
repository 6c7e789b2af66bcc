//! What strangers may send, and what holds of whatever they send. The suite runs this on damaged seeds
//! (`server/pki/tests/hostile.rs`), and cargo-fuzz for as long as one likes (README.md).
//!
//! Of every input: no panic, a bounded answer, and nothing left in OpenSSL's queue of errors, which the next TLS connection of
//! the same thread would take for faults of its own.

mod logins;

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use domain::{Environment, Timestamp};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::stack::Stack;
use openssl::x509::extension::{BasicConstraints, ExtendedKeyUsage, KeyUsage, SubjectAlternativeName};
use openssl::x509::{X509NameBuilder, X509ReqBuilder};
use pki::csr::check_key;
use pki::jwk::KeyNumbers;
use pki::jws::verify;
use pki::ocsp::{CertificateStatus, IssuerIds, OcspRequest, Responder, SingleAnswer};
use pki::party_key::{public_halves, read_certificate, read_fetched_key_set};
use pki::time_stamp::{Imprint, TimeStampFault, TimeStampRequest, TimeStampToken, TimeStamper};
use pki::{
    Authority, AuthorityName, AuthorityPurpose, CsrRequest, Instance, Jwks, JwsAlgorithm, KeyKind, PrivateKey, PublicJwk,
    TokenSigner, TokenType, make_csr, profile,
};

pub use logins::{app_proof, assertion, proof, redirect};

/// A reader of what strangers send.
pub struct Target {
    /// Of the fuzz target and its folder of seeds.
    pub name: &'static str,
    /// Whether the input is taken. Panics when something does not hold.
    pub run: fn(&[u8]) -> bool,
    /// Honest inputs, to be damaged.
    pub seeds: fn() -> Vec<Vec<u8>>,
}

/// Every reader.
pub const TARGETS: &[Target] = &[
    Target { name: "csr", run: csr, seeds: csr_seeds },
    Target { name: "ocsp_request", run: ocsp_request, seeds: ocsp_request_seeds },
    Target { name: "time_stamp_request", run: time_stamp_request, seeds: time_stamp_request_seeds },
    Target { name: "time_stamp_token", run: time_stamp_token, seeds: time_stamp_token_seeds },
    Target { name: "jwks", run: jwks, seeds: jwks_seeds },
    Target { name: "evidence", run: evidence, seeds: evidence_seeds },
    Target { name: "token", run: token, seeds: token_seeds },
    Target { name: "assertion", run: assertion, seeds: logins::assertion_seeds },
    Target { name: "proof", run: proof, seeds: logins::proof_seeds },
    Target { name: "app_proof", run: app_proof, seeds: logins::app_proof_seeds },
    Target { name: "redirect", run: redirect, seeds: logins::redirect_seeds },
];

const NOW: Timestamp = Timestamp::from_micros(1_654_012_799_500_000);
const SECOND: Duration = Duration::from_secs(1);
const STAMPED: &[u8] = b"a checkpoint";
const CLAIMS: &[u8] = br#"{"iss":"https://iam.example","sub":"7PZcW2yX0sPj"}"#;

/// Those who answer, made once.
struct Office {
    root: Authority,
    operators: Authority,
    responder: Responder,
    stamper: TimeStamper,
    signers: Vec<TokenSigner>,
    keys: Jwks,
}

static OFFICE: LazyLock<Office> = LazyLock::new(|| {
    let key = || PrivateKey::generate(KeyKind::P256).unwrap();
    let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
    let root = Authority::new_root(&instance, 1, key(), NOW).unwrap();
    let issuing = |purpose| root.new_issuing(AuthorityName::new(purpose, 1), key(), NOW).unwrap();
    let (operators, stamps) = (issuing(AuthorityPurpose::Operators), issuing(AuthorityPurpose::TimeStamping));
    let (ocsp_key, stamp_key) = (key(), key());
    let certificate = operators.sign(&operators.plan_responder(&ocsp_key.public().unwrap(), NOW).unwrap()).unwrap();
    let responder = Responder::load(operators.certificate(), certificate, ocsp_key).unwrap();
    let certificate = stamps.sign(&stamps.plan_time_stamping(&stamp_key.public().unwrap(), NOW).unwrap()).unwrap();
    let stamper = TimeStamper::new(Arc::new(stamp_key), certificate, &[stamps.certificate().clone()]).unwrap();
    let (mut signers, mut keys) = (Vec::new(), Jwks::default());
    for (kind, algorithm) in [(KeyKind::P256, JwsAlgorithm::ES256), (KeyKind::Rsa3072, JwsAlgorithm::PS256)] {
        let key = PrivateKey::generate(kind).unwrap();
        keys.keys.push(PublicJwk::signing(&key.public().unwrap(), algorithm).unwrap());
        signers.push(TokenSigner::new(key.into(), algorithm).unwrap());
    }
    Office { root, operators, responder, stamper, signers, keys }
});

fn nothing_is_left() {
    let left = ErrorStack::get();
    assert!(left.errors().is_empty(), "left for the next TLS connection of this thread: {left}");
}

fn is_safe_to_show(text: &str) -> bool {
    text.chars().all(|c| !c.is_control()) && text.len() < 4096
}

/// A certificate request: what is taken has a key that is taken for itself, and what is refused has a code.
pub fn csr(bytes: &[u8]) -> bool {
    let request = CsrRequest::parse(bytes);
    match &request {
        Ok(request) => {
            assert!(check_key(request.public_key()).is_ok());
            let ignored = request.ignored(&profile::RELYING_PARTY, "inland-revenue-department");
            assert!(ignored.iter().all(|each| each.chars().all(|c| !c.is_control())));
        }
        Err(refusal) => assert!(refusal.code.starts_with("csr.") && is_safe_to_show(&refusal.message), "{refusal:?}"),
    }
    nothing_is_left();
    request.is_ok()
}

/// An OCSP request, in DER and in a path: what is taken can be answered, and the answer be read.
pub fn ocsp_request(bytes: &[u8]) -> bool {
    let ids: &IssuerIds = OFFICE.responder.issuer();
    let from_path = std::str::from_utf8(bytes).map(OcspRequest::from_path);
    let mut is_taken = false;
    for request in std::iter::once(OcspRequest::from_der(bytes)).chain(from_path) {
        match request {
            Err(fault) => assert!(!fault.kind().is_empty() && fault.refusal().is_none_or(|refusal| refusal.der().len() == 5)),
            Ok(request) => {
                assert!((1..=20).contains(&request.certificates().len()));
                if request.issuer_among([(ids, ())]).is_some() {
                    let answers = request.certificates().iter().map(|certificate| SingleAnswer {
                        certificate: certificate.clone(),
                        status: CertificateStatus::Unknown,
                        this_update: NOW,
                        next_update: NOW.plus(SECOND),
                    });
                    let answers: Vec<_> = answers.collect();
                    let answer = OFFICE.responder.answer(&answers, request.nonce(), NOW).unwrap();
                    openssl::ocsp::OcspResponse::from_der(&answer).unwrap();
                    is_taken = true;
                }
            }
        }
    }
    nothing_is_left();
    is_taken
}

/// A request for a time stamp: what is taken gets a token that verifies for it, what is refused gets a reply that says so.
pub fn time_stamp_request(bytes: &[u8]) -> bool {
    let request = TimeStampRequest::from_der(bytes);
    match &request {
        Ok(request) => {
            let reply = OFFICE.stamper.grant(request, [7; 16], NOW, SECOND).unwrap();
            let token = TimeStampToken::from_reply(&reply).unwrap();
            let others = [OFFICE.stamper.certificate().clone()];
            let verified = token.verify(request.imprint(), OFFICE.root.certificate(), &others, NOW);
            // Without the certificates the chain is not whole, and that is all.
            assert!(verified.is_ok() || !request.wants_certificate(), "{verified:?}");
        }
        Err(TimeStampFault::Refused(refusal)) => {
            assert!(TimeStampToken::from_reply(&refusal.reply().unwrap()).is_err());
        }
        Err(TimeStampFault::Garbage(why)) => assert!(is_safe_to_show(why), "{why}"),
    }
    nothing_is_left();
    request.is_ok()
}

/// A token, bare and in a reply: nothing verifies but what the service made.
pub fn time_stamp_token(bytes: &[u8]) -> bool {
    let mut is_taken = false;
    for token in [TimeStampToken::from_der(bytes), TimeStampToken::from_reply(bytes)] {
        let Ok(token) = token else { continue };
        if let Ok(stamp) = token.verify(&Imprint::of(STAMPED), OFFICE.root.certificate(), &[], NOW) {
            assert_eq!((stamp.at, stamp.accuracy), (NOW, SECOND));
            is_taken = true;
        }
    }
    nothing_is_left();
    is_taken
}

/// A key set: each key that is one has one spelling, what is taken of a fetched one is a key that is strong, and nothing that is
/// said of it shows as something else.
pub fn jwks(bytes: &[u8]) -> bool {
    if let Ok(set) = serde_json::from_slice::<Jwks>(bytes) {
        for jwk in set.keys.iter().take(20) {
            let Ok(key) = jwk.to_public_key() else { continue };
            assert_eq!(KeyNumbers::of(&key).unwrap(), jwk.numbers);
            assert_eq!(key.thumbprint().unwrap(), jwk.numbers.thumbprint());
        }
    }
    let fetched = read_fetched_key_set(bytes);
    assert!(fetched.keys.len() <= 20 && fetched.exposed.len() <= 20);
    for key in &fetched.keys {
        let jwk: PublicJwk = serde_json::from_str(&key.jwk).unwrap();
        let public = jwk.to_public_key().unwrap();
        assert_eq!(public.thumbprint().unwrap(), key.thumbprint);
        assert!(check_key(&public).is_ok());
    }
    for finding in &fetched.findings {
        assert!(finding.code.starts_with("credential.") && is_safe_to_show(&finding.message), "{finding:?}");
    }
    nothing_is_left();
    !fetched.keys.is_empty()
}

/// What somebody brings to show that a key has leaked, and a certificate of a party: of whatever it is, keys that can be named.
pub fn evidence(bytes: &[u8]) -> bool {
    let halves = public_halves(bytes);
    match &halves {
        Ok(keys) => {
            assert!((1..=20).contains(&keys.len()));
            assert!(keys.iter().all(|key| key.thumbprint().is_ok()));
        }
        Err(fault) => assert!(is_safe_to_show(&fault.to_string()), "{fault}"),
    }
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Err(finding) = read_certificate("certificate", text)
    {
        assert!(finding.code.starts_with("credential."), "{finding:?}");
    }
    nothing_is_left();
    halves.is_ok()
}

/// A signed token: nothing verifies but what was signed.
pub fn token(bytes: &[u8]) -> bool {
    let mut is_taken = false;
    if let Ok(text) = std::str::from_utf8(bytes)
        && let Ok(verified) = verify(text, &OFFICE.keys, &[JwsAlgorithm::ES256, JwsAlgorithm::PS256])
    {
        assert_eq!(verified.payload, CLAIMS);
        assert!(verified.is(TokenType::AccessToken));
        is_taken = true;
    }
    nothing_is_left();
    is_taken
}

fn csr_seeds() -> Vec<Vec<u8>> {
    let pem = |kind| make_csr(&PrivateKey::generate(kind).unwrap(), "chan-tai-man").unwrap().into_bytes();
    vec![pem(KeyKind::P256), pem(KeyKind::P384), full_csr()]
}

/// A request in DER that asks for everything that one can ask for.
fn full_csr() -> Vec<u8> {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let mut name = X509NameBuilder::new().unwrap();
    for (nid, value) in [(Nid::COUNTRYNAME, "HK"), (Nid::ORGANIZATIONNAME, "稅務局"), (Nid::COMMONNAME, "etax.ird.example")] {
        name.append_entry_by_nid(nid, value).unwrap();
    }
    let mut builder = X509ReqBuilder::new().unwrap();
    builder.set_subject_name(&name.build()).unwrap();
    builder.set_pubkey(key.pkey()).unwrap();
    let mut names = SubjectAlternativeName::new();
    names.dns("etax.ird.example").email("etax@ird.example").uri("https://etax.ird.example/");
    let mut extensions = Stack::new().unwrap();
    extensions.push(names.build(&builder.x509v3_context(None)).unwrap()).unwrap();
    extensions.push(KeyUsage::new().critical().digital_signature().key_encipherment().build().unwrap()).unwrap();
    extensions.push(ExtendedKeyUsage::new().client_auth().server_auth().build().unwrap()).unwrap();
    extensions.push(BasicConstraints::new().critical().build().unwrap()).unwrap();
    builder.add_extensions(&extensions).unwrap();
    builder.sign(key.pkey(), MessageDigest::sha256()).unwrap();
    builder.build().to_der().unwrap()
}

fn ocsp_request_seeds() -> Vec<Vec<u8>> {
    let (issuer, subject) = (OFFICE.operators.certificate().x509().unwrap(), OFFICE.responder.certificate().x509().unwrap());
    let mut seeds = Vec::new();
    for digest in [MessageDigest::sha1(), MessageDigest::sha256()] {
        let mut request = openssl::ocsp::OcspRequest::new().unwrap();
        for _ in 0..2 {
            request.add_id(openssl::ocsp::OcspCertId::from_cert(digest, subject, issuer).unwrap()).unwrap();
        }
        let der = request.to_der().unwrap();
        seeds.push(openssl::base64::encode_block(&der).into_bytes());
        seeds.push(der);
    }
    seeds
}

fn time_stamp_request_seeds() -> Vec<Vec<u8>> {
    [(1u8, 32u8), (2, 48), (3, 64)].map(|(hash, length)| time_stamp_query(hash, length)).into()
}

/// As `openssl ts -query -cert` writes it, for a hash of NIST's.
fn time_stamp_query(hash: u8, length: u8) -> Vec<u8> {
    let algorithm = [0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, hash, 0x05, 0x00];
    let digest = [&[0x04, length], &vec![0x5a; usize::from(length)][..]].concat();
    let imprint = [&[0x30, 15 + 2 + length], &algorithm[..], &digest].concat();
    let nonce = [0x02, 0x08, 0x31, 0x4c, 0xfc, 0xe4, 0xe0, 0x65, 0x18, 0x27];
    let fields = [&[0x02, 0x01, 0x01], &imprint[..], &nonce, &[0x01, 0x01, 0xff]].concat();
    [&[0x30, u8::try_from(fields.len()).unwrap()], &fields[..]].concat()
}

fn time_stamp_token_seeds() -> Vec<Vec<u8>> {
    let request = TimeStampRequest::of(Imprint::of(STAMPED));
    let token = OFFICE.stamper.token(&request, [7; 16], NOW, SECOND).unwrap();
    let reply = OFFICE.stamper.grant(&request, [7; 16], NOW, SECOND).unwrap();
    vec![token, reply]
}

fn jwks_seeds() -> Vec<Vec<u8>> {
    let mut all = OFFICE.keys.clone();
    // A key of another kind beside them.
    let edwards = PrivateKey::generate(KeyKind::Ed25519).unwrap().public().unwrap();
    all.keys.push(PublicJwk { numbers: KeyNumbers::of(&edwards).unwrap(), usage: None, alg: None, kid: Some("a".into()) });
    vec![serde_json::to_vec(&OFFICE.keys).unwrap(), serde_json::to_vec_pretty(&all).unwrap()]
}

fn evidence_seeds() -> Vec<Vec<u8>> {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let pkey = key.pkey();
    let certificate = OFFICE.operators.certificate();
    vec![
        pkey.public_key_to_pem().unwrap(),
        pkey.private_key_to_pem_pkcs8().unwrap(),
        pkey.ec_key().unwrap().private_key_to_pem().unwrap(),
        key.to_pkcs8_der().unwrap().to_vec(),
        certificate.pem().unwrap().into_bytes(),
        certificate.der().to_vec(),
    ]
}

/// Encrypted keys: nobody is asked for their password.
pub fn locked_keys() -> Vec<Vec<u8>> {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let (pkey, password) = (key.pkey(), b"correct horse battery staple");
    let cipher = openssl::symm::Cipher::aes_256_cbc();
    vec![
        pkey.private_key_to_pem_pkcs8_passphrase(cipher, password).unwrap(),
        pkey.private_key_to_pkcs8_passphrase(cipher, password).unwrap(),
        pkey.ec_key().unwrap().private_key_to_pem_passphrase(cipher, password).unwrap(),
    ]
}

fn token_seeds() -> Vec<Vec<u8>> {
    OFFICE.signers.iter().map(|signer| signer.sign(TokenType::AccessToken, CLAIMS).unwrap().into_bytes()).collect()
}
