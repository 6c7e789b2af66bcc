//! What a question asks for, held to what there is.

use api::stats::{Asked, Question, QuestionPart};
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
            if let Asked::Share(share) = asked
                && let Some(message) = denominator(&share.of, outside)
            {
                return Err(Failure::invalid_field("stats.denominator", format!("{path}.share.of"), message));
            }
            let fault = match asked {
                Asked::Text(_) => None,
                Asked::Figure(id) => figure(id, ledger),
                Asked::Table(id) => match ledger.get(id).map(|entry| &entry.formula) {
                    Some(Formula::Table(_) | Formula::Unavailable(_)) => None,
                    Some(Formula::Count(_)) => Some(format!("'{id}' is a figure: ask for it with 'figure'")),
                    None => Some(unknown("table", id, ledger)),
                },
                Asked::Share(share) => figure(&share.figure, ledger),
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

/// Holds a question to being one: words in both languages, and an answer to each part.
///
/// # Errors
/// `stats.question` with the place.
pub fn whole(question: &Question) -> Result<(), Failure> {
    let fault = |path: String, message: &str| Err(Failure::invalid_field("stats.question", path, message));
    let silent = |words: &Bilingual| words.en.trim().is_empty() || words.zh_hant.trim().is_empty();
    const BOTH: &str = "words are needed in both languages";
    if silent(&question.title) {
        return fault("question.title".to_owned(), BOTH);
    }
    if question.parts.is_empty() {
        return fault("question.parts".to_owned(), "a question has a part at least");
    }
    for (place, part) in question.parts.iter().enumerate() {
        let path = |of: &str| format!("question.parts[{place}].{of}");
        if silent(&part.asks) {
            return fault(path("asks"), BOTH);
        }
        if part.answers.is_empty() {
            return fault(path("answers"), "a part has an answer at least");
        }
        for (answer, asked) in part.answers.iter().enumerate() {
            if matches!(asked, Asked::Text(words) if silent(words)) {
                return fault(path(&format!("answers[{answer}].text")), BOTH);
            }
        }
    }
    Ok(())
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
