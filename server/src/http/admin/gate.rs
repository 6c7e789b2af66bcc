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
use tokio::sync::{Semaphore, SemaphorePermit};

use super::super::accept::Peer;
use super::super::problem::{problem, respond};
use super::authenticate::certificate_missing;
use crate::app::App;

/// The largest body: an import batch of 5 000 rows takes about 2 MiB.
const LARGEST: usize = 16 * 1024 * 1024;
/// The largest enrolment: a request of at most 64 KiB, written as JSON, and a code.
const LARGEST_ENROLMENT: usize = 96 * 1024;
/// A body above this size needs one of a few places: many large ones at once would take the node's memory.
const LARGE: usize = 256 * 1024;
/// These places.
pub const LARGE_AT_ONCE: usize = 4;
/// How long nothing more of a body may come.
const STALLED: Duration = Duration::from_secs(10);
/// How long a body may take in all, the wait for a place included.
const LONGEST: Duration = Duration::from_secs(60);

/// What the gate knows.
#[derive(Clone)]
pub struct Gate {
    app: Arc<App>,
    large: Arc<Semaphore>,
}

impl Gate {
    pub fn new(app: Arc<App>) -> Self {
        Self { app, large: Arc::new(Semaphore::new(LARGE_AT_ONCE)) }
    }
}

pub async fn gate(State(Gate { app, large }): State<Gate>, request: Request, next: Next) -> Response {
    let id = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let enrols = request.method() == Method::POST && request.uri().path() == api::enrol::PATH;
    let known = request.extensions().get::<Peer>().is_some_and(|peer| peer.0.is_some());
    if !known && !enrols {
        return respond(&certificate_missing(id));
    }
    let most = if enrols { LARGEST_ENROLMENT } else { LARGEST };
    let (head, body) = request.into_parts();
    // The place is held until the answer is there: what the body becomes is as large.
    let (whole, _place) = match tokio::time::timeout(LONGEST, read(body, most, &large, id)).await {
        Ok(Ok(read)) => read,
        Ok(Err(problem)) => return respond(&problem),
        Err(_) => return respond(&stalled(id, LONGEST)),
    };
    next.run(Request::from_parts(head, Body::from(whole))).await
}

async fn read<'l>(
    mut body: Body,
    most: usize,
    large: &'l Semaphore,
    id: RequestId,
) -> Result<(Bytes, Option<SemaphorePermit<'l>>), Problem> {
    use axum::body::HttpBody;
    let too_large = || {
        let message = format!("the request is larger than {} KiB", most / 1024);
        problem(413, "request.too-large", message, Some("use iamctl, which divides large files into batches"), id)
    };
    let announced = body.size_hint().lower();
    if announced > most as u64 {
        return Err(too_large());
    }
    let (mut whole, mut place) = (Vec::new(), None);
    loop {
        let frame = tokio::time::timeout(STALLED, body.frame()).await.map_err(|_| stalled(id, STALLED))?;
        let Some(frame) = frame else { return Ok((whole.into(), place)) };
        // Hung up, or not of the protocol: the answer reaches whoever is still there.
        let frame = frame.map_err(|_| problem(400, "request.cut", "the request ended before its body did", None, id))?;
        let Ok(data) = frame.into_data() else { continue };
        if whole.len() + data.len() > most {
            return Err(too_large());
        }
        if place.is_none() && whole.len() + data.len() > LARGE {
            // Nobody closes them.
            place = large.acquire().await.ok();
        }
        whole.extend_from_slice(&data);
    }
}

fn stalled(id: RequestId, waited: Duration) -> Problem {
    let message = format!("the request did not arrive within {} s; nothing was changed", waited.as_secs());
    problem(408, "request.stalled", message, Some("try again; see what the network does"), id)
}
