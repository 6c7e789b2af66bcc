//! Rules that every certificate keeps before it is signed for good. Each has a name and the paragraph it comes from;
//! later work adds rules to the two lists and nowhere else.

mod extensions;
mod fields;

use crate::profile::Profile;
use crate::tlv::RawCertificate;

/// One broken rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The rule's name.
    pub rule: &'static str,
    /// The paragraph it comes from.
    pub source: &'static str,
    /// What was found instead, a fragment.
    pub found: String,
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {} ({})", self.rule, self.found, self.source)
    }
}

/// A rule: its name, the paragraph it comes from, and the check `C`, which says what is wrong, if anything. Certificates,
/// revocation lists and OCSP answers have a list of rules each.
pub(crate) struct RuleOf<C> {
    pub(crate) name: &'static str,
    pub(crate) source: &'static str,
    pub(crate) check: C,
}

type Rule = RuleOf<fn(&Linted<'_>) -> Result<(), String>>;

/// The certificate under the rules, and its issuer's where it is not its own.
struct Linted<'a> {
    certificate: RawCertificate<'a>,
    issuer: Option<RawCertificate<'a>>,
    /// What it is to be.
    profile: &'static Profile,
}

const WELL_FORMED: (&str, &str) = ("well-formed", "RFC 5280 section 4.1");

/// Every rule that `certificate` (DER), which is to be of `profile`, breaks. `issuer` is the issuing authority's certificate,
/// None for a self-signed one.
pub fn lint(certificate: &[u8], issuer: Option<&[u8]>, profile: &'static Profile) -> Vec<Finding> {
    let read = |der| {
        RawCertificate::read(der).map_err(|fault: der::Error| Finding {
            rule: WELL_FORMED.0,
            source: WELL_FORMED.1,
            found: format!("not the DER of a certificate: {fault}"),
        })
    };
    let linted = match (read(certificate), issuer.map(read).transpose()) {
        (Ok(certificate), Ok(issuer)) => Linted { certificate, issuer, profile },
        (Err(finding), _) | (_, Err(finding)) => return vec![finding],
    };
    broken(fields::RULES.iter().chain(extensions::RULES), |check| check(&linted))
}

/// The rules that are broken, in their order; `judge` applies a check to what is linted.
pub(crate) fn broken<'r, C: Copy + 'r>(
    rules: impl IntoIterator<Item = &'r RuleOf<C>>,
    judge: impl Fn(C) -> Result<(), String>,
) -> Vec<Finding> {
    rules
        .into_iter()
        .filter_map(|rule| {
            let found = judge(rule.check).err()?;
            Some(Finding { rule: rule.name, source: rule.source, found })
        })
        .collect()
}

/// A malformed inner part breaks the rule that looked at it.
pub(crate) fn unreadable(fault: der::Error) -> String {
    format!("it cannot be read: {fault}")
}

/// Breaks the rule unless `kept`.
pub(crate) fn require(kept: bool, found: impl Into<String>) -> Result<(), String> {
    if kept { Ok(()) } else { Err(found.into()) }
}

#[cfg(test)]
mod tests;
