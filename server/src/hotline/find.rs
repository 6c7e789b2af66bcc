use api::hotline::{FindCaller, FoundAccount, Identifier};
use domain::{Masked, Refusal};
use serde_json::json;

use super::rule::open_call;
use crate::account::seal::person_if_readable;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{StoredAccount, Write};

/// The most accounts a phone number gives; a family shares one, a hundred people do not.
const MOST: usize = 100;

/// Finds the caller's account by what they name. Nobody found is an answer too, and audited like one.
pub async fn find(app: &App, caller: &Caller, op: FindCaller) -> Result<Vec<FoundAccount>, Failure> {
    let mut tx = app.store.write().await?;
    open_call(&mut tx, caller, op.call).await?;
    let accounts = look_up(app, &mut tx, &op.by).await?;
    let mut found = Vec::with_capacity(accounts.len());
    for stored in accounts {
        app.keys.learn(&mut tx, &stored.kek_id).await;
        tx.note_found(op.call, stored.id).await?;
        found.push(masked(app, stored));
    }
    let ids: Vec<_> = found.iter().map(|found| found.account).collect();
    let facts = json!({ "by": kind(&op.by), "found": ids });
    tx.commit(caller.record(&op).facts(facts), found).await
}

async fn look_up(app: &App, tx: &mut Write, by: &Identifier) -> Result<Vec<StoredAccount>, Failure> {
    let unlocked = app.keys.as_of(tx).await?;
    match by {
        Identifier::Hkic(hkic) => {
            for keys in unlocked.indexes().in_columns() {
                let index = keys.hkic(hkic).map_err(anyhow::Error::from)?;
                if let Some(found) = tx.account_by_hkic(&index).await? {
                    return Ok(vec![found]);
                }
            }
            Ok(Vec::new())
        }
        Identifier::Phone(phone) => {
            let mut found: Vec<StoredAccount> = Vec::new();
            for keys in unlocked.indexes().in_columns() {
                let index = keys.phone(phone).map_err(anyhow::Error::from)?;
                for account in tx.accounts_by_phone(&index, i64::try_from(MOST + 1).unwrap_or(i64::MAX)).await? {
                    // Met before, and brought to the next generation since.
                    if !found.iter().any(|other| other.id == account.id) {
                        found.push(account);
                    }
                }
            }
            if found.len() > MOST {
                let message = format!("more than {MOST} accounts are on that phone number");
                return Err(Refusal::new("call.too-many-found", message).hint("ask the caller for the HKIC number").into());
            }
            found.sort_by_key(|account| account.account.id);
            Ok(found)
        }
        Identifier::Account(id) => Ok(tx.account(*id).await?.into_iter().collect()),
    }
}

/// What was named, without the value.
fn kind(by: &Identifier) -> &'static str {
    match by {
        Identifier::Hkic(_) => "hkic",
        Identifier::Phone(_) => "phone",
        Identifier::Account(_) => "account",
    }
}

/// Without the masked fields where the account is closed or its record is damaged: it can be suspended all the same.
fn masked(app: &App, stored: StoredAccount) -> FoundAccount {
    let person = person_if_readable(&app.keys, &stored);
    FoundAccount {
        account: stored.account.id,
        name_masked: person.as_ref().map(|person| Masked::of(&person.name)),
        hkic_masked: person.as_ref().map(|person| Masked::of(&person.hkic)),
        tier: stored.account.tier,
        state: stored.account.state(),
        device: stored.device,
    }
}
