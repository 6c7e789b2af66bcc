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

#[test]
fn other_kinds_of_key_are_refused() {
    let ed25519 = PrivateKey::generate(KeyKind::Ed25519).unwrap();
    let refusal = refused(make_csr(&ed25519, "chan").unwrap(), "csr.key-type");
    assert_eq!(refusal.message, "keys of type 1.3.101.112 are not certified here");
    let mut forged = Forged::honest();
    // DSA, and RSA held to PSS.
    for kind in ["1.2.840.10040.4.1", "1.2.840.113549.1.1.10"] {
        forged.public_key = sequence(&[&sequence(&[&oid(kind)]), &bits(&integer(&[5]))]);
        refused(forged.der(), "csr.key-type");
    }
}

#[test]
fn other_curves_are_refused() {
    for curve in [Nid::X9_62_PRIME192V1, Nid::SECP256K1, Nid::SECP521R1, Nid::SECP224R1] {
        let group = EcGroup::from_curve_name(curve).unwrap();
        let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
        refused(Forged::with(key).der(), "csr.curve");
    }
    // P-256 itself, spelled out instead of named.
    let mut group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    group.set_asn1_flag(openssl::ec::Asn1Flag::EXPLICIT_CURVE);
    let key = PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap();
    let forged = Forged::with(key);
    assert!(forged.public_key.len() > 200, "the parameters are spelled out");
    assert_eq!(refused(forged.der(), "csr.curve").message, "the curve is not given by its name");
    let mut forged = Forged::honest();
    let algorithm = sequence(&[&oid("1.2.840.10045.2.1")]);
    forged.public_key = sequence(&[&algorithm, &bits(&[4; 65])]);
    refused(forged.der(), "csr.curve");
}

#[test]
fn points_off_the_curve_are_refused() {
    let mut forged = Forged::honest();
    let group = EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap();
    let mut context = BigNumContext::new().unwrap();
    let key = forged.signer.ec_key().unwrap();
    let mut point = |form| key.public_key().to_bytes(&group, form, &mut context).unwrap();
    let good = point(PointConversionForm::UNCOMPRESSED);
    let compressed = point(PointConversionForm::COMPRESSED);
    let hybrid = point(PointConversionForm::HYBRID);
    let p256 = oid("1.2.840.10045.3.1.7");
    let mut off = good.clone();
    off[64] ^= 1;
    let mut beyond = good.clone();
    beyond[1..33].fill(0xff);
    for bad in [
        &off[..],
        &beyond,
        &compressed,
        &hybrid,
        &[0],
        &[],
        &good[..64],
        &[&good[..], &[0]].concat(),
        &[[4; 1].as_slice(), &[0; 64]].concat(),
    ] {
        forged.public_key = ec_info(&p256, bad);
        refused(forged.der(), "csr.point");
    }
    // A point of P-256 said to be one of P-384.
    forged.public_key = ec_info(&oid("1.3.132.0.34"), &good);
    refused(forged.der(), "csr.point");
    forged.public_key = ec_info(&p256, &good);
    accepted(&forged);
}

#[test]
fn rsa_sizes_are_the_three() {
    for size in [1024, 2047, 2056, 3064] {
        refused(Forged::with(rsa(size)).der(), "csr.rsa-size");
    }
    let mut forged = Forged::honest();
    forged.public_key = rsa_info(&[0xff; 8192], &[1, 0, 1]);
    refused(forged.der(), "csr.rsa-size");
    forged.public_key = rsa_info(&[], &[1, 0, 1]);
    refused(forged.der(), "csr.rsa-size");
}

#[test]
fn rsa_exponents_are_neither_small_nor_even_nor_huge() {
    let key = Rsa::generate_with_e(2048, &BigNum::from_u32(3).unwrap()).unwrap();
    let modulus = key.n().to_vec();
    refused(Forged::with(PKey::from_rsa(key).unwrap()).der(), "csr.rsa-exponent");
    let mut forged = Forged::honest();
    for exponent in [&[][..], &[1], &[17], &[1, 0, 0], &[0xff; 256], &modulus] {
        forged.public_key = rsa_info(&modulus, exponent);
        refused(forged.der(), "csr.rsa-exponent");
    }
    // A negative number is no exponent, and no DER of one.
    forged.public_key = sequence(&[
        &sequence(&[&oid("1.2.840.113549.1.1.1"), &tlv(0x05, &[])]),
        &bits(&sequence(&[&integer(&modulus), &tlv(0x02, &[0xff])])),
    ]);
    refused(forged.der(), "csr.encoding");
}

#[test]
fn rsa_primes_that_lie_close_together_are_refused() {
    // Two leading bits set, so that the product has its full length.
    let mut p = prime(1024);
    p.set_bit(1022).unwrap();
    let p = next_prime(&p);
    let q = next_prime(&p);
    refused(Forged::with(rsa_of(&p, &q)).der(), "csr.rsa-close-primes");
    // A hundred rounds reach further: primes that differ in their lower half only.
    let mut far = (*p).to_owned().unwrap();
    far.set_bit(514).unwrap();
    let q = next_prime(&far);
    refused(Forged::with(rsa_of(&p, &q)).der(), "csr.rsa-close-primes");
    // The extreme case, one prime twice, found in the round before the first.
    let mut square = BigNum::new().unwrap();
    square.sqr(&p, &mut BigNumContext::new().unwrap()).unwrap();
    let key = PKey::from_rsa(Rsa::from_public_components(square, BigNum::from_u32(65_537).unwrap()).unwrap()).unwrap();
    let key = PublicKey::from_pkey(key).unwrap();
    assert_eq!(rsa::check_factors(&key).unwrap_err().code, "csr.rsa-close-primes");
}

#[test]
fn rsa_moduli_with_a_small_factor_are_refused() {
    for factor in [3u32, 251, 65_521] {
        let factor = BigNum::from_u32(factor).unwrap();
        // OpenSSL sets the two leading bits of a prime: the product has 2048 bits.
        let other = prime(2048 - factor.num_bits());
        let refusal = refused(Forged::with(rsa_of(&factor, &other)).der(), "csr.rsa-small-factor");
        assert_eq!(refusal.message, format!("the RSA modulus is divisible by {factor}"));
    }
    // No product at all: with exponent 65537 and a prime modulus everybody can sign.
    let modulus = prime(2048);
    let key = Rsa::from_public_components(modulus, BigNum::from_u32(65_537).unwrap()).unwrap();
    let key = PublicKey::from_pkey(PKey::from_rsa(key).unwrap()).unwrap();
    assert_eq!(rsa::check_factors(&key).unwrap_err().message, "the RSA modulus is a prime");
}

#[test]
fn keys_of_the_faulty_chips_are_refused() {
    refused(Forged::with(rsa_of(&roca_prime(), &roca_prime())).der(), "csr.rsa-roca");
}

#[test]
fn keys_printed_in_a_standard_are_refused() {
    let pem = "-----BEGIN EC PRIVATE KEY-----\n\
        MHcCAQEEIObLW92AqkWunJXowVR2Z5/+yVPBaFHnEedDk5WJxk/BoAoGCCqGSM49\n\
        AwEHoUQDQgAEQiVI+I+3gv+17KN0RFLHKh5Vj71vc75eSOkyMsxFxbFsTNEMTLjV\n\
        uKFxOelIgsiZJXKZNCX0FBmrfpCkKklCcg==\n\
        -----END EC PRIVATE KEY-----\n";
    refused(Forged::with(PKey::private_key_from_pem(pem.as_bytes()).unwrap()).der(), "csr.key-blocked");
}

#[test]
fn keys_on_a_list_of_ours_are_refused() {
    let request = accepted(&Forged::honest());
    let digest = request.public_key().spki_digest();
    assert_eq!(request.check_not_blocked(|_| false), Ok(()));
    assert_eq!(request.check_not_blocked(|key| *key == digest).unwrap_err().code, "csr.key-blocked");
}

#[test]
fn who_asks_for_an_authority_is_refused() {
    let ca = sequence(&[&tlv(0x01, &[0xff])]);
    for critical in [false, true] {
        refused(Forged::honest().asking(extension(BASIC_CONSTRAINTS, critical, &ca)).der(), "csr.ca-requested");
    }
    let with_length = sequence(&[&tlv(0x01, &[0xff]), &integer(&[0])]);
    refused(Forged::honest().asking(extension(BASIC_CONSTRAINTS, true, &with_length)).der(), "csr.ca-requested");
    refused(Forged::honest().asking(extension(KEY_USAGE, true, &tlv(0x03, &[2, 0x84]))).der(), "csr.ca-requested");
    // Not asking, in so many words.
    accepted(&Forged::honest().asking(extension(BASIC_CONSTRAINTS, true, &sequence(&[]))));
    // BER's other TRUE is no DER.
    let ber = sequence(&[&tlv(0x01, &[0x01])]);
    refused(Forged::honest().asking(extension(BASIC_CONSTRAINTS, true, &ber)).der(), "csr.encoding");
    // In the attribute that an older Windows uses.
    let mut forged = Forged::honest();
    let extensions = sequence(&[&extension(BASIC_CONSTRAINTS, true, &ca)]);
    forged.attributes.push(sequence(&[&oid("1.3.6.1.4.1.311.2.1.14"), &set(&[&extensions])]));
    refused(forged.der(), "csr.ca-requested");
}

#[test]
fn wildcards_and_addresses_are_refused() {
    let asking = |names: &[(u8, &[u8])]| Forged::honest().asking(extension(SUBJECT_ALT_NAME, false, &general_names(names)));
    refused(asking(&[(DNS, b"*.gov.hk")]).der(), "csr.san");
    refused(asking(&[(DNS, b"good.example"), (DNS, b"www.*.example")]).der(), "csr.san");
    refused(asking(&[(0x87, &[127, 0, 0, 1])]).der(), "csr.san");
    refused(asking(&[(0x87, &[0; 16])]).der(), "csr.san");
    refused(asking(&[(DNS, b"192.0.2.1")]).der(), "csr.san");
    refused(asking(&[(DNS, b"::1")]).der(), "csr.san");
    refused(asking(&[(DNS, b"a\0b.example")]).der(), "csr.name");
    refused(asking(&[(0x86, b"https://x\n.example")]).der(), "csr.name");
    refused(asking(&[(DNS, "稅務局.example".as_bytes())]).der(), "csr.encoding");
    refused(asking(&[(0x0c, b"untagged")]).der(), "csr.encoding");
}

#[test]
fn unknown_extensions_are_refused_when_critical_and_named_when_not() {
    let unknown = |critical| Forged::honest().asking(extension("1.2.3.4", critical, b"x"));
    let refusal = refused(unknown(true).der(), "csr.extension");
    assert_eq!(refusal.message, "the critical extension 1.2.3.4 is not known here");
    let request = accepted(&unknown(false).named(0x0c, b"chan"));
    assert_eq!(request.ignored(&profile::OPERATOR, "chan"), ["extension 1.2.3.4"]);
}

#[test]
fn names_that_show_as_something_else_are_refused() {
    const UTF8: u8 = 0x0c;
    for bad in [
        "a\0b",
        "a\u{1b}]0;owned\u{7}",
        "line\nline",
        "tab\tbed",
        "\u{202e}nahc",
        "a\u{2066}b",
        "zero\u{200b}width",
        "a\u{feff}b",
        "a\u{9b}b",
    ] {
        refused(Forged::honest().named(UTF8, bad.as_bytes()).der(), "csr.name");
    }
    refused(Forged::honest().named(UTF8, b"\xff\xfe").der(), "csr.name");
    refused(Forged::honest().named(0x13, b"printable\0").der(), "csr.name");
    refused(Forged::honest().named(0x13, b"\xe9t\xe9").der(), "csr.name");
    // UTF-16: a bidi override, and half a surrogate pair.
    refused(Forged::honest().named(0x1e, &[0x20, 0x2e, 0, b'a']).der(), "csr.name");
    refused(Forged::honest().named(0x1e, &[0xd8, 0x00]).der(), "csr.name");
    refused(Forged::honest().named(0x1e, &[0, b'a', 0]).der(), "csr.name");
    // No text at all.
    refused(Forged::honest().named(0x05, b"").der(), "csr.name");
    // In the second part as well as in the first.
    let mut forged = Forged::honest();
    forged.subject = sequence(&[&attribute("2.5.4.3", UTF8, b"chan"), &attribute("2.5.4.10", UTF8, b"O\0")]);
    refused(forged.der(), "csr.name");
}

#[test]
fn ordinary_names_of_all_scripts_and_encodings_pass_and_are_named() {
    for (tag, value, shown) in [
        (0x0c, "陳大文".as_bytes(), "陳大文"),
        (0x13, b"Chan, Tai Man", "Chan, Tai Man"),
        (0x16, b"chan@example.hk", "chan@example.hk"),
        (0x14, b"Andr\xe9", "André"),
        (0x1e, &[0x96, 0x73], "陳"),
    ] {
        let request = accepted(&Forged::honest().named(tag, value));
        assert_eq!(request.ignored(&profile::OPERATOR, "chan"), [format!("subject CN={shown}")]);
    }
    let mut forged = Forged::honest();
    forged.subject = sequence(&[]);
    assert!(accepted(&forged).ignored(&profile::OPERATOR, "chan").is_empty());
}

#[test]
fn what_is_asked_beyond_the_profile_is_ignored_and_named() {
    let mut forged = Forged::honest()
        .asking(extension(KEY_USAGE, true, &tlv(0x03, &[5, 0xa0])))
        .asking(extension(
            EXTENDED_KEY_USAGE,
            false,
            &sequence(&[&oid("1.3.6.1.5.5.7.3.2"), &oid("1.3.6.1.5.5.7.3.1"), &oid("1.3.6.1.5.5.7.3.9"), &oid("1.2.3")]),
        ))
        .asking(extension(
            SUBJECT_ALT_NAME,
            false,
            &general_names(&[
                (DNS, b"etax.ird.example"),
                (0x81, b"a@ird.example"),
                (0x86, b"https://ird.example"),
                (0xa4, &sequence(&[])),
                (0x88, &[0x2a]),
            ]),
        ))
        .asking(extension("2.5.29.14", false, &tlv(0x04, b"own idea")));
    forged.subject = sequence(&[
        &attribute("2.5.4.6", 0x13, b"HK"),
        &attribute("2.5.4.10", 0x0c, b"Inland Revenue Department"),
        &attribute("2.5.4.3", 0x0c, b"etax"),
    ]);
    forged.attributes.push(sequence(&[&oid("1.2.840.113549.1.9.7"), &set(&[&tlv(0x0c, b"hunter2")])]));
    forged.attributes.push(sequence(&[&oid("1.2.3.9"), &set(&[])]));
    let request = accepted(&forged);
    let common = [
        "subject CN=etax, O=Inland Revenue Department, C=HK",
        "subjectAltName DNS:etax.ird.example",
        "subjectAltName email:a@ird.example",
        "subjectAltName URI:https://ird.example",
        "subjectAltName a directory name",
        "subjectAltName another kind of name",
        "keyUsage keyEncipherment",
    ];
    let rest = ["extendedKeyUsage OCSPSigning", "extendedKeyUsage 1.2.3", "attribute challengePassword", "attribute 1.2.3.9"];
    let ignored = request.ignored(&profile::OPERATOR, "etax");
    assert_eq!(ignored, [&common[..], &["extendedKeyUsage serverAuth"], &rest].concat());
    assert!(!format!("{request:?}").contains("hunter2"));
}

#[test]
fn a_request_of_an_old_tool_without_attributes_passes() {
    // Old tools leave the attributes out instead of sending an empty set.
    let forged = Forged::honest();
    let info = sequence(&[&forged.version, &forged.subject, &forged.public_key]);
    let signature = openssl::sign::Signer::new(forged.digest, &forged.signer).unwrap().sign_oneshot_to_vec(&info).unwrap();
    CsrRequest::parse(&sequence(&[&info, &forged.signature_algorithm, &bits(&signature)])).unwrap();
}

#[test]
fn a_subject_of_thousands_of_parts_is_read_in_one_go() {
    let part = attribute("2.5.4.11", 0x0c, b"x");
    let mut forged = Forged::honest();
    forged.subject = tlv(0x30, &part.repeat(3000));
    accepted(&forged);
}

proptest::proptest! {
    #[test]
    fn noise_is_refused_and_never_panics(noise: Vec<u8>, framed: bool) {
        let bytes = if framed { tlv(0x30, &noise) } else { noise };
        proptest::prop_assert!(CsrRequest::parse(&bytes).is_err());
    }
}

#[test]
fn a_bare_key_is_held_to_the_same_rules() {
    let check = |pkey: PKey<openssl::pkey::Private>| {
        check_key(&PublicKey::from_spki_der(&pkey.public_key_to_der().unwrap()).unwrap()).map_err(|refusal| refusal.code)
    };
    assert_eq!(check(rsa(2048)), Ok(()));
    assert_eq!(check(PrivateKey::generate(KeyKind::P256).unwrap().pkey().clone()), Ok(()));
    assert_eq!(check(rsa(1024)), Err("csr.rsa-size"));
    assert_eq!(check(PKey::generate_ed25519().unwrap()), Err("csr.key-type"));
    let group = EcGroup::from_curve_name(Nid::SECP256K1).unwrap();
    assert_eq!(check(PKey::from_ec_key(EcKey::generate(&group).unwrap()).unwrap()), Err("csr.curve"));
    assert_eq!(check(rsa_of(&roca_prime(), &roca_prime())), Err("csr.rsa-roca"));
}
