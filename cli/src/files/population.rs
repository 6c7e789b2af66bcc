//! The description of a synthetic population.

use std::path::PathBuf;

use domain::Population;
use domain::finding::read_checked;

use super::{MAX_YAML, Text, apart, documents, mistake_of, mistakes_found, sources};
use crate::failure::{Failure, NOTHING_SENT};

/// Reads and checks the description that `-f` names.
///
/// # Errors
/// Everything wrong in it.
pub async fn read(file: PathBuf) -> Result<Population, Failure> {
    apart(move || read_here(file)).await
}

fn read_here(file: PathBuf) -> Result<Population, Failure> {
    let sources = sources(&[file], MAX_YAML)?;
    let [source] = sources.as_slice() else {
        return Err(Failure::usage("file.several", "one file is wanted, not a folder of several").changed(NOTHING_SENT));
    };
    let text = Text::of(source).map_err(|mistake| mistakes_found("population", 1, vec![*mistake]))?;
    let documents = documents(&text).map_err(|mistakes| mistakes_found("population", 1, mistakes))?;
    let [document] = documents.as_slice() else {
        return Err(Failure::usage(
            "population.invalid",
            format!("{} holds {} documents, one is wanted", text.name, documents.len()),
        )
        .changed(NOTHING_SENT));
    };
    let reading = read_checked::<Population>(&document.value);
    let more: Vec<_> = reading.value.as_ref().map(Population::findings).unwrap_or_default();
    let more: Vec<_> = more.into_iter().filter(|finding| !reading.covers(&finding.path)).collect();
    match reading.into_result() {
        Ok(population) if more.is_empty() => Ok(population),
        Ok(_) => Err(more),
        Err(findings) => Err(findings.into_iter().chain(more).collect()),
    }
    .map_err(|findings| {
        mistakes_found("population", 1, findings.into_iter().map(|finding| mistake_of(finding, document, &text)).collect())
    })
}
