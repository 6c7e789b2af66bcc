use std::time::Duration;

use api::certificate::{CertificateDetail, ShowCertificate};
use domain::{CertificateState, Holder, KeyPurpose, KeyState, Timestamp, renew_from, renews_itself};
use pki::{Certificate, profile};

use super::view::{chain_above, view};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::keys::hex;
use crate::operator::again::invite_again;
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
        sha256: row.der.as_deref().map(|der| hex(&openssl::sha::sha256(der))),
        depends: depends(&mut read, &row, certificate.state, now).await?,
        next: next(&mut read, &row, certificate.state).await?,
        certificate,
    })
}

/// What stops when the certificate ends or is revoked, in words. On one that nobody accepts, nothing depends but what it issued.
async fn depends(read: &mut Read, row: &CertificateRow, state: CertificateState, now: Timestamp) -> Result<Vec<String>, Failure> {
    let good = state == CertificateState::Valid;
    Ok(match row.holder()? {
        Holder::Operator(_) | Holder::RelyingParty(_) | Holder::Account(_) | Holder::Station(_) if !good => Vec::new(),
        Holder::Operator(operator) => vec![format!("operator {operator} comes in with it")],
        Holder::RelyingParty(party) => vec![format!("relying party {party} authenticates and signs requests with it")],
        Holder::Account(account) => vec![format!("account {account} signs documents with it")],
        Holder::Station(station) => vec![format!("the station {station} authenticates with it, where people register")],
        Holder::Key(kid) if row.profile == profile::ROOT.name || row.profile == profile::ISSUING_CA.name => {
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

/// What is to be done, and by when: days are Hong Kong's.
async fn next(read: &mut Read, row: &CertificateRow, state: CertificateState) -> Result<Option<String>, Failure> {
    Ok(match state {
        CertificateState::Planned => {
            Some("its record is revoked an hour after it was made, unless the certificate comes".to_owned())
        }
        CertificateState::Valid => Some(followed(read, row).await?),
        CertificateState::OnHold => Some(
            "it comes back when the suspension is taken back, or when its holder registers again with the same device".to_owned(),
        ),
        CertificateState::Revoked | CertificateState::Expired => None,
    })
}

/// How a certificate that is good is followed by the next one: each holder's in its own way.
async fn followed(read: &mut Read, row: &CertificateRow) -> Result<String, Failure> {
    let (begins, ends) = (Timestamp::from_micros(row.not_before), row.not_after());
    let from = ends.minus(RENEW_BEFORE).max(begins).hk_day();
    let before = ends.hk_day();
    let kid = match row.holder()? {
        Holder::RelyingParty(_) => {
            return Ok(format!("renew it from {from} on, before {before}: 'iamctl cert renew {}'", row.serial));
        }
        Holder::Operator(operator) => {
            let row = read.operator(&operator).await?.ok_or_else(|| Failure::not_found("operator", &operator))?;
            return Ok(format!("the operator enrols again before {before}: {} makes a code", invite_again(&row)?));
        }
        Holder::Account(_) => return Ok(format!("its holder registers again in the app before {before}")),
        Holder::Station(station) => {
            return Ok(format!(
                "the station gets another before {before}: 'iamctl registration station add {station}' with the request of a new key"
            ));
        }
        Holder::Key(kid) => kid,
    };
    let key = read.key(&kid).await?.filter(|key| key.state == KeyState::Active.as_str());
    let Some(key) = key else { return Ok(format!("nothing: {kid} is not in use")) };
    let purpose: KeyPurpose = key.purpose.parse().map_err(|_| anyhow::anyhow!("key {kid} has a bad purpose"))?;
    Ok(match purpose {
        purpose if renews_itself(purpose) => {
            let since = key.activate_at.map_or(begins, Timestamp::from_micros);
            let from = renew_from(purpose, since, [begins, ends]).hk_day();
            format!("the next key and its certificate are made by themselves from {from} on")
        }
        KeyPurpose::RootCa => format!("another root takes its place before {before}, where the root's key is kept"),
        purpose => format!("rotate {kid} from {from} on, before {before}: 'iamctl key rotate --purpose {purpose}'"),
    })
}
