//! The key set that our tokens are verified by, and the address of each client's own copy.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::RequestId;
use pki::Jwks;
use schemars::{Schema, SchemaGenerator, json_schema};
use serde_json::json;

use super::in_path::InPath;
use crate::app::App;
use crate::failure::Failure;
use crate::http::openapi::{Described, Endpoint, Verb};
use crate::http::party::Party;
use crate::http::problem::{problem, respond};
use crate::key::jwks::{self, Given};

/// Its endpoints.
pub(super) fn routes() -> Described {
    const MEDIA: &str = "application/jwk-set+json";
    let endpoint = |path: &'static str, name, says| {
        let endpoint = Endpoint::new(Verb::Get, path, name, says);
        endpoint.gives_as(200, "The key set.", MEDIA, Some(key_set)).problems(&[401, 404, 429, 500, 503])
    };
    let ours = endpoint("/oauth2/jwks", "jwks", "The keys that sign our tokens (RFC 7517).");
    let of_a_client =
        endpoint("/oauth2/jwks/{client}", "jwks.client", "The same, at an address by which we know who has seen it.");
    Described::new().on(ours, serve).on(of_a_client.part("client", "The client's id, PARTY.SERVICE."), serve_of)
}

fn key_set(_: &mut SchemaGenerator) -> Schema {
    let text = json!({ "type": "string" });
    let key = |kty: &str, numbers: &[&str]| {
        let mut properties = json!({ "kty": { "const": kty }, "use": { "const": "sig" }, "alg": text, "kid": text });
        let mut required = vec!["kty", "use", "alg", "kid"];
        for number in numbers {
            properties[*number] = text.clone();
            required.push(number);
        }
        json!({ "type": "object", "properties": properties, "required": required })
    };
    let keys = [key("EC", &["crv", "x", "y"]), key("RSA", &["n", "e"])];
    json_schema!({
        "type": "object",
        "properties": { "keys": { "type": "array", "items": { "oneOf": keys } } },
        "required": ["keys"],
    })
}

/// RFC 7517 key set. Read from the database at each request: no cache of ours decides which key is trusted.
pub(super) async fn serve(State(app): State<Arc<App>>, method: Method, party: Option<Extension<Party>>) -> Response {
    answer(&app, jwks::published(&app, given(&method, party.as_deref())).await.map(|set| Some(set.jwks)))
}

/// The same key set at the address of one client, which tells us that this client has seen it.
pub(super) async fn serve_of(
    State(app): State<Arc<App>>,
    method: Method,
    party: Option<Extension<Party>>,
    InPath(client): InPath,
) -> Response {
    answer(&app, jwks::published_for(&app, &client, given(&method, party.as_deref())).await)
}

/// A HEAD shows nobody a key.
fn given<'a>(method: &Method, party: Option<&'a Party>) -> Given<'a> {
    match party {
        _ if method != Method::GET => Given::ToNobody,
        None => Given::ToAStranger,
        Some(party) => Given::To(party),
    }
}

fn answer(app: &App, set: Result<Option<Jwks>, Failure>) -> Response {
    match set {
        Ok(None) => {
            let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
            respond(&problem(404, "client.not-found", "there is no such client here", None, request))
        }
        Ok(Some(set)) => {
            let age = format!("max-age={}", app.settings.jwks_max_age.as_secs());
            let kind = "application/jwk-set+json".to_owned();
            ([(header::CACHE_CONTROL, age), (header::CONTENT_TYPE, kind)], Json(set)).into_response()
        }
        Err(failure) => {
            let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
            tracing::error!(%request, ?failure, "the JWKS could not be served");
            // The cause is for us: whoever asks here is a stranger.
            let mut response = respond(&problem(503, "store.unavailable", "the key set cannot be read", None, request));
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}
