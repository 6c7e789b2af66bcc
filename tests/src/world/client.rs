//! A client of a relying party, as its programmers have written it: it signs assertions and proofs of possession, pushes
//! requests and asks for tokens, through the public router in process.

use std::time::Duration;

use api::credential::AddCredential;
use api::relying_party::ApplyParties;
use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{ClientId, Clock, Manifest};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::BodyExt;
use pki::jws::{AssertionTerms, ProofSigner, ProofTerms};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, PublicJwk, TokenSigner, pkce};
use serde_json::{Value, json};
use server::http::accept::Peer;
use tower::ServiceExt;
use url::form_urlencoded::Serializer;

use super::World;

/// What the platform calls itself in a world.
pub const ISSUER: &str = "https://iam.example";
/// Where citizens come back to.
pub const CALLBACK: &str = "https://rp.example/callback";
/// A verifier, and [`challenge`] its challenge (RFC 7636).
pub const VERIFIER: &str = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk";
/// RFC 7523 section 2.2.
pub const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";

/// A client with a key of its own.
#[derive(Debug)]
pub struct Client<'w> {
    world: &'w World,
    /// Its id.
    pub id: ClientId,
    /// The key of its assertions, which its party has brought.
    pub key: PrivateKey,
    /// What it signs assertions with.
    pub signer: TokenSigner,
    /// What it proves possession with.
    pub prover: ProofSigner,
    /// A secret that it was given.
    pub secret: Option<String>,
    /// What its connections bring along.
    pub peer: Peer,
}

/// What an endpoint answered.
#[derive(Debug, Clone)]
pub struct Reply {
    /// HTTP status.
    pub status: StatusCode,
    /// Headers.
    pub headers: HeaderMap,
    /// The body, where it is JSON.
    pub json: Value,
    /// The body.
    pub body: String,
}

impl Reply {
    /// Status and `error`.
    #[must_use]
    pub fn error(&self) -> (u16, &str) {
        (self.status.as_u16(), self.json["error"].as_str().unwrap_or_default())
    }

    /// A member of the body that is a string.
    ///
    /// # Panics
    /// When there is none.
    #[must_use]
    pub fn text(&self, member: &str) -> &str {
        self.json[member].as_str().unwrap_or_else(|| panic!("no {member} in {} {}", self.status, self.body))
    }
}

/// The challenge of [`VERIFIER`].
#[must_use]
pub fn challenge() -> String {
    pkce::challenge(VERIFIER)
}

/// Parameters with some of them others; an empty one is left out.
#[must_use]
pub fn with<'a>(all: &[(&'a str, String)], more: &[(&'a str, &str)]) -> Vec<(&'a str, String)> {
    let mut all: Vec<(&str, String)> =
        all.iter().filter(|(name, _)| more.iter().all(|(other, _)| other != name)).cloned().collect();
    all.extend(more.iter().map(|(name, value)| (*name, (*value).to_owned())));
    all.retain(|(_, value)| !value.is_empty());
    all
}

/// An id that nobody has used.
#[must_use]
pub fn fresh_jti() -> String {
    uuid::Uuid::from_bytes(super::random()).to_string()
}

impl World {
    /// Brings a relying party with this one service on board, as its manifest says, with a key that its client signs by. `more`
    /// is what its manifest says of the service besides, `{"clientProfile":"oidc"}`.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn client(&self, id: &str, more: &Value) -> Client<'_> {
        let id: ClientId = id.parse().unwrap();
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let manifest = manifest_with(&id, &key, more);
        self.first().call(&ApplyParties { manifests: vec![manifest] }).await.unwrap();
        let signer = TokenSigner::new(key.clone().into(), JwsAlgorithm::ES256).unwrap();
        let own = PrivateKey::generate(KeyKind::P256).unwrap();
        let prover = ProofSigner::new(own.into(), JwsAlgorithm::ES256).unwrap();
        Client { world: self, id, key, signer, prover, secret: None, peer: Peer(None) }
    }

    /// The same of a client of plain OpenID Connect, with a secret.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn plain_client(&self, id: &str) -> Client<'_> {
        let client = self.client(id, &json!({ "clientProfile": "oidc", "scopes": ["openid", "profile"] })).await;
        let secret = client.is_given_a_secret().await;
        Client { secret: Some(secret), ..client }
    }

    /// Sends a request to the public router.
    ///
    /// # Panics
    /// When the router does.
    pub async fn public(&self, request: Request<Body>) -> Reply {
        let response = self.public.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let body = String::from_utf8_lossy(&body.collect().await.unwrap().to_bytes()).into_owned();
        let json = serde_json::from_str(&body).unwrap_or(Value::Null);
        Reply { status: head.status, headers: head.headers, json, body }
    }
}

/// The manifest of a party with this one service, with a key that its client signs by; `more` is what it says of the service besides.
///
/// # Panics
/// When it is none.
#[must_use]
pub fn manifest_with(id: &ClientId, key: &PrivateKey, more: &Value) -> Manifest {
    let jwk = PublicJwk::signing(&key.public().unwrap(), JwsAlgorithm::ES256).unwrap();
    let mut manifest = manifest_of(id);
    manifest["credentials"] = json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": [jwk] } }]);
    for (name, value) in more.as_object().unwrap() {
        manifest["services"][0][name] = value.clone();
    }
    serde_json::from_value(manifest).unwrap()
}

/// The manifest of a party with this one service, which logs citizens in and has no key yet.
#[must_use]
pub fn manifest_of(id: &ClientId) -> Value {
    // A name of its own: the register refuses parties that look alike.
    let (party, service) = (&id.rp, &id.service);
    json!({
        "apiVersion": "iam/v1", "kind": "RelyingParty", "id": party,
        "organisation": { "en": format!("Office of {party}"), "zh-Hant": format!("{party}辦事處") },
        "sector": "government", "contact": { "name": "duty officer", "email": "duty@rp.example" },
        "services": [{
            "id": service, "name": { "en": format!("Service {service}"), "zh-Hant": format!("{service}服務") },
            "category": "other-public-services", "functions": ["authentication"], "redirectUris": [CALLBACK],
            "since": "2021-01-01"
        }]
    })
}

impl<'w> Client<'w> {
    /// Another secret of its own, made by the officer of relying parties.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn is_given_a_secret(&self) -> String {
        let add = AddCredential {
            rp: self.id.rp.clone(),
            jwks: None,
            jwks_url: None,
            certificate: None,
            secret_of: Some(self.id.service.clone()),
            label: None,
            not_after: None,
        };
        let added = self.world.first().call(&add).await.unwrap();
        added[0].secret.clone().unwrap()
    }

    /// Its party's manifest says something else of the service from now on; its key stays.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn is_described_anew(&self, more: &Value) {
        let manifest = manifest_with(&self.id, &self.key, more);
        self.world.first().call(&ApplyParties { manifests: vec![manifest] }).await.unwrap();
    }

    /// The world it is in.
    #[must_use]
    pub fn world(&self) -> &'w World {
        self.world
    }

    /// The claims of a good assertion.
    #[must_use]
    pub fn claims(&self) -> Value {
        let now = self.world.clock.now().micros() / 1_000_000;
        let id = self.id.to_string();
        json!({ "iss": id, "sub": id, "aud": ISSUER, "iat": now, "exp": now + 60, "jti": fresh_jti() })
    }

    /// A good assertion, never used.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn assertion(&self) -> String {
        let (client, jti, now) = (self.id.to_string(), fresh_jti(), self.world.clock.now());
        let terms = AssertionTerms { client: &client, audience: ISSUER, jti: &jti, now, life: Duration::from_mins(1) };
        self.signer.assert(&terms).unwrap()
    }

    /// A proof of possession for a request, never used.
    ///
    /// # Panics
    /// When it cannot be signed.
    #[must_use]
    pub fn proof(&self, method: &str, path: &str, access_token: Option<&str>) -> String {
        let (address, jti) = (format!("{ISSUER}{path}"), fresh_jti());
        let terms = ProofTerms { method, address: &address, jti: &jti, now: self.world.clock.now(), access_token, body: None };
        self.prover.prove(&terms).unwrap()
    }

    /// What it says with each request to say who it is: an assertion, or its secret where it has one.
    #[must_use]
    pub fn credentials(&self) -> Vec<(&'static str, String)> {
        let id = ("client_id", self.id.to_string());
        match &self.secret {
            Some(secret) => vec![id, ("client_secret", secret.clone())],
            None => {
                vec![id, ("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", self.assertion())]
            }
        }
    }

    /// The parameters of an authorization request, all of them good.
    #[must_use]
    pub fn authorization(&self) -> Vec<(&'static str, String)> {
        vec![
            ("client_id", self.id.to_string()),
            ("response_type", "code".to_owned()),
            ("redirect_uri", CALLBACK.to_owned()),
            ("scope", "openid".to_owned()),
            ("state", "a-state".to_owned()),
            ("nonce", "a-nonce".to_owned()),
            ("code_challenge", challenge()),
            ("code_challenge_method", "S256".to_owned()),
        ]
    }

    /// Posts a form as it is: whoever sends it has put everything into it.
    ///
    /// # Panics
    /// When a header is none.
    pub async fn sends(&self, path: &str, form: &[(&str, String)], headers: &[(&str, &str)]) -> Reply {
        let body = Serializer::new(String::new()).extend_pairs(form).finish();
        self.posts(path, &body, headers).await
    }

    /// The same of a body of any kind, as a form.
    ///
    /// # Panics
    /// When a header is none.
    pub async fn posts(&self, path: &str, body: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::post(path).extension(self.peer.clone());
        if headers.iter().all(|(name, _)| *name != "content-type") {
            request = request.header("content-type", "application/x-www-form-urlencoded");
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.public(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    /// Posts a form with what says who it is, and nothing else.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub async fn asks(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let form: Vec<(&str, String)> = form.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        self.sends(path, &[self.credentials(), form].concat(), &[]).await
    }

    /// The same with a proof of possession.
    ///
    /// # Panics
    /// When it cannot be signed.
    pub async fn asks_with_proof(&self, path: &str, form: &[(&str, &str)]) -> Reply {
        let form: Vec<(&str, String)> = form.iter().map(|(name, value)| (*name, (*value).to_owned())).collect();
        let proof = self.proof("POST", path, None);
        self.sends(path, &[self.credentials(), form].concat(), &[("DPoP", &proof)]).await
    }

    /// Fetches something.
    ///
    /// # Panics
    /// When a header is none.
    pub async fn fetches(&self, path: &str, headers: &[(&str, &str)]) -> Reply {
        let mut request = Request::builder().method(Method::GET).uri(path).extension(self.peer.clone());
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        self.world.public(request.body(Body::empty()).unwrap()).await
    }

    /// Pushes an authorization request, some of its parameters others.
    pub async fn pushes(&self, more: &[(&'static str, &str)]) -> Reply {
        let asked = with(&self.authorization(), more);
        let form: Vec<(&str, &str)> =
            asked.iter().filter(|(name, _)| *name != "client_id").map(|(name, value)| (*name, value.as_str())).collect();
        self.asks("/oauth2/par", &form).await
    }

    /// A request_uri of its own.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn request_uri(&self) -> String {
        let reply = self.pushes(&[]).await;
        assert_eq!(reply.status, 201, "{}", reply.body);
        reply.text("request_uri").to_owned()
    }

    /// The header of HTTP Basic.
    #[must_use]
    pub fn basic(&self, secret: &str) -> String {
        format!("Basic {}", BASE64_STANDARD.encode(format!("{}:{secret}", self.id)))
    }
}
