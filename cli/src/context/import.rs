//! `iamctl context import`.

use std::path::PathBuf;

use clap::Args;
use client::contexts::{ContextParts, Replace};
use client::{Context, ContextFile, Contexts};

use super::ContextView;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::{OWN_FILES, Session};
use crate::verb::Verb;

/// Take in a context file with the certificate and key beside it
#[derive(Debug, Args)]
#[command(after_help = "The files are copied to the user's own folder, readable by the owner alone. The
first context becomes the current one.

Examples:
  iamctl context import demo/first-operator/context.yaml
  iamctl context import live/first-operator/context.yaml --name production")]
pub struct Import {
    /// The context file
    #[arg(value_hint = clap::ValueHint::FilePath)]
    file: PathBuf,
    /// Under another name
    #[arg(long)]
    name: Option<String>,
    /// Put it in the place of one of the same name
    #[arg(long)]
    replace: bool,
}

impl Verb for Import {
    type Row = ContextView;

    async fn run(self, session: &Session) -> Result<Answer<ContextView>, Failure> {
        session.no_dry_run("context import", OWN_FILES)?;
        let context = Context::read(&self.file)?;
        // Looked over before it is taken in: a broken context is better refused than kept.
        client::tls::Credential::of(&context)?;
        let mut contexts = Contexts::open()?;
        let file = ContextFile { name: self.name.unwrap_or_else(|| context.file.name.clone()), ..context.file.clone() };
        let (ca, certificate, key) = (context.read_ca()?, context.read_certificate()?, context.read_key()?);
        let parts = ContextParts { file, ca: &ca, certificate: &certificate, key: &key };
        let added = contexts.add(&parts, if self.replace { Replace::Yes } else { Replace::No })?;
        let current = contexts.current() == Some(added.file.name.as_str());
        let answer = Answer::one(ContextView::of(&added, current));
        Ok(if current {
            answer
        } else {
            answer.tell(format!("'iamctl context use {}' makes it the current one", added.file.name))
        })
    }
}
