//! What comes in with a login: clients' assertions, proofs of possession of clients and of citizens' apps, and the addresses that
//! parties register for their citizens to come back to.

use std::sync::LazyLock;

use domain::{Environment, check_redirect_uri};
use pki::jws::address::normal;
use pki::jws::{
    AssertionRules, AssertionTerms, Audience, Expected, LONGEST_JTI, ProofSigner, ProofTerms, claimed, claimed_client,
    verify_assertion, verify_proof,
};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk, TokenSigner};

use super::{NOW, SECOND, is_safe_to_show, nothing_is_left};

const ISSUER: &str = "https://iam.example";
const TOKEN: &str = "https://iam.example/oauth2/token";
const REQUESTS: &str = "https://iam.example/app/v1/requests";
const CLIENT: &str = "sandbox-bank.online";
const JTI: &str = "-BwC3ESc6acc2lTc";
const ACCESS: &str = "Kz~8mXK1EalYznwH-LC-1fBAo.4Ljp~zsPE_NeO.gxU";
const BODY: &[u8] = b"{\"claims\":[]}";
const BOTH: &[JwsAlgorithm] = &[JwsAlgorithm::ES256, JwsAlgorithm::PS256];

/// What the client signs by, and the keys that it has brought.
static CLIENT_KEYS: LazyLock<(Vec<TokenSigner>, Vec<PublicJwk>)> = LazyLock::new(|| {
    let kinds = [(KeyKind::P256, JwsAlgorithm::ES256), (KeyKind::Rsa3072, JwsAlgorithm::PS256)];
    let made = kinds.map(|(kind, algorithm)| {
        let key = PrivateKey::generate(kind).unwrap();
        let public = PublicJwk::signing(&key.public().unwrap(), algorithm).unwrap();
        (TokenSigner::new(key.into(), algorithm).unwrap(), public)
    });
    made.into_iter().unzip()
});

/// A client's assertion: nothing is taken but what its own keys have signed for us.
pub fn assertion(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let rules = AssertionRules { client: CLIENT, audience: Audience::Issuer(ISSUER), algorithms: BOTH, now: NOW };
    let judged = verify_assertion(text, &CLIENT_KEYS.1, &rules);
    match &judged {
        Ok(judged) => {
            assert_eq!(judged.jti, JTI);
            assert!(judged.expires_at > NOW && judged.expires_at <= NOW.plus(SECOND * 60));
            assert_eq!(claimed_client(text).as_deref(), Ok(CLIENT));
        }
        Err(refusal) => assert!(is_safe_to_show(&refusal.to_string()), "{refusal}"),
    }
    // Whatever it claims is looked at before anything is verified.
    let _claimed = (claimed_client(text).is_ok(), claimed(text, "client_id").is_ok());
    nothing_is_left();
    judged.is_ok()
}

/// A proof of possession beside an access token: it is of its request, of its token, and of the key that it brings.
pub fn proof(bytes: &[u8]) -> bool {
    is_proof(bytes, "POST", TOKEN, Some(ACCESS), BOTH, b"")
}

/// The same of a citizen's app: over its body, by ES256 alone.
pub fn app_proof(bytes: &[u8]) -> bool {
    is_proof(bytes, "POST", REQUESTS, None, &[JwsAlgorithm::ES256], BODY)
}

fn is_proof(
    bytes: &[u8],
    method: &str,
    address: &str,
    access_token: Option<&str>,
    algorithms: &[JwsAlgorithm],
    body: &[u8],
) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let verified = verify_proof(text, &Expected { method, address, access_token, algorithms, now: NOW });
    match &verified {
        Ok(proof) => {
            assert!((1..=LONGEST_JTI).contains(&proof.jti.len()) && proof.expires_at > NOW);
            assert_eq!(proof.thumbprint, proof.key.numbers.thumbprint());
            assert_eq!(proof.key.to_public_key().unwrap().thumbprint().unwrap(), proof.thumbprint);
            assert_eq!((proof.jti.as_str(), &proof.claims["htm"]), (JTI, &method.into()));
        }
        Err(refusal) => assert!(is_safe_to_show(&refusal.to_string()), "{refusal}"),
    }
    nothing_is_left();
    verified.is_ok_and(|proof| proof.is_over(body))
}

/// An address to come back to: what is taken is https to a host with a name and has one spelling, the one that it is written in.
pub fn redirect(bytes: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(bytes) else { return false };
    let taken = check_redirect_uri(text, Environment::Production);
    match &taken {
        Ok(()) => {
            let authority = text.strip_prefix("https://").unwrap().split(['/', '?']).next().unwrap();
            let host = authority.split(':').next().unwrap();
            assert!(!authority.contains(['@', '[', '\\', '%']) && host.contains('.'), "{text}");
            assert!(host.parse::<std::net::Ipv4Addr>().is_err(), "{text}");
            assert!(!text.contains(['#', '*', '\\']) && text.chars().all(|c| !c.is_control() && !c.is_whitespace()), "{text}");
            let begin = format!("https://{authority}");
            assert!(normal(text).is_none_or(|spelt| spelt.starts_with(&begin)), "{text}");
            // What a production instance takes, a sandbox takes too.
            assert!(check_redirect_uri(text, Environment::Sandbox).is_ok(), "{text}");
        }
        Err(fault) => {
            assert!(fault.code.starts_with("redirect-uri.") && is_safe_to_show(&fault.message), "{fault:?}");
            assert!(fault.hint.as_deref().is_none_or(is_safe_to_show), "{fault:?}");
        }
    }
    if let Some(spelt) = normal(text) {
        assert_eq!(normal(&spelt).as_deref(), Some(spelt.as_str()), "{text} has two spellings");
    }
    taken.is_ok()
}

pub(super) fn assertion_seeds() -> Vec<Vec<u8>> {
    let terms = AssertionTerms { client: CLIENT, audience: ISSUER, jti: JTI, now: NOW, life: SECOND * 60 };
    CLIENT_KEYS.0.iter().map(|signer| signer.assert(&terms).unwrap().into_bytes()).collect()
}

fn signer(kind: KeyKind, algorithm: JwsAlgorithm) -> ProofSigner {
    ProofSigner::new(PrivateKey::generate(kind).unwrap().into(), algorithm).unwrap()
}

pub(super) fn proof_seeds() -> Vec<Vec<u8>> {
    let terms = ProofTerms { method: "POST", address: TOKEN, jti: JTI, now: NOW, access_token: Some(ACCESS), body: None };
    let signers = [signer(KeyKind::P256, JwsAlgorithm::ES256), signer(KeyKind::Rsa3072, JwsAlgorithm::PS256)];
    signers.iter().map(|signer| signer.prove(&terms).unwrap().into_bytes()).collect()
}

pub(super) fn app_proof_seeds() -> Vec<Vec<u8>> {
    let terms = ProofTerms { method: "POST", address: REQUESTS, jti: JTI, now: NOW, access_token: None, body: Some(BODY) };
    vec![signer(KeyKind::P256, JwsAlgorithm::ES256).prove(&terms).unwrap().into_bytes()]
}

pub(super) fn redirect_seeds() -> Vec<Vec<u8>> {
    let seeds = ["https://rp.example/callback", "https://login.etax.ird.example:8443/a/b-c_d~e?x=1&y=%E7%A8%85"];
    seeds.map(|seed| seed.as_bytes().to_vec()).into()
}
