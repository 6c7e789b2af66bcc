//! `iamctl sandbox citizen list`.

use clap::Args;
use client::phone::Drawer;

use super::view::CitizenView;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// List the simulated citizens whose phones are on this machine
#[derive(Debug, Args)]
#[command(after_help = "What the server says of them and what waits on their phones, 'phone list' shows.
Their card numbers are issued to nobody.

Examples:
  iamctl sandbox citizen list
  iamctl sandbox citizen list --columns account,hkic -o csv")]
pub struct List {}

impl Verb for List {
    type Row = CitizenView;

    async fn run(self, session: &Session) -> Result<Answer<CitizenView>, Failure> {
        let (context, _) = session.context()?;
        let phones = Drawer::of(&context)?.phones()?;
        Ok(Answer::list(phones.into_iter().map(CitizenView::from).collect()))
    }
}
