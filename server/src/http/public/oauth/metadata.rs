//! What the interface can do, at the two well-known addresses (OpenID Connect Discovery 1.0, RFC 8414). What is said here is taken
//! from where it is done.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use domain::{Claim, Scope, Tier};
use serde_json::{Map, Value, json};

use super::parameters::Locale;
use super::{authorize, bc_authorize, introspect, logout, par, revoke, token, userinfo};
use crate::app::App;

/// How long it may be kept.
const KEPT: &str = "max-age=300";
/// What clients and proofs sign by.
const ALGORITHMS: [&str; 2] = ["ES256", "PS256"];
/// How clients say who they are.
const METHODS: [&str; 4] = ["private_key_jwt", "tls_client_auth", "client_secret_basic", "client_secret_post"];

/// Endpoints, by the name that they have here.
const ENDPOINTS: &[(&str, &str)] = &[
    ("pushed_authorization_request_endpoint", par::PATH),
    ("authorization_endpoint", authorize::PATH),
    ("token_endpoint", token::PATH),
    ("backchannel_authentication_endpoint", bc_authorize::PATH),
    ("userinfo_endpoint", userinfo::PATH),
    ("introspection_endpoint", introspect::PATH),
    ("revocation_endpoint", revoke::PATH),
    ("end_session_endpoint", logout::PATH),
    ("jwks_uri", "/oauth2/jwks"),
];

/// The document, the same at both addresses.
pub(super) async fn serve(State(app): State<Arc<App>>) -> Response {
    ([(header::CACHE_CONTROL, KEPT)], Json(document(&app.issuer_url))).into_response()
}

fn document(issuer: &str) -> Value {
    let mut document = Map::new();
    document.insert("issuer".to_owned(), issuer.into());
    for (name, path) in ENDPOINTS {
        document.insert((*name).to_owned(), format!("{issuer}{path}").into());
    }
    for endpoint in ["token", "introspection", "revocation"] {
        document.insert(format!("{endpoint}_endpoint_auth_methods_supported"), json!(METHODS));
        document.insert(format!("{endpoint}_endpoint_auth_signing_alg_values_supported"), json!(ALGORITHMS));
    }
    let claims: Vec<&str> = ["iss", "sub", "aud", "exp", "iat", "auth_time", "nonce", "acr", "amr", "sid"]
        .into_iter()
        .chain(Claim::ALL.iter().map(|claim| claim.as_str()).filter(|claim| !claim.contains('#')))
        .collect();
    let can = json!({
        "response_types_supported": ["code"],
        "response_modes_supported": ["query"],
        "grant_types_supported": token::GRANTS,
        "code_challenge_methods_supported": ["S256"],
        "authorization_response_iss_parameter_supported": true,
        "require_pushed_authorization_requests": false,
        "request_parameter_supported": false,
        "request_uri_parameter_supported": false,
        "claims_parameter_supported": false,
        "dpop_signing_alg_values_supported": ALGORITHMS,
        "tls_client_certificate_bound_access_tokens": true,
        "subject_types_supported": ["pairwise"],
        "id_token_signing_alg_values_supported": ["ES256"],
        "scopes_supported": Scope::ALL.iter().map(|scope| scope.as_str()).collect::<Vec<_>>(),
        "claims_supported": claims,
        "acr_values_supported": Tier::ALL.iter().map(|tier| tier.as_str()).collect::<Vec<_>>(),
        "ui_locales_supported": Locale::ALL,
        "prompt_values_supported": ["none", "login", "consent", "select_account"],
        "backchannel_token_delivery_modes_supported": ["poll", "ping"],
        "backchannel_user_code_parameter_supported": false,
        "backchannel_logout_supported": true,
        "backchannel_logout_session_supported": true,
    });
    if let Value::Object(can) = can {
        document.extend(can);
    }
    Value::Object(document)
}
