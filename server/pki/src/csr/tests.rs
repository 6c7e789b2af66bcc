mod asked;
mod keys;
mod vectors;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use openssl::bn::{BigNum, BigNumContext};
use openssl::ec::{EcGroup, EcKey, PointConversionForm};
use openssl::error::ErrorStack;
use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;

use super::forge::{Forged, ec_info, next_prime, prime, roca_prime, rsa, rsa_info, rsa_of};
use super::*;
use crate::forge_der::{attribute, bits, extension, general_names, integer, oid, sequence, set, tlv};
use crate::generate::{KeyKind, PrivateKey};
use crate::profile;

fn pem(label: &str, der: &[u8]) -> String {
    let encoded = BASE64_STANDARD.encode(der);
    let lines: Vec<&str> = encoded.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[track_caller]
fn refused(bytes: impl AsRef<[u8]>, code: &str) -> CsrRefusal {
    let refusal = CsrRequest::parse(bytes.as_ref()).unwrap_err();
    assert_eq!(refusal.code, code, "{refusal}");
    assert!(refusal.message.chars().all(|c| !c.is_control()), "{refusal}");
    assert!(ErrorStack::get().errors().is_empty(), "nothing is left for the next TLS connection of this thread: {refusal}");
    refusal
}

#[track_caller]
fn accepted(forged: &Forged) -> CsrRequest {
    CsrRequest::parse(&forged.der()).unwrap()
}

const BASIC_CONSTRAINTS: &str = "2.5.29.19";
const KEY_USAGE: &str = "2.5.29.15";
const EXTENDED_KEY_USAGE: &str = "2.5.29.37";
const SUBJECT_ALT_NAME: &str = "2.5.29.17";
const DNS: u8 = 0x82;

#[test]
fn a_request_made_here_is_accepted_here() {
    for kind in [KeyKind::P256, KeyKind::P384, KeyKind::Rsa3072] {
        let key = PrivateKey::generate(kind).unwrap();
        let request = CsrRequest::parse(make_csr(&key, "chan-tai-man").unwrap().as_bytes()).unwrap();
        assert_eq!(request.public_key(), &key.public().unwrap());
        assert!(request.ignored(&profile::OPERATOR, "chan-tai-man").is_empty());
        assert_eq!(request.ignored(&profile::OPERATOR, "wong"), ["subject CN=chan-tai-man"]);
    }
}

#[test]
fn every_size_and_hash_of_the_contract_is_accepted() {
    for size in [2048, 4096] {
        accepted(&Forged::with(rsa(size)));
    }
    let key = rsa(2048);
    for (algorithm, digest) in [("12", MessageDigest::sha384()), ("13", MessageDigest::sha512())] {
        let mut forged = Forged::with(key.clone());
        forged.signature_algorithm = sequence(&[&oid(&format!("1.2.840.113549.1.1.{algorithm}")), &tlv(0x05, &[])]);
        forged.digest = digest;
        accepted(&forged);
    }
    for (algorithm, digest) in [("3", MessageDigest::sha384()), ("4", MessageDigest::sha512())] {
        let mut forged = Forged::honest();
        forged.signature_algorithm = sequence(&[&oid(&format!("1.2.840.10045.4.3.{algorithm}"))]);
        forged.digest = digest;
        accepted(&forged);
    }
}

#[test]
fn pem_and_der_with_or_without_text_above_are_read() {
    let der = Forged::honest().der();
    let text = pem("CERTIFICATE REQUEST", &der);
    CsrRequest::parse(&der).unwrap();
    CsrRequest::parse(text.as_bytes()).unwrap();
    CsrRequest::parse(text.replace('\n', "\r\n").as_bytes()).unwrap();
    CsrRequest::parse(pem("NEW CERTIFICATE REQUEST", &der).as_bytes()).unwrap();
    CsrRequest::parse(format!("\u{feff}{text}").as_bytes()).unwrap();
    CsrRequest::parse(format!("Certificate Request:\n    Data:\n{text}\n\n").as_bytes()).unwrap();
}

#[test]
fn what_is_no_request_is_refused() {
    for nothing in [&b""[..], b"hello", b"\x00\x01\x02", b"\xff\xfe-----", b"{\"csr\":1}"] {
        refused(nothing, "csr.not-a-csr");
    }
    // DER of other things: a key, a certificate.
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    refused(key.public().unwrap().spki_der(), "csr.not-a-csr");
    refused(&*key.to_pkcs8_der().unwrap(), "csr.not-a-csr");
    refused(sequence(&[]), "csr.encoding");
    let certificate = pem("CERTIFICATE", &Forged::honest().der());
    assert_eq!(refused(certificate, "csr.not-a-csr").message, "this is a certificate, not a certificate request");
    refused(pem("X509 CRL", b"x"), "csr.not-a-csr");
}

#[test]
fn a_private_key_sent_by_mistake_is_said_to_be_one() {
    let key = crate::envelope::private_key_to_pem(&PrivateKey::generate(KeyKind::P256).unwrap()).unwrap();
    let refusal = refused(key.as_bytes(), "csr.not-a-csr");
    assert_eq!(refusal.message, "this is a private key, not a certificate request");
    assert!(refusal.hint.unwrap().contains("never sent"));
}

#[test]
fn bad_encodings_are_refused() {
    let der = Forged::honest().der();
    let text = pem("CERTIFICATE REQUEST", &der);
    refused(format!("{text}{text}"), "csr.encoding");
    refused(format!("{text}and more"), "csr.encoding");
    refused(text.replace("-----END", "----"), "csr.encoding");
    refused(text.replacen('M', "*", 1), "csr.encoding");
    refused(pem("CERTIFICATE REQUEST", b""), "csr.encoding");
    refused(pem("CERTIFICATE REQUEST", b"\x30"), "csr.encoding");
    refused(
        [&b"-----BEGIN CERTIFICATE REQUEST-----\n\xff\xff\n-----END CERTIFICATE REQUEST-----\n"[..]].concat(),
        "csr.encoding",
    );
    refused([&der[..], b"\n"].concat(), "csr.encoding");
    refused([&der[..], &der].concat(), "csr.encoding");
    refused(pem("CERTIFICATE REQUEST", &[&der[..], &[0]].concat()), "csr.encoding");
    refused(&der[..der.len() - 1], "csr.encoding");
    // BER: the outer length spelled with a byte too many, and left open.
    let inner = &der[4..];
    refused([&[0x30, 0x83, 0, der[2], der[3]], inner].concat(), "csr.encoding");
    refused([&[0x30, 0x80], inner, &[0, 0]].concat(), "csr.encoding");
    let mut forged = Forged::honest();
    forged.version = integer(&[1]);
    refused(forged.der(), "csr.encoding");
    let twice = extension(KEY_USAGE, true, &tlv(0x03, &[7, 0x80]));
    refused(Forged::honest().asking(twice.clone()).asking(twice).der(), "csr.encoding");
    let mut forged = Forged::honest();
    forged.public_key = sequence(&[&sequence(&[&oid("1.2.840.10045.2.1")]), &tlv(0x03, &[4, 0xf0])]);
    refused(forged.der(), "csr.encoding");
}

#[test]
fn no_prefix_of_a_request_and_no_flipped_byte_of_it_passes_or_panics() {
    let der = Forged::honest().asking(extension(SUBJECT_ALT_NAME, false, &general_names(&[(DNS, b"a.example")]))).der();
    for end in 0..der.len() {
        assert!(CsrRequest::parse(&der[..end]).is_err(), "{end}");
    }
    for at in 0..der.len() {
        let mut altered = der.clone();
        altered[at] ^= 0x55;
        assert!(CsrRequest::parse(&altered).is_err(), "{at}");
    }
}

#[test]
fn a_large_request_is_not_looked_at() {
    refused(vec![b'A'; LARGEST_CSR + 1], "csr.too-large");
    let forged = Forged::honest().named(0x0c, &vec![b'x'; LARGEST_CSR]);
    refused(forged.der(), "csr.too-large");
    let megabyte = Forged::honest().named(0x0c, &vec![b'x'; 1_000_000]).der();
    refused(&megabyte, "csr.too-large");
    refused(pem("CERTIFICATE REQUEST", &megabyte), "csr.too-large");
    // Just within the limit, and still quick.
    refused(vec![0x30; LARGEST_CSR], "csr.encoding");
}

#[test]
fn who_does_not_hold_the_key_is_refused() {
    let other = PrivateKey::generate(KeyKind::P256).unwrap();
    let mut forged = Forged::honest();
    forged.public_key = other.public().unwrap().spki_der().to_vec();
    refused(forged.der(), "csr.proof-of-possession");
    // A subject put into somebody else's request.
    let der = Forged::honest().named(0x0c, b"chan").der();
    let at = der.windows(4).position(|window| window == b"chan").unwrap();
    let mut altered = der;
    altered[at] = b'x';
    refused(altered, "csr.proof-of-possession");
    // ECDSA named over an RSA key.
    let mut forged = Forged::with(rsa(2048));
    forged.signature_algorithm = sequence(&[&oid("1.2.840.10045.4.3.2")]);
    refused(forged.der(), "csr.proof-of-possession");
}

#[test]
fn weak_signature_hashes_are_refused() {
    let key = rsa(2048);
    for (algorithm, digest) in [(4, MessageDigest::md5()), (5, MessageDigest::sha1()), (14, MessageDigest::sha224())] {
        let mut forged = Forged::with(key.clone());
        forged.signature_algorithm = sequence(&[&oid(&format!("1.2.840.113549.1.1.{algorithm}")), &tlv(0x05, &[])]);
        forged.digest = digest;
        refused(forged.der(), "csr.signature-hash");
    }
    let mut forged = Forged::honest();
    forged.signature_algorithm = sequence(&[&oid("1.2.840.10045.4.1")]);
    forged.digest = MessageDigest::sha1();
    assert_eq!(refused(forged.der(), "csr.signature-hash").message, "the request is signed with SHA-1");
}

#[test]
fn pss_says_its_hash_in_its_parameters() {
    let parameters = |hash: Option<&str>| {
        let field = |number: u8, contents: &[u8]| tlv(0xa0 | number, contents);
        let Some(hash) = hash else { return sequence(&[]) };
        let hash = sequence(&[&oid(hash), &tlv(0x05, &[])]);
        let mask = sequence(&[&oid("1.2.840.113549.1.1.8"), &hash]);
        sequence(&[&field(0, &hash), &field(1, &mask), &field(2, &integer(&[32]))])
    };
    let mut forged = Forged::with(rsa(2048));
    forged.pss = true;
    let algorithm = |hash| sequence(&[&oid("1.2.840.113549.1.1.10"), &parameters(hash)]);
    forged.signature_algorithm = algorithm(Some("2.16.840.1.101.3.4.2.1"));
    accepted(&forged);
    forged.signature_algorithm = algorithm(Some("1.3.14.3.2.26"));
    refused(forged.der(), "csr.signature-hash");
    // Nothing said means SHA-1.
    forged.signature_algorithm = algorithm(None);
    refused(forged.der(), "csr.signature-hash");
    forged.signature_algorithm = sequence(&[&oid("1.2.840.113549.1.1.10")]);
    refused(forged.der(), "csr.signature-hash");
}

proptest::proptest! {
    #[test]
    fn noise_is_refused_and_never_panics(noise: Vec<u8>, framed: bool) {
        let bytes = if framed { tlv(0x30, &noise) } else { noise };
        proptest::prop_assert!(CsrRequest::parse(&bytes).is_err());
    }
}
