use domain::{ClientId, KeyAlgorithm, KeyPurpose, Kid, ServiceState};
use pki::{Jwks, JwsAlgorithm, PublicJwk, PublicKey};

use crate::app::App;
use crate::failure::Failure;
use crate::store::{KeyRow, Read};

/// A key set and the ids of its keys.
pub struct KeySet {
    /// As it is served.
    pub jwks: Jwks,
    /// In the same order.
    pub kids: Vec<Kid>,
}

/// The key set of this moment: published, active and draining token-signing keys, in order of age.
pub async fn published(app: &App) -> Result<KeySet, Failure> {
    shown(&mut app.store.read().await?).await
}

/// The same for a client at its own address; notes that it has seen it where the set is really given. None when there is no such
/// client, or it is retired.
pub async fn published_for(app: &App, client: &str, given: bool) -> Result<Option<Jwks>, Failure> {
    let Ok(client) = client.parse::<ClientId>() else { return Ok(None) };
    let mut read = app.store.read().await?;
    let Some(service) = read.service(&client).await? else { return Ok(None) };
    if service.state()? == ServiceState::Retired {
        return Ok(None);
    }
    let set = shown(&mut read).await?;
    if given {
        app.sightings.client(&client, set.kids, app.clock.now());
    }
    Ok(Some(set.jwks))
}

async fn shown(read: &mut Read) -> Result<KeySet, Failure> {
    let rows = read.keys(Some(KeyPurpose::TokenSigning), None).await?;
    let (mut keys, mut kids) = (Vec::new(), Vec::new());
    for row in &rows {
        let generation = row.generation()?;
        if generation.shown_in_jwks()
            && let Some(key) = jwk(row)?
        {
            keys.push(key);
            kids.push(generation.kid);
        }
    }
    Ok(KeySet { jwks: Jwks { keys }, kids })
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
