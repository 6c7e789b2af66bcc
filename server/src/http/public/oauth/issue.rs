//! Tokens as they are handed out: access tokens (RFC 9068), ID tokens (OpenID Connect Core 1.0, section 2) and refresh tokens.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{CitizenRequestId, ClientId, Tier, Timestamp};
use openssl::sha::sha256;
use pki::{JwsAlgorithm, TokenType};
use serde_json::{Value, json};

use crate::app::App;
use crate::failure::Failure;
use crate::key::sign::sign_token;
use crate::store::{NewToken, TokenKind};

/// How long an access token is good.
pub(crate) const ACCESS_LIFE: Duration = Duration::from_mins(5);
/// How long an ID token is: it is read once, when it comes.
const ID_LIFE: Duration = Duration::from_mins(5);
/// How the citizen has proved themselves (RFC 8176): with a key that their device has, being there.
const AMR: [&str; 2] = ["pop", "user"];

/// What an access token is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Binding {
    /// A key, by its RFC 7638 thumbprint (RFC 9449 section 6).
    Key(String),
    /// A certificate, by the SHA-256 of its DER, base64url (RFC 8705 section 3).
    Certificate(String),
    /// Nothing: whoever has it may use it. `oidc` clients alone.
    Nothing,
}

impl Binding {
    /// `token_type` of RFC 6749 section 5.1.
    pub(crate) const fn token_type(&self) -> &'static str {
        match self {
            Self::Key(_) => "DPoP",
            Self::Certificate(_) | Self::Nothing => "Bearer",
        }
    }

    /// As it stands with the login.
    pub(crate) fn stored(&self) -> Option<String> {
        match self {
            Self::Key(thumbprint) => Some(format!("jkt:{thumbprint}")),
            Self::Certificate(digest) => Some(format!("x5t:{digest}")),
            Self::Nothing => None,
        }
    }

    /// The claim `cnf` (RFC 7800).
    fn confirmation(&self) -> Option<Value> {
        match self {
            Self::Key(thumbprint) => Some(json!({ "jkt": thumbprint })),
            Self::Certificate(digest) => Some(json!({ "x5t#S256": digest })),
            Self::Nothing => None,
        }
    }
}

/// A citizen as the tokens of one login speak of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Subject {
    /// The login.
    pub(crate) login: CitizenRequestId,
    /// The name by which the party knows the citizen.
    pub(crate) subject: [u8; 16],
    /// The tier the account had when they approved.
    pub(crate) tier: Tier,
    /// When they approved.
    pub(crate) authenticated_at: Timestamp,
}

impl Subject {
    /// `sub`.
    pub(crate) fn sub(&self) -> String {
        BASE64_URL_SAFE_NO_PAD.encode(self.subject)
    }
}

/// A token, and the row that stands for it.
#[derive(Debug)]
pub(crate) struct Made {
    /// As it is handed out.
    pub(crate) token: String,
    /// Its row.
    pub(crate) row: NewToken,
}

/// An access token for a citizen's login, or for the client itself.
///
/// # Errors
/// When no key can sign.
pub(crate) async fn access_token(
    app: &App,
    client: &ClientId,
    subject: Option<&Subject>,
    scopes: &[String],
    binding: &Binding,
) -> Result<Made, Failure> {
    let now = app.clock.now();
    let mut jti = [0; 16];
    app.entropy.fill(&mut jti);
    let expires_at = now.plus(ACCESS_LIFE);
    let mut claims = json!({
        "iss": app.issuer_url,
        "aud": app.issuer_url,
        "client_id": client,
        "sub": subject.map_or_else(|| client.to_string(), Subject::sub),
        "iat": seconds(now),
        "exp": seconds(expires_at),
        "jti": BASE64_URL_SAFE_NO_PAD.encode(jti),
    });
    // A list of none is left out (RFC 6749 section 3.3).
    if !scopes.is_empty() {
        claims["scope"] = scopes.join(" ").into();
    }
    if let Some(confirmation) = binding.confirmation() {
        claims["cnf"] = confirmation;
    }
    if let Some(subject) = subject {
        claims["auth_time"] = seconds(subject.authenticated_at).into();
        claims["acr"] = subject.tier.as_str().into();
        claims["sid"] = subject.login.to_string().into();
    }
    let token = sign_token(app, JwsAlgorithm::ES256, TokenType::AccessToken, claims.to_string().as_bytes()).await?;
    Ok(Made { token, row: NewToken { id: jti.to_vec(), kind: TokenKind::Access, expires_at } })
}

/// An ID token. What the citizen released of themselves is not in it: it is asked for at the userinfo endpoint, and leaves no copy
/// in whatever keeps ID tokens.
///
/// # Errors
/// When no key can sign.
pub(crate) async fn id_token(
    app: &App,
    client: &ClientId,
    subject: &Subject,
    nonce: Option<&str>,
    access_token: &str,
) -> Result<String, Failure> {
    let now = app.clock.now();
    let mut claims = json!({
        "iss": app.issuer_url,
        "aud": client,
        "sub": subject.sub(),
        "iat": seconds(now),
        "exp": seconds(now.plus(ID_LIFE)),
        "auth_time": seconds(subject.authenticated_at),
        "acr": subject.tier.as_str(),
        "amr": AMR,
        "sid": subject.login.to_string(),
        // Section 3.1.3.6: the left half of the SHA-256, for both algorithms that are used here.
        "at_hash": BASE64_URL_SAFE_NO_PAD.encode(&sha256(access_token.as_bytes())[..16]),
    });
    if let Some(nonce) = nonce {
        claims["nonce"] = nonce.into();
    }
    sign_token(app, JwsAlgorithm::ES256, TokenType::Jwt, claims.to_string().as_bytes()).await
}

/// A refresh token: 256 bits by chance, stored as its SHA-256.
pub(crate) fn refresh_token(app: &App, expires_at: Timestamp) -> Made {
    let mut secret = [0; 32];
    app.entropy.fill(&mut secret);
    let token = BASE64_URL_SAFE_NO_PAD.encode(secret);
    Made { row: NewToken { id: refresh_token_id(&token), kind: TokenKind::Refresh, expires_at }, token }
}

/// The id of a refresh token's row.
pub(crate) fn refresh_token_id(token: &str) -> Vec<u8> {
    sha256(token.as_bytes()).to_vec()
}

/// NumericDate of RFC 7519.
pub(crate) const fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}
