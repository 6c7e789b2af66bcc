//! Whom a client means by an ID token that it got earlier.

use domain::{CitizenRequestId, ClientId};
use pki::TokenType;
use serde_json::Value;

use super::client::Client;
use super::error::OAuthError;
use super::form::Parameters;
use crate::app::App;
use crate::key::sign::verify_token;

/// The pairwise name in an `id_token_hint`; none where none was sent. One that has ended is a hint still (OpenID Connect Core
/// section 3.1.2.1).
///
/// # Errors
/// `invalid_request` for a token that is not an ID token of ours for this client; when the database cannot be reached.
pub async fn who_is_hinted_at(app: &App, client: &Client, asked: &Parameters) -> Result<Option<String>, OAuthError> {
    let Some(token) = asked.get("id_token_hint") else { return Ok(None) };
    match read_id_token(app, token).await? {
        Some(read) if read.client == client.id => Ok(Some(read.sub)),
        _ => Err(OAuthError::request("id_token_hint is not an ID token of this issuer for this client")),
    }
}

/// An ID token of ours that somebody shows again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Hinted {
    /// The client it was issued to.
    pub(super) client: ClientId,
    /// The pairwise name of the citizen.
    pub(super) sub: String,
    /// The login.
    pub(super) login: Option<CitizenRequestId>,
}

/// Reads an ID token, however old, once it is found to be ours; none for any other token.
///
/// # Errors
/// When the database cannot be reached.
pub(super) async fn read_id_token(app: &App, token: &str) -> Result<Option<Hinted>, OAuthError> {
    let Ok(verified) = verify_token(app, token).await? else { return Ok(None) };
    if !verified.is(TokenType::Jwt) {
        return Ok(None);
    }
    let Ok(claims) = serde_json::from_slice::<Value>(&verified.payload) else { return Ok(None) };
    let text = |name: &str| claims.get(name).and_then(Value::as_str);
    if text("iss") != Some(app.issuer_url.as_str()) {
        return Ok(None);
    }
    let (client, sub) = (text("aud").and_then(|client| client.parse().ok()), text("sub").map(str::to_owned));
    let login = text("sid").and_then(|sid| sid.parse().ok());
    Ok(client.zip(sub).map(|(client, sub)| Hinted { client, sub, login }))
}
