use api::account::{AccountView, ShowAccount, SuspendedFacts};
use domain::{Masked, Standing};

use super::seal::open_profile;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::StoredAccount;

/// One account, masked. Looking is audited: the entry is committed before anything leaves.
pub async fn show(app: &App, caller: &Caller, op: ShowAccount) -> Result<AccountView, Failure> {
    let mut tx = app.store.write().await?;
    let stored = tx.account(op.account).await?.ok_or_else(|| Failure::not_found("account", op.account))?;
    app.keys.learn(&mut tx, &stored.kek_id).await;
    let view = view(app, stored)?;
    tx.commit(caller.record(&op), view).await
}

fn view(app: &App, stored: StoredAccount) -> Result<AccountView, Failure> {
    let person = open_profile(&app.keys, &stored)?;
    let suspended = match stored.account.standing {
        Standing::Suspended { since, reason, call } => Some(SuspendedFacts { since, reason, by: stored.suspended_by, call }),
        _ => None,
    };
    Ok(AccountView {
        account: stored.account.id,
        state: stored.account.state(),
        tier: stored.account.tier,
        channel: stored.account.channel,
        location: stored.account.location,
        registered_at: stored.account.registered_at,
        name_masked: person.as_ref().map(|person| Masked::of(&person.name)),
        hkic_masked: person.as_ref().map(|person| Masked::of(&person.hkic)),
        phone_masked: person.as_ref().map(|person| Masked::of(&person.phone)),
        device: stored.device,
        suspended,
        version: stored.version,
    })
}
