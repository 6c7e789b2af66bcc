//! The pki listener: certificates of authorities, revocation lists, OCSP and time stamps, for everybody, over plain HTTP.

mod ocsp;
mod time_stamp;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{DefaultBodyLimit, Path, Request, State};
use axum::http::{StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use domain::{KeyPurpose, RequestId, Timestamp};
use pki::Certificate;
use serde::Serialize;

use super::problem::{problem, respond};
use crate::app::App;
use crate::failure::Failure;
use crate::keys::hex;
use crate::store::{KeyRow, StoreError};

pub use ocsp::Responders;
pub use time_stamp::Stamping;
pub(crate) use time_stamp::stamped;

/// Requests of OCSP and for time stamps are far shorter.
const LARGEST_BODY: usize = 64 * 1024;
/// How long a list may be kept by whoever has fetched it, seconds: with the pause between two lists far below five minutes.
const LIST_MAX_AGE: &str = "max-age=60";
const AUTHORITY_MAX_AGE: &str = "max-age=3600";

/// The router.
pub fn router(app: Arc<App>) -> Router {
    Router::new()
        .route("/ca", get(authorities))
        .route("/ca/", get(authorities))
        .route("/ca/{file}", get(authority))
        .route("/crl", get(lists))
        .route("/crl/", get(lists))
        .route("/crl/{file}", get(list))
        .route("/ocsp", post(ocsp::posted))
        .route("/ocsp/{*request}", get(ocsp::got))
        .route("/tsa", post(time_stamp::stamp))
        .route("/livez", get(|| async { "ok\n" }))
        .fallback(no_such_path)
        .method_not_allowed_fallback(wrong_method)
        .layer(DefaultBodyLimit::max(LARGEST_BODY))
        .layer(middleware::from_fn_with_state(Arc::clone(&app), told_as_a_problem))
        .with_state(app)
}

fn request_id(app: &App) -> RequestId {
    RequestId::new(app.clock.now(), app.entropy.as_ref())
}

async fn no_such_path(State(app): State<Arc<App>>) -> Response {
    respond(&problem(404, "operation.not-found", "there is no such path here", None, request_id(&app)))
}

/// The name that was asked for is a stranger's text: it is not repeated.
fn no_such_authority(app: &App) -> Response {
    let hint = Some("GET /ca/ and GET /crl/ list what there is");
    respond(&problem(404, "ca.not-found", "there is no authority or revocation list of that name", hint, request_id(app)))
}

async fn wrong_method(State(app): State<Arc<App>>) -> Response {
    let message = "certificates and lists are read with GET, OCSP with GET or POST, time stamps with POST";
    respond(&problem(405, "operation.method", message, None, request_id(&app)))
}

/// What could not be read of a request is refused before any function of ours sees it, in plain text: told as all else is.
async fn told_as_a_problem(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let response = next.run(request).await;
    match response.status() {
        StatusCode::PAYLOAD_TOO_LARGE => {
            let message = format!("a request here has at most {} KiB", LARGEST_BODY / 1024);
            respond(&problem(413, "request.too-large", message, None, request_id(&app)))
        }
        StatusCode::BAD_REQUEST if !response.headers().contains_key(api::REQUEST_ID) => {
            respond(&problem(400, "request.cut", "the request could not be read to its end", None, request_id(&app)))
        }
        _ => response,
    }
}

/// The cause is for us: whoever asks here is a stranger.
fn unavailable(app: &App, failure: &Failure) -> Response {
    let request = request_id(app);
    tracing::error!(%request, ?failure, "a request to the pki listener could not be answered");
    let (code, message) = match failure {
        Failure::Unavailable { code: code @ "keys.token-unavailable", .. } => (*code, "this cannot be signed at present"),
        _ => ("store.unavailable", "this cannot be read at present"),
    };
    let mut response = respond(&problem(503, code, message, None, request));
    response.headers_mut().insert(header::RETRY_AFTER, header::HeaderValue::from_static("5"));
    response
}

/// An authority, as the list shows it.
#[derive(Serialize)]
struct ListedAuthority {
    name: String,
    subject: String,
    not_before: Timestamp,
    not_after: Timestamp,
    sha256: String,
    certificate: String,
    list: String,
}

/// A revocation list, as the list of them shows it.
#[derive(Serialize)]
struct ListedList {
    name: String,
    number: i64,
    this_update: Timestamp,
    next_update: Timestamp,
    entries: i64,
    list: String,
}

async fn rows(app: &App) -> Result<Vec<KeyRow>, StoreError> {
    let mut read = app.store.read().await?;
    let mut rows = read.keys(Some(KeyPurpose::RootCa), None).await?;
    rows.extend(read.keys(Some(KeyPurpose::IssuingCa), None).await?);
    Ok(rows)
}

async fn authorities(State(app): State<Arc<App>>) -> Response {
    let listed = async {
        let mut all = Vec::new();
        for row in rows(&app).await? {
            let Some(der) = row.certificate.as_deref() else { continue };
            let certificate = Certificate::from_der(der).map_err(anyhow::Error::from)?;
            let view = certificate.view();
            all.push(ListedAuthority {
                subject: view.subject.clone(),
                not_before: view.not_before,
                not_after: view.not_after,
                sha256: hex(&certificate.fingerprint()),
                certificate: app.keys.instance().certificate_url(&row.kid),
                list: app.keys.instance().crl_url(&row.kid),
                name: row.kid,
            });
        }
        Ok::<_, Failure>(all)
    };
    match listed.await {
        Ok(all) => ([(header::CACHE_CONTROL, LIST_MAX_AGE)], Json(all)).into_response(),
        Err(failure) => unavailable(&app, &failure),
    }
}

async fn authority(State(app): State<Arc<App>>, Path(file): Path<String>) -> Response {
    let Some(name) = file.strip_suffix(".crt") else { return no_such_authority(&app) };
    match rows(&app).await {
        Err(error) => unavailable(&app, &error.into()),
        Ok(rows) => match rows.into_iter().find(|row| row.kid == name).and_then(|row| row.certificate) {
            Some(der) => sent("application/pkix-cert", AUTHORITY_MAX_AGE, der),
            None => no_such_authority(&app),
        },
    }
}

async fn lists(State(app): State<Arc<App>>) -> Response {
    let listed = async {
        let now = app.clock.now();
        let rows = rows(&app).await?;
        let mut read = app.store.read().await?;
        let mut all = Vec::new();
        for row in rows {
            let Some(list) = read.revocation_list(&row.kid, now).await? else { continue };
            all.push(ListedList {
                number: list.number,
                this_update: Timestamp::from_micros(list.this_update),
                next_update: Timestamp::from_micros(list.next_update),
                entries: list.entries,
                list: app.keys.instance().crl_url(&row.kid),
                name: row.kid,
            });
        }
        Ok::<_, Failure>(all)
    };
    match listed.await {
        Ok(all) => ([(header::CACHE_CONTROL, LIST_MAX_AGE)], Json(all)).into_response(),
        Err(failure) => unavailable(&app, &failure),
    }
}

async fn list(State(app): State<Arc<App>>, Path(file): Path<String>) -> Response {
    let Some(name) = file.strip_suffix(".crl") else { return no_such_authority(&app) };
    let found = async { app.store.read().await?.revocation_list(name, app.clock.now()).await };
    match found.await {
        Ok(Some(list)) => sent("application/pkix-crl", LIST_MAX_AGE, list.der),
        Ok(None) => no_such_authority(&app),
        Err(error) => unavailable(&app, &error.into()),
    }
}

fn sent(kind: &'static str, age: &'static str, der: impl Into<Body>) -> Response {
    (StatusCode::OK, [(header::CONTENT_TYPE, kind), (header::CACHE_CONTROL, age)], der.into()).into_response()
}
