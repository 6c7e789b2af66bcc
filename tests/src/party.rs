//! A relying party at the public listener of a running `iamd`: its client comes over TLS, each request on a connection of its own,
//! and bears it when the server is gone.

use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::time::Duration;

use api::app::request::AppRequest;
use api::relying_party::ApplyParties;
use bytes::Bytes;
use client::CallOptions;
use client::phone::Phone;
use domain::{Claim, ClientId, Clock};
use futures_util::future::join_all;
use http::{HeaderValue, Method, Request, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper_util::rt::TokioIo;
use openssl::ssl::{SslConnector, SslMethod};
use pki::jws::{AssertionTerms, ProofSigner, ProofTerms};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, TokenSigner};
use serde_json::Value;
use server::clock::SystemClock;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use url::Url;
use url::form_urlencoded::Serializer;

use crate::daemon::{Daemon, Running};
use crate::world::client::{ASSERTION_TYPE, CALLBACK, Reply, VERIFIER, challenge, fresh_jti, manifest_with};

/// `grant_type` of the back channel (OpenID Connect CIBA Core 1.0, section 10.1).
pub const CIBA: &str = "urn:openid:params:grant-type:ciba";
/// The token endpoint.
pub const TOKEN: &str = "/oauth2/token";

/// A request that is ready to be sent.
pub type Ready = Request<Full<Bytes>>;
/// A connection on which one can be sent.
type Open = SendRequest<Full<Bytes>>;

/// A client that signs its assertions and proves possession.
pub struct Party {
    /// Its id.
    pub id: ClientId,
    /// What the platform calls itself.
    pub issuer: String,
    signer: TokenSigner,
    prover: ProofSigner,
    address: SocketAddr,
    tls: SslConnector,
}

impl Party {
    /// Brings it on board; `more` is what its manifest says of its service besides.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn joins(daemon: &Daemon, running: &Running, id: &str, more: &Value) -> Self {
        let id: ClientId = id.parse().unwrap();
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let apply = ApplyParties { manifests: vec![manifest_with(&id, &key, more)] };
        daemon.connects().call(&apply, &CallOptions::default()).await.unwrap();
        let own = PrivateKey::generate(KeyKind::P256).unwrap();
        let mut tls = SslConnector::builder(SslMethod::tls_client()).unwrap();
        tls.set_ca_file(daemon.data_dir.join("first-operator/ca.crt")).unwrap();
        Self {
            id,
            // An instance keeps its ports through a restart.
            issuer: format!("https://localhost:{}", running.public.port()),
            signer: TokenSigner::new(key.into(), JwsAlgorithm::ES256).unwrap(),
            prover: ProofSigner::new(own.into(), JwsAlgorithm::ES256).unwrap(),
            address: running.public,
            tls: tls.build(),
        }
    }

    /// A good assertion, never used.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn assertion(&self) -> String {
        let (client, jti, now) = (self.id.to_string(), fresh_jti(), SystemClock.now());
        let terms = AssertionTerms { client: &client, audience: &self.issuer, jti: &jti, now, life: Duration::from_mins(1) };
        self.signer.assert(&terms).unwrap()
    }

    /// A proof of possession, never used.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn proof(&self, method: &str, path: &str, access_token: Option<&str>) -> String {
        let (address, jti) = (format!("{}{path}", self.issuer), fresh_jti());
        let terms = ProofTerms { method, address: &address, jti: &jti, now: SystemClock.now(), access_token, body: None };
        self.prover.prove(&terms).unwrap()
    }

    /// A form with an assertion, and with a proof where it is for the token endpoint.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn form(&self, path: &str, pairs: &[(&str, &str)]) -> Ready {
        let proof = (path == TOKEN).then(|| self.proof("POST", path, None));
        self.form_with(path, pairs, &self.assertion(), proof.as_deref())
    }

    /// The same with those ones.
    ///
    /// # Panics
    /// When a header is none.
    #[must_use]
    pub fn form_with(&self, path: &str, pairs: &[(&str, &str)], assertion: &str, proof: Option<&str>) -> Ready {
        let mut form = Serializer::new(String::new());
        form.extend_pairs(pairs).append_pair("client_id", &self.id.to_string());
        form.append_pair("client_assertion_type", ASSERTION_TYPE).append_pair("client_assertion", assertion);
        let mut request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
        if let Some(proof) = proof {
            request = request.header("DPoP", proof);
        }
        request.body(Full::from(form.finish())).unwrap()
    }

    /// Something that is fetched as data; with an access token where there is one.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn get(&self, path: &str, access_token: Option<&str>) -> Ready {
        let mut request = Request::builder().method(Method::GET).uri(path).header(header::ACCEPT, "application/json");
        if let Some(token) = access_token {
            let proof = self.proof("GET", path, Some(token));
            request = request.header(header::AUTHORIZATION, format!("DPoP {token}")).header("DPoP", proof);
        }
        request.body(Full::default()).unwrap()
    }

    /// Sends a request on a connection of its own.
    ///
    /// # Errors
    /// When no whole answer comes: what was asked may have been done or not.
    pub async fn tries(&self, request: Ready) -> io::Result<Reply> {
        exchange(self.opens().await?, request).await
    }

    /// The same of a server that is there.
    ///
    /// # Panics
    /// When there is no answer.
    pub async fn sends(&self, request: Ready) -> Reply {
        self.tries(request).await.unwrap()
    }

    /// Sends them at once, each on a connection of its own that stands before the first is sent.
    ///
    /// # Panics
    /// When one is not answered.
    pub async fn sends_at_once(&self, requests: Vec<Ready>) -> Vec<Reply> {
        let mut ready = Vec::with_capacity(requests.len());
        for request in requests {
            ready.push((self.opens().await.unwrap(), request));
        }
        let sent = ready.into_iter().map(|(open, request)| tokio::spawn(exchange(open, request)));
        join_all(sent).await.into_iter().map(|answered| answered.unwrap().unwrap()).collect()
    }

    async fn opens(&self) -> io::Result<Open> {
        let tcp = TcpStream::connect(self.address).await?;
        tcp.set_nodelay(true)?;
        let ssl = self.tls.configure().and_then(|tls| tls.into_ssl("localhost")).map_err(io::Error::other)?;
        let mut stream = SslStream::new(ssl, tcp).map_err(io::Error::other)?;
        Pin::new(&mut stream).connect().await.map_err(io::Error::other)?;
        let (open, connection) = handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
        tokio::spawn(connection);
        Ok(open)
    }
}

async fn exchange(mut open: Open, mut request: Ready) -> io::Result<Reply> {
    request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
    open.ready().await.map_err(io::Error::other)?;
    let (head, body) = open.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = body.collect().await.map_err(io::Error::other)?.to_bytes();
    let body = String::from_utf8_lossy(&body).into_owned();
    let json = serde_json::from_str(&body).unwrap_or(Value::Null);
    Ok(Reply { status: head.status, headers: head.headers, json, body })
}

/// What a form says, by name.
fn with<'a>(pairs: &[(&'a str, &'a str)], more: &[(&'a str, &'a str)]) -> Vec<(&'a str, &'a str)> {
    let mut all: BTreeMap<&str, &str> = pairs.iter().copied().collect();
    all.extend(more.iter().copied());
    all.into_iter().collect()
}

impl Party {
    /// An authorization request that was pushed; some of its parameters others.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn request_uri(&self, more: &[(&str, &str)]) -> String {
        let challenge = challenge();
        let asked = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid"),
            ("state", "a-state"),
            ("nonce", "a-nonce"),
            ("code_challenge", challenge.as_str()),
            ("code_challenge_method", "S256"),
        ];
        let reply = self.sends(self.form("/oauth2/par", &with(&asked, more))).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.text("request_uri").to_owned()
    }

    /// What a browser asks for with it.
    #[must_use]
    pub fn authorization(&self, request_uri: &str) -> Ready {
        let pairs = [("client_id", self.id.to_string()), ("request_uri", request_uri.to_owned())];
        let query = Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.get(&format!("/oauth2/authorize?{query}"), None)
    }

    /// A code that the citizen of this phone has approved.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn code(&self, phone: &Phone, scope: &str, claims: &[Claim]) -> String {
        let request_uri = self.request_uri(&[("scope", scope)]).await;
        let shown = self.sends(self.authorization(&request_uri)).await;
        let taken = phone.take_up(shown.text("app_link")).await.unwrap();
        phone.approve(taken.request, claims.to_vec()).await.unwrap();
        let poll = Url::parse(shown.text("poll")).unwrap();
        let approved = self.sends(self.get(poll.path(), None)).await;
        let redirect = Url::parse(approved.text("redirect")).unwrap();
        redirect.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned()
    }

    /// The exchange of a code.
    #[must_use]
    pub fn exchange(&self, code: &str) -> Ready {
        let form =
            [("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        self.form(TOKEN, &form)
    }

    /// The exchange of an `auth_req_id`.
    #[must_use]
    pub fn poll(&self, auth_req_id: &str) -> Ready {
        self.form(TOKEN, &[("grant_type", CIBA), ("auth_req_id", auth_req_id)])
    }

    /// The exchange of a refresh token.
    #[must_use]
    pub fn refresh(&self, refresh_token: &str) -> Ready {
        self.form(TOKEN, &[("grant_type", "refresh_token"), ("refresh_token", refresh_token)])
    }

    /// Asks for the citizen of this phone by the back channel; gives the `auth_req_id` and what the phone shows.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn asks_for(&self, phone: &Phone, more: &[(&str, &str)]) -> (String, AppRequest) {
        let hint = phone.login_hint().await.unwrap().login_hint_token;
        let asked = [("scope", "openid"), ("login_hint_token", hint.as_str())];
        let reply = self.sends(self.form("/oauth2/bc-authorize", &with(&asked, more))).await;
        assert_eq!(reply.status, 200, "{}", reply.body);
        let waiting = phone.requests().await.unwrap().into_iter().next().unwrap();
        (reply.text("auth_req_id").to_owned(), waiting)
    }
}
