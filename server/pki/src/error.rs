//! What can go wrong in this crate. Messages are fragments; none carries a secret or personal data.

use openssl::error::ErrorStack;

use crate::lint::Finding;

/// Why a key, certificate, note or sealed value could not be made or read.
#[derive(Debug, thiserror::Error)]
pub enum PkiError {
    /// OpenSSL refused; the stack says why.
    #[error("cannot {doing}")]
    OpenSsl {
        /// What was being done, as a verb phrase: "sign the certificate".
        doing: &'static str,
        /// OpenSSL's own reasons.
        #[source]
        source: ErrorStack,
    },
    /// Bytes or text that are not what they should be.
    #[error("{what} is malformed: {why}")]
    Malformed {
        /// The thing read.
        what: &'static str,
        /// What is wrong with it.
        why: String,
    },
    /// A value that is well formed and may not be used so.
    #[error("{what} cannot be used: {why}")]
    Unfit {
        /// The thing offered.
        what: &'static str,
        /// Which rule stands against it.
        why: String,
    },
    /// The key, the bytes or the associated data are not those of the seal. GCM cannot tell which.
    #[error("the sealed value does not open: another key, other associated data, or altered bytes")]
    NotOpened,
    /// What was about to be signed broke these rules; nothing was signed.
    #[error("{what} was not issued: {}", in_words(.findings))]
    Lint {
        /// "the certificate", "the revocation list".
        what: &'static str,
        /// At least one.
        findings: Vec<Finding>,
    },
    /// The token that holds the key was not there, did not answer in time, or refused us. It may be there again later.
    #[error("the token is unavailable: {what}; nothing was signed")]
    TokenUnavailable {
        /// What is the matter with it, and the mend where there is one.
        what: String,
    },
}

fn in_words(findings: &[Finding]) -> String {
    findings.iter().map(ToString::to_string).collect::<Vec<_>>().join("; ")
}

impl PkiError {
    pub(crate) fn malformed(what: &'static str, why: impl Into<String>) -> Self {
        Self::Malformed { what, why: why.into() }
    }

    pub(crate) fn unfit(what: &'static str, why: impl Into<String>) -> Self {
        Self::Unfit { what, why: why.into() }
    }

    /// [`PkiError::TokenUnavailable`].
    pub fn token_unavailable(what: impl Into<String>) -> Self {
        Self::TokenUnavailable { what: what.into() }
    }
}

/// Says what was being done when OpenSSL failed.
pub(crate) trait Doing<T> {
    fn doing(self, doing: &'static str) -> Result<T, PkiError>;
}

impl<T> Doing<T> for Result<T, ErrorStack> {
    fn doing(self, doing: &'static str) -> Result<T, PkiError> {
        self.map_err(|source| PkiError::OpenSsl { doing, source })
    }
}

/// Whether a signature is good; one that cannot even be tried is one more bad signature.
pub(crate) fn is_good(verified: Result<bool, ErrorStack>) -> bool {
    let is_good = verified.unwrap_or(false);
    drain();
    is_good
}

/// Throws away what OpenSSL still has to say about something that it refused: on this thread the next TLS connection would take
/// it for a fault of its own (`SSL_get_error` reads the same queue).
pub(crate) fn drain() {
    drop(ErrorStack::get());
}
