//! What clients are answered, in the words of the standards: what is said is so, and nothing is said that is not.

use domain::Claim;
use http::{Method, Request};
use serde_json::json;
use tests::both_engines;
use tests::world::client::{CALLBACK, Client, fresh_jti};

use super::logins::Office;

const TOKEN: &str = "/oauth2/token";
const JSON: (&str, &str) = ("accept", "application/json");

/// What a kiosk asks at the authorization endpoint.
fn authorize(client: &Client<'_>, more: &[(&str, &str)]) -> String {
    let pairs = tests::world::client::with(&client.authorization(), more);
    format!("/oauth2/authorize?{}", url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish())
}

both_engines! {
    async fn a_number_that_nobody_has_proved_is_not_called_verified(world: &World) {
        let office = Office::opens(world).await;
        let tokens = office.logs_in("openid phone", &[Claim::PhoneNumber, Claim::PhoneNumberVerified]).await;
        let told = office.userinfo(tokens.text("access_token")).await;
        assert_eq!(told.json["phone_number_verified"], json!(false), "{}", told.body);
    }

    async fn whoever_shows_no_token_is_told_both_ways(world: &World) {
        let office = Office::opens(world).await;
        let told = office.client.fetches("/oauth2/userinfo", &[]).await;
        let challenge = told.headers["www-authenticate"].to_str().unwrap();
        assert_eq!(told.status, 401);
        assert!(challenge.contains("Bearer realm") && challenge.contains("DPoP algs") && !challenge.contains("error"), "{challenge}");
    }

    async fn a_token_without_scopes_says_nothing_of_scopes(world: &World) {
        let client = world.client("drill-office.counter", &json!({ "scopes": ["openid"] })).await;
        let told = client.asks_with_proof(TOKEN, &[("grant_type", "client_credentials")]).await;
        assert_eq!((told.status.as_u16(), told.json.get("scope")), (200, None), "{}", told.body);
        let token = told.text("access_token").to_owned();
        let claims = super::logins::says(world, &token, pki::TokenType::AccessToken).await;
        assert_eq!(claims.get("scope"), None);
        let told = client.asks("/oauth2/introspect", &[("token", &token)]).await;
        assert_eq!((&told.json["active"], told.json.get("scope")), (&json!(true), None), "{}", told.body);
        let form = [("grant_type", "client_credentials"), ("scope", "email")];
        assert_eq!(client.asks_with_proof(TOKEN, &form).await.error(), (400, "invalid_scope"), "it is a citizen's");
    }

    async fn an_assertion_that_cannot_be_read_is_a_client_that_has_not_proved_itself(world: &World) {
        let client = world.client("drill-office.counter", &json!({})).await;
        for _ in 0..10 {
            let header = base64::Engine::encode(&base64::prelude::BASE64_URL_SAFE_NO_PAD, r#"{"alg":"ES256","crit":["b64"],"b64":false}"#);
            let assertion = client.assertion();
            let critical = format!("{header}.{}", assertion.split_once('.').unwrap().1);
            let form = tests::world::client::with(&client.credentials(), &[("client_assertion", critical.as_str())]);
            assert_eq!(client.sends("/oauth2/par", &form, &[]).await.error(), (401, "invalid_client"));
        }
        let form = tests::world::client::with(&client.credentials(), &[("client_assertion", &fresh_jti())]);
        assert_eq!(client.sends("/oauth2/par", &form, &[]).await.status, 429, "it counts as every other one does");
    }

    async fn who_asks_by_another_method_is_told_in_the_endpoints_own_form(world: &World) {
        let client = world.client("drill-office.counter", &json!({})).await;
        for path in [TOKEN, "/oauth2/par", "/oauth2/introspect", "/oauth2/revoke", "/oauth2/bc-authorize"] {
            let told = client.fetches(path, &[]).await;
            assert_eq!((told.error(), &told.headers["allow"]), ((405, "invalid_request"), &"POST".parse().unwrap()), "{path}");
        }
        let request = Request::builder().method(Method::DELETE).uri("/oauth2/jwks").body(axum::body::Body::empty()).unwrap();
        let told = world.public(request).await;
        assert_eq!((told.status.as_u16(), &told.json["code"]), (405, &json!("operation.method")));
    }

    async fn who_wants_data_gets_data_whatever_is_wrong(world: &World) {
        let client = world.plain_client("plain-office.online").await;
        for (more, error) in [
            (("prompt", "none"), "login_required"),
            (("code_challenge", ""), "invalid_request"),
            (("scope", "openid phone"), "invalid_scope"),
        ] {
            let told = client.fetches(&authorize(&client, &[more]), &[JSON]).await;
            assert_eq!(told.error(), (400, error), "{}", told.body);
            let redirect = told.text("redirect");
            assert!(redirect.starts_with(CALLBACK) && redirect.contains(error) && redirect.contains("a-state"), "{redirect}");
        }
        let foreign = authorize(&client, &[("request_uri", "urn:ietf:params:oauth:request_uri:abc")]);
        let told = client.fetches(&foreign, &[JSON]).await;
        assert_eq!(told.error(), (400, "invalid_request_uri"));
        assert_eq!(told.text("error_description"), "request_uri was used, is too old, or is not this client's");
    }
}
