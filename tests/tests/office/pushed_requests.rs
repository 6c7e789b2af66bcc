//! Clients push what they will ask of a browser (RFC 9126): whatever is wrong with it is found before a citizen sees anything.

use std::time::Duration;

use serde_json::json;
use server::housekeeping::sweep;
use server::http::public::oauth::client::Client as Known;
use server::http::public::oauth::par::load;
use server::http::public::oauth::parameters::AuthorizationRequest;
use tests::world::client::{CALLBACK, Client, challenge};
use tests::{World, both_engines};

/// What the authorization endpoint finds under a name that this client brings.
async fn found(world: &World, client: &Client<'_>, uri: &str) -> Option<AuthorizationRequest> {
    let mut read = world.app.store.read().await.unwrap();
    let client = Known::read(&mut read, &client.id).await.unwrap().unwrap();
    drop(read);
    load(&world.app, &client, uri).await.unwrap()
}

both_engines! {
    async fn what_was_pushed_is_loaded_once_by_its_own_client_and_in_time(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let other = world.client("drill-shop.online", &json!({})).await;
        let pushed = client.pushes(&[]).await;
        assert_eq!((pushed.status.as_u16(), &pushed.json["expires_in"]), (201, &json!(90)));
        assert_eq!(pushed.headers["cache-control"], "no-store");
        let uri = pushed.text("request_uri");
        assert!(uri.strip_prefix("urn:ietf:params:oauth:request_uri:").unwrap().len() == 43);
        assert_eq!(found(world, &other, uri).await, None, "another client's");
        let asked = found(world, &client, uri).await.unwrap();
        assert_eq!((asked.redirect_uri.as_str(), asked.code_challenge), (CALLBACK, challenge()));
        assert_eq!(found(world, &client, uri).await, None, "loaded before");

        let late = client.request_uri().await;
        world.clock.advance(Duration::from_secs(91));
        assert_eq!(found(world, &client, &late).await, None, "too late");
        for none in ["", "urn:ietf:params:oauth:request_uri:", "urn:ietf:params:oauth:request_uri:x", "https://rp.example/r"] {
            assert_eq!(found(world, &client, none).await, None);
        }
        let soon = client.request_uri().await;
        world.clock.advance(Duration::from_secs(90));
        sweep(&world.app).await.unwrap();
        assert!(found(world, &client, &soon).await.is_some(), "good to the last second");
    }

    async fn everything_that_is_wrong_is_found_when_it_is_pushed(world: &World) {
        let client = world.client("drill-bank.online", &json!({ "scopes": ["openid", "profile"] })).await;
        for (name, value, code) in [
            ("redirect_uri", "", "invalid_request"),
            ("redirect_uri", "https://rp.example/callback/", "invalid_request"),
            ("redirect_uri", "https://rp.example/callback?x", "invalid_request"),
            ("redirect_uri", "https://rp.example/callback#x", "invalid_request"),
            ("redirect_uri", "https://rp.example:443/callback", "invalid_request"),
            ("redirect_uri", "https://RP.example/callback", "invalid_request"),
            ("redirect_uri", "https://rp.example/%63allback", "invalid_request"),
            ("redirect_uri", "https://rp.example/x/%2e%2e/callback", "invalid_request"),
            ("redirect_uri", "https://rp.example@evil.example/callback", "invalid_request"),
            ("redirect_uri", "https://rp.example.evil.example/callback", "invalid_request"),
            ("response_type", "token", "unsupported_response_type"),
            ("scope", "profile", "invalid_scope"),
            ("scope", "openid phone", "invalid_scope"),
            ("scope", "openid offline_access", "invalid_scope"),
            ("code_challenge", "", "invalid_request"),
            ("code_challenge_method", "plain", "invalid_request"),
            ("code_challenge_method", "", "invalid_request"),
            ("prompt", "none login", "invalid_request"),
            ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
            ("request_uri", "urn:ietf:params:oauth:request_uri:x", "invalid_request"),
            ("request_uri", "https://evil.example/request.jwt", "invalid_request"),
            ("id_token_hint", "eyJhbGciOiJub25lIn0.e30.", "invalid_request"),
            ("dpop_jkt", "x", "invalid_request"),
        ] {
            let reply = client.pushes(&[(name, value)]).await;
            assert_eq!(reply.error(), (400, code), "{name}={value}");
            assert!(value.is_empty() || !reply.body.contains(value), "nothing that was sent is repeated");
        }
        assert_eq!(client.pushes(&[("prompt", "none"), ("scope", "openid profile")]).await.status, 201);
    }

    async fn a_code_is_bound_beforehand_to_the_key_of_the_proof(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let own = client.prover.thumbprint().to_owned();
        let push = async |more: &[(&'static str, &str)], proof: Option<&str>| {
            let form = [client.credentials(), tests::world::client::with(&client.authorization(), &[("client_id", "")])].concat();
            let form = tests::world::client::with(&form, more);
            let headers: Vec<(&str, &str)> = proof.into_iter().map(|proof| ("DPoP", proof)).collect();
            client.sends("/oauth2/par", &form, &headers).await
        };
        let proof = client.proof("POST", "/oauth2/par", None);
        let pushed = push(&[], Some(&proof)).await;
        assert_eq!(found(world, &client, pushed.text("request_uri")).await.unwrap().dpop_jkt, Some(own.clone()));
        assert_eq!(push(&[], Some(&proof)).await.error(), (400, "invalid_dpop_proof"), "used before");
        let said = push(&[("dpop_jkt", &own)], None).await;
        assert_eq!(found(world, &client, said.text("request_uri")).await.unwrap().dpop_jkt, Some(own.clone()));
        let same = client.proof("POST", "/oauth2/par", None);
        assert_eq!(push(&[("dpop_jkt", &own)], Some(&same)).await.status, 201);
        let mismatch = client.proof("POST", "/oauth2/par", None);
        assert_eq!(push(&[("dpop_jkt", &challenge())], Some(&mismatch)).await.error(), (400, "invalid_request"));
        for bad in [client.proof("GET", "/oauth2/par", None), client.proof("POST", "/oauth2/token", None), "x".to_owned()] {
            assert_eq!(push(&[], Some(&bad)).await.error(), (400, "invalid_dpop_proof"));
        }
        let old = client.proof("POST", "/oauth2/par", None);
        world.clock.advance(Duration::from_secs(62));
        assert_eq!(push(&[], Some(&old)).await.error(), (400, "invalid_dpop_proof"), "a minute old");
        let (one, other) = (client.proof("POST", "/oauth2/par", None), client.proof("POST", "/oauth2/par", None));
        let form = [client.credentials(), tests::world::client::with(&client.authorization(), &[("client_id", "")])].concat();
        let twice = client.sends("/oauth2/par", &form, &[("DPoP", &one), ("DPoP", &other)]).await;
        assert_eq!(twice.error(), (400, "invalid_dpop_proof"));
    }

    async fn a_form_is_bounded(world: &World) {
        let client = world.client("drill-bank.online", &json!({})).await;
        let long = format!("client_id={}", "x".repeat(1024 * 1024));
        assert_eq!(client.posts("/oauth2/par", &long, &[]).await.error(), (413, "invalid_request"));
        let many: Vec<String> = (0..200).map(|n| format!("p{n}=1")).collect();
        assert_eq!(client.posts("/oauth2/par", &many.join("&"), &[]).await.error(), (400, "invalid_request"));
        assert_eq!(client.fetches("/oauth2/par", &[]).await.status, 405);
    }
}
