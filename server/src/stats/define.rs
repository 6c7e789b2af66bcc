//! New versions of definitions are put on record.

use std::collections::BTreeMap;

use api::Field;
use api::stats::{DefinitionRow as Listed, RecordDefinitions};
use domain::{Day, Dimension, FigureEntry, Formula, Measure};
use serde_json::json;

use super::ledger::{Entry, InForce, listed, row, was_edited};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::DefinitionRow;

/// Puts the versions that are not on record yet there; one that is may stand in the file as it is.
pub(crate) async fn define(app: &App, caller: &Caller, op: RecordDefinitions) -> Result<Vec<Listed>, Failure> {
    in_order(&op)?;
    let mut tx = app.store.write().await?;
    let known = tx.figure_definitions(Day::MAX).await?;
    let day = tx.recording_time().await?.hk_day();
    let mut versions: BTreeMap<&str, i32> = BTreeMap::new();
    for found in &known {
        versions.insert(&found.id, found.version);
    }
    let mut added: Vec<DefinitionRow> = Vec::new();
    for (place, entry) in op.definitions.figures.iter().enumerate() {
        let new = row(entry, &op.definitions.edition, Some(day), caller.operator.as_str())?;
        match known.iter().find(|found| (found.id.as_str(), found.version) == (new.id.as_str(), new.version)) {
            Some(found) if found.digest == new.digest => continue,
            Some(_) => return Err(was_edited(&entry.id, entry.version)),
            None => {}
        }
        let last = versions.insert(&entry.id, new.version).unwrap_or(0);
        if new.version != last + 1 {
            let message = format!("the next version of '{}' is {}", entry.id, last + 1);
            let path = format!("definitions.figures[{place}].version");
            return Err(Failure::invalid_field("stats.definition", path, message));
        }
        added.push(new);
    }
    fit_together(&op, &known, &added)?;
    let reply = added.iter().map(listed).collect::<Result<Vec<_>, _>>()?;
    if tx.insert_figure_definitions(&added).await? < added.len() as u64 {
        return Err(domain::Refusal::new("store.contended", "somebody else put definitions on record at the same moment").into());
    }
    let ids: Vec<String> = added.iter().map(|row| format!("{} version {}", row.id, row.version)).collect();
    let facts = json!({ "edition": op.definitions.edition, "definitions": ids });
    tx.commit(caller.record(&op).facts(facts), reply).await
}

/// Holds each entry to what it can be by itself.
fn in_order(op: &RecordDefinitions) -> Result<(), Failure> {
    let mut fields = Vec::new();
    for (place, entry) in op.definitions.figures.iter().enumerate() {
        for (path, message) in entry.faults() {
            let path = format!("definitions.figures[{place}].{path}");
            fields.push(Field { path, file: None, line: None, column: None, code: Some("stats.definition".to_owned()), message });
        }
    }
    match fields.first() {
        None => Ok(()),
        Some(first) => Err(Failure::Invalid { code: "stats.definition", message: first.message.clone(), fields }),
    }
}

/// Holds tables to the figures that there will be.
fn fit_together(op: &RecordDefinitions, known: &[DefinitionRow], added: &[DefinitionRow]) -> Result<(), Failure> {
    let mut entries = BTreeMap::new();
    for found in known.iter().chain(added) {
        let definition = listed(found)?.definition;
        entries.insert(found.id.clone(), Entry { definition, digest: found.digest.clone() });
    }
    let will_be = InForce { edition: String::new(), entries };
    for (place, entry) in op.definitions.figures.iter().enumerate() {
        fits(entry, &will_be).map_err(|message| {
            Failure::invalid_field("stats.definition", format!("definitions.figures[{place}].formula.table"), message)
        })?;
    }
    Ok(())
}

/// Whether a table is made of figures that can be broken down so.
///
/// # Errors
/// In words.
pub(super) fn fits(entry: &FigureEntry, known: &InForce) -> Result<(), String> {
    let Formula::Table(table) = &entry.formula else { return Ok(()) };
    for id in &table.figures {
        let Some(figure) = known.get(id) else { return Err(format!("there is no figure '{id}'")) };
        let Formula::Count(count) = &figure.formula else { return Err(format!("'{id}' is not a number that is counted")) };
        let dimensions = [Some(table.by), table.across];
        let of_tier = !count.conditions.tier.is_empty() || dimensions.contains(&Some(Dimension::Tier));
        if count.measure == Measure::Accounts && of_tier && dimensions.contains(&Some(Dimension::Channel)) {
            return Err(
                "accounts of a tier are not told apart by channel: an upgrade is recorded with a channel of its own".to_owned()
            );
        }
        for dimension in dimensions.into_iter().flatten() {
            if !count.measure.knows(dimension) {
                return Err(format!("{} are not told apart by {dimension}", count.measure));
            }
        }
    }
    Ok(())
}
