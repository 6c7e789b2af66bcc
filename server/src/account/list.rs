use api::Page;
use api::account::{AccountSummary, ListAccounts};
use domain::AccountId;

use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::AccountFilter;

/// Accounts in order of their references; no personal data, so nothing is unsealed and nothing audited.
pub async fn list(app: &App, _: &Caller, op: ListAccounts) -> Result<Page<AccountSummary>, Failure> {
    let after: Option<AccountId> = match op.page.after.as_deref().map(str::parse) {
        None => None,
        Some(Ok(after)) => Some(after),
        Some(Err(error)) => return Err(Failure::invalid_field("page.after", "after", format!("'after' is {error}"))),
    };
    let filter = AccountFilter { state: op.state, tier: op.tier, channel: op.channel };
    let items = app.store.read().await?.accounts(filter, after, op.page.limit()).await?;
    let next = crate::page::next(&items, op.page.limit(), |account| account.account.to_string());
    Ok(Page { items, next })
}
