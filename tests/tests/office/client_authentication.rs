//! Clients say who they are: each in the one way of its manifest, by credentials that are good at that moment; and nobody hears
//! more than that they did not.

use std::time::Duration;

use api::Operation;
use api::certificate::IssueCertificate;
use api::credential::{AddCredential, CredentialView, ListCredentials, RevokeCredential};
use api::relying_party::{ResumeParty, SuspendParty};
use client::Tabular;
use domain::{CredentialType, RevocationReason};
use futures_util::future::join_all;
use pki::{Certificate, JwsAlgorithm, KeyKind, PrivateKey, TokenSigner, TokenType, make_csr};
use serde_json::{Value, json};
use server::http::accept::Peer;
use tests::world::client::{ASSERTION_TYPE, Client, Reply, VERIFIER, with};
use tests::world::desk::peer_of;
use tests::{World, both_engines};

const PAR: &str = "/oauth2/par";

/// Pushes a good request with these credentials.
async fn pushes_as(client: &Client<'_>, credentials: &[(&'static str, String)], headers: &[(&str, &str)]) -> Reply {
    let asked = with(&client.authorization(), &[("client_id", "")]);
    client.sends(PAR, &[credentials.to_vec(), asked].concat(), headers).await
}

/// The same with an assertion.
async fn asserts(client: &Client<'_>, assertion: &str) -> Reply {
    let shown = [("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", assertion.to_owned())];
    pushes_as(client, &shown, &[]).await
}

/// An assertion with one claim another.
fn with_claim(client: &Client<'_>, name: &str, value: Value) -> String {
    let mut claims = client.claims();
    claims[name] = value;
    client.signer.sign(TokenType::Jwt, claims.to_string().as_bytes()).unwrap()
}

async fn certified(world: &World, client: &mut Client<'_>) {
    let csr = make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "whoever").unwrap();
    let issued = world.first().call(&IssueCertificate { rp: client.id.rp.clone(), csr, validity: None }).await.unwrap();
    client.peer = peer_of(&Certificate::from_pem(issued.pem.unwrap().as_bytes()).unwrap());
}

both_engines! {
    async fn a_client_says_who_it_is_by_an_assertion_once(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let assertion = client.assertion();
        assert_eq!(asserts(&client, &assertion).await.status, 201);
        assert_eq!(asserts(&client, &assertion).await.error(), (401, "invalid_client"), "used before");
        // Whatever became of the first.
        let spent = client.assertion();
        let shown = [("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", spent.clone())];
        assert_eq!(client.sends(PAR, &shown, &[]).await.error(), (400, "invalid_request"));
        assert_eq!(asserts(&client, &spent).await.error(), (401, "invalid_client"));
        // 64 at once: one is the first.
        let assertion = client.assertion();
        let all = join_all((0..64).map(|_| asserts(&client, &assertion))).await;
        assert_eq!(all.iter().filter(|reply| reply.status == 201).count(), 1);
        world.clock.advance(Duration::from_secs(301));
        assert_eq!(asserts(&client, &client.assertion()).await.status, 201);
    }

    async fn an_assertion_that_is_not_the_clients_own_says_nothing(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let other = world.client("drill-shop.online", &json!({})).await;
        let now = client.claims()["iat"].as_i64().unwrap();
        let stranger = TokenSigner::new(PrivateKey::generate(KeyKind::P256).unwrap().into(), JwsAlgorithm::ES256).unwrap();
        for (what, assertion) in [
            ("aud", with_claim(&client, "aud", json!("https://evil.example"))),
            ("aud in a list", with_claim(&client, "aud", json!(["https://iam.example"]))),
            ("the endpoint", with_claim(&client, "aud", json!("https://iam.example/oauth2/token"))),
            ("iss", with_claim(&client, "iss", json!("drill-shop.online"))),
            ("sub", with_claim(&client, "sub", json!("drill-shop.online"))),
            ("no such client", with_claim(&client, "sub", json!("no-such-bank.online"))),
            ("no client", with_claim(&client, "sub", json!("'; --"))),
            ("exp", with_claim(&client, "exp", json!(now - 1))),
            ("exp too far", with_claim(&client, "exp", json!(now + 301))),
            ("nbf", with_claim(&client, "nbf", json!(now + 11))),
            ("iat", with_claim(&client, "iat", json!(now + 11))),
            ("no jti", with_claim(&client, "jti", json!(null))),
            ("a stranger's key", stranger.sign(TokenType::Jwt, client.claims().to_string().as_bytes()).unwrap()),
            ("another client's", other.signer.sign(TokenType::Jwt, client.claims().to_string().as_bytes()).unwrap()),
            ("another kind", client.signer.sign(TokenType::AccessToken, client.claims().to_string().as_bytes()).unwrap()),
            ("unsigned", "eyJhbGciOiJub25lIn0.eyJzdWIiOiJkcmlsbC1iYW5rLm9ubGluZSJ9.".to_owned()),
            ("nothing", "x".to_owned()),
        ] {
            let reply = asserts(&client, &assertion).await;
            assert!(matches!(reply.error(), (401, "invalid_client") | (429, "temporarily_unavailable")), "{what}: {}", reply.body);
            assert_eq!(reply.headers["cache-control"], "no-store");
        }
    }

    async fn a_client_of_plain_openid_connect_has_secrets_of_its_own(world: &World) {
        let client = world.plain_client("drill-bank.online").await;
        let other = world.plain_client("drill-shop.online").await;
        world.clock.advance(Duration::from_secs(1));
        let (one, two) = (client.secret.clone().unwrap(), client.is_given_a_secret().await);
        assert_eq!(one.len(), 43);
        let post = |secret: &str| [("client_id", client.id.to_string()), ("client_secret", secret.to_owned())];
        for secret in [&one, &two] {
            assert_eq!(pushes_as(&client, &post(secret), &[]).await.status, 201);
            let basic = client.basic(secret);
            assert_eq!(pushes_as(&client, &[], &[("authorization", &basic)]).await.status, 201);
        }
        for wrong in ["wrong", &one[1..], other.secret.as_deref().unwrap(), VERIFIER] {
            let reply = pushes_as(&client, &post(wrong), &[]).await;
            assert_eq!(reply.error(), (401, "invalid_client"));
            assert!(!reply.headers.contains_key("www-authenticate"));
            let reply = pushes_as(&client, &[], &[("authorization", &client.basic(wrong))]).await;
            assert_eq!(reply.error(), (401, "invalid_client"));
            assert!(reply.headers["www-authenticate"].to_str().unwrap().starts_with("Basic "));
        }
        // Its party's key is no way of this client.
        assert_eq!(asserts(&client, &client.assertion()).await.error(), (401, "invalid_client"));

        // Listed without the secret, revoked one by one, and neither the log nor the database has it.
        let list = ListCredentials { rp: Some(client.id.rp.clone()), ..ListCredentials::default() };
        let listed = world.first().call(&list).await.unwrap().items;
        let secrets: Vec<_> = listed.iter().filter(|it| it.kind == CredentialType::ClientSecret).collect();
        assert_eq!(secrets.len(), 2);
        assert_eq!(secrets[0].service.as_ref(), Some(&client.id.service));
        let kind = CredentialView::columns().iter().find(|column| column.id == "kind").unwrap();
        assert_eq!(((kind.people)(secrets[0]), (kind.raw)(secrets[0])), ("client-secret of online".into(), "client-secret".into()));
        assert!(!serde_json::to_string(&listed).unwrap().contains(&one));
        let revoke = RevokeCredential { credential: secrets[0].id, reason: RevocationReason::Superseded };
        world.first().call(&revoke).await.unwrap();
        assert_eq!(pushes_as(&client, &post(&one), &[]).await.error(), (401, "invalid_client"));
        assert_eq!(pushes_as(&client, &post(&two), &[]).await.status, 201);
        let leaves = serde_json::to_string(&world.leaves().await).unwrap();
        assert!(!leaves.contains(&one) && !leaves.contains(&two));

        // As it is kept for a repetition: null, with a word why.
        let add = AddCredential {
            rp: client.id.rp.clone(), jwks: None, jwks_url: None, certificate: None,
            secret_of: Some(client.id.service.clone()), label: None, not_after: None,
        };
        let kept = AddCredential::without_secrets(world.first().call(&add).await.unwrap());
        let kept = serde_json::to_value(&kept[0]).unwrap();
        assert_eq!(kept.get("secret"), Some(&json!(null)));
        assert!(kept["note"].as_str().unwrap().contains("shown once"), "{kept}");
    }

    async fn a_client_that_signs_is_given_no_secret(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let add = AddCredential {
            rp: client.id.rp.clone(), jwks: None, jwks_url: None, certificate: None,
            secret_of: Some(client.id.service.clone()), label: None, not_after: None,
        };
        assert_eq!(world.first().call(&add).await.unwrap_err().code, "credential.secret");
        let nobody = AddCredential { secret_of: Some("no-such".parse().unwrap()), ..add.clone() };
        assert_eq!(world.first().call(&nobody).await.unwrap_err().code, "service.not-found");
        let both = AddCredential { jwks_url: Some("https://rp.example/jwks.json".to_owned()), ..add };
        assert_eq!(world.first().call(&both).await.unwrap_err().code, "credential.empty");
    }

    async fn a_secret_is_shown_once(world: &World) {
        let client = world.plain_client("drill-bank.online").await;
        let add = AddCredential {
            rp: client.id.rp.clone(), jwks: None, jwks_url: None, certificate: None,
            secret_of: Some(client.id.service.clone()), label: Some("second server".to_owned()), not_after: None,
        };
        let desk = world.first();
        let key = tests::world::desk::fresh_key();
        let first = desk.under(&key).call(&add).await.unwrap();
        let again = desk.under(&key).ask(&add).await;
        assert!(again.replayed());
        let again = again.reply.unwrap();
        assert!(first[0].secret.is_some() && again[0].secret.is_none());
        assert_eq!(again[0].credential.id, first[0].credential.id);
        assert!(again[0].note.as_ref().unwrap().contains("shown once"));
        let tried = desk.dry_run().call(&add).await.unwrap();
        assert_eq!(tried[0].secret, None);
    }

    async fn a_client_shows_its_certificate_and_nothing_else(world: &World) {
        let mut client = world.client("drill-bank.online", &json!({ "clientAuthentication": "tls_client_auth" })).await;
        let mut other = world.client("drill-shop.online", &json!({})).await;
        let id = [("client_id", client.id.to_string())];
        assert_eq!(pushes_as(&client, &id, &[]).await.error(), (401, "invalid_client"), "no certificate");
        certified(world, &mut client).await;
        certified(world, &mut other).await;
        assert_eq!(pushes_as(&client, &id, &[]).await.status, 201);
        let own = std::mem::replace(&mut client.peer, other.peer.clone());
        assert_eq!(pushes_as(&client, &id, &[]).await.error(), (401, "invalid_client"), "another party's");
        client.peer = own;
        assert_eq!(asserts(&client, &client.assertion()).await.error(), (401, "invalid_client"), "another way");
        // A certificate besides an assertion is no second way, and no way of a client that signs.
        assert_eq!(asserts(&other, &other.assertion()).await.status, 201);
        let named = [("client_id", other.id.to_string())];
        assert_eq!(pushes_as(&other, &named, &[]).await.error(), (401, "invalid_client"));
        client.peer = Peer(None);
        assert_eq!(pushes_as(&client, &id, &[]).await.error(), (401, "invalid_client"));
    }

    async fn a_client_says_it_in_one_way_and_one_name(world: &World) {
        let client = world.plain_client("drill-bank.online").await;
        let secret = client.secret.clone().unwrap();
        let id = ("client_id", client.id.to_string());
        let post = ("client_secret", secret.clone());
        let assertion = || [("client_assertion_type", ASSERTION_TYPE.to_owned()), ("client_assertion", client.assertion())];
        let basic = client.basic(&secret);
        let header = [("authorization", basic.as_str())];
        let invalid = (400, "invalid_request");
        assert_eq!(pushes_as(&client, &[id.clone(), post.clone()], &header).await.error(), invalid);
        assert_eq!(pushes_as(&client, &assertion(), &header).await.error(), invalid);
        assert_eq!(pushes_as(&client, &[&assertion()[..], &[id.clone(), post.clone()]].concat(), &[]).await.error(), invalid);
        assert_eq!(pushes_as(&client, &[assertion()[1].clone()], &[]).await.error(), invalid, "without its type");
        assert_eq!(pushes_as(&client, &[("client_id", "drill-shop.online".to_owned())], &header).await.error(), invalid);
        assert_eq!(pushes_as(&client, std::slice::from_ref(&post), &[]).await.error(), (401, "invalid_client"), "no name");
        assert_eq!(pushes_as(&client, std::slice::from_ref(&id), &[]).await.error(), (401, "invalid_client"), "no proof");
        assert_eq!(pushes_as(&client, &[], &[("authorization", "Bearer x")]).await.error(), (401, "invalid_client"));
        assert_eq!(pushes_as(&client, &[id.clone(), id.clone(), post.clone()], &[]).await.error(), invalid, "twice");
        assert_eq!(pushes_as(&client, &[id, post], &[("content-type", "application/json")]).await.error(), invalid);
    }

    async fn nothing_tells_whether_there_is_a_client(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let stranger = TokenSigner::new(PrivateKey::generate(KeyKind::P256).unwrap().into(), JwsAlgorithm::ES256).unwrap();
        let as_client = |id: &str| {
            let mut claims = client.claims();
            (claims["iss"], claims["sub"]) = (json!(id), json!(id));
            stranger.sign(TokenType::Jwt, claims.to_string().as_bytes()).unwrap()
        };
        let known = asserts(&client, &as_client("drill-bank.online")).await;
        let unknown = asserts(&client, &as_client("drill-bark.online")).await;
        assert_eq!((known.status, &known.body), (unknown.status, &unknown.body));
        let names = |reply: &Reply| reply.headers.keys().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(names(&known), names(&unknown));
        for secret in [true, false] {
            let shown = |id: &str| {
                let mut shown = vec![("client_id", id.to_owned())];
                shown.extend(secret.then(|| ("client_secret", "guessed".to_owned())));
                shown
            };
            let known = pushes_as(&client, &shown("drill-bank.online"), &[]).await;
            let unknown = pushes_as(&client, &shown("drill-bark.online"), &[]).await;
            assert_eq!((known.status, known.body), (unknown.status, unknown.body));
        }
    }

    async fn whoever_guesses_is_slowed_and_the_client_is_not(world: &World) {
        let client = world.plain_client("drill-bank.online").await;
        let other = world.plain_client("drill-shop.online").await;
        let wrong = [("client_id", client.id.to_string()), ("client_secret", "guessed".to_owned())];
        for _ in 0..10 {
            assert_eq!(pushes_as(&client, &wrong, &[]).await.error(), (401, "invalid_client"));
        }
        let slowed = pushes_as(&client, &wrong, &[]).await;
        assert_eq!(slowed.status, 429);
        let wait: u64 = slowed.headers["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&wait), "{wait}");
        assert_eq!(client.pushes(&[]).await.status, 201, "its own secret is good all the same");
        let wrong_elsewhere = [("client_id", other.id.to_string()), ("client_secret", "guessed".to_owned())];
        assert_eq!(pushes_as(&other, &wrong_elsewhere, &[]).await.error(), (401, "invalid_client"));
        world.clock.advance(Duration::from_secs(wait));
        assert_eq!(pushes_as(&client, &wrong, &[]).await.error(), (401, "invalid_client"));
        let refused = world.leaves().await.into_iter().filter(|leaf| leaf["action"] == "client.authenticate");
        let refused: Vec<Value> = refused.collect();
        assert_eq!(refused.iter().filter(|leaf| leaf["subject"] == "drill-bank.online").count(), 4, "three in a minute");
        assert_eq!((&refused[0]["outcome"], &refused[0]["facts"]["why"]), (&json!("refused"), &json!("secret")));
    }

    async fn a_suspended_client_hears_it_once_it_has_said_who_it_is(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let rp = client.id.rp.clone();
        world.first().call(&SuspendParty { rp: rp.clone(), reason: "drill".to_owned() }).await.unwrap();
        assert_eq!(client.pushes(&[]).await.error(), (400, "unauthorized_client"));
        let nobody = [("client_id", client.id.to_string())];
        assert_eq!(pushes_as(&client, &nobody, &[]).await.error(), (401, "invalid_client"));
        world.first().call(&ResumeParty { rp, reason: "drill over".to_owned() }).await.unwrap();
        assert_eq!(client.pushes(&[]).await.status, 201);
    }
}
