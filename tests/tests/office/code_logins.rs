//! Whole logins by a browser: asked, shown, approved on the phone, and redeemed by the client, each step as it stands on the wire.

use std::time::Duration;

use api::account::SuspendAccount;
use domain::{Claim, SuspensionReason};
use futures_util::future::join_all;
use http::header;
use serde_json::{Value, json};
use tests::world::citizen::Registered;
use tests::world::client::{CALLBACK, Client, ISSUER, Reply, VERIFIER, challenge};
use tests::world::phone::Phone;
use tests::{World, both_engines};
use url::Url;

const TOKEN: &str = "/oauth2/token";
const USERINFO: &str = "/oauth2/userinfo";

/// A citizen with a phone, and a service that sends them here.
struct Office<'w> {
    client: Client<'w>,
    citizen: Registered,
    phone: Phone<'w>,
}

impl<'w> Office<'w> {
    async fn opens(world: &'w World) -> Self {
        let client = world.client("drill-office.online", &json!({ "scopes": ["openid", "profile"] })).await;
        Self::of(world, client).await
    }

    async fn of(world: &'w World, client: Client<'w>) -> Self {
        let citizen = world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await;
        let phone = citizen.phone(world).await;
        Self { client, citizen, phone }
    }

    /// What a kiosk that was sent to an address reads there.
    async fn reads(&self, address: &str) -> Value {
        let path = address.strip_prefix(ISSUER).unwrap_or(address);
        let read = self.client.fetches(path, &[("accept", "application/json")]).await;
        assert_eq!(read.status, 200, "{}", read.body);
        read.json
    }

    /// Pushes a request and opens its page.
    async fn is_shown(&self, more: &[(&'static str, &str)]) -> Value {
        let pushed = self.client.pushes(more).await;
        assert_eq!(pushed.status, 201, "{}", pushed.body);
        let pairs = [("client_id", self.client.id.to_string()), ("request_uri", pushed.text("request_uri").to_owned())];
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
        self.reads(&format!("/oauth2/authorize?{query}")).await
    }

    /// Scans, compares and approves; gives the page's address.
    async fn approves(&self, shown: &Value, released: &[Claim]) -> String {
        let taken = self.phone.takes_up(shown["app_link"].as_str().unwrap()).await.unwrap();
        assert_eq!(json!(taken.comparison_code), shown["comparison_code"], "the phone shows what the screen shows");
        self.phone.approves(taken.request, released).await.unwrap();
        shown["poll"].as_str().unwrap().to_owned()
    }

    /// The code that the browser carries back at this moment.
    async fn code(&self, poll: &str) -> String {
        let redirect = self.reads(poll).await["redirect"].as_str().unwrap().to_owned();
        assert!(redirect.starts_with(&format!("{CALLBACK}?code=")), "{redirect}");
        let url = Url::parse(&redirect).unwrap();
        let of = |wanted: &str| url.query_pairs().find(|(name, _)| name == wanted).unwrap().1.into_owned();
        assert_eq!((of("iss"), of("state")), (ISSUER.to_owned(), "a-state".to_owned()));
        of("code")
    }

    /// A code, from the start.
    async fn has_a_code(&self) -> String {
        let shown = self.is_shown(&[("scope", "openid profile")]).await;
        let poll = self.approves(&shown, &[Claim::Name]).await;
        self.code(&poll).await
    }

    async fn exchanges(&self, code: &str, more: &[(&str, &str)]) -> Reply {
        let mut form =
            vec![("grant_type", "authorization_code"), ("code", code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        form.retain(|(name, _)| more.iter().all(|(other, _)| other != name));
        form.extend(more.iter().filter(|(_, value)| !value.is_empty()));
        if self.client.secret.is_some() {
            self.client.asks(TOKEN, &form).await
        } else {
            self.client.asks_with_proof(TOKEN, &form).await
        }
    }

    async fn userinfo(&self, access_token: &str) -> Reply {
        let (scheme, proof) = match self.client.secret {
            Some(_) => ("Bearer", None),
            None => ("DPoP", Some(self.client.proof("GET", USERINFO, Some(access_token)))),
        };
        let authorization = format!("{scheme} {access_token}");
        let mut headers = vec![("authorization", authorization.as_str())];
        headers.extend(proof.as_deref().map(|proof| ("DPoP", proof)));
        self.client.fetches(USERINFO, &headers).await
    }
}

both_engines! {
    async fn a_login_goes_from_the_clients_push_to_the_citizens_name(world: &World) {
        let office = Office::opens(world).await;
        let shown = office.is_shown(&[("scope", "openid profile")]).await;
        assert_eq!((&shown["state"], &shown["redirect"]), (&json!("waiting"), &Value::Null));
        let poll = office.approves(&shown, &[Claim::Name]).await;
        let code = office.code(&poll).await;
        let tokens = office.exchanges(&code, &[]).await;
        assert_eq!(tokens.status, 200, "{}", tokens.body);
        let informed = office.userinfo(tokens.text("access_token")).await;
        assert_eq!(informed.json["name"], "CHAN TAI MAN", "{}", informed.body);
        let page = office.client.fetches(poll.strip_prefix(ISSUER).unwrap(), &[("accept", "text/html")]).await;
        assert!(page.body.contains("The login is complete") && !page.headers.contains_key(header::REFRESH));

        assert_eq!(office.exchanges(&code, &[]).await.error(), (400, "invalid_grant"), "a second time");
        let after = office.userinfo(tokens.text("access_token")).await;
        assert_eq!(after.error(), (401, "invalid_token"), "what the first use has brought ends with the second");
        let entry = world.leaves().await.into_iter().find(|leaf| leaf["facts"]["code"] == "code-used-again").unwrap();
        assert_eq!(entry["subject"], office.citizen.account.to_string());
    }

    async fn a_plain_client_needs_no_push_and_proves_itself_by_its_secret(world: &World) {
        let office = Office::of(world, world.plain_client("plain-office.online").await).await;
        let query = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(office.client.authorization()).finish();
        let shown = office.reads(&format!("/oauth2/authorize?{query}")).await;
        let poll = office.approves(&shown, &[]).await;
        // It has one address alone, so it need not say it again.
        let tokens = office.exchanges(&office.code(&poll).await, &[("redirect_uri", "")]).await;
        assert_eq!((tokens.status.as_u16(), &tokens.json["token_type"]), (200, &json!("Bearer")), "{}", tokens.body);
        let informed = office.userinfo(tokens.text("access_token")).await;
        let members: Vec<&String> = informed.json.as_object().unwrap().keys().collect();
        assert_eq!(members, ["sub"], "who it is, and nothing about them");
    }

    async fn a_code_is_good_for_its_client_with_its_verifier_for_a_minute(world: &World) {
        let office = Office::opens(world).await;
        let shown = office.is_shown(&[]).await;
        let poll = office.approves(&shown, &[]).await;
        let code = office.code(&poll).await;
        let other = world.client("other-office.online", &json!({})).await;
        let form =
            [("grant_type", "authorization_code"), ("code", &code), ("redirect_uri", CALLBACK), ("code_verifier", VERIFIER)];
        assert_eq!(other.asks_with_proof(TOKEN, &form).await.error(), (400, "invalid_grant"), "another client");
        let (wrong, challenge) = ("A".repeat(43), challenge());
        for (more, error) in [
            (&[("code_verifier", wrong.as_str())][..], "invalid_grant"),
            (&[("code_verifier", "")], "invalid_request"),
            (&[("code_verifier", challenge.as_str())], "invalid_grant"),
            (&[("redirect_uri", "https://rp.example/callback/")], "invalid_grant"),
            (&[("redirect_uri", "")], "invalid_request"),
            (&[("code", "")], "invalid_request"),
            (&[("code", wrong.as_str())], "invalid_grant"),
        ] {
            assert_eq!(office.exchanges(&code, more).await.error(), (400, error), "{more:?}");
        }
        world.clock.advance(Duration::from_secs(60));
        assert_eq!(office.exchanges(&code, &[]).await.error(), (400, "invalid_grant"), "a minute old");
        let fresh = office.code(&poll).await;
        assert_eq!(office.exchanges(&fresh, &[]).await.status, 200, "a failed try has used nothing up, and the page goes on");
    }

    async fn of_sixty_four_who_exchange_one_code_at_most_one_is_logged_in(world: &World) {
        let office = Office::opens(world).await;
        let code = office.has_a_code().await;
        let tries = join_all((0..64).map(|_| office.exchanges(&code, &[]))).await;
        let got: Vec<&Reply> = tries.iter().filter(|reply| reply.status == 200).collect();
        assert_eq!(got.len(), 1);
        assert!(tries.iter().all(|reply| reply.status == 200 || reply.error() == (400, "invalid_grant")));
        let after = office.userinfo(got[0].text("access_token")).await;
        assert_eq!(after.error(), (401, "invalid_token"), "nobody can tell which of them is the thief");
    }

    async fn the_same_login_fails_once_the_account_is_suspended(world: &World) {
        let office = Office::opens(world).await;
        let code = office.has_a_code().await;
        let open = office.is_shown(&[]).await;
        office.phone.takes_up(open["app_link"].as_str().unwrap()).await.unwrap();
        let account = office.citizen.account;
        let op = SuspendAccount { account, reason: SuspensionReason::LostDevice, call: None, note: None };
        assert_eq!(world.first().call(&op).await.unwrap().ended.requests, 2);
        assert_eq!(office.exchanges(&code, &[]).await.error(), (400, "invalid_grant"));
        let told = office.reads(open["poll"].as_str().unwrap()).await;
        assert_eq!(told["state"], "refused");
        assert!(told["redirect"].as_str().unwrap().contains("error=access_denied"), "{told}");
        let again = office.is_shown(&[]).await;
        assert!(office.phone.takes_up(again["app_link"].as_str().unwrap()).await.is_err());
    }
}
