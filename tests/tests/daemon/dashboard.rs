//! The dashboard in a real terminal, through tmux: an agent's call from the keyboard to the database, and the terminal as it
//! was afterwards, however the dashboard is left.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use tests::daemon::{Daemon, program};
use tests::fixtures::registrations;

use crate::on_both;

/// What a person does: looks at the terminal, opens the dashboard, leaves it, goes on in the same terminal.
const SESSION: &str = r#"
stty -a >before
sh -c 'echo $$ >pid; exec "$0" --context-file "$1" dashboard' "$1" "$2"
code=$?
stty -a >after
echo "left with $code, the terminal goes on"
cat
"#;

/// So many looks, a twentieth of a second apart, are more than any machine needs.
const LOOKS: u32 = 2_400;

/// A terminal of 80 columns and 24 rows in which somebody opens the dashboard. Dropped, it is closed.
struct Terminal {
    folder: PathBuf,
}

impl Terminal {
    fn opens_the_dashboard_of(daemon: &Daemon) -> Self {
        let folder = daemon.folder().join("terminal");
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("session.sh"), SESSION).unwrap();
        let terminal = Self { folder };
        let context = daemon.data_dir.join("first-operator/context.yaml");
        let started = terminal
            .command(&["-u", "-f", "/dev/null", "new-session", "-d", "-x", "80", "-y", "24", "sh", "session.sh"])
            .args([program("iamctl"), context])
            .output()
            .unwrap();
        assert!(started.status.success(), "{}", String::from_utf8_lossy(&started.stderr));
        terminal
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new("tmux");
        command
            .env_clear()
            .env("PATH", "/usr/bin:/bin")
            .env("HOME", &self.folder)
            .env("LC_ALL", "C.UTF-8")
            .current_dir(&self.folder)
            .args(["-S", "socket"])
            .args(arguments);
        command
    }

    fn tmux(&self, arguments: &[&str]) -> String {
        let Output { status, stdout, stderr } = self.command(arguments).output().unwrap();
        assert!(status.success(), "tmux {arguments:?}: {}", String::from_utf8_lossy(&stderr));
        String::from_utf8(stdout).unwrap()
    }

    /// What is to be seen.
    fn screen(&self) -> String {
        self.tmux(&["capture-pane", "-p"])
    }

    /// What the terminal says of itself.
    fn says(&self, what: &str) -> String {
        self.tmux(&["display-message", "-p", what]).trim().to_owned()
    }

    /// Waits until these words are to be seen.
    fn shows(&self, words: &str) -> String {
        self.shows_times(1, words)
    }

    /// Waits until these words are to be seen so many times.
    fn shows_times(&self, times: usize, words: &str) -> String {
        let mut left = LOOKS;
        loop {
            let screen = self.screen();
            if screen.matches(words).count() >= times {
                return screen;
            }
            left -= 1;
            assert!(left > 0, "'{words}' is not shown:\n{screen}");
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Presses keys, each by its name.
    fn presses(&self, keys: &[&str]) {
        self.tmux(&[&["send-keys"], keys].concat());
    }

    fn types(&self, text: &str) {
        self.tmux(&["send-keys", "-l", text]);
    }

    fn read(&self, file: &str) -> String {
        fs::read_to_string(self.folder.join(file)).unwrap()
    }

    /// The dashboard's process.
    fn process(&self) -> Pid {
        Pid::from_raw(self.read("pid").trim().parse().unwrap()).unwrap()
    }

    /// Waits until it is left, and holds the terminal to what it was before.
    fn is_as_before(&self, exit: u8) {
        let screen = self.shows(&format!("left with {exit}, the terminal goes on"));
        assert_eq!(self.read("before"), self.read("after"), "the line's settings are others");
        let modes = "alternate #{alternate_on}, cursor #{cursor_flag}, mouse #{mouse_any_flag}, keypad #{keypad_flag}";
        assert_eq!(self.says(modes), "alternate 0, cursor 1, mouse 0, keypad 0");
        assert!(!screen.contains("Overview"), "something of the dashboard is left behind:\n{screen}");
        // What is typed now goes to the program that follows, as a line: it is echoed, and read at the return.
        self.types("back in the shell");
        self.presses(&["Enter"]);
        self.shows_times(2, "back in the shell");
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        let _ = self.command(&["kill-server"]).output();
    }
}

/// One citizen, put on record from a file; gives the account and the number on their card.
fn one_citizen(daemon: &Daemon) -> (String, String) {
    let file = daemon.folder().join("people.jsonl");
    fs::write(&file, registrations(1)).unwrap();
    daemon.json(&["account", "import", "-f", path(&file)], "");
    let accounts = daemon.json(&["account", "list"], "");
    let account = accounts[0]["account"].as_str().unwrap().to_owned();
    (account, domain::Hkic::synthetic(0).unwrap().expose().to_string())
}

fn path(path: &Path) -> &str {
    path.to_str().unwrap()
}

on_both! {
    async fn an_agent_takes_a_call_from_the_keyboard_to_the_suspended_account(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let (account, hkic) = one_citizen(&daemon);
        let terminal = Terminal::opens_the_dashboard_of(&daemon);

        terminal.shows("Latest audit entries");
        terminal.shows("● live");
        assert_eq!(terminal.says("#{alternate_on}"), "1");
        terminal.presses(&["4"]);
        terminal.shows("Nobody is on the line.");
        terminal.presses(&["o"]);
        terminal.shows("Who is calling?");
        terminal.types(&hkic);
        let typed = terminal.shows(&format!("{} typed", hkic.chars().count()));
        assert!(!typed.contains(&hkic) && !typed.contains(&hkic[..4]), "the number is on the screen:\n{typed}");
        terminal.presses(&["Enter"]);
        let found = terminal.shows("One account fits.");
        assert!(found.contains("CHAN T** M**") && !found.contains("TAI MAN"), "{found}");
        assert!(found.contains(&account), "{found}");
        terminal.presses(&["Enter"]);
        terminal.shows("One key suspends at once.");
        terminal.presses(&["l"]);
        terminal.shows("Suspended; read this to the caller");
        terminal.presses(&["c"]);
        terminal.shows("Last call HC");
        terminal.presses(&["1"]);
        terminal.shows("hotline.close");
        terminal.presses(&["q"]);
        terminal.is_as_before(0);
        let everything = terminal.tmux(&["capture-pane", "-p", "-S", "-", "-E", "-"]);
        assert!(!everything.contains(&hkic[..4]), "the number is in the terminal's history:\n{everything}");

        assert_eq!(daemon.json(&["account", "show", &account], "")["state"], "suspended");
        let entries = daemon.json(&["audit", "list"], "");
        let entries = entries.as_array().unwrap();
        let of = |action: &str| entries.iter().find(|entry| entry["action"] == action && entry["outcome"] == "done").unwrap();
        let call = of("hotline.open")["call"].as_str().unwrap();
        for action in ["hotline.find", "account.suspend", "hotline.close"] {
            assert_eq!(of(action)["call"], call, "{action} belongs to the call");
        }
        assert_eq!(of("account.suspend")["subject"], account);
    }

    async fn a_signal_gives_the_terminal_back(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let terminal = Terminal::opens_the_dashboard_of(&daemon);
        terminal.shows("Latest audit entries");
        // In the midst of a call, with a number half typed.
        terminal.presses(&["4", "o"]);
        terminal.shows("Who is calling?");
        terminal.types("QA12");
        terminal.shows("4 typed");
        kill_process(terminal.process(), Signal::TERM).unwrap();
        terminal.is_as_before(130);
        assert!(!terminal.screen().contains("QA12"));
    }
}
