//! What is asked.

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use proptest::prelude::*;

use super::*;
use crate::envelope::private_key_to_pem;
use crate::forge_der::{extension, integer, oid, sequence, tlv};
use crate::office::damaged;

const NONCE: &str = "1.3.6.1.5.5.7.48.1.2";
const ACCEPTABLE: &str = "1.3.6.1.5.5.7.48.1.4";
const LOCATOR: &str = "1.3.6.1.5.5.7.48.1.7";

/// A CertID by hand.
fn cert_id(algorithm: &[u8], hash_length: usize, serial: &[u8]) -> Vec<u8> {
    let hash = tlv(4, &vec![7; hash_length]);
    sequence(&[algorithm, &hash, &hash, &tlv(2, serial)])
}

fn sha1_id(serial: &[u8]) -> Vec<u8> {
    cert_id(&sequence(&[&oid("1.3.14.3.2.26"), &tlv(5, b"")]), 20, serial)
}

fn asking(certificates: &[Vec<u8>], extensions: &[Vec<u8>]) -> Vec<u8> {
    let requests: Vec<Vec<u8>> = certificates.iter().map(|certificate| sequence(&[certificate])).collect();
    let extensions = if extensions.is_empty() { Vec::new() } else { tlv(0xa2, &tlv(0x30, &extensions.concat())) };
    sequence(&[&sequence(&[&tlv(0x30, &requests.concat()), &extensions])])
}

fn extended(extensions: &[Vec<u8>]) -> Result<OcspRequest, RequestFault> {
    OcspRequest::from_der(&asking(&[sha1_id(&[1])], extensions))
}

#[test]
fn openssls_request_names_our_certificate_by_either_hash() {
    let office = Office::new();
    let citizen = office.citizen("A1");
    let desk = desk(&office, &citizen);
    let ids = IssuerIds::of(office.citizens.certificate()).unwrap();
    let others = IssuerIds::of(office.operators.certificate()).unwrap();
    for (options, hash) in [("", CertHash::Sha1), (" -sha1", CertHash::Sha1), (" -sha256", CertHash::Sha256)] {
        let request = OcspRequest::from_der(&asked(&desk, options)).unwrap();
        let [only] = request.certificates() else { panic!("one certificate") };
        let serial = &citizen.view().serial;
        assert_eq!((only.hash(), only.serial()), (Some(hash), Some(serial.as_str())));
        assert_eq!(*only, ids.certificate(hash, serial).unwrap(), "as the caller keeps answers under");
        assert!(ids.covers(only) && !others.covers(only));
        assert_eq!(request.issuer_among([(&others, "operators"), (&ids, "citizens")]), Some("citizens"));
        assert_eq!(request.issuer_among([(&others, "operators")]), None);
        assert!(request.nonce().is_some_and(|nonce| nonce.bytes().len() == 16));
        let without = OcspRequest::from_der(&asked(&desk, &format!("{options} -no_nonce"))).unwrap();
        assert_eq!((without.certificates(), without.nonce()), (request.certificates(), None));
    }
    let other = OcspRequest::from_der(&asked(&desk, " -sha512")).unwrap();
    assert_eq!((other.certificates()[0].hash(), other.issuer_among([(&ids, ())])), (None, None), "named by an unknown hash");
}

#[test]
fn a_serial_is_found_under_its_own_number_only() {
    let ids = IssuerIds::of(Office::new().citizens.certificate()).unwrap();
    for serial in ["01", "7f", "80", "ff00", &"7f".repeat(20), &"a5".repeat(16)] {
        for hash in [CertHash::Sha1, CertHash::Sha256] {
            assert_eq!(ids.certificate(hash, serial).unwrap().serial(), Some(serial));
        }
    }
    for bad in ["", "00", "AB", "xy", &"ff".repeat(20)] {
        assert!(ids.certificate(CertHash::Sha1, bad).is_err(), "{bad:?}");
    }
    let of = |serial: &[u8]| {
        let request = OcspRequest::from_der(&asking(&[sha1_id(serial)], &[])).unwrap();
        request.certificates()[0].serial().map(str::to_owned)
    };
    assert_eq!(of(&[0, 0x80]), Some("80".to_owned()));
    assert_eq!(of(&[0x80]), None, "-128 is not 128");
    assert_eq!(of(&[0xff]), None);
    assert_eq!(of(&[0]), None);
    assert_eq!(of(&[0x12; 20]), Some("12".repeat(20)));
    assert_eq!(of(&[0x12; 21]), None);
}

#[test]
fn one_answer_speaks_for_one_issuer() {
    let office = Office::new();
    let [citizens, operators] = [&office.citizens, &office.operators].map(|each| IssuerIds::of(each.certificate()).unwrap());
    let issuers = [(&operators, "operators"), (&citizens, "citizens")];
    let among = |asked: &[(&IssuerIds, CertHash)]| {
        let ids = asked.iter().zip(1u8..).map(|((ids, hash), serial)| {
            let id = ids.certificate(*hash, &crate::hex(&[serial])).unwrap();
            der::Encode::to_der(&id.syntax).unwrap()
        });
        OcspRequest::from_der(&asking(&ids.collect::<Vec<_>>(), &[])).unwrap().issuer_among(issuers)
    };
    assert_eq!(among(&[(&citizens, CertHash::Sha1), (&citizens, CertHash::Sha256)]), Some("citizens"));
    assert_eq!(among(&[(&operators, CertHash::Sha256); 20]), Some("operators"));
    assert_eq!(among(&[(&citizens, CertHash::Sha1), (&operators, CertHash::Sha1)]), None);
    let stranger = IssuerIds::of(Office::new().citizens.certificate()).unwrap();
    assert_eq!(among(&[(&stranger, CertHash::Sha1)]), None, "the same name and another key");
    assert_eq!(among(&[(&citizens, CertHash::Sha1), (&stranger, CertHash::Sha1)]), None);
}

#[test]
fn hash_algorithms_come_with_null_or_without_and_with_nothing_else() {
    let of = |algorithm: &[u8], length| {
        let request = OcspRequest::from_der(&asking(&[cert_id(algorithm, length, &[1])], &[])).unwrap();
        (request.certificates()[0].hash(), request.certificates()[0].clone())
    };
    let sha256 = oid("2.16.840.1.101.3.4.2.1");
    let (with, with_null) = of(&sequence(&[&sha256, &tlv(5, b"")]), 32);
    let (without, without_null) = of(&sequence(&[&sha256]), 32);
    assert_eq!((with, without), (Some(CertHash::Sha256), Some(CertHash::Sha256)));
    assert_ne!(with_null, without_null, "each is answered in its own form");
    assert_eq!(of(&sequence(&[&sha256, &tlv(4, b"salt")]), 32).0, None);
    // A hash of another length is simply nobody's.
    let (_, short) = of(&sequence(&[&sha256]), 3);
    assert!(!IssuerIds::of(Office::new().root.certificate()).unwrap().covers(&short));
}

#[test]
fn a_request_may_be_signed_and_nobody_looks_at_it() {
    let office = Office::new();
    let key = key();
    let planned = office.operators.plan_operator("chan", &key.public().unwrap(), None, NOW).unwrap();
    let desk = desk(&office, &office.citizen("A1"));
    desk.put_certificates("signer.pem", &[&office.operators.sign(&planned).unwrap()]);
    desk.put("signer.key", private_key_to_pem(&key).unwrap().as_bytes());
    let plain = OcspRequest::from_der(&asked(&desk, " -no_nonce")).unwrap();
    let signed = asked(&desk, " -no_nonce -signer signer.pem -signkey signer.key");
    assert!(signed.len() > 600, "it carries a name, a signature and a certificate");
    assert_eq!(OcspRequest::from_der(&signed).unwrap(), plain);
}

#[test]
fn nonces_have_one_to_128_bytes() {
    let of = |length: usize| extended(&[extension(NONCE, false, &tlv(4, &vec![9; length]))]);
    for length in [1, 16, 32, 128] {
        assert_eq!(of(length).unwrap().nonce().unwrap().bytes(), vec![9; length]);
    }
    let bare = extended(&[extension(NONCE, false, b"bare bytes")]);
    let nonce = || extension(NONCE, false, &tlv(4, b"nonce"));
    for bad in [of(0), of(129), of(10_000), bare, extended(&[nonce(), nonce()])] {
        assert_eq!(bad, Err(RequestFault::Nonce));
    }
    assert_eq!(RequestFault::Nonce.refusal(), Some(Refusal::MalformedRequest), "RFC 9654 section 2.1");
    assert_eq!((Nonce::new(b""), Nonce::new(&[1; 129])), (None, None));
}

#[test]
fn what_is_critical_must_be_understood() {
    let nonce = tlv(4, b"nonce");
    let basic = sequence(&[&oid("1.3.6.1.5.5.7.48.1.1")]);
    let good = [extension(NONCE, true, &nonce), extension(ACCEPTABLE, true, &basic), extension("1.2.3.4", false, b"any")];
    assert_eq!(extended(&good).unwrap().nonce().unwrap().bytes(), b"nonce");
    // An arc of a whole UUID, which not every reader holds.
    let long = tlv(6, &[&[0x69][..], &[0x83; 17], &[0x01]].concat());
    assert!(extended(&[sequence(&[&long, &tlv(4, b"any")])]).is_ok());
    assert_eq!(extended(&[extension("1.2.3.4", true, b"any")]), Err(RequestFault::CriticalExtension));
    assert_eq!(RequestFault::CriticalExtension.refusal(), Some(Refusal::MalformedRequest));
    let single = |critical| {
        let extensions = tlv(0xa0, &sequence(&[&extension(LOCATOR, critical, &sequence(&[]))]));
        OcspRequest::from_der(&sequence(&[&sequence(&[&sequence(&[&sequence(&[&sha1_id(&[1]), &extensions])])])]))
    };
    assert_eq!(single(false).unwrap().certificates().len(), 1);
    assert_eq!(single(true), Err(RequestFault::CriticalExtension));
}

#[test]
fn garbage_is_told_from_what_cannot_be_answered() {
    let good = asking(&[sha1_id(&[1])], &[]);
    assert!(OcspRequest::from_der(&good).is_ok());
    let mut longer = good.clone();
    longer.push(0);
    let list = sequence(&[&sequence(&[&sha1_id(&[1])])]);
    let version = |number: u8| sequence(&[&sequence(&[&tlv(0xa0, &integer(&[number])), &list])]);
    assert!(OcspRequest::from_der(&version(0)).is_ok(), "said though it need not be");
    for bad in [
        b"".to_vec(),
        b"hello".to_vec(),
        b"\x30\x00".to_vec(),
        tlv(0x31, &good[2..]),
        longer,
        version(1),
        asking(&[], &[]),
        asking(&[sequence(&[])], &[]),
        asking(&[sha1_id(&[])], &[]),
        asking(&[sha1_id(&[0, 1])], &[]),
        asking(&[sha1_id(&[0x12; 22])], &[]),
        sequence(&[&sequence(&[&list]), &tlv(0xa0, b"")]),
        sequence(&[&sequence(&[&list]), &tlv(0xa1, &sequence(&[]))]),
        sequence(&[&sequence(&[&list, &tlv(0xa3, &sequence(&[]))])]),
    ] {
        assert_eq!(OcspRequest::from_der(&bad), Err(RequestFault::NotARequest), "{}", crate::hex(&bad));
    }
    let many = |count: usize| OcspRequest::from_der(&asking(&vec![sha1_id(&[1]); count], &[]));
    assert_eq!(many(MOST_CERTIFICATES).unwrap().certificates().len(), MOST_CERTIFICATES);
    assert_eq!(many(MOST_CERTIFICATES + 1), Err(RequestFault::TooManyCertificates));
    let padded = |length: usize| extended(&[extension("1.2.3.4", false, &vec![0; length])]);
    assert!(padded(LONGEST_REQUEST - 200).is_ok());
    assert_eq!(padded(LONGEST_REQUEST), Err(RequestFault::TooLarge));
    assert_eq!(OcspRequest::from_der(&vec![0x30; LONGEST_REQUEST + 1]), Err(RequestFault::TooLarge));
    for garbage in [RequestFault::TooLarge, RequestFault::NotBase64, RequestFault::NotARequest] {
        assert_eq!(garbage.refusal(), None, "HTTP 400");
    }
    assert_eq!(RequestFault::TooManyCertificates.refusal(), Some(Refusal::Unauthorized));
}

#[test]
fn every_fault_has_a_word_of_its_own() {
    let all = [
        RequestFault::TooLarge,
        RequestFault::NotBase64,
        RequestFault::NotARequest,
        RequestFault::TooManyCertificates,
        RequestFault::Nonce,
        RequestFault::CriticalExtension,
    ];
    let words: std::collections::BTreeSet<_> = all.iter().map(|fault| fault.kind()).collect();
    assert_eq!(words.len(), all.len());
}

#[test]
fn a_get_carries_the_request_in_its_path() {
    let der = asking(&[sha1_id(&[1])], &[extension(NONCE, false, &tlv(4, &[[0xff; 16], [0xfb; 16]].concat()))]);
    let plain = BASE64_STANDARD.encode(&der);
    assert!(plain.contains('/') && plain.contains('+') && plain.ends_with('='), "{plain}");
    let request = OcspRequest::from_der(&der).unwrap();
    let every: String = plain.bytes().map(|byte| format!("%{byte:02x}")).collect();
    let usual = plain.replace('/', "%2F").replace('+', "%2b").replace('=', "%3D");
    for path in [&plain, &usual, &every, &format!("/{plain}"), &format!("//{usual}")] {
        assert_eq!(OcspRequest::from_path(path).as_ref(), Ok(&request), "{path}");
    }
    let unpadded = plain.trim_end_matches('=');
    let spaced = plain.replace('+', " ");
    let url_safe = plain.replace('+', "-").replace('/', "_");
    for bad in ["%", "%zz", "hello world", "稅", "?", unpadded, &spaced, &url_safe, &format!("{plain}\0")] {
        assert_eq!(OcspRequest::from_path(bad), Err(RequestFault::NotBase64), "{bad}");
    }
    assert_eq!(OcspRequest::from_path(""), Err(RequestFault::NotARequest));
    assert_eq!(OcspRequest::from_path("aGVsbG8="), Err(RequestFault::NotARequest));
    assert_eq!(OcspRequest::from_path(&"A".repeat(4 * LONGEST_REQUEST + 1)), Err(RequestFault::TooLarge));
    assert_eq!(OcspRequest::from_path(&"A".repeat(4 * LONGEST_REQUEST)), Err(RequestFault::TooLarge));
}

#[test]
fn damage_never_panics_and_never_asks_for_more() {
    let office = Office::new();
    let desk = desk(&office, &office.citizen("A1"));
    let good = asked(&desk, " -sha256");
    let ids = IssuerIds::of(office.citizens.certificate()).unwrap();
    let mut read = 0;
    for bytes in damaged(&good) {
        let Ok(request) = OcspRequest::from_der(&bytes) else { continue };
        read += 1;
        assert_eq!(request.certificates().len(), 1);
        let _ = (request.issuer_among([(&ids, ())]), request.certificates()[0].serial(), request.nonce());
    }
    assert!(read > 0, "some damage leaves the form intact");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn garbage_is_an_error(bytes in prop::collection::vec(any::<u8>(), 0..300), path in ".{0,60}") {
        prop_assert!(OcspRequest::from_der(&bytes).is_err());
        prop_assert!(OcspRequest::from_path(&path).is_err());
    }

    /// Whatever is asked in earnest, another reader reads the same.
    #[test]
    fn another_reader_agrees(
        serials in prop::collection::vec(prop::collection::vec(any::<u8>(), 1..20), 1..5),
        nonce in prop::collection::vec(any::<u8>(), 1..128),
    ) {
        let ids: Vec<Vec<u8>> = serials.iter().map(|serial| {
            let start = serial.iter().position(|byte| *byte != 0).unwrap_or(serial.len() - 1);
            let mut shortest = serial[start..].to_vec();
            if shortest[0] & 0x80 != 0 { shortest.insert(0, 0); }
            sha1_id(&shortest)
        }).collect();
        let der = asking(&ids, &[extension(NONCE, false, &tlv(4, &nonce))]);
        let ours = OcspRequest::from_der(&der).unwrap();
        let theirs = <x509_ocsp::OcspRequest as der::Decode>::from_der(&der).unwrap();
        let listed = theirs.tbs_request.request_list.iter().map(|request| &request.req_cert);
        prop_assert!(listed.eq(ours.certificates().iter().map(|certificate| &certificate.syntax)));
        let theirs = theirs.nonce().unwrap();
        prop_assert_eq!(theirs.0.as_bytes(), ours.nonce().unwrap().bytes());
    }
}
