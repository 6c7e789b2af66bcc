//! Questions to the person at the terminal. Asked on standard error, one plain line each: it works on every terminal.

use std::fs::File;
use std::io::{self, BufRead, Write};
use std::sync::OnceLock;

use api::Exit;
use rustix::termios::{OptionalActions, Termios, tcgetattr, tcsetattr};
use zeroize::Zeroizing;

use crate::failure::{Failure, NOTHING_SENT};

/// What the terminal was like before the first question without echo.
static BEFORE: OnceLock<Termios> = OnceLock::new();

/// Gives the terminal its echo back, should a question have been cut short.
pub fn restore_terminal() {
    if let (Some(before), Ok(terminal)) = (BEFORE.get(), File::open("/dev/tty")) {
        // Nothing is left to be done where it fails: the process is about to end.
        let _ = tcsetattr(&terminal, OptionalActions::Now, before);
    }
}

/// Asks for one line on the terminal.
pub async fn line(question: String) -> Result<String, Failure> {
    let asked = tokio::task::spawn_blocking(move || {
        // Not locked while somebody thinks: an interruption is told meanwhile.
        io::stderr().write_all(question.as_bytes())?;
        io::stderr().flush()?;
        let mut answer = String::new();
        io::stdin().lock().read_line(&mut answer)?;
        Ok::<_, io::Error>(answer)
    });
    match asked.await {
        Ok(Ok(answer)) => Ok(answer.trim().to_owned()),
        Ok(Err(error)) => Err(unread(&error)),
        Err(error) => Err(cannot_ask(&error.to_string())),
    }
}

/// Asks on the terminal without echo.
pub async fn hidden(question: String) -> Result<Zeroizing<String>, Failure> {
    if let Ok(terminal) = File::open("/dev/tty")
        && let Ok(before) = tcgetattr(&terminal)
    {
        BEFORE.get_or_init(|| before);
    }
    match tokio::task::spawn_blocking(move || rpassword::prompt_password(question)).await {
        Ok(Ok(answer)) => Ok(Zeroizing::new(answer)),
        Ok(Err(error)) => Err(unread(&error)),
        Err(error) => Err(cannot_ask(&error.to_string())),
    }
}

/// What must not be an argument: from standard input where it is no terminal, else asked for without echo.
pub async fn secret(terminal: bool, what: &str) -> Result<Zeroizing<String>, Failure> {
    if terminal {
        return hidden(format!("{what}: ")).await;
    }
    let what = what.to_owned();
    let read = tokio::task::spawn_blocking(move || {
        let mut text = Zeroizing::new(String::with_capacity(4_096));
        io::Read::take(io::stdin().lock(), 4_096).read_line(&mut text)?;
        Ok::<_, io::Error>(text)
    });
    let text = match read.await {
        Ok(Ok(text)) => text,
        Ok(Err(error)) => return Err(unread(&error)),
        Err(error) => return Err(cannot_ask(&error.to_string())),
    };
    let text = Zeroizing::new(text.trim().to_owned());
    if text.is_empty() {
        return Err(Failure::usage("input.empty", format!("standard input holds no {what}")).changed(NOTHING_SENT));
    }
    Ok(text)
}

fn unread(error: &io::Error) -> Failure {
    if error.kind() == io::ErrorKind::Interrupted {
        return Failure::new(Exit::Interrupted, "interrupted", "interrupted").changed(NOTHING_SENT);
    }
    cannot_ask(&error.to_string())
}

fn cannot_ask(cause: &str) -> Failure {
    Failure::new(Exit::Usage, "input.unreadable", format!("no answer could be read: {cause}")).changed(NOTHING_SENT)
}
