//! The metrics listener: `/metrics`, `/livez`, `/readyz`.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use metrics_exporter_prometheus::PrometheusHandle;
use serde_json::{Map, Value, json};

use crate::app::App;
use crate::instance::health;

/// The router.
pub fn router(app: Arc<App>, prometheus: PrometheusHandle) -> Router {
    Router::new().route("/livez", get(|| async { "ok\n" })).route("/readyz", get(readyz)).with_state(app).route(
        "/metrics",
        get(move || async move {
            let kind = [(header::CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")];
            (kind, prometheus.render()).into_response()
        }),
    )
}

/// 200 or 503, and each part apart.
async fn readyz(State(app): State<Arc<App>>) -> Response {
    let checks = health::look(&app).await;
    let ready = health::ready(&checks);
    let parts: Map<String, Value> =
        checks.into_iter().map(|check| (check.id, json!({ "ok": check.ok, "detail": check.detail }))).collect();
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    (status, Json(Value::Object(parts))).into_response()
}
