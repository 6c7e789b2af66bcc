//! The checkpoint key rotates, and an auditor who knew the first one follows; it is stolen, and nobody follows the thief.

use std::time::Duration;

use api::Role;
use api::key::{ListKeys, RotateKey, RotatedKey};
use api::operator::AddOperator;
use api::rotation::{AbortPlan, EmergencyRotation, ListPlans};
use domain::{ActivateAt, KeyPurpose, KeyState, RevocationReason};
use pki::checkpoint::{SignedNote, VerifierKey};
use server::key::steps::take_due;
use tests::World;
use tests::both_engines;
use tests::world::audit::Export;

const TEN_MINUTES: Duration = Duration::from_mins(10);

/// Something is done, and sealed; gives how many keys signed the checkpoint.
async fn a_batch(world: &World) -> usize {
    let number = world.number("SELECT COUNT(*) FROM operator").await;
    let id = format!("agent-{number}").parse().unwrap();
    world.first().call(&AddOperator { id, name: "Duty officer".into(), roles: vec![Role::Auditor] }).await.unwrap();
    world.seal().await;
    let note = world.texts("SELECT note FROM audit_checkpoint ORDER BY tree_size DESC LIMIT 1").await.remove(0);
    SignedNote::parse(&note).unwrap().signatures.len()
}

async fn publish(world: &World) -> RotatedKey {
    world.first().call(&RotateKey::of(KeyPurpose::Audit)).await.unwrap().remove(0)
}

/// Lets the time pass that a step needs, and takes it.
async fn later(world: &World) {
    world.clock.advance(TEN_MINUTES);
    take_due(&world.app).await.unwrap();
}

async fn state(world: &World, kid: &str) -> KeyState {
    let list = ListKeys { purpose: Some(KeyPurpose::Audit), ..ListKeys::default() };
    let keys = world.first().call(&list).await.unwrap().items;
    keys.into_iter().find(|key| key.kid.as_str() == kid).unwrap().state
}

/// What an auditor finds who has that key, with everything of an export.
fn found(export: &Export, vkey: &VerifierKey) -> Result<u64, String> {
    let entries = export.entries.iter().map(Ok::<_, std::convert::Infallible>);
    let verdict = pki::audit_log::verify(entries, export.checkpoints.clone(), None, &export.trust(vkey)).unwrap();
    verdict.first_bad.map_or(Ok(verdict.checkpoints), |bad| Err(bad.reason))
}

/// The verifier key that is active now.
async fn active(world: &World) -> VerifierKey {
    let mut read = world.app.store.read().await.unwrap();
    let row = read.active_key(KeyPurpose::Audit, server::keys::CHECKPOINTS).await.unwrap().unwrap();
    world.app.keys.checkpoint_verifier(&row).unwrap()
}

both_engines! {
    async fn the_old_key_announces_the_new_one_and_both_sign_until_it_has_drained(world: &World) {
        let first = active(world).await;
        assert_eq!(a_batch(world).await, 1);
        assert_eq!(world.export().await.announcements, Vec::<String>::new());

        let rotated = publish(world).await;
        assert_eq!((rotated.key.kid.as_str(), rotated.key.state), ("checkpoints-2", KeyState::Published));
        let said = world.leaves().await.into_iter().find(|leaf| leaf["action"] == "audit.key-announced").unwrap();
        assert_eq!((said["subject"].as_str(), said["facts"]["follows"].as_str()), (Some("checkpoints-2"), Some(first.to_string().as_str())));
        assert_eq!(a_batch(world).await, 1, "it does not sign yet");
        later(world).await;
        assert_eq!((state(world, "checkpoints-1").await, state(world, "checkpoints-2").await), (KeyState::Draining, KeyState::Active));
        let second = active(world).await;
        assert_eq!(said["facts"]["vkey"], second.to_string());
        assert_eq!(a_batch(world).await, 2, "both sign");
        later(world).await;
        assert_eq!(state(world, "checkpoints-1").await, KeyState::Retired);
        assert_eq!(a_batch(world).await, 1);
        let left = "SELECT kid FROM key_generation WHERE name = 'checkpoints' AND private_sealed IS NOT NULL";
        assert_eq!(world.texts(left).await, ["checkpoints-2"], "a retired key is destroyed");

        let export = world.export().await;
        assert_eq!((export.announcements.len(), &export.vkey), (1, &first), "an export begins where the log began");
        assert_eq!(found(&export, &first), Ok(u64::try_from(export.checkpoints.len()).unwrap()));
        assert_eq!(found(&export, &second), Ok(2), "who came later passes over what the first one signed alone");
        let silent = Export { announcements: Vec::new(), ..export.clone() };
        let refused = found(&silent, &first).unwrap_err();
        assert!(refused.contains(&format!("signed by {}, which no trusted key has announced", second.short())), "{refused}");
        for kept in &export.checkpoints {
            assert!(export.verdict(Some(&kept.note)).ok, "kept at {}", kept.tree_size);
        }
    }

    async fn the_first_key_leads_through_many_rotations(world: &World) {
        let first = active(world).await;
        a_batch(world).await;
        for generation in 2..6 {
            assert_eq!(publish(world).await.key.kid.as_str(), format!("checkpoints-{generation}"));
            later(world).await;
            a_batch(world).await;
            // The next one begins while this one still drains.
        }
        later(world).await;
        a_batch(world).await;
        let export = world.export().await;
        assert_eq!((export.announcements.len(), &export.vkey), (4, &first));
        assert_eq!(found(&export, &first), Ok(u64::try_from(export.checkpoints.len()).unwrap()));
        // A link of the chain taken out: what hangs on it is refused.
        let mut broken = export.clone();
        broken.announcements.remove(1);
        assert!(found(&broken, &first).unwrap_err().contains("which no trusted key has announced"));
    }

    async fn a_stolen_key_is_revoked_at_once_and_announces_nothing(world: &World) {
        let first = active(world).await;
        a_batch(world).await;
        let kept = world.export().await.checkpoints.last().unwrap().note.clone();
        let emergency = EmergencyRotation { purpose: KeyPurpose::Audit, name: None, algorithm: None, reason: RevocationReason::KeyCompromise };
        world.first().call(&emergency).await.unwrap();
        let second = active(world).await;
        assert_eq!((state(world, "checkpoints-1").await, second != first), (KeyState::Revoked, true));
        let said = world.leaves().await.into_iter().find(|leaf| leaf["action"] == "audit.key-revoked").unwrap();
        assert_eq!((said["subject"].as_str(), said["facts"]["by"].as_str()), (Some("checkpoints-1"), Some(second.to_string().as_str())));
        assert_eq!(a_batch(world).await, 1, "the old one signs no more");
        let left = "SELECT kid FROM key_generation WHERE name = 'checkpoints' AND private_sealed IS NOT NULL";
        assert_eq!(world.texts(left).await, ["checkpoints-2"]);

        let export = world.export().await;
        assert_eq!(export.vkey, second, "an export begins with the key behind the break");
        assert!(export.verdict(None).ok && export.verdict(Some(&kept)).ok, "{:?}", export.verdict(Some(&kept)));
        let refused = found(&export, &first).unwrap_err();
        assert!(refused.contains(&format!("signed by {}", second.short())), "{refused}");
    }

    async fn a_rotation_that_is_called_off_leaves_an_announcement_and_no_key(world: &World) {
        let first = active(world).await;
        publish(world).await;
        let plan = world.first().call(&ListPlans::default()).await.unwrap().items.remove(0).plan;
        world.first().call(&AbortPlan { plan }).await.unwrap();
        assert_eq!(state(world, "checkpoints-2").await, KeyState::Retired);
        let left = "SELECT kid FROM key_generation WHERE name = 'checkpoints' AND private_sealed IS NOT NULL";
        assert_eq!(world.texts(left).await, ["checkpoints-1"]);
        a_batch(world).await;
        let rotate = RotateKey { activate: ActivateAt::Now, ..RotateKey::of(KeyPurpose::Audit) };
        assert_eq!(world.first().call(&rotate).await.unwrap()[0].key.kid.as_str(), "checkpoints-3");
        assert_eq!(a_batch(world).await, 2);
        let export = world.export().await;
        assert_eq!((export.announcements.len(), found(&export, &first).is_ok()), (2, true));
    }
}
