//! Manual pages and completions say what the programs do.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use tests::daemon::run;

fn pages(folder: &Path) -> BTreeMap<String, String> {
    let pages = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let pages = pages.map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()));
    pages.filter(|(name, _)| !name.starts_with('.')).collect()
}

/// What the programs write now.
fn written() -> BTreeMap<String, String> {
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().display().to_string();
    for program in ["iamctl", "iamd"] {
        let output = run(program, folder.path(), &["man", "--to", &to], "");
        assert!(output.status.success(), "{output:?}");
    }
    pages(folder.path())
}

#[test]
fn the_pages_in_the_repository_are_what_the_programs_say() {
    let kept = pages(&Path::new(env!("CARGO_MANIFEST_DIR")).join("../man"));
    let mend = "run: iamctl man --to man && iamd man --to man";
    let written = written();
    assert_eq!(kept.keys().collect::<Vec<_>>(), written.keys().collect::<Vec<_>>(), "{mend}");
    for (name, page) in &written {
        assert_eq!(&kept[name], page, "man/{name} has drifted; {mend}");
    }
}

#[test]
fn every_page_has_its_exit_status_and_examples() {
    let written = written();
    assert!(written.contains_key("iamctl.1") && written.contains_key("iamd.8"));
    for (name, page) in &written {
        let title = name.rsplit_once('.').unwrap().0.to_uppercase();
        let heading = page.lines().find(|line| line.starts_with(".TH ")).unwrap().replace("\\-", "-").to_uppercase();
        assert!(heading.contains(&title), "{name}: {heading}");
        for section in ["NAME", "SYNOPSIS", "EXIT STATUS", "EXAMPLES", "FILES"] {
            let there = page.lines().any(|line| line == format!(".SH {section}") || line == format!(".SH \"{section}\""));
            assert!(there, "{name} has no {section}");
        }
    }
    let status = &written["iamctl.1"];
    for (exit, _) in api::Exit::ALL {
        assert!(status.lines().any(|line| line.contains(&exit.code().to_string())), "exit code {} is not told", exit.code());
    }
}

#[test]
fn completions_know_every_verb() {
    let home = tempfile::tempdir().unwrap();
    let verbs: Vec<String> = written()
        .values()
        .flat_map(|page| {
            page.lines()
                .filter_map(|line| line.strip_prefix("\\fBiamctl ")?.split("\\fR").next().map(str::to_owned))
                .collect::<Vec<_>>()
        })
        .map(|line| {
            line.split_whitespace()
                .take_while(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()))
                .collect::<Vec<_>>()
                .join(" ")
        })
        .filter(|verb| !verb.is_empty())
        .collect();
    assert!(verbs.iter().any(|verb| verb == "hotline suspend"), "{verbs:?}");
    for shell in ["bash", "zsh", "fish"] {
        let output = run("iamctl", home.path(), &["completions", shell], "");
        assert!(output.status.success() && output.stderr.is_empty(), "{output:?}");
        let script = String::from_utf8(output.stdout).unwrap();
        for word in verbs.iter().flat_map(|verb| verb.split(' ')) {
            assert!(script.contains(word), "{shell} does not complete {word}");
        }
        if shell == "bash" {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            assert!(bash.wait().unwrap().success());
        }
    }
}
