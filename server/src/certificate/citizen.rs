//! Citizens' signing certificates (`iam-smart-plus`): issued at registration, put on hold with the account.

use domain::{Account, AccountId, AccountState, Holder, HolderKind, Refusal, Tier};
use pki::{AuthorityPurpose, Certificate};
use serde_json::json;

use super::issue::active_authority;
use super::presign::record;
use super::request::{check_key_is_free, keep_key_free, read_csr};
use crate::app::App;
use crate::failure::Failure;
use crate::store::Housekeeping;

/// Issues the signing certificate of an account over the key that its device has made; one device, one certificate. Nothing
/// personal stands in it: its name is the account's reference.
///
/// # Errors
/// By the rules of requests (`csr.…`); `cert.account` for an account that may not sign.
pub async fn issue(app: &App, account: AccountId, csr: &str) -> Result<Certificate, Failure> {
    let csr = read_csr(csr)?;
    let holder = Holder::Account(account);
    let mut read = app.store.read().await?;
    let stored = read.account(account).await?.ok_or_else(|| Failure::not_found("account", account))?;
    may_sign(&stored.account)?;
    check_key_is_free(&mut read, csr.public_key(), &holder).await?;
    let authority = active_authority(app, &mut read, AuthorityPurpose::Citizens).await?;
    drop(read);
    let now = app.clock.now();
    let planned = authority.plan_citizen(&account.to_string(), csr.public_key(), None, now).map_err(anyhow::Error::from)?;
    let (certificate, row) = record(app, planned, &holder).await?.sign(&authority)?;
    let mut tx = app.store.write().await?;
    // Locked: of a suspension at this moment and this certificate, one comes second and sees the other.
    let stored = tx.account_locked(account).await?.ok_or_else(|| Failure::not_found("account", account))?;
    may_sign(&stored.account)?;
    keep_key_free(&mut tx, csr.public_key(), &holder).await?;
    tx.confirm_certificate(&row).await?;
    let superseded = tx.supersede_certificates(HolderKind::Account, &account.to_string(), &row.serial, now).await?;
    let facts = json!({ "serial": row.serial, "not_after": row.not_after(), "superseded": superseded });
    tx.commit_housekeeping(Housekeeping::Step { action: "cert.issue", subject: account.to_string(), facts }).await?;
    app.wake.revocations.notify_one();
    Ok(certificate)
}

fn may_sign(account: &Account) -> Result<(), Failure> {
    if account.tier == Tier::IamSmartPlus && account.state() == AccountState::Active {
        return Ok(());
    }
    Err(Refusal::new("cert.account", format!("account {} is no active iam-smart-plus account", account.id)).into())
}
