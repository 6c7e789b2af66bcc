//! Files that people write: found, read within limits, and checked whole before anything is sent.

mod sources;
mod text;
mod tree;

pub mod lines;
pub mod manifests;
pub mod one;
pub mod population;
pub mod public;
pub mod registrations;
pub mod spooled;
pub mod uses;

pub use sources::{Source, sources, unreadable};
pub use text::Text;
pub use tree::{Document, documents};

use api::{Exit, Field};
use domain::Finding;

use crate::failure::{Failure, Mistake, NOTHING_SENT};

/// The largest file of YAML that is read.
pub const MAX_YAML: u64 = 1024 * 1024;

/// Reads on a thread of its own: standard input may wait for somebody, and an interruption must be heard meanwhile.
///
/// # Errors
/// What the reading says.
pub async fn apart<T: Send + 'static>(read: impl FnOnce() -> Result<T, Failure> + Send + 'static) -> Result<T, Failure> {
    match tokio::task::spawn_blocking(read).await {
        Ok(read) => read,
        Err(error) => Err(Failure::new(Exit::Failed, "internal", error.to_string()).changed(NOTHING_SENT)),
    }
}

/// Everything wrong in some files, as one failure. `kind` is what the files hold: `manifest`.
pub fn mistakes_found(kind: &str, files: usize, mistakes: Vec<Mistake>) -> Failure {
    let count = |number: usize, word: &str| format!("{number} {word}{}", if number == 1 { "" } else { "s" });
    let message = format!("{} in {}", count(mistakes.len(), "mistake"), count(files, "file"));
    let mut failure = Failure::usage(&format!("{kind}.invalid"), message)
        .changed(NOTHING_SENT)
        .hint("mend them and give the same command again");
    failure.mistakes = mistakes;
    failure
}

/// A finding of the rules, with its place in the document.
pub fn mistake_of(finding: Finding, document: &Document, text: &Text) -> Mistake {
    let place = document.place_of(&finding.path, finding.code);
    Mistake {
        field: Field {
            path: finding.path,
            file: Some(text.name.clone()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            code: Some(finding.code.to_owned()),
            message: finding.message,
        },
        hint: finding.hint,
        snippet: place.and_then(|place| text.snippet(place)),
    }
}
