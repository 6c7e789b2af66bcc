//! The database goes away: the caller is told, nothing is applied, and the server recovers by itself.

use std::sync::Arc;

use api::account::SuspendAccount;
use api::operator::{AddOperator, WhoAmI};
use api::{Operation, Role};
use domain::SuspensionReason;
use server::app::App;
use server::instance::open::open;
use server::settings::Settings;
use server::store::Location;
use tests::world::line::Line;
use tests::{Engine, Setup, World};

fn add(id: &str) -> AddOperator {
    AddOperator { id: id.parse().unwrap(), name: "Duty officer".to_owned(), roles: vec![Role::Auditor] }
}

#[test]
fn with_postgresql_gone_a_write_is_unavailable_and_goes_through_when_it_is_back() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let database = world.database.as_ref().unwrap();
        let desk = world.first().under("through-the-outage");
        database.goes_away().await;

        let problem = desk.call(&add("agent-7")).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (503, "store.unavailable", true), "{problem:?}");
        assert_eq!(problem.exit(), api::Exit::Unavailable);
        let problem = world.first().call(&WhoAmI {}).await.unwrap_err();
        assert_eq!(problem.code, "store.unavailable");

        database.comes_back().await;
        assert_eq!(world.number("SELECT COUNT(*) FROM operator WHERE id = 'agent-7'").await, 0, "nothing was applied");
        let answer = desk.ask(&add("agent-7")).await;
        assert!(!answer.replayed());
        assert!(answer.reply.unwrap().code.is_some());
        assert_eq!(world.audited("operator.add").await.len(), 1);
    });
}

#[test]
fn connections_that_were_cut_in_the_pool_are_made_anew_without_a_word() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        world.first().call(&WhoAmI {}).await.unwrap();
        let database = world.database.as_ref().unwrap();
        database.goes_away().await;
        database.comes_back().await;
        world.first().call(&add("agent-7")).await.unwrap();
    });
}

#[test]
fn a_transaction_that_loses_its_connection_leaves_nothing() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let database = world.database.as_ref().unwrap();
        let before = world.census().await;
        let mut tx = world.app.store.write().await.unwrap();
        let row = server::store::OperatorRow {
            id: "agent-7".into(),
            name: "Duty officer".into(),
            roles: "auditor".into(),
            state: "invited".into(),
            version: 0,
            created_at: 0,
            enrolment_mac: None,
            enrolment_expires_at: None,
        };
        tx.put_operator(&row).await.unwrap();
        database.goes_away().await;
        assert!(tx.commit_housekeeping(server::store::Housekeeping::Sweep).await.is_err());
        database.comes_back().await;
        assert_eq!(world.census().await, before);
    });
}

#[test]
fn an_instance_whose_postgresql_is_away_is_not_opened_and_says_so_in_one_line() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let database = world.database.as_ref().unwrap();
        database.goes_away().await;
        let refused = open(&world.data_dir, world.settings.clone(), world.ports()).await;
        let told = format!("{:#}", refused.err().unwrap());
        assert!(told.starts_with("cannot open the database") && !told.contains('\n'), "{told}");
        database.comes_back().await;
    });
}

/// Another node of the instance, whose line to PostgreSQL is in the test's hand.
async fn over_a_line(world: &World) -> (Line, Arc<App>) {
    let url = world.database.as_ref().unwrap().url();
    let line = Line::to(&url);
    let settings = Settings { database: Location::Url(line.url(&url)), ..world.settings.clone() };
    let node = open(&world.data_dir, settings, world.ports()).await.unwrap();
    (line, node)
}

#[test]
fn a_write_whose_answer_is_lost_is_not_confirmed_and_done_once_however_often_it_is_asked() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let (line, node) = over_a_line(world).await;
        let desk = world.at_node(&node, "first-operator").under("lost-answer-0001");
        line.loses_the_answer_to_the_next_commit();

        let problem = desk.call(&add("agent-7")).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (503, "store.not-confirmed", true), "{problem:?}");
        assert!(problem.message.starts_with("NOT CONFIRMED"), "{problem:?}");
        assert!(problem.hint.unwrap().contains("same idempotency key"));
        assert_eq!(line.lost(), 1);

        let again = desk.ask(&add("agent-7")).await;
        assert!(again.replayed(), "it had been done");
        assert_eq!(world.audited("operator.add").await.len(), 1);
        node.store.engine().close().await;
    });
}

#[test]
fn a_silent_database_does_not_keep_the_caller_waiting_for_ever_and_what_was_not_confirmed_can_be_repeated() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let citizen = world.citizen("CHAN TAI MAN").registers_at_kiosk("harbour-road-sports-centre").await;
        let (line, node) = over_a_line(world).await;
        let desk = world.at_node(&node, "first-operator").under("silence-0001");
        let op = SuspendAccount { account: citizen.account, reason: SuspensionReason::LostDevice, call: None, note: None };
        assert!(SuspendAccount::PATIENCE.as_secs() <= 5, "a caller is on the line");

        line.falls_silent();
        let problem = desk.call(&op).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (503, "store.unavailable", true), "{problem:?}");
        line.speaks_again();
        assert_eq!(world.number("SELECT COUNT(*) FROM account WHERE state = 'suspended'").await, 0);

        line.falls_silent_after_the_next_commit();
        let problem = desk.call(&op).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (503, "store.not-confirmed", true), "{problem:?}");
        assert!(problem.message.starts_with("NOT CONFIRMED"), "{problem:?}");
        line.speaks_again();
        let answer = desk.ask(&op).await;
        assert!(answer.replayed(), "it had been done");
        assert_eq!(answer.reply.unwrap().state, domain::AccountState::Suspended);
        assert_eq!(world.audited("account.suspend").await.len(), 1);
        node.store.engine().close().await;
    });
}

#[test]
fn a_full_disk_refuses_what_is_new_keeps_what_was_and_is_over_when_there_is_room() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        world.first().call(&add("agent-7")).await.unwrap();
        let pages = world.number("PRAGMA page_count").await;
        // The engine itself then says what it says of a full disk.
        world.execute(&format!("PRAGMA max_page_count = {pages}")).await;
        let mut refused = None;
        for number in 0..500 {
            let key = format!("filling-up-{number:04}");
            if let Err(problem) = world.first().under(&key).call(&add(&format!("agent-x{number}"))).await {
                refused = Some((number, problem));
                break;
            }
        }
        let (number, problem) = refused.unwrap();
        assert_eq!((problem.status, problem.code.as_str(), problem.retryable), (503, "store.storage", true), "{problem:?}");
        assert!(problem.message.contains("iam.db") && problem.message.contains("nothing was changed"), "{problem:?}");
        assert!(problem.hint.unwrap().contains("free"));
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM operator WHERE id = 'agent-x{number}'")).await, 0);
        world.first().call(&WhoAmI {}).await.unwrap();

        // The limit was the connection's; with a new one there is room, and nobody has started anything anew.
        let again = world.first().under(&format!("filling-up-{number:04}")).ask(&add(&format!("agent-x{number}"))).await;
        assert!(!again.replayed() && again.reply.is_ok(), "{:?}", again.reply);
    });
}

#[test]
fn a_database_that_has_become_read_only_is_said_and_recovers() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        world.execute("PRAGMA query_only = on").await;
        let desk = world.first().under("read-only-0001");
        let problem = desk.call(&add("agent-7")).await.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (503, "store.storage"), "{problem:?}");
        world.execute("PRAGMA query_only = off").await;
        desk.call(&add("agent-7")).await.unwrap();
    });
}

#[test]
fn a_file_that_is_no_database_is_not_opened() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        let folder = world.folder().join("damaged");
        std::fs::create_dir(&folder).unwrap();
        for name in [server::data_dir::KEY_FILE, "iam.db"] {
            std::fs::copy(world.data_dir.join(name), folder.join(name)).unwrap();
        }
        let mut bytes = std::fs::read(folder.join("iam.db")).unwrap();
        bytes[..64].fill(0x55);
        std::fs::write(folder.join("iam.db"), bytes).unwrap();
        let settings = Settings { database: Location::File(folder.join("iam.db")), ..world.settings.clone() };
        let told = format!("{:#}", open(&folder, settings, world.ports()).await.err().unwrap());
        assert!(told.contains("iam.db") && !told.contains('\n'), "{told}");
    });
}

#[test]
fn a_job_that_a_full_disk_holds_up_says_what_it_waits_for() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        crate::population::with_parties(world).await;
        let job = world.first().call(&crate::population::lcq5_at(0.000_5)).await.unwrap().job;
        // The writer's own connection refuses, as on a disk that is full or read-only.
        world.execute("PRAGMA query_only = on").await;
        let stop = tokio_util::sync::CancellationToken::new();
        assert!(server::job::run::run_next(&world.app, &stop).await.is_err());
        let shown = world.first().call(&api::job::ShowJob { job }).await.unwrap();
        assert!(shown.message.contains("; waits: storage refuses") && shown.message.contains("iam.db"), "{}", shown.message);
        let listed = world.first().call(&api::job::ListJobs::default()).await.unwrap().items.remove(0);
        assert_eq!(listed.message, shown.message);

        world.execute("PRAGMA query_only = off").await;
        assert!(server::job::run::run_next(&world.app, &stop).await.unwrap());
        let shown = world.first().call(&api::job::ShowJob { job }).await.unwrap();
        assert!(shown.state.is_over() && !shown.message.contains("waits"), "{}", shown.message);
    });
}

#[test]
fn a_job_is_listed_and_cancelled_while_a_batch_holds_the_one_writer() {
    tests::world::run(Engine::Sqlite, Setup::default(), async |world| {
        crate::population::with_parties(world).await;
        let job = world.first().call(&crate::population::lcq5_at(0.000_5)).await.unwrap().job;
        let batch = world.app.store.write().await.unwrap();
        assert_eq!(world.first().call(&api::job::ListJobs::default()).await.unwrap().items.len(), 1);
        // Longer than a statement waits for the writer: that is what is tried.
        let (desk, cancel) = (world.first(), api::job::CancelJob { job });
        let (cancelled, ()) = tokio::join!(desk.call(&cancel), async {
            tokio::time::sleep(std::time::Duration::from_millis(4_500)).await;
            drop(batch);
        });
        assert_eq!(cancelled.unwrap().state, api::job::JobState::Cancelled);
    });
}
