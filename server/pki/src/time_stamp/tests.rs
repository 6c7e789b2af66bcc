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

#[track_caller]
fn refused(asked: &Asked, reason: TimeStampRefusal) {
    let fault = asked.read().unwrap_err();
    assert!(matches!(fault, TimeStampFault::Refused(refusal) if refusal == reason), "{fault}");
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

/// The token with its envelope, or what is in it, changed.
fn changed(token: &[u8], change: impl FnOnce(&mut SignedData)) -> Vec<u8> {
    let mut content_info = ContentInfo::from_der(token).unwrap();
    let mut signed: SignedData = content_info.content.decode_as().unwrap();
    change(&mut signed);
    content_info.content = Any::encode_from(&signed).unwrap();
    written(&content_info).unwrap()
}

/// The token with its one signer changed.
fn resigned(token: &[u8], change: impl FnOnce(&mut cms::signed_data::SignerInfo)) -> Vec<u8> {
    changed(token, |signed| {
        let mut signer = signed.signer_infos.0.as_slice()[0].clone();
        change(&mut signer);
        signed.signer_infos = vec![signer].try_into().unwrap();
    })
}

#[test]
fn envelopes_that_no_authority_makes_are_refused() {
    let service = Service::new();
    let token = service.token();
    let refused = |altered: &[u8]| service.verified(altered).unwrap_err().to_string();
    assert_eq!(changed(&token, |_| ()), token);
    let none = changed(&token, |signed| signed.signer_infos = Vec::new().try_into().unwrap());
    assert!(refused(&none).ends_with("it has another number of signers than one"));
    let two = changed(&token, |signed| {
        let signer = signed.signer_infos.0.as_slice()[0].clone();
        let other = cms::signed_data::SignerInfo { signature: OctetString::new(*b"x").unwrap(), ..signer.clone() };
        signed.signer_infos = vec![signer, other].try_into().unwrap();
    });
    assert!(refused(&two).ends_with("it has another number of signers than one"));
    let data = "1.2.840.113549.1.7.1".parse().unwrap();
    let plain = changed(&token, |signed| signed.encap_content_info.econtent_type = data);
    assert!(refused(&plain).ends_with("what is signed is not the content of a time stamp"));
    assert!(refused(&changed(&token, |signed| signed.encap_content_info.econtent = None)).contains("not the content"));
    assert!(refused(&resigned(&token, |signer| signer.signed_attrs = None)).ends_with("it has no signed attributes"));
    for place in 0..3 {
        let without = resigned(&token, |signer| {
            let mut attributes = signer.signed_attrs.take().unwrap().into_vec();
            attributes.remove(place);
            signer.signed_attrs = Some(attributes.try_into().unwrap());
        });
        assert!(refused(&without).ends_with("is missing or there twice"), "{place}");
    }
    let above = RawCertificate::read(service.authority.certificate().der()).unwrap();
    let serial_number = x509_cert::serial_number::SerialNumber::new(above.serial).unwrap();
    let sid = IssuerAndSerialNumber { issuer: above.issuer.read().unwrap(), serial_number };
    let two_names = resigned(&token, |signer| signer.sid = SignerIdentifier::IssuerAndSerialNumber(sid));
    assert!(refused(&two_names).ends_with("it names two signers"));
    let sha512 = resigned(&token, |signer| signer.digest_alg = ImprintHash::Sha512.identifier().unwrap());
    assert!(refused(&sha512).ends_with("its algorithms are not those of its key"));
    let ecdsa512 = resigned(&token, |signer| signer.signature_algorithm.oid = "1.2.840.10045.4.3.4".parse().unwrap());
    assert!(refused(&ecdsa512).ends_with("its algorithms are not those of its key"));
    // Not signed data at all.
    let mut content_info = ContentInfo::from_der(&token).unwrap();
    content_info.content_type = data;
    assert!(refused(&written(&content_info).unwrap()).ends_with("it is not signed data"));
}

#[test]
fn a_critical_extension_is_not_passed_over() {
    let service = Service::new();
    let known = ContentInfo::from_der(&service.token()).unwrap().content.decode_as::<SignedData>().unwrap();
    let content = known.encap_content_info.econtent.unwrap().decode_as::<OctetString>().unwrap();
    for (critical, good) in [(false, true), (true, false)] {
        let mut info = TstInfo::from_der(content.as_bytes()).unwrap();
        let extensions = sequence(&[&extension("1.2.3.4", critical, b"x")]);
        info.extensions = Some(x509_cert::ext::Extensions::from_der(&extensions).unwrap());
        let token = service.stamper.signed(written(&info).unwrap(), true).unwrap();
        assert_eq!(service.verified(&written(&token).unwrap()).is_ok(), good);
    }
}

#[test]
fn requests_repeat_in_the_token_as_they_came() {
    let service = Service::new();
    let holds = |reply: &[u8], field: &[u8]| reply.windows(field.len()).any(|window| window == field);
    // Numbers as they may be: zero, with a sign byte, negative, and as long as it goes.
    for nonce in [&[0][..], &[0, 0x80], &[0x80], &[0xff, 0x7f], &[0x7f; 64]] {
        let nonce = tlv(0x02, nonce);
        let reply = service.granted(&Asked::honest().with(nonce.clone()).with(tlv(0x01, &[0xff])).read().unwrap());
        assert_eq!(TimeStampToken::from_reply(&reply).unwrap().imprint().digest(), [7; 32]);
        assert!(holds(&reply, &nonce), "{nonce:02x?}");
    }
    for parameters in [&[][..], &[0x05, 0x00]] {
        let mut asked = Asked::honest();
        asked.algorithm = sequence(&[&oid(SHA256), parameters]);
        let reply = service.granted(&asked.read().unwrap());
        assert!(holds(&reply, &sequence(&[&asked.algorithm, &asked.digest])), "{parameters:?}");
    }
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
fn well_formed_requests_are_refused_by_name() {
    let mut asked = Asked::honest();
    for hash in [
        "1.3.14.3.2.26",
        "2.16.840.1.101.3.4.2.4",
        "2.16.840.1.101.3.4.2.8",
        "1.2.840.113549.2.5",
        "2.25.329800735698586629295641978511506172918",
    ] {
        asked.algorithm = sequence(&[&oid128(hash)]);
        refused(&asked, TimeStampRefusal::Algorithm);
    }
    asked.algorithm = sequence(&[&oid(SHA256), &integer(&[1])]);
    refused(&asked, TimeStampRefusal::Algorithm);
    for length in [0, 20, 31, 33, 48, 60_000] {
        let mut asked = Asked::honest();
        asked.digest = tlv(0x04, &vec![7; length]);
        refused(&asked, TimeStampRefusal::DataFormat);
    }
    for version in [&[0][..], &[2], &[0xff], &[1, 0]] {
        let mut asked = Asked::honest();
        asked.version = tlv(0x02, version);
        refused(&asked, TimeStampRefusal::Request);
    }
    refused(&Asked::honest().with(tlv(0x02, &[0x7f; 65])), TimeStampRefusal::Request);
    refused(&Asked::honest().with(oid("1.2.3.4")), TimeStampRefusal::Policy);
    refused(&Asked::honest().with(oid128("2.25.329800735698586629295641978511506172918")), TimeStampRefusal::Policy);
    let asked = Asked::honest().with(oid(TIME_STAMP_POLICY)).with(integer(&[5])).with(tlv(0x01, &[0]));
    assert!(!asked.read().unwrap().wants_certificate(), "said in so many words");
    refused(&asked.with(tlv(0xa0, &extension("1.2.3", false, b""))), TimeStampRefusal::Extension);
}

/// An object identifier with one arc of up to 128 bits at its end, such as a UUID has.
fn oid128(dotted: &str) -> Vec<u8> {
    let Some(arc) = dotted.strip_prefix("2.25.").map(|arc| arc.parse::<u128>().unwrap()) else { return oid(dotted) };
    let groups = (0..19).rev().map(|group| (arc >> (7 * group)) as u8 & 0x7f).skip_while(|group| *group == 0);
    let mut contents: Vec<u8> = std::iter::once(0x69).chain(groups.map(|group| group | 0x80)).collect();
    *contents.last_mut().unwrap() &= 0x7f;
    tlv(0x06, &contents)
}

#[test]
fn garbage_is_no_request() {
    let garbage = |bytes: &[u8]| {
        let fault = TimeStampRequest::from_der(bytes).unwrap_err();
        assert!(matches!(fault, TimeStampFault::Garbage(_)), "{fault}");
    };
    for bytes in [&b""[..], b"hello", b"\x30", b"\x30\x80\x00\x00", b"{}", b"\x30\x00"] {
        garbage(bytes);
    }
    let good = Asked::honest().der();
    garbage(&[&good[..], &[0]].concat());
    garbage(&vec![0x30; LARGEST_TIME_STAMP + 1]);
    garbage(&vec![0x30; LARGEST_TIME_STAMP]);
    // Fields in another order, twice, or of another kind.
    garbage(&Asked::honest().with(integer(&[5])).with(oid(TIME_STAMP_POLICY)).der());
    garbage(&Asked::honest().with(integer(&[5])).with(integer(&[5])).der());
    garbage(&Asked::honest().with(tlv(0x01, &[1])).der());
    garbage(&Asked::honest().with(tlv(0x02, &[0, 5])).der());
    garbage(&Asked::honest().with(tlv(0x02, &[])).der());
    garbage(&Asked::honest().with(bits(&[1])).der());
    let mut asked = Asked::honest();
    asked.digest = tlv(0x24, &tlv(0x04, &[7; 32]));
    garbage(&asked.der());
    for bytes in damaged(&good) {
        // Whatever it is, it is not taken for what it was.
        if let Ok(request) = TimeStampRequest::from_der(&bytes) {
            assert_ne!(&request, &Asked::honest().read().unwrap(), "{bytes:02x?}");
        }
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

#[test]
fn digests_have_the_length_of_their_hash() {
    for hash in ImprintHash::ALL {
        for length in 0..70 {
            assert_eq!(Imprint::new(hash, &vec![1; length]).is_ok(), length == hash.length());
        }
        assert_eq!(hash.digest(b"x").len(), hash.length());
    }
}

#[test]
fn a_token_with_thousands_of_algorithms_is_not_sorted() {
    // 60 KB of algorithms in the worst order.
    let each = (0..6_000u16).rev().map(|number| {
        let [high, low] = [(number >> 7) as u8 | 0x80, number as u8 & 0x7f];
        sequence(&[&[0x06, 0x06, 0x2a, 0x03, 0x04, 0x05, high, low]])
    });
    let set = tlv(0x31, &each.collect::<Vec<_>>().concat());
    let signed = sequence(&[&integer(&[3]), &set, &sequence(&[&oid("1.2.840.113549.1.9.16.1.4")]), &tlv(0x31, &[])]);
    let token = sequence(&[&oid("1.2.840.113549.1.7.2"), &tlv(0xa0, &signed)]);
    assert!(token.len() < LARGEST_TIME_STAMP);
    // Measured before it is decoded, and so not for seconds.
    let fault = TimeStampToken::from_der(&token).unwrap_err().to_string();
    assert_eq!(fault, "the time stamp is malformed: ASN.1 DER message is too long");
    assert!(TimeStampToken::from_der(&vec![0x30; LARGEST_TIME_STAMP + 1]).is_err());
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
