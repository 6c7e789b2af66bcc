//! The app on a citizen's phone: what it shows, what is decided there, and who is believed to be the citizen.

use std::time::Duration;

use api::account::{Ended, ShowAccount, SuspendAccount};
use api::app::own::{self, Use};
use api::app::request::{self, Decision};
use api::sandbox::ListRequests;
use api::{Page, Problem};
use domain::{AccountState, CallRef, Claim, Clock, RequestState, SuspensionReason, Tier, UsageChannel};
use http::Method;
use server::request::Door;
use tests::world::phone::Phone;
use tests::{World, both_engines};

use super::citizen_requests::{Office, opened};

const CLIENT: &str = "sandbox-bank.mobile-banking-login";

fn code<T: std::fmt::Debug>(done: Result<T, Problem>) -> (u16, String) {
    let problem = done.unwrap_err();
    (problem.status, problem.code)
}

fn refused(status: u16, code: &str) -> (u16, String) {
    (status, code.to_owned())
}

async fn anna(world: &World) -> Phone<'_> {
    world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await.phone(world).await
}

async fn ben(world: &World) -> Phone<'_> {
    world.citizen("LEE SIU MING").registers_remotely().await.phone(world).await
}

async fn owner(world: &World, phone: &Phone<'_>) -> uuid::Uuid {
    world.app.store.read().await.unwrap().account(phone.account).await.unwrap().unwrap().id
}

both_engines! {
    async fn a_citizen_takes_up_what_a_screen_shows_and_approves_a_part(world: &World) {
        let office = Office::opens(world).await;
        let (anna, ben) = (anna(world).await, ben(world).await);
        let row = opened(office.asks(Door::Screen(None)).await.unwrap());
        let id = row.id().unwrap();
        assert_eq!(anna.requests().await.unwrap(), [], "it is on a screen, not on her phone");

        let shown = row.code.clone().unwrap();
        let taken = anna.takes_up(&shown).await.unwrap();
        assert_eq!((taken.request, taken.client.to_string().as_str(), taken.tier), (id, CLIENT, Tier::IamSmart));
        assert_eq!((taken.channel, taken.claims.as_slice()), (UsageChannel::Qr, &[Claim::Name, Claim::PhoneNumber][..]));
        assert_eq!(taken.comparison_code.unwrap().to_string(), shown, "to be compared with the screen");
        assert!(!taken.service.en.is_empty() && !taken.organisation.zh_hant.is_empty());
        assert_eq!(anna.requests().await.unwrap(), [taken]);
        // It is hers: nobody else sees that it is there, in whatever way they name it.
        let page = format!("https://iam.example/oauth2/requests/{id}");
        for shown in [&shown, &page, &id.to_string()] {
            assert_eq!(code(ben.takes_up(shown).await), refused(404, "request.not-found"));
        }
        assert_eq!(code(ben.approves(id, &[]).await), refused(404, "request.not-found"));
        assert_eq!(code(ben.refuses(id).await), refused(404, "request.not-found"));

        assert_eq!(code(anna.approves(id, &[Claim::Gender]).await), refused(422, "request.claims"));
        let decided = anna.approves(id, &[Claim::Name]).await.unwrap();
        assert_eq!((decided.request, decided.state, decided.decided_at), (id, Decision::Approved, world.clock.now()));
        assert_eq!(anna.requests().await.unwrap(), []);
        assert_eq!(code(anna.refuses(id).await), refused(409, "request.over"));
        let approved = anna.uses().await.unwrap().remove(0);
        assert_eq!((approved.state, approved.ended_at), (RequestState::Approved, None));

        office.redeems(id).await.unwrap();
        let used = anna.uses().await.unwrap().remove(0);
        assert_eq!((used.request, used.state, used.claims), (id, RequestState::Redeemed, vec![Claim::Name]));
        assert_eq!(used.ended_at, Some(world.clock.now()));
        assert_eq!(ben.uses().await.unwrap(), []);
        let account = anna.account.to_string();
        for action in ["request.take-up", "request.approve"] {
            assert_eq!(world.audited(action).await, [(account.clone(), account.clone(), "done".to_owned())], "{action}");
        }
    }

    async fn what_is_sent_to_the_phone_is_there_and_can_be_refused(world: &World) {
        let office = Office::opens(world).await;
        let anna = anna(world).await;
        let id = office.asked(Door::Phone(owner(world, &anna).await)).await;
        let waiting = anna.requests().await.unwrap().remove(0);
        assert_eq!((waiting.request, waiting.channel, waiting.comparison_code), (id, UsageChannel::Backchannel, None));
        assert_eq!(anna.refuses(id).await.unwrap().state, Decision::Refused);
        assert_eq!(anna.uses().await.unwrap()[0].state, RequestState::Refused);
        assert_eq!(anna.consents().await.unwrap(), []);
        // What nobody answers is over in time, whether that was noted or not.
        world.clock.advance(Duration::from_secs(1));
        office.asked(Door::Phone(owner(world, &anna).await)).await;
        world.clock.advance(Duration::from_mins(5));
        assert_eq!(anna.requests().await.unwrap(), []);
        assert_eq!(anna.uses().await.unwrap()[0].state, RequestState::Expired);
    }

    async fn the_past_is_told_in_pages_and_to_nobody_else(world: &World) {
        let office = Office::opens(world).await;
        let (anna, ben) = (anna(world).await, ben(world).await);
        let mut asked = Vec::new();
        for _ in 0..5 {
            let id = office.asked(Door::Phone(owner(world, &anna).await)).await;
            anna.refuses(id).await.unwrap();
            asked.push(id);
            world.clock.advance(Duration::from_mins(3));
        }
        asked.reverse();
        let mut told = Vec::new();
        let mut path = format!("{}?limit=2", own::USES);
        for rows in [2, 2, 1] {
            let page: Page<Use> = anna.get(&path).await.unwrap();
            assert_eq!((page.items.len(), page.next.is_some()), (rows, rows == 2));
            told.extend(page.items.iter().map(|row| row.request));
            path = format!("{}?limit=2&after={}", own::USES, page.next.unwrap_or_default());
        }
        assert_eq!(told, asked);
        assert_eq!(anna.uses().await.unwrap().len(), 5);
        let of_another: Page<Use> = ben.get(&format!("{}?after={}", own::USES, asked[0])).await.unwrap();
        assert_eq!((of_another.items, of_another.next), (vec![], None), "another's place is no place");
        for (bad, told) in [("after=x", "page.after"), ("limit=0", "request.invalid"), ("limit=201", "request.invalid"), ("more=1", "request.invalid")] {
            assert_eq!(code(anna.get::<Page<Use>>(&format!("{}?{bad}", own::USES)).await), refused(422, told), "{bad}");
        }
    }

    async fn a_consent_that_is_withdrawn_ends_that_services_logins_and_no_others(world: &World) {
        let office = Office::opens(world).await;
        let (anna, ben) = (anna(world).await, ben(world).await);
        for phone in [&anna, &ben] {
            let id = office.asked(Door::Phone(owner(world, phone).await)).await;
            phone.approves(id, &[Claim::Name]).await.unwrap();
            office.redeems(id).await.unwrap();
        }
        let approved = office.asked(Door::Phone(owner(world, &anna).await)).await;
        anna.approves(approved, &[Claim::PhoneNumber]).await.unwrap();
        let consent = anna.consents().await.unwrap().remove(0);
        assert_eq!((consent.client.to_string().as_str(), consent.claims), (CLIENT, vec![Claim::PhoneNumber]));

        let withdrawn = anna.withdraws(CLIENT).await.unwrap();
        assert_eq!((withdrawn.client.to_string().as_str(), withdrawn.sessions, withdrawn.tokens), (CLIENT, 1, 1));
        assert_eq!(anna.consents().await.unwrap(), []);
        assert!(office.redeems(approved).await.is_err(), "what she had approved before is taken back with it");
        assert_eq!(world.numbers("SELECT COUNT(*) FROM login WHERE ended_at IS NULL").await, [1], "Ben's");
        for client in [CLIENT, "sandbox-bank.no-such", "no client"] {
            assert_eq!(code(anna.withdraws(&client.replace(' ', "%20")).await), refused(404, "consent.not-found"), "{client}");
        }
        let account = anna.account.to_string();
        assert_eq!(world.audited("consent.withdraw").await, [(account.clone(), account, "done".to_owned())]);
        // Given again, it begins anew.
        world.clock.advance(Duration::from_mins(1));
        let again = office.asked(Door::Phone(owner(world, &anna).await)).await;
        anna.approves(again, &[]).await.unwrap();
        let given = anna.consents().await.unwrap().remove(0);
        assert_eq!((given.claims.len(), given.given_at), (0, world.clock.now()));
    }

    async fn a_citizen_suspends_their_own_account_as_the_hotline_would(world: &World) {
        let office = Office::opens(world).await;
        let anna = anna(world).await;
        let owner = owner(world, &anna).await;
        let redeemed = office.asked(Door::Phone(owner)).await;
        anna.approves(redeemed, &[]).await.unwrap();
        office.redeems(redeemed).await.unwrap();
        office.asked(Door::Phone(owner)).await;

        let suspended = anna.suspends().await.unwrap();
        assert_eq!(suspended.ended, Ended { sessions: 1, tokens: 1, requests: 1, certificates: 0 });
        assert_eq!((suspended.account, suspended.state, suspended.relying_parties), (anna.account, AccountState::Suspended, 1));
        let view = world.first().call(&ShowAccount { account: anna.account }).await.unwrap();
        let facts = view.suspended.unwrap();
        assert_eq!((facts.reason, facts.by, facts.call), (SuspensionReason::CallerRequest, None, None));
        let account = anna.account.to_string();
        assert_eq!(world.audited("account.suspend").await, [(account.clone(), account, "done".to_owned())]);
        // The app may ask for nothing any more, and is told why.
        assert_eq!(code(anna.requests().await), refused(403, "account.suspended"));
        assert_eq!(code(anna.suspends().await), refused(403, "account.suspended"));
        assert_eq!(code(anna.login_hint().await), refused(403, "account.suspended"));
        // The hotline finds it done.
        let again = SuspendAccount {
            account: anna.account, reason: SuspensionReason::LostDevice, call: None::<CallRef>, note: None,
        };
        assert!(world.first().call(&again).await.unwrap().already);
    }

    async fn only_the_device_in_use_is_the_citizen(world: &World) {
        let citizen = world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await;
        let first = citizen.phone(world).await;
        assert_eq!(first.requests().await.unwrap(), []);
        let stranger = Phone::unbound(world, citizen.account);
        assert_eq!(code(stranger.requests().await), refused(401, "device.unknown"));
        world.clock.advance(Duration::from_secs(1));
        let second = citizen.phone(world).await;
        assert_eq!(code(first.requests().await), refused(401, "device.ended"));
        assert_eq!(second.requests().await.unwrap(), []);
        let turned_away = world.audited("app.connect").await;
        let shown: Vec<&str> = turned_away.iter().map(|(_, subject, _)| subject.as_str()).collect();
        assert_eq!(shown, [stranger.thumbprint(), first.thumbprint()]);
    }

    async fn a_proof_is_of_one_request_and_one_minute(world: &World) {
        let anna = anna(world).await;
        let get = anna.says(Method::GET, request::REQUESTS, None);
        let ask = async |method: Method, path: &str, body: &str, proof: &str| {
            code(anna.send::<serde_json::Value>(method, path, body.into(), proof).await.reply)
        };
        let good = anna.proof(&get);
        anna.send::<serde_json::Value>(Method::GET, request::REQUESTS, Vec::new(), &good).await.reply.unwrap();
        assert_eq!(ask(Method::GET, request::REQUESTS, "", &good).await, refused(401, "proof.replayed"));

        let invalid = refused(401, "proof.invalid");
        let of = |says: &tests::world::phone::Says| anna.proof(says);
        for (text, proof) in [
            ("no proof at all", "x".to_owned()),
            ("another method", of(&anna.says(Method::POST, request::REQUESTS, None))),
            ("another path", of(&anna.says(Method::GET, "/app/v1/uses", None))),
            ("over a body", of(&anna.says(Method::GET, request::REQUESTS, Some(b"{}".to_vec())))),
            ("a minute old", {
                let at = world.clock.now().minus(Duration::from_secs(61));
                of(&tests::world::phone::Says { at, ..anna.says(Method::GET, request::REQUESTS, None) })
            }),
            ("of tomorrow", {
                let at = world.clock.now().plus(Duration::from_hours(24));
                of(&tests::world::phone::Says { at, ..anna.says(Method::GET, request::REQUESTS, None) })
            }),
        ] {
            assert_eq!(ask(Method::GET, request::REQUESTS, "", &proof).await, invalid, "{text}");
        }
        let claim = |body: Option<&str>| anna.proof(&anna.says(Method::POST, request::CLAIM, body.map(Into::into)));
        let body = r#"{"shown":"0"}"#;
        assert_eq!(ask(Method::POST, request::CLAIM, body, &claim(None)).await, invalid, "the body is not signed");
        assert_eq!(ask(Method::POST, request::CLAIM, body, &claim(Some(r#"{"shown":"1"}"#))).await, invalid);
        assert_eq!(ask(Method::POST, request::CLAIM, body, &claim(Some(body))).await, refused(404, "request.not-found"));
        // A clock that is turned back lets no old proof in.
        let old = anna.proof(&anna.says(Method::GET, request::REQUESTS, None));
        world.clock.advance(Duration::from_hours(2));
        assert_eq!(ask(Method::GET, request::REQUESTS, "", &old).await, invalid);
        world.clock.set(world.clock.now().minus(Duration::from_hours(2)));
        assert_eq!(ask(Method::GET, request::REQUESTS, "", &old).await, invalid);
    }

    async fn a_body_that_is_none_is_refused_and_not_repeated(world: &World) {
        let anna = anna(world).await;
        for (body, status, expected) in [
            ("", 422, "request.invalid"),
            ("[]", 422, "request.invalid"),
            (r#"{"shown":"0","hkic":"QA000001(2)"}"#, 422, "request.invalid"),
            (r#"{"shown":"0"} {}"#, 422, "request.invalid"),
            (&format!(r#"{{"shown":"{}"}}"#, "0".repeat(70_000)), 413, "request.too-large"),
        ] {
            let says = anna.says(Method::POST, request::CLAIM, Some(body.as_bytes().to_vec()));
            let proof = anna.proof(&says);
            let problem = anna.send::<serde_json::Value>(Method::POST, request::CLAIM, body.into(), &proof).await.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (status, expected), "{problem:?}");
            assert!(!format!("{problem:?}").contains("QA000001"), "{problem:?}");
            let words: Vec<&str> = problem.fields.iter().map(|field| field.message.as_str()).collect();
            assert!(!words.concat().contains('`'), "{words:?}");
            assert!(!words.concat().contains(" at line ") || body.is_empty(), "a field is named: {words:?}");
        }
    }

    async fn a_proof_that_is_shown_twice_is_to_be_made_anew_and_nothing_else(world: &World) {
        let anna = anna(world).await;
        let proof = anna.proof(&anna.says(Method::GET, request::REQUESTS, None));
        let ask = async || anna.send::<serde_json::Value>(Method::GET, request::REQUESTS, Vec::new(), &proof).await.reply;
        ask().await.unwrap();
        let problem = ask().await.unwrap_err();
        let hint = problem.hint.unwrap();
        assert_eq!((problem.status, problem.code.as_str()), (401, "proof.replayed"));
        assert!(hint.contains("sign the request again") && !hint.contains("register"), "{hint}");
    }

    async fn whoever_guesses_codes_has_to_wait(world: &World) {
        let office = Office::opens(world).await;
        let (anna, ben) = (anna(world).await, ben(world).await);
        let shown = opened(office.asks(Door::Screen(None)).await.unwrap()).code.unwrap();
        for _ in 0..5 {
            assert_eq!(code(anna.takes_up("000000").await), refused(404, "request.not-found"));
        }
        assert_eq!(code(anna.takes_up(&shown).await), refused(429, "request.guesses"));
        ben.takes_up(&shown).await.unwrap();
        world.clock.advance(Duration::from_mins(1));
        assert_eq!(code(anna.takes_up("000000").await), refused(404, "request.not-found"));
    }

    async fn a_login_hint_says_who_to_the_platform_alone(world: &World) {
        let anna = anna(world).await;
        let hint = anna.login_hint().await.unwrap();
        assert_eq!(hint.expires_at, world.clock.now().plus(Duration::from_mins(5)));
        let unlocked = world.app.keys.now();
        let read = unlocked.handles().read_login_hint(&hint.login_hint_token).unwrap().unwrap();
        assert_eq!(read, (owner(world, &anna).await, hint.expires_at));
        assert_ne!(anna.login_hint().await.unwrap().login_hint_token, hint.login_hint_token);
    }

    async fn virtual_phones_find_what_waits_by_whatever_names_it(world: &World) {
        let office = Office::opens(world).await;
        let anna = anna(world).await;
        let row = opened(office.asks(Door::Screen(None)).await.unwrap());
        world.clock.advance(Duration::from_secs(1));
        let sent = office.asked(Door::Phone(owner(world, &anna).await)).await;
        let list = world.first().call(&ListRequests::default()).await.unwrap();
        assert_eq!(list.public_url, "https://iam.example");
        let found: Vec<_> = list.requests.iter().map(|found| (found.request, found.account)).collect();
        assert_eq!(found, [(row.id().unwrap(), None), (sent, Some(anna.account))]);
        let auth_req_id = world.app.keys.now().handles().auth_req_id(sent).unwrap();
        for (shown, id) in [(row.code.clone().unwrap(), row.id().unwrap()), (auth_req_id, sent), (sent.to_string(), sent)] {
            let named = world.first().call(&ListRequests { shown: Some(shown) }).await.unwrap();
            assert_eq!(named.requests.iter().map(|found| found.request).collect::<Vec<_>>(), [id]);
        }
        for shown in ["", "000000", "https://iam.example/", "QA000001(2)"] {
            let named = world.first().call(&ListRequests { shown: Some(shown.to_owned()) }).await.unwrap();
            assert_eq!(named.requests, [], "{shown}");
        }
        anna.refuses(sent).await.unwrap();
        assert_eq!(world.first().call(&ListRequests::default()).await.unwrap().requests.len(), 1);
    }
}
