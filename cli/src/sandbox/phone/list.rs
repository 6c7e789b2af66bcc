//! `iamctl sandbox phone list`.

use api::app::request::AppRequest;
use api::sandbox::ListRequests;
use clap::Args;
use client::phone::{Auto, Drawer, Kept, Line, Phone};
use client::tabular::Column;
use client::times::people;
use client::{ClientError, Tabular};
use domain::{AccountId, Tier, Timestamp};
use futures_util::{StreamExt, TryStreamExt, stream};
use serde::Serialize;

use super::in_turn::standing;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Phones that are asked at once.
const AT_ONCE: usize = 8;

/// List the virtual phones of this instance, and what waits on each
#[derive(Debug, Args)]
#[command(after_help = "STATE is what the server tells the phone: 'active', 'suspended' or 'closed' is
its account; 'replaced' is a phone that another one has followed. AUTO says
whether 'auto on' answers for it.

Examples:
  iamctl sandbox phone list
  iamctl sandbox phone list -o json")]
pub struct List {}

/// One virtual phone.
#[derive(Debug, Clone, Serialize)]
pub struct PhoneView {
    /// Whose it is.
    pub account: AccountId,
    /// What the server says of it.
    pub state: String,
    /// The tier registered for.
    pub tier: Tier,
    /// What waits for its citizen.
    pub waiting: Vec<AppRequest>,
    /// Whether it is answered by itself.
    pub auto: bool,
    /// When its citizen registered.
    pub registered_at: Timestamp,
}

impl Tabular for PhoneView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("state", "STATE", |row: &Self| row.state.clone()),
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()).wide(),
                Column::number(
                    "waiting",
                    "WAITING",
                    |row: &Self| row.waiting.len().to_string(),
                    |row: &Self| row.waiting.len().to_string(),
                ),
                Column::text("requests", "REQUESTS", |row: &Self| {
                    row.waiting.iter().map(|waiting| waiting.request.to_string()).collect::<Vec<_>>().join(",")
                }),
                Column::text("auto", "AUTO", |row: &Self| if row.auto { "on" } else { "off" }.to_owned()),
                Column::two(
                    "registered_at",
                    "REGISTERED",
                    |row: &Self| people(row.registered_at),
                    |row: &Self| row.registered_at.to_string(),
                )
                .wide(),
            ]
        }
    }
}

impl Verb for List {
    type Row = PhoneView;

    async fn run(self, session: &Session) -> Result<Answer<PhoneView>, Failure> {
        let (context, _) = session.context()?;
        let drawer = Drawer::of(&context)?;
        let phones = drawer.phones()?;
        if phones.is_empty() {
            return Ok(Answer::list(Vec::new()).tell("'iamctl sandbox citizen add' registers a citizen with a phone"));
        }
        let auto = Auto::running(&drawer)?;
        let public_url = session.call(&ListRequests::default()).await?.public_url;
        let line = Line::open(&public_url, &context.read_ca()?)?;
        let views = stream::iter(phones).map(|kept| view(line.clone(), kept, auto.as_ref())).buffered(AT_ONCE);
        Ok(Answer::list(views.try_collect().await?))
    }
}

async fn view(line: Line, kept: Kept, auto: Option<&Auto>) -> Result<PhoneView, ClientError> {
    let (state, waiting) = match Phone::new(line, &kept)?.requests().await {
        Ok(waiting) => ("active", waiting),
        Err(error) => match standing(&error) {
            Some(standing) => (standing, Vec::new()),
            None => return Err(error),
        },
    };
    Ok(PhoneView {
        account: kept.account,
        state: state.to_owned(),
        tier: kept.tier,
        waiting,
        auto: auto.is_some_and(|auto| auto.answers_for(kept.account)),
        registered_at: kept.registered_at,
    })
}
