//! The reply to the Legislative Council: the parts of a question, answered out of one snapshot.

use api::Role;
use api::stats::{Asked, LegcoAnswer, LegcoDefinition, LegcoPart, LegcoReply, LegcoReport, QuestionPart, View};
use domain::{Bilingual, Day, FigureEntry, Formula, LAUNCH, Month, Refusal, Tendency};

use super::digest::digest;
use super::facts::{Facts, Needs};
use super::figure::{Said, Teller, too_early, unavailable};
use super::ledger::InForce;
use super::outside::Outside;
use super::services::Services;
use super::table::Drawer;
use super::tending::Run;
use super::words::say;
use super::{asked, notes, question, tally};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{Read, StoreError};

/// The figures as at a day, as known on a day.
pub(crate) async fn legco(app: &App, caller: &Caller, op: LegcoReport) -> Result<LegcoReply, Failure> {
    let today = app.clock.now().hk_day();
    question::as_at(op.as_at, today)?;
    question::known_at(op.known_at, today)?;
    let view = op.view.unwrap_or(View::Published);
    may_see(caller, view)?;
    let mut read = app.store.read().await?;
    draw_up(app, &mut read, &op).await
}

/// The day as known at which a month was closed that ends with `as_at`: what was published of it is answered again.
async fn closed_at(read: &mut Read, as_at: Day) -> Result<Option<Day>, Failure> {
    if as_at != as_at.month().last_day() {
        return Ok(None);
    }
    Ok(read.frozen_month(as_at.month()).await?.map(|row| Day::from_number(row.known_day)))
}

/// Holds the auditor's view to auditors.
///
/// # Errors
/// `stats.view`.
pub(super) fn may_see(caller: &Caller, view: View) -> Result<(), Failure> {
    if view == View::Auditor && !caller.has(Role::Auditor) {
        let refusal = Refusal::new("stats.view", "the view to the unit is the auditor's");
        return Err(Failure::Denied(refusal.hint("ask for the published view, or let an auditor ask")));
    }
    Ok(())
}

/// The reply out of one snapshot: the same snapshot and the same days give the same reply, whenever they are asked.
///
/// # Errors
/// When the question asks for what there is not; when the database cannot be reached or contradicts itself.
pub async fn draw_up(app: &App, read: &mut Read, op: &LegcoReport) -> Result<LegcoReply, Failure> {
    let as_at = op.as_at;
    let view = op.view.unwrap_or(View::Published);
    let threshold = app.settings.disclosure_threshold;
    let extents = (read.usage_extent().await?, read.account_extent().await?);
    let services = Services::load(read).await?;
    let known_at = match op.known_at {
        Some(known_at) => known_at,
        None => match closed_at(read, as_at).await? {
            Some(closed) => closed,
            None => {
                let tails = [read.usage_tail().await?, read.account_tail().await?];
                let defined = read.last_definition_day().await?;
                tally::last_recorded([extents.0, extents.1], tails, &services).max(defined).unwrap_or(as_at)
            }
        },
    };
    let ledger = InForce::load(read, known_at).await?;
    let standing;
    let (parts, outside, named) = match &op.question {
        Some(question) => {
            asked::whole(question)?;
            (&question.parts, Outside::of(question, as_at)?, true)
        }
        None => {
            standing = asked::standing();
            (&standing, Outside::default(), false)
        }
    };
    asked::known(parts, as_at, &ledger, &outside)?;
    let needs = needs(parts, &ledger);
    let services = services.known_by(known_at);
    let facts = Facts::load(read, &app.keys, (as_at, known_at), extents, services, needs).await?;
    let teller = Teller {
        facts: &facts,
        ledger: &ledger,
        outside: &outside,
        environment: app.environment,
        threshold: (view == View::Published).then_some(threshold),
    };
    let drawer = Drawer { facts: &facts, ledger: &ledger, outside: &outside, view, threshold };
    let mut drafting = Draft { teller, drawer, reply: Drafted::default() };
    for (number, part) in (1..).zip(parts) {
        let answers = drafting.answers(part)?;
        drafting.reply.parts.push(LegcoPart { number, asks: named.then(|| part.asks.clone()), answers });
    }
    let Drafted { parts, figures, tables, used, left_out } = drafting.reply;
    let meanings = used.iter().filter_map(|id| ledger.get(id)).map(|entry| LegcoDefinition {
        id: entry.id.clone(),
        version: entry.version,
        meaning: entry.meaning.clone(),
    });
    let about =
        notes::About { environment: app.environment, as_at, known_at, view, threshold, left_out, tables: !tables.is_empty() };
    let mut reply = LegcoReply {
        as_at,
        known_at,
        environment: app.environment,
        view,
        definitions: ledger.edition.clone(),
        title: op.question.as_ref().map_or_else(|| say("title", &[]), |question| Ok(question.title.clone()))?,
        parts,
        meanings: meanings.collect(),
        notes: notes::notes(&about, &ledger, &used)?,
        figures,
        tables,
        digest: String::new(),
    };
    reply.digest = digest(&reply)?;
    Ok(reply)
}

/// What the parts need of the counters.
fn needs(parts: &[QuestionPart], ledger: &InForce) -> Needs {
    let mut needs = Needs::default();
    for asked in parts.iter().flat_map(|part| &part.answers) {
        let id = match asked {
            Asked::Figure(id) | Asked::Table(id) => id,
            Asked::Share(share) => &share.figure,
            Asked::Text(_) => continue,
        };
        asked::needs(&mut needs, id, ledger);
    }
    needs
}

/// What has been written of a reply.
#[derive(Default)]
struct Drafted {
    parts: Vec<LegcoPart>,
    figures: Vec<api::stats::LegcoFigure>,
    tables: Vec<api::stats::LegcoTable>,
    /// Ids of the definitions that were used, in the order in which they first were.
    used: Vec<String>,
    left_out: usize,
}

/// A reply that is being written.
struct Draft<'r> {
    teller: Teller<'r>,
    drawer: Drawer<'r>,
    reply: Drafted,
}

impl Draft<'_> {
    fn answers(&mut self, part: &QuestionPart) -> Result<Vec<LegcoAnswer>, Failure> {
        let mut answers = Vec::new();
        for asked in &part.answers {
            match asked {
                Asked::Text(text) => answers.push(LegcoAnswer::Text { text: text.clone() }),
                Asked::Figure(id) => {
                    let entry = self.entry(id)?;
                    let said = self.teller.figure(&entry)?;
                    answers.push(self.said(&entry, id, said)?);
                }
                Asked::Share(share) => {
                    let entry = self.entry(&share.figure)?;
                    let said = self.teller.share(&entry, share)?;
                    answers.push(self.said(&entry, &format!("{}/{}", share.figure, share.of), said)?);
                }
                Asked::Table(id) => self.table(id, part.from, &mut answers)?,
            }
        }
        Ok(answers)
    }

    fn entry(&self, id: &str) -> Result<FigureEntry, StoreError> {
        self.teller.ledger.get(id).cloned().ok_or_else(|| StoreError::Broken(anyhow::anyhow!("'{id}' has no definition")))
    }

    fn uses(&mut self, id: &str) {
        if !self.reply.used.iter().any(|used| used == id) {
            self.reply.used.push(id.to_owned());
        }
    }

    fn said(&mut self, entry: &FigureEntry, id: &str, said: Said) -> Result<LegcoAnswer, Failure> {
        self.uses(&entry.id);
        match said {
            Said::Unavailable(because) => not_given(id, &entry.name, because),
            Said::Figure(figure) => {
                let id = figure.id.clone();
                if !self.reply.figures.iter().any(|known| known.id == id) {
                    self.reply.figures.push(*figure);
                }
                Ok(LegcoAnswer::Figure { id })
            }
        }
    }

    fn table(&mut self, id: &str, from: Option<Month>, answers: &mut Vec<LegcoAnswer>) -> Result<(), Failure> {
        let entry = self.entry(id)?;
        self.uses(id);
        let because = match &entry.formula {
            Formula::Unavailable(because) => Some(because.clone()),
            Formula::Table(_) => too_early(&entry, self.teller.facts.as_at)?,
            Formula::Count(_) => return Err(StoreError::Broken(anyhow::anyhow!("'{id}' is a figure")).into()),
        };
        let Formula::Table(formula) = &entry.formula else {
            answers.push(not_given(id, &entry.name, because.unwrap_or_else(|| entry.name.clone()))?);
            return Ok(());
        };
        if let Some(because) = because {
            answers.push(not_given(id, &entry.name, because)?);
            return Ok(());
        }
        let drawn = self.drawer.table(&entry, formula, from)?;
        formula.figures.iter().for_each(|figure| self.uses(figure));
        // A table that another part has asked for with other months is another table.
        let mut table = drawn.table;
        let alike = self.reply.tables.iter().filter(|known| known.id == id || known.id.starts_with(&format!("{id}#"))).count();
        match self
            .reply
            .tables
            .iter()
            .find(|known| known.title == table.title && known.columns == table.columns && known.rows == table.rows)
        {
            Some(known) => answers.push(LegcoAnswer::Table { id: known.id.clone() }),
            None => {
                if alike > 0 {
                    table.id = format!("{id}#{}", alike + 1);
                }
                answers.push(LegcoAnswer::Table { id: table.id.clone() });
                self.reply.left_out += drawn.left_out;
                self.reply.tables.push(table);
            }
        }
        if let Some(months) = drawn.months {
            let run = Run::of(from.unwrap_or(LAUNCH.month()).max(LAUNCH.month()), &months);
            let name = self.drawer.ledger.get(&formula.figures[0]).map_or(&entry.name, |figure| &figure.name);
            if run.tendency != Tendency::TooShort {
                answers.push(LegcoAnswer::Text { text: run.text(name)? });
            }
        }
        Ok(())
    }
}

fn not_given(id: &str, name: &Bilingual, because: Bilingual) -> Result<LegcoAnswer, Failure> {
    Ok(LegcoAnswer::Unavailable { id: id.to_owned(), text: unavailable(name, because)? })
}
