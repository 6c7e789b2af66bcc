//! Somebody's word that the clock is right although the log has a gap: the platform was switched off, and not the clock turned.
//!
//! The word is an entry of the audit log that names the gap: it counts at every node and every later start, for that gap alone. A
//! clock that jumps afterwards leaves another gap, and is doubted again. On production nobody's word is taken but a person's.

use std::fmt;
use std::time::Duration;

use domain::{Environment, Timestamp};
use serde_json::{Value, json};

use super::clock::{Doubt, gap};
use crate::app::App;
use crate::store::{Housekeeping, Read, StoreError, VouchingRow};

const ACTION: &str = "clock.vouched";
/// How far the clocks of nodes may be apart: another one may since have written an entry so much before the gap's end.
const APART: Duration = Duration::from_secs(60);

/// Whose word it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Word {
    /// Nobody's: a sandbox was started, which is switched off every night. Good enough to sign by.
    Sandbox,
    /// That of whoever started the node or proved a restore, and said that the clock is right. Dated steps are taken by it too.
    Person,
}

impl fmt::Display for Word {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Sandbox => "sandbox",
            Self::Person => "person",
        })
    }
}

/// Vouches for the gap that the log has at this moment, where there is one for which nobody of at least the same word has. On a
/// sandbox every start does; elsewhere only one at which the clock was said to be right. Gives the gap that was vouched for.
///
/// # Errors
/// When the database cannot be reached.
pub async fn vouch(app: &App) -> anyhow::Result<Option<Doubt>> {
    let word = match app.environment {
        _ if app.clock_vouched => Word::Person,
        Environment::Sandbox => Word::Sandbox,
        Environment::Production => return Ok(None),
    };
    let mut tx = app.store.write().await?;
    let now = app.clock.now();
    let gap = match gap(&mut tx, now).await? {
        Some(gap) if vouched(&mut tx, &gap).await? < Some(word) => gap,
        _ => {
            tx.rollback().await?;
            return Ok(None);
        }
    };
    let facts = json!({ "last": gap.last, "goes_on": gap.goes_on, "word": word.to_string() });
    tx.commit_housekeeping(Housekeeping::Step { action: ACTION, subject: "clock".to_owned(), facts }).await?;
    tracing::warn!(%word, last = %gap.last, goes_on = %gap.goes_on, "the clock is vouched for: the platform was switched off in between");
    app.wake.sealer.notify_one();
    Ok(Some(gap))
}

/// The best word that was given for the gap.
///
/// # Errors
/// When the database cannot be reached.
pub async fn vouched(read: &mut Read, gap: &Doubt) -> Result<Option<Word>, StoreError> {
    let rows = read.vouchings(ACTION, gap.last).await?;
    Ok(rows.iter().filter_map(|row| word(row, gap)).max())
}

/// The word that an entry gives for this gap and for no other one: it began with the same entry, and went on when that was said,
/// or at the latest with the entry itself.
fn word(row: &VouchingRow, gap: &Doubt) -> Option<Word> {
    let moment = |name: &str| row.facts.get(name).and_then(Value::as_str)?.parse::<Timestamp>().ok();
    let (last, goes_on) = (moment("last")?, moment("goes_on")?);
    if last != gap.last || gap.goes_on < goes_on.minus(APART) || gap.goes_on > goes_on.max(row.at) {
        return None;
    }
    let said = row.facts.get("word").and_then(Value::as_str)?;
    [Word::Sandbox, Word::Person].into_iter().find(|word| word.to_string() == said)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_micros(seconds * 1_000_000)
    }

    #[test]
    fn a_word_counts_for_the_gap_that_it_names_and_for_no_other() {
        let entry = |goes_on, made, word| VouchingRow {
            at: at(made),
            facts: json!({ "last": at(0), "goes_on": at(goes_on), "word": word }),
        };
        let day = 86_400;
        for (last, goes_on, row, given) in [
            // Nothing came before the word: the gap goes on with it, or with another node's entry by a slower clock.
            (0, 2 * day, entry(2 * day, 2 * day, "person"), Some(Word::Person)),
            (0, 2 * day + 1, entry(2 * day, 2 * day + 1, "sandbox"), Some(Word::Sandbox)),
            (0, 2 * day - 30, entry(2 * day, 2 * day, "person"), Some(Word::Person)),
            // Others had written hours before.
            (0, 2 * day, entry(2 * day, 2 * day + 7_200, "person"), Some(Word::Person)),
            // Given by a clock that was a year ahead, and set right since.
            (0, 2 * day, entry(365 * day, 365 * day, "person"), None),
            // Another gap; a later one; somebody else's text.
            (1, 2 * day, entry(2 * day, 2 * day, "person"), None),
            (0, 3 * day, entry(2 * day, 2 * day, "person"), None),
            (0, 2 * day, entry(2 * day, 2 * day, "anybody"), None),
        ] {
            let gap = Doubt { last: at(last), goes_on: at(goes_on) };
            assert_eq!(word(&row, &gap), given, "{gap:?} {:?}", row.facts);
        }
    }
}
