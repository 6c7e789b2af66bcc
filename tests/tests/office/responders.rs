//! OCSP responders and the time-stamping service: their keys are followed on schedule, and by hand.

use std::time::Duration;

use api::key::{ListKeys, RotateKey};
use api::rotation::{AbortPlan, EmergencyRotation, ListPlans, PlanRotation, PlanView};
use domain::{ActivateAt, Clock, KeyPurpose, KeyState, PlanState, RevocationReason};
use pki::Certificate;
use server::certificate::publish::publish_due;
use server::key::material::{BATCH, advance};
use server::key::schedule::rotate_due;
use server::key::steps::take_due;
use server::key::vouch::vouch;
use server::keys::watch::watch;
use tests::{World, both_engines};

use super::revocation::{Desk, fetched, gets, issued, ocsp, posts, to_be_stamped};

const TEN_MINUTES: Duration = Duration::from_mins(10);
const A_DAY: Duration = Duration::from_hours(24);

fn responder(authority: &str, activate: ActivateAt) -> RotateKey {
    RotateKey { name: Some(authority.to_owned()), activate, ..RotateKey::of(KeyPurpose::Ocsp) }
}

/// The generations of a line: kid and state, from the first on.
async fn generations(world: &World, purpose: KeyPurpose, name: &str) -> Vec<(String, KeyState)> {
    let list = ListKeys { purpose: Some(purpose), ..ListKeys::default() };
    let keys = world.first().call(&list).await.unwrap().items;
    keys.into_iter().filter(|key| key.name == name).map(|key| (key.kid.to_string(), key.state)).collect()
}

async fn plans(world: &World) -> Vec<PlanView> {
    world.first().call(&ListPlans::default()).await.unwrap().items
}

/// The serial number and the state of the certificate of a key.
async fn certificate_of(world: &World, kid: &str) -> (Certificate, String) {
    let mut read = world.app.store.read().await.unwrap();
    let key = read.key(&kid.parse().unwrap()).await.unwrap().unwrap();
    let certificate = Certificate::from_der(key.certificate.as_deref().unwrap()).unwrap();
    let row = read.certificate(&certificate.view().serial.parse().unwrap()).await.unwrap().unwrap();
    (certificate, row.state)
}

/// Days go by with all that is done by itself; entries of the audit log show that they do.
pub(super) async fn days_go_by(world: &World, days: u64) {
    for _ in 0..days {
        world.clock.advance(A_DAY);
        watch(&world.app).await.unwrap();
        publish_due(&world.app).await.unwrap();
        take_due(&world.app).await.unwrap();
        while advance(&world.app, BATCH).await.unwrap() {}
        rotate_due(&world.app).await.unwrap();
        world.seal().await;
    }
}

both_engines! {
    async fn a_responder_is_followed_when_a_third_of_its_certificates_life_is_left(world: &World) {
        let line = "citizens-1";
        days_go_by(world, 59).await;
        assert_eq!(generations(world, KeyPurpose::Ocsp, line).await, [("citizens-1-ocsp-1".to_owned(), KeyState::Active)]);
        assert!(plans(world).await.is_empty());
        days_go_by(world, 1).await;
        let made = generations(world, KeyPurpose::Ocsp, line).await;
        assert_eq!(made[1], ("citizens-1-ocsp-2".to_owned(), KeyState::Published));
        let plan = plans(world).await.into_iter().find(|plan| plan.name == line).unwrap();
        assert_eq!((plan.state, plan.created_by.clone()), (PlanState::Running, None), "the platform's own");
        assert_eq!(plans(world).await.len(), 5, "one for each authority");
        // Asked again at the same moment, nothing is due.
        assert_eq!(rotate_due(&world.app).await.unwrap(), 0);
        world.clock.advance(TEN_MINUTES);
        assert_eq!(take_due(&world.app).await.unwrap(), 5);
        world.clock.advance(TEN_MINUTES);
        assert_eq!(take_due(&world.app).await.unwrap(), 5);
        let states: Vec<_> = generations(world, KeyPurpose::Ocsp, line).await.into_iter().map(|(_, state)| state).collect();
        assert_eq!(states, [KeyState::Retired, KeyState::Active]);
        assert!(plans(world).await.iter().all(|plan| plan.state == PlanState::Done));
        // What the old one has signed is judged by its certificate, which stays good.
        assert_eq!(certificate_of(world, "citizens-1-ocsp-1").await.1, "valid");
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE private_sealed IS NOT NULL AND state = 'retired'").await, 0);
        for action in ["key.plan", "key.publish", "key.activate", "key.retire"] {
            assert_eq!(world.audited(action).await.len(), 5, "{action}");
        }
    }

    async fn a_responder_is_rotated_by_hand_and_answers_go_on(world: &World) {
        let (certificate, _) = issued(world).await;
        publish_due(&world.app).await.unwrap();
        let desk = fetched(world, "relying-parties-1").await;
        let held = desk.pem("party.pem", certificate.der());
        assert!(ocsp(world, &desk, &held, "-sha256").await.contains("party.pem: good"));
        let by = |desk: &Desk| {
            let (_, said) = desk.openssl(&["ocsp", "-respin", "answer.der", "-noverify", "-text", "-resp_text"]);
            said.split("Serial Number").nth(2).map(|rest| rest.chars().take(120).collect::<String>())
        };
        let first = by(&desk);
        let made = world.first().call(&responder("relying-parties-1", ActivateAt::Now)).await.unwrap();
        assert_eq!(made[0].key.kid.as_str(), "relying-parties-1-ocsp-2");
        assert_eq!(made[0].replaced.as_ref().unwrap().as_str(), "relying-parties-1-ocsp-1");
        world.clock.advance(Duration::from_secs(11));
        assert!(ocsp(world, &desk, &held, "-sha256").await.contains("party.pem: good"));
        assert_ne!(by(&desk), first, "by the new one");
        world.clock.advance(TEN_MINUTES);
        take_due(&world.app).await.unwrap();
        assert!(ocsp(world, &desk, &held, "-sha256").await.contains("party.pem: good"));
    }

    async fn a_line_of_responders_is_named(world: &World) {
        let refused = async |name: Option<&str>| {
            let op = PlanRotation { purpose: KeyPurpose::Ocsp, name: name.map(str::to_owned), algorithm: None, activate: ActivateAt::AfterPublish };
            world.first().call(&op).await.unwrap_err()
        };
        assert_eq!(refused(None).await.fields[0].message, "each authority has OCSP responders of its own: give its NAME, such as operators-1");
        for name in ["root-1", "operators", "operators-01", "operators-9", "nonsense"] {
            assert_eq!(refused(Some(name)).await.code, "key.line", "{name}");
        }
    }

    async fn a_dry_run_makes_no_certificate(world: &World) {
        let certificates = async || world.number("SELECT COUNT(*) FROM certificate").await;
        let before = certificates().await;
        let answer = world.first().dry_run().call(&responder("operators-1", ActivateAt::AfterPublish)).await.unwrap();
        assert_eq!(answer[0].key.kid.as_str(), "operators-1-ocsp-2");
        assert_eq!(certificates().await, before);
        assert_eq!(generations(world, KeyPurpose::Ocsp, "operators-1").await.len(), 1);
    }

    async fn a_certificate_of_a_key_that_never_signed_is_revoked(world: &World) {
        let made = world.first().call(&responder("operators-1", ActivateAt::AfterPublish)).await.unwrap().remove(0);
        assert_eq!(certificate_of(world, "operators-1-ocsp-2").await.1, "valid");
        world.first().call(&AbortPlan { plan: made.key.plan.unwrap() }).await.unwrap();
        assert_eq!(certificate_of(world, "operators-1-ocsp-2").await.1, "revoked");
        assert_eq!(generations(world, KeyPurpose::Ocsp, "operators-1").await[1].1, KeyState::Retired);
    }

    async fn a_scheduled_rotation_that_was_called_off_waits_a_day(world: &World) {
        days_go_by(world, 60).await;
        let plan = plans(world).await.into_iter().find(|plan| plan.name == "servers-1").unwrap();
        world.first().call(&AbortPlan { plan: plan.plan }).await.unwrap();
        assert_eq!(rotate_due(&world.app).await.unwrap(), 0);
        days_go_by(world, 1).await;
        assert_eq!(generations(world, KeyPurpose::Ocsp, "servers-1").await[2], ("servers-1-ocsp-3".to_owned(), KeyState::Published));
    }

    async fn a_stolen_responder_key_is_replaced_at_once(world: &World) {
        let op = EmergencyRotation { purpose: KeyPurpose::Ocsp, name: Some("citizens-1".to_owned()), algorithm: None, reason: RevocationReason::KeyCompromise };
        world.first().call(&op).await.unwrap();
        assert_eq!(
            generations(world, KeyPurpose::Ocsp, "citizens-1").await,
            [("citizens-1-ocsp-1".to_owned(), KeyState::Revoked), ("citizens-1-ocsp-2".to_owned(), KeyState::Active)]
        );
        assert_eq!(certificate_of(world, "citizens-1-ocsp-1").await.1, "revoked");
        publish_due(&world.app).await.unwrap();
        let list = pki::RevocationList::from_der(&gets(world, "/crl/citizens-1.crl").await).unwrap();
        assert_eq!(list.entries().next().unwrap().serial, certificate_of(world, "citizens-1-ocsp-1").await.0.view().serial);
    }

    async fn a_responder_whose_certificate_has_ended_answers_nothing(world: &World) {
        let (certificate, _) = issued(world).await;
        let desk = fetched_without_list(world).await;
        desk.pem("party.pem", certificate.der());
        let (made, said) = desk.openssl(&["ocsp", "-issuer", "issuer.pem", "-cert", "party.pem", "-no_nonce", "-reqout", "request.der"]);
        assert!(made, "{said}");
        let request = std::fs::read(desk.folder.path().join("request.der")).unwrap();
        // The platform stands still: nobody rotates anything. Ten seconds before the end an answer is given, and kept.
        let ends = certificate_of(world, "relying-parties-1-ocsp-1").await.0.view().not_after;
        world.clock.set(ends.minus(Duration::from_secs(10)));
        let app = world.another_node().await;
        // As it is served: on a sandbox a start vouches for the clock.
        vouch(&app).await.unwrap();
        let asks = async || {
            use http_body_util::BodyExt;
            use tower::ServiceExt;
            let asked = http::Request::post("/ocsp").body(axum::body::Body::from(request.clone())).unwrap();
            let answer = server::http::pki::router(std::sync::Arc::clone(&app)).oneshot(asked).await.unwrap();
            openssl::ocsp::OcspResponse::from_der(&answer.into_body().collect().await.unwrap().to_bytes()).unwrap().status()
        };
        assert_eq!(asks().await, openssl::ocsp::OcspResponseStatus::SUCCESSFUL);
        world.clock.set(ends.plus(Duration::from_secs(1)));
        assert_eq!(asks().await, openssl::ocsp::OcspResponseStatus::TRY_LATER, "not from the cache either");
    }

    async fn a_time_stamp_of_before_the_rotation_is_good_for_ever(world: &World) {
        let (desk, query) = to_be_stamped(world).await;
        desk.file("old.tsr", posts(world, "/tsa", query.clone()).await.1);
        let rotate = RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::TimeStamping) };
        world.first().call(&rotate).await.unwrap();
        world.clock.advance(TEN_MINUTES);
        take_due(&world.app).await.unwrap();
        desk.file("new.tsr", posts(world, "/tsa", query).await.1);
        let later = (world.clock.now().plus(365 * A_DAY).micros() / 1_000_000).to_string();
        for reply in ["old.tsr", "new.tsr"] {
            let (good, said) = desk.openssl(&[
                "ts", "-verify", "-queryfile", "query.tsq", "-in", reply, "-CAfile", "root.pem", "-untrusted", "issuer.pem", "-attime", &later,
            ]);
            assert!(good && said.contains("Verification: OK"), "{reply}: {said}");
        }
        assert_eq!(
            generations(world, KeyPurpose::TimeStamping, "stamps").await,
            [("stamps-1".to_owned(), KeyState::Retired), ("stamps-2".to_owned(), KeyState::Active)]
        );
    }
}

async fn fetched_without_list(world: &World) -> Desk {
    let desk = Desk::at(world);
    desk.pem("issuer.pem", &gets(world, "/ca/relying-parties-1.crt").await);
    desk
}
