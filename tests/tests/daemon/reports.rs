//! The reports of a month, as cron writes them: whole or not at all, once, and with the right exit.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;
use tests::daemon::Daemon;
use tests::fixtures::path;

use crate::on_both;

const SCHEDULE: &str = "apiVersion: iam/v1
kind: ReportSchedule
freeze: true
reports:
  - { name: lcq5, question: QUESTION, denominators: DENOMINATORS, languages: [en, zh-Hant], formats: [pdf, xlsx, md, json] }
  - { name: figures, formats: [csv, html] }
";

struct Office<'d> {
    daemon: &'d Daemon,
    schedule: PathBuf,
    packs: PathBuf,
}

impl<'d> Office<'d> {
    /// A tax department on board, and a schedule.
    fn of(daemon: &'d Daemon) -> Self {
        let party = path("relying-parties/inland-revenue-department.yaml").display().to_string();
        daemon.json(&["rp", "apply", "-f", &party], "");
        let schedule = daemon.folder().join("schedule.yaml");
        let named = |name: &str| path(name).display().to_string();
        let text =
            SCHEDULE.replace("QUESTION", &named("questions/lcq5-2022.yaml")).replace("DENOMINATORS", &named("denominators.yaml"));
        fs::write(&schedule, text).unwrap();
        let packs = daemon.folder().join("reports");
        fs::create_dir(&packs).unwrap();
        Self { daemon, schedule, packs }
    }

    fn line(&self, more: &[&str]) -> Vec<String> {
        let (schedule, packs) = (self.schedule.display().to_string(), self.packs.display().to_string());
        let line = ["stats", "run", "-f", &schedule, "--month", "2022-05", "--to", &packs, "--yes", "-o", "json"];
        line.iter().chain(more).map(|word| (*word).to_owned()).collect()
    }

    fn runs(&self, more: &[&str]) -> (i32, Output) {
        let line = self.line(more);
        let output = self.daemon.iamctl(&line.iter().map(String::as_str).collect::<Vec<_>>(), "");
        (output.status.code().unwrap(), output)
    }

    fn names(&self) -> Vec<String> {
        names(&self.packs)
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<String> = entries.filter(|name| name != ".lock").collect();
    names.sort();
    names
}

fn said(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

on_both! {
    async fn a_month_is_written_once_and_what_came_late_is_told_once(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let office = Office::of(&daemon);

        let (exit, tried) = office.runs(&["--dry-run"]);
        assert_eq!(exit, 6, "{}", said(&tried));
        assert!(said(&tried).contains("is not closed yet") && office.names().is_empty());

        let (exit, written) = office.runs(&[]);
        assert_eq!(exit, 0, "{}", said(&written));
        assert!(said(&written).contains("1 of 2: lcq5"), "a line a step where nobody watches");
        assert_eq!(office.names(), ["2022-05"]);
        let pack = office.packs.join("2022-05");
        let files = [
            "figures.csv", "figures.html", "lcq5.en.md", "lcq5.en.pdf", "lcq5.en.xlsx", "lcq5.json", "lcq5.zh-Hant.md",
            "lcq5.zh-Hant.pdf", "lcq5.zh-Hant.xlsx", "manifest.json",
        ];
        assert_eq!(names(&pack), files);
        let rows: Vec<Value> = serde_json::from_slice(&written.stdout).unwrap();
        let pdf = fs::read(pack.join("lcq5.en.pdf")).unwrap();
        let digest: String = openssl::sha::sha256(&pdf).iter().map(|byte| format!("{byte:02x}")).collect();
        assert!(rows.iter().any(|row| row["file"] == "lcq5.en.pdf" && row["sha256"] == digest.as_str()));
        let manifest: Value = serde_json::from_slice(&fs::read(pack.join("manifest.json")).unwrap()).unwrap();
        assert_eq!(manifest["files"]["lcq5.en.pdf"]["sha256"], digest.as_str());
        let reply: Value = serde_json::from_slice(&fs::read(pack.join("lcq5.json")).unwrap()).unwrap();
        assert_eq!(manifest["replies"]["lcq5"], reply["digest"]);
        let frozen = daemon.json(&["stats", "freeze"], "");
        assert_eq!((&manifest["frozen"], &manifest["known_at"]), (&frozen[0]["digest"], &frozen[0]["known_at"]));
        assert!(fs::read_to_string(pack.join("lcq5.zh-Hant.md")).unwrap().contains("截至2022年5月底"));

        let (exit, again) = office.runs(&[]);
        assert_eq!((exit, again.stdout.as_slice()), (10, &b"[]\n"[..]), "{}", said(&again));

        let late = path("late-uses.jsonl").display().to_string();
        let taken = daemon.iamctl(&["stats", "import", "-f", &late, "--source", "etax", "--yes"], "");
        assert!(matches!(taken.status.code(), Some(0 | 8)), "{}", said(&taken));
        let (exit, told) = office.runs(&[]);
        assert_eq!(exit, 11, "{}", said(&told));
        let names_now = office.names();
        assert_eq!(names_now.len(), 2);
        assert!(names_now[1].starts_with("2022-05-late-"), "{names_now:?}");
        let late = office.packs.join(&names_now[1]);
        assert_eq!(names(&late), ["manifest.json", "restatement.csv", "restatement.json", "restatement.txt"]);
        let csv = fs::read_to_string(late.join("restatement.csv")).unwrap();
        assert!(csv.contains("differs,usage.month,0,") && csv.contains("because,late-events,"), "{csv}");
        assert!(!csv.contains("etax") && csv.contains("suppressed,services,,1,"), "a few uses of a service are not published: {csv}");
        let restatement = fs::read(late.join("restatement.json")).unwrap();
        let restatement: Value = serde_json::from_slice(&restatement).unwrap();
        assert_eq!(restatement["frozen"]["digest"], manifest["frozen"]);
        assert!(restatement["rows"][0]["now"].as_u64().unwrap() > 0);
        assert_eq!(fs::read(pack.join("lcq5.en.pdf")).unwrap(), pdf, "what was published stays");
        assert_eq!(office.runs(&[]).0, 10, "told before");
        assert_eq!(office.names(), names_now);

        // What was told late is as little to be touched as the pack.
        let text = fs::read(late.join("restatement.txt")).unwrap();
        fs::write(late.join("restatement.txt"), "nothing came late\n").unwrap();
        let (exit, altered) = office.runs(&[]);
        assert!(exit == 7 && said(&altered).contains("restatement.txt: altered after it was written"), "{}", said(&altered));
        fs::remove_file(late.join("restatement.txt")).unwrap();
        let (exit, missing) = office.runs(&[]);
        assert!(exit == 7 && said(&missing).contains("restatement.txt: missing"), "{}", said(&missing));
        fs::write(late.join("restatement.txt"), text).unwrap();
        assert_eq!(office.runs(&[]).0, 10);
    }

    async fn a_language_alone_asks_for_text(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let asked = |more: &[&str]| {
            let line: Vec<&str> = ["stats", "legco", "--as-at", "2022-05-31"].iter().chain(more).copied().collect();
            String::from_utf8(daemon.iamctl(&line, "").stdout).unwrap()
        };
        let chinese = asked(&["--lang", "zh-Hant"]);
        assert!(chinese.contains("截至2022年5月底") && !chinese.contains("As at"), "{chinese}");
        assert_eq!(chinese, asked(&["--lang", "zh-Hant", "-o", "text"]));
        assert_eq!(chinese, asked(&["--lang", "zh-Hant", "-o", "table"]), "a table on the screen has both, and no other way");
        let both = asked(&[]);
        assert!(both.contains("截至2022年5月底") && both.contains("As at end-May 2022"), "{both}");
    }

    async fn nothing_is_closed_where_no_pack_can_be_written(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let office = Office::of(&daemon);
        let place = office.packs.join("2022-05");
        let blocked = || {
            let (exit, told) = office.runs(&[]);
            assert!(exit == 6 && said(&told).contains("is no pack of reports"), "{exit} {}", said(&told));
            assert_eq!(daemon.json(&["stats", "freeze"], ""), serde_json::json!([]), "the month is open still");
        };
        fs::write(&place, "a file").unwrap();
        blocked();
        fs::remove_file(&place).unwrap();
        std::os::unix::fs::symlink("nowhere", &place).unwrap();
        blocked();
        fs::remove_file(&place).unwrap();
        fs::create_dir(&place).unwrap();
        fs::write(place.join("notes.txt"), "mine").unwrap();
        blocked();
        fs::remove_file(place.join("notes.txt")).unwrap();
        let (exit, told) = office.runs(&[]);
        assert_eq!(exit, 0, "an empty folder is no pack that somebody altered: {}", said(&told));
        assert_eq!(names(&place).len(), 10);
    }

    async fn a_pack_is_never_written_over(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let office = Office::of(&daemon);
        assert_eq!(office.runs(&[]).0, 0);
        let pack = office.packs.join("2022-05");
        let csv = fs::read(pack.join("figures.csv")).unwrap();
        fs::write(pack.join("figures.csv"), "usage.total,1\n").unwrap();
        fs::write(pack.join("notes.txt"), "mine").unwrap();
        fs::remove_file(pack.join("lcq5.en.md")).unwrap();
        let (exit, told) = office.runs(&[]);
        assert_eq!(exit, 7);
        for found in ["figures.csv: altered", "notes.txt: not of this schedule", "lcq5.en.md: missing", "nothing was written over"] {
            assert!(said(&told).contains(found), "{}", said(&told));
        }
        assert_eq!(fs::read(pack.join("figures.csv")).unwrap(), b"usage.total,1\n");
        fs::remove_file(pack.join("notes.txt")).unwrap();
        fs::rename(pack.join("lcq5.zh-Hant.md"), pack.join("lcq5.en.md")).unwrap();
        fs::write(pack.join("figures.csv"), csv).unwrap();
        assert_eq!(office.runs(&[]).0, 7);
        fs::rename(&pack, office.packs.join("set-aside")).unwrap();
        assert_eq!(office.runs(&[]).0, 0);
        assert_eq!(office.names(), ["2022-05", "set-aside"]);
    }

    async fn a_month_is_not_closed_for_a_question_that_is_refused(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let office = Office::of(&daemon);
        let asked = fs::read_to_string(path("questions/lcq5-2022.yaml")).unwrap();
        assert!(asked.contains("accounts.registered"), "{asked}");
        let question = daemon.folder().join("question.yaml");
        fs::write(&question, asked.replace("accounts.registered", "accounts.regstered")).unwrap();
        let schedule = fs::read_to_string(&office.schedule).unwrap();
        let good = path("questions/lcq5-2022.yaml").display().to_string();
        fs::write(&office.schedule, schedule.replace(&good, &question.display().to_string())).unwrap();
        let (exit, refused) = office.runs(&[]);
        assert_eq!(exit, 2, "{}", said(&refused));
        assert!(said(&refused).contains("regstered"), "{}", said(&refused));
        assert_eq!(daemon.json(&["stats", "freeze"], ""), serde_json::json!([]), "the month is open still");
        assert_eq!(office.names(), Vec::<String>::new());
    }

    async fn a_run_that_is_killed_leaves_nothing_half(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let office = Office::of(&daemon);
        let line = office.line(&[]);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        // Killed as soon as it has begun to write; the shell is its parent and the folder is named after it.
        let kill = "\"$@\" & pid=$!; until [ -e reports/.2022-05.$pid ]; do kill -0 $pid || exit 99; done; kill -9 $pid; wait $pid; exit $?";
        let killed = daemon.iamctl_by_shell(&format!("whole() {{ {kill}; }}; whole \"$@\""), &line);
        assert_ne!(killed.status.code(), Some(99), "it ended before it wrote: {}", said(&killed));
        let left = office.names();
        assert!(left.iter().all(|name| name.starts_with(".2022-05.") || name == "2022-05"), "{left:?}");
        let (exit, _) = office.runs(&[]);
        assert!(matches!(exit, 0 | 10), "written now, or whole when it was killed");
        assert_eq!(office.names(), ["2022-05"]);
        assert_eq!(names(&office.packs.join("2022-05")).len(), 10);
        assert_eq!(office.runs(&[]).0, 10);
    }

    async fn nothing_half_is_ever_there(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let running = daemon.serves();
        let office = Office::of(&daemon);
        // No room: files may grow to a few kB only, and a write beyond fails as on a full disk.
        let line = office.line(&[]);
        let line: Vec<&str> = line.iter().map(String::as_str).collect();
        let full = daemon.iamctl_by_shell("trap '' XFSZ; ulimit -f 16", &line);
        assert_eq!(full.status.code(), Some(1), "{}", said(&full));
        assert!(said(&full).contains("report.write") && said(&full).contains("no report was written"), "{}", said(&full));
        assert_eq!(office.names(), Vec::<String>::new());

        // What a run left behind that was killed in the middle.
        let half = office.packs.join(".2022-05.4711");
        fs::create_dir(&half).unwrap();
        fs::write(half.join("lcq5.en.pdf"), "half").unwrap();
        // Another run is at work.
        let lock = fs::File::create(office.packs.join(".lock")).unwrap();
        lock.lock().unwrap();
        let (exit, busy) = office.runs(&[]);
        assert_eq!(exit, 6);
        assert!(said(&busy).contains("another run") && half.exists());
        drop(lock);
        assert_eq!(office.runs(&[]).0, 0);
        assert_eq!(office.names(), ["2022-05"]);

        for (more, exit, expected) in [
            (&["--month", "2099-01"][..], 2, "2099-01"),
            (&["--to", "/nowhere/at/all"], 2, "there is no folder"),
            (&["--to", "/etc/hostname"], 2, "there is no folder"),
            // Nobody writes there, whoever they are.
            (&["--to", "/proc"], 1, "cannot"),
            (&["--font", "/etc/hostname"], 1, "cannot be used"),
        ] {
            let line: Vec<String> = office.line(&[]);
            // The last one given counts nowhere: each flag stands once.
            let mut line: Vec<&str> = line.iter().map(String::as_str).collect();
            match line.iter().position(|word| *word == more[0]) {
                Some(place) => line[place + 1] = more[1],
                None => line.extend(more),
            }
            let output = daemon.iamctl(&line, "");
            assert_eq!(output.status.code(), Some(exit), "{more:?}: {}", said(&output));
            assert!(said(&output).contains(expected), "{more:?}: {}", said(&output));
        }
        let before = office.names();
        drop(running);
        assert_eq!(office.runs(&[]).0, 9, "the server is down");
        assert_eq!(office.names(), before);
    }
}
