//! Errors in the form of the standards themselves (RFC 6749 section 5.2, RFC 9449 section 7.1): clients know no other here.

use std::time::Duration;

use axum::Json;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::failure::Failure;
use crate::store::StoreError;

/// For whoever finds the database away, seconds.
const COME_BACK: Duration = Duration::from_secs(5);

/// What went wrong, in the words of the registry "OAuth Extensions Error".
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OAuthErrorCode {
    /// A parameter is missing, stands twice or cannot be (RFC 6749).
    InvalidRequest,
    /// The client did not prove who it is (RFC 6749).
    InvalidClient,
    /// The code, refresh token or request is not good, or not this client's (RFC 6749).
    InvalidGrant,
    /// The client may not ask in this way (RFC 6749).
    UnauthorizedClient,
    /// Another kind of grant (RFC 6749).
    UnsupportedGrantType,
    /// Another response type than `code` (RFC 6749).
    UnsupportedResponseType,
    /// A scope that the client may not ask for (RFC 6749).
    InvalidScope,
    /// The citizen or a rule said no (RFC 6749).
    AccessDenied,
    /// A fault of ours (RFC 6749).
    ServerError,
    /// Come back later (RFC 6749).
    TemporarilyUnavailable,
    /// A login is needed, and was not to be asked for (OpenID Connect Core).
    LoginRequired,
    /// Request objects by value are not taken (OpenID Connect Core).
    RequestNotSupported,
    /// Nor those at an address, but our own (OpenID Connect Core).
    RequestUriNotSupported,
    /// The request_uri is not good, or not this client's (OpenID Connect Core).
    InvalidRequestUri,
    /// Clients are not registered on the way (OpenID Connect Core).
    RegistrationNotSupported,
    /// The proof of possession is missing or not good (RFC 9449).
    InvalidDpopProof,
    /// The access token is not good (RFC 6750).
    InvalidToken,
    /// The access token does not go that far (RFC 6750).
    InsufficientScope,
    /// Tokens of that kind are not revoked (RFC 7009).
    UnsupportedTokenType,
    /// The citizen has not decided yet (OpenID Connect CIBA).
    AuthorizationPending,
    /// Asked again too soon (OpenID Connect CIBA).
    SlowDown,
    /// The request has ended (OpenID Connect CIBA).
    ExpiredToken,
    /// Nobody is meant by that hint (OpenID Connect CIBA).
    UnknownUserId,
    /// The hint token has ended (OpenID Connect CIBA).
    ExpiredLoginHintToken,
    /// A message that cannot be shown safely (OpenID Connect CIBA).
    InvalidBindingMessage,
}

impl OAuthErrorCode {
    /// As it stands in `error`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::InvalidRequest => "invalid_request",
            Self::InvalidClient => "invalid_client",
            Self::InvalidGrant => "invalid_grant",
            Self::UnauthorizedClient => "unauthorized_client",
            Self::UnsupportedGrantType => "unsupported_grant_type",
            Self::UnsupportedResponseType => "unsupported_response_type",
            Self::InvalidScope => "invalid_scope",
            Self::AccessDenied => "access_denied",
            Self::ServerError => "server_error",
            Self::TemporarilyUnavailable => "temporarily_unavailable",
            Self::LoginRequired => "login_required",
            Self::RequestNotSupported => "request_not_supported",
            Self::RequestUriNotSupported => "request_uri_not_supported",
            Self::InvalidRequestUri => "invalid_request_uri",
            Self::RegistrationNotSupported => "registration_not_supported",
            Self::InvalidDpopProof => "invalid_dpop_proof",
            Self::InvalidToken => "invalid_token",
            Self::InsufficientScope => "insufficient_scope",
            Self::UnsupportedTokenType => "unsupported_token_type",
            Self::AuthorizationPending => "authorization_pending",
            Self::SlowDown => "slow_down",
            Self::ExpiredToken => "expired_token",
            Self::UnknownUserId => "unknown_user_id",
            Self::ExpiredLoginHintToken => "expired_login_hint_token",
            Self::InvalidBindingMessage => "invalid_binding_message",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::InvalidClient | Self::InvalidToken => StatusCode::UNAUTHORIZED,
            Self::InsufficientScope => StatusCode::FORBIDDEN,
            Self::ServerError => StatusCode::INTERNAL_SERVER_ERROR,
            Self::TemporarilyUnavailable => StatusCode::SERVICE_UNAVAILABLE,
            _ => StatusCode::BAD_REQUEST,
        }
    }
}

/// An error as it leaves. Nothing in it is personal or secret, or repeats what was sent.
#[derive(Debug)]
pub struct OAuthError {
    /// Which.
    pub code: OAuthErrorCode,
    /// For whoever writes the client: printable ASCII without quotes and backslashes.
    pub description: &'static str,
    status: StatusCode,
    challenge: Option<&'static str>,
    retry_after: Option<Duration>,
}

impl OAuthError {
    /// An error by its code.
    #[must_use]
    pub const fn new(code: OAuthErrorCode, description: &'static str) -> Self {
        Self { code, description, status: code.status(), challenge: None, retry_after: None }
    }

    /// `invalid_request`.
    #[must_use]
    pub const fn request(description: &'static str) -> Self {
        Self::new(OAuthErrorCode::InvalidRequest, description)
    }

    /// The same under another status, where HTTP has a better one.
    #[must_use]
    pub const fn status(self, status: StatusCode) -> Self {
        Self { status, ..self }
    }

    /// The same with a `WWW-Authenticate` (RFC 9110 section 11.6.1).
    #[must_use]
    pub const fn challenge(self, challenge: &'static str) -> Self {
        Self { challenge: Some(challenge), ..self }
    }

    /// Come back after a while: 429.
    #[must_use]
    pub const fn too_many(retry_after: Duration, description: &'static str) -> Self {
        let error = Self::new(OAuthErrorCode::TemporarilyUnavailable, description).status(StatusCode::TOO_MANY_REQUESTS);
        Self { retry_after: Some(retry_after), ..error }
    }
}

impl OAuthError {
    /// The status that it is answered with.
    #[must_use]
    pub const fn answered_with(&self) -> StatusCode {
        self.status
    }
}

/// The cause is for our log: whoever asks here is a stranger.
impl From<Failure> for OAuthError {
    fn from(failure: Failure) -> Self {
        if let Failure::Unavailable { code, message, .. } = &failure {
            tracing::error!(code, message, "a client could not be answered");
            let away = Self::new(OAuthErrorCode::TemporarilyUnavailable, "the server cannot answer at present; try again");
            return Self { retry_after: Some(COME_BACK), ..away };
        }
        tracing::error!(?failure, "a client could not be answered");
        Self::new(OAuthErrorCode::ServerError, "something went wrong here; nothing was changed")
    }
}

impl From<StoreError> for OAuthError {
    fn from(error: StoreError) -> Self {
        Failure::from(error).into()
    }
}

impl From<anyhow::Error> for OAuthError {
    fn from(error: anyhow::Error) -> Self {
        Failure::from(error).into()
    }
}

impl IntoResponse for OAuthError {
    fn into_response(self) -> Response {
        let body = Json(json!({ "error": self.code.name(), "error_description": self.description }));
        let mut response = (self.status, NOT_KEPT, body).into_response();
        if let Some(challenge) = self.challenge {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static(challenge));
        }
        if let Some(after) = self.retry_after {
            // Whole seconds, and never none.
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)));
        }
        response
    }
}

/// Nobody on the way keeps an answer of these endpoints (RFC 6749 section 5.1).
pub const NOT_KEPT: [(HeaderName, HeaderValue); 2] =
    [(header::CACHE_CONTROL, HeaderValue::from_static("no-store")), (header::PRAGMA, HeaderValue::from_static("no-cache"))];
