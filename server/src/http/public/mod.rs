//! The public listener: the OpenID interface for relying parties, and what citizens' apps and stations speak.

mod app_link;
mod apps;
mod html;
mod jwks;
pub mod oauth;
pub mod surge;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use domain::RequestId;

use super::party::identify;
use super::problem::{problem, respond};
use crate::app::App;

/// The router.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/oauth2/jwks", get(jwks::serve))
        .route("/oauth2/jwks/{client}", get(jwks::serve_of))
        .route("/app/link/{link}", get(app_link::show))
        .merge(oauth::routes())
        .merge(apps::routes())
        .route_layer(from_fn_with_state(Arc::clone(&app), identify))
        .route("/livez", get(|| async { "ok\n" }))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .with_state(app)
}

async fn no_such_path(State(app): State<Arc<App>>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    respond(&problem(404, "operation.not-found", "there is no such path here", None, request))
}

async fn wrong_method(State(app): State<Arc<App>>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    respond(&problem(405, "operation.method", "this path is not asked in this way", None, request))
}
