//! Tokens: signed by the generation that is active at this moment, and verified by those that are accepted at this moment.
//!
//! Which key signs and which are accepted is asked of the database each time, so that a rotation or a revocation holds on every
//! node from its commit on. Only opened keys are kept, by kid: unwrapping one costs more than signing with it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context;
use domain::{KeyAlgorithm, KeyPurpose, KeySlot};
use pki::jws::{TokenRefusal, verify};
use pki::{JwsAlgorithm, TokenSigner, TokenType, VerifiedToken};

use super::jwks;
use crate::app::App;
use crate::failure::Failure;
use crate::keys::TOKENS;
use crate::store::KeyRow;

/// Opened keys that are kept: those of two algorithms, and what was just replaced.
const MOST: usize = 8;

/// Opened token-signing keys, by kid.
#[derive(Default)]
pub struct OpenSigners(Mutex<HashMap<String, Arc<TokenSigner>>>);

impl OpenSigners {
    fn get(&self, kid: &str) -> Option<Arc<TokenSigner>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(kid).cloned()
    }

    fn keep(&self, signer: &Arc<TokenSigner>) {
        let mut open = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= MOST {
            // What is still used is opened again.
            open.clear();
        }
        open.insert(signer.kid().to_owned(), Arc::clone(signer));
    }
}

/// Signs claims, a JSON object, into a compact JWS (RFC 7515 section 7.1).
///
/// # Errors
/// When the database cannot be reached, no key of that algorithm is active, or what holds it does not answer.
pub async fn sign_token(app: &App, algorithm: JwsAlgorithm, typ: TokenType, claims: &[u8]) -> Result<String, Failure> {
    let signer = active(app, algorithm).await?;
    let token = match algorithm {
        JwsAlgorithm::ES256 => signer.sign(typ, claims),
        // An RSA signature takes a hundred times as long: no other request waits for it on this thread.
        JwsAlgorithm::PS256 => {
            let claims = claims.to_vec();
            tokio::task::spawn_blocking(move || signer.sign(typ, &claims)).await.map_err(anyhow::Error::from)?
        }
    };
    Ok(token.map_err(anyhow::Error::from)?)
}

/// Verifies a token that is shown to one of our own resources: a key that was revoked or retired makes it nothing.
///
/// # Errors
/// When the database cannot be reached. The inner error says why the token is not taken.
pub async fn verify_token(app: &App, token: &str) -> Result<Result<VerifiedToken, TokenRefusal>, Failure> {
    let store = app.store.clone();
    let accepted = app.accepted.read((), move || async move { jwks::shown(&mut store.read().await?).await }).await?;
    Ok(verify(token, &accepted.jwks, &[JwsAlgorithm::ES256, JwsAlgorithm::PS256]))
}

async fn active(app: &App, algorithm: JwsAlgorithm) -> Result<Arc<TokenSigner>, Failure> {
    let key = match algorithm {
        JwsAlgorithm::ES256 => KeyAlgorithm::Es256,
        JwsAlgorithm::PS256 => KeyAlgorithm::Ps256,
    };
    let slot = KeySlot { purpose: KeyPurpose::TokenSigning, name: TOKENS.to_owned(), algorithm: key };
    let (store, asked) = (app.store.clone(), slot.clone());
    let row = app.signing.read(key, move || async move { Ok(store.look().await?.signing_key(&asked).await?) }).await?;
    let row = row.as_ref().as_ref().with_context(|| format!("no key of {slot} is active"))?;
    if let Some(open) = app.signers.get(&row.kid) {
        return Ok(open);
    }
    let signer = Arc::new(open(app, row, algorithm)?);
    app.signers.keep(&signer);
    Ok(signer)
}

fn open(app: &App, row: &KeyRow, algorithm: JwsAlgorithm) -> anyhow::Result<TokenSigner> {
    let signer = TokenSigner::new(app.keys.signer(row)?, algorithm)?;
    anyhow::ensure!(signer.kid() == row.kid, "key {} is another one than its row says", row.kid);
    Ok(signer)
}
