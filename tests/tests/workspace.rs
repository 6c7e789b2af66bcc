//! The workspace's own rules, held over `cargo metadata` and over its files: which crate may know which, one crypto stack, one
//! terminal library, files of a readable length, and no text that names the machine it was written on.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

/// Which crate may depend on which, in ordinary, build and test dependencies alike (ARCHITECTURE.md).
const MAY: &[(&str, &[&str])] = &[
    ("domain", &[]),
    ("api", &["domain"]),
    ("pki", &["domain"]),
    ("client", &["api", "domain", "pki"]),
    ("render", &["api", "client", "domain"]),
    ("server", &["api", "domain", "pki"]),
    ("immd-sim", &["api", "domain", "pki"]),
    ("sample-rp", &[]),
    ("tui", &["api", "client", "domain", "render"]),
    ("cli", &["api", "client", "domain", "pki", "render", "tui"]),
    ("tests", &["api", "cli", "client", "domain", "pki", "render", "server", "tui"]),
];

/// Lines of a file before its tests. The rule says about 400; what is beyond this is two files.
const LONGEST: usize = 440;

#[derive(Deserialize)]
struct Metadata {
    packages: Vec<Package>,
    resolve: Resolve,
    workspace_members: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Package {
    id: String,
    name: String,
    version: String,
    source: Option<String>,
    license: Option<String>,
    manifest_path: PathBuf,
    dependencies: Vec<Dependency>,
}

#[derive(Deserialize)]
struct Dependency {
    name: String,
    path: Option<PathBuf>,
}

#[derive(Deserialize)]
struct Resolve {
    nodes: Vec<Node>,
}

#[derive(Deserialize)]
struct Node {
    id: String,
    deps: Vec<Edge>,
}

#[derive(Deserialize)]
struct Edge {
    pkg: String,
    dep_kinds: Vec<EdgeKind>,
}

#[derive(Deserialize)]
struct EdgeKind {
    /// Absent for ordinary dependencies.
    kind: Option<String>,
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// What Cargo would build on this kind of machine.
fn metadata() -> Metadata {
    let version = Command::new("rustc").arg("-vV").current_dir(root()).output().unwrap();
    let version = String::from_utf8(version.stdout).unwrap();
    let host = version.lines().find_map(|line| line.strip_prefix("host: ")).unwrap();
    let output = Command::new(env!("CARGO"))
        .args(["metadata", "--format-version", "1", "--locked", "--offline", "--filter-platform", host])
        .current_dir(root())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

impl Metadata {
    fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// Names of everything that is built into a member, itself left out: what its tests alone need does not count.
    fn built_into(&self, member: &str) -> BTreeSet<&str> {
        let nodes: BTreeMap<&str, &Node> = self.resolve.nodes.iter().map(|node| (node.id.as_str(), node)).collect();
        let names: BTreeMap<&str, &str> =
            self.packages.iter().map(|package| (package.id.as_str(), package.name.as_str())).collect();
        let start = self.members().find(|package| package.name == member).unwrap();
        let mut reached = BTreeSet::new();
        let mut ahead = vec![start.id.as_str()];
        while let Some(id) = ahead.pop() {
            for edge in &nodes[id].deps {
                let ordinary = edge.dep_kinds.iter().any(|kind| kind.kind.is_none());
                if ordinary && reached.insert(edge.pkg.as_str()) {
                    ahead.push(&edge.pkg);
                }
            }
        }
        reached.into_iter().map(|id| names[id]).collect()
    }
}

#[test]
fn each_crate_depends_on_those_it_may_know_and_on_no_other() {
    let metadata = metadata();
    let members: BTreeSet<&str> = metadata.members().map(|member| member.name.as_str()).collect();
    let known: BTreeSet<&str> = MAY.iter().map(|(name, _)| *name).collect();
    assert_eq!(members, known, "a crate came or went: say in ARCHITECTURE.md what it may know, and here");
    for member in metadata.members() {
        let may = MAY.iter().find(|(name, _)| *name == member.name).unwrap().1;
        for dependency in member.dependencies.iter().filter(|dependency| dependency.path.is_some()) {
            assert!(may.contains(&dependency.name.as_str()), "{} must not know {}", member.name, dependency.name);
        }
    }
}

#[test]
fn no_crate_is_built_with_what_its_invariants_forbid() {
    let metadata = metadata();
    let no_io = ["tokio", "mio", "sqlx", "sqlx-core", "axum", "hyper", "clap", "openssl", "openssl-sys", "rustix", "tempfile"];
    for (member, forbidden) in [
        ("domain", &no_io[..]),
        ("api", &no_io[..]),
        ("pki", &["tokio", "mio", "sqlx", "sqlx-core", "axum", "hyper", "clap", "tempfile"][..]),
        ("client", &["sqlx", "sqlx-core", "axum", "clap", "ratatui", "server"][..]),
        ("tui", &["sqlx", "sqlx-core", "axum", "server"][..]),
        // The command line cannot go around the API and the audit log.
        ("cli", &["sqlx", "sqlx-core", "axum", "server"][..]),
        ("server", &["ratatui", "crossterm", "client", "comfy-table", "indicatif"][..]),
    ] {
        let built = metadata.built_into(member);
        for name in forbidden {
            assert!(!built.contains(name), "{member} is built with {name}");
        }
    }
}

#[test]
fn there_is_one_crypto_stack_and_one_terminal_library() {
    let metadata = metadata();
    let forbidden = [
        "ring",
        "rustls",
        "rustls-webpki",
        "webpki",
        "webpki-roots",
        "aws-lc-rs",
        "aws-lc-sys",
        "openssl-src",
        "boring",
        "boring-sys",
    ];
    let mut versions: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for package in &metadata.packages {
        // Whatever the lock file names, on any platform and with any feature.
        assert!(!forbidden.contains(&package.name.as_str()), "{} {} is in the tree", package.name, package.version);
        versions.entry(&package.name).or_default().insert(&package.version);
    }
    for one in [
        "openssl",
        "openssl-sys",
        "der",
        "x509-cert",
        "crossterm",
        "ratatui",
        "sqlx",
        "hyper",
        "http",
        "tokio",
        "axum",
        "clap",
        "serde_json",
    ] {
        let count = versions.get(one).map_or(0, BTreeSet::len);
        assert!(count <= 1, "{one} is there in {:?}", versions[one]);
    }
}

#[test]
fn everything_comes_from_the_registry_and_has_a_licence() {
    for package in &metadata().packages {
        match &package.source {
            Some(source) => {
                let registry = source.starts_with("registry+https://github.com/rust-lang/crates.io-index");
                assert!(registry, "{}: {source}", package.name);
            }
            None => assert!(package.manifest_path.starts_with(root()), "{} lies outside the workspace", package.name),
        }
        assert!(package.license.as_deref().is_some_and(|licence| !licence.is_empty()), "{} names no licence", package.name);
    }
}

#[test]
fn every_crate_takes_the_workspaces_lints() {
    for member in metadata().members() {
        let manifest = fs::read_to_string(&member.manifest_path).unwrap();
        assert!(manifest.contains("[lints]\nworkspace = true\n"), "{} has lints of its own", member.name);
    }
}

/// The text files of the repository: what a clone holds, without what is built or ignored.
fn texts() -> Vec<(PathBuf, String)> {
    let mut texts = Vec::new();
    let mut ahead = vec![root()];
    while let Some(folder) = ahead.pop() {
        for entry in fs::read_dir(&folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            // What a fuzzer collects beside its targets is nobody's text.
            if matches!(name.as_str(), ".git" | "target" | "demo" | "corpus" | "artifacts") || name.ends_with(".snap.new") {
                continue;
            }
            if path.is_dir() {
                ahead.push(path);
            } else if let Ok(text) = fs::read_to_string(&path) {
                texts.push((path.strip_prefix(root()).unwrap().to_owned(), text));
            }
        }
    }
    assert!(texts.len() > 100, "the repository's files are not where they were");
    texts
}

fn is_rust(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "rs")
}

#[test]
fn no_file_is_longer_than_one_reads() {
    let mut long = Vec::new();
    for (path, text) in texts().into_iter().filter(|(path, _)| is_rust(path)) {
        let of_tests = path.components().any(|part| part.as_os_str() == "tests") || path.ends_with("tests.rs");
        let lines = text.lines().take_while(|line| !line.starts_with("#[cfg(test)]")).count();
        if !of_tests && lines > LONGEST {
            long.push(format!("{}: {lines} lines before its tests", path.display()));
        }
    }
    assert!(long.is_empty(), "a file over about 400 lines is two files, split by operation:\n{}", long.join("\n"));
}

/// Others configure by these identifiers: the paper has every one that is in use, for what it is used, and no other.
#[test]
fn the_papers_name_every_object_identifier() {
    let paper = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let rows = paper.lines().filter_map(|line| line.strip_prefix("| `2.25.")?.split_once("` | "));
    let told: BTreeMap<String, &str> = rows.map(|(end, what)| (format!("2.25.{end}"), what)).collect();
    let under = format!("{}.", pki::STAMP_OID);
    let mut used = BTreeMap::from([(pki::STAMP_OID, "extension"), (pki::time_stamp::TIME_STAMP_POLICY, "time stamps")]);
    for profile in pki::profile::ALL {
        used.extend(profile.policies.iter().filter(|policy| policy.starts_with(&under)).map(|policy| (*policy, profile.name)));
    }
    assert_eq!(told.keys().map(String::as_str).collect::<Vec<_>>(), used.keys().copied().collect::<Vec<_>>());
    for (identifier, what) in used {
        assert!(told[identifier].contains(what), "{identifier}: {}", told[identifier]);
    }
}

#[test]
fn no_text_names_the_machine_it_was_written_on() {
    let here = root().display().to_string();
    // Put together here, so that this file does not name them itself.
    let homes = ["root", "Users", "home"].map(|folder| format!("/{folder}/"));
    for (path, text) in texts() {
        assert!(!text.contains(&here), "{} names this checkout", path.display());
        for home in &homes {
            assert!(!text.contains(home.as_str()), "{} names a folder in {home}", path.display());
        }
    }
}

#[test]
fn no_text_hides_anything_from_its_reader() {
    for (path, text) in texts() {
        // Hostile files are there to be refused.
        if path.components().any(|part| part.as_os_str() == "hostile") {
            continue;
        }
        for (number, line) in text.lines().enumerate() {
            let hidden = line.chars().find(|letter| {
                matches!(letter, '\u{0}'..='\u{8}' | '\u{b}'..='\u{1f}' | '\u{7f}'..='\u{9f}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
            });
            if let Some(letter) = hidden {
                unreachable!("{}:{} holds {}", path.display(), number + 1, letter.escape_unicode());
            }
        }
    }
}

#[test]
fn nothing_is_put_off_in_a_comment() {
    let words = ["TO", "FIX", "XX", "HA"].into_iter().zip(["DO", "ME", "X", "CK"]).map(|(a, b)| format!("{a}{b}"));
    let words: Vec<String> = words.collect();
    for (path, text) in texts().into_iter().filter(|(path, _)| is_rust(path)) {
        for (number, line) in text.lines().enumerate() {
            for word in &words {
                let marked = line.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| part == word);
                assert!(!marked, "{}:{}: {word}", path.display(), number + 1);
            }
        }
    }
}
