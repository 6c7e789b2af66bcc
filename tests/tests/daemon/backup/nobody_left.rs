//! A backup of the day on which there was one administrator, whose certificate has been revoked since.

use std::fs;

use tests::Engine;
use tests::daemon::{Daemon, run};

use super::lists::{enrols_as, enrols_with, is_published};
use super::{Keeper, backup, is_sealed, mirrored, proves, restored, said, told};

#[test]
fn somebody_is_invited_again_where_nobody_could_come_in() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        is_published(&daemon, &running, &[]).await;
        is_sealed(&daemon).await;
        let from = backup(&daemon, "one.bak", &keeper);
        // Since then another has come, and the first one's certificate is revoked.
        let (_, second) = enrols_as(&daemon, &running, "second-operator", &["administrator", "key-officer"]);
        let listed = daemon.json(&["cert", "list", "--holder", "first-operator"], "");
        let first = listed[0]["serial"].as_str().unwrap().to_owned();
        let revoked = run("iamctl", &second, &["cert", "revoke", &first, "--reason", "superseded", "--yes"], "");
        assert!(revoked.status.success(), "{}", told(&revoked));
        is_published(&daemon, &running, &[&first]).await;
        let mirror = mirrored(&daemon, &running, "mirror");
        assert!(running.stops().success());

        let folder = restored(&daemon, &from, &keeper);
        let lists: Vec<_> = fs::read_dir(&mirror).unwrap().map(|list| list.unwrap().path().display().to_string()).collect();
        let lists = lists.iter().flat_map(|list| ["--crl", list]);
        let accepts = ["--accept-loss", "--reason", "the disk burnt"];
        let asked: Vec<&str> = lists.chain(accepts).collect();
        let refused = proves(&daemon, &folder, &asked);
        let line = told(&refused);
        assert_eq!(refused.status.code(), Some(1), "{}", said(&refused));
        assert!(line.contains("certificates of first-operator are revoked") && line.contains("--administrator ID"), "{line}");
        let stranger = proves(&daemon, &folder, &[&asked[..], &["--administrator", "somebody"]].concat());
        assert!(told(&stranger).contains("there are: first-operator. Nothing was changed"), "{}", told(&stranger));

        let accepted = proves(&daemon, &folder, &[&asked[..], &["--administrator", "first-operator"]].concat());
        assert!(accepted.status.success(), "{}", told(&accepted));
        let lines = said(&accepted);
        let code = lines.lines().find_map(|line| line.strip_prefix("invited      first-operator, enrolment code ")).unwrap();
        let code = code.split_once(' ').unwrap().0;
        let mut again = daemon.serves_in(&folder);
        let home = daemon.folder().join("anew");
        fs::create_dir(&home).unwrap();
        enrols_with(&daemon, &again, &home, code);
        let listed = run("iamctl", &home, &["operator", "list", "-o", "json"], "");
        assert!(listed.status.success(), "{}", told(&listed));
        let entries = run("iamctl", &home, &["audit", "list", "--subject", "first-operator", "-o", "json"], "");
        assert!(said(&entries).contains("operator.add"), "{}{}", said(&entries), told(&entries));
        assert!(again.stops().success());
    });
}

#[test]
fn nobody_is_invited_who_is_not_needed() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let mut running = daemon.serves();
        is_published(&daemon, &running, &[]).await;
        assert!(running.stops().success());
        let from = backup(&daemon, "one.bak", &keeper);
        let folder = restored(&daemon, &from, &keeper);
        let asked = ["--accept-loss", "--reason", "everything else burnt", "--administrator", "first-operator"];
        let refused = proves(&daemon, &folder, &asked);
        assert_eq!(refused.status.code(), Some(1));
        assert!(told(&refused).contains("leave --administrator out. Nothing was changed"), "{}", told(&refused));
    });
}
