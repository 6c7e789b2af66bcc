//! What a reader of the reply must know besides the figures. Nothing here asks the clock.

use api::stats::{LegcoNote, View};
use domain::{Beside, Bilingual, Day, Environment, Formula, spaced};

use super::definitions::categories;
use super::figure::date;
use super::ledger::InForce;
use super::words::{Word, say};

/// What a reply is of.
pub struct About {
    /// Sandbox or production.
    pub environment: Environment,
    /// Events up to the end of this day.
    pub as_at: Day,
    /// As recorded up to the end of this day.
    pub known_at: Day,
    /// For whose eyes.
    pub view: View,
    /// Below how many a cell is left out.
    pub threshold: u64,
    /// How many cells were left out.
    pub left_out: usize,
    /// Whether there are tables.
    pub tables: bool,
}

/// What the same days and the same counters always come with.
///
/// # Errors
/// When words are missing.
pub fn notes(about: &About, ledger: &InForce, used: &[String]) -> anyhow::Result<Vec<LegcoNote>> {
    let note = |id: &str, variables: &[(&'static str, Word)]| {
        Ok::<_, anyhow::Error>(LegcoNote { id: id.to_owned(), text: say(&format!("note-{id}"), variables)? })
    };
    let About { as_at, known_at, .. } = *about;
    let within_month = as_at != as_at.month().last_day();
    let mut notes = Vec::new();
    if about.environment == Environment::Sandbox {
        notes.push(note("synthetic-data", &[])?);
    }
    if about.view == View::Auditor {
        notes.push(note("auditors-view", &[])?);
    }
    if within_month {
        let month = Bilingual { en: as_at.month().english(), zh_hant: as_at.month().chinese() };
        notes.push(note("month-not-ended", &[("month", month.into()), ("to", date(as_at))])?);
    }
    if known_at < as_at {
        notes.push(note("known-before-as-at", &[("known", date(known_at))])?);
    }
    let formulas = || used.iter().filter_map(|id| ledger.get(id));
    let planned =
        formulas().any(|entry| matches!(&entry.formula, Formula::Table(table) if table.beside.contains(&Beside::Planned)));
    if planned {
        let catalogue = categories()?;
        let stated = catalogue.planned.wording.clone();
        notes
            .push(note("planned", &[("sum", u64::from(catalogue.planned_sum()).to_string().into()), ("stated", stated.into())])?);
    }
    let mut grains: Vec<(String, String)> = Vec::new();
    for entry in formulas() {
        if let Formula::Count(count) = &entry.formula
            && let Some(rounding) = count.rounding
        {
            let grain = spaced(rounding.grain);
            grains.push((format!("{} to {grain}", entry.name.en), format!("{}以{grain}為單位", entry.name.zh_hant)));
        }
    }
    if !grains.is_empty() {
        let (en, zh): (Vec<String>, Vec<String>) = grains.into_iter().unzip();
        notes.push(note("rounding", &[("grains", Bilingual { en: en.join(", "), zh_hant: zh.join("，") }.into())])?);
    }
    if about.view == View::Published && about.tables {
        let cells = u64::try_from(about.left_out)?;
        notes.push(note("disclosure", &[("threshold", about.threshold.to_string().into()), ("cells", cells.into())])?);
        if within_month {
            notes.push(note("within-month", &[("threshold", about.threshold.to_string().into())])?);
        }
    }
    Ok(notes)
}
