//! What stands before every path of the admin listener: who brings no certificate is answered before a byte of the body is
//! read, and a body that is too large or stalls is cut off.

use std::sync::Arc;
use std::time::Duration;

use api::Problem;
use axum::body::{Body, Bytes};
use axum::extract::{Request, State};
use axum::http::Method;
use axum::middleware::Next;
use axum::response::Response;
use domain::RequestId;
use http_body_util::BodyExt;

use super::super::accept::Peer;
use super::super::problem::{problem, respond};
use super::authenticate::certificate_missing;
use crate::app::App;

/// The largest body: an import batch of 5 000 rows takes about 2 MiB.
const LARGEST: usize = 16 * 1024 * 1024;
/// The largest enrolment: a request of at most 64 KiB, written as JSON, and a code.
const LARGEST_ENROLMENT: usize = 96 * 1024;
/// How long nothing more of a body may come.
const STALLED: Duration = Duration::from_secs(10);
/// How long a body may take in all.
const LONGEST: Duration = Duration::from_secs(60);

pub async fn gate(State(app): State<Arc<App>>, request: Request, next: Next) -> Response {
    let id = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let enrols = request.method() == Method::POST && request.uri().path() == api::enrol::PATH;
    let known = request.extensions().get::<Peer>().is_some_and(|peer| peer.0.is_some());
    if !known && !enrols {
        return respond(&certificate_missing(id));
    }
    let most = if enrols { LARGEST_ENROLMENT } else { LARGEST };
    let (head, body) = request.into_parts();
    let whole = match tokio::time::timeout(LONGEST, read(body, most, id)).await {
        Ok(Ok(whole)) => whole,
        Ok(Err(problem)) => return respond(&problem),
        Err(_) => return respond(&stalled(id, LONGEST)),
    };
    next.run(Request::from_parts(head, Body::from(whole))).await
}

async fn read(mut body: Body, most: usize, id: RequestId) -> Result<Bytes, Problem> {
    use axum::body::HttpBody;
    let too_large = || {
        let message = format!("the request is larger than {} KiB", most / 1024);
        problem(413, "request.too-large", message, Some("use iamctl, which divides large files into batches"), id)
    };
    let announced = body.size_hint().lower();
    if announced > most as u64 {
        return Err(too_large());
    }
    let mut whole = Vec::new();
    loop {
        let frame = tokio::time::timeout(STALLED, body.frame()).await.map_err(|_| stalled(id, STALLED))?;
        let Some(frame) = frame else { return Ok(whole.into()) };
        // Hung up, or not of the protocol: the answer reaches whoever is still there.
        let frame = frame.map_err(|_| problem(400, "request.cut", "the request ended before its body did", None, id))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > most {
            return Err(too_large());
        }
        whole.extend_from_slice(&data);
    }
}

fn stalled(id: RequestId, waited: Duration) -> Problem {
    let message = format!("the request did not arrive within {} s; nothing was changed", waited.as_secs());
    problem(408, "request.stalled", message, Some("try again; see what the network does"), id)
}
