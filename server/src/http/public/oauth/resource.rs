//! Access tokens as our own resources take them: the signature, the key or certificate they are bound to, and then the database, at
//! each use.

use std::sync::Arc;

use axum::http::{HeaderMap, StatusCode, header};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{ClientId, Scope, Timestamp};
use pki::TokenType;
use serde::{Deserialize, Serialize};

use super::error::{OAuthError, OAuthErrorCode};
use super::presented::Presented;
use super::proof::proof;
use crate::app::App;
use crate::key::sign::verify_token;

/// The largest access token of ours, bytes.
const LARGEST: usize = 4 * 1024;

/// What an access token of ours says.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct AccessClaims {
    iss: String,
    aud: String,
    /// The client it was issued to.
    pub(crate) client_id: String,
    /// The pairwise name of the citizen; the client's own id where there is none.
    pub(crate) sub: String,
    /// Its first second.
    iat: i64,
    /// Its last second.
    exp: i64,
    /// Its id, base64url.
    jti: String,
    /// Scopes, parted by spaces.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    scope: String,
    /// What it is bound to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) cnf: Option<Confirmation>,
}

/// RFC 7800.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confirmation {
    /// A key (RFC 9449).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) jkt: Option<String>,
    /// A certificate (RFC 8705).
    #[serde(default, rename = "x5t#S256", skip_serializing_if = "Option::is_none")]
    pub(crate) x5t: Option<String>,
}

impl AccessClaims {
    /// The id of its row.
    pub(crate) fn id(&self) -> Option<Vec<u8>> {
        BASE64_URL_SAFE_NO_PAD.decode(&self.jti).ok()
    }

    /// Whether it has the scope.
    pub(crate) fn has(&self, scope: &str) -> bool {
        self.scope.split(' ').any(|own| own == scope)
    }

    /// Those of its scopes that say something about a login.
    pub(crate) fn scopes(&self) -> Vec<Scope> {
        self.scope.split(' ').filter_map(|scope| scope.parse().ok()).collect()
    }

    /// Its last moment.
    pub(crate) fn expires_at(&self) -> Timestamp {
        Timestamp::from_micros(self.exp.saturating_mul(1_000_000))
    }

    /// `token_type` of RFC 6749 section 5.1.
    pub(crate) fn token_type(&self) -> &'static str {
        if self.cnf.as_ref().is_some_and(|bound| bound.jkt.is_some()) { "DPoP" } else { "Bearer" }
    }

    /// Whether the database knows of nothing that has ended it. That of a service itself has no row until it is revoked; any other
    /// one that has none is none.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub(crate) async fn is_alive(&self, app: &App) -> Result<bool, OAuthError> {
        let Some(id) = self.id() else { return Ok(false) };
        let mut read = app.store.look().await?;
        if self.sub == self.client_id {
            let Ok(client) = self.client_id.parse::<ClientId>() else { return Ok(false) };
            // Its last moment of being issued: a party that was suspended after it has lost it, active again or not.
            let issued = Timestamp::from_micros((self.iat + 1).saturating_mul(1_000_000));
            return Ok(!read.own_token_ended(&id, &client.rp, issued).await?);
        }
        Ok(read.token(&id).await?.is_some_and(|row| row.is_alive(app.latest())))
    }
}

/// Reads an access token that somebody shows, wherever it is shown: our own signature by a key that is accepted now, our own kind,
/// not yet over. Whether it was revoked the database says.
///
/// # Errors
/// When the database cannot be reached; none when it is not good.
pub(crate) async fn read_access_token(app: &App, token: &str) -> Result<Option<AccessClaims>, OAuthError> {
    if token.len() > LARGEST {
        return Ok(None);
    }
    let Ok(verified) = verify_token(app, token).await? else { return Ok(None) };
    if !verified.is(TokenType::AccessToken) {
        return Ok(None);
    }
    let Ok(claims) = serde_json::from_slice::<AccessClaims>(&verified.payload) else { return Ok(None) };
    let ours = claims.iss == app.issuer_url && claims.aud == app.issuer_url;
    let over = app.latest() >= claims.expires_at();
    Ok((ours && !over).then_some(claims))
}

/// The client that a token is said to be of, before anything of it is verified: it decides in which queue its bearer waits.
pub(crate) fn claimed(shown: &Presented) -> Option<ClientId> {
    let (_, token) = authorization(&shown.headers).ok()?;
    (token.len() <= LARGEST).then(|| pki::jws::claimed(token, "client_id").ok()?.parse().ok()).flatten()
}

/// The access token of a request, held to what it is bound to; its proof is spent.
///
/// # Errors
/// `invalid_token`, `invalid_dpop_proof`, with the challenge of the scheme (RFC 6750 section 3, RFC 9449 section 7.1).
pub(crate) async fn access(app: &Arc<App>, shown: &Presented) -> Result<AccessClaims, OAuthError> {
    let (scheme, token) = authorization(&shown.headers)?;
    let claims = read_access_token(app, token).await?.ok_or_else(|| bad_token(scheme))?;
    let bound = claims.cnf.clone().unwrap_or_default();
    match (scheme, bound.jkt, bound.x5t) {
        (Scheme::Dpop, Some(key), _) => check_proof(app, shown, token, &key).await?,
        // One that is bound to a key is not to be taken without its proof (RFC 9449 section 7.2).
        (Scheme::Bearer, Some(_), _) | (Scheme::Dpop, None, _) => return Err(bad_token(scheme)),
        (Scheme::Bearer, None, Some(digest)) => {
            let own = shown.certificate.as_ref().map(|own| BASE64_URL_SAFE_NO_PAD.encode(own.fingerprint));
            if own.is_none_or(|own| own != digest) {
                return Err(bad_token(scheme));
            }
        }
        (Scheme::Bearer, None, None) => {}
    }
    Ok(claims)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Bearer,
    Dpop,
}

fn authorization(headers: &HeaderMap) -> Result<(Scheme, &str), OAuthError> {
    // RFC 6750 section 3.1: whoever brings nothing is told how, and no error.
    let missing = || {
        OAuthError::new(OAuthErrorCode::InvalidToken, "an access token is needed")
            .challenge("Bearer realm=\"userinfo\", DPoP algs=\"ES256 PS256\"")
    };
    let mut all = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(given), None) = (all.next(), all.next()) else { return Err(missing()) };
    let (scheme, token) = given.to_str().ok().and_then(|given| given.split_once(' ')).ok_or_else(missing)?;
    match scheme.to_ascii_lowercase().as_str() {
        "bearer" => Ok((Scheme::Bearer, token.trim())),
        "dpop" => Ok((Scheme::Dpop, token.trim())),
        _ => Err(missing()),
    }
}

async fn check_proof(app: &Arc<App>, shown: &Presented, token: &str, key: &str) -> Result<(), OAuthError> {
    let challenged = |error: OAuthError| match error.code {
        OAuthErrorCode::InvalidDpopProof => {
            let challenge = "DPoP error=\"invalid_dpop_proof\", algs=\"ES256 PS256\"";
            error.status(StatusCode::UNAUTHORIZED).challenge(challenge)
        }
        _ => error,
    };
    match proof(app, shown, Some(token)).await.map_err(challenged)? {
        Some(proof) if proof.thumbprint == key => Ok(()),
        Some(_) => Err(bad_token(Scheme::Dpop)),
        None => Err(challenged(OAuthError::new(OAuthErrorCode::InvalidDpopProof, "a proof of possession is needed"))),
    }
}

/// `invalid_token` of the scheme.
fn bad_token(scheme: Scheme) -> OAuthError {
    let challenge = match scheme {
        Scheme::Bearer => "Bearer error=\"invalid_token\"",
        Scheme::Dpop => "DPoP error=\"invalid_token\", algs=\"ES256 PS256\"",
    };
    OAuthError::new(OAuthErrorCode::InvalidToken, "the access token is not good, or not shown as it is bound")
        .challenge(challenge)
}

/// The same once the database has been asked.
pub(crate) fn not_alive(claims: &AccessClaims) -> OAuthError {
    let bound = claims.cnf.as_ref().is_some_and(|bound| bound.jkt.is_some());
    bad_token(if bound { Scheme::Dpop } else { Scheme::Bearer })
}
