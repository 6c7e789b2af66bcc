//! Why a request is refused.

/// One of the `csr.` codes of the public interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CsrRefusal {
    /// `csr.not-a-csr`, `csr.rsa-roca`, …
    pub code: &'static str,
    /// What is wrong, a fragment.
    pub message: String,
    /// The mend, where there is one to name.
    pub hint: Option<String>,
}

pub(super) fn refuse(code: &'static str, message: impl Into<String>) -> CsrRefusal {
    CsrRefusal { code, message: message.into(), hint: None }
}

impl CsrRefusal {
    pub(super) fn mend(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}
