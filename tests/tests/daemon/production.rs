//! A production instance: what belongs to sandboxes is refused there, and what it lacks is said.

use serde_json::Value;
use tests::Engine;
use tests::daemon::Daemon;

#[test]
fn what_belongs_to_sandboxes_is_refused_and_what_is_missing_is_said() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::unmade(engine, None).await;
        let mut init = daemon.init_arguments();
        let environment = init.iter().position(|word| word == "sandbox").unwrap();
        init[environment] = "production".to_owned();
        let made = daemon.iamd(&init);
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        let _node = daemon.serves();

        for line in [
            "sandbox citizen add --count 1",
            "sandbox citizen list",
            "sandbox phone list",
            "sandbox phone approve 01890a5d-ac96-774b-bcce-b302099a8057",
            "sandbox phone refuse 01890a5d-ac96-774b-bcce-b302099a8057",
            "sandbox phone auto on",
            "sandbox phone auto off",
            "sandbox phone login-hint",
        ] {
            let words: Vec<&str> = line.split(' ').chain(["-o", "json", "--yes"]).collect();
            let refused = daemon.iamctl(&words, "");
            let told: Value = serde_json::from_slice(&refused.stderr).unwrap();
            assert_eq!((&told["error"]["code"], refused.stdout.len()), (&"phone.production".into(), 0), "{line}: {told}");
            assert!(told["error"]["hint"].is_string(), "{line}");
            assert!(!refused.status.success(), "{line}");
        }
        let phones = std::fs::read_dir(daemon.data_dir.join("first-operator")).unwrap();
        let left: Vec<_> =
            phones.map(|entry| entry.unwrap().file_name()).filter(|name| name.to_string_lossy().starts_with("phones")).collect();
        assert!(left.is_empty(), "{left:?}");

        let doctor = daemon.iamctl(&["doctor", "-o", "json"], "");
        let checks: Vec<Value> = serde_json::from_slice(&doctor.stdout).unwrap();
        let of = |id: &str| checks.iter().find(|check| check["id"] == id).unwrap();
        let records = of("server.immigration-department");
        assert_eq!(records["ok"], false);
        assert!(records["mend"].as_str().unwrap().contains("immigrationDepartment"), "{records}");
        assert!(of("server.face-matcher")["detail"].as_str().unwrap().contains("kiosks and phones are refused"));
        assert_eq!(doctor.status.code(), Some(1));
        let doctor = daemon.iamctl(&["doctor"], "");
        let text = String::from_utf8(doctor.stdout).unwrap();
        assert!(text.contains("nobody can be registered") && text.contains("kiosks and phones are refused"), "{text}");
    });
}
