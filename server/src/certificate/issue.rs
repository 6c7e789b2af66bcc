//! Issuing to relying parties; what others issue by is here too.

use std::sync::Arc;

use api::Operation;
use api::certificate::{IssueCertificate, IssuedCertificate};
use domain::{Holder, KeyPurpose, PartyState, Refusal, RelyingPartyId, Serial, Timestamp};
use pki::{Authority, AuthorityPurpose, PlannedCertificate, profile};
use serde_json::json;

use super::presign::record;
use super::request::{check_key_is_free, cut_short, keep_key_free, key_id, life, read_csr};
use super::view::{chain_above, view};
use crate::app::{App, Caller, Keep};
use crate::credential::add::check_room;
use crate::credential::issued::name_issued;
use crate::failure::Failure;
use crate::store::{CertificateRow, Read};

/// Issues a client certificate to a relying party, by the authority for relying parties.
///
/// # Errors
/// By the rules of requests (`csr.…`) and of certificates (`cert.…`).
pub async fn issue(app: &App, caller: &Caller, op: IssueCertificate) -> Result<IssuedCertificate, Failure> {
    let csr = read_csr(&op.csr)?;
    let life = life(app, &profile::RELYING_PARTY, op.validity)?;
    let holder = Holder::RelyingParty(op.rp.clone());
    let mut read = app.store.read().await?;
    check_party(&mut read, &op.rp, app.clock.now()).await?;
    check_key_is_free(&mut read, &key_id(&csr)?, &holder).await?;
    let authority = active_authority(app, &mut read, AuthorityPurpose::RelyingParties).await?;
    drop(read);
    let now = app.clock.now();
    let planned = authority.plan_relying_party(op.rp.as_str(), csr.public_key(), life, now).map_err(anyhow::Error::from)?;
    let mut ignored = csr.ignored(&profile::RELYING_PARTY, op.rp.as_str());
    ignored.extend(cut_short(&planned, life, now));
    give(app, caller, &op, Planned { authority, planned, holder, ignored, replaces: None }).await
}

/// A certificate that is about to be issued by an operation.
pub(super) struct Planned {
    pub(super) authority: Arc<Authority>,
    pub(super) planned: PlannedCertificate,
    pub(super) holder: Holder,
    pub(super) ignored: Vec<String>,
    /// The serial number of the one it follows.
    pub(super) replaces: Option<Serial>,
}

/// Records, signs and stores; a dry run does none of it and shows what would be issued.
pub(super) async fn give<O>(app: &App, caller: &Caller, op: &O, asked: Planned) -> Result<IssuedCertificate, Failure>
where
    O: Operation<Reply = IssuedCertificate>,
{
    let Planned { authority, planned, holder, ignored, replaces } = asked;
    let key_id = planned.key_id().to_owned();
    let now = app.clock.now();
    let (row, pem) = match caller.keep {
        // No serial number is given: one that was shown and never exists would be looked for.
        Keep::Nothing => (CertificateRow { serial: "00".to_owned(), ..CertificateRow::planned(&planned, &holder, now) }, None),
        Keep::Effects => {
            let (certificate, row) = record(app, planned, &holder).await?.sign(&authority)?;
            (row, Some(certificate.pem().map_err(anyhow::Error::from)?))
        }
    };
    let mut tx = app.store.write().await?;
    // As things are now: the party may have been retired, or the key blocked, while the certificate was made.
    keep_key_free(&mut tx, &key_id, &holder).await?;
    if let Holder::RelyingParty(party) = &holder {
        check_party(&mut tx, party, now).await?;
    }
    if let Some(pem) = &pem {
        tx.confirm_certificate(&row).await?;
        if let Some(before) = &replaces {
            tx.insert_renewal(&row.serial()?, before).await?;
        }
        if let Holder::RelyingParty(party) = &holder {
            name_issued(&mut tx, party, &row, pem, now).await?;
        }
    }
    let chain = chain_above(&mut tx, &row.issuer).await?;
    let reply = IssuedCertificate { certificate: view(&row, now)?, pem, chain, ignored };
    let facts = json!({
        "serial": row.serial, "profile": row.profile, "issuer": row.issuer, "holder": row.holder, "key": row.key_id,
        "not_after": row.not_after(), "ignored": reply.ignored, "replaces": replaces,
    });
    tx.commit(caller.record(op).facts(facts), reply).await
}

/// The authority that issues for a purpose now.
///
/// # Errors
/// `cert.issuer-expired` when it has ended; when there is none, or its key does not open.
pub async fn active_authority(app: &App, read: &mut Read, purpose: AuthorityPurpose) -> Result<Arc<Authority>, Failure> {
    let line = purpose.line();
    let row = read.active_key(KeyPurpose::IssuingCa, line).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("there is no active authority for {line}"))?;
    let authority = app.keys.authority(&row)?;
    let ends = authority.certificate().view().not_after;
    if ends < app.clock.now() {
        let refusal =
            Refusal::new("cert.issuer-expired", format!("{} ended at {}: nothing is issued by it", row.kid, ends.people()));
        let line = &row.name;
        return Err(refusal
            .hint(format!(
                "rotate it first: 'iamctl key rotate --purpose issuing-ca --line {line} --activate now', then 'iamd ca issue' where the root's key is"
            ))
            .into());
    }
    Ok(authority)
}

/// A party that is retired gets no certificate, nor one that has as many credentials as it may have. One that is suspended does: it
/// may be getting ready to come back.
pub(super) async fn check_party(read: &mut Read, party: &RelyingPartyId, now: Timestamp) -> Result<(), Failure> {
    let row = read.party(party).await?.ok_or_else(|| Failure::not_found("relying party", party))?;
    if row.state()? == PartyState::Retired {
        return Err(Refusal::new("cert.party-retired", format!("the relying party {party} is retired")).into());
    }
    check_room(&read.party_credentials(party.as_str()).await?, now)
}
