use api::key::{KeyView, Revoked};

use crate::store::{KeyRow, StoreError};

/// What the office sees of a generation.
pub fn view(row: &KeyRow) -> Result<KeyView, StoreError> {
    let generation = row.generation()?;
    Ok(KeyView {
        kid: generation.kid,
        purpose: generation.purpose,
        name: generation.name,
        algorithm: generation.algorithm,
        state: generation.state,
        created_at: generation.created_at,
        activate_at: generation.activate_at,
        retire_at: generation.retire_at,
        revoked: generation.revocation.map(|revocation| Revoked { at: revocation.at, reason: revocation.reason }),
    })
}
