//! A service sends a citizen's browser: where it goes, what it shows, how it comes back.

use std::time::Duration;

use api::account::SuspendAccount;
use axum::body::Body;
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::citizen_request::WAITS;
use domain::{CitizenRequestId, Claim, ClientProfile, Clock, RequestId, SuspensionReason};
use futures_util::future::join_all;
use http::{Method, Request, StatusCode, header};
use http_body_util::BodyExt;
use openssl::sha::sha256;
use serde_json::{Value, json};
use server::clock::SystemEntropy;
use server::http::accept::CameFrom;
use server::http::accept::Peer;
use server::request::{Device, approve, expire_due, redeem, refuse, take_up};
use server::store::{Housekeeping, PublicActor, PublicUse, PushedRequestRow, Shown, StoredAccount};
use tests::{World, both_engines};
use tower::ServiceExt;
use url::Url;

const ISSUER: &str = "https://iam.example";
const CLIENT: &str = "sandbox-bank.mobile-banking-login";
const PUSHING: &str = "sandbox-bank.account-opening";
const CALLBACK: &str = "https://mobile-banking-login.bank.example/callback";
const OTHER: &str = "https://mobile-banking-login.bank.example/other?from=iam";
const CHALLENGE: &str = "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM";

/// What a browser, or a kiosk, got.
struct Got {
    status: StatusCode,
    headers: http::HeaderMap,
    body: String,
}

impl Got {
    fn header(&self, name: impl header::AsHeaderName) -> &str {
        self.headers.get(name).map(|value| value.to_str().unwrap()).unwrap_or_default()
    }

    fn location(&self) -> &str {
        self.header(header::LOCATION)
    }

    /// The path of the page that the browser is sent to.
    fn page(&self) -> &str {
        assert_eq!(self.status, 303, "{}", self.body);
        self.location().strip_prefix(ISSUER).unwrap()
    }

    fn id(&self) -> CitizenRequestId {
        self.page().strip_prefix("/oauth2/requests/").unwrap().parse().unwrap()
    }

    /// What the client hears at its address.
    fn answer(&self) -> Value {
        assert_eq!(self.status, 303, "{}", self.body);
        query(self.location())
    }

    /// Nobody is sent anywhere, and the page says what to do.
    fn turned_away(&self, what: &str) {
        assert_eq!((self.status, self.location()), (StatusCode::BAD_REQUEST, ""), "{what}");
        for needed in ["無法開始這次登入", "This login cannot be started", self.header(api::REQUEST_ID)] {
            assert!(self.body.contains(needed), "{what}: {needed} is missing");
        }
    }
}

fn query(address: &str) -> Value {
    let pairs = Url::parse(address).unwrap();
    pairs.query_pairs().map(|(name, value)| (name.into_owned(), Value::from(value.into_owned()))).collect()
}

fn parameters(pairs: &[(&str, &str)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}

/// What a plain client asks, with some of it changed; an empty value takes it away.
fn asking(changes: &[(&str, &str)]) -> String {
    let mut pairs = vec![
        ("client_id", CLIENT),
        ("redirect_uri", CALLBACK),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "a state & more"),
        ("nonce", "n-1"),
        ("code_challenge", CHALLENGE),
        ("code_challenge_method", "S256"),
    ];
    pairs.retain(|(name, _)| !changes.iter().any(|(changed, _)| changed == name));
    pairs.extend(changes.iter().filter(|(_, value)| !value.is_empty()));
    format!("/oauth2/authorize?{}", parameters(&pairs))
}

struct Bank<'w>(&'w World);

impl<'w> Bank<'w> {
    /// The bank's login takes plain parameters, its account opening pushes them.
    async fn opens(world: &'w World) -> Self {
        let mut bank = tests::fixtures::party("sandbox-bank");
        bank.services[0].client_profile = Some(ClientProfile::Oidc);
        bank.services[0].redirect_uris = vec![CALLBACK.to_owned(), OTHER.to_owned()];
        bank.services[0].scopes = ["openid", "profile", "phone"].map(str::to_owned).to_vec();
        super::relying_parties::apply(&world.first(), &[bank]).await.unwrap();
        Self(world)
    }

    async fn sends(&self, request: Request<Body>) -> Got {
        let mut request = request;
        request.extensions_mut().insert(Peer(None));
        let answer = server::http::public::router(self.0.app.clone()).oneshot(request).await.unwrap();
        let (head, body) = answer.into_parts();
        let body = String::from_utf8(body.collect().await.unwrap().to_bytes().to_vec()).unwrap();
        Got { status: head.status, headers: head.headers, body }
    }

    async fn gets(&self, path: &str) -> Got {
        self.sends(Request::get(path).header(header::ACCEPT, "text/html,*/*;q=0.8").body(Body::empty()).unwrap()).await
    }

    async fn data(&self, path: &str) -> Value {
        let request = Request::get(path).header(header::ACCEPT, "application/json").body(Body::empty()).unwrap();
        let got = self.sends(request).await;
        assert_eq!((got.status, got.header(header::CONTENT_TYPE)), (StatusCode::OK, "application/json"), "{}", got.body);
        serde_json::from_str(&got.body).unwrap()
    }

    async fn citizen(&self, name: &str) -> Phone<'w> {
        let citizen = self.0.citizen(name).registers_at_kiosk("harbour-road-sports-centre").await;
        let thumbprint = format!("device-of-{}", citizen.account);
        let mut tx = self.0.app.store.write().await.unwrap();
        let stored = tx.account(citizen.account).await.unwrap().unwrap();
        tx.insert_device(stored.id, &thumbprint, "{}", self.0.clock.now()).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        Phone { world: self.0, stored, thumbprint }
    }

    /// What PAR keeps for a client, under a name.
    async fn pushes(&self, client: &str, name: &str) -> String {
        let code = self.code_of(client).await;
        let parameters = json!({
            "client": client, "redirect_uri": "https://account-opening.bank.example/callback", "scopes": ["openid"],
            "state": "pushed", "code_challenge": CHALLENGE
        });
        let row = PushedRequestRow {
            digest: sha256(name.as_bytes()).to_vec(),
            relying_party: "sandbox-bank".to_owned(),
            service: code,
            parameters: parameters.to_string(),
            expires_at: self.0.clock.now().plus(Duration::from_secs(90)).micros(),
            loaded_at: None,
        };
        let mut tx = self.0.app.store.write().await.unwrap();
        tx.insert_pushed_request(&row).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        let uri = format!("urn:ietf:params:oauth:request_uri:{name}");
        format!("/oauth2/authorize?{}", parameters_of(client, &uri))
    }

    async fn code_of(&self, client: &str) -> i32 {
        let slug = client.split_once('.').unwrap().1;
        let sql = format!("SELECT CAST(code AS BIGINT) FROM service WHERE relying_party = 'sandbox-bank' AND slug = '{slug}'");
        i32::try_from(self.0.number(&sql).await).unwrap()
    }

    /// The client redeems, as its code at the token endpoint would.
    async fn redeems(&self, id: CitizenRequestId, anna: &Phone<'_>) {
        let (app, service) = (&self.0.app, self.code_of(CLIENT).await);
        let mut tx = app.store.write().await.unwrap();
        redeem(app, &mut tx, &"sandbox-bank".parse().unwrap(), service, id).await.unwrap().unwrap();
        let client = CLIENT.parse().unwrap();
        let record = PublicUse {
            actor: PublicActor::Client(&client),
            action: "request.redeem",
            subject: anna.stored.account.id.to_string(),
            outcome: api::audit::AuditOutcome::Done,
            request: RequestId::new(app.clock.now(), &SystemEntropy),
            facts: json!({ "request": id }),
        };
        tx.commit_public(record).await.unwrap();
    }

    async fn waiting(&self) -> i64 {
        self.0.number("SELECT COUNT(*) FROM citizen_request WHERE state = 'waiting'").await
    }
}

fn parameters_of(client: &str, uri: &str) -> String {
    parameters(&[("client_id", client), ("request_uri", uri)])
}

struct Phone<'w> {
    world: &'w World,
    stored: StoredAccount,
    thumbprint: String,
}

impl Phone<'_> {
    fn device(&self) -> Device<'_> {
        let request = RequestId::new(self.world.clock.now(), &SystemEntropy);
        Device { owner: self.stored.id, account: self.stored.account.id, thumbprint: &self.thumbprint, request }
    }

    async fn approves(&self, id: CitizenRequestId) {
        take_up(&self.world.app, &self.device(), Shown::Id(id)).await.unwrap();
        approve(&self.world.app, &self.device(), id, &[Claim::Name]).await.unwrap();
    }

    async fn loses(&self) {
        let account = self.stored.account.id;
        let op = SuspendAccount { account, reason: SuspensionReason::LostDevice, call: None, note: None };
        self.world.first().call(&op).await.unwrap();
    }

    /// Requests that show on this phone by themselves.
    async fn shows(&self) -> usize {
        let since = self.world.clock.now().minus(Duration::from_mins(5));
        let mut read = self.world.app.store.read().await.unwrap();
        let rows = read.citizen_requests_of(self.stored.id, since, 100).await.unwrap();
        rows.iter().filter(|row| row.state == "waiting").count()
    }
}

both_engines! {
    async fn a_browser_waits_for_the_phone_and_goes_on_by_itself(world: &World) {
        let bank = Bank::opens(world).await;
        let anna = bank.citizen("CHAN TAI MAN").await;
        let sent = bank.gets(&asking(&[])).await;
        assert_eq!(sent.header(header::REFERRER_POLICY), "no-referrer");
        let page = bank.gets(sent.page()).await;
        assert_eq!((page.status, page.header(header::REFRESH)), (StatusCode::OK, "2"));
        for (name, value) in [
            ("cache-control", "no-store"),
            ("referrer-policy", "no-referrer"),
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("cross-origin-opener-policy", "same-origin"),
            ("content-type", "text/html; charset=utf-8"),
        ] {
            assert_eq!(page.header(name), value, "{name}");
        }
        let policy = page.header(header::CONTENT_SECURITY_POLICY);
        assert!(policy.starts_with("default-src 'none'; style-src 'sha256-") && policy.contains("frame-ancestors 'none'"));
        assert!(!policy.contains("script") && !policy.contains("unsafe") && !page.body.contains("<script"), "{policy}");
        let data = bank.data(sent.page()).await;
        let (code, link) = (data["comparison_code"].as_str().unwrap(), data["app_link"].as_str().unwrap());
        assert_eq!((data["state"].as_str(), &data["redirect"]), (Some("waiting"), &Value::Null));
        assert_eq!(data["poll"], sent.location());
        let shown = format!("{}-{}", &code[..3], &code[3..]);
        for needed in [shown.as_str(), link, "<svg", "Mobile Banking Login", "流動銀行登入", "Sandbox Bank", "沙盒銀行"] {
            assert!(page.body.contains(needed), "{needed} is missing");
        }
        assert_eq!(tests::qr::read(&page.body), link, "a camera reads the app link, and nothing else");

        let carried = BASE64_URL_SAFE_NO_PAD.decode(link.strip_prefix("https://iam.example/app/link/").unwrap()).unwrap();
        let carried: [u8; 16] = carried.try_into().unwrap();
        take_up(&world.app, &anna.device(), Shown::Link(&carried)).await.unwrap();
        assert_eq!(bank.gets(sent.page()).await.header(header::REFRESH), "2");
        approve(&world.app, &anna.device(), sent.id(), &[]).await.unwrap();
        for _ in 0..2 {
            let back = bank.gets(sent.page()).await;
            let answer = back.answer();
            assert!(back.location().starts_with(&format!("{CALLBACK}?code=")));
            assert_eq!((answer["state"].as_str(), answer["iss"].as_str()), (Some("a state & more"), Some(ISSUER)));
            let read = world.app.keys.now().handles().read_code(answer["code"].as_str().unwrap()).unwrap().unwrap();
            assert_eq!((read.request, read.issued_at), (sent.id(), world.clock.now()), "fetched again until it is redeemed");
            assert_eq!(back.header(header::REFERRER_POLICY), "no-referrer");
        }
        let data = bank.data(sent.page()).await;
        assert_eq!((data["state"].as_str(), &data["comparison_code"]), (Some("approved"), &Value::Null));
        assert!(data["redirect"].as_str().unwrap().starts_with(CALLBACK));
        bank.redeems(sent.id(), &anna).await;
        let done = bank.gets(&format!("{}?lang=zh-Hant", sent.page())).await;
        assert_eq!((done.status, done.header(header::REFRESH)), (StatusCode::OK, ""));
        assert!(done.body.contains("登入完成"));
        assert_eq!(bank.data(sent.page()).await["redirect"], Value::Null);
    }

    async fn only_the_registered_address_is_gone_to_and_to_the_byte(world: &World) {
        let bank = Bank::opens(world).await;
        for bad in [
            "https://mobile-banking-login.bank.example/callback/",
            "https://mobile-banking-login.bank.example/callback/more",
            "https://mobile-banking-login.bank.example/callbackx",
            "https://mobile-banking-login.bank.example:443/callback",
            "https://mobile-banking-login.bank.example:8443/callback",
            "https://Mobile-Banking-Login.bank.example/callback",
            "HTTPS://mobile-banking-login.bank.example/callback",
            "https://mobile-banking-login.bank.example/Callback",
            "https://mobile-banking-login.bank.example/%63allback",
            "https://mobile-banking-login.bank.example/x/%2e%2e/callback",
            "https://mobile-banking-login.bank.example/x/../callback",
            "https://mobile-banking-login.bank.example/./callback",
            "https://mobile-banking-login.bank.example//callback",
            "https://user@mobile-banking-login.bank.example/callback",
            "https://mobile-banking-login.bank.example@evil.example/callback",
            "https://mobile-banking-login.bank.example/callback#",
            "https://mobile-banking-login.bank.example/callback#fragment",
            "https://mobile-banking-login.bank.example/callback?",
            "https://mobile-banking-login.bank.example/callback?more=1",
            "https://mobile-banking-login.bank.example.evil.example/callback",
            "https://mobile-banking-login.bank.example\\@evil.example/callback",
            "http://mobile-banking-login.bank.example/callback",
            "//mobile-banking-login.bank.example/callback",
            "/callback",
            "javascript:alert(1)",
            " https://mobile-banking-login.bank.example/callback",
            "https://mobile-banking-login.bank.example/callback\r\nX: y",
            "https://account-opening.bank.example/callback",
            "",
        ] {
            let got = bank.gets(&asking(&[("redirect_uri", bad), ("prompt", "none")])).await;
            got.turned_away(bad);
            assert!(bad.len() < 12 || !got.body.contains(bad), "{bad} is repeated");
        }
        for client in ["", "sandbox-bank", "sandbox-bank.nothing", "no-such-party.login", "a.b.c", "'; --"] {
            bank.gets(&asking(&[("client_id", client)])).await.turned_away(client);
        }
        let twice = format!("{}&redirect_uri=https%3A%2F%2Fevil.example", asking(&[]));
        bank.gets(&twice).await.turned_away("twice");
        assert_eq!(bank.waiting().await, 0);
        assert!(bank.gets(&asking(&[])).await.location().starts_with(ISSUER));
    }

    async fn what_is_wrong_goes_back_to_a_proven_client_with_the_issuer(world: &World) {
        let bank = Bank::opens(world).await;
        for (changes, error) in [
            (&[("prompt", "none")][..], "login_required"),
            (&[("response_type", "token")], "unsupported_response_type"),
            (&[("response_mode", "fragment")], "invalid_request"),
            (&[("scope", "profile")], "invalid_scope"),
            (&[("scope", "openid admin")], "invalid_scope"),
            (&[("code_challenge", "")], "invalid_request"),
            (&[("code_challenge_method", "plain")], "invalid_request"),
            (&[("code_challenge_method", "")], "invalid_request"),
            (&[("code_challenge", "short")], "invalid_request"),
            (&[("request", "e30.e30.")], "request_not_supported"),
            (&[("id_token_hint", "e30.e30.")], "invalid_request"),
            (&[("max_age", "-1")], "invalid_request"),
        ] {
            let answer = bank.gets(&asking(changes)).await.answer();
            assert_eq!(answer["error"], error, "{changes:?}");
            assert_eq!((answer["iss"].as_str(), answer["state"].as_str()), (Some(ISSUER), Some("a state & more")));
            assert_eq!(answer["code"], Value::Null);
        }
        let other = bank.gets(&asking(&[("redirect_uri", OTHER), ("prompt", "none")])).await;
        assert!(other.location().starts_with(&format!("{OTHER}&error=login_required&")), "{}", other.location());
        let pushing = [("client_id", PUSHING), ("redirect_uri", "https://account-opening.bank.example/callback"), ("scope", "openid")];
        assert_eq!(bank.gets(&asking(&pushing)).await.answer()["error"], "invalid_request", "it has to push");
        assert_eq!(bank.waiting().await, 0);
        super::relying_parties::suspend(&world.first(), "sandbox-bank", "its keys have leaked").await.unwrap();
        assert_eq!(bank.gets(&asking(&[])).await.answer()["error"], "unauthorized_client");
    }

    async fn what_was_pushed_is_loaded_once_in_time_and_by_its_own_client(world: &World) {
        let bank = Bank::opens(world).await;
        let address = bank.pushes(PUSHING, "first").await;
        let looked = bank.sends(Request::builder().method(Method::HEAD).uri(&address).body(Body::empty()).unwrap()).await;
        assert_eq!((looked.status.as_u16(), looked.header(header::ALLOW)), (405, "GET, POST"), "a look uses nothing up");
        let loads = join_all((0..64).map(|_| bank.gets(&address))).await;
        let (sent, refused): (Vec<&Got>, Vec<&Got>) = loads.iter().partition(|got| got.status == 303);
        assert_eq!((sent.len(), refused.len()), (1, 63));
        assert!(refused.iter().all(|got| got.status == 400 && got.body.contains("This link has been used")));
        assert_eq!(bank.waiting().await, 1);
        assert_eq!(bank.gets(sent[0].page()).await.status, 200);

        let foreign = bank.pushes(PUSHING, "second").await.replace(PUSHING, CLIENT);
        assert_eq!((bank.gets(&foreign).await.status, bank.waiting().await), (StatusCode::BAD_REQUEST, 1));
        assert_eq!(bank.gets(&foreign.replace(CLIENT, PUSHING)).await.status, 303, "another client's try uses nothing up");
        let late = bank.pushes(PUSHING, "third").await;
        world.clock.advance(Duration::from_secs(91));
        assert_eq!(bank.gets(&late).await.status, 400);
        world.clock.set(world.clock.now().minus(Duration::from_secs(60)));
        assert_eq!(bank.gets(&late).await.status, 400, "a clock that is turned back revives nothing");
        for uri in ["urn:ietf:params:oauth:request_uri:", "https://evil.example/request", "urn:ietf:params:oauth:request_uri:none"] {
            assert_eq!(bank.gets(&format!("/oauth2/authorize?{}", parameters_of(PUSHING, uri))).await.status, 400, "{uri}");
        }
    }

    async fn a_request_that_came_to_nothing_goes_back_as_denied(world: &World) {
        let bank = Bank::opens(world).await;
        let anna = bank.citizen("CHAN TAI MAN").await;
        let sent = join_all([(); 4].map(async |()| bank.gets(&asking(&[])).await)).await;
        let [refused, cancelled, expired, ended] = <[Got; 4]>::try_from(sent).ok().unwrap();
        take_up(&world.app, &anna.device(), Shown::Id(refused.id())).await.unwrap();
        refuse(&world.app, &anna.device(), refused.id()).await.unwrap();
        anna.approves(ended.id()).await;
        anna.loses().await;
        let cancel = format!("{}/cancel?lang=zh-Hant", cancelled.page());
        let done = bank.sends(Request::post(&cancel).body(Body::empty()).unwrap()).await;
        assert_eq!((done.status, done.location()), (StatusCode::OK, ""), "a form of ours leads nowhere else by our own policy");
        assert_eq!(done.header(header::REFRESH), format!("0;url={}", cancelled.location()));
        assert!(done.body.contains("未有登入") && done.body.contains(cancelled.location()));
        assert_eq!(bank.sends(Request::get(&cancel).body(Body::empty()).unwrap()).await.status, 405);
        world.clock.advance(WAITS);
        for (got, state) in [(&refused, "refused"), (&cancelled, "refused"), (&ended, "refused"), (&expired, "expired")] {
            let answer = bank.gets(got.page()).await.answer();
            assert_eq!((answer["error"].as_str(), answer["iss"].as_str()), (Some("access_denied"), Some(ISSUER)));
            let data = bank.data(got.page()).await;
            assert_eq!((data["state"].as_str(), query(data["redirect"].as_str().unwrap())), (Some(state), answer));
        }
        expire_due(&world.app).await.unwrap();
        assert_eq!(bank.gets(expired.page()).await.answer()["error"], "access_denied");
    }

    async fn a_hint_puts_the_request_on_a_phone_and_tells_the_client_nothing(world: &World) {
        let bank = Bank::opens(world).await;
        let (anna, ben) = (bank.citizen("CHAN TAI MAN").await, bank.citizen("LEE SIU MING").await);
        let mut hints = Vec::new();
        for phone in [&anna, &ben] {
            let first = bank.gets(&asking(&[])).await.id();
            phone.approves(first).await;
            bank.redeems(first, phone).await;
            let rp = "sandbox-bank".parse().unwrap();
            let subject = world.app.store.write().await.unwrap().subject_of(phone.stored.id, &rp).await.unwrap().unwrap();
            hints.push(BASE64_URL_SAFE_NO_PAD.encode(subject));
        }
        ben.loses().await;
        hints.push(BASE64_URL_SAFE_NO_PAD.encode([7; 16]));
        hints.push("chan.tai.man@example.com".to_owned());
        let mut sizes = Vec::new();
        for hint in &hints {
            let sent = bank.gets(&asking(&[("login_hint", hint)])).await;
            let page = bank.gets(sent.page()).await;
            // The length of the drawing is that of its code's pattern.
            let (before, rest) = page.body.split_once("<svg").unwrap();
            sizes.push((page.status, before.len(), rest.split_once("</svg>").unwrap().1.len()));
        }
        assert!(sizes.iter().all(|size| *size == sizes[0]), "{sizes:?}");
        assert_eq!((anna.shows().await, ben.shows().await), (1, 0));
        for _ in 0..4 {
            assert_eq!(bank.gets(&asking(&[("login_hint", &hints[0])])).await.status, 303);
        }
        assert_eq!(anna.shows().await, 3, "the phone is not asked beyond the limit; whoever holds it may take the page up");
        assert_eq!(world.number("SELECT COUNT(*) FROM citizen_request WHERE terms LIKE '%example.com%'").await, 0);
    }

    async fn names_from_outside_are_text_on_the_page(world: &World) {
        let bank = Bank::opens(world).await;
        let sent = bank.gets(&asking(&[("ui_locales", "fr zh-CN")])).await;
        for (table, column, name, hostile) in [
            ("service", "manifest", "Mobile Banking Login", "</title><script>alert(1)</script>\u{202e}"),
            ("relying_party", "name_zh_hant", "沙盒銀行", "\"><img src=x onerror=alert(2)>"),
        ] {
            let sql = format!("UPDATE {table} SET {column} = REPLACE({column}, '{name}', '{hostile}')");
            assert!(world.execute(&sql).await > 0);
        }
        let page = bank.gets(sent.page()).await;
        assert!(page.body.contains("<html lang=\"zh-Hant\">"), "Chinese is spoken in its one form here");
        assert!(page.body.contains("&lt;script&gt;alert(1)&lt;/script&gt;\\u{202e}") && page.body.contains("&quot;&gt;&lt;img"));
        assert!(!page.body.contains("<script") && !page.body.contains("<img") && !page.body.contains('\u{202e}'));
        let english = bank.gets(&format!("{}?lang=en", sent.page())).await;
        assert!(english.body.contains("<html lang=\"en\">") && english.body.contains("/cancel?lang=en"));
        let odd = bank.gets(&format!("{}?lang=%22%3E%3Cscript%3E", sent.page())).await;
        assert!(odd.status == 200 && !odd.body.contains("<script"));
    }

    async fn a_kiosk_asks_for_data_and_a_form_asks_as_well_as_an_address(world: &World) {
        let bank = Bank::opens(world).await;
        let data = bank.data(&asking(&[])).await;
        let id: CitizenRequestId = data["request"].as_str().unwrap().parse().unwrap();
        assert_eq!(data["poll"], format!("{ISSUER}/oauth2/requests/{id}"));
        let members: Vec<&String> = data.as_object().unwrap().keys().collect();
        assert_eq!(members, ["request", "state", "comparison_code", "app_link", "expires_at", "poll", "redirect"]);
        let form = asking(&[]).split_once('?').unwrap().1.to_owned();
        let post = |kind: &str, form: String| {
            Request::post("/oauth2/authorize").header(header::CONTENT_TYPE, kind).body(Body::from(form)).unwrap()
        };
        let form_type = "application/x-www-form-urlencoded";
        assert!(bank.sends(post(form_type, form.clone())).await.location().starts_with(ISSUER));
        bank.sends(post("application/json", form.clone())).await.turned_away("another content type");
        let long = bank.sends(post(form_type, format!("{form}&x={}", "x".repeat(1024 * 1024)))).await;
        assert_eq!((long.status, long.location()), (StatusCode::PAYLOAD_TOO_LARGE, ""));
        let request = Request::get(asking(&[("client_id", "no.client")])).header(header::ACCEPT, "application/json");
        let bad = bank.sends(request.body(Body::empty()).unwrap()).await;
        let body: Value = serde_json::from_str(&bad.body).unwrap();
        assert_eq!((bad.status, body["error"].as_str()), (StatusCode::BAD_REQUEST, Some("invalid_request")));
        assert_eq!(body["request_id"], bad.header(api::REQUEST_ID));
    }

    async fn an_address_that_leads_nowhere_says_no_more_than_one_that_cannot(world: &World) {
        let bank = Bank::opens(world).await;
        let anna = bank.citizen("CHAN TAI MAN").await;
        let mut pages = Vec::new();
        for id in ["01890a5d-ac96-774b-bcce-b302099a8057", "nonsense", "%3Cscript%3E", "%ff", "01890a5d", &"a".repeat(5_000)] {
            for path in [format!("/oauth2/requests/{id}"), format!("/oauth2/requests/{id}?lang=en&lang=zh&%ff")] {
                let got = bank.gets(&path).await;
                assert_eq!(got.status, 404);
                pages.push(got.body.replace(got.header(api::REQUEST_ID), ""));
            }
            let cancel = Request::post(format!("/oauth2/requests/{id}/cancel")).body(Body::empty()).unwrap();
            assert_eq!(bank.sends(cancel).await.status, 404);
        }
        assert!(pages.iter().all(|page| *page == pages[0]));
        let link = bank.gets("/app/link/AAECAwQFBgcICQoLDA0ODw").await;
        assert_eq!(link.status, 200);
        assert!(link.body.contains("Open this with the “iAM Smart” app") && link.body.contains("請用「智方便」應用程式開啟"));
        for link in ["AAECAwQFBgcICQoLDA0ODw-", "%ff"] {
            assert_eq!(bank.gets(&format!("/app/link/{link}")).await.status, 404);
        }
        assert_eq!(anna.shows().await, 0);
    }
}

both_engines! {
    from Setup::default().with("surge-at-work", "1").with("surge-waiting", "0");

    async fn a_crowd_of_browsers_is_asked_to_come_again(world: &World) {
        let bank = Bank::opens(world).await;
        let sent = bank.gets(&asking(&[])).await;
        let mut turns = Vec::new();
        for name in 0..1_000_u32 {
            let from = CameFrom([192, 0, 2, name.to_be_bytes()[3]].into());
            turns.extend(world.app.surge.door(from, &name.to_be_bytes()).await);
        }
        assert_eq!(turns.len(), 4, "all that may be at work");
        let crowded = bank.gets(&asking(&[])).await;
        assert_eq!((crowded.status.as_u16(), crowded.location(), crowded.header(header::RETRY_AFTER)), (429, "", "5"));
        assert!(crowded.body.contains("Please try again in a moment"));
        let waiting = bank.gets(sent.page()).await;
        assert_eq!((waiting.status.as_u16(), waiting.header(header::REFRESH)), (503, "5"), "it goes on by itself");
        drop(turns);
        assert_eq!(bank.gets(sent.page()).await.status, 200);
        assert_eq!(bank.waiting().await, 1);
    }
}
