//! The public listener. It serves the JWKS and a sign of life; the OpenID interface comes with its own work.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};

use crate::app::App;
use crate::key::jwks;

/// The router.
pub fn router(app: Arc<App>) -> Router {
    Router::new().route("/oauth2/jwks", get(serve_jwks)).route("/livez", get(|| async { "ok\n" })).with_state(app)
}

/// RFC 7517 key set. Read from the database at each request: no cache of ours decides which key is trusted.
async fn serve_jwks(State(app): State<Arc<App>>) -> Response {
    match jwks::published(&app).await {
        Ok(set) => {
            let age = format!("max-age={}", app.settings.jwks_max_age.as_secs());
            let kind = "application/jwk-set+json".to_owned();
            ([(header::CACHE_CONTROL, age), (header::CONTENT_TYPE, kind)], Json(set)).into_response()
        }
        Err(failure) => {
            tracing::error!(?failure, "the JWKS could not be served");
            (StatusCode::SERVICE_UNAVAILABLE, [(header::RETRY_AFTER, "5")], "the key set cannot be read\n").into_response()
        }
    }
}
