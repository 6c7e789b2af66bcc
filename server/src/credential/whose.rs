//! Whose a key is that somebody reports as leaked. A report shows no more than the public half, which everybody may have: what it
//! stops is held against what its author may stop otherwise.

use api::Operation;
use api::certificate::RevokeCertificate;
use domain::{Holder, KeyPurpose, KeyState, Refusal};
use pki::PublicKey;

use crate::app::Caller;
use crate::failure::Failure;
use crate::store::{CertificateRow, KeyRow, Write};

/// Refuses keys that a report does not stop: the platform's own, which are replaced, and a person's, whose certificates only those
/// revoke who may revoke certificates. A relying party's, and nobody's, are stopped by whoever is on duty. The keys are held, so
/// that nobody enrols with one meanwhile.
///
/// # Errors
/// `credential.key-of-ours`, `credential.key-of-a-person`; when the database cannot be reached or a row is damaged.
pub(super) async fn check_stoppable(tx: &mut Write, caller: &Caller, keys: &[PublicKey]) -> Result<(), Failure> {
    tx.hold_administrators().await?;
    let generations = tx.keys(None, None).await?;
    let without_key = tx.certificates_without_key().await?;
    let may_revoke = RevokeCertificate::ROLES.iter().any(|role| caller.has(*role));
    for key in keys {
        let thumbprint = key.thumbprint().map_err(anyhow::Error::from)?;
        tx.hold_key(&thumbprint).await?;
        if let Some(row) = generations.iter().find(|row| is_of(row, key)) {
            return Err(ours(row)?.into());
        }
        let mut certificates = tx.certificates_over(&thumbprint).await?;
        certificates.extend(without_key.iter().filter(|row| super::leaked::is_over(row, std::slice::from_ref(key))).cloned());
        for certificate in certificates {
            match certificate.holder()? {
                Holder::Key(kid) => {
                    let row = tx.key(&kid).await?.ok_or_else(|| anyhow::anyhow!("key {kid} of a certificate is gone"))?;
                    return Err(ours(&row)?.into());
                }
                holder @ (Holder::Operator(_) | Holder::Account(_) | Holder::Station(_)) if !may_revoke => {
                    return Err(Failure::Denied(of_a_person(&holder, &certificate)));
                }
                Holder::Operator(_) | Holder::Account(_) | Holder::Station(_) | Holder::RelyingParty(_) => {}
            }
        }
    }
    Ok(())
}

/// Whether a generation is this key.
fn is_of(row: &KeyRow, key: &PublicKey) -> bool {
    row.public_key.as_deref().is_some_and(|spki| PublicKey::from_spki_der(spki).is_ok_and(|other| other == *key))
}

/// Of a key of the platform: what puts another in its place.
fn ours(row: &KeyRow) -> Result<Refusal, Failure> {
    let generation = row.generation()?;
    let (kid, purpose, state) = (&generation.kid, generation.purpose, generation.state);
    let refusal = Refusal::new("credential.key-of-ours", format!("this is the platform's own {purpose} key {kid}, {state}"));
    let name = &generation.name;
    let hint = match (purpose, state) {
        (KeyPurpose::RootCa, _) => {
            "nothing takes the place of a root: whoever trusts it has to be told, and a new instance begun".to_owned()
        }
        (KeyPurpose::IssuingCa, KeyState::Published | KeyState::Active | KeyState::Draining) => format!(
            "'iamctl key rotate --purpose issuing-ca --line {name} --activate now', 'iamd ca issue', and then 'iamd ca revoke'"
        ),
        (KeyPurpose::IssuingCa, _) => "'iamd ca revoke', unless the root has revoked it: see 'iamctl cert list'".to_owned(),
        (_, KeyState::Retired | KeyState::Revoked) => {
            format!("nothing that it signs is accepted any more; 'iamctl key show {kid}' has when it ended")
        }
        (KeyPurpose::Ocsp, _) => {
            format!(
                "a key officer replaces it: 'iamctl key rotate --emergency --purpose ocsp --line {name} --reason key-compromise'"
            )
        }
        (_, _) => {
            format!("a key officer replaces it: 'iamctl key rotate --emergency --purpose {purpose} --reason key-compromise'")
        }
    };
    Ok(refusal.hint(hint).about(kid.as_str()))
}

/// Of a key that a person comes in or signs with.
fn of_a_person(holder: &Holder, certificate: &CertificateRow) -> Refusal {
    let whose = holder.kind();
    let message = format!("this is the key of {whose} {holder}: its public half alone does not show that it has leaked");
    let hint = format!("report it to a key officer: 'iamctl cert revoke {} --reason key-compromise'", certificate.serial);
    Refusal::new("credential.key-of-a-person", message).hint(hint).about(holder.to_string())
}
