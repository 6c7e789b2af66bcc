//! `grant_type=client_credentials` (RFC 6749 section 4.4): a token for the service itself. It has no row: nothing of anybody is in
//! it, and it ends by itself in five minutes.

use domain::Scope;

use super::{Answered, TokenCall};
use crate::app::App;
use crate::http::public::oauth::error::{OAuthError, OAuthErrorCode};
use crate::http::public::oauth::issue::access_token;
use crate::http::public::oauth::parameters::scopes_within;

/// Issues it.
pub(super) async fn issue(app: &App, call: &TokenCall<'_>) -> Result<Answered, OAuthError> {
    let own: Vec<String> = call.client.scopes.iter().filter(|scope| !is_of_a_citizen(scope)).cloned().collect();
    let scopes = match call.form.get("scope") {
        None => own,
        Some(asked) => scopes_within(asked, &own)
            .ok_or_else(|| OAuthError::new(OAuthErrorCode::InvalidScope, "the client may not have that scope for itself"))?,
    };
    let access = access_token(app, &call.client.id, None, &scopes, &call.binding).await?;
    Ok(Answered { access, refresh: None, id_token: None, scopes })
}

/// What asks for something of a person is no scope of a service itself: ours, and those of OpenID Connect Core 1.0, section 5.4, that
/// nothing here is behind.
fn is_of_a_citizen(scope: &str) -> bool {
    scope.parse::<Scope>().is_ok() || ["email", "address"].contains(&scope)
}
