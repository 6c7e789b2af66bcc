//! A citizen's app: its requests to the public router in process, signed by the key of its device.

use std::sync::Arc;

use api::app::own::{self, Consent, LoginHint, OwnSuspension, SuspendOwn, Use, Withdrawn};
use api::app::request::{self, AppRequest, Approval, Decided, Refuse, TakeUp};
use api::{Page, Problem};
use axum::body::Body;
use domain::{AccountId, CitizenRequestId, Claim, Clock, Timestamp};
use http::{Method, Request};
use pki::jws::{ProofSigner, ProofTerms};
use pki::{JwsAlgorithm, KeyKind, PrivateKey};
use serde::Serialize;
use serde::de::DeserializeOwned;
use server::http::accept::Peer;
use server::store::Housekeeping;

use super::World;
use super::citizen::Registered;
use super::desk::{Answer, exchange, fresh_key};

/// The app on a phone.
#[derive(Debug)]
pub struct Phone<'w> {
    world: &'w World,
    /// Whose it is.
    pub account: AccountId,
    signer: ProofSigner,
}

/// What a proof says; made by [`Phone::proof`] and bent by tests.
#[derive(Debug, Clone)]
pub struct Says {
    /// Method.
    pub method: Method,
    /// Path, without the address of the instance.
    pub path: String,
    /// The body that it is over.
    pub body: Option<Vec<u8>>,
    /// Its id.
    pub jti: String,
    /// When it was made.
    pub at: Timestamp,
}

impl Registered {
    /// The phone that is bound to this account now; one that was before is not any more.
    ///
    /// # Panics
    /// When the key cannot be bound.
    pub async fn phone<'w>(&self, world: &'w World) -> Phone<'w> {
        let phone = Phone::unbound(world, self.account);
        let mut tx = world.app.store.write().await.unwrap();
        let stored = tx.account(self.account).await.unwrap().unwrap();
        tx.end_devices(self.account, world.clock.now()).await.unwrap();
        tx.insert_device(stored.id, phone.signer.thumbprint(), "{}", world.clock.now()).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        phone
    }
}

impl<'w> Phone<'w> {
    /// A phone with a key that was never bound.
    ///
    /// # Panics
    /// When there is no chance.
    #[must_use]
    pub fn unbound(world: &'w World, account: AccountId) -> Self {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        Self { world, account, signer: ProofSigner::new(Arc::new(key), JwsAlgorithm::ES256).unwrap() }
    }

    /// The thumbprint of its key.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.signer.thumbprint()
    }

    /// What a proof of such a request says.
    #[must_use]
    pub fn says(&self, method: Method, path: &str, body: Option<Vec<u8>>) -> Says {
        Says { method, path: path.to_owned(), body, jti: fresh_key(), at: self.world.clock.now() }
    }

    /// A proof.
    ///
    /// # Panics
    /// When it cannot be made.
    #[must_use]
    pub fn proof(&self, says: &Says) -> String {
        let address = format!("{}{}", self.world.app.issuer_url, says.path.split('?').next().unwrap());
        let terms = ProofTerms {
            method: says.method.as_str(),
            address: &address,
            jti: &says.jti,
            now: says.at,
            access_token: None,
            body: says.body.as_deref(),
        };
        self.signer.prove(&terms).unwrap()
    }

    /// Sends a request with that proof.
    ///
    /// # Panics
    /// When the answer is neither a reply nor a problem.
    pub async fn send<R: DeserializeOwned>(&self, method: Method, path: &str, body: Vec<u8>, proof: &str) -> Answer<R> {
        let request = Request::builder().method(method).uri(path).header(api::app::PROOF, proof).extension(Peer(None));
        exchange(&self.world.public, request.body(Body::from(body)).unwrap()).await
    }

    /// Asks for something.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn get<R: DeserializeOwned>(&self, path: &str) -> Result<R, Problem> {
        let says = self.says(Method::GET, path, None);
        self.send(Method::GET, path, Vec::new(), &self.proof(&says)).await.reply
    }

    /// Has something done.
    ///
    /// # Errors
    /// The problem that the server answered.
    ///
    /// # Panics
    /// When the body cannot be written.
    pub async fn post<B: Serialize, R: DeserializeOwned>(&self, path: &str, body: &B) -> Result<R, Problem> {
        let body = serde_json::to_vec(body).unwrap();
        let says = self.says(Method::POST, path, Some(body.clone()));
        self.send(Method::POST, path, body, &self.proof(&says)).await.reply
    }

    /// What waits.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn requests(&self) -> Result<Vec<AppRequest>, Problem> {
        self.get(request::REQUESTS).await
    }

    /// Takes up what a screen shows.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn takes_up(&self, shown: impl ToString) -> Result<AppRequest, Problem> {
        self.post(request::CLAIM, &TakeUp { shown: shown.to_string() }).await
    }

    /// Says yes, and releases these claims.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn approves(&self, id: CitizenRequestId, claims: &[Claim]) -> Result<Decided, Problem> {
        self.post(&request::APPROVE.replace("{request}", &id.to_string()), &Approval { claims: claims.to_vec() }).await
    }

    /// Says no.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn refuses(&self, id: CitizenRequestId) -> Result<Decided, Problem> {
        self.post(&request::REFUSE.replace("{request}", &id.to_string()), &Refuse {}).await
    }

    /// What became of the requests of the past.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn uses(&self) -> Result<Vec<Use>, Problem> {
        Ok(self.get::<Page<Use>>(own::USES).await?.items)
    }

    /// What services may know.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn consents(&self) -> Result<Vec<Consent>, Problem> {
        self.get(own::CONSENTS).await
    }

    /// Takes a consent back.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn withdraws(&self, client: &str) -> Result<Withdrawn, Problem> {
        let path = own::CONSENT.replace("{client}", client);
        let says = self.says(Method::DELETE, &path, None);
        self.send(Method::DELETE, &path, Vec::new(), &self.proof(&says)).await.reply
    }

    /// Stops the account.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn suspends(&self) -> Result<OwnSuspension, Problem> {
        self.post(own::SUSPEND, &SuspendOwn {}).await
    }

    /// A token by which a service can ask for this citizen.
    ///
    /// # Errors
    /// The problem that the server answered.
    pub async fn login_hint(&self) -> Result<LoginHint, Problem> {
        self.get(own::LOGIN_HINT).await
    }
}
