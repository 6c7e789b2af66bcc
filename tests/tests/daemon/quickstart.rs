//! `scripts/quickstart`, run as somebody does who has just cloned the project; small, and with the programs built already.

use std::io::{BufRead, BufReader};
use std::net::{TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use rustix::process::{Pid, Signal, kill_process_group};
use tempfile::TempDir;
use tests::daemon::program;

const PORTS: [u16; 6] = [7443, 8443, 8080, 9464, 7600, 9900];

struct Clone {
    home: TempDir,
    offset: u16,
}

impl Clone {
    fn new() -> Self {
        let free = |offset: &u16| PORTS.iter().all(|port| TcpListener::bind(("127.0.0.1", port + offset)).is_ok());
        // Another test looks for ports at the same moment, here or in another process: begin where it does not.
        static BEGUN: AtomicU16 = AtomicU16::new(0);
        let here = BEGUN.fetch_add(30, Ordering::Relaxed);
        let begin = 11_000 + u16::try_from(std::process::id() % 400).unwrap() * 100 + here;
        let offset = (begin..).step_by(7).find(free).unwrap();
        Self { home: TempDir::with_prefix("iam-quickstart-").unwrap(), offset }
    }

    fn demo(&self) -> PathBuf {
        self.home.path().join("demo")
    }

    fn quickstart(&self, more: &[&str]) -> Command {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
        let mut command = Command::new(root.join("scripts/quickstart"));
        command
            .current_dir(root)
            .args([
                "--scale",
                "0.01",
                "--data-dir",
                &self.demo().display().to_string(),
                "--port-offset",
                &self.offset.to_string(),
            ])
            .args(more)
            .env("IAM_TEST_PROGRAMS", program("iamd").parent().unwrap())
            .env("HOME", self.home.path())
            .env_remove("IAMCTL_CONTEXT_FILE")
            .env_remove("IAMCTL_CONTEXT");
        command
    }

    fn is_served(&self) -> bool {
        PORTS.iter().any(|port| TcpStream::connect(("127.0.0.1", port + self.offset)).is_ok())
    }

    fn runs(&self) -> String {
        let output = self.quickstart(&[]).stdin(Stdio::null()).output().unwrap();
        let (out, err) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
        assert!(output.status.success(), "{out}\n{err}");
        out.into_owned()
    }
}

impl Clone {
    /// What the server that goes on serving answers.
    fn asks(&self, arguments: &[&str]) -> serde_json::Value {
        let context = self.demo().join("first-operator/context.yaml").display().to_string();
        let all = [&["--context-file", &context, "-o", "json"], arguments].concat();
        let output = tests::daemon::run("iamctl", self.home.path(), &all, "");
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&output.stdout).unwrap()
    }
}

impl Drop for Clone {
    fn drop(&mut self) {
        let _ = self.quickstart(&["--stop"]).output();
    }
}

#[test]
fn the_main_job_is_shown_from_end_to_end_and_again_from_clean() {
    let clone = Clone::new();
    for _ in 0..2 {
        let told = clone.runs();
        for words in [
            "$ iamd init",
            "$ iamctl rp apply -f fixtures/relying-parties --yes",
            "$ iamctl key rotate --purpose token-signing --activate now --override --reason demonstration --yes",
            "$ iamctl sandbox populate -f fixtures/population/lcq5.yaml",
            "$ iamctl sandbox citizen add --tier iam-smart-plus",
            "$ iamctl sandbox phone approve",
            "The website says: {\"logged_in\":true,\"subject\":",
            "$ iamctl hotline suspend",
            "The website says: {\"logged_in\":false,\"why\":\"the platform says access_denied\"}",
            "$ iamctl stats legco --as-at 2022-05-31",
            "$ iamctl audit verify",
            "registered users",
            "智方便",
            "Done in",
        ] {
            assert!(told.contains(words), "'{words}' is not shown:\n{told}");
        }
        // Figures, a hundredth of the reply's; spaces between the columns do not matter.
        let flowing = told.split_whitespace().collect::<Vec<_>>().join(" ");
        for figures in [
            "had more than 10 000 registered users, of which more than 4 000 were “iAM Smart+” users.",
            "超過1萬名登記用戶，當中超過4 000名為「智方便+」用戶。",
            "over 210 government, public and private online services are accessible",
            "over 100 000 usage counts are recorded.",
            "for about 2 000 times through “iAM Smart”.",
            "Private organisations 私營機構 46 2 007 Total 總計 214 172 289",
            "Total 總計 114 214",
        ] {
            assert!(flowing.contains(figures), "'{figures}' is not shown:\n{told}");
        }
        assert!(flowing.contains("State suspended"), "{told}");
        assert!(flowing.contains("Sessions ended 1 Tokens ended 1 Requests ended 1 Certificates held 1"), "{told}");
        let account = told.lines().filter_map(|line| line.strip_prefix("Account ")).next().unwrap().trim();
        assert_eq!(clone.asks(&["account", "show", account])["state"], "suspended");
        assert_eq!(clone.asks(&["audit", "verify"])["ok"], true);
        assert!(clone.is_served(), "the server goes on serving");
    }
    assert!(clone.quickstart(&["--stop"]).output().unwrap().status.success());
    assert!(!clone.is_served());
}

#[test]
fn an_interruption_leaves_nothing_running() {
    let clone = Clone::new();
    let mut running =
        clone.quickstart(&[]).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).process_group(0).spawn().unwrap();
    let mut lines = BufReader::new(running.stdout.take().unwrap()).lines().map_while(Result::ok);
    lines.find(|line| line.starts_with("3. ")).unwrap();
    assert!(clone.is_served());
    kill_process_group(Pid::from_child(&running), Signal::INT).unwrap();
    lines.for_each(drop);
    assert_eq!(running.wait().unwrap().code(), Some(130));
    assert!(!clone.is_served(), "something is still running");
}

#[test]
fn a_folder_that_is_no_demo_is_left_alone() {
    let clone = Clone::new();
    std::fs::create_dir(clone.demo()).unwrap();
    std::fs::write(clone.demo().join("thesis.txt"), "years of work").unwrap();
    let output = clone.quickstart(&[]).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(clone.demo().join("thesis.txt").exists());
    assert_eq!(clone.quickstart(&["--bogus"]).output().unwrap().status.code(), Some(2));
}

#[test]
fn an_instance_that_it_did_not_make_is_left_alone() {
    let clone = Clone::new();
    std::fs::create_dir(clone.demo()).unwrap();
    let settings = clone.demo().join("iamd.yaml");
    std::fs::write(&settings, "environment: production\n").unwrap();
    let output = clone.quickstart(&[]).stdin(Stdio::null()).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("no demo of ours"));
    assert!(settings.exists());
}
