//! Manifests of relying parties: every mistake of every file is found before anything is sent.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use api::Field;
use api::relying_party::MAX_MANIFESTS;
use domain::{Environment, Manifest};
use pki::party_key::{LARGEST_CERTIFICATE, read_certificate_file};
use serde_json::Value;
use zeroize::Zeroizing;

use super::public::{LARGEST_TOLD, key_set};
use super::{Document, MAX_YAML, Text, apart, documents, mistake_of, mistakes_found, sources};
use crate::failure::{Failure, Mistake, NOTHING_SENT};

/// Manifests that are right in themselves, and where each part of them stands.
#[derive(Debug)]
pub struct Manifests {
    /// The manifests, in the order of the files.
    pub manifests: Vec<Manifest>,
    origins: Vec<(Arc<Text>, Document)>,
}

impl Manifests {
    /// Of what the server found, which knows a manifest by its number, says the file and the place.
    #[must_use]
    pub fn located(&self, mut failure: Failure) -> Failure {
        for mistake in &mut failure.mistakes {
            let Some((number, path)) = mistake.field.path.strip_prefix("manifests[").and_then(|rest| rest.split_once(']')) else {
                continue;
            };
            let Some((text, document)) = number.parse().ok().and_then(|number: usize| self.origins.get(number)) else { continue };
            let path = path.trim_start_matches('.').to_owned();
            let place = document.place_of(&path, mistake.field.code.as_deref().unwrap_or_default());
            mistake.field.file = Some(text.name.clone());
            mistake.field.line = place.map(|place| place.line);
            mistake.field.column = place.map(|place| place.column);
            mistake.snippet = place.and_then(|place| text.snippet(place));
            mistake.field.path = path;
        }
        failure
    }
}

/// Reads and checks the manifests that `-f` names.
///
/// # Errors
/// Everything wrong in all of the files.
pub async fn read(named: Vec<PathBuf>, environment: Environment) -> Result<Manifests, Failure> {
    apart(move || read_here(&named, environment)).await
}

fn read_here(named: &[PathBuf], environment: Environment) -> Result<Manifests, Failure> {
    let sources = sources(named, MAX_YAML)?;
    let files = sources.len();
    let (mut manifests, mut origins) = (Vec::new(), Vec::new());
    let mut mistakes = Vec::new();
    let mut seen: HashMap<String, String> = HashMap::new();
    for source in &sources {
        let text = match Text::of(source) {
            Ok(text) => Arc::new(text),
            Err(mistake) => {
                mistakes.push(*mistake);
                continue;
            }
        };
        match documents(&text) {
            Ok(documents) if documents.is_empty() => mistakes.push(empty(&text)),
            Ok(documents) => {
                for mut document in documents {
                    mistakes.extend(repeated(&document, &text, &mut seen));
                    mistakes.extend(take_in_credentials(&mut document, &text, &source.folder));
                    match Manifest::read(&document.value, environment) {
                        Ok(manifest) => {
                            manifests.push(manifest);
                            origins.push((Arc::clone(&text), document));
                        }
                        Err(findings) => {
                            mistakes.extend(findings.into_iter().map(|finding| mistake_of(finding, &document, &text)));
                        }
                    }
                }
            }
            Err(found) => mistakes.extend(found),
        }
    }
    if !mistakes.is_empty() {
        return Err(mistakes_found("manifest", files, mistakes));
    }
    if manifests.len() > MAX_MANIFESTS {
        return Err(Failure::usage(
            "manifest.too-many",
            format!("{} manifests are more than the {MAX_MANIFESTS} that one command takes", manifests.len()),
        )
        .changed(NOTHING_SENT)
        .hint("give them in several commands"));
    }
    Ok(Manifests { manifests, origins })
}

fn empty(text: &Text) -> Mistake {
    Mistake {
        field: Field {
            path: String::new(),
            file: Some(text.name.clone()),
            line: None,
            column: None,
            code: Some("manifest.empty".into()),
            message: "the file holds no manifest".into(),
        },
        hint: Some("a manifest begins with 'apiVersion: iam/v1'; 'iamctl explain manifest' shows its fields".into()),
        snippet: None,
    }
}

/// The same party twice: told at its second place.
fn repeated(document: &Document, text: &Text, seen: &mut HashMap<String, String>) -> Option<Mistake> {
    let id = document.value.get("id")?.as_str()?;
    let place = document.value_place("id")?;
    let Some(first) = seen.get(id) else {
        seen.insert(id.to_owned(), format!("{}:{}", text.name, place.line));
        return None;
    };
    Some(Mistake {
        field: Field {
            path: "id".into(),
            file: Some(text.name.clone()),
            line: Some(place.line),
            column: Some(place.column),
            code: Some("manifest.duplicate-id".into()),
            message: format!("the party '{id}' stands twice; first in {first}"),
        },
        hint: Some("one party has one manifest".into()),
        snippet: text.snippet(place),
    })
}

/// Puts the content of the files that credentials name into the document: the server reads no files of ours.
fn take_in_credentials(document: &mut Document, text: &Text, folder: &Path) -> Vec<Mistake> {
    let mut mistakes = Vec::new();
    let count = document.value.get("credentials").and_then(Value::as_array).map_or(0, Vec::len);
    for number in 0..count {
        let Some(credential) = document.value.pointer(&format!("/credentials/{number}")) else { continue };
        let (Some(file), Some(kind)) =
            (credential.get("file").and_then(Value::as_str), credential.get("kind").and_then(Value::as_str))
        else {
            continue;
        };
        if credential.get("jwks").is_some() || credential.get("certificate").is_some() || file.trim().is_empty() {
            continue;
        }
        let content = content_of(&folder.join(file), kind);
        match content {
            Ok(Some((field, value))) => {
                if let Some(Value::Object(credential)) = document.value.pointer_mut(&format!("/credentials/{number}")) {
                    credential.insert(field.to_owned(), value);
                }
            }
            Ok(None) => {}
            Err((code, message)) => {
                let path = format!("credentials[{number}].file");
                let place = document.value_place(&path);
                mistakes.push(Mistake {
                    field: Field {
                        path,
                        file: Some(text.name.clone()),
                        line: place.map(|place| place.line),
                        column: place.map(|place| place.column),
                        code: Some(code.to_owned()),
                        message,
                    },
                    hint: Some(match code {
                        "credential.file" => "the name is relative to the manifest".to_owned(),
                        code => api::codes::explained(code).map(|entry| entry.mend.to_owned()).unwrap_or_default(),
                    }),
                    snippet: place.and_then(|place| text.snippet(place)),
                });
            }
        }
    }
    mistakes
}

/// The field that a credential's content goes into, and the content; nothing for a kind that is not known, which is found
/// elsewhere.
fn content_of(path: &Path, kind: &str) -> Result<Option<(&'static str, Value)>, (&'static str, String)> {
    let fault = |message: String| ("credential.file", message);
    let read = |limit: usize| client::files::read(path, limit as u64).map_err(|it| fault(it.to_string()));
    match kind {
        "jwks" => {
            let bytes = Zeroizing::new(read(LARGEST_TOLD)?);
            Ok(Some(("jwks", key_set(&path.display().to_string(), &bytes)?)))
        }
        "certificate" => {
            let bytes = Zeroizing::new(read(LARGEST_CERTIFICATE)?);
            let read = read_certificate_file("", &bytes);
            let certificate = read.map_err(|finding| (finding.code, format!("{}: {}", path.display(), finding.message)))?;
            Ok(Some(("certificate", Value::String(certificate.pem))))
        }
        _ => Ok(None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    const GOOD: &str = "\
apiVersion: iam/v1
kind: RelyingParty
id: inland-revenue-department
organisation: { en: Inland Revenue Department, zh-Hant: 稅務局 }
sector: government
contact: { name: eTAX duty officer, email: etax@ird.example }
services:
  - id: etax
    name: { en: eTAX, zh-Hant: 稅務易 }
    category: other-public-services
    functions: [authentication]
    redirectUris: [https://etax.ird.example/callback]
    since: 2020-12-29
credentials:
  - kind: jwks
    file: keys.json
";
    const JWKS: &str = r#"{"keys":[{"kty":"EC","crv":"P-256","x":"VS34-dxpQ4Fa1VLzV0Y94gql-AqmKW_fx1uPyegh3_k","y":"qZ9zPbCPVd9c-lmwtpjy4nWRk6lNV7fzQZGl-hr6X1Q"}]}"#;

    fn read_files(files: &[(&str, &str)]) -> Result<Manifests, Failure> {
        let folder = tempfile::tempdir().unwrap();
        for (name, text) in files {
            fs::write(folder.path().join(name), text).unwrap();
        }
        read_here(&[folder.path().to_owned()], Environment::Sandbox)
    }

    fn told(failure: &Failure) -> Vec<(String, Option<u64>, String)> {
        failure
            .mistakes
            .iter()
            .map(|mistake| {
                let file = mistake.field.file.clone().unwrap_or_default();
                (
                    file.rsplit('/').next().unwrap_or_default().to_owned(),
                    mistake.field.line,
                    mistake.field.code.clone().unwrap_or_default(),
                )
            })
            .collect()
    }

    #[test]
    fn a_good_manifest_carries_the_keys_it_names() {
        let manifests = read_files(&[("a.yaml", GOOD), ("keys.json", JWKS)]).unwrap();
        assert_eq!(manifests.manifests.len(), 1);
        assert!(manifests.manifests[0].credentials[0].jwks.is_some());
    }

    #[test]
    fn every_mistake_of_every_file_is_told_with_its_line() {
        let mut second = GOOD.replace("inland-revenue-department", "transport-department").replace("redirectUris", "redirectUri");
        second =
            second.replace("category: other-public-services", "category: publik-transport").replace("keys.json", "absent.json");
        let third = GOOD.replace("https://etax", "http://etax").replace("callback]", "callback#x, https://*.ird.example/]");
        let failure = read_files(&[
            ("a.yaml", GOOD),
            ("b.yaml", &second),
            ("c.yaml", &third),
            ("d.yaml", "a: 1\na: 2\n"),
            ("keys.json", JWKS),
        ])
        .unwrap_err();
        let told = told(&failure);
        for wanted in [
            ("b.yaml", 10, "field.word"),
            ("b.yaml", 12, "field.unknown"),
            ("b.yaml", 16, "credential.file"),
            ("c.yaml", 3, "manifest.duplicate-id"),
            ("d.yaml", 2, "yaml.duplicate-key"),
        ] {
            assert!(told.contains(&(wanted.0.into(), Some(wanted.1), wanted.2.into())), "{wanted:?} in {told:#?}");
        }
        assert_eq!(told.iter().filter(|(file, line, _)| file == "c.yaml" && *line == Some(12)).count(), 2, "{told:#?}");
        assert_eq!(failure.exit, api::Exit::Usage);
        assert_eq!(failure.changed.as_deref(), Some(NOTHING_SENT));
    }

    #[test]
    fn a_private_key_is_refused_and_not_repeated() {
        let jwks = JWKS.replace(r#""kty""#, r#""d":"SECRETSECRET","kty""#);
        let failure = read_files(&[("a.yaml", GOOD), ("keys.json", &jwks)]).unwrap_err();
        assert_eq!(told(&failure), [("a.yaml".to_owned(), Some(16), "credential.private-key".to_owned())]);
        assert!(!format!("{failure:?}").contains("SECRETSECRET"));
    }

    #[test]
    fn a_file_of_another_encoding_and_an_empty_one_are_told() {
        let failure = read_files(&[("empty.yaml", "# nothing\n")]).unwrap_err();
        assert_eq!(told(&failure)[0].2, "manifest.empty");
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("big5.yaml"), b"id: x\nname: \xb5\x7c\n").unwrap();
        let failure = read_here(&[folder.path().to_owned()], Environment::Sandbox).unwrap_err();
        assert_eq!(told(&failure), [("big5.yaml".to_owned(), Some(2), "file.encoding".to_owned())]);
    }

    #[test]
    fn several_documents_and_a_byte_order_mark_are_taken() {
        let second = GOOD.replace("inland-revenue-department", "transport-department");
        let both = format!("\u{feff}{}---\r\n{}", GOOD.replace('\n', "\r\n"), second.replace('\n', "\r\n"));
        assert_eq!(read_files(&[("a.yaml", &both), ("keys.json", JWKS)]).unwrap().manifests.len(), 2);
    }

    #[test]
    fn what_the_server_finds_is_told_with_file_and_line() {
        let second = GOOD.replace("inland-revenue-department", "transport-department");
        let read = read_files(&[("a.yaml", GOOD), ("b.yaml", &second), ("keys.json", JWKS)]).unwrap();
        let mut failure = Failure::new(api::Exit::Usage, "name.confusable", "1 mistake");
        failure.mistakes.push(Mistake {
            field: Field {
                path: "manifests[1].organisation.en".into(),
                file: None,
                line: None,
                column: None,
                code: Some("name.confusable".into()),
                message: "the name can be taken for another party's".into(),
            },
            hint: None,
            snippet: None,
        });
        let failure = read.located(failure);
        assert_eq!(told(&failure), [("b.yaml".to_owned(), Some(4), "name.confusable".to_owned())]);
        assert_eq!(failure.mistakes[0].field.column, Some(21));
        assert_eq!(failure.mistakes[0].field.path, "organisation.en");
    }
}
