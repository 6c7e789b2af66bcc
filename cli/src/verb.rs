//! How every verb is run: columns are checked before anything is sent, an interruption is told, the reply is printed.

use std::io::{self, BufWriter, Write};

use api::Exit;
use clap::ValueEnum;
use client::Tabular;

use crate::failure::{Failure, NOTHING_SENT, UNKNOWN};
use crate::flags::Format;
use crate::output::{self, Answer, Body, Broken, Columns, Look, Style};
use crate::session::Session;

/// A command. It returns a reply; printing is not its business.
pub trait Verb {
    /// What its reply is made of.
    type Row: Tabular;
    /// The format where none is asked for and nobody watches.
    const UNWATCHED: Format = Format::Table;
    /// How it comes to its end.
    const ENDS: Ends = Ends::ByItself;
    /// The documents that it can be printed as; only reports can.
    const DOCUMENTS: &'static [Format] = &[];

    /// Does it.
    fn run(self, session: &Session) -> impl Future<Output = Result<Answer<Self::Row>, Failure>>;
}

/// How a command comes to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ends {
    /// By itself: an interruption is told.
    ByItself,
    /// When it is interrupted, as its help says: there is nothing to tell.
    WhenInterrupted,
}

/// Runs a verb from its flags to its exit code.
pub async fn perform<V: Verb>(verb: V, session: &Session) -> Exit {
    let format = session.flags.output.unwrap_or(if session.terminal.output { Format::Table } else { V::UNWATCHED });
    let style = Style {
        format,
        columns: session.flags.columns.clone(),
        bom: session.flags.bom,
        look: Look::of_output(session.flags.color, session.terminal),
    };
    let done = tokio::select! {
        done = carry_out(verb, session, &style) => done,
        _ = tokio::signal::ctrl_c() => match V::ENDS {
            Ends::ByItself => Err(interrupted(session)),
            Ends::WhenInterrupted => Ok(Exit::Interrupted),
        },
    };
    match done {
        Ok(exit) => exit,
        Err(failure) => {
            tell(session, &failure);
            failure.exit
        }
    }
}

async fn carry_out<V: Verb>(verb: V, session: &Session, style: &Style) -> Result<Exit, Failure> {
    if style.columns == ["help"] {
        let style = Style { columns: Vec::new(), ..style.clone() };
        return put_out(Answer::list(Columns::<V::Row>::described()), session, &style).await;
    }
    Columns::<V::Row>::chosen(style)?;
    if style.format == Format::Ics && V::Row::EVENT.is_none() {
        return Err(no_calendar());
    }
    if style.format.is_document() && !V::DOCUMENTS.contains(&style.format) {
        return Err(no_document(V::DOCUMENTS));
    }
    let answer = verb.run(session).await?;
    put_out(answer, session, style).await
}

async fn put_out<T: Tabular>(answer: Answer<T>, session: &Session, style: &Style) -> Result<Exit, Failure> {
    let nothing =
        matches!(&answer.body, Body::List(items) if items.is_empty()) && matches!(style.format, Format::Table | Format::Wide);
    let live = matches!(answer.body, Body::Live(_));
    let mut to = BufWriter::new(io::stdout().lock());
    let printed = tokio::select! {
        printed = output::print(answer.body, style, &mut to) => printed,
        () = output::reader_gone(), if live => Err(Broken::Pipe),
    };
    let printed = match printed {
        Ok(()) => to.flush().map_err(Broken::from),
        Err(broken) => {
            // What came before the break is data all the same.
            let _ = to.flush();
            Err(broken)
        }
    };
    match printed {
        // Whoever reads has seen enough: `iamctl audit list | head`.
        Err(Broken::Pipe) => return Ok(answer.exit),
        Err(Broken::Failed(failure)) => return Err(failure),
        Ok(()) => {}
    }
    if nothing {
        session.hint("none");
    }
    answer.told.iter().for_each(|text| session.hint(text));
    Ok(answer.exit)
}

/// Asked for before anything is sent: a write would be done and could not be shown.
fn no_calendar() -> Failure {
    Failure::usage("usage.no-calendar", "'-o ics' is for replies that have days, and this command's has none")
        .changed(NOTHING_SENT)
        .hint("'iamctl key calendar -o ics' makes a calendar; '-o json' suits every command")
}

/// Asked for before anything is sent, for the same reason.
fn no_document(documents: &[Format]) -> Failure {
    let words: Vec<String> =
        documents.iter().filter_map(|format| Some(format.to_possible_value()?.get_name().to_owned())).collect();
    let failure =
        Failure::usage("usage.no-document", "this command's reply cannot be printed as such a document").changed(NOTHING_SENT);
    if words.is_empty() {
        failure.hint("'iamctl stats legco' makes text, html, pdf and xlsx; '-o json' suits every command")
    } else {
        failure.hint(format!("it can be printed as {}", words.join(", ")))
    }
}

fn interrupted(session: &Session) -> Failure {
    crate::prompt::restore_terminal();
    let failure = Failure::new(Exit::Interrupted, "interrupted", "interrupted");
    match session.under_way() {
        Some(under_way) => {
            let mut failure = failure.changed(UNKNOWN).hint(under_way.repeat);
            failure.message = format!("interrupted; NOT CONFIRMED: '{}' was sent and not answered", under_way.operation);
            failure.retryable = true;
            failure
        }
        None => match session.going_on() {
            Some(what) => failure.hint(what),
            None => failure,
        },
    }
}

/// Tells a failure on standard error, in the format that was asked for.
pub fn tell(session: &Session, failure: &Failure) {
    let look = Look::of_error(session.flags.color, session.terminal);
    // Where standard error is closed there is nobody to tell it to.
    let _ = output::tell_failure(&mut io::stderr().lock(), failure, session.flags.output, look);
}
