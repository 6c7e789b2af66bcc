//! A whole login: pushed, shown, approved in the app, redeemed, and the citizen's name read; seven requests.

use std::sync::Arc;
use std::time::Duration;

use api::app::PROOF;
use api::app::request::{APPROVE, CLAIM};
use bytes::Bytes;
use domain::Clock as _;
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use pki::jws::{AssertionTerms, ProofSigner, ProofTerms};
use serde_json::{Value, json};
use server::clock::SystemClock;
use tests::daemon::Running;
use tests::world::client::{ASSERTION_TYPE, CALLBACK, VERIFIER, challenge, fresh_jti};
use url::Url;

use super::load::{Asks, Kept, Seen, form, get, load};
use super::office::Office;

/// How a client logs citizens in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Profile {
    /// With a secret, tokens bound to nothing.
    Oidc,
    /// With signed assertions, tokens bound to a key.
    Fapi2,
}

/// Every citizen logs in again and again.
pub async fn logins(running: &Running, office: &Arc<Office>, profile: Profile, lasts: Duration) -> Seen {
    let mut all = Vec::new();
    for phone in &office.phones {
        // The service's own connection, and the one of the phone.
        let (site, app) = (Kept::to(running.public).await, Kept::to(running.public).await);
        all.push(Login { office: Arc::clone(office), phone: Arc::clone(phone), profile, site, app });
    }
    load(all, lasts, running.child.id()).await
}

struct Login {
    office: Arc<Office>,
    phone: Arc<ProofSigner>,
    profile: Profile,
    site: Kept,
    app: Kept,
}

impl Asks for Login {
    async fn once(&mut self) {
        let client = match self.profile {
            Profile::Oidc => self.office.plain.clone(),
            Profile::Fapi2 => self.office.bound.clone(),
        };
        let challenge = challenge();
        let asked = [
            ("response_type", "code"),
            ("redirect_uri", CALLBACK),
            ("scope", "openid profile"),
            ("state", "a-state"),
            ("nonce", "a-nonce"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        let pushed = self.posts("/oauth2/par", &asked, false).await;
        let pairs = [("client_id", client.as_str()), ("request_uri", pushed["request_uri"].as_str().unwrap())];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        let shown = self.site.reads(get(&format!("/oauth2/authorize?{query}"))).await;
        let taken = self.app_posts(CLAIM, &json!({ "shown": shown["app_link"] })).await;
        let approve = APPROVE.replace("{request}", taken["request"].as_str().unwrap());
        self.app_posts(&approve, &json!({ "claims": ["name"] })).await;
        let poll = Url::parse(shown["poll"].as_str().unwrap()).unwrap();
        let gone = self.site.reads(get(poll.path())).await;
        let redirect = Url::parse(gone["redirect"].as_str().unwrap()).unwrap();
        let code = redirect.query_pairs().find(|(name, _)| name == "code").unwrap().1.into_owned();
        let exchanged = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", CALLBACK),
            ("code_verifier", VERIFIER),
        ];
        let tokens = self.posts("/oauth2/token", &exchanged, self.profile == Profile::Fapi2).await;
        let read = self.userinfo(tokens["access_token"].as_str().unwrap()).await;
        assert!(read["name"].is_string(), "{read}");
    }
}

impl Login {
    /// Posts a form with what says who the client is.
    async fn posts(&mut self, path: &str, pairs: &[(&str, &str)], prove: bool) -> Value {
        let office = &self.office;
        let mut pairs = pairs.to_vec();
        let assertion;
        match self.profile {
            Profile::Oidc => pairs.extend([("client_id", office.plain.as_str()), ("client_secret", &office.secret)]),
            Profile::Fapi2 => {
                let (jti, now, life) = (fresh_jti(), SystemClock.now(), Duration::from_mins(1));
                let terms = AssertionTerms { client: &office.bound, audience: &office.issuer, jti: &jti, now, life };
                assertion = office.signer.assert(&terms).unwrap();
                pairs.extend([("client_assertion_type", ASSERTION_TYPE), ("client_assertion", &assertion)]);
            }
        }
        let mut request = form(path, &pairs);
        if prove {
            add_proof(&mut request, &office.prover, &office.issuer, None);
        }
        self.site.reads(request).await
    }

    async fn app_posts(&mut self, path: &str, body: &Value) -> Value {
        let body = Bytes::from(body.to_string());
        let request = Request::post(path).header(header::CONTENT_TYPE, "application/json");
        let mut request = request.body(Full::new(body.clone())).unwrap();
        let (jti, now, address) = (fresh_jti(), SystemClock.now(), format!("{}{path}", self.office.issuer));
        let terms =
            ProofTerms { method: "POST", address: &address, jti: &jti, now, access_token: None, body: Some(body.as_ref()) };
        let proof = self.phone.prove(&terms).unwrap();
        request.headers_mut().insert(PROOF, HeaderValue::from_str(&proof).unwrap());
        self.app.reads(request).await
    }

    async fn userinfo(&mut self, access_token: &str) -> Value {
        let mut request = get("/oauth2/userinfo");
        let scheme = match self.profile {
            Profile::Oidc => "Bearer",
            Profile::Fapi2 => {
                add_proof(&mut request, &self.office.prover, &self.office.issuer, Some(access_token));
                "DPoP"
            }
        };
        request.headers_mut().insert(header::AUTHORIZATION, format!("{scheme} {access_token}").parse().unwrap());
        self.site.reads(request).await
    }
}

fn add_proof(request: &mut Request<Full<Bytes>>, prover: &ProofSigner, issuer: &str, access_token: Option<&str>) {
    let (address, jti) = (format!("{issuer}{}", request.uri().path()), fresh_jti());
    let terms = ProofTerms {
        method: request.method().as_str(),
        address: &address,
        jti: &jti,
        now: SystemClock.now(),
        access_token,
        body: None,
    };
    let proof = prover.prove(&terms).unwrap();
    request.headers_mut().insert(PROOF, HeaderValue::from_str(&proof).unwrap());
}
