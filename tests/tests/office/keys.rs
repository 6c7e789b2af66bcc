//! Token-signing keys: published, active, draining, retired, revoked; and what relying parties see of it at each moment.

use std::time::Duration;

use api::Role;
use api::key::{KeyView, ListKeys, RevokeKey, RotateKey, ShowKey};
use axum::body::Body;
use domain::{ActivateAt, Clock, KeyAlgorithm, KeyPurpose, KeyState, RevocationReason, Timestamp};
use futures_util::future::join_all;
use http::Request;
use http_body_util::BodyExt;
use server::key::steps::take_due;
use std::sync::Arc;
use tests::World;
use tests::both_engines;
use tower::ServiceExt;

const TEN_MINUTES: Duration = Duration::from_mins(10);
const AN_INSTANT: Duration = Duration::from_micros(1);

fn rotate(activate: ActivateAt) -> RotateKey {
    RotateKey { algorithm: Some(KeyAlgorithm::Es256), activate, ..RotateKey::of(KeyPurpose::TokenSigning) }
}

/// The key ids that `/oauth2/jwks` shows now, each with its algorithm and no private part.
async fn jwks(world: &World) -> Vec<String> {
    let router = server::http::public::router(Arc::clone(&world.app));
    let answer = router.oneshot(Request::get("/oauth2/jwks").body(Body::empty()).unwrap()).await.unwrap();
    assert_eq!(answer.status(), 200);
    assert_eq!(answer.headers()["cache-control"], "max-age=300");
    assert_eq!(answer.headers()["content-type"], "application/jwk-set+json");
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    let set: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
    let keys = set["keys"].as_array().unwrap();
    for key in keys {
        assert_eq!(key["use"], "sig");
        for private in ["d", "p", "q", "dp", "dq", "qi", "k"] {
            assert!(key.get(private).is_none(), "a private part is shown: {private}");
        }
    }
    keys.iter().filter(|key| key["alg"] == "ES256").map(|key| key["kid"].as_str().unwrap().to_owned()).collect()
}

async fn es256(world: &World) -> Vec<KeyView> {
    let list = ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() };
    let all = world.first().call(&list).await.unwrap().items;
    all.into_iter().filter(|key| key.algorithm == KeyAlgorithm::Es256).collect()
}

async fn state_of(world: &World, key: &KeyView) -> KeyState {
    world.first().call(&ShowKey { kid: key.kid.clone() }).await.unwrap().key.state
}

async fn now(world: &World) -> Timestamp {
    take_due(&world.app).await.unwrap();
    world.clock.now()
}

both_engines! {
    async fn a_key_that_has_a_certificate_says_until_when_it_is_good(world: &World) {
        let keys = world.first().call(&ListKeys::default()).await.unwrap().items;
        let of = |purpose: KeyPurpose| keys.iter().find(|key| key.purpose == purpose).unwrap();
        for purpose in [KeyPurpose::RootCa, KeyPurpose::IssuingCa] {
            let shown = world.first().call(&ShowKey { kid: of(purpose).kid.clone() }).await.unwrap();
            let certificate = pki::Certificate::from_pem(shown.certificate.unwrap().as_bytes()).unwrap();
            assert_eq!(shown.key.not_after, Some(certificate.view().not_after), "{purpose}");
            assert_eq!(of(purpose).not_after, shown.key.not_after, "the list says the same");
        }
        assert_eq!(of(KeyPurpose::TokenSigning).not_after, None);
    }

    async fn a_rotation_has_no_gap_and_no_fork(world: &World) {
        let old = es256(world).await.remove(0);
        assert_eq!(jwks(world).await, [old.kid.to_string()]);

        let begun = world.clock.now();
        let new = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        assert_eq!((new.state, new.activate_at), (KeyState::Published, Some(begun.plus(TEN_MINUTES))));
        let mut both = [old.kid.to_string(), new.kid.to_string()];
        both.sort();
        let shown = async || {
            let mut shown = jwks(world).await;
            shown.sort();
            shown
        };
        assert_eq!(shown().await, both, "published before it signs");

        world.clock.advance(TEN_MINUTES - AN_INSTANT);
        now(world).await;
        assert_eq!((state_of(world, &old).await, state_of(world, &new).await), (KeyState::Active, KeyState::Published));

        world.clock.advance(AN_INSTANT);
        let switched = now(world).await;
        assert_eq!((state_of(world, &old).await, state_of(world, &new).await), (KeyState::Draining, KeyState::Active));
        assert_eq!(shown().await, both, "what the old one signed is still good");

        world.clock.set(switched.plus(TEN_MINUTES).minus(AN_INSTANT));
        now(world).await;
        assert_eq!(state_of(world, &old).await, KeyState::Draining);

        world.clock.advance(AN_INSTANT);
        now(world).await;
        assert_eq!((state_of(world, &old).await, state_of(world, &new).await), (KeyState::Retired, KeyState::Active));
        assert_eq!(jwks(world).await, [new.kid.to_string()]);

        let subject = |key: &KeyView| ("system".to_owned(), key.kid.to_string(), "done".to_owned());
        assert_eq!(world.audited("key.activate").await, [subject(&new)]);
        assert_eq!(world.audited("key.retire").await, [subject(&old)]);
    }

    async fn fifty_rotations_in_a_row_leave_one_active_key_at_every_moment(world: &World) {
        for _ in 0..50 {
            world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap();
            for _ in 0..3 {
                world.clock.advance(Duration::from_mins(5));
                now(world).await;
                let active: Vec<_> = es256(world).await.into_iter().filter(|key| key.state == KeyState::Active).collect();
                assert_eq!(active.len(), 1);
                assert!(jwks(world).await.contains(&active[0].kid.to_string()));
            }
        }
    }

    async fn a_node_that_was_asleep_takes_every_step_when_it_wakes(world: &World) {
        let old = es256(world).await.remove(0);
        let new = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        world.clock.advance(Duration::from_hours(24));
        assert_eq!(take_due(&world.app).await.unwrap(), 1, "late, the new one takes over; the old one drains from that moment on");
        assert_eq!((state_of(world, &old).await, state_of(world, &new).await), (KeyState::Draining, KeyState::Active));
        assert_eq!(take_due(&world.app).await.unwrap(), 0);
    }

    async fn a_clock_that_goes_back_takes_no_step_and_undoes_none(world: &World) {
        let new = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        world.clock.advance(TEN_MINUTES);
        now(world).await;
        world.clock.turn_back(Duration::from_hours(1));
        assert_eq!(take_due(&world.app).await.unwrap(), 0);
        assert_eq!(state_of(world, &new).await, KeyState::Active);
    }

    async fn in_an_emergency_the_new_key_signs_at_once(world: &World) {
        let old = es256(world).await.remove(0);
        let new = world.first().call(&rotate(ActivateAt::Now)).await.unwrap().remove(0).key;
        assert_eq!((new.state, new.activate_at), (KeyState::Active, Some(world.clock.now())));
        assert_eq!(state_of(world, &old).await, KeyState::Draining);
        assert_eq!(jwks(world).await.len(), 2);
    }

    async fn a_date_is_kept_and_one_before_the_publish_interval_refused(world: &World) {
        let early = ActivateAt::Time(world.clock.now().plus(Duration::from_mins(9)));
        let problem = world.first().call(&rotate(early)).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "key.activation-too-early"));
        assert!(problem.hint.unwrap().contains("--emergency"));

        let tonight = world.clock.now().plus(Duration::from_hours(14));
        let new = world.first().call(&rotate(ActivateAt::Time(tonight))).await.unwrap().remove(0).key;
        world.clock.set(tonight.minus(AN_INSTANT));
        now(world).await;
        assert_eq!(state_of(world, &new).await, KeyState::Published);
        world.clock.set(tonight);
        now(world).await;
        assert_eq!(state_of(world, &new).await, KeyState::Active);
    }

    async fn without_an_algorithm_both_lines_rotate_in_one_transaction(world: &World) {
        let made = world.first().call(&RotateKey { algorithm: None, ..rotate(ActivateAt::AfterPublish) }).await.unwrap();
        let algorithms: Vec<_> = made.iter().map(|made| made.key.algorithm).collect();
        assert_eq!(algorithms, [KeyAlgorithm::Es256, KeyAlgorithm::Ps256]);
        assert_eq!(world.audited("key.rotate").await.len(), 1);
    }

    async fn a_second_rotation_waits_for_the_first(world: &World) {
        let new = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        for activate in [ActivateAt::AfterPublish, ActivateAt::Now] {
            let problem = world.first().call(&rotate(activate)).await.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (409, "key.rotation-in-progress"));
            assert!(problem.message.contains(new.kid.as_str()));
        }
        // The other algorithm is a line of its own: nothing of a rotation of both is done when one of them waits.
        let before = es256(world).await.len();
        world.first().call(&RotateKey { algorithm: None, ..rotate(ActivateAt::AfterPublish) }).await.unwrap_err();
        assert_eq!(es256(world).await.len(), before);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'published'").await, 1);
    }

    async fn of_two_officers_at_once_one_wins_and_one_has_a_conflict(world: &World) {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        for activate in [ActivateAt::AfterPublish, ActivateAt::Now] {
            // Of both algorithms: while an RSA key is made, both have seen what they mean to replace.
            let op = RotateKey { algorithm: None, ..rotate(activate) };
            let (a, b) = tokio::join!(one.call(&op), other.call(&op));
            let refused: Vec<_> = [a, b].into_iter().filter_map(Result::err).collect();
            assert_eq!(refused.len(), 1, "{activate:?}");
            assert_eq!((refused[0].status, refused[0].code.as_str()), (409, "key.rotation-in-progress"));
            assert_eq!(refused[0].exit(), api::Exit::Conflict);
            assert_eq!(es256(world).await.iter().filter(|key| key.state == KeyState::Active).count(), 1);
            world.clock.advance(Duration::from_hours(1));
            now(world).await;
            world.clock.advance(Duration::from_hours(1));
            now(world).await;
        }
    }

    async fn sixteen_at_once_make_one_generation(world: &World) {
        let op = rotate(ActivateAt::AfterPublish);
        let first = world.first();
        let answers = join_all((0..16).map(|_| first.call(&op))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        assert!(answers.iter().filter_map(|answer| answer.as_ref().err()).all(|problem| problem.status == 409), "{answers:?}");
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'published'").await, 1);
    }

    async fn two_nodes_take_a_step_once(world: &World) {
        let new = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        world.clock.advance(TEN_MINUTES);
        let other = world.another_node().await;
        let taken = join_all((0..8).map(|turn| take_due(if turn % 2 == 0 { &world.app } else { &other }))).await;
        // One that came too late may say so and try again; the step is there once.
        assert!(taken.iter().any(Result::is_ok));
        now(world).await;
        assert_eq!(state_of(world, &new).await, KeyState::Active);
        assert_eq!(world.audited("key.activate").await.len(), 1);
        other.store.engine().close().await;
    }

    async fn a_revoked_key_is_out_of_the_key_set_at_once_and_another_stands_in_its_place(world: &World) {
        let leaked = es256(world).await.remove(0);
        let revocation = world
            .first()
            .call(&RevokeKey { kid: leaked.kid.clone(), reason: RevocationReason::KeyCompromise })
            .await
            .unwrap();
        let fresh = revocation.replaced_by.unwrap();
        assert_eq!(revocation.key.state, KeyState::Revoked);
        assert_eq!(jwks(world).await, [fresh.to_string()]);
        let active: Vec<_> = es256(world).await.into_iter().filter(|key| key.state == KeyState::Active).collect();
        assert_eq!(active.len(), 1);
        assert_eq!(active[0].kid, fresh);

        let again = world.first().call(&RevokeKey { kid: leaked.kid.clone(), reason: RevocationReason::KeyCompromise }).await;
        let problem = again.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (409, "key.revoked"));
    }

    async fn the_waiting_generation_takes_the_place_of_a_revoked_one(world: &World) {
        let leaked = es256(world).await.remove(0);
        let waiting = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        let revocation =
            world.first().call(&RevokeKey { kid: leaked.kid, reason: RevocationReason::KeyCompromise }).await.unwrap();
        assert_eq!(revocation.replaced_by, Some(waiting.kid.clone()));
        assert_eq!(jwks(world).await, [waiting.kid.to_string()]);
        // The date of the rotation comes and finds nothing left to do.
        world.clock.advance(TEN_MINUTES);
        assert_eq!(take_due(&world.app).await.unwrap(), 0);
    }

    async fn a_published_and_a_draining_one_can_be_revoked_and_nothing_else_changes(world: &World) {
        let old = es256(world).await.remove(0);
        let waiting = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        let op = RevokeKey { kid: waiting.kid.clone(), reason: RevocationReason::Superseded };
        assert_eq!(world.first().call(&op).await.unwrap().replaced_by, None);
        assert_eq!((jwks(world).await, state_of(world, &old).await), (vec![old.kid.to_string()], KeyState::Active));

        let new = world.first().call(&rotate(ActivateAt::Now)).await.unwrap().remove(0).key;
        let op = RevokeKey { kid: old.kid.clone(), reason: RevocationReason::KeyCompromise };
        assert_eq!(world.first().call(&op).await.unwrap().replaced_by, None);
        assert_eq!(jwks(world).await, [new.kid.to_string()]);
    }

    async fn other_keys_are_neither_rotated_nor_revoked_by_these_verbs(world: &World) {
        for purpose in ["root-ca", "pairwise"] {
            let body = format!(r#"{{"purpose":"{purpose}"}}"#);
            let problem = world.first().under("a-key-0001").post("key.rotate", body).await.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "key.purpose"), "{purpose}");
        }
        let list = ListKeys { purpose: Some(KeyPurpose::RootCa), ..ListKeys::default() };
        let root = world.first().call(&list).await.unwrap().items.remove(0);
        let op = RevokeKey { kid: root.kid, reason: RevocationReason::KeyCompromise };
        let refused = world.first().call(&op).await.unwrap_err();
        assert_eq!((refused.status, refused.code.as_str()), (409, "key.revoked-otherwise"));
        // The others are revoked by the rotation that replaces them, which the hint names so that it runs.
        let stamps = RevokeKey { kid: "stamps-1".parse().unwrap(), reason: RevocationReason::KeyCompromise };
        let hint = world.first().call(&stamps).await.unwrap_err().hint.unwrap();
        let command = "'iamctl key rotate --emergency --purpose time-stamping --line stamps --reason key-compromise'";
        assert!(hint.contains(command), "{hint}");
        let op = RevokeKey { kid: "nobody-knows".parse().unwrap(), reason: RevocationReason::KeyCompromise };
        assert_eq!(world.first().call(&op).await.unwrap_err().status, 404);
    }

    async fn private_keys_lie_wrapped_and_open_with_this_instances_key_alone(world: &World) {
        let kek = std::fs::read_to_string(world.data_dir.join(server::data_dir::KEY_FILE)).unwrap();
        let secret = kek.trim().rsplit(' ').next().unwrap().as_bytes().to_vec();
        for sealed in world.blobs("SELECT private_sealed FROM key_generation WHERE private_sealed IS NOT NULL").await {
            assert!(!sealed.windows(secret.len()).any(|window| window == secret));
            assert!(openssl::pkey::PKey::private_key_from_der(&sealed).is_err(), "a private key lies open");
        }
        // A row moved under another key's name does not open: the name is bound into it.
        world.execute(
            "UPDATE key_generation SET private_sealed = (SELECT private_sealed FROM key_generation AS other WHERE other.kid = 'servers-1')
             WHERE kid = 'operators-1'",
        ).await;
        let code = world.first().call(&api::operator::AddOperator {
            id: "agent-7".parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::Auditor],
        }).await.unwrap().code.unwrap();
        let key = pki::PrivateKey::generate(pki::KeyKind::P256).unwrap();
        let problem = world.enrolment(&code, &pki::make_csr(&key, "x").unwrap()).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (500, "internal"));
    }

    async fn the_list_shows_every_line_with_one_active_generation(world: &World) {
        let keys = world.first().call(&ListKeys::default()).await.unwrap().items;
        let mut lines: Vec<_> = keys.iter().map(|key| format!("{} {} {}", key.purpose, key.name, key.algorithm)).collect();
        let all = lines.len();
        lines.sort();
        lines.dedup();
        assert_eq!(lines.len(), all);
        assert!(keys.iter().all(|key| key.state == KeyState::Active));
        for purpose in ["token-signing", "root-ca", "issuing-ca", "server-tls", "audit", "data", "blind-index", "pairwise"] {
            assert!(keys.iter().any(|key| key.purpose.to_string() == purpose), "{purpose} is not listed");
        }
        let only = ListKeys { state: Some(KeyState::Draining), ..ListKeys::default() };
        assert_eq!(world.first().call(&only).await.unwrap().items, []);
    }
}

both_engines! {
    from Setup::default().with("key-publish-interval", "PT1H").with("key-drain-interval", "PT2H");

    async fn the_intervals_are_settings(world: &World) {
        let old = es256(world).await.remove(0);
        let new = world.first().call(&rotate(ActivateAt::AfterPublish)).await.unwrap().remove(0).key;
        assert_eq!(new.activate_at, Some(world.clock.now().plus(Duration::from_hours(1))));
        world.clock.advance(Duration::from_hours(1));
        let switched = now(world).await;
        let drained = world.first().call(&ShowKey { kid: old.kid }).await.unwrap();
        assert_eq!(drained.key.retire_at, Some(switched.plus(Duration::from_hours(2))));
        assert!(drained.in_jwks && drained.next.is_some());
    }
}
