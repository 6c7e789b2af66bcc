//! People register with nothing but their phone: nobody who does learns by it whom the records know, and nobody asks without end.

use std::time::Duration;

use api::app::registration::{REGISTRATIONS, Registering};
use api::immigration::RecordVerdict;
use axum::body::Body;
use domain::{Channel, Tier};
use http::{Method, Request, header};
use serde_json::Value;
use server::http::accept::CameFrom;
use tests::world::client::Reply;
use tests::world::handset::Person;
use tests::world::records::Mood;
use tests::{World, both_engines};

/// From one of the addresses of the documentation (RFC 5737).
fn asked(world: &World, person: &Person, from: u8) -> Request<Body> {
    let mut request = world.handset().signed(Method::POST, REGISTRATIONS, &person.asks(Channel::Remote, Tier::IamSmart));
    request.extensions_mut().insert(CameFrom([192, 0, 2, from].into()));
    request
}

fn code(reply: &Reply) -> (u16, &str) {
    (reply.status.as_u16(), reply.json["code"].as_str().unwrap_or_default())
}

both_engines! {
    from Setup::default().with("surge-registrations", "2").with("surge-registrations-in-all", "5");

    async fn a_source_and_all_of_them_have_a_bound_and_stations_have_none(world: &World) {
        let known = world.citizen("CHAN TAI MAN").person();
        assert_eq!(world.public(asked(world, &known, 1)).await.status, 200);
        world.records.are(Mood::Says(RecordVerdict::NotOnRecord));
        let unknown = world.citizen("WONG SIU MING").person();
        assert_eq!(code(&world.public(asked(world, &unknown, 1)).await), (403, "registration.not-valid"));
        let questions = world.records.asked();

        // Whoever it is about, the answer is one, and nobody was asked.
        let mut answers = Vec::new();
        for person in [&known, &unknown] {
            let refused = world.public(asked(world, person, 1)).await;
            assert_eq!(code(&refused), (429, "registration.too-many"));
            let after: u64 = refused.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap();
            assert!((1..=600).contains(&after), "{after}");
            answers.push(alike(refused));
        }
        assert_eq!(answers[0], answers[1]);
        assert_eq!(world.records.asked(), questions);

        for from in [2, 2, 3] {
            assert_eq!(code(&world.public(asked(world, &unknown, from)).await), (403, "registration.not-valid"));
        }
        assert_eq!(code(&world.public(asked(world, &unknown, 4)).await), (429, "registration.too-many"), "in all");
        world.records.are(Mood::Believing);
        let kiosk = world.station("wan-chai-kiosk-1", Channel::Kiosk, "harbour-road-sports-centre").await;
        kiosk.registers(&unknown, Tier::IamSmart).await.unwrap();
        world.clock.advance(Duration::from_mins(10));
        assert_eq!(world.public(asked(world, &unknown, 1)).await.status, 200);
    }
}

/// Status, headers and body, without the request's own id.
fn alike(reply: Reply) -> (u16, Vec<(String, String)>, Value) {
    let headers = reply.headers.iter().filter(|(name, _)| name.as_str() != api::REQUEST_ID);
    let mut headers: Vec<_> = headers.map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned())).collect();
    headers.sort();
    let mut body = reply.json;
    let id = body["request_id"].take();
    assert_eq!(id.as_str().unwrap().len(), 36);
    (reply.status.as_u16(), headers, body)
}

both_engines! {
    async fn nobody_learns_whom_the_records_know_or_who_is_registered(world: &World) {
        let registered = world.citizen("CHAN TAI MAN").person();
        world.apps::<Registering>(asked(world, &registered, 1)).await.unwrap();
        let never = world.citizen("WONG SIU MING").person();
        let mut answers = Vec::new();
        for verdict in [RecordVerdict::NotOnRecord, RecordVerdict::DetailsDiffer, RecordVerdict::CardNotValid] {
            world.records.are(Mood::Says(verdict));
            for person in [&registered, &never] {
                answers.push(alike(world.public(asked(world, person, 1)).await));
            }
        }
        world.records.are(Mood::Believing);
        for person in [&registered, &never] {
            let mut stranger = person.asks(Channel::Remote, Tier::IamSmart);
            stranger.selfie = Some(api::app::registration::Photo::new(b"this is another-person".to_vec()));
            let request = world.handset().signed(Method::POST, REGISTRATIONS, &stranger);
            answers.push(alike(world.public(request).await));
        }
        assert_eq!(answers.len(), 8);
        for answer in &answers {
            assert_eq!(answer, &answers[0]);
        }
        // Each was an entry and a registration of its own, and each has taken the same steps.
        assert_eq!(world.records.asked(), 9);
        assert_eq!(world.audited("registration.verify").await.len(), 8);
        assert_eq!(world.number("SELECT COUNT(*) FROM registration WHERE state = 'refused'").await, 8);
    }
}

mod production {
    use super::*;

    fn population() -> String {
        let file = std::fs::read_to_string(tests::fixtures::path("population/lcq5.yaml")).unwrap();
        let population = serde_yaml::from_str::<domain::Population>(&file).unwrap();
        serde_json::json!({ "population": population, "scale": 0.01, "seed": 7 }).to_string()
    }

    both_engines! {
        from Setup::production();

        async fn what_belongs_to_sandboxes_has_a_code_of_its_own(world: &World) {
            let operator = world.first();
            let mut refused = 0;
            for operation in api::operations().iter().filter(|operation| operation.name.starts_with("sandbox.")) {
                let body = match operation.name {
                    "sandbox.populate" => population(),
                    _ => "{}".to_owned(),
                };
                let operator = operator.under(&tests::world::desk::fresh_key());
                let problem = operator.post(operation.name, body).await.reply.unwrap_err();
                assert!(problem.code.ends_with(".production") && problem.status == 409, "{}: {problem:?}", operation.name);
                assert!(problem.hint.is_some_and(|hint| hint.contains("sandbox")), "{}", operation.name);
                refused += 1;
            }
            assert!(refused >= 2);
            assert_eq!(world.number("SELECT COUNT(*) FROM account").await, 0);
        }

        async fn what_nobody_can_be_registered_with_is_named(world: &World) {
            let person = world.citizen("CHAN TAI MAN").person();
            let refused = world.public(asked(world, &person, 1)).await;
            assert_eq!(code(&refused), (409, "registration.no-face-matcher"));
            assert!(refused.json["hint"].as_str().unwrap().contains("counter"), "{}", refused.body);
            assert_eq!(world.records.asked(), 0, "nobody is asked about somebody who cannot be registered");
        }
    }
}
