//! Two nodes on one database: what one of them does at a time is done once.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use api::Role;
use api::operator::AddOperator;
use server::audit::seal::seal;
use server::store::Leader;
use tests::both_engines;

both_engines! {
    async fn two_nodes_seal_one_tree_without_a_fork(world: &World) {
        let other = world.another_node().await;
        let writing = Arc::new(AtomicBool::new(true));
        let mut sealers = tokio::task::JoinSet::new();
        for app in [&world.app, &other, &world.app, &other] {
            let (app, writing) = (Arc::clone(app), Arc::clone(&writing));
            sealers.spawn(async move {
                let mut sealed = 0;
                while writing.load(Ordering::SeqCst) {
                    sealed += seal(&app).await.unwrap();
                    tokio::task::yield_now().await;
                }
                sealed
            });
        }
        for number in 0..60 {
            let add = AddOperator { id: format!("agent-{number}").parse().unwrap(), name: "Duty officer".into(), roles: vec![Role::Auditor] };
            world.first().call(&add).await.unwrap();
        }
        writing.store(false, Ordering::SeqCst);
        let sealed: usize = sealers.join_all().await.into_iter().sum();
        let rest = world.seal().await;

        let entries = world.number("SELECT COUNT(*) FROM audit_entry").await;
        assert_eq!(i64::try_from(sealed + rest).unwrap(), entries, "every entry was sealed once");
        let sizes = world.numbers("SELECT tree_size FROM audit_checkpoint ORDER BY at, tree_size").await;
        assert_eq!(sizes.iter().collect::<BTreeSet<_>>().len(), sizes.len());
        assert!(world.export().await.verdict(None).ok);
        other.store.engine().close().await;
    }

    async fn a_leader_that_dies_frees_its_task(world: &World) {
        let mut leading = world.app.store.write().await.unwrap();
        assert!(leading.leads(Leader::Sealer).await.unwrap());
        // Dropped without a word, as a node does that loses its connection.
        drop(leading);
        // PostgreSQL hears of it in its own time.
        loop {
            let mut next = world.app.store.write().await.unwrap();
            let leads = next.leads(Leader::Sealer).await.unwrap();
            next.rollback().await.unwrap();
            if leads {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
        }
    }
}

#[test]
fn on_postgresql_a_task_has_one_leader_and_other_tasks_have_their_own() {
    tests::world::run(tests::Engine::Postgres, tests::Setup::default(), async |world| {
        let other = world.another_node().await;
        let mut sealer = world.app.store.write().await.unwrap();
        let mut second = other.store.write().await.unwrap();
        assert!(sealer.leads(Leader::Sealer).await.unwrap());
        assert!(!second.leads(Leader::Sealer).await.unwrap());
        assert!(second.leads(Leader::Folder).await.unwrap());
        sealer.rollback().await.unwrap();
        assert!(second.leads(Leader::Sealer).await.unwrap());
        second.rollback().await.unwrap();
        other.store.engine().close().await;
    });
}
