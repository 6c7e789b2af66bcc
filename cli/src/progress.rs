//! How far long work has come: a bar on a terminal, elsewhere a plain line every 10 s.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::Duration;

use client::safe::visible;
use client::surroundings;
use client::times::spaced;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use tokio::time::Instant;

use crate::output::Terminal;

const PLAIN_EVERY: Duration = Duration::from_secs(10);

/// How far long work has come.
pub struct Progress {
    bar: Option<ProgressBar>,
    last: Mutex<Instant>,
}

impl Progress {
    /// Of `total` units; 0 while not known.
    pub fn new(terminal: Terminal, total: u64) -> Self {
        let bar = draws(terminal, surroundings::variable("TERM").as_deref()).then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // ASCII: the block characters are of unsure width in Chinese locales.
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {elapsed} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("#>-"));
            bar
        });
        Self { bar, last: Mutex::new(Instant::now()) }
    }

    /// `done` of `total` of those units.
    pub fn at(&self, done: u64, total: u64, units: &str) {
        self.show(done, total, format!("{} of {} {units}", spaced(done), spaced(total)));
    }

    /// `done` of `total`, and what whoever does it says of it.
    pub fn told(&self, done: u64, total: u64, message: &str) {
        let separator = if message.is_empty() { "" } else { ": " };
        self.show(done, total, format!("{} of {}{separator}{}", spaced(done), spaced(total), visible(message)));
    }

    fn show(&self, done: u64, total: u64, message: String) {
        match &self.bar {
            Some(bar) => {
                bar.set_length(total);
                bar.set_position(done);
                bar.set_message(message);
            }
            None => {
                let Ok(mut last) = self.last.lock() else { return };
                if last.elapsed() >= PLAIN_EVERY {
                    *last = Instant::now();
                    // Where standard error is closed there is nobody to tell it to.
                    let _ = writeln!(io::stderr().lock(), "{message}");
                }
            }
        }
    }

    /// Takes the bar away.
    pub fn over(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }
}

/// Whether a bar can be drawn: a terminal that cannot move its cursor gets plain lines.
fn draws(terminal: Terminal, term: Option<&str>) -> bool {
    terminal.error && term.is_some_and(|term| term != "dumb")
}

impl Drop for Progress {
    /// An interruption leaves no half bar behind.
    fn drop(&mut self) {
        self.over();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_is_drawn_where_the_cursor_can_be_moved() {
        let terminal = |error| Terminal { input: false, output: false, error };
        assert!(draws(terminal(true), Some("xterm-256color")));
        assert!(!draws(terminal(true), Some("dumb")));
        assert!(!draws(terminal(true), None));
        assert!(!draws(terminal(false), Some("xterm-256color")));
    }
}
