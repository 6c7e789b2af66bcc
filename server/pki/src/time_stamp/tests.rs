mod envelopes;
mod requests;

use std::sync::Arc;
use std::time::Duration;

use cms::cert::IssuerAndSerialNumber;
use cms::content_info::ContentInfo;
use cms::signed_data::SignerIdentifier;
use der::{Any, Decode};
use domain::{Environment, Timestamp};
use openssl::error::ErrorStack;
use proptest::prelude::*;

use super::syntax::{SignedData, TstInfo};
use super::*;
use crate::authority::{Authority, AuthorityName, AuthorityPurpose};
use crate::certificate::Certificate;
use crate::forge_der::{bits, extension, integer, oid, sequence, tlv};
use crate::generate::{KeyKind, PrivateKey};
use crate::instance::Instance;
use crate::office::{DAY, Desk, NOW, Office, attime, damaged, key};
use crate::tlv::RawCertificate;

const SERIAL: [u8; 16] = *b"\x00\xfetwelve bytes..";
const SECOND: Duration = Duration::from_secs(1);
const SHA256: &str = "2.16.840.1.101.3.4.2.1";

/// The service with those who stand behind it.
struct Service {
    root: Authority,
    authority: Authority,
    key: PrivateKey,
    stamper: TimeStamper,
}

impl Service {
    fn new() -> Self {
        Self::with(KeyKind::P256, NOW)
    }

    fn with(kind: KeyKind, now: Timestamp) -> Self {
        let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080/").unwrap();
        let root = Authority::new_root(&instance, 1, key(), now).unwrap();
        let authority = root.new_issuing(AuthorityName::new(AuthorityPurpose::TimeStamping, 1), key(), now).unwrap();
        let key = PrivateKey::generate(kind).unwrap();
        let certificate = certified(&authority, &key, now);
        let stamper = TimeStamper::new(Arc::new(key.clone()), certificate, &[authority.certificate().clone()]).unwrap();
        Self { root, authority, key, stamper }
    }

    fn token(&self) -> Vec<u8> {
        self.stamper.token(&TimeStampRequest::of(Imprint::of(b"a checkpoint")), SERIAL, NOW, SECOND).unwrap()
    }

    fn granted(&self, request: &TimeStampRequest) -> Vec<u8> {
        self.stamper.grant(request, SERIAL, NOW, SECOND).unwrap()
    }

    /// What our own verifier says to a token for `a checkpoint`.
    fn verified(&self, token: &[u8]) -> Result<VerifiedTimeStamp, PkiError> {
        TimeStampToken::from_der(token)?.verify(&Imprint::of(b"a checkpoint"), self.root.certificate(), &[], NOW)
    }
}

fn certified(authority: &Authority, key: &PrivateKey, now: Timestamp) -> Certificate {
    authority.sign(&authority.plan_time_stamping(&key.public().unwrap(), now).unwrap()).unwrap()
}

/// A request in parts; each test spoils one.
struct Asked {
    version: Vec<u8>,
    algorithm: Vec<u8>,
    digest: Vec<u8>,
    rest: Vec<Vec<u8>>,
}

impl Asked {
    fn honest() -> Self {
        Self {
            version: integer(&[1]),
            algorithm: sequence(&[&oid(SHA256), &tlv(0x05, &[])]),
            digest: tlv(0x04, &[7; 32]),
            rest: Vec::new(),
        }
    }

    fn with(mut self, field: Vec<u8>) -> Self {
        self.rest.push(field);
        self
    }

    fn der(&self) -> Vec<u8> {
        sequence(&[&self.version, &sequence(&[&self.algorithm, &self.digest]), &self.rest.concat()])
    }

    fn read(&self) -> Result<TimeStampRequest, TimeStampFault> {
        TimeStampRequest::from_der(&self.der())
    }
}

#[test]
fn openssl_verifies_what_its_own_requests_get() {
    let service = Service::new();
    let desk = Desk::new();
    desk.put("data", "a checkpoint");
    desk.put("other", "another checkpoint");
    desk.put_certificates("root.pem", &[service.root.certificate()]);
    desk.put_certificates("authority.pem", &[service.authority.certificate()]);
    desk.put_certificates("both.pem", &[service.authority.certificate(), service.stamper.certificate()]);
    for (hash, asks, untrusted) in [
        ("-sha256", " -cert", "authority.pem"),
        ("-sha384", " -cert -no_nonce", "authority.pem"),
        ("-sha512", "", "both.pem"),
        ("-sha256", " -tspolicy 2.25.212974603.3.1", "both.pem"),
    ] {
        let (made, said) = desk.openssl(&format!("ts -query -data data {hash}{asks} -out query"));
        assert!(made, "{said}");
        let request = TimeStampRequest::from_der(&desk.read("query")).unwrap();
        assert_eq!(request.wants_certificate(), asks.contains("-cert"));
        desk.put("reply", service.granted(&request));
        let verify = format!("ts -verify -in reply -CAfile root.pem -untrusted {untrusted} -attime {}", attime(NOW));
        let (good, said) = desk.openssl(&format!("{verify} -queryfile query"));
        assert!(good && said.contains("Verification: OK"), "{hash}{asks}: {said}");
        assert!(desk.openssl(&format!("{verify} -data data")).0);
        assert!(!desk.openssl(&format!("{verify} -data other")).0, "of something else");
        let (shown, said) = desk.openssl("ts -reply -in reply -text");
        assert!(shown, "{said}");
        for line in [
            "Status: Granted.",
            "Policy OID: 2.25.212974603.3.1",
            "Serial number: 0xFE7477656C76652062797465732E2E",
            "Time stamp: May 31 15:59:59.5 2022 GMT",
            "Accuracy: 0x01 seconds",
            "Ordering: no",
        ] {
            assert!(said.contains(line), "{line}: {said}");
        }
    }
    // Nobody stands behind it, or not at that time.
    let other = Service::new();
    desk.put_certificates("root.pem", &[other.root.certificate()]);
    let verify = "ts -verify -in reply -queryfile query -CAfile root.pem -untrusted both.pem";
    assert!(!desk.openssl(&format!("{verify} -attime {}", attime(NOW))).0);
    desk.put_certificates("root.pem", &[service.root.certificate()]);
    assert!(!desk.openssl(&format!("{verify} -attime {}", attime(NOW.plus(11 * 365 * DAY)))).0);
}

#[test]
fn openssl_verifies_tokens_by_every_kind_of_key() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let service = Service::with(kind, NOW);
        let desk = Desk::new();
        desk.put("data", "a checkpoint");
        desk.put("token", service.token());
        desk.put_certificates("root.pem", &[service.root.certificate()]);
        let verify = format!("ts -verify -in token -token_in -data data -CAfile root.pem -attime {}", attime(NOW));
        let (good, said) = desk.openssl(&verify);
        assert!(good, "{kind:?}: {said}");
        assert!(service.verified(&service.token()).is_ok(), "{kind:?}");
    }
}

#[test]
fn openssl_reads_why_a_request_is_refused() {
    let desk = Desk::new();
    for (refusal, code) in [
        (TimeStampRefusal::Algorithm, "unrecognized or unsupported algorithm identifier"),
        (TimeStampRefusal::Request, "transaction not permitted or supported"),
        (TimeStampRefusal::DataFormat, "the data submitted has the wrong format"),
        (TimeStampRefusal::Time, "the TSA's time source is not available"),
        (TimeStampRefusal::Policy, "the requested TSA policy is not supported by the TSA"),
        (TimeStampRefusal::Extension, "the requested extension is not supported by the TSA"),
        (TimeStampRefusal::System, "the request cannot be handled due to system failure"),
    ] {
        desk.put("reply", refusal.reply().unwrap());
        let (read, said) = desk.openssl("ts -reply -in reply -text");
        assert!(read, "{said}");
        assert!(said.contains("Status: Rejected."), "{said}");
        assert!(said.contains(&format!("Failure info: {code}")), "{said}");
        assert!(said.contains(&refusal.to_string()), "{said}");
        let fault = TimeStampToken::from_reply(&refusal.reply().unwrap()).unwrap_err();
        assert_eq!(fault.to_string(), "the time stamp cannot be used: the reply refuses it");
    }
}

#[test]
fn a_token_of_another_maker_is_verified_here() {
    let desk = Desk::new();
    desk.put("data", "a checkpoint");
    assert!(desk.openssl("ts -query -data data -sha256 -cert -out query").0);
    // That program stamps with the machine's clock: the certificates are of the same moment.
    let now = desk.modified("query");
    let service = Service::with(KeyKind::P256, now);
    desk.put("key.pem", crate::envelope::private_key_to_pem(&service.key).unwrap());
    desk.put_certificates("service.pem", &[service.stamper.certificate()]);
    desk.put_certificates("chain.pem", &[service.authority.certificate()]);
    desk.put("serial", "1234");
    for (config, good) in [("sha256", true), ("sha1", false)] {
        desk.put(
            "tsa.cnf",
            format!(
                "[tsa]\ndefault_tsa=ours\n[ours]\nserial=serial\nsigner_cert=service.pem\ncerts=chain.pem\nsigner_key=key.pem\n\
                 signer_digest=sha256\ndefault_policy=1.2.3.4\ndigests=sha256\naccuracy=secs:2,millisecs:3,microsecs:4\n\
                 clock_precision_digits=6\nordering=yes\ntsa_name=yes\ness_cert_id_alg={config}\n"
            ),
        );
        let (made, said) = desk.openssl("ts -reply -queryfile query -config tsa.cnf -out reply");
        assert!(made, "{said}");
        let token = TimeStampToken::from_reply(&desk.read("reply")).unwrap();
        let later = now.plus(Duration::from_secs(3600));
        let verified = token.verify(&Imprint::of(b"a checkpoint"), service.root.certificate(), &[], later);
        assert_eq!(verified.is_ok(), good, "{config}: {verified:?}");
        if let Ok(verified) = verified {
            assert_eq!((verified.policy.as_str(), verified.accuracy), ("1.2.3.4", Duration::from_micros(2_003_004)));
            assert_eq!(verified.serial, "1235");
            assert!(verified.at.saturating_since(now) < Duration::from_secs(3600));
        }
    }
}

#[test]
fn a_token_says_what_was_stamped_and_when() {
    let service = Service::new();
    let token = service.token();
    let (imprint, root) = (Imprint::of(b"a checkpoint"), service.root.certificate());
    let read = TimeStampToken::from_der(&token).unwrap();
    assert_eq!((read.imprint(), read.imprint().hash(), read.imprint().digest().len()), (&imprint, ImprintHash::Sha256, 32));
    let facts = read.verify(&imprint, root, &[], NOW).unwrap();
    assert_eq!(facts.at, NOW);
    assert_eq!(facts.accuracy, SECOND);
    assert_eq!(facts.serial, "fe7477656c76652062797465732e2e");
    assert_eq!(facts.policy, TIME_STAMP_POLICY);
    // Years later, and by one who trusts the authority alone.
    assert_eq!(read.verify(&imprint, root, &[], NOW.plus(9 * 365 * DAY)).unwrap(), facts);
    assert_eq!(read.verify(&imprint, service.authority.certificate(), &[], NOW).unwrap(), facts);
}

#[test]
fn a_token_without_certificates_is_verified_with_those_at_hand() {
    let service = Service::new();
    let imprint = Imprint::new(ImprintHash::Sha256, &[7; 32]).unwrap();
    let token = TimeStampToken::from_reply(&service.granted(&Asked::honest().read().unwrap())).unwrap();
    let (own, above) = (service.stamper.certificate().clone(), service.authority.certificate().clone());
    let verify = |others: &[Certificate]| token.verify(&imprint, service.root.certificate(), others, NOW);
    assert!(verify(&[own.clone(), above.clone()]).is_ok());
    let fault = verify(std::slice::from_ref(&above)).unwrap_err().to_string();
    assert_eq!(fault, "the time stamp cannot be used: the certificate that it was signed for is not at hand");
    let fault = verify(std::slice::from_ref(&own)).unwrap_err().to_string();
    assert!(fault.contains("issuer certificate"), "{fault}");
    // Another certificate of the same key is not the one that it was signed for.
    let renewed = certified(&service.authority, &service.key, NOW);
    assert!(verify(&[renewed, above]).unwrap_err().to_string().ends_with("is not at hand"));
}

#[test]
fn what_is_not_stamped_by_those_one_trusts_does_not_verify() {
    let service = Service::new();
    let read = TimeStampToken::from_der(&service.token()).unwrap();
    let (imprint, root) = (Imprint::of(b"a checkpoint"), service.root.certificate());
    let refused = |imprint: &Imprint, root: &Certificate, at: Timestamp| {
        let fault = read.verify(imprint, root, &[], at).unwrap_err().to_string();
        assert!(ErrorStack::get().errors().is_empty(), "nothing is left for the next TLS connection: {fault}");
        fault
    };
    assert!(refused(&Imprint::of(b"another"), root, NOW).ends_with("it is one for something else"));
    let sha512 = Imprint::new(ImprintHash::Sha512, &openssl::sha::sha512(b"a checkpoint")).unwrap();
    assert!(refused(&sha512, root, NOW).ends_with("it is one for something else"));
    assert!(refused(&imprint, Service::new().root.certificate(), NOW).contains("certificate"));
    // An authority of this office that has nothing to do with it.
    let office = Office::new();
    refused(&imprint, office.operators.certificate(), NOW);
    // Before it was made, within its accuracy, and after its certificate's end.
    assert!(refused(&imprint, root, NOW.minus(2 * SECOND)).contains("which is later than"));
    assert!(read.verify(&imprint, root, &[], NOW.minus(SECOND)).is_ok());
    assert!(refused(&imprint, root, NOW.plus(11 * 365 * DAY)).contains("expired"));
    assert!(refused(&imprint, root, NOW.minus(DAY)).contains("not yet valid"));
}

#[test]
fn an_altered_token_says_the_same_or_nothing() {
    let service = Service::new();
    let token = service.token();
    let facts = service.verified(&token).unwrap();
    // Each thirteenth of the thousands: bits, bytes and lengths all over the token.
    for altered in damaged(&token).step_by(13) {
        if let Ok(found) = service.verified(&altered) {
            assert_eq!(found, facts, "a field that nobody signs, such as the version of the envelope");
        }
    }
    assert!(ErrorStack::get().errors().is_empty());
}

#[test]
fn the_accuracy_is_said_to_the_microsecond() {
    let service = Service::new();
    let desk = Desk::new();
    let request = TimeStampRequest::of(Imprint::of(b"a checkpoint"));
    for (accuracy, said) in [
        (Duration::from_secs(60), "0x3C seconds, unspecified millis, unspecified micros"),
        (Duration::from_micros(1_002_003), "0x01 seconds, 0x02 millis, 0x03 micros"),
        (Duration::from_millis(999), "0x0 seconds, 0x03E7 millis, unspecified micros"),
    ] {
        let token = service.stamper.token(&request, SERIAL, NOW, accuracy).unwrap();
        desk.put("token", &token);
        let (_, shown) = desk.openssl("ts -reply -in token -token_in -token_out -text");
        assert!(shown.contains(&format!("Accuracy: {said}")), "{shown}");
        assert_eq!(service.verified(&token).unwrap().accuracy, accuracy);
    }
}

#[test]
fn a_service_is_a_key_with_a_certificate_for_nothing_else() {
    let service = Service::new();
    let certificate = service.stamper.certificate();
    let fault = |key: PrivateKey, certificate: &Certificate| {
        TimeStamper::new(Arc::new(key), certificate.clone(), &[]).unwrap_err().to_string()
    };
    assert!(fault(key(), certificate).ends_with("it is not the one that the certificate names"));
    // For document signing, and for everything.
    let (office, other) = (Office::new(), key());
    let citizen = office.citizens.plan_citizen("A1042", &other.public().unwrap(), None, NOW).unwrap();
    assert!(fault(other.clone(), &office.citizens.sign(&citizen).unwrap()).ends_with("not one for time-stamping alone"));
    let instance = Instance::new("demo", Environment::Sandbox, "http://127.0.0.1:8080/").unwrap();
    let root = Authority::new_root(&instance, 1, other.clone(), NOW).unwrap();
    assert!(fault(other, root.certificate()).ends_with("not one for time-stamping alone"));
    let edwards = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let certificate = certified(&service.authority, &edwards, NOW);
    assert!(fault(edwards, &certificate).ends_with("it is neither P-256, P-384 nor RSA"));
}

#[test]
fn no_time_is_stamped_outside_of_the_certificates_life() {
    let service = Service::new();
    let request = TimeStampRequest::of(Imprint::of(b"a checkpoint"));
    for at in [NOW.minus(DAY), NOW.plus(11 * 365 * DAY), Timestamp::MIN, Timestamp::MAX] {
        let fault = service.stamper.grant(&request, SERIAL, at, SECOND).unwrap_err().to_string();
        assert!(fault.ends_with("it is not valid at the moment to be stamped"), "{fault}");
    }
}

proptest! {
    #[test]
    fn noise_is_refused_and_never_panics(noise: Vec<u8>, framed: bool) {
        let bytes = if framed { tlv(0x30, &noise) } else { noise };
        prop_assert!(TimeStampRequest::from_der(&bytes).is_err());
        prop_assert!(TimeStampToken::from_der(&bytes).is_err());
        prop_assert!(TimeStampToken::from_reply(&bytes).is_err());
    }
}
