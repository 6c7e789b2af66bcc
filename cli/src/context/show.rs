//! `iamctl context show`.

use clap::Args;
use client::{Context, Contexts};

use super::ContextView;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Show the context in use, or one by name
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl context show
  iamctl context show demo -o yaml")]
pub struct Show {
    /// The context's name; the one in use when absent
    name: Option<String>,
}

impl Verb for Show {
    type Row = ContextView;

    async fn run(self, session: &Session) -> Result<Answer<ContextView>, Failure> {
        let Some(name) = self.name else {
            let (context, by) = session.context()?;
            let current = Contexts::open().ok().and_then(|contexts| contexts.current().map(str::to_owned));
            let current =
                current.as_deref() == Some(context.file.name.as_str()) && !matches!(by, client::contexts::ChosenBy::Environment);
            return Ok(Answer::one(ContextView { chosen: Some(by.words()), ..ContextView::of(&context, current) }));
        };
        let contexts = Contexts::open()?;
        let choice = client::Choice { name: Some(name.clone()), file: None };
        let (context, _): (Context, _) = contexts.choose(&choice, &client::Choice::default())?;
        Ok(Answer::one(ContextView::of(&context, contexts.current() == Some(&name))))
    }
}
