//! An operator at their desk: calls the admin router in process, by the same path as over the wire but for TLS.

use std::sync::Arc;

use api::{Effect, Operation, Problem};
use axum::Router;
use axum::body::Body;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt;
use pki::{Certificate, PrivateKey};
use serde::de::DeserializeOwned;
use serde_json::Value;
use server::http::accept::{Peer, PeerCertificate};
use tower::ServiceExt;

use super::World;

/// Somebody with an operator's certificate.
#[derive(Debug, Clone)]
pub struct Badge {
    /// Operator id.
    pub operator: String,
    /// Certificate and its issuers, PEM.
    pub chain: String,
    /// Private key, PEM.
    pub key: String,
    /// What the handshake would have found.
    pub peer: Peer,
}

impl Badge {
    pub(super) fn new(operator: &str, key: &PrivateKey, certificate: &str, chain: &[String]) -> Self {
        let certificate_pem = certificate;
        let certificate = Certificate::from_pem(certificate_pem.as_bytes()).unwrap();
        Self {
            operator: operator.to_owned(),
            chain: std::iter::once(certificate_pem).chain(chain.iter().map(String::as_str)).collect(),
            key: pki::envelope::private_key_to_pem(key).unwrap().to_string(),
            peer: peer_of(&certificate),
        }
    }
}

/// The peer that the handshake makes of a certificate.
#[must_use]
pub fn peer_of(certificate: &Certificate) -> Peer {
    Peer(Some(Arc::new(PeerCertificate {
        fingerprint: certificate.fingerprint(),
        subject: certificate.view().subject.clone(),
        serial: certificate.view().serial.clone(),
        not_after: certificate.view().not_after,
    })))
}

/// An operator who asks.
#[derive(Debug, Clone)]
pub struct Desk<'w> {
    world: &'w World,
    /// The router of another node.
    elsewhere: Option<Router>,
    peer: Peer,
    key: Option<String>,
    headers: HeaderMap,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer<R> {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The reply, or the problem.
    pub reply: Result<R, Problem>,
}

impl<R> Answer<R> {
    /// Whether it had been given before under the same idempotency key.
    #[must_use]
    pub fn replayed(&self) -> bool {
        self.headers.get(api::REPLAYED).is_some_and(|value| value == "true")
    }

    /// The request's id.
    ///
    /// # Panics
    /// When the answer carries none.
    #[must_use]
    pub fn request_id(&self) -> String {
        self.headers[api::REQUEST_ID].to_str().unwrap().to_owned()
    }
}

impl<'w> Desk<'w> {
    pub(super) fn new(world: &'w World, peer: Peer) -> Self {
        Self { world, elsewhere: None, peer, key: None, headers: HeaderMap::new() }
    }

    pub(super) fn at(world: &'w World, router: Router, peer: Peer) -> Self {
        Self { elsewhere: Some(router), ..Self::new(world, peer) }
    }

    /// Asks under this idempotency key; without it each write has a key of its own.
    #[must_use]
    pub fn under(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    /// Asks for a dry run.
    #[must_use]
    pub fn dry_run(&self) -> Self {
        self.with_header(api::DRY_RUN, "true")
    }

    /// Asks with a header of one's own.
    ///
    /// # Panics
    /// When it is none.
    #[must_use]
    pub fn with_header(&self, name: &'static str, value: &str) -> Self {
        let mut desk = self.clone();
        desk.headers.insert(name, value.parse().unwrap());
        desk
    }

    /// Calls an operation.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn call<O: Operation>(&self, operation: &O) -> Result<O::Reply, Problem> {
        self.ask(operation).await.reply
    }

    /// Calls an operation and gives the whole answer.
    ///
    /// # Panics
    /// When the answer is neither a reply nor a problem.
    pub async fn ask<O: Operation>(&self, operation: &O) -> Answer<O::Reply> {
        let key = matches!(O::EFFECT, Effect::Write(_)).then(|| self.key.clone().unwrap_or_else(fresh_key));
        self.send(O::NAME, key, serde_json::to_vec(operation).unwrap()).await
    }

    /// Posts any body to an operation's path; a write needs [`Desk::under`].
    ///
    /// # Panics
    /// When the answer is neither a reply nor a problem.
    pub async fn post(&self, operation: &str, body: impl Into<Vec<u8>>) -> Answer<Value> {
        self.send(operation, self.key.clone(), body.into()).await
    }

    async fn send<R: DeserializeOwned>(&self, operation: &str, key: Option<String>, body: Vec<u8>) -> Answer<R> {
        let mut request = Request::post(format!("{}{operation}", api::ADMIN_PATH))
            .header("content-type", "application/json")
            .extension(self.peer.clone())
            .body(Body::from(body))
            .unwrap();
        request.headers_mut().extend(self.headers.clone());
        if let Some(key) = key {
            request.headers_mut().insert(api::IDEMPOTENCY_KEY, key.parse().unwrap());
        }
        exchange(self.elsewhere.as_ref().unwrap_or(&self.world.router), request).await
    }
}

impl World {
    /// Puts a request to the admin router.
    ///
    /// # Panics
    /// When the answer is neither a reply nor a problem.
    pub async fn exchange<R: DeserializeOwned>(&self, request: Request<Body>) -> Answer<R> {
        exchange(&self.router, request).await
    }
}

pub(super) async fn exchange<R: DeserializeOwned>(router: &Router, request: Request<Body>) -> Answer<R> {
    let response = router.clone().oneshot(request).await.unwrap();
    let (head, body) = response.into_parts();
    let bytes = body.collect().await.unwrap().to_bytes();
    let reply = if head.status.is_success() {
        Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("no reply of this form: {error}: {}", text(&bytes))))
    } else {
        let mut problem: Problem =
            serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("no problem document: {error}: {}", text(&bytes)));
        problem.status = head.status.as_u16();
        Err(problem)
    };
    Answer { status: head.status, headers: head.headers, reply }
}

fn text(bytes: &[u8]) -> std::borrow::Cow<'_, str> {
    String::from_utf8_lossy(bytes)
}

/// An idempotency key that nobody has used.
#[must_use]
pub fn fresh_key() -> String {
    uuid::Uuid::from_bytes(super::random()).to_string()
}
