use api::certificate::{IssuedCertificate, RenewCertificate};
use domain::{Holder, Refusal};
use pki::{AuthorityPurpose, Certificate, profile};

use super::issue::{Planned, active_authority, check_party, give};
use super::request::{check_key_is_free, cut_short, life, read_csr};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::operator::again::invite_again;
use crate::store::Read;

/// Issues a relying party's certificate anew, over the same key or over that of a new request; the old one stays good until its
/// own end, so that the party can change over when it likes.
pub async fn renew(app: &App, caller: &Caller, op: RenewCertificate) -> Result<IssuedCertificate, Failure> {
    let csr = op.csr.as_deref().map(read_csr).transpose()?;
    let life = life(app, &profile::RELYING_PARTY, op.validity)?;
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let row = read.certificate(&op.serial).await?.ok_or_else(|| Failure::not_found("certificate", &op.serial))?;
    let holder = row.holder()?;
    let Holder::RelyingParty(party) = &holder else { return Err(renewed_otherwise(&mut read, &holder).await?.into()) };
    check_party(&mut read, party, now).await?;
    let (key, mut ignored) = match &csr {
        Some(csr) => (csr.public_key().clone(), csr.ignored(&profile::RELYING_PARTY, party.as_str())),
        None => {
            // The record of a certificate that never came has no key to take over.
            let Some(der) = row.der.as_deref() else { return Err(never_made().into()) };
            let key = Certificate::from_der(der).and_then(|certificate| certificate.public_key());
            (key.map_err(anyhow::Error::from)?, Vec::new())
        }
    };
    check_key_is_free(&mut read, &key.thumbprint().map_err(anyhow::Error::from)?, &holder).await?;
    let authority = active_authority(app, &mut read, AuthorityPurpose::RelyingParties).await?;
    drop(read);
    let planned = authority.plan_relying_party(party.as_str(), &key, life, now).map_err(anyhow::Error::from)?;
    ignored.extend(cut_short(&planned, life, now));
    let replaces = Some(op.serial.clone());
    let issued = give(app, caller, &op, Planned { authority, planned, holder, ignored, replaces }).await?;
    app.wake.expiry.notify_one();
    Ok(issued)
}

fn never_made() -> Refusal {
    let refusal = Refusal::new("cert.state", "the serial number was put on record and never became a certificate");
    refusal.hint("give a request: --csr FILE")
}

async fn renewed_otherwise(read: &mut Read, holder: &Holder) -> Result<Refusal, Failure> {
    let refusal = Refusal::new("cert.renewed-otherwise", "only relying parties' certificates are renewed by this verb");
    Ok(refusal.hint(match holder {
        Holder::Operator(operator) => {
            let row = read.operator(operator).await?.ok_or_else(|| Failure::not_found("operator", operator))?;
            format!("an operator enrols again: {} makes a new code", invite_again(&row)?)
        }
        Holder::Account(_) => "a citizen registers again in the app".to_owned(),
        Holder::Station(station) => {
            format!("a station gets another by 'iamctl registration station add {station}', with the request of a new key")
        }
        Holder::Key(kid) => format!("the platform's own are renewed by themselves or rotated: 'iamctl key show {kid}'"),
        Holder::RelyingParty(_) => String::new(),
    }))
}
