//! `iamctl context use`.

use clap::Args;
use client::Contexts;

use super::ContextView;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::{OWN_FILES, Session};
use crate::verb::Verb;

/// Make a context the current one
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl context use demo")]
pub struct Use {
    /// The context's name
    name: String,
}

impl Verb for Use {
    type Row = ContextView;

    async fn run(self, session: &Session) -> Result<Answer<ContextView>, Failure> {
        session.no_dry_run("context use", OWN_FILES)?;
        let context = Contexts::open()?.make_current(&self.name)?;
        Ok(Answer::one(ContextView::of(&context, true)))
    }
}
