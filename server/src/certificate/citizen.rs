//! Citizens' signing certificates (`iam-smart-plus`): issued at registration, put on hold with the account.

use domain::{Account, AccountId, AccountState, Holder, HolderKind, Refusal, Tier};
use pki::{AuthorityPurpose, Certificate, CsrRequest};
use serde_json::json;

use super::issue::active_authority;
use super::presign::record;
use super::request::{check_key_is_free, key_id, read_csr};
use super::together::{Together, Verdict};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{CertificateRow, Housekeeping, Write};

/// Certificates that wait to be made good.
pub type Issuer = Together<Issued>;

/// A certificate that was signed and is not good yet.
#[derive(Debug, Clone)]
pub struct Issued {
    account: AccountId,
    row: CertificateRow,
}

/// Issues the signing certificate of an account over the key that its device has made; one device, one certificate. Nothing
/// personal stands in it: its name is the account's reference.
///
/// # Errors
/// By the rules of requests (`csr.…`); `cert.account` for an account that may not sign.
pub async fn issue(app: &App, account: AccountId, csr: &str) -> Result<Certificate, Failure> {
    issue_over(app, account, &read_csr(csr)?).await
}

/// The same for a request that was read.
///
/// # Errors
/// As [`issue`].
pub async fn issue_over(app: &App, account: AccountId, csr: &CsrRequest) -> Result<Certificate, Failure> {
    let holder = Holder::Account(account);
    let mut read = app.store.read().await?;
    let stored = read.account(account).await?.ok_or_else(|| Failure::not_found("account", account))?;
    may_sign(&stored.account)?;
    check_key_is_free(&mut read, &key_id(csr)?, &holder).await?;
    let authority = active_authority(app, &mut read, AuthorityPurpose::Citizens).await?;
    drop(read);
    let now = app.clock.now();
    let planned = authority.plan_citizen(&account.to_string(), csr.public_key(), None, now).map_err(anyhow::Error::from)?;
    let (certificate, row) = record(app, planned, &holder).await?.sign(&authority)?;
    app.issuer.commit(Issued { account, row }, |issued| put_down(app, issued)).await?;
    app.wake.revocations.notify_one();
    Ok(certificate)
}

/// Makes certificates good, in one commit. One that is refused does not keep the others.
async fn put_down(app: &App, issued: Vec<Issued>) -> Result<Vec<Verdict>, Failure> {
    let mut tx = app.store.write().await?;
    // Keys before rows, and both in one order: two of these transactions never wait for each other.
    let mut keys: Vec<_> = issued.iter().filter_map(|each| each.row.key_id.as_deref()).collect();
    keys.sort_unstable();
    for key in keys {
        tx.hold_key(key).await?;
    }
    let mut in_order: Vec<(usize, &Issued)> = issued.iter().enumerate().collect();
    in_order.sort_by_key(|(_, each)| each.account.number());
    let mut verdicts: Vec<Verdict> = issued.iter().map(|_| Ok(())).collect();
    for (place, each) in in_order {
        match make_good(app, &mut tx, each).await {
            Ok(()) => {}
            // Said before anything was written for it.
            Err(refused @ (Failure::NotFound { .. } | Failure::Refused(_) | Failure::Invalid { .. })) => {
                verdicts[place] = Err(refused);
            }
            Err(failure) => return Err(failure),
        }
    }
    tx.commit_housekeeping(Housekeeping::Issue).await?;
    Ok(verdicts)
}

async fn make_good(app: &App, tx: &mut Write, issued: &Issued) -> Result<(), Failure> {
    let Issued { account, row } = issued;
    // Locked: of a suspension at this moment and this certificate, one comes second and sees the other.
    let stored = tx.account_locked(*account).await?.ok_or_else(|| Failure::not_found("account", account))?;
    may_sign(&stored.account)?;
    check_key_is_free(tx, row.key_id.as_deref().unwrap_or_default(), &Holder::Account(*account)).await?;
    if let Err(taken) = tx.confirm_certificate(row).await {
        let known = tx.certificate(&row.serial()?).await?;
        // It was made good by one who then went away; or else its serial number was revoked meanwhile.
        return if known.is_some_and(|known| known.fingerprint == row.fingerprint) { Ok(()) } else { Err(taken.into()) };
    }
    let now = app.clock.now();
    let holder = account.to_string();
    let superseded = tx.supersede_certificates(HolderKind::Account, &holder, &row.serial, now).await?;
    let facts = json!({ "serial": row.serial, "not_after": row.not_after(), "superseded": superseded });
    Ok(tx.also("cert.issue", &holder, &facts).await?)
}

fn may_sign(account: &Account) -> Result<(), Failure> {
    if account.tier == Tier::IamSmartPlus && account.state() == AccountState::Active {
        return Ok(());
    }
    Err(Refusal::new("cert.account", format!("account {} is no active iam-smart-plus account", account.id)).into())
}
