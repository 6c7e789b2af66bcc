//! A login goes as far as its token and the manifest of today go, whatever it was granted at first.

use std::time::Duration;

use api::account::Ended;
use api::relying_party::ApplyParties;
use domain::{Claim, Outcome};
use serde_json::{Value, json};
use server::request::expire_due;
use tests::world::client::manifest_of;
use tests::{World, both_engines};

use super::logins::Office;

/// The manifest of the office's party with another service, with or without the one that citizens log in to.
fn manifest(office: &Office<'_>, with: bool) -> domain::Manifest {
    let mut manifest = manifest_of(&office.client.id);
    let mut other = manifest["services"][0].clone();
    other["id"] = json!("window");
    other["name"] = json!({ "en": "Window", "zh-Hant": "窗口" });
    let services = manifest["services"].as_array_mut().unwrap();
    if with {
        services[0]["scopes"] = json!(["openid", "profile", "phone"]);
        services[0]["ciba"] = json!("poll");
        services[0]["offlineAccess"] = json!(true);
    } else {
        services.clear();
    }
    services.push(other);
    let jwk = pki::PublicJwk::signing(&office.client.key.public().unwrap(), pki::JwsAlgorithm::ES256).unwrap();
    manifest["credentials"] = json!([{ "kind": "jwks", "file": "keys.json", "jwks": { "keys": [jwk] } }]);
    serde_json::from_value(manifest).unwrap()
}

const ALL: &str = "openid profile phone offline_access";
const RELEASED: [Claim; 3] = [Claim::Name, Claim::Birthdate, Claim::PhoneNumber];

/// What userinfo has told, by its members.
fn members(told: &Value) -> Vec<&str> {
    let mut members: Vec<&str> = told.as_object().unwrap().keys().map(String::as_str).collect();
    members.sort_unstable();
    members
}

/// What the log says that userinfo has read, each time.
async fn read(world: &World) -> Vec<Value> {
    let leaves = world.leaves().await.into_iter().filter(|leaf| leaf["action"] == "login.userinfo");
    leaves.map(|leaf| leaf["facts"]["claims"].clone()).collect()
}

both_engines! {
    async fn a_token_that_asks_for_less_reads_less(world: &World) {
        let office = Office::opens(world).await;
        let first = office.logs_in(ALL, &RELEASED).await;
        let less = [("grant_type", "refresh_token"), ("refresh_token", first.text("refresh_token")), ("scope", "openid")];
        let less = office.client.asks_with_proof("/oauth2/token", &less).await;
        assert_eq!(less.text("scope"), "openid");
        let told = office.userinfo(less.text("access_token")).await;
        assert_eq!(members(&told.json), ["sub"], "{}", told.body);
        assert_eq!(read(world).await, Vec::<Value>::new(), "nothing personal was read");

        let phone = [("grant_type", "refresh_token"), ("refresh_token", less.text("refresh_token")), ("scope", "openid phone")];
        let phone = office.client.asks_with_proof("/oauth2/token", &phone).await;
        let told = office.userinfo(phone.text("access_token")).await;
        assert_eq!(members(&told.json), ["phone_number", "sub"], "{}", told.body);
        assert_eq!(read(world).await, [json!(["phone_number"])]);
        // The login itself has not become less.
        let all = office.refreshes(phone.text("refresh_token")).await;
        let told = office.userinfo(all.text("access_token")).await;
        assert_eq!(members(&told.json), ["birthdate", "name", "phone_number", "sub"], "{}", told.body);
    }

    async fn a_manifest_that_allows_less_narrows_the_logins_that_stand(world: &World) {
        let office = Office::opens(world).await;
        let first = office.logs_in(ALL, &RELEASED).await;
        let asked = office.asks(&[("scope", ALL)]).await;
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &RELEASED).await.unwrap();

        office.client.is_described_anew(&json!({ "ciba": "poll", "scopes": ["openid", "profile"], "offlineAccess": true })).await;
        let told = office.userinfo(first.text("access_token")).await;
        assert_eq!(members(&told.json), ["birthdate", "name", "sub"], "{}", told.body);
        let introspected = office.client.asks("/oauth2/introspect", &[("token", first.text("refresh_token"))]).await;
        assert_eq!(introspected.json["scope"], "openid profile offline_access");
        let wider = [("grant_type", "refresh_token"), ("refresh_token", first.text("refresh_token")), ("scope", "openid phone")];
        let wider = office.client.asks_with_proof("/oauth2/token", &wider).await;
        assert_eq!(wider.error(), (400, "invalid_scope"));
        let second = office.refreshes(first.text("refresh_token")).await;
        assert_eq!(second.text("scope"), "openid profile offline_access", "a refused try has used nothing up");
        let redeemed = office.polls(asked.text("auth_req_id")).await;
        assert_eq!(redeemed.text("scope"), "openid profile offline_access", "what was approved before is narrowed too");

        office.client.is_described_anew(&json!({ "ciba": "poll", "scopes": ["openid", "profile"] })).await;
        for answered in [&second, &redeemed] {
            let refresh = answered.text("refresh_token");
            assert_eq!(office.refreshes(refresh).await.error(), (400, "invalid_grant"));
            let told = office.client.asks("/oauth2/introspect", &[("token", refresh)]).await;
            assert_eq!(told.json, json!({ "active": false }));
        }
        let told = office.userinfo(second.text("access_token")).await;
        assert_eq!(told.status, 200, "the login itself stands: {}", told.body);

        office.client.is_described_anew(&json!({ "ciba": "poll", "scopes": ["reports"] })).await;
        assert_eq!(office.userinfo(second.text("access_token")).await.error(), (403, "insufficient_scope"));
    }

    async fn a_service_that_is_taken_out_ends_what_is_under_way_and_comes_back_without_it(world: &World) {
        let office = Office::opens(world).await;
        let applies = async |with: bool| {
            let op = ApplyParties { manifests: vec![manifest(&office, with)] };
            world.first().call(&op).await.unwrap().remove(0)
        };
        assert_eq!(applies(true).await.ended, None, "no service was taken out");
        let tokens = office.logs_in(ALL, &RELEASED).await;
        office.asks(&[("requested_expiry", "1")]).await;
        world.clock.advance(Duration::from_secs(2));
        let approved = office.asks(&[]).await;
        let id = office.phone.requests().await.unwrap()[0].request;
        office.phone.approves(id, &[]).await.unwrap();
        office.asks(&[]).await;
        let waiting = office.phone.requests().await.unwrap()[0].request;

        let gone = applies(false).await;
        let ended = Ended { sessions: 1, tokens: 2, requests: 2, certificates: 0 };
        assert_eq!(gone.ended, Some(ended), "and not the request whose time was over");
        let facts = world.leaves().await.into_iter().rfind(|leaf| leaf["action"] == "rp.apply").unwrap();
        assert_eq!(facts["facts"]["retired"], json!([{ "rp": "drill-office", "ended": ended }]));
        assert!(office.phone.approves(waiting, &[]).await.is_err(), "nobody approves for a service that is gone");

        assert_eq!(applies(true).await.ended, None);
        assert_eq!(office.userinfo(tokens.text("access_token")).await.error(), (401, "invalid_token"));
        assert_eq!(office.refreshes(tokens.text("refresh_token")).await.error(), (400, "invalid_grant"));
        assert_ne!(office.polls(approved.text("auth_req_id")).await.status, 200);
        assert!(office.phone.approves(waiting, &[]).await.is_err());
        expire_due(&world.app).await.unwrap();
        assert_eq!((office.counted(Outcome::Failed).await, office.counted(Outcome::TimedOut).await), (2, 1));
        office.logs_in("openid", &[]).await;
    }
}
