//! One file of YAML that holds one thing.

use std::path::PathBuf;

use domain::finding::read_checked;
use schemars::JsonSchema;
use serde::de::DeserializeOwned;

use super::{MAX_YAML, Mistake, Text, apart, documents, mistake_of, mistakes_found, sources};
use crate::failure::{Failure, NOTHING_SENT};

/// Reads the file that holds a `kind`: `question`.
///
/// # Errors
/// Everything wrong with its form.
pub async fn read<T: DeserializeOwned + JsonSchema + Send + 'static>(kind: &'static str, file: PathBuf) -> Result<T, Failure> {
    apart(move || read_here(kind, file)).await
}

fn read_here<T: DeserializeOwned + JsonSchema>(kind: &'static str, file: PathBuf) -> Result<T, Failure> {
    let sources = sources(&[file], MAX_YAML)?;
    let [source] = sources.as_slice() else {
        return Err(Failure::usage("file.several", "one file is wanted, not a folder of several").changed(NOTHING_SENT));
    };
    let text = Text::of(source).map_err(|mistake| wrong(kind, vec![*mistake]))?;
    let documents = documents(&text).map_err(|mistakes| wrong(kind, mistakes))?;
    let [document] = documents.as_slice() else {
        let message = format!("{} holds {} documents, one is wanted", text.name, documents.len());
        return Err(Failure::usage(&format!("{kind}.invalid"), message).changed(NOTHING_SENT));
    };
    read_checked::<T>(&document.value)
        .into_result()
        .map_err(|findings| wrong(kind, findings.into_iter().map(|finding| mistake_of(finding, document, &text)).collect()))
}

/// Kinds of file are topics of `iamctl explain`.
fn wrong(kind: &str, mistakes: Vec<Mistake>) -> Failure {
    mistakes_found(kind, 1, mistakes)
        .hint(format!("mend them and give the same command again; 'iamctl explain {kind}' shows the fields"))
}
