use domain::{KeyAlgorithm, KeyPurpose};
use pki::{Jwks, JwsAlgorithm, PublicJwk, PublicKey};

use crate::app::App;
use crate::failure::Failure;
use crate::store::KeyRow;

/// The key set of this moment: published, active and draining token-signing keys, in order of age.
pub async fn published(app: &App) -> Result<Jwks, Failure> {
    let rows = app.store.read().await?.keys(Some(KeyPurpose::TokenSigning), None).await?;
    let mut keys = Vec::new();
    for row in &rows {
        if row.generation()?.shown_in_jwks() {
            keys.extend(jwk(row)?);
        }
    }
    Ok(Jwks { keys })
}

/// The public JWK of a token-signing key; none for other keys.
pub fn jwk(row: &KeyRow) -> Result<Option<PublicJwk>, Failure> {
    let algorithm = match row.generation()?.algorithm {
        KeyAlgorithm::Es256 => JwsAlgorithm::ES256,
        KeyAlgorithm::Ps256 => JwsAlgorithm::PS256,
        _ => return Ok(None),
    };
    let Some(spki) = row.public_key.as_deref().filter(|_| row.purpose == KeyPurpose::TokenSigning.to_string()) else {
        return Ok(None);
    };
    let key = PublicKey::from_spki_der(spki).map_err(anyhow::Error::from)?;
    Ok(Some(PublicJwk::signing(&key, algorithm).map_err(anyhow::Error::from)?))
}
