//! What a citizen and the services say, through everything that a citizen does, and a search for it wherever it may have stayed.

use std::collections::BTreeSet;

use api::app::registration::{Card, Photo, REGISTRATIONS, Register, Registering};
use client::phone::{Kept, KeptKeys, Line, Phone, Signed};
use client::{ClientError, surroundings};
use domain::{Channel, Claim, Tier, synthetic};
use http::{HeaderValue, Method, Request, header};
use http_body_util::Full;
use pki::{KeyKind, PrivateKey};
use serde_json::json;
use tests::daemon::{Daemon, Running};
use tests::party::{Party, TOKEN};
use tests::world::client::Reply;
use url::Url;
use url::form_urlencoded::Serializer;

use super::records::{beside_records, card};
use super::secrets::{Canaries, files, places};
use crate::on_both;

/// Nobody else's name, number and phone look like theirs.
const PERSON: u32 = 24_681_357;
const MESSAGE: &str = "Pay for 3 owls";
const HTML: HeaderValue = HeaderValue::from_static("text/html");
const NOTE: &str = "the caller wept bitterly";
const CLAIMS: [Claim; 4] = [Claim::Name, Claim::NameZhHant, Claim::Birthdate, Claim::PhoneNumber];

/// Bytes like those of a picture: no two of them alike.
fn photo(of: u32) -> Vec<u8> {
    let mut state = of;
    let draw = || {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        state.to_be_bytes()[0]
    };
    std::iter::repeat_with(draw).take(48 * 1024).collect()
}

fn hkic() -> String {
    card(PERSON).hkic.expose().to_owned()
}

fn canaries() -> Canaries {
    let Card { hkic, name, birth_date, .. } = card(PERSON);
    let texts = [
        ("their number", hkic.expose().split('(').next().unwrap()),
        ("their name", &name.en),
        ("their Chinese name", name.zh_hant.as_deref().unwrap()),
        ("their birthday", &birth_date.to_string()),
        ("their birthday as digits", &birth_date.to_string().replace('-', "")),
        ("their phone", "85204681357"),
        ("what a service told them", MESSAGE),
        ("what they told the hotline", NOTE),
    ];
    Canaries::of_texts(&texts).and_photo("a photo of their card", &photo(1)).and_photo("their photo", &photo(2))
}

/// Registers by phone, with photos; the name on the card is `name`, or their own.
async fn registers(line: &Line, name: Option<&str>) -> Result<Phone, ClientError> {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let keys = KeptKeys::new(&key, None).unwrap();
    let mut card = card(PERSON);
    if let Some(name) = name {
        name.clone_into(&mut card.name.en);
    }
    let asks = Register {
        channel: Channel::Remote,
        tier: Tier::IamSmart,
        card,
        phone: synthetic::person(PERSON).unwrap().phone,
        card_photo: Some(Photo::new(photo(1))),
        selfie: Some(Photo::new(photo(2))),
        device_name: Some("a phone".to_owned()),
    };
    let done: Registering = line.send(&Signed::by(key).unwrap(), Method::POST, REGISTRATIONS, &asks).await?;
    let (account, registered_at) = (done.bound.unwrap().account, surroundings::now());
    let kept =
        Kept { account, person: PERSON, tier: Tier::IamSmart, channel: Channel::Remote, location: None, registered_at, keys };
    Phone::new(line.clone(), &kept)
}

/// Logs in by a code, with the page once as people see it, and by the back channel; gives a refresh token.
async fn logs_in(party: &Party, phone: &Phone) -> String {
    let scope = "openid profile phone offline_access";
    let request_uri = party.request_uri(&[("scope", scope)]).await;
    let mut page = party.authorization(&request_uri);
    page.headers_mut().insert(header::ACCEPT, HTML);
    let shown = party.sends(page).await;
    assert_eq!(shown.status, 303, "{}", shown.body);
    let address = Url::parse(&party.issuer).unwrap().join(shown.headers[header::LOCATION].to_str().unwrap()).unwrap();
    let mut page = party.get(address.path(), None);
    page.headers_mut().insert(header::ACCEPT, HTML);
    let page = party.sends(page).await;
    assert!(page.status == 200 && page.body.contains("<html"), "{} {}", page.status, page.body);

    let code = party.code(phone, scope, &CLAIMS).await;
    let tokens = party.sends(party.exchange(&code)).await;
    assert_eq!(tokens.status, 200, "{}", tokens.body);
    let told = party.sends(party.get("/oauth2/userinfo", Some(tokens.text("access_token")))).await;
    assert_eq!((told.text("name"), told.text("phone_number")), (card(PERSON).name.en.as_str(), "+85204681357"));
    let all = BTreeSet::from(["their name", "their Chinese name", "their birthday", "their phone"]);
    assert_eq!(canaries().found_in(told.body.as_bytes()), all, "{}", told.body);

    let (auth_req_id, waiting) = party.asks_for(phone, &[("scope", scope), ("binding_message", MESSAGE)]).await;
    assert_eq!(waiting.binding_message.as_deref(), Some(MESSAGE));
    phone.approve(waiting.request, CLAIMS.to_vec()).await.unwrap();
    let by_phone = party.sends(party.poll(&auth_req_id)).await;
    let renewed = party.sends(party.refresh(by_phone.text("refresh_token"))).await;
    assert_eq!(renewed.status, 200, "{}", renewed.body);
    for token in [renewed.text("access_token"), renewed.text("refresh_token")] {
        let told = party.sends(party.form("/oauth2/introspect", &[("token", token)])).await;
        assert_eq!(told.json["active"], true, "{}", told.body);
    }
    assert!(!phone.uses().await.unwrap().is_empty() && !phone.consents().await.unwrap().is_empty());

    let form = Serializer::new(String::new()).append_pair("id_token_hint", tokens.text("id_token")).finish();
    let logout = Request::post("/oauth2/logout").header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    assert_eq!(party.sends(logout.body(Full::from(form)).unwrap()).await.status, 200);
    renewed.text("refresh_token").to_owned()
}

/// Says it where it does not belong; whoever refuses does not repeat it.
async fn says_it_in_the_wrong_place(party: &Party, phone: &Phone) {
    let (number, name) = (hkic(), card(PERSON).name.en.clone());
    let hint = phone.login_hint().await.unwrap().login_hint_token;
    let wrong_proof = party.proof("GET", TOKEN, None);
    let client_credentials = [("grant_type", "client_credentials")];
    let query = Serializer::new(String::new())
        .append_pair("client_id", &party.id.to_string())
        .append_pair("login_hint", &number)
        .append_pair("state", &name)
        .finish();
    let refused: [(&str, Reply); 6] = [
        ("a code", party.sends(party.exchange(&number)).await),
        ("a refresh token", party.sends(party.refresh(&name)).await),
        ("a hint", party.sends(party.form("/oauth2/bc-authorize", &[("scope", "openid"), ("login_hint", &number)])).await),
        ("a scope", party.sends(party.form("/oauth2/bc-authorize", &[("scope", &name), ("login_hint_token", &hint)])).await),
        ("an address", party.sends(party.get(&format!("/oauth2/authorize?{query}"), None)).await),
        (
            "a proof",
            party
                .sends(party.form_with(TOKEN, &client_credentials, &party.assertion(), Some(&format!("{wrong_proof}.{number}"))))
                .await,
        ),
    ];
    for (place, reply) in refused {
        assert!(reply.status.is_client_error(), "{place}: {} {}", reply.status, reply.body);
        assert!(canaries().found_in(reply.body.as_bytes()).is_empty(), "{place}: {}", reply.body);
    }
    let wrong_proof = party.form_with(TOKEN, &client_credentials, &party.assertion(), Some(&wrong_proof));
    assert_eq!(party.sends(wrong_proof).await.text("error"), "invalid_dpop_proof");
}

/// The hotline finds the caller by what they say, and suspends the account.
fn calls_the_hotline(daemon: &Daemon) {
    let call = daemon.json(&["hotline", "open"], "")["call"].as_str().unwrap().to_owned();
    let by_phone = daemon.json(&["hotline", "find", "--call", &call, "--phone", "-"], "+85204681357\n");
    let found = daemon.json(&["hotline", "find", "--call", &call, "--hkic", "-"], &format!("{}\n", hkic()));
    assert_eq!(found, by_phone);
    let account = found[0]["account"].as_str().unwrap();
    daemon.json(&["hotline", "suspend", account, "--call", &call, "--reason", "other", "--note", NOTE], "");
}

fn line(daemon: &Daemon, running: &Running) -> Line {
    let ca = std::fs::read(daemon.data_dir.join("first-operator/ca.crt")).unwrap();
    Line::open(&format!("https://localhost:{}", running.public.port()), &ca).unwrap()
}

on_both! {
    async fn nothing_that_was_said_stays_anywhere(engine: Engine) {
        let (daemon, records) = beside_records(engine).await;
        let mut running = daemon.serves();
        let line = line(&daemon, &running);
        let refused = registers(&line, Some(&format!("{} X", card(PERSON).name.en))).await.unwrap_err();
        assert!(canaries().found_in(format!("{refused:?}").as_bytes()).is_empty(), "{refused:?}");
        let phone = registers(&line, None).await.unwrap();
        let more = json!({ "ciba": "poll", "scopes": ["openid", "profile", "phone"], "offlineAccess": true });
        let party = Party::joins(&daemon, &running, "drill-office.counter", &more).await;
        let refresh = logs_in(&party, &phone).await;
        says_it_in_the_wrong_place(&party, &phone).await;
        calls_the_hotline(&daemon);
        assert_eq!(party.sends(party.refresh(&refresh)).await.text("error"), "invalid_grant");

        let mut places = places(&daemon, &running).await;
        assert!(running.stops().success());
        places.extend(files(&daemon.data_dir));
        places.push(("the records' output".to_owned(), records.ends()));
        canaries().are_in_none_of(&places);

        // The search finds what is there.
        let there = [
            ("the party", "Office of drill-office"),
            ("the log", "serving"),
            ("the metrics", "iam_operations_total"),
            ("the records", "https://"),
        ];
        let there = Canaries::of_texts(&there);
        let holds = |place: &str, name: &str| {
            let mut held = places.iter().filter(|(at, _)| at.ends_with(place));
            assert!(held.any(|(_, bytes)| there.found_in(bytes).contains(name)), "{place} does not hold {name}");
        };
        match daemon.database {
            None => holds("iam.db", "the party"),
            Some(_) => assert!(!places.iter().any(|(at, _)| at.ends_with("iam.db"))),
        }
        assert!(places.iter().any(|(at, bytes)| !at.contains('/') && there.found_in(bytes).contains("the party")), "no column");
        holds("log", "the log");
        holds("metrics", "the metrics");
        holds("the records' output", "the records");
    }
}
