use serde_json::{Value, json};
use url::form_urlencoded::Serializer;

use super::super::client::tests::client;
use super::*;

const CALLBACK: &str = "https://bank.example/callback";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";
const SUB: &str = "abcdefghijklmnopqrstu-";

fn good() -> Vec<(&'static str, String)> {
    [
        ("client_id", "sandbox-bank.online"),
        ("response_type", "code"),
        ("redirect_uri", CALLBACK),
        ("scope", "openid"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
    .to_vec()
}

/// The good parameters, one of them another; an empty one is left out.
fn with(name: &'static str, value: &str) -> Parameters {
    let mut all = good();
    all.retain(|(known, _)| *known != name);
    all.push((name, value.to_owned()));
    read(&all)
}

fn read(all: &[(&str, String)]) -> Parameters {
    Parameters::read(Serializer::new(String::new()).extend_pairs(all).finish().as_bytes()).unwrap()
}

fn bank() -> Client {
    client(&json!({ "scopes": ["openid", "profile"] }))
}

fn judged(asked: &Parameters) -> Result<AuthorizationRequest, (&'static str, &'static str, bool)> {
    validate(&bank(), asked, None).map_err(|unfit| (unfit.error.code.name(), unfit.error.description, unfit.back.is_some()))
}

#[test]
fn a_good_request_is_kept_as_it_was_asked() {
    let mut all = good();
    all.retain(|(name, _)| *name != "scope");
    for (name, value) in [
        ("scope", "openid profile openid"),
        ("state", "a state & more"),
        ("nonce", "n-0S6_WzA2Mj"),
        ("prompt", "login consent"),
        ("max_age", "0"),
        ("login_hint", SUB),
        ("ui_locales", "fr zh-Hant-HK en"),
        ("acr_values", "urn:a urn:b"),
        ("dpop_jkt", CHALLENGE),
        ("response_mode", "query"),
        ("display", "page"),
        ("claims", "{}"),
    ] {
        all.push((name, value.to_owned()));
    }
    let request = judged(&read(&all)).unwrap();
    let expected = AuthorizationRequest {
        client: "sandbox-bank.online".parse().unwrap(),
        redirect_uri: CALLBACK.into(),
        scopes: vec!["openid".into(), "profile".into()],
        state: Some("a state & more".into()),
        nonce: Some("n-0S6_WzA2Mj".into()),
        code_challenge: CHALLENGE.into(),
        prompt_none: false,
        max_age: Some(0),
        subject: Some(SUB.into()),
        locale: Some(Locale::Traditional),
        acr_values: vec!["urn:a".into(), "urn:b".into()],
        dpop_jkt: Some(CHALLENGE.into()),
    };
    assert_eq!(request, expected);
    let kept = serde_json::to_string(&request).unwrap();
    assert_eq!(serde_json::from_str::<AuthorizationRequest>(&kept).unwrap(), expected);
    let least = serde_json::to_value(judged(&read(&good())).unwrap()).unwrap();
    let members: Vec<&String> = least.as_object().unwrap().keys().collect();
    assert_eq!(members, ["client", "redirect_uri", "scopes", "code_challenge", "prompt_none"]);
}

#[test]
fn nobody_is_sent_to_an_address_that_is_not_the_clients_to_the_byte() {
    for uri in [
        "",
        "https://bank.example/callback/",
        "https://bank.example/callback2",
        "https://bank.example/callback?x=1",
        "https://bank.example/callback#x",
        "https://bank.example/Callback",
        "https://BANK.example/callback",
        "https://bank.example:443/callback",
        "https://bank.example:8443/callback",
        "http://bank.example/callback",
        "https://bank.example/%63allback",
        "https://bank.example/x/../callback",
        "https://bank.example/x/%2e%2e/callback",
        "https://user@bank.example/callback",
        "https://bank.example@evil.example/callback",
        "https://bank.example.evil.example/callback",
        "https://evil.example/?https://bank.example/callback",
        "https://bank.example\\@evil.example/callback",
        "https://bank.example/other?x=1&y=2",
        "https://bank.example/other",
        "https://bank.example/callback ",
        "//bank.example/callback",
        "javascript:alert(1)",
    ] {
        let (code, _, is_sent) = judged(&with("redirect_uri", uri)).unwrap_err();
        assert_eq!((code, is_sent), ("invalid_request", false), "{uri}");
    }
    assert!(judged(&with("redirect_uri", "https://bank.example/other?x=1")).is_ok());
    for id in ["sandbox-bank.offline", "SANDBOX-BANK.online"] {
        let (code, _, is_sent) = judged(&with("client_id", id)).unwrap_err();
        assert_eq!((code, is_sent), ("invalid_request", false), "{id}");
    }
}

#[test]
fn everything_else_that_is_wrong_goes_back_to_the_client() {
    let long = |length: usize| "x".repeat(length);
    for (name, value, code) in [
        ("response_type", "", "invalid_request"),
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "code id_token", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("response_mode", "form_post", "invalid_request"),
        ("scope", "", "invalid_scope"),
        ("scope", "profile", "invalid_scope"),
        ("scope", "openid phone", "invalid_scope"),
        ("scope", "openid offline_access", "invalid_scope"),
        ("scope", "OPENID", "invalid_scope"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM=", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "s256", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "create", "invalid_request"),
        ("max_age", "-1", "invalid_request"),
        ("max_age", "+1", "invalid_request"),
        ("max_age", "soon", "invalid_request"),
        ("max_age", "99999999999", "invalid_request"),
        ("state", &long(2_001), "invalid_request"),
        ("state", "line\nend", "invalid_request"),
        ("state", "稅", "invalid_request"),
        ("nonce", &long(513), "invalid_request"),
        ("acr_values", &long(2_001), "invalid_request"),
        ("dpop_jkt", "short", "invalid_request"),
        ("dpop_jkt", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw+cM", "invalid_request"),
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("registration", "{}", "registration_not_supported"),
    ] {
        let (found, description, is_sent) = judged(&with(name, value)).unwrap_err();
        assert_eq!((found, is_sent), (code, true), "{name}={value}: {description}");
    }
    assert!(judged(&with("state", &long(2_000))).is_ok());
    assert!(judged(&with("nonce", &long(512))).is_ok());
}

#[test]
fn a_state_goes_back_where_it_can() {
    let mut all = good();
    all.push(("state", "kept".to_owned()));
    all.push(("prompt", "create".to_owned()));
    let unfit = validate(&bank(), &read(&all), None).unwrap_err();
    assert_eq!(unfit.back, Some(Back { redirect_uri: CALLBACK.into(), state: Some("kept".into()) }));
    let unfit = validate(&bank(), &with("state", "line\nend"), None).unwrap_err();
    assert_eq!(unfit.back.unwrap().state, None);
}

#[test]
fn prompt_none_is_said_and_answered_by_whoever_shows_the_page() {
    assert!(judged(&with("prompt", "none")).unwrap().prompt_none);
    assert!(!judged(&with("prompt", "select_account")).unwrap().prompt_none);
}

#[test]
fn a_hint_is_a_pairwise_name_or_forgotten() {
    for personal in ["G123456(A)", "chan@example.hk", "+85291234567", "陳大文"] {
        assert_eq!(judged(&with("login_hint", personal)).unwrap().subject, None);
    }
    let meant = |hint: &str, subject| validate(&bank(), &with("login_hint", hint), subject).map(|request| request.subject);
    assert_eq!(meant("", Some(SUB)).unwrap().as_deref(), Some(SUB));
    assert_eq!(meant(SUB, Some(SUB)).unwrap().as_deref(), Some(SUB));
    assert_eq!(meant(SUB, Some("another")).unwrap_err().error.code, OAuthErrorCode::InvalidRequest);
}

#[test]
fn a_client_that_nobody_logs_in_to_asks_nobody() {
    for (more, state) in [
        (json!({}), ServiceState::Suspended),
        (json!({}), ServiceState::Retired),
        (json!({ "functions": ["notification"] }), ServiceState::Active),
    ] {
        let client = Client { state, ..client(&more) };
        let unfit = validate(&client, &read(&good()), None).unwrap_err();
        assert_eq!(unfit.error.code, OAuthErrorCode::UnauthorizedClient, "{more} {state}");
    }
}

#[test]
fn a_language_is_told_by_its_tag() {
    use Locale::{English, Simplified, Traditional};
    for (tag, locale) in [
        ("en", Some(English)),
        ("en-GB", Some(English)),
        ("zh", Some(Traditional)),
        ("zh-HK", Some(Traditional)),
        ("zh-TW", Some(Traditional)),
        ("zh-Hant-CN", Some(Traditional)),
        ("yue-HK", Some(Traditional)),
        ("ZH-cn", Some(Simplified)),
        ("zh-Hans-HK", Some(Simplified)),
        ("fr", None),
        ("", None),
    ] {
        assert_eq!(Locale::of(tag), locale, "{tag}");
    }
    let names: Vec<Value> = [English, Traditional, Simplified].map(|locale| serde_json::to_value(locale).unwrap()).to_vec();
    assert_eq!(names, Locale::ALL);
}

#[test]
fn only_who_wishes_for_nothing_else_gets_the_higher_level_alone() {
    for (wished, plus) in [
        ("", false),
        (" ", false),
        ("iam-smart", false),
        ("iam-smart-plus", true),
        ("iam-smart-plus iam-smart", false),
        ("iam-smart-plus  iam-smart-plus", true),
        ("iam-smart-plus urn:another", false),
    ] {
        assert_eq!(wants_plus(wished.split(' ')), plus, "{wished}");
    }
}
