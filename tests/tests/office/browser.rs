//! The page that waits, in the browser that citizens have.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpListener;
use std::thread::JoinHandle;

use domain::{CitizenRequestId, ClientProfile, Clock, KeyPurpose, RequestId};
use openssl::sha::sha256;
use openssl::x509::X509;
use server::clock::SystemEntropy;
use server::keys::LISTENERS;
use server::request::{Device, approve, take_up};
use server::store::{Housekeeping, Shown};
use tests::browser::Browser;
use tests::world::wire::Serving;
use tests::{World, both_engines};

const HOST: &str = "iam.example";

/// The public half of the key that the listeners show, as browsers pin it.
async fn shown_key(world: &World) -> [u8; 32] {
    let row = world.app.store.read().await.unwrap().active_key(KeyPurpose::ServerTls, LISTENERS).await.unwrap().unwrap();
    let certificate = X509::from_der(&row.certificate.unwrap()).unwrap();
    sha256(&certificate.public_key().unwrap().public_key_to_der().unwrap())
}

/// A service that takes one visitor; gives what they asked for.
fn service() -> (String, JoinHandle<String>) {
    let door = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = format!("http://{}/callback", door.local_addr().unwrap());
    let visitor = std::thread::spawn(move || {
        loop {
            let (mut stream, _) = door.accept().unwrap();
            let mut line = String::new();
            BufReader::new(&stream).read_line(&mut line).unwrap();
            let page = "HTTP/1.1 200 OK\r\nContent-Length: 7\r\nConnection: close\r\n\r\nwelcome";
            stream.write_all(page.as_bytes()).unwrap();
            if line.starts_with("GET /callback") {
                return line;
            }
        }
    });
    (address, visitor)
}

fn asking(redirect: &str, locale: &str) -> String {
    let mut query = url::form_urlencoded::Serializer::new(String::new());
    query.extend_pairs([
        ("client_id", "sandbox-bank.mobile-banking-login"),
        ("redirect_uri", redirect),
        ("response_type", "code"),
        ("scope", "openid profile"),
        ("state", "s-1"),
        ("ui_locales", locale),
        ("code_challenge", "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"),
        ("code_challenge_method", "S256"),
    ]);
    format!("https://{HOST}/oauth2/authorize?{}", query.finish())
}

async fn opens(world: &World, redirect: &str) -> (Serving, Browser) {
    let mut bank = tests::fixtures::party("sandbox-bank");
    bank.services[0].client_profile = Some(ClientProfile::Oidc);
    bank.services[0].redirect_uris = vec![redirect.to_owned()];
    bank.services[0].scopes = ["openid", "profile"].map(str::to_owned).to_vec();
    super::relying_parties::apply(&world.first(), &[bank]).await.unwrap();
    let serving = world.serves().await;
    let key = shown_key(world).await;
    let browser = Browser::starts(HOST, serving.addresses.public, &key, "en-GB");
    (serving, browser)
}

fn is_safe_to_look_at(browser: &mut Browser) {
    for (width, height) in [(1280, 900), (320, 640)] {
        browser.is_sized(width, height);
        let overflow = browser.finds("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(overflow, 0, "nothing is cut off {width} points wide");
    }
}

both_engines! {
    from Setup::today();

    async fn the_page_waits_without_a_script_and_goes_on_once_the_phone_has_answered(world: &World) {
        let (redirect, visitor) = service();
        let (serving, mut browser) = opens(world, &redirect).await;
        browser.runs_no_scripts();
        browser.goes_to(&asking(&redirect, "en"));
        let page = browser.arrives_at("https://iam.example/oauth2/requests/");
        let id: CitizenRequestId = page.rsplit('/').next().unwrap().parse().unwrap();
        let text = browser.finds("document.body.innerText");
        let text = text.as_str().unwrap();
        let row = world.app.store.read().await.unwrap().citizen_request(id).await.unwrap().unwrap();
        let code = row.code.unwrap();
        for needed in ["Log in with “iAM Smart”", "Mobile Banking Login", "沙盒銀行", &format!("{}-{}", &code[..3], &code[3..])] {
            assert!(text.contains(needed), "{needed} is missing: {text}");
        }
        let green = browser.finds("getComputedStyle(document.querySelector('a.button')).backgroundColor");
        assert_eq!(green, "rgb(11, 83, 81)", "the policy lets our own style in");
        is_safe_to_look_at(&mut browser);
        assert_eq!(browser.arrives_at("https://iam.example/oauth2/requests/"), page, "it has loaded itself again");

        let citizen = world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await;
        let mut tx = world.app.store.write().await.unwrap();
        let stored = tx.account(citizen.account).await.unwrap().unwrap();
        tx.insert_device(stored.id, "phone", "{}", world.clock.now()).await.unwrap();
        tx.commit_housekeeping(Housekeeping::Asked).await.unwrap();
        let request = RequestId::new(world.clock.now(), &SystemEntropy);
        let device = Device { owner: stored.id, account: citizen.account, thumbprint: "phone", request };
        take_up(&world.app, &device, Shown::Id(id)).await.unwrap();
        approve(&world.app, &device, id, &[]).await.unwrap();

        let there = browser.arrives_at(&redirect);
        let line = visitor.join().unwrap();
        assert!(there.contains("code=") && there.contains("&state=s-1&iss=https%3A%2F%2Fiam.example"), "{there}");
        assert!(line.contains("code="), "{line}");
        assert_eq!(browser.finds("document.body.innerText"), "welcome");
        assert_eq!(browser.complaints, [""; 0], "no policy was broken");
        serving.stops().await;
    }

    async fn who_does_not_want_to_is_taken_back_at_once(world: &World) {
        let (redirect, visitor) = service();
        let (serving, mut browser) = opens(world, &redirect).await;
        browser.goes_to(&asking(&redirect, "zh-HK"));
        browser.arrives_at("https://iam.example/oauth2/requests/");
        let text = browser.finds("document.body.innerText");
        assert!(text.as_str().unwrap().contains("以「智方便」登入"), "{text}");
        is_safe_to_look_at(&mut browser);
        assert!(browser.finds("document.querySelector('form button').click()").is_null());
        let there = browser.arrives_at(&redirect);
        assert!(there.contains("error=access_denied"), "{there}");
        assert!(visitor.join().unwrap().contains("state=s-1"));
        assert_eq!(browser.complaints, [""; 0], "no policy was broken");
        serving.stops().await;
    }
}
