//! What the three standard streams are, and what may be shown on them.

use std::io::{self, IsTerminal};
use std::time::Duration;

use client::surroundings;
use client::tabular::Tone;

use crate::flags::ColorChoice;

/// Which of the standard streams are terminals.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Terminal {
    /// Somebody can be asked.
    pub input: bool,
    /// Somebody reads the data.
    pub output: bool,
    /// Somebody reads what is told beside it.
    pub error: bool,
}

impl Terminal {
    /// As they are.
    pub fn find() -> Self {
        Self { input: io::stdin().is_terminal(), output: io::stdout().is_terminal(), error: io::stderr().is_terminal() }
    }
}

/// Comes back when nobody reads standard output any more: while nothing happens nothing is written, and no write would tell.
pub async fn reader_gone() {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    const NOW: Timespec = Timespec { tv_sec: 0, tv_nsec: 0 };
    loop {
        tokio::time::sleep(Duration::from_millis(500)).await;
        let stdout = io::stdout();
        let mut asked = [PollFd::new(&stdout, PollFlags::empty())];
        let told = poll(&mut asked, Some(&NOW)).is_ok_and(|ready| ready > 0);
        if told && asked.iter().any(|asked| asked.revents().intersects(PollFlags::ERR | PollFlags::HUP)) {
            return;
        }
    }
}

/// Colours and width of a stream.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Look {
    /// Whether colour is used.
    pub color: bool,
    /// Columns of the terminal; none where there is no terminal.
    pub room: Option<u16>,
}

impl Look {
    /// Of standard output.
    pub fn of_output(choice: ColorChoice, terminal: Terminal) -> Self {
        let room = if terminal.output {
            rustix::termios::tcgetwinsize(io::stdout()).ok().map(|size| size.ws_col).filter(|width| *width > 0)
        } else {
            None
        };
        Self { color: wants_color(choice, terminal.output), room }
    }

    /// Of standard error.
    pub fn of_error(choice: ColorChoice, terminal: Terminal) -> Self {
        Self { color: wants_color(choice, terminal.error), room: None }
    }

    fn painted(self, code: &str, text: &str) -> String {
        if self.color && !text.is_empty() { format!("\u{1b}[{code}m{text}\u{1b}[0m") } else { text.to_owned() }
    }

    /// A heading.
    pub fn heading(self, text: &str) -> String {
        self.painted("1", text)
    }

    /// Something beside the point.
    pub fn faint(self, text: &str) -> String {
        self.painted("2", text)
    }

    /// Something wrong.
    pub fn bad(self, text: &str) -> String {
        self.painted("31", text)
    }

    /// A line of that tone.
    pub fn tone(self, tone: Tone, text: &str) -> String {
        let code = match tone {
            Tone::Plain => return text.to_owned(),
            Tone::Heading => "1",
            Tone::Added | Tone::Good => "32",
            Tone::Removed | Tone::Bad => "31",
            Tone::Changed => "33",
            Tone::Faint => "2",
        };
        self.painted(code, text)
    }
}

fn wants_color(choice: ColorChoice, terminal: bool) -> bool {
    match choice {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => {
            terminal
                && surroundings::variable("NO_COLOR").is_none()
                && surroundings::variable("TERM").is_some_and(|term| term != "dumb")
        }
    }
}
