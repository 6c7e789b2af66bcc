//! What strangers may not do to others: keep a citizen from a service, fill what is kept for ever, learn what there is, or use again
//! what a suspended party had.

use domain::{Claim, Clock as _, RequestState};
use tests::both_engines;
use tests::world::client::{Client, ISSUER};
use url::form_urlencoded::Serializer;

use super::logins::Office;
use super::relying_parties::{resume, suspend};

const TOKEN: &str = "/oauth2/token";

/// Opens the page of a request that a plain client's site, or anybody else, sends a browser for.
async fn browses(client: &Client<'_>, more: &[(&'static str, &str)]) -> String {
    let mut query = Serializer::new(String::new());
    query.extend_pairs(client.authorization()).extend_pairs(more);
    opens(client, query.finish()).await
}

async fn opens(client: &Client<'_>, query: String) -> String {
    let path = format!("/oauth2/authorize?{query}");
    let shown = client.fetches(&path, &[("accept", "application/json")]).await;
    assert_eq!(shown.status, 200, "{}", shown.body);
    shown.text("poll").strip_prefix(ISSUER).unwrap().to_owned()
}

both_engines! {
    async fn a_browser_keeps_no_service_from_a_citizen(world: &World) {
        let office = Office::opens(world).await;
        let login = office.logs_in("openid profile", &[Claim::Name]).await;
        let claims = super::logins::says(world, login.text("id_token"), pki::TokenType::Jwt).await;
        let sub = claims["sub"].as_str().unwrap();
        for _ in 0..12 {
            let pushed = office.client.pushes(&[("login_hint", sub)]).await;
            let pairs = [("client_id", office.client.id.to_string()), ("request_uri", pushed.text("request_uri").to_owned())];
            opens(&office.client, Serializer::new(String::new()).extend_pairs(pairs).finish()).await;
        }
        let waiting = office.phone.requests().await.unwrap();
        assert_eq!(waiting.len(), 3, "a browser puts three on the phone at most");
        let asked = office.asks(&[]).await;
        assert_eq!(asked.status, 200, "the service that proves who it is asks as before: {}", asked.body);
    }

    async fn what_nobody_took_up_is_cancelled_without_a_trace_that_stays(world: &World) {
        let plain = world.plain_client("drill-office.online").await;
        let before = world.leaves().await.len();
        for _ in 0..3 {
            let page = browses(&plain, &[]).await;
            let gone = plain.posts(&format!("{page}/cancel"), "", &[]).await;
            assert!(gone.status.is_success() || gone.status.is_redirection(), "{} {}", gone.status, gone.body);
        }
        let cancelled = format!("SELECT COUNT(*) FROM citizen_request WHERE state = '{}'", RequestState::Cancelled);
        assert_eq!(world.number(&cancelled).await, 3);
        assert_eq!(world.leaves().await.len(), before, "the log is kept for ever; anybody could fill it");
    }

    async fn what_a_suspended_party_had_is_not_good_when_it_is_active_again(world: &World) {
        let office = Office::opens(world).await;
        let own = office.client.asks_with_proof(TOKEN, &[("grant_type", "client_credentials")]).await;
        let introspects = async |token: &str| {
            office.client.asks("/oauth2/introspect", &[("token", token)]).await.json["active"].as_bool().unwrap()
        };
        assert!(introspects(own.text("access_token")).await);
        let pushed = office.client.request_uri().await;
        let id = office.client.id.to_string();
        let query = Serializer::new(String::new()).extend_pairs([("client_id", &id), ("request_uri", &pushed)]).finish();

        world.clock.advance(std::time::Duration::from_secs(5));
        suspend(&world.first(), "drill-office", "its keys may have leaked").await.unwrap();
        world.clock.advance(std::time::Duration::from_secs(5));
        resume(&world.first(), "drill-office", "they have not").await.unwrap();

        assert!(!introspects(own.text("access_token")).await, "a token that was issued before {}", world.clock.now());
        let shown = office.client.fetches(&format!("/oauth2/authorize?{query}"), &[("accept", "application/json")]).await;
        assert_eq!(shown.error(), (400, "invalid_request_uri"));
        world.clock.advance(std::time::Duration::from_secs(2));
        let fresh = office.client.asks_with_proof(TOKEN, &[("grant_type", "client_credentials")]).await;
        assert!(introspects(fresh.text("access_token")).await, "one that was issued since is good");
    }

    async fn a_name_that_is_no_text_is_one_that_nobody_has(world: &World) {
        let office = Office::opens(world).await;
        let told = office.client.fetches("/oauth2/jwks/%ff", &[]).await;
        let nobody = office.client.fetches("/oauth2/jwks/drill-office.nothing", &[]).await;
        assert_eq!((told.status, &told.json["code"]), (nobody.status, &nobody.json["code"]));
        assert!(told.status == 404 && told.json["code"].is_string(), "{}", told.body);
    }

    async fn a_client_proves_who_it_is_once(world: &World) {
        let office = Office::opens(world).await;
        let plain = world.plain_client("drill-office.online").await;
        let secret = plain.secret.clone().unwrap();
        let (own, other) = (plain.basic(&secret), office.client.basic("nothing"));
        let form = [("grant_type", "client_credentials".to_owned())];
        let twice = plain.sends(TOKEN, &form, &[("authorization", &own), ("authorization", &other)]).await;
        assert_eq!(twice.error(), (400, "invalid_request"));
        assert_eq!(plain.sends(TOKEN, &form, &[("authorization", &own)]).await.status, 200);
    }

    async fn who_is_slowed_does_not_tell_whether_there_is_such_a_client(world: &World) {
        let plain = world.plain_client("drill-office.online").await;
        let form = [("grant_type", "client_credentials".to_owned())];
        let tries = async |id: &str| {
            let text = format!("{id}:wrong");
            let basic = format!("Basic {}", base64::Engine::encode(&base64::prelude::BASE64_STANDARD, text));
            plain.sends(TOKEN, &form, &[("authorization", &basic)]).await.status.as_u16()
        };
        for id in ["drill-office.online", "invented.online"] {
            let mut seen = Vec::new();
            for _ in 0..11 {
                seen.push(tries(id).await);
            }
            assert_eq!(seen, [[401; 10].as_slice(), &[429]].concat(), "{id}");
        }
        assert_eq!(tries("invented-too.online").await, 401, "another name is slowed by itself");
    }

    async fn marks_that_pile_up_are_not_shown(world: &World) {
        let office = Office::opens(world).await;
        let piled = format!("a{}", "\u{301}".repeat(40));
        assert_eq!(office.asks(&[("binding_message", &piled)]).await.error(), (400, "invalid_binding_message"));
        assert_eq!(office.asks(&[("binding_message", "Pay e\u{301}clair ₫ 3")]).await.status, 200);
    }
}
