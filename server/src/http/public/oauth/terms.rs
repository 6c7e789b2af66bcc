//! What this face keeps with a request that it puts to a citizen.

use domain::{ClientId, Scope};
use serde::{Deserialize, Serialize};

use super::parameters::{AuthorizationRequest, Locale};
use crate::store::{CitizenRequestRow, StoreError};

/// The terms of a request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Terms {
    /// The client that asked, and alone may redeem.
    pub(crate) client: ClientId,
    /// The scopes that it asked for and its manifest has, in the order of the request.
    pub(crate) scopes: Vec<String>,
    /// OpenID Connect Core 1.0, section 3.1.2.1: goes into the ID token.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) nonce: Option<String>,
    /// How the answer reaches the client.
    pub(crate) answer: Answer,
}

/// How the answer reaches the client.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "by", rename_all = "kebab-case")]
pub(crate) enum Answer {
    /// A code at a redirect URI (RFC 6749 section 4.1).
    Code {
        /// Where: one of the manifest's, to the byte.
        redirect_uri: String,
        /// The client's own, given back as it came.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        state: Option<String>,
        /// RFC 7636, S256.
        code_challenge: String,
        /// RFC 9449 section 10: the key that the code is bound to.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        dpop_jkt: Option<String>,
        /// The language that the page is wanted in.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        locale: Option<Locale>,
    },
    /// The client asks how it stands (CIBA Core 1.0, section 5).
    BackChannel,
}

impl From<AuthorizationRequest> for Terms {
    fn from(asked: AuthorizationRequest) -> Self {
        Self {
            client: asked.client,
            scopes: asked.scopes,
            nonce: asked.nonce,
            answer: Answer::Code {
                redirect_uri: asked.redirect_uri,
                state: asked.state,
                code_challenge: asked.code_challenge,
                dpop_jkt: asked.dpop_jkt,
                locale: asked.locale,
            },
        }
    }
}

impl Terms {
    /// Those of a request.
    ///
    /// # Errors
    /// When the row is damaged, or another face asked.
    pub(crate) fn of(row: &CitizenRequestRow) -> Result<Self, StoreError> {
        serde_json::from_str(&row.terms)
            .map_err(|_| StoreError::Broken(anyhow::anyhow!("a request has terms of another interface")))
    }

    /// Whether a scope was asked for.
    pub(crate) fn wants(&self, scope: Scope) -> bool {
        self.scopes.iter().any(|asked| asked == scope.as_str())
    }
}
