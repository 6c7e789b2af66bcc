//! `iamctl service list`.

use api::service::{ListServices, ServiceView};
use clap::Args;
use domain::{Category, Function, RelyingPartyId, Sector};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List the services
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  iamctl service list --category medical-and-health
  iamctl service list --rp hongkong-post -o wide")]
pub struct List {
    /// Only those of this relying party
    #[arg(long)]
    rp: Option<RelyingPartyId>,
    /// Only this category
    #[arg(long, value_parser = word::<Category>(Category::WORDS), hide_possible_values = true)]
    category: Option<Category>,
    /// Only this sector
    #[arg(long, value_parser = word::<Sector>(Sector::WORDS))]
    sector: Option<Sector>,
    /// Only those that may use this function
    #[arg(long, value_parser = word::<Function>(Function::WORDS))]
    function: Option<Function>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = ServiceView;

    async fn run(self, session: &Session) -> Result<Answer<ServiceView>, Failure> {
        let op = ListServices {
            rp: self.rp,
            category: self.category,
            sector: self.sector,
            function: self.function,
            ..ListServices::default()
        };
        session.list(op, &self.list)
    }
}
