//! The proof of possession that comes with a request (RFC 9449 section 4.3), used once.

use std::sync::Arc;

use domain::Refusal;
use pki::JwsAlgorithm;
use pki::jws::{Expected, Proof, verify_proof};

use super::error::{OAuthError, OAuthErrorCode};
use super::presented::Presented;
use crate::app::App;
use crate::failure::Failure;
use crate::spent::{Once, spend};

/// Its header.
const HEADER: &str = "dpop";

/// Verifies the proof and spends it; none where none was sent. `access_token` is the one that came with it.
///
/// # Errors
/// `invalid_dpop_proof`; when the database cannot be reached.
pub async fn proof(app: &Arc<App>, presented: &Presented, access_token: Option<&str>) -> Result<Option<Proof>, OAuthError> {
    const INVALID: OAuthErrorCode = OAuthErrorCode::InvalidDpopProof;
    let mut all = presented.headers.get_all(HEADER).iter();
    let (compact, more) = (all.next(), all.next());
    let Some(compact) = compact else { return Ok(None) };
    if more.is_some() {
        return Err(OAuthError::new(INVALID, "there is more than one proof"));
    }
    let compact = compact.to_str().map_err(|_| OAuthError::new(INVALID, "the proof is no token"))?;
    let expected = Expected {
        method: presented.method.as_str(),
        address: &presented.address(app),
        access_token,
        algorithms: &[JwsAlgorithm::ES256, JwsAlgorithm::PS256],
        now: app.latest(),
    };
    let proof = verify_proof(compact, &expected).map_err(|refusal| {
        tracing::debug!(request = %presented.id, %refusal, "a proof of possession was refused");
        OAuthError::new(INVALID, "the proof is not one of this request, this moment and its own key")
    })?;
    match spend(app, Once::Proof { key: &proof.thumbprint }, &proof.jti, proof.expires_at).await {
        Ok(()) => Ok(Some(proof)),
        Err(Failure::Refused(Refusal { code: "proof.replayed", .. })) => {
            Err(OAuthError::new(INVALID, "the proof was used before"))
        }
        Err(failure) => Err(failure.into()),
    }
}
