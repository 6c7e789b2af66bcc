//! What a registration does to signing certificates.

use domain::{Account, AccountId, CertificateStanding, DeviceKey, HolderKind, Release, RevocationReason, Tier, Timestamp};
use pki::{Certificate, CsrRequest};

use crate::app::App;
use crate::certificate::citizen;
use crate::certificate::request::key_id;
use crate::failure::Failure;
use crate::store::Write;

/// Settles the certificates of an account that was registered again, all of which were put on hold. The device that is still the
/// same has its signing key still, and the person has just been seen with it: what was on hold is good again. The keys of any other
/// device are gone with it.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn settle(tx: &mut Write, account: &Account, key: DeviceKey, now: Timestamp) -> Result<(), Failure> {
    let keeps = key == DeviceKey::InUse && account.tier == Tier::IamSmartPlus;
    for row in tx.certificates_of(HolderKind::Account, &account.id.to_string()).await? {
        let standing = row.standing()?;
        let settled = if keeps {
            standing.release(Release::ReRegistration)
        } else {
            standing.revoke(RevocationReason::CessationOfOperation, row.not_after(), now)
        };
        // What was revoked, or is over, stays as it is.
        if let Ok(settled) = settled {
            tx.put_standing(&row, settled).await?;
        }
    }
    Ok(())
}

/// The good certificate over a request's key that the account has already.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn certificate_of(app: &App, account: AccountId, csr: &CsrRequest) -> Result<Option<Certificate>, Failure> {
    let key = key_id(csr)?;
    let rows = app.store.read().await?.certificates_of(HolderKind::Account, &account.to_string()).await?;
    for row in rows {
        if row.key_id.as_deref() == Some(&key)
            && row.standing()? == CertificateStanding::Valid
            && let Some(der) = &row.der
        {
            return Ok(Some(Certificate::from_der(der).map_err(anyhow::Error::from)?));
        }
    }
    Ok(None)
}

/// Issues the signing certificate of an account that was just registered.
///
/// # Errors
/// `registration.certificate-outstanding`: the registration is complete, and the certificate alone is missing.
pub(super) async fn issue_certificate(app: &App, account: AccountId, csr: &CsrRequest) -> Result<Certificate, Failure> {
    citizen::issue_over(app, account, csr).await.map_err(|failure| {
        let (code, why) = (failure.code(), failure.into_problem(None).message);
        tracing::warn!(%account, code, "the signing certificate of a registration was not issued");
        Failure::Unavailable {
            code: "registration.certificate-outstanding",
            message: format!("the device is bound and the account is active, but its signing certificate was not issued: {why}"),
            hint: Some("send the same request again: the certificate is issued then".to_owned()),
        }
    })
}
