use std::time::Duration;

use api::certificate::{CheckCertificates, CheckedCertificate};
use domain::{CertificateState, HolderKind, Timestamp, days_left};
use pki::held::read_held;
use pki::lint::lint;
use pki::profile::Profile;
use pki::{AuthorityName, Certificate, profile};

use super::view::authorities_above;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::store::{CertificateFilter, CertificateRow, Read};

const WITHIN_DAYS: u32 = 30;
/// Rows looked at together.
const BATCH: i64 = 500;

/// Looks over every certificate in use but citizens', who are many and whose own app looks after theirs; or over those that
/// somebody holds.
pub async fn check(app: &App, _: &Caller, op: CheckCertificates) -> Result<Vec<CheckedCertificate>, Failure> {
    let now = app.clock.now();
    let soon = now.plus(Duration::from_hours(24 * u64::from(op.ends_within_days.unwrap_or(WITHIN_DAYS))));
    let mut read = app.store.read().await?;
    if let Some(pem) = &op.pem {
        let held = read_held(pem.as_bytes());
        let mut each = Vec::new();
        for certificate in held.map_err(|error| Failure::invalid_field("cert.unreadable", "pem", error.to_string()))? {
            let row = read.certificate_shown(&certificate.fingerprint()).await?;
            each.push(checked(&mut read, &certificate, row.as_ref(), soon, now).await?);
        }
        return Ok(each);
    }
    let mut all = Vec::new();
    for kind in [HolderKind::Key, HolderKind::Operator, HolderKind::RelyingParty, HolderKind::Station] {
        let filter = CertificateFilter { holder_kind: Some(kind), state: Some(CertificateState::Valid), ..Default::default() };
        let mut after = None;
        loop {
            let rows = read.certificates(&filter, now, after.as_ref(), BATCH).await?;
            for row in &rows {
                let Some(der) = row.der.as_deref() else { continue };
                let certificate = Certificate::from_der(der).map_err(anyhow::Error::from)?;
                all.push(checked(&mut read, &certificate, Some(row), soon, now).await?);
            }
            match rows.last() {
                Some(last) if i64::try_from(rows.len()).is_ok_and(|count| count == BATCH) => after = Some(last.serial()?),
                _ => break,
            }
        }
    }
    Ok(all)
}

async fn checked(
    read: &mut Read,
    certificate: &Certificate,
    row: Option<&CertificateRow>,
    soon: Timestamp,
    now: Timestamp,
) -> Result<CheckedCertificate, Failure> {
    let shown = certificate.view();
    let mut findings = Vec::new();
    let mut state = None;
    match row {
        None => findings.push("it is not on record here: another instance issued it, or nobody of ours".to_owned()),
        Some(row) => {
            let standing = row.standing()?.state(row.not_after(), now);
            state = Some(standing);
            if standing != CertificateState::Valid {
                findings.push(format!("it is {standing}"));
            }
            let above = authorities_above(read, &row.issuer).await?;
            let issuer = above.first().filter(|_| row.profile != profile::ROOT.name);
            let wanted = profile_of(row);
            let broken = lint(certificate.der(), issuer.map(Certificate::der), wanted);
            findings.extend(broken.iter().map(ToString::to_string));
            if !certificate.is_signed_by(issuer.unwrap_or(certificate)).map_err(anyhow::Error::from)? {
                findings.push(format!("{} did not sign it", row.issuer));
            }
            findings.extend(
                above.iter().filter(|above| !above.is_valid_at(now)).map(|above| format!("{} has ended", above.view().subject)),
            );
        }
    }
    if shown.not_before > now {
        findings.push(format!("it begins at {}", shown.not_before.people()));
    }
    if shown.not_after < soon && shown.not_after >= now {
        findings.push(format!("it ends in {} days", days_left(shown.not_after, now)));
    }
    Ok(CheckedCertificate {
        serial: shown
            .serial
            .parse()
            .map_err(|_| Failure::invalid_field("cert.unreadable", "pem", "its serial number is too long"))?,
        subject: shown.subject.clone(),
        holder: row.map(|row| row.holder.clone()),
        state,
        not_after: shown.not_after,
        days_left: days_left(shown.not_after, now),
        ok: findings.is_empty(),
        findings,
    })
}

/// The issuing authorities share a name and differ in their uses.
fn profile_of(row: &CertificateRow) -> &'static Profile {
    match row.holder.parse::<AuthorityName>() {
        Ok(name) if row.profile == profile::ISSUING_CA.name => name.purpose.profile(),
        _ => Profile::named(&row.profile).unwrap_or(&profile::OPERATOR),
    }
}
