//! The ledger of figures: which definitions are in force, and how those that come with the software get on record.
//!
//! Invariant: what is on record is never changed; what a report uses was on record by the day that it is known at.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use api::stats::{DefinitionRow as Listed, ListDefinitions};
use domain::{Day, Definitions, FigureEntry, Refusal};
use serde_json::json;

use super::digest::{canonical, hex};
use super::question;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{DefinitionRow, Housekeeping, Read, StoreError};

/// Who recorded what came with the software.
const SYSTEM: &str = "system";

/// The definitions that come with the software.
///
/// # Errors
/// When the file that is compiled in cannot be read; a test reads it.
pub fn built_in() -> anyhow::Result<&'static Definitions> {
    static DEFINITIONS: OnceLock<Result<Definitions, String>> = OnceLock::new();
    DEFINITIONS
        .get_or_init(|| {
            // By way of JSON, in which a formula is named by its member.
            let value: serde_json::Value = serde_yaml::from_str(domain::ledger::BUILT_IN).map_err(|error| error.to_string())?;
            serde_json::from_value(value).map_err(|error| error.to_string())
        })
        .as_ref()
        .map_err(|error| anyhow::anyhow!("the definitions of figures cannot be read: {error}"))
}

/// A version as a row.
///
/// # Errors
/// When it cannot be written as JSON.
pub(super) fn row(entry: &FigureEntry, edition: &str, day: Option<Day>, operator: &str) -> anyhow::Result<DefinitionRow> {
    let definition = canonical(&serde_json::to_value(entry)?)?;
    Ok(DefinitionRow {
        id: entry.id.clone(),
        version: entry.version.try_into()?,
        edition: edition.to_owned(),
        recorded_day: day.map(Day::number),
        digest: hex(&definition),
        definition,
        operator: operator.to_owned(),
    })
}

/// What a new instance begins with: as if it had always been there.
///
/// # Errors
/// When the definitions that come with the software cannot be read.
pub fn first_rows() -> anyhow::Result<Vec<DefinitionRow>> {
    let definitions = built_in()?;
    definitions.figures.iter().map(|entry| row(entry, &definitions.edition, None, SYSTEM)).collect()
}

/// Puts on record what this version of the software brings and the instance does not have. An instance that has none gets all as
/// if they had always been there; otherwise they hold from today on.
///
/// # Errors
/// When the database cannot be reached.
pub async fn keep(app: &App) -> anyhow::Result<()> {
    let known = app.store.read().await?.figure_definitions(Day::MAX).await?;
    for id in edited(&known)? {
        tracing::warn!(definition = id, "a definition of this software differs from the one on record, which stays in use");
    }
    let mut missing = first_rows()?;
    missing.retain(|row| !known.iter().any(|found| (&found.id, found.version) == (&row.id, row.version)));
    if missing.is_empty() {
        return Ok(());
    }
    let mut tx = app.store.write().await?;
    let day = tx.recording_time().await?.hk_day();
    if !known.is_empty() {
        missing.iter_mut().for_each(|row| row.recorded_day = Some(day.number()));
    }
    // Another node that starts at the same moment may have been faster.
    if tx.insert_figure_definitions(&missing).await? == 0 {
        tx.rollback().await?;
        return Ok(());
    }
    let ids: Vec<String> = missing.iter().map(|row| format!("{} version {}", row.id, row.version)).collect();
    let subject = built_in()?.edition.clone();
    tx.commit_housekeeping(Housekeeping::Step { action: "stats.define", subject, facts: json!({ "definitions": ids }) }).await?;
    Ok(())
}

/// The definitions of this software that differ from the same version on record.
///
/// # Errors
/// When the definitions that come with the software cannot be read.
pub fn edited(known: &[DefinitionRow]) -> anyhow::Result<Vec<String>> {
    let differs = |row: &DefinitionRow| {
        known.iter().any(|found| (&found.id, found.version) == (&row.id, row.version) && found.digest != row.digest)
    };
    Ok(first_rows()?.into_iter().filter(differs).map(|row| format!("{} version {}", row.id, row.version)).collect())
}

/// A definition that is in force, and the digest of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The definition.
    pub definition: FigureEntry,
    /// SHA-256 over its canonical JSON, lower-case hex.
    pub digest: String,
}

/// The definitions that a report as known on a day goes by: of each id the newest version that was on record by then.
#[derive(Debug, Clone, PartialEq)]
pub struct InForce {
    /// The newest edition of them, e.g. `2022-1`.
    pub edition: String,
    /// By id.
    pub entries: BTreeMap<String, Entry>,
}

impl InForce {
    /// Out of a snapshot.
    ///
    /// # Errors
    /// When the database cannot be reached, or holds what is no definition.
    pub async fn load(read: &mut Read, known_at: Day) -> Result<Self, StoreError> {
        Self::of(&read.figure_definitions(known_at).await?)
    }

    /// Out of rows by id and version.
    pub(super) fn of(rows: &[DefinitionRow]) -> Result<Self, StoreError> {
        let mut entries = BTreeMap::new();
        for row in rows {
            entries.insert(row.id.clone(), Entry { definition: definition(row)?, digest: row.digest.clone() });
        }
        // That of what was recorded last; of the first ones, there is one.
        let newest = rows.iter().max_by_key(|row| row.recorded_day);
        Ok(Self { edition: newest.map_or_else(String::new, |row| row.edition.clone()), entries })
    }

    /// The definition of that id.
    #[must_use]
    pub fn get(&self, id: &str) -> Option<&FigureEntry> {
        self.entries.get(id).map(|entry| &entry.definition)
    }
}

fn definition(row: &DefinitionRow) -> Result<FigureEntry, StoreError> {
    serde_json::from_str(&row.definition)
        .map_err(|error| StoreError::Broken(anyhow::anyhow!("the definition of '{}' cannot be read: {error}", row.id)))
}

/// As the operations list it.
pub(super) fn listed(row: &DefinitionRow) -> Result<Listed, StoreError> {
    Ok(Listed {
        definition: definition(row)?,
        edition: row.edition.clone(),
        recorded: row.recorded_day.map(Day::from_number),
        digest: row.digest.clone(),
    })
}

/// All versions, or those that are in force in a report as known on a day.
pub(crate) async fn list(app: &App, _: &Caller, op: ListDefinitions) -> Result<Vec<Listed>, Failure> {
    question::known_at(op.known_at, app.clock.now().hk_day())?;
    let rows = app.store.read().await?.figure_definitions(op.known_at.unwrap_or(Day::MAX)).await?;
    let mut listed = rows.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    if op.known_at.is_some() {
        let newest: BTreeMap<_, _> = listed.drain(..).map(|row| (row.definition.id.clone(), row)).collect();
        listed = newest.into_values().collect();
    }
    Ok(listed)
}

/// What an edited definition is answered.
pub(super) fn was_edited(id: &str, version: u32) -> Failure {
    let message = format!("definition '{id}' version {version} was edited after it was put on record");
    let hint = format!("give it version {}; reports as known before today keep the one on record", version + 1);
    Failure::Conflict(Refusal::new("stats.definition-edited", message).hint(hint))
}

#[cfg(test)]
mod tests {
    use domain::Formula;

    use super::*;

    #[test]
    fn what_comes_with_the_software_is_in_order() {
        let definitions = built_in().unwrap();
        let known = InForce::of(&first_rows().unwrap()).unwrap();
        assert_eq!((known.edition.as_str(), known.entries.len()), ("2022-1", definitions.figures.len()), "no id stands twice");
        for entry in &definitions.figures {
            assert_eq!(entry.faults(), [], "{}", entry.id);
            assert!(super::super::define::fits(entry, &known).is_ok(), "{}", entry.id);
            // A sentence ends; a reason stands within one.
            assert!(entry.meaning.en.ends_with('.') && entry.meaning.zh_hant.ends_with('。'), "{}", entry.id);
            if let Formula::Unavailable(because) = &entry.formula {
                assert!(!because.en.ends_with('.') && !because.zh_hant.ends_with('。'), "{}", entry.id);
            }
        }
    }

    #[test]
    fn the_newest_version_on_record_is_in_force() {
        let mut rows = first_rows().unwrap();
        let mut second = rows[0].clone();
        let mut entry = definition(&second).unwrap();
        entry.version = 2;
        (second.version, second.edition, second.recorded_day) = (2, "2022-2".to_owned(), Some(19_000));
        second.definition = canonical(&serde_json::to_value(&entry).unwrap()).unwrap();
        rows.insert(1, second);
        let known = InForce::of(&rows).unwrap();
        assert_eq!((known.edition.as_str(), known.get(&rows[0].id).unwrap().version), ("2022-2", 2));
        assert_eq!(InForce::of(&[]).unwrap().entries.len(), 0);
    }

    #[test]
    fn an_edited_definition_is_found() {
        let mut rows = first_rows().unwrap();
        assert_eq!(edited(&rows).unwrap(), Vec::<String>::new());
        rows[0].digest = "0".repeat(64);
        assert_eq!(edited(&rows).unwrap(), [format!("{} version 1", rows[0].id)]);
    }
}
