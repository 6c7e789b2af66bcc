//! The public listener: the OpenID interface for relying parties, and what citizens' apps and stations speak.

mod app_link;
mod apps;
mod html;
mod in_path;
mod jwks;
pub mod oauth;
pub mod surge;

use std::sync::{Arc, LazyLock};

use self::oauth::error::OAuthError;
use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use axum::middleware::{from_fn_with_state, map_request};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use domain::RequestId;

use super::openapi::examples::Examples;
use super::openapi::{self, Described, Document};
use super::party::identify;
use super::problem::{problem, respond};
use super::read_on::read_on;
use crate::app::App;

const TITLE: &str = "iamd: the public listener";
const SAYS: &str = "OAuth 2.0 and OpenID Connect for relying parties' clients, and what citizens' apps and stations speak.";

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| {
    let examples = Examples::read(include_str!("examples.json"));
    Document::of(TITLE, SAYS, described().endpoints(), &examples)
});

/// The document at `/openapi.json`.
#[must_use]
pub fn document() -> &'static Document {
    &DOCUMENT
}

fn described() -> Described {
    jwks::routes().merge(app_link::routes()).merge(oauth::routes()).merge(apps::routes())
}

/// The router.
pub fn router(app: Arc<App>) -> Router {
    described()
        .into_router()
        .route_layer(from_fn_with_state(Arc::clone(&app), identify))
        .route("/livez", get(|| async { "ok\n" }))
        .route(openapi::PATH, get(|headers: HeaderMap| async move { document().answer(&headers) }))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(map_request(read_on))
        .with_state(app)
}

async fn no_such_path(State(app): State<Arc<App>>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    respond(&problem(404, "operation.not-found", "there is no such path here", None, request))
}

async fn wrong_method(State(app): State<Arc<App>>, uri: Uri) -> Response {
    let message = "this path does not take that method; the header Allow names what it takes";
    if oauth::speaks_to_clients(uri.path()) {
        return OAuthError::request(message).status(StatusCode::METHOD_NOT_ALLOWED).into_response();
    }
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    respond(&problem(405, "operation.method", message, None, request))
}
