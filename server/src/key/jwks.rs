use std::collections::HashMap;
use std::sync::{LazyLock, Mutex, MutexGuard, PoisonError};

use domain::{ClientId, KeyAlgorithm, KeyPurpose, Kid, ServiceState};
use pki::{Jwks, JwsAlgorithm, PublicJwk, PublicKey};

use crate::app::App;
use crate::failure::Failure;
use crate::http::party::Party;
use crate::store::{KeyRow, Read};

/// A key set and the ids of its keys.
pub struct KeySet {
    /// As it is served.
    pub jwks: Jwks,
    /// In the same order.
    pub kids: Vec<Kid>,
}

/// Who a key set is given to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Given<'a> {
    /// Nobody: only its headers were asked for.
    ToNobody,
    /// Somebody of whom nothing is known.
    ToAStranger,
    /// A relying party, by its certificate.
    To(&'a Party),
}

/// The key set of this moment: published, active and draining token-signing keys, in order of age. Notes the party that it is given
/// to.
pub async fn published(app: &App, given: Given<'_>) -> Result<KeySet, Failure> {
    let set = shown(&mut app.store.read().await?).await?;
    note(app, given, &set);
    Ok(set)
}

/// The party has seen it, and used what it came with.
fn note(app: &App, given: Given<'_>, set: &KeySet) {
    let Given::To(party) = given else { return };
    let now = app.clock.now();
    app.sightings.certificate(&party.rp, set.kids.clone(), now);
    if let Some(credential) = party.credential {
        app.sightings.credential(credential, now);
    }
}

/// The same for a client at its own address; notes that it has seen it where the set is really given, and not to another party.
/// None when there is no such client, or it is retired.
pub async fn published_for(app: &App, client: &str, given: Given<'_>) -> Result<Option<Jwks>, Failure> {
    let Ok(client) = client.parse::<ClientId>() else { return Ok(None) };
    let mut read = app.store.read().await?;
    let Some(service) = read.service(&client).await? else { return Ok(None) };
    if service.state()? == ServiceState::Retired {
        return Ok(None);
    }
    let set = shown(&mut read).await?;
    note(app, given, &set);
    let to_itself = match given {
        Given::ToNobody => false,
        Given::ToAStranger => true,
        Given::To(party) => party.rp == client.rp,
    };
    if to_itself {
        app.sightings.client(&client, set.kids, app.clock.now());
    }
    Ok(Some(set.jwks))
}

/// The same of a snapshot, given to nobody.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn shown(read: &mut Read) -> Result<KeySet, Failure> {
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
    if let Some(made) = made().get(spki) {
        return Ok(Some(made.clone()));
    }
    let key = PublicKey::from_spki_der(spki).map_err(anyhow::Error::from)?;
    let jwk = PublicJwk::signing(&key, algorithm).map_err(anyhow::Error::from)?;
    let mut made = made();
    if made.len() >= MOST_MADE {
        made.clear();
    }
    made.insert(spki.to_vec(), jwk.clone());
    Ok(Some(jwk))
}

/// The most JWKs that are kept.
const MOST_MADE: usize = 64;

/// JWKs by the SPKI DER that each was made of: of nothing else, and so for ever. OpenSSL takes as long to read a key as to use it.
fn made() -> MutexGuard<'static, HashMap<Vec<u8>, PublicJwk>> {
    static MADE: LazyLock<Mutex<HashMap<Vec<u8>, PublicJwk>>> = LazyLock::new(Mutex::default);
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}
