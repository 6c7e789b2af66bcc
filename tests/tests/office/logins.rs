//! Citizens log in: what was approved in the app is redeemed by the client that asked, once, and is good for as long as account,
//! service and party are.

use std::time::Duration;

use api::Role;
use api::account::SuspendAccount;
use api::audit::ListAudit;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{Claim, Clock, Hkic, Outcome, SuspensionReason};
use futures_util::future::join_all;
use pki::jws::verify;
use pki::{Jwks, JwsAlgorithm, TokenType};
use serde_json::{Value, json};
use server::audit::seal::seal;
use server::housekeeping::sweep;
use server::request::expire_due;
use server::usage::{fold::fold, recount};
use tests::world::citizen::Registered;
use tests::world::client::{Client, ISSUER, Reply};
use tests::world::phone::Phone;
use tests::{World, both_engines};

const TOKEN: &str = "/oauth2/token";
const BC_AUTHORIZE: &str = "/oauth2/bc-authorize";
const USERINFO: &str = "/oauth2/userinfo";
const CIBA: &str = "urn:openid:params:grant-type:ciba";

/// A citizen, their phone, and a service that asks for them by the back channel.
pub(super) struct Office<'w> {
    pub(super) world: &'w World,
    pub(super) client: Client<'w>,
    pub(super) citizen: Registered,
    pub(super) phone: Phone<'w>,
}

impl<'w> Office<'w> {
    pub(super) async fn opens(world: &'w World) -> Self {
        Self::opens_with(world, &json!({})).await
    }

    /// The same with more in its service's manifest.
    pub(super) async fn opens_with(world: &'w World, besides: &Value) -> Self {
        let mut more = json!({ "ciba": "poll", "scopes": ["openid", "profile", "phone", "reports"], "offlineAccess": true });
        more.as_object_mut().unwrap().extend(besides.as_object().unwrap().clone());
        let client = world.client("drill-office.counter", &more).await;
        let citizen = world.citizen("CHAN TAI MAN").with_plus().registers_at_kiosk("harbour-road-sports-centre").await;
        let phone = citizen.phone(world).await;
        Self { world, client, citizen, phone }
    }

    /// Asks for the citizen, and gives the `auth_req_id`.
    pub(super) async fn asks(&self, more: &[(&str, &str)]) -> Reply {
        let hint = self.phone.login_hint().await.unwrap().login_hint_token;
        let mut form = vec![("scope", "openid profile"), ("login_hint_token", hint.as_str())];
        form.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        form.extend(more);
        self.client.asks(BC_AUTHORIZE, &form).await
    }

    pub(super) async fn polls(&self, auth_req_id: &str) -> Reply {
        self.client.asks_with_proof(TOKEN, &[("grant_type", CIBA), ("auth_req_id", auth_req_id)]).await
    }

    /// Logs the citizen in, with those scopes, and gives what the token endpoint answered.
    pub(super) async fn logs_in(&self, scope: &str, released: &[Claim]) -> Reply {
        let asked = self.asks(&[("scope", scope)]).await;
        assert_eq!(asked.status, 200, "{}", asked.body);
        let waiting = self.phone.requests().await.unwrap();
        self.phone.approves(waiting[0].request, released).await.unwrap();
        let answered = self.polls(asked.text("auth_req_id")).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        answered
    }

    pub(super) async fn userinfo(&self, access_token: &str) -> Reply {
        let proof = self.client.proof("GET", USERINFO, Some(access_token));
        let authorization = format!("DPoP {access_token}");
        self.client.fetches(USERINFO, &[("authorization", &authorization), ("DPoP", &proof)]).await
    }

    pub(super) async fn refreshes(&self, refresh_token: &str) -> Reply {
        let form = [("grant_type", "refresh_token"), ("refresh_token", refresh_token)];
        self.client.asks_with_proof(TOKEN, &form).await
    }

    pub(super) async fn is_suspended(&self) -> api::account::Ended {
        let op = SuspendAccount { account: self.citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        self.world.first().call(&op).await.unwrap().ended
    }

    pub(super) async fn counted(&self, outcome: Outcome) -> i64 {
        while fold(&self.world.app).await.unwrap() > 0 {}
        assert_eq!(recount(&self.world.app.store).await.unwrap(), []);
        let code = outcome.code();
        let sql = format!("SELECT CAST(COALESCE(SUM(count), 0) AS BIGINT) FROM usage_daily WHERE outcome = {code}");
        self.world.numbers(&sql).await[0]
    }
}

/// What a token of ours says, once its signature is found good by the key set that is served.
pub(super) async fn says(world: &World, token: &str, typ: TokenType) -> Value {
    let served = world.public(http::Request::get("/oauth2/jwks").body(axum::body::Body::empty()).unwrap()).await;
    let keys: Jwks = serde_json::from_str(&served.body).unwrap();
    let verified = verify(token, &keys, &[JwsAlgorithm::ES256]).unwrap();
    assert!(verified.is(typ), "{:?}", verified.typ);
    serde_json::from_slice(&verified.payload).unwrap()
}

both_engines! {
    async fn a_citizen_who_approves_is_logged_in(world: &World) {
        let office = Office::opens(world).await;
        let asked = office.asks(&[("binding_message", "櫃位 12")]).await;
        assert_eq!((asked.json["interval"].as_u64(), asked.json["expires_in"].as_u64()), (Some(5), Some(300)));
        let id = asked.text("auth_req_id").to_owned();
        assert_eq!(office.polls(&id).await.error(), (400, "authorization_pending"));
        assert_eq!(office.polls(&id).await.error(), (400, "slow_down"), "asked again at once");
        let waiting = office.phone.requests().await.unwrap();
        assert_eq!(waiting[0].binding_message.as_deref(), Some("櫃位 12"));
        let clear = "SELECT COUNT(*) FROM citizen_request WHERE wants LIKE '%櫃位%'";
        assert_eq!(world.number(clear).await, 0, "what a service says to somebody is sealed");
        office.phone.approves(waiting[0].request, &[Claim::Name, Claim::Birthdate]).await.unwrap();
        let answered = office.polls(&id).await;
        assert_eq!(answered.status, 200, "{}", answered.body);
        assert_eq!(answered.headers["cache-control"], "no-store");
        assert_eq!(answered.json["token_type"], "DPoP");
        let access = says(world, answered.text("access_token"), TokenType::AccessToken).await;
        let id_token = says(world, answered.text("id_token"), TokenType::Jwt).await;
        assert_eq!(access["cnf"]["jkt"], office.client.prover.thumbprint());
        assert_eq!((&access["iss"], &access["client_id"]), (&json!(ISSUER), &json!("drill-office.counter")));
        assert_eq!((&id_token["aud"], &id_token["acr"]), (&json!("drill-office.counter"), &json!("iam-smart-plus")));
        assert_eq!(id_token["sub"], access["sub"]);
        assert!(id_token.get("name").is_none(), "an ID token says who, and nothing about them");
        let informed = office.userinfo(answered.text("access_token")).await;
        let person = json!({ "sub": id_token["sub"], "name": "CHAN TAI MAN", "birthdate": "1990-01-31" });
        assert_eq!(informed.json, person, "what was released, and no more");
        assert_eq!(office.polls(&id).await.error(), (400, "invalid_grant"), "redeemed");
        assert_eq!(office.counted(Outcome::Completed).await, 1);
        // By its name the service can ask for the citizen from now on.
        let sub = id_token["sub"].as_str().unwrap();
        let again = office.asks(&[("login_hint_token", ""), ("login_hint", sub)]).await;
        assert_eq!(again.status, 200, "{}", again.body);
        let audit = world.first().call(&ListAudit::default()).await.unwrap().items;
        let actions: Vec<&str> = audit.iter().map(|entry| entry.action.as_str()).collect();
        for action in ["request.approve", "request.redeem", "login.userinfo"] {
            assert!(actions.contains(&action), "{action} is not in {actions:?}");
        }
    }

    async fn whoever_says_no_or_nothing_is_not_logged_in(world: &World) {
        let office = Office::opens(world).await;
        let asked = office.asks(&[]).await;
        let refused = asked.text("auth_req_id");
        let waiting = office.phone.requests().await.unwrap();
        office.phone.refuses(waiting[0].request).await.unwrap();
        assert_eq!(office.polls(refused).await.error(), (400, "access_denied"));
        let asked = office.asks(&[("requested_expiry", "30")]).await;
        assert_eq!(asked.json["expires_in"], 30);
        world.clock.advance(Duration::from_secs(30));
        assert_eq!(office.polls(asked.text("auth_req_id")).await.error(), (400, "expired_token"));
        assert_eq!(expire_due(&world.app).await.unwrap(), 1);
        assert_eq!(office.polls(asked.text("auth_req_id")).await.error(), (400, "expired_token"));
        assert_eq!(office.counted(Outcome::Completed).await, 0);
        assert_eq!((office.counted(Outcome::Refused).await, office.counted(Outcome::TimedOut).await), (1, 1));
    }

    async fn an_auth_req_id_is_its_clients_and_redeemed_once(world: &World) {
        let office = Office::opens(world).await;
        let other = world.client("other-office.counter", &json!({ "ciba": "poll" })).await;
        let asked = office.asks(&[]).await;
        let id = asked.text("auth_req_id");
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &[]).await.unwrap();
        let form = [("grant_type", CIBA), ("auth_req_id", id)];
        assert_eq!(other.asks_with_proof(TOKEN, &form).await.error(), (400, "invalid_grant"));
        assert_eq!(office.client.asks(TOKEN, &form).await.error(), (400, "invalid_dpop_proof"), "without a proof");
        let tries = join_all((0..64).map(|_| office.polls(id))).await;
        assert_eq!(tries.iter().filter(|reply| reply.status == 200).count(), 1);
        assert!(tries.iter().all(|reply| reply.status == 200 || reply.error() == (400, "invalid_grant")));
    }

    async fn refresh_tokens_are_used_once_and_of_a_second_use_the_login_dies(world: &World) {
        let office = Office::opens(world).await;
        let first = office.logs_in("openid profile offline_access", &[Claim::Name]).await;
        let second = office.refreshes(first.text("refresh_token")).await;
        assert_eq!(second.status, 200, "{}", second.body);
        assert_eq!(office.userinfo(second.text("access_token")).await.json["name"], "CHAN TAI MAN");
        let other = world.client("other-office.counter", &json!({ "offlineAccess": true })).await;
        let form = [("grant_type", "refresh_token"), ("refresh_token", second.text("refresh_token"))];
        assert_eq!(other.asks_with_proof(TOKEN, &form).await.error(), (400, "invalid_grant"), "another client's");
        let tries = join_all((0..64).map(|_| office.refreshes(second.text("refresh_token")))).await;
        let got: Vec<&Reply> = tries.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(got.len(), 1);
        // Of the others each was a second use: nobody can tell which of them is the thief.
        assert_eq!(office.refreshes(got[0].text("refresh_token")).await.error(), (400, "invalid_grant"));
        for reply in [&first, &second, got[0]] {
            assert_eq!(office.userinfo(reply.text("access_token")).await.error(), (401, "invalid_token"));
        }
        assert_eq!(world.numbers("SELECT COUNT(*) FROM login WHERE end_reason = 'refresh-token-used-again'").await, [1]);
    }

    async fn a_login_that_is_kept_up_ends_after_thirty_days(world: &World) {
        let office = Office::opens(world).await;
        let mut tokens = office.logs_in("openid offline_access", &[]).await;
        for _ in 0..2 {
            world.clock.advance(Duration::from_hours(24 * 14));
            tokens = office.refreshes(tokens.text("refresh_token")).await;
            assert_eq!(tokens.status, 200, "{}", tokens.body);
        }
        world.clock.advance(Duration::from_hours(24 * 2));
        assert_eq!(office.refreshes(tokens.text("refresh_token")).await.error(), (400, "invalid_grant"));
    }

    async fn nothing_of_a_suspended_account_is_good_any_more(world: &World) {
        let office = Office::opens(world).await;
        let login = office.logs_in("openid profile offline_access", &[Claim::Name]).await;
        let asked = office.asks(&[]).await;
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &[]).await.unwrap();
        let hint = office.phone.login_hint().await.unwrap().login_hint_token;
        let ended = office.is_suspended().await;
        assert_eq!((ended.sessions, ended.tokens, ended.requests), (1, 2, 1));
        assert_eq!(office.polls(asked.text("auth_req_id")).await.error(), (400, "access_denied"));
        assert_eq!(office.refreshes(login.text("refresh_token")).await.error(), (400, "invalid_grant"));
        assert_eq!(office.userinfo(login.text("access_token")).await.error(), (401, "invalid_token"));
        let form = [("scope", "openid"), ("login_hint_token", hint.as_str())];
        let suspended = office.client.asks(BC_AUTHORIZE, &form).await;
        let unknown = office.client.asks(BC_AUTHORIZE, &[("scope", "openid"), ("login_hint", "AAAAAAAAAAAAAAAAAAAAAA")]).await;
        assert_eq!((suspended.error(), &suspended.body), (unknown.error(), &unknown.body), "not to be told apart");
        assert_eq!(unknown.error(), (400, "unknown_user_id"));
    }

    async fn sixty_four_who_redeem_refresh_and_read_against_a_suspension_have_nothing_after_it(world: &World) {
        let office = Office::opens(world).await;
        let login = office.logs_in("openid profile offline_access", &[Claim::Name]).await;
        let asked = office.asks(&[]).await;
        let id = asked.text("auth_req_id").to_owned();
        let waiting = office.phone.requests().await.unwrap();
        office.phone.approves(waiting[0].request, &[]).await.unwrap();
        let rush = join_all((0..64).map(async |number| match number % 3 {
            0 => office.polls(&id).await,
            1 => office.refreshes(login.text("refresh_token")).await,
            _ => office.userinfo(login.text("access_token")).await,
        }));
        let (during, _) = tokio::join!(rush, office.is_suspended());
        assert_eq!(world.numbers("SELECT COUNT(*) FROM login WHERE ended_at IS NULL").await, [0]);
        let mut shown: Vec<String> = vec![login.text("access_token").to_owned()];
        shown.extend(during.iter().filter_map(|reply| Some(reply.json["access_token"].as_str()?.to_owned())));
        for token in shown {
            assert_eq!(office.userinfo(&token).await.error(), (401, "invalid_token"));
        }
        let refresh = during.iter().filter_map(|reply| reply.json["refresh_token"].as_str());
        for token in refresh.chain([login.text("refresh_token")]) {
            assert_eq!(office.refreshes(token).await.error(), (400, "invalid_grant"));
        }
        // Redeemed before the suspension, or ended by it.
        assert!(matches!(office.polls(&id).await.error(), (400, "invalid_grant" | "access_denied")));
    }

    async fn an_access_token_is_taken_as_it_is_bound_and_its_proof_once(world: &World) {
        let office = Office::opens(world).await;
        let login = office.logs_in("openid profile", &[]).await;
        let token = login.text("access_token");
        let shows = async |authorization: String, proof: Option<String>| {
            let mut headers = vec![("authorization", authorization.as_str())];
            headers.extend(proof.as_deref().map(|proof| ("DPoP", proof)));
            let reply = office.client.fetches(USERINFO, &headers).await;
            (reply.error().0, reply.error().1.to_owned())
        };
        let proof = || Some(office.client.proof("GET", USERINFO, Some(token)));
        let dpop = || format!("DPoP {token}");
        let refused = |status: u16, error: &str| (status, error.to_owned());
        assert_eq!(shows(dpop(), proof()).await, (200, String::new()));
        assert_eq!(shows(format!("Bearer {token}"), None).await, refused(401, "invalid_token"), "bound, shown as a bearer's");
        assert_eq!(shows(dpop(), None).await, refused(401, "invalid_dpop_proof"));
        let wrong = [
            office.client.proof("POST", USERINFO, Some(token)),
            office.client.proof("GET", TOKEN, Some(token)),
            office.client.proof("GET", USERINFO, Some("another")),
            office.client.proof("GET", USERINFO, None),
            "nonsense".to_owned(),
        ];
        for proof in wrong {
            assert_eq!(shows(dpop(), Some(proof)).await, refused(401, "invalid_dpop_proof"));
        }
        let once = proof();
        let tries = join_all((0..64).map(|_| shows(dpop(), once.clone()))).await;
        assert_eq!(tries.iter().filter(|(status, _)| *status == 200).count(), 1, "a proof is good once");
        let stranger = world.client("other-office.counter", &json!({})).await;
        let stolen = stranger.proof("GET", USERINFO, Some(token));
        assert_eq!(shows(dpop(), Some(stolen)).await, refused(401, "invalid_token"), "by another key");
        let mut parts: Vec<String> = token.split('.').map(str::to_owned).collect();
        parts[0] = BASE64_URL_SAFE_NO_PAD.encode(r#"{"alg":"none","typ":"at+jwt"}"#);
        let forged = format!("{}.{}.", parts[0], parts[1]);
        let over = office.client.proof("GET", USERINFO, Some(&forged));
        assert_eq!(shows(format!("DPoP {forged}"), Some(over)).await, refused(401, "invalid_token"));
        let id_token = login.text("id_token");
        let over = office.client.proof("GET", USERINFO, Some(id_token));
        assert_eq!(shows(format!("DPoP {id_token}"), Some(over)).await, refused(401, "invalid_token"), "of another kind");
        world.clock.advance(Duration::from_mins(5));
        assert_eq!(shows(dpop(), proof()).await, refused(401, "invalid_token"), "too old");
    }

    async fn a_service_has_tokens_for_itself(world: &World) {
        let office = Office::opens(world).await;
        let issued = office.client.asks_with_proof(TOKEN, &[("grant_type", "client_credentials")]).await;
        assert_eq!(issued.status, 200, "{}", issued.body);
        assert_eq!(issued.json["scope"], "reports");
        let claims = says(world, issued.text("access_token"), TokenType::AccessToken).await;
        assert_eq!(claims["sub"], "drill-office.counter");
        assert_eq!(office.userinfo(issued.text("access_token")).await.error(), (403, "insufficient_scope"));
        for scope in ["openid", "profile", "others", "reports openid"] {
            let form = [("grant_type", "client_credentials"), ("scope", scope)];
            assert_eq!(office.client.asks_with_proof(TOKEN, &form).await.error(), (400, "invalid_scope"), "{scope}");
        }
        let often = "reports ".repeat(1_000);
        let once = office.client.asks_with_proof(TOKEN, &[("grant_type", "client_credentials"), ("scope", &often)]).await;
        assert_eq!(once.json["scope"], "reports");
        let plain = world.plain_client("plain-office.counter").await;
        let issued = plain.asks(TOKEN, &[("grant_type", "client_credentials")]).await;
        assert_eq!((issued.status.as_u16(), &issued.json["token_type"]), (200, &json!("Bearer")), "{}", issued.body);
        for (grant, error) in [("password", "unsupported_grant_type"), ("", "invalid_request"), ("implicit", "unsupported_grant_type")] {
            assert_eq!(plain.asks(TOKEN, &[("grant_type", grant)]).await.error(), (400, error), "{grant}");
        }
    }

    async fn what_is_asked_by_the_back_channel_is_held_to_the_standard(world: &World) {
        let office = Office::opens(world).await;
        let hint = office.phone.login_hint().await.unwrap().login_hint_token;
        let good = [("scope", "openid"), ("login_hint_token", hint.as_str())];
        let asks = async |more: &[(&str, &str)]| {
            let mut form = good.to_vec();
            form.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
            form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
            office.client.asks(BC_AUTHORIZE, &form).await.error().1.to_owned()
        };
        let long = "x".repeat(65);
        for (more, error) in [
            (&[("login_hint_token", "")][..], "invalid_request"),
            (&[("login_hint", "AAAAAAAAAAAAAAAAAAAAAA")][..], "invalid_request"),
            (&[("scope", "profile")][..], "invalid_scope"),
            (&[("scope", "openid everything")][..], "invalid_scope"),
            (&[("binding_message", long.as_str())][..], "invalid_binding_message"),
            (&[("binding_message", "a\u{202e}b")][..], "invalid_binding_message"),
            (&[("binding_message", "a\u{200b}b")][..], "invalid_binding_message"),
            (&[("binding_message", "a\nb")][..], "invalid_binding_message"),
            (&[("requested_expiry", "0")][..], "invalid_request"),
            (&[("requested_expiry", "-1")][..], "invalid_request"),
            (&[("requested_expiry", "soon")][..], "invalid_request"),
            (&[("request", "a.b.c")][..], "request_not_supported"),
            (&[("login_hint_token", "nonsense")][..], "unknown_user_id"),
        ] {
            assert_eq!(asks(more).await, error, "{more:?}");
        }
        assert!(office.phone.requests().await.unwrap().is_empty(), "nothing of it came to the phone");
        let without = world.client("other-office.counter", &json!({})).await;
        assert_eq!(without.asks(BC_AUTHORIZE, &good).await.error(), (400, "unauthorized_client"));
        let mut status = Vec::new();
        for _ in 0..4 {
            status.push(office.asks(&[]).await.status.as_u16());
        }
        assert_eq!(status, [200, 200, 200, 429], "three wait, and a fourth has to");
    }

    async fn what_has_aged_out_is_forgotten_and_by_a_clock_that_ran_ahead_nothing_is(world: &World) {
        let office = Office::opens(world).await;
        office.logs_in("openid", &[]).await;
        let counts = async || {
            let mut counts = Vec::new();
            for table in ["login", "token", "spent", "citizen_request"] {
                counts.push(world.numbers(&format!("SELECT COUNT(*) FROM {table}")).await[0] > 0);
            }
            counts
        };
        let now = world.clock.now();
        world.clock.advance(Duration::from_hours(24 * 365));
        sweep(&world.app).await.unwrap();
        assert_eq!(counts().await, [true; 4], "a year ahead is a mistake until somebody has worked by it");
        world.clock.set(now);
        // Three days on which somebody works.
        for _ in 0..6 {
            world.clock.advance(Duration::from_hours(12));
            world.operator(&format!("duty-officer-{}", world.clock.now().micros()), &[Role::HotlineAgent]).await;
            seal(&world.app).await.unwrap();
        }
        sweep(&world.app).await.unwrap();
        assert_eq!(counts().await, [false, false, false, true], "citizens see for a year what was asked of them");
    }

    async fn one_party_knows_a_citizen_by_one_name_and_another_by_another(world: &World) {
        let office = Office::opens(world).await;
        let login = office.logs_in("openid", &[]).await;
        let again = office.logs_in("openid", &[]).await;
        let sub = |token: &Value| token["sub"].as_str().unwrap().to_owned();
        let one = sub(&says(world, login.text("id_token"), TokenType::Jwt).await);
        assert_eq!(one, sub(&says(world, again.text("id_token"), TokenType::Jwt).await));
        let office_of_others = Office { client: world.client("other-office.counter", &json!({ "ciba": "poll" })).await, ..office };
        let other = office_of_others.logs_in("openid", &[]).await;
        assert_ne!(one, sub(&says(world, other.text("id_token"), TokenType::Jwt).await));
        let hkic: &Hkic = &office_of_others.citizen.hkic;
        assert!(!other.body.contains(hkic.expose()));
        let wrong = office_of_others.client.asks(BC_AUTHORIZE, &[("scope", "openid"), ("login_hint", &one)]).await;
        assert_eq!(wrong.error(), (400, "unknown_user_id"), "the other party's name for them means nobody here");
        let _ = world.clock.now();
    }
}
