//! `iamctl context list`.

use clap::Args;
use client::Contexts;

use super::ContextView;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// List the contexts of this user
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl context list -o wide")]
pub struct List {}

impl Verb for List {
    type Row = ContextView;

    async fn run(self, _: &Session) -> Result<Answer<ContextView>, Failure> {
        let contexts = Contexts::open()?.list().into_iter().map(|listed| match listed.context {
            Ok(context) => ContextView { name: listed.name, ..ContextView::of(&context, listed.current) },
            Err(error) => ContextView {
                name: listed.name,
                current: listed.current,
                server: None,
                environment: None,
                operator: None,
                instance: None,
                file: listed.path.display().to_string(),
                chosen: None,
                certificate_not_after: None,
                error: Some(error.to_string()),
            },
        });
        Ok(Answer::list(contexts.collect()))
    }
}
