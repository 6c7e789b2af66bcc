//! An OpenID client of somebody else's making verifies our tokens all the while that keys rotate.

use std::sync::Arc;
use std::time::Duration;

use api::Role;
use api::key::{ListKeys, RotateKey};
use axum::body::Body;
use domain::{ActivateAt, Clock, KeyAlgorithm, KeyPurpose, KeyState, Timestamp};
use http::Request;
use http_body_util::BodyExt;
use openidconnect::core::{CoreIdToken, CoreIdTokenVerifier, CoreJsonWebKeySet, CoreJwsSigningAlgorithm};
use openidconnect::{ClientId, IssuerUrl, Nonce};
use pki::{JwsAlgorithm, TokenType};
use server::key::sightings::write_down;
use server::key::sign::sign_token;
use server::key::steps::take_due;
use tests::{World, both_engines};
use tower::ServiceExt;

use super::party_keys::fresh_key;
use super::relying_parties::{apply, edited};

const ISSUER: &str = "https://iam.example";
const CLIENT: &str = "drill-office.enquiry";
/// As the answer's `Cache-Control` allows, to the last second.
const KEPT: Duration = Duration::from_mins(5);
/// The longest that a token lives.
const LIFE: Duration = Duration::from_mins(5);
const STEP: Duration = Duration::from_secs(150);

/// A client that keeps the key set for as long as it may, and does not ask again for a key that it does not know.
struct Client<'w> {
    world: &'w World,
    keys: CoreJsonWebKeySet,
    fetched_at: Timestamp,
}

impl<'w> Client<'w> {
    async fn new(world: &'w World) -> Self {
        Self { world, keys: fetch(world).await, fetched_at: world.clock.now() }
    }

    async fn verifies(&mut self, token: &str) -> Result<(), String> {
        if self.world.clock.now().saturating_since(self.fetched_at) >= KEPT {
            (self.keys, self.fetched_at) = (fetch(self.world).await, self.world.clock.now());
        }
        let issuer = IssuerUrl::new(ISSUER.to_owned()).unwrap();
        let verifier = CoreIdTokenVerifier::new_public_client(ClientId::new(CLIENT.to_owned()), issuer, self.keys.clone())
            .set_allowed_algs([CoreJwsSigningAlgorithm::EcdsaP256Sha256, CoreJwsSigningAlgorithm::RsaSsaPssSha256]);
        let token: CoreIdToken = token.parse().map_err(|error| format!("{error}"))?;
        token.claims(&verifier, &Nonce::new("n".to_owned())).map(drop).map_err(|error| format!("{error:?}"))
    }
}

async fn fetch(world: &World) -> CoreJsonWebKeySet {
    let router = server::http::public::router(Arc::clone(&world.app));
    let request = Request::get(format!("/oauth2/jwks/{CLIENT}")).body(Body::empty()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    assert_eq!(answer.headers()["cache-control"], format!("max-age={}", KEPT.as_secs()));
    serde_json::from_slice(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap()
}

/// An ID token as the outside client wants it. It holds dates against the system's clock, so they lie far apart.
async fn id_token(world: &World, algorithm: JwsAlgorithm) -> String {
    let claims =
        format!(r#"{{"iss":"{ISSUER}","sub":"somebody","aud":"{CLIENT}","nonce":"n","iat":1600000000,"exp":4102444800}}"#);
    sign_token(&world.app, algorithm, TokenType::Jwt, claims.as_bytes()).await.unwrap()
}

async fn onboard(world: &World) {
    let party = edited(&tests::fixtures::made_up("drill-office", "Drill Office", "演習處"), |manifest| {
        manifest["credentials"] = serde_json::json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": [fresh_key()] } }]);
    });
    apply(&world.first(), &[party]).await.unwrap();
}

both_engines! {
    async fn through_fifty_rotations_an_outside_client_never_fails(world: &World) {
        onboard(world).await;
        let officers =
            [world.operator("key-officer-1", &[Role::KeyOfficer]).await, world.operator("key-officer-2", &[Role::KeyOfficer]).await];
        let mut client = Client::new(world).await;
        let mut living: Vec<(Timestamp, String)> = Vec::new();
        let (mut verified, mut failures) = (0, Vec::new());
        for rotation in 0..50 {
            // Of both algorithms now and then: an RSA key takes its time.
            let algorithm = (rotation % 10 != 0).then_some(KeyAlgorithm::Es256);
            let op = RotateKey { algorithm, ..RotateKey::of(KeyPurpose::TokenSigning) };
            let winners = if rotation % 3 == 0 {
                let (one, other) = tokio::join!(officers[0].call(&op), officers[1].call(&op));
                for answer in [&one, &other] {
                    assert!(answer.as_ref().err().is_none_or(|problem| problem.code == "key.rotation-in-progress"), "{answer:?}");
                }
                [one, other].iter().filter(|answer| answer.is_ok()).count()
            } else {
                usize::from(officers[rotation % 2].call(&op).await.is_ok())
            };
            assert_eq!(winners, 1, "rotation {rotation}");
            for step in 0..5 {
                let now = world.clock.now();
                living.retain(|(at, _)| now.saturating_since(*at) < LIFE);
                living.push((now, id_token(world, JwsAlgorithm::ES256).await));
                if step == 0 {
                    living.push((now, id_token(world, JwsAlgorithm::PS256).await));
                }
                for (at, token) in &living {
                    verified += 1;
                    if let Err(error) = client.verifies(token).await {
                        failures.push(format!("rotation {rotation}, step {step}, signed at {at}, shown at {now}: {error}"));
                    }
                }
                world.clock.advance(STEP);
                write_down(&world.app).await.unwrap();
                take_due(&world.app).await.unwrap();
            }
        }
        assert!(failures.is_empty(), "{} of {verified}: {failures:#?}", failures.len());
        assert!(verified > 500);
        let done = world.number("SELECT COUNT(*) FROM key_plan WHERE activated_at IS NOT NULL").await;
        assert_eq!(done, 50, "none of them was held: the client fetches at its own address");
        let keys = world.first().call(&ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() }).await.unwrap();
        let active = keys.items.iter().filter(|key| key.state == KeyState::Active && key.algorithm == KeyAlgorithm::Es256);
        assert_eq!(active.count(), 1);
    }

    async fn the_outside_client_is_no_yes_man(world: &World) {
        onboard(world).await;
        let mut client = Client::new(world).await;
        let token = id_token(world, JwsAlgorithm::ES256).await;
        client.verifies(&token).await.unwrap();
        // A key that takes over without having been published is one that it does not know: what the publish interval is for.
        let word = Some("shown what happens then".to_owned());
        let op = RotateKey { activate: ActivateAt::Now, override_reason: word, algorithm: Some(KeyAlgorithm::Es256), ..RotateKey::of(KeyPurpose::TokenSigning) };
        world.first().call(&op).await.unwrap();
        let unknown = id_token(world, JwsAlgorithm::ES256).await;
        client.verifies(&unknown).await.unwrap_err();
        world.clock.advance(KEPT);
        client.verifies(&unknown).await.unwrap();
        let (head, tail) = token.split_at(token.len() - 8);
        let changed = format!("{head}{}", tail.chars().map(|c| if c == 'A' { 'B' } else { 'A' }).collect::<String>());
        client.verifies(&changed).await.unwrap_err();
    }
}
