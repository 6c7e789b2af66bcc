use api::key::{KeyView, Revoked};
use pki::Certificate;

use crate::store::{KeyRow, StoreError};

/// What the office sees of a generation.
pub fn view(row: &KeyRow) -> Result<KeyView, StoreError> {
    let generation = row.generation()?;
    let certificate = row.certificate.as_deref().map(Certificate::from_der).transpose();
    let certificate =
        certificate.map_err(|error| StoreError::Broken(anyhow::anyhow!("key {} has a bad certificate: {error}", row.kid)))?;
    Ok(KeyView {
        kid: generation.kid,
        purpose: generation.purpose,
        name: generation.name,
        algorithm: generation.algorithm,
        state: generation.state,
        created_at: generation.created_at,
        activate_at: generation.activate_at,
        retire_at: generation.retire_at,
        plan: generation.drained_by.or(generation.plan),
        work: None,
        not_after: certificate.map(|certificate| certificate.view().not_after),
        token_object: row.token_object.clone(),
        revoked: generation.revocation.map(|revocation| Revoked { at: revocation.at, reason: revocation.reason }),
    })
}
