use std::time::Duration;

use api::enrol::{Enrol, Enrolled};
use api::operator::OperatorState;
use domain::{KeyPurpose, Refusal, RequestId, Timestamp};
use pki::{Certificate, CsrRequest};

use super::add::CODE_LIFE;
use crate::app::App;
use crate::failure::Failure;
use crate::keys;
use crate::store::{CertificateRow, OperatorRow};

/// How far apart the clocks of two nodes may be.
const CLOCKS_APART: Duration = Duration::from_mins(1);

/// Issues an operator's certificate for a one-time code and a proven key. In the same transaction the code is spent, and
/// whoever holds a certificate of before is shut out: it may be on a machine that was lost.
pub async fn enrol(app: &App, asked: Enrol, request: RequestId) -> Result<Enrolled, Failure> {
    let csr = CsrRequest::parse(asked.csr.as_bytes()).map_err(|refusal| {
        let advice = refusal.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
        Failure::invalid_field(refusal.code, "csr", refusal.message + &advice)
    })?;
    let code: String = asked.code.trim().to_ascii_uppercase();
    let mac = app.keys.enrolment_mac(&code).map_err(anyhow::Error::from)?;
    let now = app.clock.now();
    // Asked by a read first: whoever guesses codes keeps no writer waiting.
    let mut read = app.store.read().await?;
    let Some(row) = read.operator_of_code(&mac).await? else { return Err(code_refused()) };
    if !is_good(&row, now, read.last_sealed().await?)? {
        return Err(code_refused());
    }
    drop(read);
    let mut tx = app.store.write().await?;
    let Some(row) = tx.operator_enrolling(&mac).await? else { return Err(code_refused()) };
    if !is_good(&row, now, None)? {
        return Err(code_refused());
    }
    let Some(authority_row) = tx.active_key(KeyPurpose::IssuingCa, keys::OPERATORS).await? else {
        return Err(anyhow::anyhow!("there is no active authority for operators").into());
    };
    let authority = app.keys.authority(&authority_row)?;
    let certificate = authority
        .plan_operator(&row.id, csr.public_key(), None, now)
        .and_then(|planned| authority.sign(&planned))
        .map_err(anyhow::Error::from)?;
    let revoked = tx.revoke_operator_certificates(&row.id, now).await?;
    tx.insert_operator_certificate(&certificate_row(&row.id, &certificate)).await?;
    tx.put_operator(&OperatorRow { state: "active".to_owned(), enrolment_mac: None, enrolment_expires_at: None, ..row.clone() })
        .await?;
    let reply = Enrolled {
        operator: row.id()?,
        name: row.name.clone(),
        roles: row.roles()?,
        certificate: certificate.pem().map_err(anyhow::Error::from)?,
        chain: vec![authority.certificate().pem().map_err(anyhow::Error::from)?],
        instance: app.instance.clone(),
        environment: app.environment,
    };
    let facts = serde_json::json!({
        "serial": certificate.view().serial,
        "not_after": Timestamp::to_string(&certificate.view().not_after),
        "revoked": revoked,
    });
    tx.commit_enrolment(&row.id, request, &facts).await?;
    Ok(reply)
}

/// Whether the code of this row may be spent. A clock that was turned back revives none: the code is over by the last sealed
/// entry too, and was not yet there at a time before it was made.
fn is_good(row: &OperatorRow, now: Timestamp, last_sealed: Option<Timestamp>) -> Result<bool, Failure> {
    let Some(expires_at) = row.enrolment_expires_at.map(Timestamp::from_micros) else { return Ok(false) };
    let latest = last_sealed.map_or(now, |sealed| sealed.max(now));
    let made_at = expires_at.minus(CODE_LIFE);
    let began = now.plus(CLOCKS_APART) >= made_at;
    Ok(latest <= expires_at && began && row.state()? != OperatorState::Disabled)
}

/// One answer for a wrong, a spent and an expired code: it tells nobody which.
fn code_refused() -> Failure {
    Failure::Denied(
        Refusal::new("enrol.code", "the enrolment code is wrong, spent or more than ten minutes old")
            .hint("ask the administrator for a new one: 'iamctl operator add' again with the same id"),
    )
}

/// A certificate as it is recorded.
pub(crate) fn certificate_row(operator: &str, certificate: &Certificate) -> CertificateRow {
    CertificateRow {
        fingerprint: certificate.fingerprint().to_vec(),
        operator: operator.to_owned(),
        serial: certificate.view().serial.clone(),
        not_before: certificate.view().not_before.micros(),
        not_after: certificate.view().not_after.micros(),
        revoked_at: None,
        der: certificate.der().to_vec(),
    }
}
