//! How far long work has come: a bar on a terminal, elsewhere a plain line every 10 s.

use std::io::{self, Write};
use std::sync::Mutex;
use std::time::Duration;

use client::safe::visible;
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
        let bar = terminal.error.then(|| {
            let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr());
            // ASCII: the block characters are of unsure width in Chinese locales.
            let style = ProgressStyle::with_template("{bar:30} {percent:>3}% {elapsed} {msg}");
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("#>-"));
            bar
        });
        Self { bar, last: Mutex::new(Instant::now()) }
    }

    /// `done` of `total`.
    pub fn at(&self, done: u64, total: u64, message: &str) {
        let message = format!("{} of {} {}", spaced(done), spaced(total), visible(message));
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

impl Drop for Progress {
    /// An interruption leaves no half bar behind.
    fn drop(&mut self) {
        self.over();
    }
}
