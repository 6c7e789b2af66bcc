//! The admin listener: one path an operation, the enrolment, the change feed.

mod authenticate;
mod enrol;
mod events;
mod mount;
mod routes;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::Uri;
use axum::response::Response;
use axum::routing::{get, post};
use domain::RequestId;
use tower_http::catch_panic::CatchPanicLayer;

use super::problem::{problem, respond};
use crate::app::App;

/// The largest body: an import batch of 5 000 rows takes about 2 MiB.
const LARGEST_BODY: usize = 16 * 1024 * 1024;

/// The router.
pub fn router(app: Arc<App>) -> Router {
    let fallback = Arc::clone(&app);
    routes::mounted()
        .route(api::enrol::PATH, post(enrol::enrol))
        .route("/admin/v1/events", get(events::events))
        .fallback(move |peer, uri: Uri| no_such_path(Arc::clone(&fallback), peer, uri.path().to_owned()))
        .method_not_allowed_fallback({
            let app = Arc::clone(&app);
            move || wrong_method(Arc::clone(&app))
        })
        .with_state(Arc::clone(&app))
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(CatchPanicLayer::custom(move |_| panicked(&app)))
}

/// Names of the operations that are mounted, for the test that holds them against the contract.
#[must_use]
pub fn mounted_operations() -> Vec<&'static str> {
    routes::NAMES.to_vec()
}

async fn no_such_path(app: Arc<App>, peer: axum::Extension<super::accept::Peer>, path: String) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    if peer.0.0.is_none() {
        return respond(&authenticate::certificate_missing(request));
    }
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
