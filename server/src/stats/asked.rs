//! What a question asks for, held to what there is.

use api::stats::{Asked, QuestionPart};
use domain::text::suggest;
use domain::{Bilingual, Day, Formula, LAUNCH, Month};

use super::facts::Needs;
use super::ledger::InForce;
use super::outside::Outside;
use crate::failure::Failure;

/// The parts of the reply of mid-2022, when no question says otherwise.
#[must_use]
pub fn standing() -> Vec<QuestionPart> {
    let figure = |id: &str| Asked::Figure(id.to_owned());
    let table = |id: &str| Asked::Table(id.to_owned());
    let part = |answers| QuestionPart { asks: Bilingual { en: String::new(), zh_hant: String::new() }, from: None, answers };
    vec![
        part(vec![figure("accounts.registered"), figure("accounts.registered.plus")]),
        part(vec![figure("services.accessible"), table("by-sector"), table("by-category")]),
        part(vec![figure("usage.total"), figure("usage.private"), table("frequently-used")]),
    ]
}

/// Holds every id of a question to the ledger and to the numbers that it brings.
///
/// # Errors
/// `stats.unknown-figure` with the place in the question and, where one is near enough, the id that was most likely meant.
/// `stats.month-before-launch` and `stats.months-order` when a part begins where nothing can be counted.
pub fn known(parts: &[QuestionPart], as_at: Day, ledger: &InForce, outside: &Outside) -> Result<(), Failure> {
    if parts.len() > 64 || parts.iter().any(|part| part.answers.len() > 64) {
        return Err(Failure::invalid_field(
            "stats.unknown-figure",
            "question.parts",
            "a question has at most 64 parts of 64 answers",
        ));
    }
    for (place, part) in parts.iter().enumerate() {
        if let Some(from) = part.from {
            begins(from, as_at, &format!("question.parts[{place}].from"))?;
        }
        for (answer, asked) in part.answers.iter().enumerate() {
            let path = format!("question.parts[{place}].answers[{answer}]");
            let fault = match asked {
                Asked::Text(_) => None,
                Asked::Figure(id) => figure(id, ledger),
                Asked::Table(id) => match ledger.get(id).map(|entry| &entry.formula) {
                    Some(Formula::Table(_) | Formula::Unavailable(_)) => None,
                    Some(Formula::Count(_)) => Some(format!("'{id}' is a figure: ask for it with 'figure'")),
                    None => Some(unknown("table", id, ledger)),
                },
                Asked::Share(share) => figure(&share.figure, ledger).or_else(|| denominator(&share.of, outside)),
            };
            if let Some(message) = fault {
                return Err(Failure::invalid_field("stats.unknown-figure", path, message));
            }
        }
    }
    Ok(())
}

fn begins(from: Month, as_at: Day, path: &str) -> Result<(), Failure> {
    if from < LAUNCH.month() {
        let message = format!("there are no figures of {from}: the platform was launched on {LAUNCH}");
        return Err(Failure::invalid_field("stats.month-before-launch", path, message));
    }
    if from > as_at.month() {
        return Err(Failure::invalid_field("stats.months-order", path, format!("{from} is after {as_at}, as at which is asked")));
    }
    Ok(())
}

fn figure(id: &str, ledger: &InForce) -> Option<String> {
    match ledger.get(id).map(|entry| &entry.formula) {
        Some(Formula::Count(_) | Formula::Unavailable(_)) => None,
        Some(Formula::Table(_)) => Some(format!("'{id}' is a table: ask for it with 'table'")),
        None => Some(unknown("figure", id, ledger)),
    }
}

fn denominator(id: &str, outside: &Outside) -> Option<String> {
    outside.denominator(id, Day::MAX).err()?;
    let ids: Vec<&str> = outside.denominators.iter().map(|number| number.id.as_str()).collect();
    Some(meant(format!("the question brings no denominator '{}'", domain::text::visible(id)), suggest(id, &ids)))
}

fn unknown(what: &str, id: &str, ledger: &InForce) -> String {
    let ids: Vec<&str> = ledger.entries.keys().map(String::as_str).collect();
    meant(format!("there is no {what} '{}'", domain::text::visible(id)), suggest(id, &ids))
}

fn meant(message: String, suggestion: Option<&str>) -> String {
    suggestion.map_or(message.clone(), |id| format!("{message}; '{id}' perhaps?"))
}

/// Adds what a figure or a table needs of the counters.
pub fn needs(needs: &mut Needs, id: &str, ledger: &InForce) {
    match ledger.get(id).map(|entry| &entry.formula) {
        Some(Formula::Count(count)) => {
            needs.add(count, &[]);
            // Its sentence says this one too.
            if id == "accounts.registered"
                && let Some(Formula::Count(plus)) = ledger.get("accounts.registered.plus").map(|entry| &entry.formula)
            {
                needs.add(plus, &[]);
            }
        }
        Some(Formula::Table(table)) => {
            let by: Vec<_> = [Some(table.by), table.across].into_iter().flatten().collect();
            for figure in &table.figures {
                if let Some(Formula::Count(count)) = ledger.get(figure).map(|entry| &entry.formula) {
                    needs.add(count, &by);
                }
            }
        }
        Some(Formula::Unavailable(_)) | None => {}
    }
}
