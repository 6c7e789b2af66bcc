//! Requests to the public listener, signed by the sender's own key.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::app::PROOF;
use bytes::Bytes;
use http::{HeaderMap, HeaderValue, Method, Request, Response, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use pki::jws::{ProofSigner, ProofTerms};
use pki::{JwsAlgorithm, PkiError, PrivateKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::body::body_of;
use crate::connection::{Connection, Lost, refusal};
use crate::error::{ClientError, Written};
use crate::tls::Credential;
use crate::{surroundings, tls};

/// How long a request may take in all.
const TIMEOUT: Duration = Duration::from_secs(30);
/// A reply larger than this is not read.
const MAX_REPLY: usize = 4 * 1024 * 1024;

/// A way to the public listener of one instance. Cheap to clone; connections are kept open and shared.
#[derive(Debug, Clone)]
pub struct Line {
    connection: Connection,
}

/// A key that signs requests.
pub struct Signed(ProofSigner);

impl fmt::Debug for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Signed").field(&self.0.thumbprint()).finish()
    }
}

impl Signed {
    /// By this key, one of P-256.
    ///
    /// # Errors
    /// When it is of another kind.
    pub fn by(key: PrivateKey) -> Result<Self, ClientError> {
        ProofSigner::new(Arc::new(key), JwsAlgorithm::ES256).map(Self).map_err(|error| unusable(&error))
    }

    /// The key's RFC 7638 thumbprint, by which the server knows it.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.0.thumbprint()
    }

    fn proof(&self, method: &Method, address: &str, body: Option<&[u8]>) -> Result<String, ClientError> {
        let jti = crate::new_idempotency_key();
        let terms =
            ProofTerms { method: method.as_str(), address, jti: &jti, now: surroundings::now(), access_token: None, body };
        self.0.prove(&terms).map_err(|error| unusable(&error))
    }
}

fn unusable(error: &PkiError) -> ClientError {
    ClientError::context(
        "phone.key",
        format!("the phone's key cannot be used: {error}"),
        "move its file away; its citizen registers again, with another phone",
    )
}

impl Line {
    /// To the listener at `public_url`, whose certificate must lead to `ca` (PEM).
    ///
    /// # Errors
    /// When the address is none, or the CA certificate cannot be used.
    pub fn open(public_url: &str, ca: &[u8]) -> Result<Self, ClientError> {
        Ok(Self { connection: Connection::without_certificate(public_url, ca)? })
    }

    /// The same for a station, which shows its certificate.
    ///
    /// # Errors
    /// As [`Line::open`], and when certificate and key (PEM) cannot be used.
    pub fn of_station(public_url: &str, ca: &[u8], chain: &str, key: &str) -> Result<Self, ClientError> {
        let credential = Credential::of_station(chain.as_bytes(), key.as_bytes())?;
        Ok(Self { connection: Connection::of_station(public_url, ca, credential)? })
    }

    /// Asks for something.
    ///
    /// # Errors
    /// A problem of the server, or why there is no reply.
    pub async fn get<R: DeserializeOwned>(&self, signed: &Signed, path: &str) -> Result<R, ClientError> {
        self.exchange(Some(signed), Method::GET, path, None).await
    }

    /// Has something done that needs no more words.
    ///
    /// # Errors
    /// As [`Line::get`].
    pub async fn without_body<R: DeserializeOwned>(&self, signed: &Signed, method: Method, path: &str) -> Result<R, ClientError> {
        self.exchange(Some(signed), method, path, None).await
    }

    /// Has something done.
    ///
    /// # Errors
    /// As [`Line::get`].
    pub async fn send<B: Serialize, R: DeserializeOwned>(
        &self,
        signed: &Signed,
        method: Method,
        path: &str,
        body: &B,
    ) -> Result<R, ClientError> {
        self.exchange(Some(signed), method, path, Some(written(body)?)).await
    }

    /// Has something done by a station, whose certificate speaks for it.
    ///
    /// # Errors
    /// As [`Line::get`].
    pub async fn send_as_station<B: Serialize, R: DeserializeOwned>(&self, path: &str, body: &B) -> Result<R, ClientError> {
        self.exchange(None, Method::POST, path, Some(written(body)?)).await
    }

    async fn exchange<R: DeserializeOwned>(
        &self,
        signed: Option<&Signed>,
        method: Method,
        path: &str,
        body: Option<Bytes>,
    ) -> Result<R, ClientError> {
        let write = method != Method::GET;
        let uri = self.connection.uri(path)?;
        let mut headers = HeaderMap::new();
        if let Some(signed) = signed {
            // Without the parameters (RFC 9449 section 4.2).
            let whole = uri.to_string();
            let address = whole.split('?').next().unwrap_or_default();
            let proof = signed.proof(&method, address, body.as_deref())?;
            let proof = HeaderValue::from_str(&proof).map_err(|_| self.odd("the proof is no header", Written::No))?;
            headers.insert(PROOF, proof);
        }
        if body.is_some() {
            headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        }
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json, application/problem+json"));
        let mut request = Request::new(Full::new(body.unwrap_or_default()));
        *request.method_mut() = method;
        *request.uri_mut() = uri;
        *request.headers_mut() = headers;
        // A proof is good for one request: nothing is sent twice by itself.
        let answered = tokio::time::timeout(TIMEOUT, async {
            let response = self.connection.send(request).await?;
            self.read(response, write).await
        });
        match answered.await {
            Ok(Ok(Ok(reply))) => Ok(reply),
            Ok(Ok(Err(error)) | Err(Lost::Before(error))) => Err(error),
            Ok(Err(Lost::After(cause))) => Err(self.unanswered(path, write, cause)),
            Err(_) => Err(self.unanswered(path, write, format!("no answer within {} s", TIMEOUT.as_secs()))),
        }
    }

    async fn read<R: DeserializeOwned>(&self, response: Response<Incoming>, write: bool) -> Result<Result<R, ClientError>, Lost> {
        let (head, body) = response.into_parts();
        let bytes = Limited::new(body, MAX_REPLY).collect().await;
        let bytes = bytes.map_err(|error| Lost::After(tls::root(error.as_ref()).to_string()))?.to_bytes();
        if !head.status.is_success() {
            let id = head.headers.get(api::REQUEST_ID).and_then(|id| id.to_str().ok()).map(str::to_owned);
            return Ok(Err(refusal(self.connection.server(), write, head.status, id, &bytes)));
        }
        let written = if write { Written::Perhaps } else { Written::No };
        Ok(serde_json::from_slice(&bytes).map_err(|error| self.odd(&error.to_string(), written)))
    }

    pub(super) fn odd(&self, cause: &str, written: Written) -> ClientError {
        ClientError::Reply { server: self.connection.server().to_owned(), cause: cause.to_owned(), request_id: None, written }
    }

    fn unanswered(&self, path: &str, write: bool, cause: String) -> ClientError {
        let server = self.connection.server().to_owned();
        if write {
            ClientError::NotConfirmed { server, operation: path.to_owned(), cause, key: None }
        } else {
            ClientError::NoAnswer { server, cause }
        }
    }
}

fn written<B: Serialize>(body: &B) -> Result<Bytes, ClientError> {
    body_of(body).map_err(|error| {
        let hint = "this is a defect: report it";
        ClientError::context("request.unwritable", format!("the request cannot be written: {error}"), hint)
    })
}
