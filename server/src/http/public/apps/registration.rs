//! How people register: what stations and citizens' phones ask for.

use std::sync::Arc;
use std::time::Duration;

use api::Problem;
use api::app::registration::{BindDevice, Bound, Register, Registering};
use axum::body::{Body, HttpBody};
use axum::extract::{Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderValue, header};
use axum::response::Response;
use domain::{RegistrationId, RequestId};
use pki::jws::Proof;
use zeroize::{Zeroize, Zeroizing};

use super::answer::{answer, says, stalled, told};
use super::authenticate;
use crate::app::App;
use crate::failure::Failure;
use crate::http::accept::CameFrom;
use crate::http::in_time::{InTime, Late};
use crate::http::problem::problem;
use crate::http::public::in_path::InPath;
use crate::registration::arrivals::TooMany;
use crate::registration::{Device, Station, begin, bind};
use crate::spent::{Once, spend};

/// Two photos in base64, and what the card says.
const LARGEST: usize = 1024 * 1024;
/// How long a body may take to come in: photos from a phone far from everywhere.
const TAKES: Duration = Duration::from_mins(1);

pub(super) async fn registers(State(app): State<Arc<App>>, request: Request) -> Response {
    let id = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let (head, body) = request.into_parts();
    let station = head.extensions.get::<Station>().cloned();
    // Before photos come into memory, and until they are gone from it.
    let turn = match &station {
        Some(_) => app.surge.station().await,
        None => app.surge.photos(from(&head).0).await,
    };
    let _turn = match turn {
        Ok(turn) => turn,
        Err(full) => return full.problem(id),
    };
    let body = match taken(body, id).await {
        Ok(body) => body,
        Err(problem) => return told(&problem),
    };
    let proof = match &station {
        Some(_) => None,
        None => match proof_of(&app, &head, &body, id) {
            Ok(proof) => Some(proof),
            Err(problem) => return told(&problem),
        },
    };
    if station.is_none()
        && let Err(too_many) = app.arrivals.come(from(&head).0, app.clock.now())
    {
        return come_again(too_many, id);
    }
    let done = async {
        let op: Register = says(&body)?;
        drop(body);
        registered(&app, station, proof, op, id).await
    };
    answer("registration.begin", id, done).await
}

async fn registered(
    app: &Arc<App>,
    station: Option<Station>,
    proof: Option<Proof>,
    op: Register,
    id: RequestId,
) -> Result<Registering, Failure> {
    match (station, proof) {
        (Some(station), _) => begin::at_station(app, &station, op, id).await,
        (None, Some(proof)) => {
            let device = spent(app, proof).await?;
            begin::remotely(app, op, device, id).await
        }
        (None, None) => Err(anyhow::anyhow!("nobody has signed the request, and nobody was turned away").into()),
    }
}

pub(super) async fn binds(State(app): State<Arc<App>>, InPath(registration): InPath, request: Request) -> Response {
    let id = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let (head, body) = request.into_parts();
    // The device is nobody's yet, and its code one of few tries: it waits where apps do that are to be looked up.
    let _turn = match app.surge.app(from(&head)).await {
        Ok(turn) => turn,
        Err(full) => return full.problem(id),
    };
    let body = match taken(body, id).await {
        Ok(body) => body,
        Err(problem) => return told(&problem),
    };
    let proof = match proof_of(&app, &head, &body, id) {
        Ok(proof) => proof,
        Err(problem) => return told(&problem),
    };
    answer("registration.bind", id, bound(&app, &registration, proof, &body, id)).await
}

async fn bound(app: &Arc<App>, registration: &str, proof: Proof, body: &[u8], id: RequestId) -> Result<Bound, Failure> {
    let op: BindDevice = says(body)?;
    // A name that is none is answered as one that nobody has.
    let registration = registration.parse::<RegistrationId>().map_err(|_| bind::wrong_code())?;
    let device = spent(app, proof).await?;
    bind::bind(app, registration, op, device, id).await
}

/// Nothing was looked at: the answer is the same for everybody.
fn come_again(too_many: TooMany, id: RequestId) -> Response {
    metrics::counter!("iam_registrations_too_many_total").increment(1);
    let hint = "try again after the time in Retry-After, or register at a kiosk, a counter or with a mobile team";
    let message = "too many registrations come from here, or in all; nothing was looked at";
    let problem = problem(429, "registration.too-many", message, Some(hint), id);
    let mut response = told(&problem);
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(too_many.retry_after.as_secs().max(1)));
    response
}

fn from(head: &Parts) -> CameFrom {
    head.extensions.get().copied().unwrap_or_default()
}

fn proof_of(app: &App, head: &Parts, body: &[u8], id: RequestId) -> Result<Proof, Box<Problem>> {
    let address = format!("{}{}", app.issuer_url, head.uri.path());
    authenticate::proof(app, &head.headers, head.method.as_str(), &address, body, id)
}

/// The key of a proof, which was used now and never before.
async fn spent(app: &Arc<App>, proof: Proof) -> Result<Device, Failure> {
    spend(app, Once::Proof { key: &proof.thumbprint }, &proof.jti, proof.expires_at).await?;
    let public_key = serde_json::to_string(&proof.key.numbers).map_err(anyhow::Error::from)?;
    Ok(Device { thumbprint: proof.thumbprint, public_key })
}

/// Reads a body that may hold photos: into memory of the right size at once, so that growing leaves no copy behind, and wiped when it
/// is dropped. The parts in which it comes are wiped as far as nobody else holds them.
async fn taken(mut body: Body, id: RequestId) -> Result<Zeroizing<Vec<u8>>, Problem> {
    let too_large = || problem(413, "request.too-large", format!("the request is larger than {} KiB", LARGEST / 1024), None, id);
    let hint = body.size_hint();
    if hint.lower() > LARGEST as u64 {
        return Err(too_large());
    }
    let size = hint.exact().and_then(|exact| usize::try_from(exact).ok()).unwrap_or(LARGEST);
    let (time, mut read) = (InTime::within(TAKES), Zeroizing::new(Vec::with_capacity(size)));
    loop {
        let frame = time.next(&mut body).await.map_err(|Late| stalled(id))?;
        let Some(frame) = frame else { return Ok(read) };
        let frame = frame.map_err(|_| problem(400, "request.cut", "the request ended before its body did", None, id))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > LARGEST {
            return Err(too_large());
        }
        read.extend_from_slice(&data);
        if let Ok(mut part) = data.try_into_mut() {
            part.as_mut().zeroize();
        }
    }
}
