//! `iamctl stats legco`.

use std::path::PathBuf;

use api::stats::{Denominator, LegcoReply, LegcoReport, Question, View};
use clap::Args;
use client::surroundings;
use domain::{Day, figures};
use render::Language;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::failure::Failure;
use crate::files::one;
use crate::output::Answer;
use crate::stats::document::Document;
use crate::flags::Format;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{VIEWS, day, word};

/// The reply to the Legislative Council: figures as at a day, in house style, in both languages
#[derive(Debug, Args)]
#[command(after_help = "Days end at midnight Hong Kong time. A question file names the parts, and the
figures and tables of each ('iamctl stats definitions'); a file of denominators
holds dated numbers with their sources, to take shares of. 'iamctl explain
question' and 'iamctl explain denominators' show their fields.

Examples:
  iamctl stats legco --as-at 2022-05-31
  iamctl stats legco --as-at 2022-05-31 -o md > reply.md
  iamctl stats legco --as-at 2022-05-31 --question q.yaml --denominators d.yaml
  iamctl stats legco --as-at 2022-05-31 --question q.yaml --view auditor
  iamctl stats legco --as-at 2022-05-31 -o pdf --to reply.pdf
  iamctl stats legco --as-at 2022-05-31 -o html --lang zh-Hant > reply.html")]
pub struct Legco {
    /// Events up to the end of this day
    #[arg(long, value_name = "DATE", value_parser = day)]
    as_at: Day,
    /// As recorded up to the end of this day, final an hour later; when absent, the day that the month was closed with,
    /// and of an open month the last one counted
    #[arg(long, value_name = "DATE", value_parser = day)]
    known_at: Option<Day>,
    /// What was asked; the figures of the reply of mid-2022 when absent
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    question: Option<PathBuf>,
    /// Numbers to take shares of, besides those in the question
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath, requires = "question")]
    denominators: Option<PathBuf>,
    /// For whose eyes; the public's when absent
    #[arg(long, value_parser = word::<View>(VIEWS))]
    view: Option<View>,
    /// Language of a document: en, zh-Hant or, when absent, both; text where '-o' names no document
    #[arg(long, value_name = "LANG", value_parser = language)]
    lang: Option<Language>,
    /// Write the document to this file, whole or not at all
    #[arg(long, value_name = "FILE", value_hint = clap::ValueHint::FilePath)]
    to: Option<PathBuf>,
    /// The font of a PDF; Noto Sans CJK of the system when absent
    #[arg(long, value_name = "FILE", env = surroundings::REPORT_FONT, hide_env_values = true, value_hint = clap::ValueHint::FilePath)]
    font: Option<PathBuf>,
}

fn language(word: &str) -> Result<Language, String> {
    Language::of(word).ok_or_else(|| format!("one of {} is wanted", Language::WORDS.join(", ")))
}

/// A file of denominators.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Denominators {
    /// The numbers.
    pub denominators: Vec<Denominator>,
}

impl Verb for Legco {
    type Row = LegcoReply;

    const DOCUMENTS: &'static [Format] = &[Format::Text, Format::Md, Format::Html, Format::Pdf, Format::Xlsx];

    async fn run(self, session: &Session) -> Result<Answer<LegcoReply>, Failure> {
        let document = Document::wanted(session, self.lang, self.to, self.font)?;
        let mut question = match self.question {
            Some(file) => Some(one::read::<Question>("question", file).await?),
            None => None,
        };
        if let (Some(question), Some(file)) = (&mut question, self.denominators) {
            question.denominators.extend(one::read::<Denominators>("denominators", file).await?.denominators);
        }
        let op = LegcoReport { as_at: self.as_at, known_at: self.known_at, question, view: self.view };
        let reply = session.call(&op).await?;
        // Not in the reply: the same question to the same database has the same bytes, whatever the time is.
        let known_at = reply.known_at.max(reply.as_at);
        let provisional = !figures::is_final(known_at, surroundings::now());
        let answer = match document {
            Some(document) => document.answer(&reply)?,
            None => Answer::one(reply),
        };
        Ok(if provisional {
            answer.tell(format!(
                "provisional: more may yet be recorded under {known_at}; it is final an hour after that day has ended in Hong Kong"
            ))
        } else {
            answer
        })
    }
}
