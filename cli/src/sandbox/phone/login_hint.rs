//! `iamctl sandbox phone login-hint`.

use api::app::own::LoginHint as Hint;
use api::sandbox::ListRequests;
use clap::Args;
use client::Tabular;
use client::phone::{Drawer, Line, Phone};
use client::tabular::Column;
use client::times::people;
use domain::{AccountId, Timestamp};
use serde::Serialize;

use super::decide::phone_of;
use super::in_turn::InTurn;
use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;

/// Have a virtual phone make a login hint, as a citizen shows it to a service
#[derive(Debug, Args)]
#[command(after_help = "A service sends it as login_hint_token of a CIBA request, to ask for this
citizen whom it does not know yet. It is good for five minutes.

Examples:
  iamctl sandbox phone login-hint
  iamctl sandbox phone login-hint --citizen A0000000012 -o name")]
pub struct LoginHint {
    /// Whose phone; the newest in use when absent
    #[arg(long, value_name = "ACCOUNT")]
    citizen: Option<AccountId>,
}

/// A login hint.
#[derive(Debug, Clone, Serialize)]
pub struct HintView {
    /// The token.
    login_hint_token: String,
    /// Whose it is.
    account: AccountId,
    /// Until when it is good.
    expires_at: Timestamp,
}

impl Tabular for HintView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("login_hint_token", "LOGIN HINT", |row: &Self| row.login_hint_token.clone()),
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::two(
                    "expires_at",
                    "GOOD UNTIL",
                    |row: &Self| people(row.expires_at),
                    |row: &Self| row.expires_at.to_string(),
                ),
            ]
        }
    }
}

impl Verb for LoginHint {
    type Row = HintView;

    async fn run(self, session: &Session) -> Result<Answer<HintView>, Failure> {
        let (context, _) = session.context()?;
        let drawer = Drawer::of(&context)?;
        let mut turns = InTurn::new(match self.citizen {
            Some(account) => vec![phone_of(&drawer, account)?],
            None => drawer.phones()?,
        });
        let mut kept = turns.next()?;
        let public_url = session.call(&ListRequests::default()).await?.public_url;
        let line = Line::open(&public_url, &context.read_ca()?)?;
        loop {
            match Phone::new(line.clone(), &kept)?.login_hint().await {
                Ok(Hint { login_hint_token, expires_at }) => {
                    turns.tell(&kept);
                    return Ok(Answer::one(HintView { login_hint_token, account: kept.account, expires_at }));
                }
                Err(error) => turns.pass(error)?,
            }
            kept = turns.next()?;
        }
    }
}
