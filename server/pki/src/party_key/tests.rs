use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::ec::{EcGroup, EcKey};
use openssl::nid::Nid;
use openssl::pkey::{PKey, Private};
use openssl::rsa::Rsa;
use serde_json::json;

use super::*;
use crate::jwk::KeyNumbers;

const P_256: &str = "WfT6LDG8pqtt5SSIf5D6depixsSiZN1JnxccxKWBi5Q";

/// The key of the fixture `inland-revenue-department.jwks.json`.
fn good() -> Value {
    json!({
        "kty": "EC", "crv": "P-256", "x": "VS34-dxpQ4Fa1VLzV0Y94gql-AqmKW_fx1uPyegh3_k",
        "y": "qZ9zPbCPVd9c-lmwtpjy4nWRk6lNV7fzQZGl-hr6X1Q"
    })
}

fn with(key: &Value, member: &str, value: Value) -> Value {
    let mut key = key.clone();
    key[member] = value;
    key
}

fn listed(pkey: &PKey<Private>) -> Value {
    let key = PublicKey::from_spki_der(&pkey.public_key_to_der().unwrap()).unwrap();
    serde_json::to_value(KeyNumbers::of(&key).unwrap()).unwrap()
}

fn on_curve(curve: Nid) -> Value {
    listed(&PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(curve).unwrap()).unwrap()).unwrap())
}

fn rsa(bits: u32, exponent: u32) -> Value {
    listed(&PKey::from_rsa(Rsa::generate_with_e(bits, &BigNum::from_u32(exponent).unwrap()).unwrap()).unwrap())
}

fn set(keys: &[Value]) -> Value {
    json!({ "keys": keys })
}

fn said(findings: &[Finding]) -> Vec<String> {
    findings.iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
}

/// `path code` of everything wrong with a set that somebody gives by hand.
fn wrong(keys: &[Value]) -> Vec<String> {
    said(&read_key_set("jwks", &set(keys), Given::ByHand).findings)
}

/// The same of a set that was fetched, and how many of its keys may be used.
fn fetched(text: &str) -> (Vec<String>, usize) {
    let set = read_fetched_key_set(text.as_bytes());
    (said(&set.findings), set.keys.len())
}

#[test]
fn a_key_is_known_by_its_thumbprint_and_keeps_its_own_kid() {
    let read = read_key_set("jwks", &set(&[good(), with(&rsa(2048, 65_537), "kid", json!("rsa 2026"))]), Given::ByHand);
    assert_eq!(read.findings, []);
    let keys = read.keys;
    assert_eq!((keys[0].thumbprint.as_str(), keys[0].path.as_str(), &keys[0].kid), (P_256, "jwks.keys[0]", &None));
    let stored: Vec<PublicJwk> = keys.iter().map(|key| serde_json::from_str(&key.jwk).unwrap()).collect();
    assert_eq!(stored[0].kid.as_deref(), Some(P_256));
    assert_eq!((stored[1].kid.as_deref(), stored[1].alg.as_deref()), (Some("rsa 2026"), Some("PS256")));
    assert_eq!((stored[1].numbers.thumbprint(), keys[1].kid.as_deref()), (keys[1].thumbprint.clone(), Some("rsa 2026")));
}

#[test]
fn what_a_key_set_says_besides_is_not_kept() {
    let talkative =
        json!({ "x5u": "https://evil.example/", "x5c": ["MII"], "key_ops": ["verify"], "use": "sig", "alg": "ES256" });
    let mut key = good();
    key.as_object_mut().unwrap().extend(talkative.as_object().unwrap().clone());
    for given in [Given::ByHand, Given::Fetched] {
        let read = read_key_set("", &set(std::slice::from_ref(&key)), given);
        assert_eq!(read.findings, []);
        assert!(!read.keys[0].jwk.contains("evil") && !read.keys[0].jwk.contains("MII"));
    }
}

#[test]
fn every_bad_key_has_its_name() {
    // The first is printed in RFC 9500 together with its private half.
    let printed = json!({
        "kty": "EC", "crv": "P-256", "x": "QiVI-I-3gv-17KN0RFLHKh5Vj71vc75eSOkyMsxFxbE",
        "y": "bEzRDEy41bihcTnpSILImSVymTQl9BQZq36QpCpJQnI"
    });
    for (key, path, code) in [
        (printed, "", "credential.key-known"),
        (rsa(1024, 65_537), "", "credential.weak-key"),
        (rsa(2048, 3), "", "credential.weak-key"),
        (on_curve(Nid::SECP384R1), ".crv", "credential.key-type"),
        (
            json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
            ".kty",
            "credential.key-type",
        ),
        (json!({ "kty": "EC", "crv": "secp256k1", "x": "AA", "y": "AA" }), ".crv", "credential.key-type"),
        (json!({ "crv": "P-256" }), ".kty", "credential.key-type"),
        (with(&good(), "use", json!("enc")), "", "credential.use"),
        (with(&good(), "alg", json!("RS256")), "", "credential.alg"),
        (with(&good(), "alg", json!("none")), "", "credential.alg"),
        (with(&good(), "alg", json!(256)), "", "credential.alg"),
        (with(&rsa(2048, 65_537), "alg", json!("RS256")), "", "credential.alg"),
        (with(&good(), "kid", json!("")), "", "credential.kid"),
        (with(&good(), "kid", json!(7)), "", "credential.kid"),
        (with(&good(), "kid", json!("k\u{202e}")), "", "credential.kid"),
        (with(&good(), "kid", json!("k".repeat(129))), "", "credential.kid"),
        // Off the curve; not base64url; too short; missing; not a text.
        (with(&good(), "x", json!("AS34-dxpQ4Fa1VLzV0Y94gql-AqmKW_fx1uPyegh3_k")), "", "credential.key"),
        (with(&good(), "x", json!("VS34+dxpQ4Fa1VLzV0Y94gql+AqmKW/fx1uPyegh3/k=")), "", "credential.key"),
        (with(&good(), "x", json!("AA")), "", "credential.key"),
        (with(&good(), "x", json!(null)), "", "credential.key"),
        (json!({ "kty": "EC", "crv": "P-256", "x": "AA" }), "", "credential.key"),
        (json!({ "kty": "RSA", "n": "", "e": "AQAB" }), "", "credential.key"),
        (with(&good(), "key_ops", json!(["sign"])), "", "credential.use"),
        (with(&good(), "key_ops", json!([])), "", "credential.use"),
        (with(&good(), "key_ops", json!("verify")), "", "credential.use"),
        (json!({ "kty": "RSA", "n": "AQAB", "e": "AQAB" }), "", "credential.weak-key"),
        (json!({ "kty": "RSA", "n": "_".repeat(200_000), "e": "AQAB" }), "", "credential.weak-key"),
        (with(&good(), "d", json!("AQ")), "", "credential.private-key"),
        (json!({ "kty": "oct", "k": "c2VjcmV0" }), "", "credential.private-key"),
    ] {
        let expected = format!("jwks.keys[0]{path} {code}");
        assert_eq!(wrong(std::slice::from_ref(&key)), [expected], "{key}");
    }
    let read = read_key_set("", &set(&[with(&good(), "alg", json!("\u{1b}[31mRS256"))]), Given::ByHand);
    assert!(!read.findings[0].message.chars().any(char::is_control), "{}", read.findings[0].message);
}

#[test]
fn a_set_has_so_many_keys_and_no_more() {
    let keys = vec![good(); 10_000];
    assert_eq!(wrong(&keys[..21]), ["jwks credential.too-many-keys"]);
    assert_eq!(wrong(&keys), ["jwks credential.too-many-keys"], "however large it is");
    assert_eq!(wrong(&[with(&good(), "note", json!("x".repeat(300_000)))]), ["jwks credential.too-large"]);
    assert_eq!(wrong(&[]), ["jwks credential.jwks"]);
}

#[test]
fn a_public_key_is_for_verifying() {
    for uses in [json!(["verify"]), json!(["sign", "verify"])] {
        assert_eq!(wrong(&[with(&good(), "key_ops", uses)]), Vec::<String>::new());
    }
}

#[test]
fn a_fetched_set_may_serve_others_as_well() {
    let others = [
        on_curve(Nid::SECP384R1),
        json!({ "kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo" }),
        with(&rsa(2048, 65_537), "use", json!("enc")),
        with(&rsa(2048, 65_537), "alg", json!("RS256")),
    ];
    let all: Vec<Value> = others.iter().cloned().chain([good()]).collect();
    assert_eq!(fetched(&set(&all).to_string()), (Vec::new(), 1));
    assert_eq!(fetched(&set(&others).to_string()), (vec![" credential.jwks".to_owned()], 0), "none that is used here");
}

#[test]
fn every_way_in_which_a_fetched_set_is_bad() {
    let other = on_curve(Nid::X9_62_PRIME256V1);
    let one = |key: Value| set(&[key]).to_string();
    let many = set(&vec![good(); 21]).to_string();
    for (text, expected) in [
        (String::new(), " credential.jwks"),
        ("<html>404</html>".to_owned(), " credential.jwks"),
        ("[]".to_owned(), " credential.jwks"),
        ("{}".to_owned(), " credential.jwks"),
        (r#"{"keys":{}}"#.to_owned(), " credential.jwks"),
        (r#"{"keys":[]}"#.to_owned(), " credential.jwks"),
        (r#"{"keys":["MII"]}"#.to_owned(), ".keys[0] credential.jwks"),
        (format!(r#"{{"keys":[{{"kty":"oct","k":"AAAA"}}],{}"#, &set(&[good()]).to_string()[1..]), " credential.jwks"),
        (set(&[good()]).to_string().replacen("\"kty\"", "\"kty\":\"oct\",\"kty\"", 1), " credential.jwks"),
        ("[".repeat(200_000), " credential.jwks"),
        (many, " credential.too-many-keys"),
        (one(with(&good(), "d", json!("AQ"))), ".keys[0] credential.private-key"),
        (one(json!({ "kty": "oct", "k": "c2VjcmV0" })), ".keys[0] credential.private-key"),
        (one(rsa(1024, 65_537)), ".keys[0] credential.weak-key"),
        (one(with(&good(), "x", json!("AA"))), ".keys[0] credential.key"),
        (one(with(&good(), "kid", json!("\u{1b}"))), ".keys[0] credential.kid"),
        (set(&[good(), good()]).to_string(), ".keys[1] credential.duplicate-key"),
        (
            set(&[with(&good(), "kid", json!("k")), with(&other, "kid", json!("k"))]).to_string(),
            ".keys[1].kid credential.duplicate-kid",
        ),
    ] {
        assert_eq!(fetched(&text).0, [expected], "{}", text.get(..200).unwrap_or(&text));
    }
}

#[test]
fn a_private_key_in_a_set_names_the_key_that_is_exposed_and_no_other() {
    let own = PKey::from_ec_key(EcKey::generate(&EcGroup::from_curve_name(Nid::X9_62_PRIME256V1).unwrap()).unwrap()).unwrap();
    let d = KeyNumbers::of(&PublicKey::from_spki_der(&own.public_key_to_der().unwrap()).unwrap()).unwrap().thumbprint();
    let secret = own.ec_key().unwrap().private_key().to_vec_padded(32).unwrap();
    let secret = json!(base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, secret));
    let exposed = |key: Value| -> Vec<String> {
        let set = read_fetched_key_set(set(&[good(), key]).to_string().as_bytes());
        assert_eq!(said(&set.findings), [".keys[1] credential.private-key"]);
        set.exposed.iter().map(|key| key.thumbprint().unwrap()).collect()
    };
    assert_eq!(exposed(with(&listed(&own), "d", secret.clone())), [d]);
    // Another party's public key beside a secret of one's own: that party's key is not blocked.
    assert_eq!(exposed(with(&on_curve(Nid::X9_62_PRIME256V1), "d", secret)), Vec::<String>::new());
}

#[test]
fn a_certificate_has_a_good_key_and_at_most_its_issuers_behind_it() {
    let certificate = |pkey: PKey<Private>| {
        let mut builder = openssl::x509::X509::builder().unwrap();
        builder.set_version(2).unwrap();
        builder.set_not_before(&Asn1Time::from_str("20260101000000Z").unwrap()).unwrap();
        builder.set_not_after(&Asn1Time::from_str("20270101000000Z").unwrap()).unwrap();
        builder.set_pubkey(&pkey).unwrap();
        builder.sign(&pkey, openssl::hash::MessageDigest::sha256()).unwrap();
        String::from_utf8(builder.build().to_pem().unwrap()).unwrap()
    };
    let good = certificate(PKey::from_rsa(Rsa::generate(2048).unwrap()).unwrap());
    let read = read_certificate("here", &good).unwrap();
    assert_eq!(read.pem, good);
    let ends = |text: &str| text.parse::<Timestamp>().unwrap();
    assert_eq!((read.not_before, read.not_after), (ends("2026-01-01T00:00:00Z"), ends("2027-01-01T00:00:00Z")));
    let weak = certificate(PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap());
    for (pem, code) in [
        (format!("{good}{weak}"), "credential.certificate"),
        (format!("{good}-----BEGIN X-----\nAAAA\n-----END X-----\n"), "credential.certificate"),
        (format!("{good} -----BEGIN PRIVATE KEY-----\n"), "credential.private-key"),
        (good.replace("MII", "AII"), "credential.certificate"),
        ("-----BEGIN CERTIFICATE-----\n".to_owned(), "credential.certificate"),
        (format!("-----BEGIN CERTIFICATE-----\n{}", "A".repeat(70_000)), "credential.too-large"),
        (weak.clone(), "credential.weak-key"),
    ] {
        let finding = read_certificate("here", &pem).unwrap_err();
        assert_eq!((finding.path.as_str(), finding.code), ("here", code));
    }
}

#[test]
fn a_key_of_an_unheard_of_size_is_refused_before_anything_is_computed() {
    let mut modulus = vec![0xff; 64 * 1024];
    modulus[0] = 0xc0;
    let number = |bytes: &[u8]| Value::String(base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, bytes));
    let key = json!({ "kty": "RSA", "n": number(&modulus), "e": number(&vec![0xff; 64 * 1024]), "d": number(&[0x7f; 2_048]) });
    for given in [Given::ByHand, Given::Fetched] {
        let read = read_key_set("jwks", &set(std::slice::from_ref(&key)), given);
        assert_eq!(said(&read.findings), ["jwks.keys[0] credential.private-key"]);
        assert!(read.exposed.is_empty() && read.keys.is_empty());
    }
}
