//! The key set that our tokens are verified by, and the address of each client's own copy.

use std::sync::Arc;

use axum::extract::{Path, State};
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use domain::RequestId;
use pki::Jwks;

use crate::app::App;
use crate::failure::Failure;
use crate::http::party::Party;
use crate::http::problem::{problem, respond};
use crate::key::jwks::{self, Given};

/// RFC 7517 key set. Read from the database at each request: no cache of ours decides which key is trusted.
pub(super) async fn serve(State(app): State<Arc<App>>, method: Method, party: Option<Extension<Party>>) -> Response {
    answer(&app, jwks::published(&app, given(&method, party.as_deref())).await.map(|set| Some(set.jwks)))
}

/// The same key set at the address of one client, which tells us that this client has seen it.
pub(super) async fn serve_of(
    State(app): State<Arc<App>>,
    method: Method,
    party: Option<Extension<Party>>,
    Path(client): Path<String>,
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
