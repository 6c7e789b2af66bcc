//! The admin listener: one path an operation, the enrolment, the change feed.

mod authenticate;
mod document;
mod enrol;
mod events;
mod gate;
mod mount;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::middleware::from_fn_with_state;
use axum::response::Response;
use axum::routing::get;
use domain::RequestId;
use tower_http::catch_panic::CatchPanicLayer;

pub use document::document;
pub use gate::LARGE_AT_ONCE;

use super::openapi;
use super::problem::{problem, respond};
use crate::app::App;

/// The router.
pub fn router(app: Arc<App>) -> Router {
    let (fallback, method) = (Arc::clone(&app), Arc::clone(&app));
    document::described()
        .into_router()
        .route(openapi::PATH, get(document::serve))
        .fallback(move |uri: Uri| no_such_path(Arc::clone(&fallback), uri.path().to_owned()))
        .method_not_allowed_fallback(move || wrong_method(Arc::clone(&method)))
        .with_state(Arc::clone(&app))
        // The gate has measured the body.
        .layer(DefaultBodyLimit::disable())
        .layer(from_fn_with_state(gate::Gate::new(Arc::clone(&app)), gate::gate))
        .layer(CatchPanicLayer::custom(move |_| panicked(&app)))
}

/// Names of the operations that are mounted, for the test that holds them against the contract.
#[must_use]
pub fn mounted_operations() -> Vec<&'static str> {
    routes::NAMES.to_vec()
}

async fn no_such_path(app: Arc<App>, path: String) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let hint = "the operations are listed by 'iamctl explain operations'";
    respond(&problem(404, "operation.not-found", format!("no such path: {}", domain::visible(&path)), Some(hint), request))
}

async fn wrong_method(app: Arc<App>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    respond(&problem(405, "operation.method", "operations are asked for by POST", None, request))
}

/// A panic is one 500 with an id; the panic hook has logged its place.
fn panicked(app: &Arc<App>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    tracing::error!(%request, "a request panicked");
    let message = "the server failed; nothing of this request was changed";
    respond(&problem(500, "internal", message, Some("the server's log has the cause under this request id"), request))
}
