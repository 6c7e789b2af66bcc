//! The key officer's days at the command line: a planned rotation, one that is called off, and three in the morning.

use serde_json::{Value, json};
use tests::daemon::Daemon;

use crate::on_both;

/// What a refusal came to: exit code and stable code.
fn refused(daemon: &Daemon, arguments: &[&str]) -> (i32, String) {
    let mut all = arguments.to_vec();
    all.extend(["-o", "json", "--yes"]);
    let output = daemon.iamctl(&all, "");
    let told: Value = serde_json::from_slice(&output.stderr).unwrap();
    (output.status.code().unwrap(), told["error"]["code"].as_str().unwrap().to_owned())
}

fn states(daemon: &Daemon) -> Vec<String> {
    let keys = daemon.json(&["key", "list", "--purpose", "token-signing"], "");
    let mut states: Vec<String> = keys.as_array().unwrap().iter().map(|key| key["state"].as_str().unwrap().to_owned()).collect();
    states.sort();
    states
}

on_both! {
    async fn the_planned_rotation_is_written_down_run_paused_and_called_off(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let plan = daemon.json(&["key", "plan", "--purpose", "token-signing"], "");
        assert_eq!((&plan["state"], plan["steps"].as_array().unwrap().len()), (&json!("planned"), 5));
        assert_eq!(plan["readiness"], json!({ "ready": 0, "not_ready": 0, "unknown": 0, "not_counted": 0, "not_tracked": 0 }));
        let id = plan["plan"].as_str().unwrap();
        let made = daemon.json(&["key", "rotate", "--plan", id], "");
        assert_eq!((made.as_array().unwrap().len(), &made[0]["plan"], &made[0]["state"]), (2, &json!(id), &json!("published")));
        assert_eq!(refused(&daemon, &["key", "rotate", "--purpose", "token-signing"]), (6, "key.rotation-in-progress".into()));
        assert_eq!(daemon.json(&["key", "pause", id], "")["state"], "paused");
        assert_eq!(refused(&daemon, &["key", "pause", id]), (6, "key.plan-state".into()));
        // As somebody would type it who has it read out.
        let spoken = format!("{}-{}", id[..4].to_lowercase(), id[4..].to_lowercase());
        assert_eq!(daemon.json(&["key", "resume", &spoken], "")["state"], "running");
        assert_eq!(daemon.json(&["key", "plan", id], "")["kids"].as_array().unwrap().len(), 2);
        assert_eq!(daemon.json(&["key", "abort", id], "")["state"], "aborted");
        let listed = daemon.json(&["key", "plan", "--list", "--state", "aborted"], "");
        assert_eq!(listed.as_array().unwrap().iter().map(|plan| &plan["plan"]).collect::<Vec<_>>(), [&json!(id)]);
        assert_eq!(states(&daemon), ["active", "active", "retired", "retired"]);

        let table = String::from_utf8(daemon.iamctl(&["key", "plan", id], "").stdout).unwrap();
        for words in [id, "Steps", "keyPublishInterval 10 min", "called-off", "HKT"] {
            assert!(table.contains(words), "'{words}' is not in:\n{table}");
        }
        assert_eq!(refused(&daemon, &["key", "plan", "R0000000"]).0, 3);
        assert_eq!(refused(&daemon, &["key", "plan", "R0000001"]).0, 2, "a check character that does not fit");
    }

    async fn at_three_in_the_morning_one_command_replaces_the_key(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let before = daemon.json(&["key", "list", "--purpose", "token-signing"], "");
        let made = daemon.json(&["key", "rotate", "--emergency", "--reason", "key-compromise"], "");
        assert_eq!(made.as_array().unwrap().len(), 2);
        for (made, old) in made.as_array().unwrap().iter().zip(before.as_array().unwrap()) {
            assert_eq!((&made["state"], &made["replaced"]), (&json!("active"), &old["kid"]));
        }
        assert_eq!(states(&daemon), ["active", "active", "revoked", "revoked"]);

        // Nothing is guessed: a reason is one of the list, and a word that goes with nothing is refused.
        assert_eq!(refused(&daemon, &["key", "rotate", "--emergency", "--reason", "stolen"]), (2, "usage.invalid-value".into()));
        for arguments in [
            &["key", "rotate"][..],
            &["key", "rotate", "--emergency"],
            &["key", "rotate", "--purpose", "token-signing", "--reason", "because"],
            &["key", "rotate", "--purpose", "token-signing", "--override"],
            &["key", "rotate", "--purpose", "token-signing", "--plan", "R0000012"],
            &["key", "rotate", "--emergency", "--reason", "key-compromise", "--activate", "now"],
            &["key", "plan"],
            &["key", "plan", "R0000012", "--purpose", "token-signing"],
            &["key", "plan", "--list", "--at", "now"],
        ] {
            assert_eq!(refused(&daemon, arguments).0, 2, "{arguments:?}");
        }
        // Without a terminal and without --yes nothing severe is done.
        let output = daemon.iamctl(&["key", "rotate", "--emergency", "--reason", "key-compromise", "-o", "json"], "");
        assert_eq!(output.status.code(), Some(2));
        assert_eq!(states(&daemon), ["active", "active", "revoked", "revoked"]);
    }
}
