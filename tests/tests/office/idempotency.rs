//! A write is done once, however often it is asked.

use std::time::Duration;

use api::Role;
use api::key::RotateKey;
use api::operator::{AddOperator, DisableOperator, EnableOperator};
use domain::{KeyAlgorithm, KeyPurpose};
use futures_util::future::join_all;
use tests::both_engines;

const KEY: &str = "shift-2026-01-05.0001";
const A_DAY: Duration = Duration::from_hours(24);

fn add(id: &str) -> AddOperator {
    AddOperator { id: id.parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::HotlineAgent] }
}

fn rotate() -> RotateKey {
    RotateKey { algorithm: Some(KeyAlgorithm::Es256), ..RotateKey::of(KeyPurpose::TokenSigning) }
}

both_engines! {
    async fn the_same_key_gives_the_first_reply_and_adds_no_entry(world: &World) {
        let desk = world.first().under(KEY);
        let first = desk.ask(&rotate()).await;
        let again = desk.ask(&rotate()).await;
        assert!(!first.replayed() && again.replayed());
        assert_eq!(first.reply.unwrap(), again.reply.unwrap());
        assert_eq!(world.audited("key.rotate").await.len(), 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'published'").await, 1);
    }

    async fn a_secret_is_shown_once(world: &World) {
        let desk = world.first().under(KEY);
        let first = desk.call(&add("agent-7")).await.unwrap();
        let again = desk.call(&add("agent-7")).await.unwrap();
        assert!(first.code.is_some() && first.note.is_none());
        assert!(again.code.is_none());
        assert!(again.note.unwrap().contains("shown once"));
        assert_eq!((again.operator, again.expires_at), (first.operator, first.expires_at));
        world.enrols("agent-7", &first.code.unwrap()).await;
    }

    async fn another_body_under_the_same_key_is_a_conflict(world: &World) {
        let desk = world.first().under(KEY);
        desk.call(&add("agent-7")).await.unwrap();
        let problem = desk.call(&add("agent-8")).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (409, "idempotency.conflict", false));
        assert_eq!(problem.exit(), api::Exit::Conflict);
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE id = 'agent-8'").await, 0);
    }

    async fn another_operation_with_the_same_body_under_the_same_key_is_a_conflict(world: &World) {
        world.operator("agent-7", &[Role::HotlineAgent]).await;
        let desk = world.first().under(KEY);
        desk.call(&DisableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap();
        let problem = desk.call(&EnableOperator { operator: "agent-7".parse().unwrap() }).await.unwrap_err();
        assert_eq!(problem.code, "idempotency.conflict");
    }

    async fn two_operators_may_use_the_same_key(world: &World) {
        let second = world.operator("administrator-2", &[Role::Administrator]).await;
        world.first().under(KEY).call(&add("agent-7")).await.unwrap();
        let other = second.under(KEY).ask(&add("agent-8")).await;
        assert!(!other.replayed());
        assert_eq!(other.reply.unwrap().operator.as_str(), "agent-8");
    }

    async fn a_key_is_kept_for_a_day_and_free_when_that_day_has_passed_for_certain(world: &World) {
        let desk = world.first().under(KEY);
        desk.call(&add("agent-7")).await.unwrap();
        world.seal().await;
        world.clock.advance(A_DAY + Duration::from_micros(1));
        assert!(desk.ask(&add("agent-7")).await.replayed(), "by the clock alone");
        world.first().call(&add("agent-8")).await.unwrap();
        world.seal().await;
        world.clock.advance(A_DAY);
        assert!(desk.ask(&add("agent-7")).await.replayed());
        world.clock.advance(Duration::from_millis(1));
        let anew = desk.ask(&add("agent-7")).await;
        assert!(!anew.replayed());
        assert!(anew.reply.unwrap().code.is_some(), "it was done anew");
        assert!(desk.ask(&add("agent-7")).await.replayed(), "and is kept for another day");
    }

    async fn the_sweeper_forgets_what_has_aged_out_and_nothing_else(world: &World) {
        world.first().under("yesterday-0001").call(&add("agent-7")).await.unwrap();
        world.clock.advance(A_DAY + Duration::from_secs(1));
        world.first().under("today-0001").call(&add("agent-8")).await.unwrap();
        world.seal().await;
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM idempotency").await, 2, "that a day has passed is not certain yet");
        world.clock.advance(A_DAY + Duration::from_secs(1));
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM idempotency").await, 1);
        assert!(world.first().under("today-0001").ask(&add("agent-8")).await.replayed());
    }

    async fn of_eight_at_once_under_one_key_one_is_done_and_all_have_its_reply(world: &World) {
        let desk = world.first().under(KEY);
        let op = rotate();
        let answers = join_all((0..8).map(|_| desk.ask(&op))).await;
        let done = answers.iter().filter(|answer| !answer.replayed()).count();
        let replies: Vec<_> = answers.into_iter().map(|answer| answer.reply.unwrap()).collect();
        assert_eq!(done, 1);
        assert!(replies.windows(2).all(|pair| pair[0] == pair[1]), "{replies:?}");
        assert_eq!(world.audited("key.rotate").await.len(), 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM key_generation WHERE state = 'published'").await, 1);
    }

    async fn of_eight_different_requests_at_once_under_one_key_one_is_done(world: &World) {
        let desk = world.first().under(KEY);
        let adds: Vec<AddOperator> = (0..8).map(|number| add(&format!("agent-{number}"))).collect();
        let answers = join_all(adds.iter().map(|add| desk.call(add))).await;
        assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 1);
        for problem in answers.into_iter().filter_map(Result::err) {
            assert_eq!((problem.status, problem.code.as_str()), (409, "idempotency.conflict"), "{problem:?}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE state = 'invited'").await, 1);
    }

    async fn a_refusal_is_not_kept(world: &World) {
        let desk = world.first().under(KEY);
        let op = DisableOperator { operator: "agent-7".parse().unwrap() };
        assert_eq!(desk.call(&op).await.unwrap_err().code, "operator.not-found");
        world.operator("agent-7", &[Role::HotlineAgent]).await;
        desk.call(&op).await.unwrap();
    }

    async fn kept_replies_lie_sealed(world: &World) {
        world.first().under(KEY).call(&add("agent-7")).await.unwrap();
        for sealed in world.blobs("SELECT reply_sealed FROM idempotency").await {
            assert!(!sealed.windows(7).any(|window| window == b"agent-7"));
        }
    }

    // A batch of one line holds little more than a card number: whoever tries them all must not recognise its digest.
    async fn neither_the_key_nor_a_plain_digest_of_the_body_is_kept(world: &World) {
        let body = serde_json::to_vec(&add("agent-7")).unwrap();
        world.first().under(KEY).post("operator.add", body.clone()).await.reply.unwrap();
        assert!(!world.texts("SELECT key FROM idempotency").await.contains(&KEY.to_owned()));
        let kept = world.blobs("SELECT body_digest FROM idempotency").await;
        assert_eq!(kept, [world.app.keys.body_mac(&body).unwrap()]);
        assert_ne!(kept[0], openssl::sha::sha256(&body));
    }

    async fn a_write_without_a_key_or_with_a_bad_one_is_invalid(world: &World) {
        let body = serde_json::to_vec(&add("agent-7")).unwrap();
        let missing = world.first().post("operator.add", body.clone()).await.reply.unwrap_err();
        assert_eq!((missing.status, missing.code.as_str()), (422, "idempotency.missing"));
        for bad in ["short", "with a space", &"x".repeat(129)] {
            let problem = world.first().under(bad).post("operator.add", body.clone()).await.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (422, "idempotency.key"), "{bad}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE id = 'agent-7'").await, 0);
    }

    async fn reads_need_no_key(world: &World) {
        assert_eq!(world.first().post("operator.list", "{}").await.status, 200);
        assert_eq!(world.number("SELECT COUNT(*) FROM idempotency").await, 0);
    }
}
