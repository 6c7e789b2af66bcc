//! Checkpoints of the audit log are stamped by the time-stamping service, and go on without it.

use std::process::Command;
use std::time::Duration;

use api::audit::{CheckpointView, ListCheckpoints};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use server::audit::stamp::stamp;
use tests::{World, both_engines};

use super::revocation::Desk;

const A_MINUTE: Duration = Duration::from_mins(1);

async fn checkpoints(world: &World) -> (Vec<CheckpointView>, String) {
    let page = world.first().call(&ListCheckpoints { after: 0, limit: 5_000 }).await.unwrap();
    (page.checkpoints, page.root)
}

/// Something happens, and is sealed.
async fn sealed(world: &World, operator: &str) {
    world.operator(operator, &[api::Role::Auditor]).await;
    assert!(world.seal().await > 0);
}

async fn stamps(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM audit_stamp").await
}

both_engines! {
    async fn one_checkpoint_a_minute_is_stamped(world: &World) {
        sealed(world, "auditor-one").await;
        assert!(stamp(&world.app).await.unwrap());
        assert!(!stamp(&world.app).await.unwrap(), "it has its stamp");
        world.clock.advance(A_MINUTE - Duration::from_secs(1));
        sealed(world, "auditor-two").await;
        assert!(!stamp(&world.app).await.unwrap(), "not before the minute is over");
        world.clock.advance(Duration::from_secs(1));
        assert!(stamp(&world.app).await.unwrap());
        world.clock.advance(A_MINUTE);
        assert!(!stamp(&world.app).await.unwrap(), "nothing was sealed since");
        let (all, _) = checkpoints(world).await;
        let stamped: Vec<bool> = all.iter().map(|checkpoint| checkpoint.time_stamp.is_some()).collect();
        assert_eq!((stamped.iter().filter(|stamped| **stamped).count(), stamped.last()), (2, Some(&true)), "{stamped:?}");
        // To stamp is no entry of the log: it would make the next checkpoint by itself.
        assert_eq!(world.seal().await, 0);
    }

    async fn openssl_finds_the_checkpoint_there_at_that_moment(world: &World) {
        sealed(world, "auditor-one").await;
        stamp(&world.app).await.unwrap();
        let (all, root) = checkpoints(world).await;
        let last = all.last().unwrap();
        let desk = Desk::at(world);
        desk.file("root.crt", root);
        desk.file("checkpoint", &last.note);
        desk.file("stamp", BASE64_STANDARD.decode(last.time_stamp.as_deref().unwrap()).unwrap());
        let verify = |data: &str| {
            let said = Command::new("openssl")
                .args(["ts", "-verify", "-data", data, "-in", "stamp", "-token_in", "-CAfile", "root.crt", "-attime", &desk.at])
                .current_dir(desk.folder.path())
                .output()
                .unwrap();
            (said.status.success(), String::from_utf8_lossy(&[said.stdout, said.stderr].concat()).into_owned())
        };
        let (good, said) = verify("checkpoint");
        assert!(good && said.contains("Verification: OK"), "{said}");
        desk.file("another", format!("{}x", last.note));
        assert!(!verify("another").0);
    }

    async fn without_the_service_checkpoints_go_on(world: &World) {
        sealed(world, "auditor-one").await;
        world.execute("UPDATE key_generation SET state = 'retired' WHERE purpose = 'time-stamping'").await;
        assert!(stamp(&world.app).await.is_err());
        sealed(world, "auditor-two").await;
        world.execute("UPDATE key_generation SET state = 'active' WHERE purpose = 'time-stamping'").await;
        assert!(stamp(&world.app).await.unwrap());
        assert_eq!(stamps(world).await, 1);
        // Nor by a clock that cannot be believed.
        world.clock.advance(A_MINUTE);
        sealed(world, "auditor-three").await;
        world.clock.advance(Duration::from_hours(24 * 30));
        assert!(!stamp(&world.app).await.unwrap());
        assert_eq!(stamps(world).await, 1);
    }
}
