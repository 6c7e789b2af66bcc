//! What can be used once: however many come with it at the same moment, one of them is the first.

use std::time::Duration;

use domain::Clock;
use futures_util::future::join_all;
use server::housekeeping::sweep;
use server::spent::{Once, spend};
use tests::{World, both_engines};

const MINUTE: Duration = Duration::from_mins(1);
const BANK: Once<'static> = Once::Assertion { client: "sandbox-bank.online" };

/// How many of so many that come at once are let through.
async fn let_through(world: &World, once: Once<'_>, jti: &str, many: usize) -> usize {
    let until = world.clock.now().plus(MINUTE);
    let all = join_all((0..many).map(|_| spend(&world.app, once, jti, until))).await;
    let refused = all.iter().filter_map(|spent| spent.as_ref().err());
    assert!(refused.clone().all(|failure| failure.code() == "proof.replayed"), "{all:?}");
    all.len() - refused.count()
}

both_engines! {
    async fn of_many_at_once_one_is_the_first(world: &World) {
        assert_eq!(let_through(world, BANK, "one", 64).await, 1);
        assert_eq!(let_through(world, BANK, "one", 64).await, 0);
        // The same id of another client, and of another kind.
        assert_eq!(let_through(world, Once::Assertion { client: "sandbox-bank.offline" }, "one", 64).await, 1);
        assert_eq!(let_through(world, Once::Proof { key: "sandbox-bank.online" }, "one", 64).await, 1);
        let until = world.clock.now().plus(MINUTE);
        let ids: Vec<String> = (0..300).map(|id| id.to_string()).collect();
        let different = join_all(ids.iter().map(|id| spend(&world.app, BANK, id, until))).await;
        assert!(different.iter().all(Result::is_ok), "{different:?}");
    }

    async fn what_was_used_is_remembered_for_as_long_as_it_is_good_and_forgotten_afterwards(world: &World) {
        assert_eq!(let_through(world, BANK, "one", 1).await, 1);
        world.clock.advance(MINUTE);
        sweep(&world.app).await.unwrap();
        assert_eq!(let_through(world, BANK, "one", 1).await, 0);
        world.clock.advance(MINUTE * 11);
        sweep(&world.app).await.unwrap();
        // By now nobody would take it: its own date is against it.
        assert_eq!(let_through(world, BANK, "one", 1).await, 1);
    }
}
