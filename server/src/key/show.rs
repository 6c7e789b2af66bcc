use api::key::{KeyDetail, ShowKey};
use domain::KeyState;
use pki::Certificate;

use super::{jwks, view::view};
use crate::app::{App, Caller};
use crate::failure::Failure;

/// One generation with its public part and what comes next.
pub async fn show(app: &App, _: &Caller, op: ShowKey) -> Result<KeyDetail, Failure> {
    let row = app.store.read().await?.key(&op.kid).await?.ok_or_else(|| Failure::not_found("key", &op.kid))?;
    let key = view(&row)?;
    let jwk = jwks::jwk(&row)?;
    let next = match (key.state, key.activate_at, key.retire_at) {
        (KeyState::Published, Some(at), _) => Some(format!("becomes active at {at}")),
        (KeyState::Draining, _, Some(at)) => Some(format!("is retired at {at}")),
        _ => None,
    };
    let certificate = row
        .certificate
        .as_deref()
        .map(|der| Certificate::from_der(der).and_then(|certificate| certificate.pem()))
        .transpose()
        .map_err(anyhow::Error::from)?;
    Ok(KeyDetail {
        in_jwks: jwk.is_some() && row.generation()?.shown_in_jwks(),
        jwk: jwk.map(serde_json::to_value).transpose().map_err(anyhow::Error::from)?,
        key,
        certificate,
        next,
    })
}
