//! Two at the same moment, on PostgreSQL: the first is held where it has done everything and not committed yet, the second begins
//! and sees nothing of it. SQLite has one writer, and nothing of this.

use std::pin::pin;

use api::key::{ListKeys, RotateKey};
use api::rotation::EmergencyRotation;
use api::{Operation, Problem, Role};
use domain::{ActivateAt, KeyAlgorithm, KeyPurpose, KeyState, RevocationReason};
use server::audit::seal::seal;
use tests::world::audit::Export;
use tests::world::desk::Desk;
use tests::{Engine, Setup, World};

/// Lets the first do everything but commit, and the second everything that it can without; then both go on.
async fn at_once<A: Operation, B: Operation>(
    world: &World,
    first: (&Desk<'_>, &A),
    second: (&Desk<'_>, &B),
) -> (Result<A::Reply, Problem>, Result<B::Reply, Problem>) {
    let database = world.database.as_ref().unwrap();
    let held = database.holds("audit_entry").await;
    let rest = async {
        database.until_waiting(1).await;
        let go_on = async {
            database.until_waiting(2).await;
            held.let_go().await;
        };
        tokio::join!(second.0.call(second.1), go_on).0
    };
    tokio::join!(first.0.call(first.1), rest)
}

fn emergency(purpose: KeyPurpose, algorithm: Option<KeyAlgorithm>) -> EmergencyRotation {
    EmergencyRotation { purpose, name: None, algorithm, reason: RevocationReason::KeyCompromise }
}

/// The ES256 keys in a state.
async fn in_state(world: &World, state: KeyState) -> Vec<String> {
    let list = ListKeys { purpose: Some(KeyPurpose::TokenSigning), ..ListKeys::default() };
    let all = world.first().call(&list).await.unwrap().items;
    let those = all.into_iter().filter(|key| key.algorithm == KeyAlgorithm::Es256 && key.state == state);
    those.map(|key| key.kid.to_string()).collect()
}

#[test]
fn of_two_rotations_to_take_effect_now_the_second_does_not_replace_what_the_first_has_made() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        let op = RotateKey {
            algorithm: Some(KeyAlgorithm::Es256),
            activate: ActivateAt::Now,
            ..RotateKey::of(KeyPurpose::TokenSigning)
        };
        let (won, lost) = at_once(world, (&one, &op), (&other, &op)).await;
        let (won, lost) = (won.unwrap().remove(0), lost.unwrap_err());
        assert_eq!((lost.status, lost.code.as_str()), (409, "key.rotation-in-progress"), "{lost:?}");
        assert_eq!(in_state(world, KeyState::Active).await, [won.key.kid.as_str()]);
        assert_eq!(in_state(world, KeyState::Draining).await, [won.replaced.unwrap().as_str()]);
    });
}

#[test]
fn of_two_emergencies_the_second_does_not_revoke_the_first_ones_fresh_key() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        let one = world.operator("key-officer-1", &[Role::KeyOfficer]).await;
        let other = world.operator("key-officer-2", &[Role::KeyOfficer]).await;
        let op = emergency(KeyPurpose::TokenSigning, Some(KeyAlgorithm::Es256));
        let (won, lost) = at_once(world, (&one, &op), (&other, &op)).await;
        let (won, lost) = (won.unwrap().remove(0), lost.unwrap_err());
        assert_eq!((lost.status, lost.code.as_str()), (409, "key.rotation-in-progress"), "{lost:?}");
        assert_eq!(in_state(world, KeyState::Active).await, [won.key.kid.as_str()]);
        assert_eq!(in_state(world, KeyState::Revoked).await, [won.replaced.unwrap().as_str()]);
    });
}

#[test]
fn a_checkpoint_that_is_under_way_when_its_key_is_revoked_is_one_that_the_revocation_counts() {
    tests::world::run(Engine::Postgres, Setup::default(), async |world| {
        // The next key waits, announced: an auditor who knows the first one follows to it.
        let first = world.export().await.vkey;
        world.first().call(&RotateKey::of(KeyPurpose::Audit)).await.unwrap();
        let database = world.database.as_ref().unwrap();
        let held = database.holds("audit_checkpoint").await;
        let rest = async {
            database.until_waiting(1).await;
            let desk = world.first();
            let op = emergency(KeyPurpose::Audit, None);
            let mut revokes = pin!(desk.call(&op));
            // It may come first, if it does not have to wait.
            let done = tokio::select! {
                done = &mut revokes => Some(done),
                () = database.until_waiting(2) => None,
            };
            held.let_go().await;
            match done {
                Some(done) => done,
                None => revokes.await,
            }
        };
        let (sealed, revoked) = tokio::join!(seal(&world.app), rest);
        revoked.unwrap();
        sealed.unwrap();
        world.seal().await;
        let export = world.export().await;
        let later = Export { vkey: first, ..export.clone() };
        for export in [export, later] {
            let verdict = export.verdict(None);
            assert!(verdict.ok, "{verdict:?}");
        }
    });
}
