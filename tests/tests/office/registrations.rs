//! People register at stations and with their own phones: once, again, on another phone, for more; and what comes in between.

use std::time::Duration;

use api::account::SuspendAccount;
use api::app::registration::{BindDevice, Photo, REGISTRATIONS, Registering};
use api::immigration::RecordVerdict;
use api::registration::{
    AddStation, CountRegistrations, ListRegistrations, ListStations, RegistrationDetail, RetireStation, ShowRegistration,
};
use axum::body::Body;
use domain::{
    AccountId, AccountState, Channel, HolderKind, RegistrationEnd, RegistrationId, RegistrationKind, RegistrationState,
    SuspensionReason, Tier,
};
use http::{Method, Request};
use server::http::accept::Peer;
use server::registration::overdue::end_overdue;
use tests::world::Setup;
use tests::world::handset::{Person, Station};
use tests::world::records::Mood;
use tests::{World, both_engines};

use super::party_connections::asks;

const KIOSK: &str = "harbour-road-sports-centre";
const MINUTE: Duration = Duration::from_mins(1);

async fn kiosk(world: &World) -> Station<'_> {
    world.station("wan-chai-kiosk-1", Channel::Kiosk, KIOSK).await
}

async fn shown(world: &World, registration: RegistrationId) -> RegistrationDetail {
    world.first().call(&ShowRegistration { registration }).await.unwrap()
}

/// The newest registration, whatever came of it.
async fn newest(world: &World) -> RegistrationDetail {
    let list = world.first().call(&ListRegistrations::default()).await.unwrap();
    shown(world, list.items[0].registration).await
}

/// What statistics keep of accounts, in order.
async fn events(world: &World) -> Vec<i64> {
    while server::usage::fold::fold(&world.app).await.unwrap() > 0 {}
    world.numbers("SELECT CAST(kind AS BIGINT) FROM account_event ORDER BY recorded_at, account_event.kind").await
}

async fn certificates(world: &World, account: &str) -> Vec<String> {
    let rows = world.app.store.read().await.unwrap().certificates_of(HolderKind::Account, account).await.unwrap();
    let mut states: Vec<_> = rows.into_iter().map(|row| row.state).collect();
    states.sort();
    states
}

async fn suspend(world: &World, account: AccountId, reason: SuspensionReason) {
    let suspend = SuspendAccount { account, reason, call: None, note: None };
    world.first().call(&suspend).await.unwrap();
}

fn code<T: std::fmt::Debug>(answer: Result<T, api::Problem>) -> String {
    answer.unwrap_err().code
}

both_engines! {
    async fn at_a_kiosk_the_card_is_read_and_the_phone_bound_and_the_account_is_active(world: &World) {
        let kiosk = kiosk(world).await;
        let person = world.citizen("CHAN TAI MAN").person();
        let registering = kiosk.registers(&person, Tier::IamSmartPlus).await.unwrap();
        assert_eq!(registering.state, RegistrationState::Verified);
        assert_eq!(world.account_of(&person.card.hkic).await, None, "there is no account before its device");

        let phone = world.handset();
        let bound = phone.binds_plus(&registering).await.unwrap();
        assert_eq!((bound.state, bound.tier, &*bound.device), (AccountState::Active, Tier::IamSmartPlus, phone.thumbprint()));
        assert_eq!(world.account_of(&person.card.hkic).await, Some(bound.account));
        let certificate = pki::Certificate::from_pem(bound.certificate.unwrap().as_bytes()).unwrap();
        assert_eq!(certificate.public_key().unwrap(), phone.signing_key.public().unwrap());
        assert_eq!(bound.chain.len(), 2);
        let account = world.first().call(&api::account::ShowAccount { account: bound.account }).await.unwrap();
        assert_eq!((account.channel, account.location.unwrap().as_str()), (Channel::Kiosk, KIOSK));

        let detail = shown(world, registering.registration).await;
        assert_eq!((detail.registration.state, detail.registration.kind), (RegistrationState::Completed, Some(RegistrationKind::First)));
        assert_eq!((detail.account, detail.photos.len()), (Some(bound.account), 1));
        assert_eq!((&*detail.photos[0].photo, detail.photos[0].why.as_deref()), ("selfie", Some("checked")));
        assert_eq!(world.number("SELECT COUNT(*) FROM registration WHERE person IS NOT NULL").await, 0, "the person is the account's");
        assert_eq!(events(world).await, [1]);
        for (action, subject) in [
            ("registration.verify", registering.registration.to_string()),
            ("registration.complete", bound.account.to_string()),
        ] {
            let entries = world.audited(action).await;
            assert_eq!(entries.iter().map(|(_, about, _)| about.clone()).collect::<Vec<_>>(), [subject], "{action}");
        }
    }

    async fn a_phone_registers_by_itself_in_one_request_and_gives_the_smaller_tier(world: &World) {
        let person = world.citizen("WONG SIU MING").person();
        let phone = world.handset();
        let done = phone.registers(&person).await.unwrap();
        assert_eq!((done.state, done.code), (RegistrationState::Completed, None));
        let bound = done.bound.unwrap();
        assert_eq!((bound.tier, bound.certificate), (Tier::IamSmart, None));
        let detail = shown(world, done.registration).await;
        assert_eq!(detail.photos.iter().map(|photo| &*photo.photo).collect::<Vec<_>>(), ["card", "selfie"]);
        assert!(detail.photos.iter().all(|photo| photo.deleted_at.is_some()));

        let mut plus = person.asks(Channel::Remote, Tier::IamSmartPlus);
        let request = world.handset().signed(Method::POST, REGISTRATIONS, &plus);
        assert_eq!(code(world.apps::<Registering>(request).await), "registration.details");
        (plus.tier, plus.card_photo) = (Tier::IamSmart, None);
        let request = world.handset().signed(Method::POST, REGISTRATIONS, &plus);
        assert_eq!(code(world.apps::<Registering>(request).await), "registration.photos");
        assert_eq!(world.number("SELECT COUNT(*) FROM registration").await, 1, "what was of no form left nothing");
    }

    async fn at_counters_and_with_mobile_teams_staff_look_at_the_card_and_nobody_at_a_face(world: &World) {
        for (id, channel, place) in [("gpo-counter-3", Channel::Counter, "post-offices"), ("team-7", Channel::MobileTeam, "roving")] {
            let station = world.station(id, channel, place).await;
            let person = world.citizen("LEE KA YAN").person();
            let mut with_selfie = person.asks(channel, Tier::IamSmart);
            with_selfie.selfie = Some(Photo::new(b"photo".to_vec()));
            assert_eq!(code(station.sends(&with_selfie).await), "registration.photos");
            let registering = station.registers(&person, Tier::IamSmart).await.unwrap();
            world.handset().binds(&registering).await.unwrap();
            assert_eq!(shown(world, registering.registration).await.photos, []);
        }
        let counts = world.first().call(&CountRegistrations {}).await.unwrap();
        let told: Vec<_> = counts.iter().map(|it| (it.channel, it.location.as_ref().unwrap().as_str(), it.completed)).collect();
        assert_eq!(told, [(Channel::Counter, "post-offices", 1), (Channel::MobileTeam, "roving", 1)]);
    }

    async fn who_lost_the_phone_registers_again_and_has_the_same_account_on_another(world: &World) {
        let kiosk = kiosk(world).await;
        let person = world.citizen("CHAN TAI MAN").person();
        let lost = world.handset();
        let first = lost.binds_plus(&kiosk.registers(&person, Tier::IamSmartPlus).await.unwrap()).await.unwrap();
        let account = first.account.to_string();
        suspend(world, first.account, SuspensionReason::StolenDevice).await;
        assert_eq!(certificates(world, &account).await, ["on-hold"]);

        world.clock.advance(MINUTE);
        let registering = kiosk.registers(&person, Tier::IamSmartPlus).await.unwrap();
        assert_eq!(code(world.handset().binds(&registering).await), "registration.csr");
        let found = world.handset();
        let again = found.binds_plus(&registering).await.unwrap();
        assert_eq!((again.account, again.state), (first.account, AccountState::Active));
        assert_eq!(certificates(world, &account).await, ["revoked", "valid"], "the key of the lost phone is worth nothing");
        let devices = world.texts("SELECT thumbprint FROM device WHERE ended_at IS NULL").await;
        assert_eq!(devices, [found.thumbprint()]);
        let detail = shown(world, registering.registration).await;
        assert_eq!(detail.registration.kind, Some(RegistrationKind::ReRegistration));
        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 1);

        world.clock.advance(MINUTE);
        let registering = kiosk.registers(&person, Tier::IamSmart).await.unwrap();
        assert_eq!(code(lost.binds(&registering).await), "registration.device-key", "one device, one key");
        let smaller = world.handset().binds(&registering).await.unwrap();
        assert_eq!((smaller.account, smaller.tier), (first.account, Tier::IamSmart));
        assert_eq!(certificates(world, &account).await, ["revoked", "revoked"]);
        // Registered, suspended, again, again and downgraded.
        assert_eq!(events(world).await, [1, 3, 4, 4, 7]);
    }

    async fn a_phone_that_was_found_again_goes_on_with_the_signing_key_it_has(world: &World) {
        let kiosk = kiosk(world).await;
        let person = world.citizen("CHAN TAI MAN").person();
        let phone = world.handset();
        let bound = phone.binds_plus(&kiosk.registers(&person, Tier::IamSmartPlus).await.unwrap()).await.unwrap();
        suspend(world, bound.account, SuspensionReason::LostDevice).await;
        let again = phone.binds_plus(&kiosk.registers(&person, Tier::IamSmartPlus).await.unwrap()).await.unwrap();
        assert_eq!((again.account, again.state), (bound.account, AccountState::Active));
        assert_eq!(certificates(world, &bound.account.to_string()).await, ["revoked", "valid"], "one key, certified once more");
        assert_eq!(world.number("SELECT COUNT(*) FROM device").await, 1);
    }

    async fn an_upgrade_is_made_on_the_phone_in_use_and_ends_nothing(world: &World) {
        let person = world.citizen("WONG SIU MING").person();
        let phone = world.handset();
        let bound = phone.registers(&person).await.unwrap().bound.unwrap();
        let kiosk = kiosk(world).await;
        let registering = kiosk.registers(&person, Tier::IamSmartPlus).await.unwrap();
        let raised = phone.binds_plus(&registering).await.unwrap();
        assert_eq!((raised.account, raised.tier, raised.certificate.is_some()), (bound.account, Tier::IamSmartPlus, true));
        assert_eq!(shown(world, registering.registration).await.registration.kind, Some(RegistrationKind::Upgrade));
        let account = world.first().call(&api::account::ShowAccount { account: bound.account }).await.unwrap();
        assert_eq!(account.channel, Channel::Remote, "where it was registered stays");
        assert_eq!(events(world).await, [1, 2]);
    }

    async fn no_answer_tells_whether_a_person_has_an_account(world: &World) {
        let kiosk = kiosk(world).await;
        let (known, unknown) = (world.citizen("CHAN TAI MAN").person(), world.citizen("WONG SIU MING").person());
        world.handset().registers(&known).await.unwrap();
        let shape = |answer: Registering| {
            let mut answer = serde_json::to_value(answer).unwrap();
            answer["registration"] = "".into();
            answer["code"] = answer["code"].as_str().unwrap().len().into();
            answer
        };
        let answers = [kiosk.registers(&known, Tier::IamSmart).await, kiosk.registers(&unknown, Tier::IamSmart).await];
        let [one, other] = answers.map(|answer| shape(answer.unwrap()));
        assert_eq!(one, other);
        world.records.are(Mood::Says(RecordVerdict::DetailsDiffer));
        let told = |problem: api::Problem| (problem.status, problem.code, problem.message, problem.hint);
        let answers = [world.handset().registers(&known).await, world.handset().registers(&unknown).await];
        let [one, other] = answers.map(|answer| told(answer.unwrap_err()));
        assert_eq!(one, other);
    }

    async fn the_same_phone_asks_again_and_hears_the_same_and_no_other_does(world: &World) {
        let kiosk = kiosk(world).await;
        let registering = kiosk.registers(&world.citizen("CHAN TAI MAN").person(), Tier::IamSmartPlus).await.unwrap();
        let phone = world.handset();
        let bound = phone.binds_plus(&registering).await.unwrap();
        assert_eq!(phone.binds_plus(&registering).await.unwrap(), bound);
        assert_eq!(certificates(world, &bound.account.to_string()).await, ["valid"]);
        assert_eq!(world.audited("registration.complete").await.len(), 1);
        assert_eq!(code(world.handset().binds_plus(&registering).await), "registration.state");
        world.clock.advance(MINUTE * 16);
        assert_eq!(code(phone.binds_plus(&registering).await), "registration.state", "the code is good for 15 minutes");
    }

    async fn a_proof_is_used_once_and_is_of_its_request(world: &World) {
        let person = world.citizen("CHAN TAI MAN").person();
        let phone = world.handset();
        let request = phone.signed(Method::POST, REGISTRATIONS, &person.asks(Channel::Remote, Tier::IamSmart));
        let (head, body) = request.into_parts();
        let bytes = http_body_util::BodyExt::collect(body).await.unwrap().to_bytes();
        let again = || Request::from_parts(head.clone(), Body::from(bytes.clone()));
        world.apps::<Registering>(again()).await.unwrap();
        assert_eq!(code(world.apps::<Registering>(again()).await), "proof.replayed");
        let other = serde_json::to_vec(&world.citizen("WONG SIU MING").person().asks(Channel::Remote, Tier::IamSmart)).unwrap();
        let changed = Request::from_parts(head.clone(), Body::from(other));
        assert_eq!(code(world.apps::<Registering>(changed).await), "proof.invalid");
        let unsigned = Request::post(REGISTRATIONS).extension(Peer(None)).body(Body::from(bytes.clone())).unwrap();
        assert_eq!(code(world.apps::<Registering>(unsigned).await), "proof.missing");
        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 1);
    }

    async fn who_guesses_at_the_code_ends_the_registration(world: &World) {
        let kiosk = kiosk(world).await;
        let registering = kiosk.registers(&world.citizen("CHAN TAI MAN").person(), Tier::IamSmart).await.unwrap();
        let phone = world.handset();
        let typed = BindDevice { code: registering.code.clone().unwrap().to_lowercase().replace('-', " "), ..phone.binding(&registering) };
        let wrong = BindDevice { code: "0000-0000".to_owned(), ..phone.binding(&registering) };
        for _ in 0..5 {
            assert_eq!(code(phone.sends(registering.registration, &wrong).await), "registration.code");
        }
        assert_eq!(code(phone.sends(registering.registration, &typed).await), "registration.code", "nobody has the right one now");
        let detail = shown(world, registering.registration).await;
        assert_eq!(detail.registration.state, RegistrationState::Abandoned);
        assert_eq!(detail.registration.reason, Some(RegistrationEnd::CodeTries));
        assert_eq!(world.number("SELECT COUNT(*) FROM registration WHERE person IS NOT NULL").await, 0);
        let nobody = RegistrationId::from_bytes(&[7; 16]).unwrap();
        assert_eq!(code(phone.sends(nobody, &wrong).await), "registration.code");

        let registering = kiosk.registers(&world.citizen("WONG SIU MING").person(), Tier::IamSmart).await.unwrap();
        let code = registering.code.clone().unwrap().to_lowercase().replace('-', " ");
        phone.sends(registering.registration, &BindDevice { code, ..phone.binding(&registering) }).await.unwrap();
    }

    async fn a_station_stands_at_a_place_of_its_channel(world: &World) {
        let csr = pki::make_csr(&pki::PrivateKey::generate(pki::KeyKind::P256).unwrap(), "whatever").unwrap();
        for (location, told) in [("nowhere", "account.location-unknown"), ("post-offices", "account.location-channel")] {
            let (station, location) = ("wan-chai-kiosk-9".parse().unwrap(), location.parse().unwrap());
            let add = AddStation { station, channel: Channel::Kiosk, location, csr: csr.clone(), validity: None };
            let problem = world.first().call(&add).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, told), "it was typed so: {problem:?}");
            assert_eq!(problem.fields[0].path, "location");
            assert!(problem.message.contains("list of locations"), "{}", problem.message);
        }
    }

    async fn at_a_counter_there_are_no_photos_to_speak_of(world: &World) {
        let counter = world.station("north-point-counter-1", Channel::Counter, "post-offices").await;
        world.records.are(Mood::Away);
        let problem = counter.registers(&world.citizen("CHAN TAI MAN").person(), Tier::IamSmart).await.unwrap_err();
        assert_eq!(problem.code, "registration.records-unavailable");
        assert!(problem.message.ends_with("nobody was registered"), "{}", problem.message);
    }

    async fn a_phone_that_comes_too_late_is_told_so(world: &World) {
        let kiosk = kiosk(world).await;
        let registering = kiosk.registers(&world.citizen("CHAN TAI MAN").person(), Tier::IamSmart).await.unwrap();
        world.clock.advance(MINUTE * 16);
        assert_eq!(code(world.handset().binds(&registering).await), "registration.state");
        assert_eq!(end_overdue(&world.app).await.unwrap(), 1);
        assert_eq!(code(world.handset().binds(&registering).await), "registration.state");
        let detail = shown(world, registering.registration).await;
        assert_eq!(detail.registration.state, RegistrationState::Expired);
        assert_eq!(world.number("SELECT COUNT(*) FROM registration WHERE person IS NOT NULL").await, 0);
        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 0);
        assert_eq!(end_overdue(&world.app).await.unwrap(), 0);
    }

    async fn what_the_checks_say_is_for_the_office_and_the_photos_are_gone_whatever_it_was(world: &World) {
        let kiosk = kiosk(world).await;
        let person = world.citizen("CHAN TAI MAN").person();
        for (mood, reason, state, told) in [
            (Mood::Says(RecordVerdict::NotOnRecord), RegistrationEnd::NotOnRecord, RegistrationState::Refused, "registration.not-valid"),
            (Mood::Says(RecordVerdict::DetailsDiffer), RegistrationEnd::DetailsDiffer, RegistrationState::Refused, "registration.not-valid"),
            (Mood::Says(RecordVerdict::CardNotValid), RegistrationEnd::CardNotValid, RegistrationState::Refused, "registration.not-valid"),
            (Mood::Away, RegistrationEnd::RecordsAway, RegistrationState::Abandoned, "registration.records-unavailable"),
        ] {
            world.records.are(mood);
            assert_eq!(code(kiosk.registers(&person, Tier::IamSmart).await), told, "{mood:?}");
            let detail = newest(world).await;
            assert_eq!((detail.registration.state, detail.registration.reason), (state, Some(reason)));
            let why = if state == RegistrationState::Refused { "checked" } else { "not-checked" };
            assert_eq!(detail.photos.iter().map(|photo| photo.why.as_deref()).collect::<Vec<_>>(), [Some(why)]);
            world.clock.advance(MINUTE);
        }
        world.records.are(Mood::Believing);
        let mut stranger = person.asks(Channel::Kiosk, Tier::IamSmart);
        stranger.selfie = Some(Photo::new(b"this is another-person".to_vec()));
        assert_eq!(code(kiosk.sends(&stranger).await), "registration.not-valid");
        assert_eq!(newest(world).await.registration.reason, Some(RegistrationEnd::FaceDiffers));
        assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 0);
        let refused = world.audited("registration.verify").await;
        assert_eq!(refused.len(), 5);
    }

    async fn photos_whose_check_was_cut_off_are_said_to_be_gone(world: &World) {
        let kiosk = kiosk(world).await;
        world.records.are(Mood::Silent);
        let person = world.citizen("CHAN TAI MAN").person();
        tokio::select! {
            answer = kiosk.registers(&person, Tier::IamSmart) => panic!("{answer:?}"),
            () = world.records.question() => {}
        }
        let left = newest(world).await;
        assert_eq!((left.registration.state, left.photos[0].deleted_at), (RegistrationState::Begun, None));
        assert_eq!(end_overdue(&world.app).await.unwrap(), 0, "another node may be at it");
        world.clock.advance(Duration::from_secs(9));
        assert_eq!(end_overdue(&world.app).await.unwrap(), 1);
        let ended = newest(world).await;
        assert_eq!((ended.registration.state, ended.registration.reason), (RegistrationState::Abandoned, Some(RegistrationEnd::Interrupted)));
        assert_eq!(ended.photos[0].why.as_deref(), Some("interrupted"));
        assert!(ended.photos[0].deleted_at.is_some());
        assert_eq!(world.audited("registration.end").await.len(), 1);
    }

    async fn a_station_registers_through_its_own_channel_until_it_is_retired_and_does_nothing_else(world: &World) {
        let kiosk = kiosk(world).await;
        let person = world.citizen("CHAN TAI MAN").person();
        assert_eq!(code(kiosk.sends(&person.asks(Channel::Counter, Tier::IamSmart)).await), "registration.channel");
        let alone = world.handset().signed(Method::POST, REGISTRATIONS, &person.asks(Channel::Kiosk, Tier::IamSmart));
        assert_eq!(code(world.apps::<Registering>(alone).await), "registration.channel", "a phone is no station");
        assert_eq!(asks(world, Method::GET, "/oauth2/jwks", kiosk.peer()).await, 401, "a station is no party");

        let stations = world.first().call(&ListStations::default()).await.unwrap().items;
        assert_eq!(stations.iter().map(|it| (it.id.as_str(), &*it.state)).collect::<Vec<_>>(), [("wan-chai-kiosk-1", "active")]);
        let station = kiosk.added.station.id.clone();
        world.first().call(&RetireStation { station: station.clone() }).await.unwrap();
        assert_eq!(code(kiosk.registers(&person, Tier::IamSmart).await), "auth.certificate-revoked");
        assert_eq!(code(world.first().call(&RetireStation { station }).await), "station.retired");
    }
}

/// On production nothing compares faces, and a synthetic card is nobody's.
#[test]
fn production_registers_at_counters_alone_and_no_simulated_citizens() {
    tests::world::run(tests::world::Engine::Sqlite, Setup::production(), async |world: &World| {
        let code_of_second = world.second_code.clone().unwrap();
        world.enrols("second-administrator", &code_of_second).await;
        let simulated = world.citizen("CHAN TAI MAN").person();
        let mut card = simulated.card.clone();
        card.hkic = "A123456(3)".parse().unwrap();
        let real = Person { card, ..simulated.clone() };
        let kiosk = kiosk(world).await;
        assert_eq!(code(kiosk.registers(&real, Tier::IamSmart).await), "registration.no-face-matcher");
        assert_eq!(code(world.handset().registers(&real).await), "registration.no-face-matcher");
        let counter = world.station("gpo-counter-3", Channel::Counter, "post-offices").await;
        assert_eq!(code(counter.registers(&simulated, Tier::IamSmart).await), "registration.details");
        let registering = counter.registers(&real, Tier::IamSmart).await.unwrap();
        world.handset().binds(&registering).await.unwrap();
        assert_eq!(world.records.asked(), 1);
    });
}
