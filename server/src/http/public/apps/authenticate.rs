//! From the proof that comes with a request to the citizen whose device made it, by the database, at every request.

use std::fmt::Display;
use std::sync::Arc;

use api::Problem;
use api::app::PROOF;
use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use domain::{AccountState, RequestId};
use pki::JwsAlgorithm;
use pki::jws::{Expected, Proof, verify_proof};
use serde::de::DeserializeOwned;
use serde_json::Map;

use super::answer::{says, told, whole};
use crate::app::App;
use crate::failure::Failure;
use crate::http::accept::CameFrom;
use crate::http::problem::problem;
use crate::http::public::surge::{Refused, Turn};
use crate::operator::turned_away::{self, Stranger};
use crate::spent::{Once, spend};
use crate::store::KnownDevice;

/// What an app asks is short.
const LARGEST: usize = 64 * 1024;
/// What whoever shows a proof asks for, as the audit log calls it.
const CONNECTS: &str = "app.connect";

const SIGN: &str = "sign the request with the device's key, in the form of a DPoP proof over method, address and body";
const SIGN_ANEW: &str = "sign the request again, with a jti of its own: a proof is good once";
const AGAIN: &str = "register again: the app does it with a new key";

/// A citizen whose own device in use has signed the request.
pub(super) struct Citizen {
    /// The device and its account.
    pub(super) device: KnownDevice,
    /// This request.
    pub(super) request: RequestId,
    body: Bytes,
    /// Kept until the answer is there.
    _turn: Turn,
}

impl Citizen {
    /// What the body says.
    ///
    /// # Errors
    /// `request.invalid`.
    pub(super) fn says<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        says(&self.body)
    }
}

impl FromRequest<Arc<App>> for Citizen {
    type Rejection = Response;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, Response> {
        let id = RequestId::new(app.clock.now(), app.entropy.as_ref());
        citizen(app, request, id).await.map_err(|turned| match turned {
            Turned::Away(problem) => told(&problem),
            Turned::Full(full) => full.problem(id),
        })
    }
}

/// Why somebody is not heard.
enum Turned {
    /// By what they bring.
    Away(Box<Problem>),
    /// Too many wait already.
    Full(Refused),
}

impl From<Problem> for Turned {
    fn from(problem: Problem) -> Self {
        Self::Away(Box::new(problem))
    }
}

impl From<Refused> for Turned {
    fn from(full: Refused) -> Self {
        Self::Full(full)
    }
}

/// Apps that have yet to show whose they are wait by where they come from, and then all citizens together.
async fn citizen(app: &Arc<App>, request: Request, id: RequestId) -> Result<Citizen, Turned> {
    let (head, body) = request.into_parts();
    let from = head.extensions.get::<CameFrom>().copied().unwrap_or_default();
    let body = whole(body, LARGEST, id).await?;
    let door = app.surge.app(from).await?;
    let device = device(app, &head, &body, id).await?;
    drop(door);
    let turn = app.surge.citizen(device.owner).await?;
    Ok(Citizen { device, request: id, body, _turn: turn })
}

/// The device that has signed the request, in use and of an active account.
async fn device(app: &Arc<App>, head: &Parts, body: &[u8], id: RequestId) -> Result<KnownDevice, Problem> {
    let failed = |failure: Failure| {
        tracing::error!(request = %id, code = failure.code(), "who asks cannot be said");
        failure.into_problem(Some(id.to_string()))
    };
    let address = format!("{}{}", app.issuer_url, head.uri.path());
    let proof = proof(app, &head.headers, head.method.as_str(), &address, body, id).map_err(|problem| *problem)?;
    let mut read = app.store.look().await.map_err(|error| failed(error.into()))?;
    let device = read.device_by_thumbprint(&proof.thumbprint).await.map_err(|error| failed(error.into()))?;
    drop(read);
    let Some(device) = device else {
        let message = "this device is not registered here";
        return Err(turned_away(app, &proof, "device.unknown", message, AGAIN, id).await);
    };
    match spend(app, Once::Proof { key: &proof.thumbprint }, &proof.jti, proof.expires_at).await {
        Ok(()) => {}
        Err(Failure::Refused(refusal)) => {
            return Err(turned_away(app, &proof, refusal.code, &refusal.message, SIGN_ANEW, id).await);
        }
        Err(failure) => return Err(failed(failure)),
    }
    if device.ended {
        let message = "another device has taken the place of this one";
        return Err(turned_away(app, &proof, "device.ended", message, AGAIN, id).await);
    }
    match device.state {
        AccountState::Active => Ok(device),
        AccountState::Suspended => {
            Err(problem(403, "account.suspended", "the account is suspended; nothing was done", Some(AGAIN), id))
        }
        AccountState::Closed => Err(problem(403, "account.closed", "the account is closed; nothing was done", None, id)),
    }
}

/// The proof of a request, verified. Whose device it is, and that the proof is used once, is for the caller to see to.
pub(super) fn proof(
    app: &App,
    headers: &HeaderMap,
    method: &str,
    address: &str,
    body: &[u8],
    id: RequestId,
) -> Result<Proof, Box<Problem>> {
    let mut shown = headers.get_all(PROOF).iter();
    let (Some(compact), None) = (shown.next().and_then(|proof| proof.to_str().ok()), shown.next()) else {
        return Err(Box::new(problem(401, "proof.missing", "one proof is wanted in the header DPoP", Some(SIGN), id)));
    };
    let expected = Expected { method, address, access_token: None, algorithms: &[JwsAlgorithm::ES256], now: app.latest() };
    let invalid =
        |why: &dyn Display| Box::new(problem(401, "proof.invalid", format!("the proof is not good: {why}"), Some(SIGN), id));
    let proof = verify_proof(compact, &expected).map_err(|refusal| invalid(&refusal))?;
    if !proof.is_over(body) {
        return Err(invalid(&"its claim 'body' is not this body's"));
    }
    Ok(proof)
}

async fn turned_away(app: &App, proof: &Proof, code: &'static str, message: &str, hint: &'static str, id: RequestId) -> Problem {
    let stranger = Stranger { action: CONNECTS, code, shown: proof.thumbprint.clone(), request: Some(id), facts: Map::new() };
    turned_away::note(app, stranger).await;
    problem(401, code, message, Some(hint), id)
}
