//! The clock may lie: turned back it revives nothing, far ahead it forgets nothing.

use std::time::Duration;

use api::Role;
use api::operator::{AddOperator, DisableOperator, EnableOperator, WhoAmI};
use domain::Clock;
use pki::{KeyKind, PrivateKey};
use tests::{World, both_engines};

const A_YEAR: Duration = Duration::from_hours(24 * 365);
const A_DAY: Duration = Duration::from_hours(24);

fn add(id: &str) -> AddOperator {
    AddOperator { id: id.parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::HotlineAgent] }
}

fn request() -> String {
    pki::make_csr(&PrivateKey::generate(KeyKind::P256).unwrap(), "agent").unwrap()
}

/// Somebody works, and the log is sealed: the time of the clock is now on record.
async fn works(world: &World) {
    for _ in 0..2 {
        let disable = DisableOperator { operator: "worker".parse().unwrap() };
        world.first().call(&disable).await.unwrap();
        world.first().call(&EnableOperator { operator: "worker".parse().unwrap() }).await.unwrap();
    }
    world.seal().await;
}

both_engines! {
    async fn a_clock_a_year_ahead_forgets_no_reply_and_does_nothing_twice(world: &World) {
        world.operator("worker", &[Role::Auditor]).await;
        let desk = world.first().under("before-the-jump-1");
        desk.call(&add("agent-7")).await.unwrap();
        world.seal().await;

        world.clock.advance(A_YEAR);
        for _ in 0..2 {
            server::housekeeping::sweep(&world.app).await.unwrap();
            assert!(desk.ask(&add("agent-7")).await.replayed());
            works(world).await;
        }
        world.clock.turn_back(A_YEAR);
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert!(desk.ask(&add("agent-7")).await.replayed());
        assert_eq!(world.audited("operator.add").await.iter().filter(|entry| entry.1 == "agent-7").count(), 1);
    }

    async fn after_a_month_switched_off_all_goes_on_within_a_day(world: &World) {
        world.operator("worker", &[Role::Auditor]).await;
        world.first().under("before-the-month-1").call(&add("agent-7")).await.unwrap();
        world.seal().await;
        let key = world.app.keys.payload_mac(b"idempotency key before-the-month-1").unwrap();
        let kept = format!("SELECT COUNT(*) FROM idempotency WHERE key = '{key}'");

        world.clock.advance(30 * A_DAY);
        works(world).await;
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert_eq!(world.number(&kept).await, 1);
        world.clock.advance(A_DAY + Duration::from_secs(1));
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert_eq!(world.number(&kept).await, 0);
    }

    async fn a_clock_that_ran_ahead_and_was_set_right_is_ready_with_the_next_entry(world: &World) {
        world.operator("worker", &[Role::Auditor]).await;
        world.clock.advance(A_YEAR);
        works(world).await;
        world.clock.turn_back(A_YEAR);
        let ready = async || server::instance::health::look(&world.app).await.into_iter().find(|check| check.id == "clock").unwrap().ok;
        assert!(!ready().await);
        works(world).await;
        assert!(ready().await);
    }

    async fn a_clock_that_is_turned_back_revives_no_enrolment_code(world: &World) {
        world.operator("worker", &[Role::Auditor]).await;
        let code = world.first().call(&add("agent-7")).await.unwrap().code.unwrap();
        world.clock.advance(Duration::from_mins(11));
        works(world).await;
        world.clock.turn_back(Duration::from_mins(5));
        assert_eq!(world.enrolment(&code, &request()).await.reply.unwrap_err().code, "enrol.code", "the log knows better");
        world.clock.turn_back(Duration::from_mins(55));
        works(world).await;
        assert_eq!(world.enrolment(&code, &request()).await.reply.unwrap_err().code, "enrol.code", "before it was made");
        world.clock.advance(Duration::from_mins(60));
        server::housekeeping::sweep(&world.app).await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE enrolment_mac IS NOT NULL").await, 0);
        world.clock.turn_back(Duration::from_mins(5));
        works(world).await;
        assert_eq!(world.enrolment(&code, &request()).await.reply.unwrap_err().code, "enrol.code", "it is gone");
    }

    async fn a_clock_that_is_turned_back_revives_no_certificate(world: &World) {
        let worker = world.operator("worker", &[Role::Auditor]).await;
        let ends = world.badge("worker").peer.0.unwrap().not_after;
        world.clock.set(ends.minus(Duration::from_mins(30)));
        worker.call(&WhoAmI {}).await.unwrap();
        world.clock.set(ends.plus(Duration::from_mins(1)));
        let tx = world.app.store.write().await.unwrap();
        let step = server::store::Housekeeping::Step { action: "key.activate", subject: "x".into(), facts: serde_json::Value::Null };
        tx.commit_housekeeping(step).await.unwrap();
        world.seal().await;
        world.clock.turn_back(Duration::from_hours(1));
        let problem = worker.call(&WhoAmI {}).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-expired"));
        assert!(world.clock.now() < ends);
        let turned_away = world.audited("operator.connect").await;
        assert_eq!(turned_away.len(), 1, "and it is written down");
        assert_eq!((turned_away[0].0.as_str(), turned_away[0].2.as_str()), ("system", "refused"));
    }
}
