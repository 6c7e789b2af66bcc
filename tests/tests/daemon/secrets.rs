//! Personal data and secrets are nowhere in the clear, and the process leaves nothing behind.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use base64::Engine as _;
use base64::prelude::{BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD};
use tests::daemon::{Daemon, Running};
use tests::fixtures::registrations;

use super::health::get;
use crate::on_both;

/// Every file below a folder, with its bytes.
pub(super) fn files(folder: &Path) -> Vec<(String, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files.extend(self::files(&path));
        } else {
            files.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
    files
}

/// Where something may have stayed, each with what it holds: every file of the data folder, every column of the database, the log,
/// the metrics.
pub(super) async fn places(daemon: &Daemon, running: &Running) -> Vec<(String, Vec<u8>)> {
    let mut places = files(&daemon.data_dir);
    places.extend(daemon.columns().await);
    let (status, metrics) = get(running.metrics, "/metrics");
    assert_eq!(status, 200);
    places.extend([("log", running.log().join("\n")), ("metrics", metrics)].map(|(name, text)| (name.to_owned(), text.into())));
    places
}

/// What must stay nowhere, in every spelling that it may have been written in.
pub(super) struct Canaries {
    /// The name of a canary and one spelling, by the first two bytes of it.
    by_start: Vec<Vec<(String, Vec<u8>)>>,
}

impl Canaries {
    pub(super) fn of_texts(texts: &[(&str, &str)]) -> Self {
        let mut canaries = Self { by_start: vec![Vec::new(); 1 << 16] };
        for (name, text) in texts {
            canaries.adds(name, text.as_bytes());
            canaries.spelt(name, text.encode_utf16().flat_map(u16::to_le_bytes).collect());
            let escaped = |unit: u16| if unit < 128 { char::from(unit as u8).to_string() } else { format!("\\u{unit:04x}") };
            canaries.spelt(name, text.encode_utf16().map(escaped).collect::<String>().into_bytes());
            let upper: String = text.bytes().map(percent).collect();
            canaries.spelt(name, upper.to_lowercase().into_bytes());
            canaries.spelt(name, upper.replace("%20", "+").into_bytes());
            canaries.spelt(name, upper.into_bytes());
        }
        canaries
    }

    /// The first 48 bytes of a photo.
    pub(super) fn and_photo(mut self, name: &str, photo: &[u8]) -> Self {
        self.adds(name, &photo[..48]);
        self
    }

    /// As it is, in hex, and in base64 wherever it begins in what is encoded.
    fn adds(&mut self, name: &str, bytes: &[u8]) {
        self.spelt(name, bytes.to_vec());
        let hex = server::keys::hex(bytes);
        self.spelt(name, hex.to_uppercase().into_bytes());
        self.spelt(name, hex.into_bytes());
        for before in 0..3 {
            let whole = [&vec![0; before], bytes].concat();
            // The characters that are made of these bytes alone.
            let alone = (before * 8).div_ceil(6)..whole.len() * 8 / 6;
            for alphabet in [BASE64_STANDARD_NO_PAD, BASE64_URL_SAFE_NO_PAD] {
                self.spelt(name, alphabet.encode(&whole)[alone.clone()].into());
            }
        }
    }

    fn spelt(&mut self, name: &str, bytes: Vec<u8>) {
        self.by_start[start(&bytes)].push((name.to_owned(), bytes));
    }

    /// The names of those that are in it.
    pub(super) fn found_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let mut found = BTreeSet::new();
        for at in 0..bytes.len().saturating_sub(1) {
            let rest = &bytes[at..];
            for (name, spelling) in &self.by_start[start(rest)] {
                if rest.starts_with(spelling) {
                    found.insert(name.as_str());
                }
            }
        }
        found
    }

    pub(super) fn are_in_none_of(&self, places: &[(String, Vec<u8>)]) {
        for (place, bytes) in places {
            let found = self.found_in(bytes);
            assert!(found.is_empty(), "{place} holds {found:?}");
        }
    }
}

fn start(bytes: &[u8]) -> usize {
    usize::from(u16::from_be_bytes([bytes[0], bytes[1]]))
}

fn percent(byte: u8) -> String {
    if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") }
}

pub(super) fn holds(bytes: &[u8], canary: &str) -> bool {
    bytes.windows(canary.len()).any(|window| window == canary.as_bytes())
}

#[test]
fn a_canary_is_found_in_every_spelling() {
    let canaries = Canaries::of_texts(&[("latin", "LAU PUI-YAN"), ("chinese", "劉佩欣")]).and_photo("photo", &[0xfb; 60]);
    for text in ["LAU PUI-YAN", "劉佩欣"] {
        let name = if text.is_ascii() { "latin" } else { "chinese" };
        let mut spellings = vec![text.as_bytes().to_vec(), text.encode_utf16().flat_map(u16::to_le_bytes).collect()];
        spellings.push(server::keys::hex(text.as_bytes()).into_bytes());
        spellings.push(server::keys::hex(text.as_bytes()).to_uppercase().into_bytes());
        for before in ["", "a", "ab", "abc"] {
            let long = format!("{before}{text}!");
            spellings.push(BASE64_STANDARD_NO_PAD.encode(&long).into_bytes());
            spellings.push(BASE64_URL_SAFE_NO_PAD.encode(&long).into_bytes());
        }
        let mut form = url::form_urlencoded::Serializer::new(String::new());
        spellings.push(form.append_pair("name", text).finish().into_bytes());
        let mut address = url::Url::parse("https://rp.example/").unwrap();
        address.set_path(text);
        spellings.push(address.as_str().into());
        spellings.push(address.as_str().to_lowercase().replace("lau%20pui-yan", "LAU%20PUI-YAN").into_bytes());
        for spelling in spellings {
            let whole = [b"before ", &spelling[..], b" after"].concat();
            assert_eq!(canaries.found_in(&whole), BTreeSet::from([name]), "{}", String::from_utf8_lossy(&whole));
        }
    }
    assert_eq!(canaries.found_in(r#"{"name":"\u5289\u4f69\u6b23"}"#.as_bytes()), BTreeSet::from(["chinese"]));
    for encoded in [BASE64_STANDARD_NO_PAD.encode([0xfb; 50]), BASE64_URL_SAFE_NO_PAD.encode([0xfb; 50])] {
        assert_eq!(canaries.found_in(encoded.as_bytes()), BTreeSet::from(["photo"]));
    }
    assert_eq!(canaries.found_in("LAU PUI YAN, 劉佩, \u{fb}".as_bytes()), BTreeSet::new());
}

on_both! {
    async fn neither_database_nor_log_nor_metrics_hold_what_a_citizen_told(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, registrations(50)).unwrap();
        daemon.json(&["account", "import", "-f", &file.display().to_string()], "");
        let call = daemon.json(&["hotline", "open"], "")["call"].as_str().unwrap().to_owned();
        let hkic = domain::Hkic::synthetic(7).unwrap();
        let found = daemon.json(&["hotline", "find", "--call", &call, "--hkic", "-"], &format!("{}\n", hkic.expose()));
        let account = found[0]["account"].as_str().unwrap().to_owned();
        let suspend = ["hotline", "suspend", &account, "--call", &call, "--reason", "other", "--note", "the caller wept bitterly"];
        daemon.json(&suspend, "");
        // A malformed number must not come back in an error or a log either.
        let refused = daemon.iamctl(&["hotline", "find", "--call", &call, "--hkic", "-"], "QA000007(1)\n");
        assert_eq!(refused.status.code(), Some(2), "{refused:?}");
        assert!(!holds(&refused.stderr, "QA000007"), "{}", String::from_utf8_lossy(&refused.stderr));

        let body = hkic.expose().split('(').next().unwrap().to_owned();
        let texts = [body.as_str(), "CHAN TAI MAN", "陳大文", "90000007", "wept bitterly"];
        fs::remove_file(&file).unwrap();
        Canaries::of_texts(&texts.map(|text| (text, text))).are_in_none_of(&places(&daemon, &running).await);
        assert!(running.stops().success());
    }
}

#[test]
fn what_the_server_writes_is_its_owners_alone_and_it_dumps_no_core() {
    crate::on(tests::Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let mut running = daemon.serves();
        daemon.json(&["whoami"], "");
        for entry in fs::read_dir(&daemon.data_dir).unwrap() {
            let path = entry.unwrap().path();
            let mode = fs::metadata(&path).unwrap().permissions().mode() & 0o077;
            assert_eq!(mode, 0, "others get at {}", path.display());
        }
        let limits = fs::read_to_string(format!("/proc/{}/limits", running.child.id())).unwrap();
        let core = limits.lines().find(|line| line.starts_with("Max core file size")).unwrap();
        assert!(core.split_whitespace().filter(|word| *word == "0").count() >= 2, "{core}");
        let mut arguments = fs::read_to_string(format!("/proc/{}/cmdline", running.child.id())).unwrap();
        arguments.make_ascii_lowercase();
        assert!(!arguments.contains("postgres"), "a password would be in the process list");
        assert!(running.stops().success());
    });
}
