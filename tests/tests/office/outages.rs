//! The database goes away: the caller is told, nothing is applied, and the server recovers by itself.

use api::Role;
use api::operator::{AddOperator, WhoAmI};
use tests::{Engine, Setup};

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
        let refused = server::instance::open::open(&world.data_dir, world.settings.clone(), world.ports()).await;
        let told = format!("{:#}", refused.err().unwrap());
        assert!(told.starts_with("cannot open the database") && !told.contains('\n'), "{told}");
        database.comes_back().await;
    });
}
