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
