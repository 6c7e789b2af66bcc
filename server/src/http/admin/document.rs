//! `GET /openapi.json`: what the admin listener answers, to operators.

use std::sync::{Arc, LazyLock};

use axum::extract::{Extension, State};
use axum::http::HeaderMap;
use axum::response::Response;
use domain::RequestId;

use super::super::accept::Peer;
use super::super::openapi::examples::Examples;
use super::super::openapi::{Described, Document, Endpoint, Scheme, Verb};
use super::super::problem::respond;
use super::authenticate::authenticate;
use super::{enrol, events, routes};
use crate::app::App;

const TITLE: &str = "iamd: the admin listener";
const SAYS: &str =
    "One path an operation: POST with the operation as JSON. The codes of problems are listed by 'iamctl explain errors'.";

static DOCUMENT: LazyLock<Document> = LazyLock::new(|| Document::of(TITLE, SAYS, described().endpoints(), &Examples::default()));

/// The document.
#[must_use]
pub fn document() -> &'static Document {
    &DOCUMENT
}

/// What the listener answers.
pub(super) fn described() -> Described {
    let enrols =
        Endpoint::new(Verb::Post, api::enrol::PATH, "enrol", "An operator's one-time code and key become a certificate.")
            .takes::<api::enrol::Enrol>()
            .gives::<api::enrol::Enrolled>(200, "The certificate.")
            .problems(&[400, 401, 403, 404, 408, 409, 413, 422, 500, 503]);
    let feed = "Sealed audit entries as they come: each event is a ChangeEvent in JSON, its id the leaf.";
    let feed = Endpoint::new(Verb::Get, "/admin/v1/events", "events", feed)
        .secured(&[Scheme::Operator])
        .query("after", "Go on behind this leaf; from the end of the log when absent.", false)
        .header("Last-Event-ID", "The same, as a client that connects again says it.", false)
        .gives_as(200, "The feed.", "text/event-stream", None)
        .problems(&[400, 401, 403, 408, 413, 422, 500, 503]);
    routes::mounted().on(enrols, enrol::enrol).on(feed, events::events)
}

/// Answers it.
pub(super) async fn serve(State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, headers: HeaderMap) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    match authenticate(&app, &peer, request).await {
        Ok(_) => document().answer(&headers),
        Err(unauthenticated) => respond(&unauthenticated.into_problem(request)),
    }
}
