//! Debian's Chromium without a screen, driven through the pipe of its DevTools protocol: a browser as citizens have it.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::net::SocketAddr;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use rustix::fs::{CWD, FileType, Mode, mknodat};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Longer than anything here takes on a busy machine.
const PATIENCE: Duration = Duration::from_secs(90);

/// A browser with an empty profile. Dropped, it is gone.
pub struct Browser {
    child: Child,
    to: File,
    from: Receiver<Value>,
    last: u64,
    session: Option<String>,
    /// Where its window goes, until the page is there.
    going: Option<String>,
    /// Addresses whose pages its window has shown.
    visited: Vec<String>,
    /// What it complained about: policies that a page broke, among others.
    pub complaints: Vec<String>,
    _profile: TempDir,
}

impl Browser {
    /// Starts it. It finds `host` at `address`, and believes whoever has the key with that SHA-256 of its public half (SPKI).
    ///
    /// # Panics
    /// When it is not installed, which `scripts/test` does.
    #[must_use]
    pub fn starts(host: &str, address: SocketAddr, believed: &[u8; 32], language: &str) -> Self {
        let profile = TempDir::with_prefix("iam-browser-").unwrap();
        let [hears, says] = ["hears", "says"].map(|name| profile.path().join(name));
        for pipe in [&hears, &says] {
            mknodat(CWD, pipe, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
        }
        let mut command = Command::new("sh");
        command.env_clear().env("HOME", profile.path()).env("PATH", "/usr/bin:/bin").env("HEARS", &hears).env("SAYS", &says);
        command.args(["-c", "exec chromium \"$@\" 3<\"$HEARS\" 4>\"$SAYS\"", "chromium"]);
        command.args(["--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--disable-dev-shm-usage"]);
        command.args(["--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"]);
        command.arg(format!("--user-data-dir={}", profile.path().join("profile").display()));
        command.arg(format!("--host-resolver-rules=MAP {host}:443 {address}, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1"));
        command.arg(format!("--ignore-certificate-errors-spki-list={}", BASE64_STANDARD.encode(believed)));
        command.args([format!("--accept-lang={language}"), "--remote-debugging-pipe".to_owned(), "about:blank".to_owned()]);
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let to = File::options().write(true).open(&hears).unwrap();
        let out = BufReader::new(File::open(&says).unwrap());
        let (tell, from) = channel();
        std::thread::spawn(move || {
            for message in out.split(0).map_while(Result::ok) {
                let _ = tell.send(serde_json::from_slice(&message).unwrap());
            }
        });
        let (going, visited, complaints) = (None, Vec::new(), Vec::new());
        let mut browser = Self { child, to, from, last: 0, session: None, going, visited, complaints, _profile: profile };
        let window = browser.asks("Target.createTarget", &json!({ "url": "about:blank" }))["targetId"].clone();
        let attached = browser.asks("Target.attachToTarget", &json!({ "targetId": window, "flatten": true }));
        browser.session = Some(attached["sessionId"].as_str().unwrap().to_owned());
        for part in ["Page.enable", "Log.enable", "Runtime.enable"] {
            browser.asks(part, &json!({}));
        }
        browser
    }

    /// Does without any script of a page from now on.
    pub fn runs_no_scripts(&mut self) {
        self.asks("Emulation.setScriptExecutionDisabled", &json!({ "value": true }));
    }

    /// Its window is so large from now on.
    pub fn is_sized(&mut self, width: u32, height: u32) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": false });
        self.asks("Emulation.setDeviceMetricsOverride", &size);
    }

    /// Goes to an address.
    pub fn goes_to(&mut self, address: &str) {
        self.asks("Page.navigate", &json!({ "url": address }));
    }

    /// Waits until it shows the page of an address that begins like that; gives the address.
    ///
    /// # Panics
    /// When it does not come there.
    pub fn arrives_at(&mut self, beginning: &str) -> String {
        loop {
            if let Some(there) = self.visited.iter().rposition(|address| address.starts_with(beginning)) {
                return self.visited.split_off(there).swap_remove(0);
            }
            self.hears();
        }
    }

    /// What an expression is worth on the page that it shows.
    ///
    /// # Panics
    /// When it cannot be worked out.
    pub fn finds(&mut self, expression: &str) -> Value {
        let asked = json!({ "expression": expression, "returnByValue": true });
        self.asks("Runtime.evaluate", &asked)["result"]["value"].take()
    }

    fn asks(&mut self, method: &str, parameters: &Value) -> Value {
        self.last += 1;
        let mut message = json!({ "id": self.last, "method": method, "params": parameters });
        if let Some(session) = &self.session {
            message["sessionId"] = json!(session);
        }
        self.to.write_all(format!("{message}\0").as_bytes()).unwrap();
        loop {
            let mut heard = self.hears();
            if heard["id"] == self.last {
                assert!(heard["error"].is_null(), "{method}: {}", heard["error"]);
                return heard["result"].take();
            }
        }
    }

    fn hears(&mut self) -> Value {
        let heard = self.from.recv_timeout(PATIENCE).expect("chromium is silent; scripts/test installs it where it is missing");
        match heard["method"].as_str() {
            Some("Page.frameNavigated") if heard["params"]["frame"]["parentId"].is_null() => {
                self.going = heard["params"]["frame"]["url"].as_str().map(str::to_owned);
            }
            Some("Page.loadEventFired") => self.visited.extend(self.going.take()),
            Some("Log.entryAdded") => self.complaints.push(heard["params"]["entry"]["text"].to_string()),
            _ => {}
        }
        heard
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
