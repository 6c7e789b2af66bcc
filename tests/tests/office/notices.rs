//! Services are told: that a citizen has decided (CIBA ping), and that a login has ended (back-channel logout).

use std::time::Duration;

use api::account::SuspendAccount;
use api::instance::CheckInstance;
use api::key::RotateKey;
use api::relying_party::{ApplyParties, PlanParties, ResumeParty, SuspendParty};
use domain::{ActivateAt, Claim, Clock, KeyPurpose, Manifest, SuspensionReason};
use http::StatusCode;
use pki::TokenType;
use serde_json::{Value, json};
use server::housekeeping::outbox::deliver_due;
use server::housekeeping::sweep;
use server::request::expire_due;
use tests::world::client::{ISSUER, manifest_of};
use tests::world::ear::{Ear, Heard};
use tests::{World, both_engines};
use url::form_urlencoded;

use super::logins::{Office, says};

const TOKEN: &str = "8d67dc78-7faa-4d41-aabd-67707b374255~+/==";
const SERVICE: &str = "drill-office.counter";

/// An office whose client is told of decisions.
async fn pinged<'w>(world: &'w World, ear: &Ear) -> Office<'w> {
    Office::opens_with(world, &json!({ "ciba": "ping", "cibaNotificationUri": ear.url("/decided?by=us") })).await
}

/// An office whose client is told of logouts.
async fn told<'w>(world: &'w World, ear: &Ear) -> Office<'w> {
    Office::opens_with(world, &json!({ "backchannelLogoutUri": ear.url("/out") })).await
}

/// Asks for the citizen with a token to be told by; gives the `auth_req_id`.
async fn asked(office: &Office<'_>) -> String {
    let asked = office.asks(&[("client_notification_token", TOKEN)]).await;
    assert_eq!(asked.status, 200, "{}", asked.body);
    asked.text("auth_req_id").to_owned()
}

async fn delivers(world: &World) -> usize {
    deliver_due(&world.app).await.unwrap()
}

/// What became of the notices.
async fn states(world: &World) -> Vec<String> {
    world.texts("SELECT kind || ' ' || receiver || ' ' || state FROM outbox ORDER BY created_at, id").await
}

fn assert_ping(heard: &[Heard], auth_req_id: &str) {
    assert_eq!(heard.len(), 1);
    let ping = &heard[0];
    assert_eq!((ping.line.as_str(), ping.headers["content-type"].as_str()), ("POST /decided?by=us", "application/json"));
    assert_eq!(ping.headers["authorization"], format!("Bearer {TOKEN}"));
    assert_eq!(serde_json::from_str::<Value>(&ping.body).unwrap(), json!({ "auth_req_id": auth_req_id }));
}

fn heard_body(auth_req_id: &str) -> String {
    json!({ "auth_req_id": auth_req_id }).to_string()
}

/// What a logout token says, once it is found good by the key set that is served.
async fn logout(world: &World, heard: &Heard) -> Value {
    assert_eq!(heard.line, "POST /out");
    assert_eq!(heard.headers["content-type"], "application/x-www-form-urlencoded");
    assert!(!heard.headers.contains_key("authorization"));
    let form: Vec<(String, String)> = form_urlencoded::parse(heard.body.as_bytes()).into_owned().collect();
    assert_eq!(form.iter().map(|(name, _)| name.as_str()).collect::<Vec<_>>(), ["logout_token"]);
    says(world, &form[0].1, TokenType::LogoutToken).await
}

/// The claims of a token, whoever signed it.
fn claims(token: &str) -> Value {
    use base64::Engine;
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&base64::prelude::BASE64_URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

async fn suspend(office: &Office<'_>) {
    let op = SuspendAccount { account: office.citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
    office.world.first().call(&op).await.unwrap();
}

both_engines! {
    async fn a_client_is_pinged_once_when_the_citizen_has_decided(world: &World) {
        let ear = Ear::opens().await;
        let office = pinged(world, &ear).await;
        let id = asked(&office).await;
        assert_eq!(office.polls(&id).await.error(), (400, "authorization_pending"), "it may ask as well");
        assert_eq!(delivers(world).await, 0, "nothing is decided");
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &[Claim::Name]).await.unwrap();
        assert_eq!(delivers(world).await, 1);
        assert_ping(&ear.heard(), &id);
        world.clock.advance(Duration::from_secs(5));
        assert_eq!(delivers(world).await, 0);
        assert_eq!(office.polls(&id).await.status, 200);

        let id = asked(&office).await;
        let waiting = office.phone.requests().await.unwrap();
        office.phone.refuses(waiting[0].request).await.unwrap();
        assert_eq!(delivers(world).await, 1);
        assert_ping(&ear.heard(), &id);
        assert_eq!(office.polls(&id).await.error(), (400, "access_denied"));
        assert_eq!(delivers(world).await, 0);

        // A request that ends with the account: the service has nothing to wait for.
        let id = asked(&office).await;
        suspend(&office).await;
        assert_eq!(delivers(world).await, 2, "and the notice to the party, which has no way");
        assert_ping(&ear.heard(), &id);
        assert_eq!(office.polls(&id).await.error(), (400, "access_denied"));
    }

    async fn a_ping_that_is_not_taken_is_sent_again_until_nobody_waits_for_it(world: &World) {
        let ear = Ear::opens().await;
        let office = pinged(world, &ear).await;
        let decided = async || {
            let id = asked(&office).await;
            let waiting = office.phone.requests().await.unwrap();
            office.phone.approves(waiting[0].request, &[]).await.unwrap();
            id
        };
        ear.answers(&[StatusCode::INTERNAL_SERVER_ERROR, StatusCode::FOUND, StatusCode::UNAUTHORIZED]);
        let id = decided().await;
        for pause in [5, 10, 20] {
            assert_eq!(delivers(world).await, 1);
            assert_eq!(delivers(world).await, 0, "after a while");
            world.clock.advance(Duration::from_secs(pause));
        }
        assert_eq!(world.texts("SELECT last_error FROM outbox").await, ["the answer is HTTP 401"]);
        assert_eq!(delivers(world).await, 1);
        let heard = ear.heard();
        assert_eq!((heard.len(), heard.iter().all(|heard| heard.body == heard_body(&id))), (4, true));
        assert_eq!(delivers(world).await, 0);

        // Whoever has asked in the meantime has its answer.
        ear.answers(&[StatusCode::BAD_GATEWAY]);
        let id = decided().await;
        assert_eq!(delivers(world).await, 1);
        assert_eq!(ear.heard().len(), 1);
        assert_eq!(office.polls(&id).await.status, 200);
        world.clock.advance(Duration::from_secs(5));
        assert_eq!((delivers(world).await, ear.heard().len()), (1, 0));
        // And nobody is told of what has expired.
        decided().await;
        world.clock.advance(Duration::from_mins(11));
        assert_eq!((delivers(world).await, ear.heard().len()), (1, 0));
        asked(&office).await;
        world.clock.advance(Duration::from_mins(6));
        while expire_due(&world.app).await.unwrap() > 0 {}
        assert_eq!((delivers(world).await, ear.heard().len()), (0, 0));
        let all = states(world).await;
        assert_eq!(all, [
            format!("request.decided {SERVICE} acknowledged"),
            format!("request.decided {SERVICE} acknowledged"),
            format!("request.decided {SERVICE} failed"),
        ]);
        let checks = world.first().call(&CheckInstance {}).await.unwrap();
        let outbox = checks.iter().find(|check| check.id == "outbox").unwrap();
        assert!(outbox.detail.ends_with(&format!("1 given up in the last 7 days: request.decided to {SERVICE}")), "{}", outbox.detail);
    }

    async fn a_notification_token_is_nowhere_in_clear_and_goes_when_it_is_of_no_use(world: &World) {
        let ear = Ear::opens().await;
        let office = pinged(world, &ear).await;
        let kept = async || world.number("SELECT COUNT(*) FROM citizen_request WHERE notify IS NOT NULL").await;
        let decide = async |yes: bool| {
            let waiting = office.phone.requests().await.unwrap();
            let id = waiting[0].request;
            if yes { office.phone.approves(id, &[]).await.unwrap() } else { office.phone.refuses(id).await.unwrap() };
        };
        ear.answers(&[StatusCode::INTERNAL_SERVER_ERROR]);
        asked(&office).await;
        let sealed = world.blobs("SELECT notify FROM citizen_request WHERE notify IS NOT NULL").await;
        assert!(!sealed[0].windows(TOKEN.len()).any(|part| part == TOKEN.as_bytes()) && sealed[0].len() > TOKEN.len());
        decide(true).await;
        assert_eq!((delivers(world).await, kept().await), (1, 1), "it is to be sent again");
        let rows = "SELECT terms || wants || COALESCE(granted, '') FROM citizen_request UNION ALL
                    SELECT subject || payload || COALESCE(last_error, '') FROM outbox";
        let mut all = world.texts(rows).await;
        all.extend(world.leaves().await.iter().map(Value::to_string));
        assert!(all.len() > 5 && all.iter().all(|text| !text.contains(TOKEN)), "{all:?}");
        world.clock.advance(Duration::from_secs(5));
        assert_eq!((delivers(world).await, kept().await), (1, 0), "told");
        let id = asked(&office).await;
        decide(true).await;
        assert_eq!((office.polls(&id).await.status.as_u16(), kept().await), (200, 0), "redeemed");
        asked(&office).await;
        decide(false).await;
        assert_eq!(kept().await, 1);
        delivers(world).await;
        assert_eq!(kept().await, 0);
        asked(&office).await;
        world.clock.advance(Duration::from_secs(301));
        while expire_due(&world.app).await.unwrap() > 0 {}
        assert_eq!(kept().await, 0, "expired");
    }

    async fn who_is_to_be_told_says_by_what_it_will_know_us(world: &World) {
        let ear = Ear::opens().await;
        let office = pinged(world, &ear).await;
        let long = "x".repeat(1025);
        for token in ["", "=", "two words", "a=b", "a\r\nX-Evil: 1", "號碼", long.as_str()] {
            let refused = office.asks(&[("client_notification_token", token)]).await;
            assert_eq!(refused.error(), (400, "invalid_request"), "{token:?}");
            assert!(token.is_empty() || token == "=" || !refused.body.contains(token), "{}", refused.body);
        }
        let longest = "x".repeat(1024);
        assert_eq!(office.asks(&[("client_notification_token", &longest)]).await.status, 200);
        let waiting = office.phone.requests().await.unwrap();
        assert_eq!(waiting.len(), 1, "who was refused has asked nobody");
        office.phone.approves(waiting[0].request, &[]).await.unwrap();
        delivers(world).await;
        assert_eq!(ear.heard()[0].headers["authorization"], format!("Bearer {longest}"));

        // One that only asks has no use for it: nothing is kept and nothing is sent.
        let polling = world.client("other-office.counter", &json!({ "ciba": "poll" })).await;
        let hint = office.phone.login_hint().await.unwrap().login_hint_token;
        let form = [("scope", "openid"), ("login_hint_token", hint.as_str()), ("client_notification_token", TOKEN)];
        assert_eq!(polling.asks("/oauth2/bc-authorize", &form).await.status, 200);
        assert_eq!(world.number("SELECT COUNT(*) FROM citizen_request WHERE notify IS NOT NULL").await, 0);
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &[]).await.unwrap();
        assert_eq!((delivers(world).await, ear.heard().len()), (0, 0));
    }

    async fn addresses_that_are_told_are_judged_when_they_are_applied(world: &World) {
        for (more, code) in [
            (json!({ "ciba": "ping" }), "service.ciba-notification"),
            (json!({ "ciba": "poll", "cibaNotificationUri": "https://rp.example/d" }), "service.ciba-notification"),
            (json!({ "ciba": "ping", "cibaNotificationUri": "http://rp.example/d" }), "redirect-uri.scheme"),
            (json!({ "ciba": "ping", "cibaNotificationUri": "https://10.0.0.1/d" }), "redirect-uri.ip-literal"),
            (json!({ "backchannelLogoutUri": "https://user@rp.example/out" }), "redirect-uri.userinfo"),
            (json!({ "backchannelLogoutUri": "https://169.254.169.254/latest" }), "redirect-uri.ip-literal"),
        ] {
            let mut manifest = manifest_of(&SERVICE.parse().unwrap());
            for (name, value) in more.as_object().unwrap() {
                manifest["services"][0][name] = value.clone();
            }
            let manifest = serde_json::from_value(manifest).unwrap();
            let problem = world.first().call(&ApplyParties { manifests: vec![manifest] }).await.unwrap_err();
            assert_eq!(problem.fields.iter().map(|field| field.code.as_deref().unwrap()).collect::<Vec<_>>(), [code], "{more}");
        }
    }

    async fn whatever_ends_a_login_its_service_is_told(world: &World) {
        let ear = Ear::opens().await;
        let office = told(world, &ear).await;
        let quiet = world.client("quiet-office.counter", &json!({ "ciba": "poll" })).await;
        let hint = office.phone.login_hint().await.unwrap().login_hint_token;
        let causes = ["logout", "refresh-token-used-again", "consent-withdrawn", "suspended"];
        for (turn, cause) in causes.into_iter().enumerate() {
            let login = office.logs_in("openid profile offline_access", &[]).await;
            let id_token = claims(login.text("id_token"));
            match cause {
                "logout" => {
                    let form = [("id_token_hint", login.text("id_token").to_owned())];
                    assert_eq!(office.client.sends("/oauth2/logout", &form, &[]).await.status, 200);
                    assert_eq!(office.client.sends("/oauth2/logout", &form, &[]).await.status, 200, "it is told once");
                }
                "refresh-token-used-again" => {
                    assert_eq!(office.refreshes(login.text("refresh_token")).await.status, 200);
                    assert_eq!(office.refreshes(login.text("refresh_token")).await.error(), (400, "invalid_grant"));
                }
                "consent-withdrawn" => {
                    office.phone.withdraws(SERVICE).await.unwrap();
                }
                _ => {
                    let form = [("scope", "openid"), ("login_hint_token", hint.as_str())];
                    assert_eq!(quiet.asks("/oauth2/bc-authorize", &form).await.status, 200);
                    office.phone.suspends().await.unwrap();
                }
            }
            world.clock.advance(Duration::from_secs(60));
            delivers(world).await;
            let heard = ear.heard();
            assert_eq!(heard.len(), 1, "{cause}");
            let said = logout(world, &heard[0]).await;
            assert_eq!((&said["iss"], &said["aud"]), (&json!(ISSUER), &json!(SERVICE)));
            assert_eq!((&said["sub"], &said["sid"]), (&id_token["sub"], &id_token["sid"]), "{cause}");
            assert_eq!(said["events"], json!({ "http://schemas.openid.net/event/backchannel-logout": {} }));
            let (made, ends) = (said["iat"].as_i64().unwrap(), said["exp"].as_i64().unwrap());
            assert_eq!((made, ends), (world.clock.now().micros() / 1_000_000, made + 120), "made when it was sent");
            assert!(said.get("nonce").is_none() && !said["jti"].as_str().unwrap().is_empty());
            assert_eq!(world.number("SELECT COUNT(*) FROM outbox WHERE kind = 'login.ended'").await, i64::try_from(turn).unwrap() + 1);
        }
        let subjects = world.texts("SELECT subject || payload FROM outbox WHERE kind = 'login.ended'").await;
        assert!(subjects.iter().all(|text| *text == format!("{}{{}}", office.citizen.account)), "{subjects:?}");
    }

    async fn an_account_that_is_suspended_is_logged_out_wherever_it_may_still_be(world: &World) {
        let (ear, other) = (Ear::opens().await, Ear::opens().await);
        let office = told(world, &ear).await;
        let old = office.logs_in("openid profile", &[]).await;
        // Its tokens are over, the service's own session may not be.
        world.clock.advance(Duration::from_mins(30));
        let fresh = office.logs_in("openid profile", &[]).await;
        let given_back = office.logs_in("openid profile offline_access", &[]).await;
        let form = [("token", given_back.text("refresh_token"))];
        assert_eq!(office.client.asks("/oauth2/revoke", &form).await.status, 200, "the client's own doing: it knows");
        let more = json!({ "ciba": "poll", "backchannelLogoutUri": other.url("/out") });
        let second = Office { client: world.client("other-office.counter", &more).await, ..office };
        let elsewhere = second.logs_in("openid", &[]).await;
        suspend(&second).await;
        assert_eq!(delivers(world).await, 5, "three logins, and what each party as a whole is told");
        let mut sids = Vec::new();
        for heard in ear.heard() {
            sids.push(logout(world, &heard).await["sid"].clone());
        }
        sids.sort_by_key(Value::to_string);
        assert_eq!(sids, [claims(old.text("id_token"))["sid"].clone(), claims(fresh.text("id_token"))["sid"].clone()]);
        let heard = other.heard();
        let said = logout(world, &heard[0]).await;
        assert_eq!((heard.len(), &said["aud"], &said["sub"]), (1, &json!("other-office.counter"), &claims(elsewhere.text("id_token"))["sub"]));
        suspend(&second).await;
        world.clock.advance(Duration::from_secs(1));
        assert_eq!(delivers(world).await, 0, "suspended again is told nobody");
    }

    async fn a_logout_that_is_not_taken_is_signed_anew_each_time(world: &World) {
        let ear = Ear::opens().await;
        let office = told(world, &ear).await;
        let login = office.logs_in("openid profile", &[]).await;
        ear.answers(&[StatusCode::BAD_REQUEST]);
        suspend(&office).await;
        delivers(world).await;
        let first = logout(world, &ear.heard()[0]).await;
        // The key that signed it may be gone by the next try.
        let rotate = RotateKey { purpose: KeyPurpose::TokenSigning, name: None, algorithm: None, activate: ActivateAt::Now, override_reason: Some("drill".to_owned()) };
        world.first().call(&rotate).await.unwrap();
        // A party that is stopped is not called; it is told when it is back.
        let rp = office.client.id.rp.clone();
        world.first().call(&SuspendParty { rp: rp.clone(), reason: "its server is in other hands".to_owned() }).await.unwrap();
        world.clock.advance(Duration::from_mins(3));
        delivers(world).await;
        assert_eq!(ear.heard().len(), 0);
        world.first().call(&ResumeParty { rp, reason: "it has its server back".to_owned() }).await.unwrap();
        // Whose it was is not forgotten before it is told.
        world.days_go_by(2).await;
        world.seal().await;
        sweep(&world.app).await.unwrap();
        delivers(world).await;
        let heard = ear.heard();
        assert_eq!(heard.len(), 1);
        let second = logout(world, &heard[0]).await;
        assert_eq!((&second["sub"], &second["sid"]), (&claims(login.text("id_token"))["sub"], &first["sid"]));
        assert_ne!(second["jti"], first["jti"]);
        assert!(second["iat"].as_i64().unwrap() > first["exp"].as_i64().unwrap());
        // And what became of it is forgotten in time.
        let count = "SELECT COUNT(*) FROM outbox WHERE kind = 'login.ended'";
        assert_eq!(world.number(count).await, 1);
        world.days_go_by(32).await;
        world.seal().await;
        sweep(&world.app).await.unwrap();
        assert_eq!(world.number(count).await, 0);
    }

    async fn a_service_that_has_no_address_any_more_is_not_called(world: &World) {
        let ear = Ear::opens().await;
        let office = told(world, &ear).await;
        let metadata = office.client.fetches("/.well-known/openid-configuration", &[]).await.json;
        assert_eq!(metadata["backchannel_token_delivery_modes_supported"], json!(["poll", "ping"]));
        assert_eq!((&metadata["backchannel_logout_supported"], &metadata["backchannel_logout_session_supported"]), (&json!(true), &json!(true)));
        office.logs_in("openid profile", &[]).await;
        suspend(&office).await;
        let manifest: Manifest = serde_json::from_value(manifest_of(&office.client.id)).unwrap();
        let planned = world.first().call(&PlanParties { manifests: vec![manifest.clone()] }).await.unwrap();
        let paths: Vec<&str> = planned[0].changes.iter().map(|change| change.path.as_str()).collect();
        assert!(paths.contains(&"services[counter].backchannelLogoutUri"), "{paths:?}");
        world.first().call(&ApplyParties { manifests: vec![manifest] }).await.unwrap();
        delivers(world).await;
        assert_eq!(ear.heard().len(), 0);
        let failed = world.texts("SELECT last_error FROM outbox WHERE kind = 'login.ended' AND state = 'failed'").await;
        assert_eq!(failed, ["the manifest has no backchannelLogoutUri any more"]);
        assert_eq!(world.number("SELECT COUNT(*) FROM service WHERE told_of_logouts").await, 0);
    }

    async fn a_party_that_is_suspended_itself_is_told_nothing(world: &World) {
        let ear = Ear::opens().await;
        let office = told(world, &ear).await;
        office.logs_in("openid profile", &[]).await;
        let rp = office.client.id.rp.clone();
        let view = world.first().call(&SuspendParty { rp, reason: "drill".to_owned() }).await.unwrap();
        assert_eq!(view.ended.unwrap().sessions, 1);
        assert_eq!((delivers(world).await, ear.heard().len()), (0, 0));
    }
}
