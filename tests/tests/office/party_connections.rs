//! Relying parties come with their certificates: who gets through, what that is worth a moment later, and what is remembered of it.

use std::sync::Arc;
use std::time::Duration;

use api::certificate::{IssueCertificate, IssuedCertificate, RevokeCertificate};
use api::credential::CredentialView;
use api::relying_party::ApplyParties;
use api::rotation::{CredentialSeen, PartyReadiness, PlanRotation};
use axum::body::Body;
use domain::{ActivateAt, Attribution, Clock, KeyPurpose, RevocationReason};
use http::{Method, Request, StatusCode};
use pki::{AuthorityPurpose, Certificate, KeyKind, PrivateKey, make_csr};
use server::certificate::issue::active_authority;
use server::http::accept::Peer;
use server::key::sightings::write_down;
use tests::world::desk::peer_of;
use tests::world::s_client::Outsider;
use tests::{World, both_engines, fixtures};
use tower::ServiceExt;

use super::party_credentials::credentials;

const PARTY: &str = "inland-revenue-department";
const CLIENT: &str = "inland-revenue-department.etax";
const ANOTHER: &str = "immigration-department";

/// Two parties, and a certificate of the first one's.
async fn onboarded(world: &World) -> (IssuedCertificate, PrivateKey) {
    let manifests = vec![fixtures::party(PARTY), fixtures::party(ANOTHER)];
    world.first().call(&ApplyParties { manifests }).await.unwrap();
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let csr = make_csr(&key, "whoever").unwrap();
    let issued = world.first().call(&IssueCertificate { rp: PARTY.parse().unwrap(), csr, validity: None }).await.unwrap();
    (issued, key)
}

/// Somebody at the party, with its certificate.
fn system(world: &World, issued: &IssuedCertificate, key: &PrivateKey) -> Outsider {
    let chain: String = issued.pem.iter().chain(&issued.chain).map(String::as_str).collect();
    world.outsider_with(&chain, &pki::envelope::private_key_to_pem(key).unwrap())
}

pub(super) fn peer(issued: &IssuedCertificate) -> Peer {
    peer_of(&Certificate::from_pem(issued.pem.as_ref().unwrap().as_bytes()).unwrap())
}

/// What the public listener answers to whoever came with that.
pub(super) async fn asks(world: &World, method: Method, path: &str, peer: Peer) -> StatusCode {
    let request = Request::builder().method(method).uri(path).extension(peer).body(Body::empty()).unwrap();
    server::http::public::router(Arc::clone(&world.app)).oneshot(request).await.unwrap().status()
}

/// What the ledger says of a party, once everything that was seen is written down.
async fn ledger(world: &World, rp: &str) -> PartyReadiness {
    write_down(&world.app).await.unwrap();
    let purpose = KeyPurpose::TokenSigning;
    let plan = PlanRotation { purpose, name: None, algorithm: None, activate: ActivateAt::AfterPublish };
    let plan = world.first().call(&plan).await.unwrap();
    plan.ledger.into_iter().find(|party| party.rp.as_str() == rp).unwrap()
}

/// The credential that a certificate is.
async fn credential(world: &World, issued: &IssuedCertificate) -> CredentialView {
    let serial = issued.certificate.serial.to_string();
    let all = credentials(world, PARTY).await;
    all.into_iter().find(|it| it.serial.as_ref() == Some(&serial)).unwrap()
}

/// The refusal of a certificate, once the listener has written it down.
async fn turned_away(world: &World, peer: &Peer) -> serde_json::Value {
    let shown = server::keys::hex(&peer.0.as_ref().unwrap().fingerprint);
    loop {
        if let Some(leaf) = world.leaves().await.into_iter().find(|leaf| leaf["subject"] == shown) {
            return leaf;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

both_engines! {
    async fn a_fetch_with_a_certificate_is_its_partys_and_uses_its_credential(world: &World) {
        let (issued, _) = onboarded(world).await;
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", Peer(None)).await, 200);
        assert_eq!(asks(world, Method::HEAD, "/oauth2/jwks", peer(&issued)).await, 200);
        let before = ledger(world, PARTY).await;
        assert_eq!(before.seen, None, "a stranger is nobody, and a HEAD shows nobody a key");
        assert_eq!(credential(world, &issued).await.last_used_at, None);

        world.clock.advance(Duration::from_hours(1));
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", peer(&issued)).await, 200);
        let after = ledger(world, PARTY).await;
        let (seen, now) = (after.seen.unwrap(), world.clock.now());
        assert_eq!((seen.how, seen.client.as_deref(), seen.at, seen.kids.len()), (Attribution::Certificate, None, now, 2));
        let used = CredentialSeen {
            credential: credential(world, &issued).await.id,
            kind: "certificate".to_owned(),
            last_used_at: Some(now),
        };
        assert_eq!(after.credential, Some(used));
        assert_eq!(ledger(world, ANOTHER).await.seen, None);
    }

    async fn at_a_clients_address_a_certificate_of_another_party_speaks_for_itself(world: &World) {
        let (issued, _) = onboarded(world).await;
        assert_eq!(asks(world, Method::GET, &format!("/oauth2/jwks/{CLIENT}"), peer(&issued)).await, 200);
        let seen = ledger(world, PARTY).await.seen.unwrap();
        assert_eq!(seen.at, world.clock.now());
        world.clock.advance(Duration::from_hours(1));
        let address = format!("/oauth2/jwks/{ANOTHER}.{}", fixtures::party(ANOTHER).services[0].id);
        assert_eq!(asks(world, Method::GET, &address, peer(&issued)).await, 200);
        assert_eq!(ledger(world, ANOTHER).await.seen, None, "it was not that party that fetched it");
        assert_eq!(ledger(world, PARTY).await.seen.unwrap().at, world.clock.now());
        assert_eq!(asks(world, Method::GET, &address, Peer(None)).await, 200);
        assert_eq!(ledger(world, ANOTHER).await.seen.unwrap().how, Attribution::OwnAddress);
    }

    async fn a_certificate_that_is_not_good_any_more_is_worth_nothing_from_that_moment(world: &World) {
        let (issued, _) = onboarded(world).await;
        let fetch = async || asks(world, Method::GET, "/oauth2/jwks", peer(&issued)).await;
        assert_eq!(fetch().await, 200);
        assert!(ledger(world, PARTY).await.seen.is_some());
        let revoke = RevokeCertificate { serial: issued.certificate.serial.clone(), reason: RevocationReason::KeyCompromise };
        world.first().call(&revoke).await.unwrap();
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(fetch().await, 401);
        let leaf = turned_away(world, &peer(&issued)).await;
        assert_eq!((leaf["action"].as_str(), leaf["outcome"].as_str()), (Some("rp.connect"), Some("refused")));
        assert_eq!(leaf["facts"]["code"], "auth.certificate-revoked");
        // Clients know errors in their own form alone.
        let request = Request::post("/oauth2/token").extension(peer(&issued)).body(Body::empty()).unwrap();
        let told = world.public(request).await;
        assert_eq!(told.error(), (401, "invalid_client"), "{}", told.body);
        assert_eq!(told.text("error_description"), "this certificate has been revoked");
        assert_eq!(asks(world, Method::GET, "/livez", peer(&issued)).await, 200, "a sign of life asks nobody who they are");
        assert_eq!(ledger(world, PARTY).await.seen, None, "nobody comes with it again, and what they saw with it waits for nobody");
    }

    async fn what_our_authority_has_signed_and_nobody_has_on_record_is_turned_away(world: &World) {
        onboarded(world).await;
        let mut read = world.app.store.read().await.unwrap();
        let authority = active_authority(&world.app, &mut read, AuthorityPurpose::RelyingParties).await.unwrap();
        drop(read);
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let planned = authority.plan_relying_party(PARTY, &key.public().unwrap(), None, world.clock.now()).unwrap();
        let peer = peer_of(&authority.sign(&planned).unwrap());
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", peer.clone()).await, 401);
        assert_eq!(turned_away(world, &peer).await["facts"]["code"], "auth.certificate-unknown");
        assert_eq!(ledger(world, PARTY).await.seen, None);
    }

    async fn a_certificate_that_has_ended_revives_with_no_clock_that_is_turned_back(world: &World) {
        let (issued, _) = onboarded(world).await;
        let ends = peer(&issued).0.unwrap().not_after;
        world.clock.set(ends);
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", peer(&issued)).await, 200, "its last moment");
        world.clock.advance(Duration::from_micros(1));
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", peer(&issued)).await, 401);
        world.seal().await;
        world.clock.set(ends.minus(Duration::from_hours(1)));
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", peer(&issued)).await, 401);
    }
}

both_engines! {
    from Setup::today();

    async fn the_public_listener_takes_a_partys_certificate_and_whoever_has_none(world: &World) {
        let (issued, key) = onboarded(world).await;
        let party = system(world, &issued, &key);
        let node = world.serves().await;
        for version in ["-tls1_2", "-tls1_3"] {
            for (who, somebody) in [("a party", &party), ("a stranger", &world.outsider())] {
                let answer = somebody.gets(node.addresses.public, "/oauth2/jwks", &[version]).await;
                assert!(answer.starts_with("HTTP/1.1 200"), "{who} {version}: {answer}");
            }
        }
        node.stops().await;
        assert_eq!(ledger(world, PARTY).await.seen.unwrap().how, Attribution::Certificate);
        assert!(credential(world, &issued).await.last_used_at.is_some());
    }

    async fn an_operators_certificate_is_refused_there_and_a_partys_where_operators_come(world: &World) {
        let (issued, key) = onboarded(world).await;
        let node = world.serves().await;
        let badge = world.badge("first-operator");
        let operator = world.outsider_with(&badge.chain, &badge.key);
        let party = system(world, &issued, &key);
        for (somebody, peer, address, action) in [
            (&operator, badge.peer, node.addresses.public, "rp.connect"),
            (&party, peer(&issued), node.addresses.admin, "operator.connect"),
        ] {
            let answer = somebody.gets(address, "/oauth2/jwks", &[]).await;
            assert_eq!(answer, "", "{action}");
            let leaf = turned_away(world, &peer).await;
            assert_eq!((leaf["action"].as_str(), leaf["outcome"].as_str()), (Some(action), Some("refused")));
            assert_eq!(leaf["facts"]["code"], "tls.certificate-foreign");
        }
        node.stops().await;
    }

    async fn a_connection_that_stands_is_turned_away_once_its_certificate_is_revoked(world: &World) {
        let (issued, key) = onboarded(world).await;
        let party = system(world, &issued, &key);
        let node = world.serves().await;
        let (standing, answer) = party.opens(node.addresses.public).gets("/oauth2/jwks", "]}").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        let revoke = RevokeCertificate { serial: issued.certificate.serial.clone(), reason: RevocationReason::Superseded };
        world.first().call(&revoke).await.unwrap();
        let (_, answer) = standing.gets("/oauth2/jwks", "}").await;
        assert!(answer.starts_with("HTTP/1.1 401") && answer.contains("auth.certificate-revoked"), "{answer}");
        let again = party.gets(node.addresses.public, "/oauth2/jwks", &[]).await;
        assert!(again.starts_with("HTTP/1.1 401"), "{again}");
        node.stops().await;
    }

    async fn one_that_has_ended_fails_the_handshake(world: &World) {
        let (issued, key) = onboarded(world).await;
        let party = system(world, &issued, &key);
        let node = world.serves().await;
        world.clock.set(peer(&issued).0.unwrap().not_after.plus(Duration::from_secs(1)));
        assert_eq!(party.gets(node.addresses.public, "/oauth2/jwks", &[]).await, "");
        assert_eq!(turned_away(world, &peer(&issued)).await["facts"]["code"], "tls.certificate-expired");
        node.stops().await;
    }
}
