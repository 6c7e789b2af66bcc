use std::time::Duration;

use api::enrol::{Enrol, Enrolled};
use api::operator::OperatorState;
use domain::{Holder, HolderKind, KeyPurpose, Refusal, RequestId, Timestamp};

use super::add::CODE_LIFE;
use crate::app::App;
use crate::certificate::presign::record;
use crate::certificate::request::{check_key_is_free, keep_key_free, key_id, read_csr};
use crate::failure::Failure;
use crate::keys;
use crate::store::OperatorRow;

/// How far apart the clocks of two nodes may be.
const CLOCKS_APART: Duration = Duration::from_mins(1);

/// Issues an operator's certificate for a one-time code and a proven key. In the same transaction the code is spent, and
/// whoever holds a certificate of before is shut out: it may be on a machine that was lost.
pub async fn enrol(app: &App, asked: Enrol, request: RequestId) -> Result<Enrolled, Failure> {
    let csr = read_csr(&asked.csr)?;
    let code: String = asked.code.trim().to_ascii_uppercase();
    let mac = app.keys.enrolment_mac(&code).map_err(anyhow::Error::from)?;
    let now = app.clock.now();
    // Asked by a read first: whoever guesses codes keeps no writer waiting.
    let mut read = app.store.read().await?;
    let Some(row) = read.operator_of_code(&mac).await? else { return Err(code_refused()) };
    if !is_good(&row, now, read.last_sealed().await?)? {
        return Err(code_refused());
    }
    let holder = Holder::Operator(row.id()?);
    check_key_is_free(&mut read, &key_id(&csr)?, &holder).await?;
    let authority_row = read.active_key(KeyPurpose::IssuingCa, keys::OPERATORS).await?;
    drop(read);
    let authority =
        app.keys.authority(&authority_row.ok_or_else(|| anyhow::anyhow!("there is no active authority for operators"))?)?;
    let planned = authority.plan_operator(&row.id, csr.public_key(), None, now).map_err(anyhow::Error::from)?;
    let operator = row.id()?;
    let recorded = record(app, planned, &holder).await?;
    let (certificate, recorded) = recorded.sign(&authority)?;
    let mut tx = app.store.write().await?;
    // Spent meanwhile, or given to another: the certificate is never handed out, and its serial number is revoked in time.
    let Some(row) = tx.operator_enrolling(&mac).await?.filter(|row| row.id == operator.as_str()) else {
        return Err(code_refused());
    };
    if !is_good(&row, now, None)? {
        return Err(code_refused());
    }
    keep_key_free(&mut tx, &key_id(&csr)?, &holder).await?;
    tx.confirm_certificate(&recorded).await?;
    let revoked = tx.supersede_certificates(HolderKind::Operator, operator.as_str(), &recorded.serial, now).await?;
    tx.put_operator(&OperatorRow { state: "active".to_owned(), enrolment_mac: None, enrolment_expires_at: None, ..row.clone() })
        .await?;
    let reply = Enrolled {
        operator,
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
            .hint("ask the administrator for a new one: 'iamctl operator add' again with the same id, name and roles"),
    )
}
