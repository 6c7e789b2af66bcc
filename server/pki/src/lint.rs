//! Rules that every certificate must keep before it is signed for good. Later work adds rules here and nowhere else.

use crate::tlv::RawCertificate;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The paragraph it comes from.
    pub source: &'static str,
    /// What was found instead.
    pub found: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.rule, self.found, self.source)
    }
}

/// Every rule that `certificate` (DER) breaks.
pub fn lint(certificate: &[u8]) -> Vec<Finding> {
    let _ = RawCertificate::read(certificate);
    Vec::new()
}
