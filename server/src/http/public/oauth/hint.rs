//! Whom a client means by an ID token that it got earlier.

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
    match claims_of_id_token(app, client, token).await? {
        Some(claims) => Ok(claims.get("sub").and_then(Value::as_str).map(str::to_owned)),
        None => Err(OAuthError::request("id_token_hint is not an ID token of this issuer for this client")),
    }
}

/// What an ID token says, once it is found to be ours and this client's, however old; none for any other token.
///
/// # Errors
/// When the database cannot be reached.
pub async fn claims_of_id_token(app: &App, client: &Client, token: &str) -> Result<Option<Value>, OAuthError> {
    let Ok(verified) = verify_token(app, token).await? else { return Ok(None) };
    if !verified.is(TokenType::Jwt) {
        return Ok(None);
    }
    let Ok(claims) = serde_json::from_slice::<Value>(&verified.payload) else { return Ok(None) };
    let ours = claims["iss"] == app.issuer_url && claims["aud"] == client.id.to_string() && claims["sub"].is_string();
    Ok(ours.then_some(claims))
}
