use std::time::Duration;

use api::certificate::{CertificateDetail, ShowCertificate};
use domain::{CertificateState, Holder, Timestamp};
use pki::{Certificate, profile};

use super::view::{chain_above, view};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{CertificateFilter, CertificateRow, Read};

/// What ends sooner than this is to be renewed.
pub(crate) const RENEW_BEFORE: Duration = Duration::from_hours(30 * 24);

/// One certificate, its chain, and what depends on it.
pub async fn show(app: &App, _: &Caller, op: ShowCertificate) -> Result<CertificateDetail, Failure> {
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let row = read.certificate(&op.serial).await?.ok_or_else(|| Failure::not_found("certificate", &op.serial))?;
    let certificate = view(&row, now)?;
    let pem = row.der.as_deref().map(|der| Certificate::from_der(der).and_then(|certificate| certificate.pem())).transpose();
    let chain = if row.profile == profile::ROOT.name { Vec::new() } else { chain_above(&mut read, &row.issuer).await? };
    Ok(CertificateDetail {
        pem: pem.map_err(anyhow::Error::from)?,
        chain,
        key: row.key_id.clone(),
        planned_at: Timestamp::from_micros(row.planned_at),
        depends: depends(&mut read, &row, now).await?,
        next: next(&row, certificate.state),
        certificate,
    })
}

/// What stops when the certificate ends or is revoked, in words.
async fn depends(read: &mut Read, row: &CertificateRow, now: Timestamp) -> Result<Vec<String>, Failure> {
    Ok(match row.holder()? {
        Holder::Operator(operator) => vec![format!("operator {operator} comes in with it")],
        Holder::RelyingParty(party) => vec![format!("relying party {party} authenticates and signs requests with it")],
        Holder::Account(account) => vec![format!("account {account} signs documents with it")],
        Holder::Key(kid) if row.profile == profile::ROOT.name || row.profile == profile::OPERATORS_CA.name => {
            let state = Some(CertificateState::Valid);
            let filter = CertificateFilter { issuer: Some(kid.to_string()), state, ..CertificateFilter::default() };
            let below = read.certificates(&filter, now, None, MOST).await?;
            let below = below.iter().filter(|below| below.serial != row.serial).count();
            let more = if i64::try_from(below).is_ok_and(|below| below + 1 >= MOST) { " or more" } else { "" };
            vec![format!("{below}{more} valid certificates were issued by {kid}")]
        }
        Holder::Key(kid) if row.profile == profile::SERVER.name => vec![format!("TLS of the admin and public listeners ({kid})")],
        Holder::Key(kid) if row.profile == profile::OCSP_RESPONDER.name => {
            vec![format!("OCSP answers for what {} issued ({kid})", row.issuer)]
        }
        Holder::Key(kid) => vec![format!("time stamps ({kid})")],
    })
}

/// Those that depend on an authority are counted up to here.
const MOST: i64 = 100_000;

fn next(row: &CertificateRow, state: CertificateState) -> Option<String> {
    match state {
        CertificateState::Planned => {
            Some("its record is revoked an hour after it was made, unless the certificate comes".to_owned())
        }
        CertificateState::Valid => {
            let by = row.not_after().minus(RENEW_BEFORE).max(Timestamp::from_micros(row.not_before));
            Some(format!("renew it from {by} on, before {}", row.not_after()))
        }
        CertificateState::OnHold => {
            Some("it comes back when the suspension is taken back or its holder registers again".to_owned())
        }
        CertificateState::Revoked | CertificateState::Expired => None,
    }
}
