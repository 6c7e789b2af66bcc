//! A citizen's phone and the stations where they register, at the public listener's router in process.

use api::Problem;
use api::app::registration::{BindDevice, Bound, Card, DEVICE, Photo, REGISTRATIONS, Register, Registering};
use api::registration::{AddStation, AddedStation};
use axum::body::Body;
use domain::{Channel, Clock, Day, Hkic, LocationId, PersonName, Phone, RegistrationId, Sex, Tier};
use http::{Method, Request};
use http_body_util::BodyExt;
use pki::jws::{ProofSigner, ProofTerms};
use pki::{Certificate, JwsAlgorithm, KeyKind, PrivateKey, make_csr};
use serde::Serialize;
use serde::de::DeserializeOwned;
use server::http::accept::Peer;
use tower::ServiceExt;

use super::World;
use super::citizen::Citizen;
use super::desk::peer_of;

/// A phone with the key of its app and that of its signatures.
#[derive(Debug)]
pub struct Handset<'w> {
    world: &'w World,
    signer: ProofSigner,
    /// The key that signs documents.
    pub signing_key: PrivateKey,
}

/// A station in service.
#[derive(Debug)]
pub struct Station<'w> {
    world: &'w World,
    channel: Channel,
    /// What the office was told of it.
    pub added: AddedStation,
    peer: Peer,
}

/// A person with a card, as a station or a phone sees them.
#[derive(Debug, Clone)]
pub struct Person {
    /// What the card says.
    pub card: Card,
    /// The phone.
    pub phone: Phone,
}

impl Person {
    /// What is asked for them through a channel: with the photos that it takes.
    #[must_use]
    pub fn asks(&self, channel: Channel, tier: Tier) -> Register {
        let photo = |what: &str| Some(Photo::new(format!("photo of {what}").into_bytes()));
        let remote = channel == Channel::Remote;
        Register {
            channel,
            tier,
            card: self.card.clone(),
            phone: self.phone.clone(),
            card_photo: if remote { photo("a card") } else { None },
            selfie: if remote || channel == Channel::Kiosk { photo("a person") } else { None },
            device_name: remote.then(|| "a phone".to_owned()),
        }
    }
}

impl Citizen<'_> {
    /// The citizen with their card.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn person(&self) -> Person {
        let registration = self.registration(Channel::Remote, None);
        let Hk { hkic, name, sex, birth_date, card_issued } = Hk::of(registration);
        Person { card: Card { hkic, name, sex, birth_date, card_issued }, phone: self.phone.clone() }
    }
}

struct Hk {
    hkic: Hkic,
    name: PersonName,
    sex: Option<Sex>,
    birth_date: Day,
    card_issued: Option<Day>,
}

impl Hk {
    fn of(registration: api::account::Registration) -> Self {
        let api::account::Registration { hkic, name, sex, birth_date, card_issued, .. } = registration;
        Self { hkic, name, sex, birth_date, card_issued }
    }
}

impl World {
    /// A phone that nobody has registered with yet.
    ///
    /// # Panics
    /// When OpenSSL fails.
    #[must_use]
    pub fn handset(&self) -> Handset<'_> {
        let signer = ProofSigner::new(PrivateKey::generate(KeyKind::P256).unwrap().into(), JwsAlgorithm::ES256).unwrap();
        Handset { world: self, signer, signing_key: PrivateKey::generate(KeyKind::P256).unwrap() }
    }

    /// Puts a station into service.
    ///
    /// # Panics
    /// When the server refuses.
    pub async fn station(&self, id: &str, channel: Channel, location: &str) -> Station<'_> {
        let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whatever").unwrap();
        let location: LocationId = location.parse().unwrap();
        let add = AddStation { station: id.parse().unwrap(), channel, location, csr, validity: None };
        let added = self.first().call(&add).await.unwrap();
        let certificate = Certificate::from_pem(added.pem.as_ref().unwrap().as_bytes()).unwrap();
        Station { world: self, channel, peer: peer_of(&certificate), added }
    }

    /// Puts a request to the public listener's router.
    ///
    /// # Errors
    /// The problem that was answered.
    ///
    /// # Panics
    /// When the answer is neither a reply nor a problem.
    pub async fn apps<R: DeserializeOwned>(&self, request: Request<Body>) -> Result<R, Problem> {
        let response = self.public.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        let text = || String::from_utf8_lossy(&bytes).into_owned();
        if head.status.is_success() {
            return Ok(serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {}", text())));
        }
        let mut problem: Problem = serde_json::from_slice(&bytes).unwrap_or_else(|error| panic!("{error}: {}", text()));
        problem.status = head.status.as_u16();
        Err(problem)
    }
}

impl Station<'_> {
    /// What the station asks for a person.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn registers(&self, person: &Person, tier: Tier) -> Result<Registering, Problem> {
        self.sends(&person.asks(self.channel, tier)).await
    }

    /// The same, said in other words.
    ///
    /// # Errors
    /// The problem that was answered.
    ///
    /// # Panics
    /// Never.
    pub async fn sends(&self, register: &Register) -> Result<Registering, Problem> {
        let body = serde_json::to_vec(register).unwrap();
        let request = Request::post(REGISTRATIONS).extension(self.peer.clone()).body(Body::from(body)).unwrap();
        self.world.apps(request).await
    }

    /// What it shows of itself.
    #[must_use]
    pub fn peer(&self) -> Peer {
        self.peer.clone()
    }
}

impl Handset<'_> {
    /// The thumbprint of the app's key.
    #[must_use]
    pub fn thumbprint(&self) -> &str {
        self.signer.thumbprint()
    }

    /// A request of this phone, signed.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub fn signed(&self, method: Method, path: &str, body: &impl Serialize) -> Request<Body> {
        let body = serde_json::to_vec(body).unwrap();
        let jti = uuid::Uuid::from_bytes(super::random()).to_string();
        let terms = ProofTerms {
            method: method.as_str(),
            address: &format!("{}{path}", self.world.app.issuer_url),
            jti: &jti,
            now: self.world.clock.now(),
            access_token: None,
            body: Some(&body),
        };
        let proof = self.signer.prove(&terms).unwrap();
        let request = Request::builder().method(method).uri(path).header(api::app::PROOF, proof);
        request.extension(Peer(None)).body(Body::from(body)).unwrap()
    }

    /// Registers a person with this phone alone.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn registers(&self, person: &Person) -> Result<Registering, Problem> {
        let request = self.signed(Method::POST, REGISTRATIONS, &person.asks(Channel::Remote, Tier::IamSmart));
        self.world.apps(request).await
    }

    /// Binds this phone by the code that a station shows, for `iam-smart`.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn binds(&self, registering: &Registering) -> Result<Bound, Problem> {
        self.sends(registering.registration, &self.binding(registering)).await
    }

    /// The same for `iam-smart-plus`, with the request of the signing key.
    ///
    /// # Errors
    /// The problem that was answered.
    ///
    /// # Panics
    /// When OpenSSL fails.
    pub async fn binds_plus(&self, registering: &Registering) -> Result<Bound, Problem> {
        let csr = Some(make_csr(&self.signing_key, "whoever").unwrap());
        self.sends(registering.registration, &BindDevice { csr, ..self.binding(registering) }).await
    }

    /// What the phone says to bind itself, without a request of a signing key.
    #[must_use]
    pub fn binding(&self, registering: &Registering) -> BindDevice {
        BindDevice { code: registering.code.clone().unwrap_or_default(), device_name: "a phone".to_owned(), csr: None }
    }

    /// Sends that.
    ///
    /// # Errors
    /// The problem that was answered.
    pub async fn sends(&self, registration: RegistrationId, binding: &BindDevice) -> Result<Bound, Problem> {
        let path = DEVICE.replace("{registration}", &registration.to_string());
        self.world.apps(self.signed(Method::POST, &path, binding)).await
    }
}
