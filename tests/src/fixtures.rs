//! The project's own fixtures, as the command line sends them.

use std::path::{Path, PathBuf};

use domain::Manifest;
use serde_json::{Value, json};

/// A file under `fixtures/`.
#[must_use]
pub fn path(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../fixtures").join(name)
}

/// Every manifest of `fixtures/relying-parties`, by file, with the key sets that they name read in.
///
/// # Panics
/// When one cannot be read.
#[must_use]
pub fn parties() -> Vec<Manifest> {
    let folder = path("relying-parties");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    files.retain(|file| file.extension().is_some_and(|extension| extension == "yaml"));
    files.sort();
    files
        .iter()
        .map(|file| {
            let mut manifest: Value = serde_yaml::from_str(&std::fs::read_to_string(file).unwrap()).unwrap();
            for credential in manifest["credentials"].as_array_mut().into_iter().flatten() {
                let keys = std::fs::read(folder.join(credential["file"].as_str().unwrap())).unwrap();
                credential["jwks"] = serde_json::from_slice(&keys).unwrap();
            }
            serde_json::from_value(manifest).unwrap()
        })
        .collect()
}

/// One manifest of `fixtures/relying-parties`.
///
/// # Panics
/// When there is none of that party.
#[must_use]
pub fn party(id: &str) -> Manifest {
    parties().into_iter().find(|manifest| manifest.id.as_str() == id).unwrap()
}

/// A party of a test's own, with one service and no credentials.
///
/// # Panics
/// When the id is none.
#[must_use]
pub fn made_up(id: &str, name_en: &str, name_zh_hant: &str) -> Manifest {
    serde_json::from_value(json!({
        "apiVersion": "iam/v1",
        "kind": "RelyingParty",
        "id": id,
        "organisation": { "en": name_en, "zh-Hant": name_zh_hant },
        "sector": "government",
        "contact": { "name": "duty officer", "email": "duty@office.example" },
        "services": [{
            "id": "enquiry",
            "name": { "en": "Enquiry", "zh-Hant": "查詢" },
            "category": "public-enquiries",
            "functions": ["authentication"],
            "redirectUris": [format!("https://{id}.example/callback")],
            "since": "2021-03-01"
        }]
    }))
    .unwrap()
}

/// Lines of an import, all of them new people.
///
/// # Panics
/// When there are no numbers for so many.
#[must_use]
pub fn registrations(count: u32) -> String {
    let mut text = String::new();
    for number in 0..count {
        let hkic = domain::Hkic::synthetic(number).unwrap();
        let row = json!({
            "hkic": hkic.expose(), "name": { "en": "CHAN TAI MAN", "zh-Hant": "陳大文" }, "sex": "M", "birth_date": "1990-01-31",
            "card_issued": "2019-05-01", "phone": format!("+8529{number:07}"), "tier": "iam-smart-plus", "channel": "kiosk",
            "location": "harbour-road-sports-centre", "registered_at": "2021-03-04T10:00:00+08:00",
        });
        text.push_str(&row.to_string());
        text.push('\n');
    }
    text
}
