//! The terminal: taken over while the dashboard is open, and given back however it ends.

use std::io::{self, BufWriter, IsTerminal, Stdout, Write};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use ratatui::Terminal;
use ratatui::backend::CrosstermBackend;
use ratatui::crossterm::cursor::Show;
use ratatui::crossterm::event::{self, DisableBracketedPaste, EnableBracketedPaste};
use ratatui::crossterm::style::force_color_output;
use ratatui::crossterm::terminal::{self, EnterAlternateScreen, LeaveAlternateScreen};
use ratatui::crossterm::{execute, terminal::size};
use tokio::sync::mpsc::Sender;
use zeroize::Zeroizing;

use crate::event::{Event, Pasted};
use crate::failure::Failure;
use crate::key::Key;

/// Whether the terminal is in our hands.
static TAKEN: AtomicBool = AtomicBool::new(false);

/// The terminal in our hands. It is given back when this is dropped, and before a panic is told.
pub(crate) struct Screen {
    terminal: Terminal<CrosstermBackend<BufWriter<Stdout>>>,
}

impl Screen {
    /// Takes the terminal over.
    pub(crate) fn take(color: bool) -> Result<Self, Failure> {
        if !io::stdin().is_terminal() {
            return Err(Failure::NoTerminal("standard input is none"));
        }
        if !io::stdout().is_terminal() {
            return Err(Failure::NoTerminal("standard output is none"));
        }
        if client::surroundings::variable("TERM").is_none_or(|term| term == "dumb") {
            return Err(Failure::NoTerminal("this one cannot move its cursor (TERM is dumb or not set)"));
        }
        give_back_before_a_panic_is_told();
        force_color_output(color);
        TAKEN.store(true, Ordering::SeqCst);
        let taken = terminal::enable_raw_mode()
            .and_then(|()| execute!(io::stdout(), EnterAlternateScreen, EnableBracketedPaste))
            // One write a frame: half a frame is never seen.
            .and_then(|()| Terminal::new(CrosstermBackend::new(BufWriter::with_capacity(64 * 1024, io::stdout()))));
        match taken {
            Ok(terminal) => Ok(Self { terminal }),
            Err(error) => {
                give_back();
                Err(Failure::Terminal(error))
            }
        }
    }

    /// Columns and rows.
    pub(crate) fn size() -> Result<(u16, u16), Failure> {
        size().map_err(Failure::Terminal)
    }

    /// Draws a frame.
    pub(crate) fn draw(&mut self, state: &crate::State) -> Result<(), Failure> {
        self.terminal.draw(|frame| crate::view::draw(state, frame)).map(|_| ()).map_err(Failure::Terminal)
    }
}

impl Drop for Screen {
    fn drop(&mut self) {
        give_back();
    }
}

/// Gives the terminal back; once.
fn give_back() {
    if !TAKEN.swap(false, Ordering::SeqCst) {
        return;
    }
    // Nothing can be done where it fails: the terminal is gone.
    let _ = execute!(io::stdout(), DisableBracketedPaste, LeaveAlternateScreen, Show);
    let _ = terminal::disable_raw_mode();
    let _ = io::stdout().flush();
}

fn give_back_before_a_panic_is_told() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let tell = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |panic| {
            give_back();
            tell(panic);
        }));
    });
}

/// What the terminal says, sent on as events from a thread of its own: reading blocks.
pub(crate) fn listen(to: Sender<Result<Event, io::Error>>) {
    std::thread::spawn(move || {
        loop {
            let heard = match event::read() {
                Ok(event::Event::Key(key)) => Key::of_terminal(key).map(Event::Key),
                Ok(event::Event::Paste(text)) => Some(Event::Paste(Pasted::Text(Zeroizing::new(text)))),
                Ok(event::Event::Resize(columns, rows)) => Some(Event::Resize { columns, rows }),
                Ok(_) => None,
                Err(error) => {
                    let _ = to.blocking_send(Err(error));
                    return;
                }
            };
            if let Some(heard) = heard
                && to.blocking_send(Ok(heard)).is_err()
            {
                return;
            }
        }
    });
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Read;
    use std::process::{Command, Stdio};

    use rustix::pty::{OpenptFlags, grantpt, ioctl_tiocgptpeer, openpt, unlockpt};
    use rustix::termios::{Winsize, tcgetattr, tcsetwinsize};

    use super::*;

    /// Set in the process that takes a terminal of its own and comes down.
    const COMES_DOWN: &str = "IAM_TEST_COMES_DOWN";

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process of the test's own is told what it is by its environment")]
    fn a_panic_is_told_on_the_terminal_as_it_was_before() {
        if std::env::var_os(COMES_DOWN).is_some() {
            let _screen = Screen::take(true).unwrap();
            panic!("the sky is falling");
        }
        let ours = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
        grantpt(&ours).unwrap();
        unlockpt(&ours).unwrap();
        let theirs = ioctl_tiocgptpeer(&ours, OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        tcsetwinsize(&ours, Winsize { ws_row: 24, ws_col: 80, ws_xpixel: 0, ws_ypixel: 0 }).unwrap();
        let before = format!("{:?}", tcgetattr(&theirs).unwrap());

        let end = || Stdio::from(theirs.try_clone().unwrap());
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "terminal::tests::a_panic_is_told_on_the_terminal_as_it_was_before",
                "--exact",
                "--nocapture",
                "--test-threads=1",
            ])
            .env("TERM", "xterm")
            .env(COMES_DOWN, "yes")
            .stdin(end())
            .stdout(end())
            .stderr(end())
            .spawn()
            .unwrap();
        let mut reader = File::from(ours);
        let listener = std::thread::spawn(move || {
            let mut written = Vec::new();
            // The other end closes with an error, not with an end of file.
            let _ = reader.read_to_end(&mut written);
            String::from_utf8_lossy(&written).into_owned()
        });
        assert!(!child.wait().unwrap().success());
        let after = format!("{:?}", tcgetattr(&theirs).unwrap());
        drop(theirs);
        let written = listener.join().unwrap();

        let place = |what: &str| written.find(what).unwrap_or_else(|| panic!("no {what:?} in {written:?}"));
        assert!(place("\u{1b}[?1049h") < place("\u{1b}[?1049l"));
        assert!(place("\u{1b}[?1049l") < place("the sky is falling"), "told where it is not seen: {written:?}");
        assert!(place("\u{1b}[?25h") < place("the sky is falling"), "the cursor stays hidden: {written:?}");
        assert_eq!(written.matches("\u{1b}[?1049l").count(), 1, "given back once: {written:?}");
        assert_eq!(before, after);
    }
}
