//! Revocation lists (RFC 5280 section 5): full, direct, version 2, one for each authority.
//!
//! Invariant: none is signed before it passed the [`lint`]; what is signed are the very bytes that were linted.

mod build;
mod lint;
mod raw;

use crate::authority::Authority;
use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::moment;
use crate::signer::{SignatureScheme, sign_checked, signed};
use crate::tlv::RawCertificate;
use domain::{RevocationReason, Timestamp};

use self::raw::{RawEntry, SignedList};

pub(crate) use self::build::crl_reason;
pub use self::lint::LONGEST_PERIOD;

const WHAT: &str = "the revocation list";

/// A certificate that is not good any more, or not for the moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Revoked<S = String> {
    /// Lower-case hex without separators, as lists show it.
    pub serial: S,
    /// From when; lists say it in whole seconds.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// A revocation list with its DER.
#[derive(Clone)]
pub struct RevocationList {
    der: Vec<u8>,
    number: u64,
    this_update: Timestamp,
    next_update: Timestamp,
    len: usize,
}

impl std::fmt::Debug for RevocationList {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "RevocationList(number {}, {} entries)", self.number, self.len)
    }
}

impl RevocationList {
    /// Builds, lints and signs the list of what `issuer` revoked, in the order of the serial numbers: the same entries give the
    /// same bytes to sign, whatever order they come in. `number` only ever goes up, which is the caller's to see to. Times are
    /// cut to whole seconds.
    ///
    /// Errors for a serial that is no lower-case hex or has more than 20 bytes, and when a rule is broken: a serial twice, an
    /// entry dated in the future, a next update before this one or more than [`LONGEST_PERIOD`] after it, a time at which the
    /// authority is not valid.
    pub fn issue<S: AsRef<str>>(
        issuer: &Authority,
        number: u64,
        this_update: Timestamp,
        next_update: Timestamp,
        revoked: impl IntoIterator<Item = Revoked<S>>,
    ) -> Result<Self, PkiError> {
        let public = issuer.key().public_key()?;
        let algorithm = SignatureScheme::of_certificates(&public)?.algorithm_der()?;
        let certificate = issuer.certificate();
        let tbs = build::to_be_signed(certificate, &algorithm, number, [this_update, next_update], revoked)?;
        let findings = lint::lint(&tbs, &algorithm, certificate);
        if !findings.is_empty() {
            return Err(PkiError::Lint { what: WHAT, findings });
        }
        let signature = sign_checked(issuer.key(), &public, &tbs)?;
        Self::take(signed(&tbs, &algorithm, &signature)?)
    }

    /// Reads DER. Errors for what is no list of the kind that [`RevocationList::issue`] makes: another version, no number or
    /// next update, a critical extension, a reason that [`RevocationReason`] does not know. The signature is not looked at.
    pub fn from_der(der: &[u8]) -> Result<Self, PkiError> {
        Self::take(der.to_vec())
    }

    fn take(der: Vec<u8>) -> Result<Self, PkiError> {
        let fault = |fault: der::Error| PkiError::malformed(WHAT, fault.to_string());
        let list = SignedList::read(&der).map_err(fault)?.list;
        if list.version != Some(raw::VERSION_2) {
            return Err(PkiError::malformed(WHAT, "it is not version 2"));
        }
        if list.extensions.iter().any(|extension| extension.critical) {
            return Err(PkiError::malformed(WHAT, "it has a critical extension"));
        }
        let number = list.number().ok_or_else(|| PkiError::malformed(WHAT, "it has no number below 2^64"))?;
        let time = |time| moment::read(time).map(moment::timestamp).map_err(fault);
        let this_update = time(&list.this_update)?;
        let next_update = list.next_update.ok_or_else(|| PkiError::malformed(WHAT, "it has no next update"))?;
        let next_update = time(&next_update)?;
        let mut len = 0;
        for entry in list.entries().map_err(fault)? {
            entry.map_err(fault)?.revoked().ok_or_else(|| PkiError::malformed(WHAT, "an entry is none that is made here"))?;
            len += 1;
        }
        Ok(Self { number, this_update, next_update, len, der })
    }

    /// DER.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The cRLNumber (RFC 5280 section 5.2.3).
    pub fn number(&self) -> u64 {
        self.number
    }

    /// When it was made, in whole seconds.
    pub fn this_update(&self) -> Timestamp {
        self.this_update
    }

    /// By when the next one is there, in whole seconds.
    pub fn next_update(&self) -> Timestamp {
        self.next_update
    }

    /// How many certificates stand on it.
    pub fn len(&self) -> usize {
        self.len
    }

    /// Whether none does.
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// The entries as they stand; by serial number where the list is of our making.
    pub fn entries(&self) -> impl Iterator<Item = Revoked> + '_ {
        // Everything was read once in `take`: nothing ends this early.
        let list = SignedList::read(&self.der).ok().map(|signed| signed.list);
        let entries = list.and_then(|list| list.entries().ok());
        entries.into_iter().flatten().map_while(|entry| entry.ok()?.revoked())
    }

    /// Whether the names agree and `issuer`'s key signed it, by the algorithm that such a key signs by.
    pub fn is_signed_by(&self, issuer: &Certificate) -> Result<bool, PkiError> {
        let fault = |fault: der::Error| PkiError::malformed(WHAT, fault.to_string());
        let signed = SignedList::read(&self.der).map_err(fault)?;
        let theirs = RawCertificate::read(issuer.der()).map_err(fault)?;
        let public = issuer.public_key()?;
        let algorithm = SignatureScheme::of_certificates(&public)?.algorithm_der()?;
        let agree = signed.list.issuer.whole == theirs.subject.whole
            && [signed.algorithm, signed.list.algorithm].iter().all(|each| **each == *algorithm);
        Ok(agree && public.verifies(signed.tbs, signed.signature)?)
    }
}

impl RawEntry<'_> {
    /// As shown. None for a negative or overlong serial, a critical extension, or a reason that is not ours.
    fn revoked(&self) -> Option<Revoked> {
        let positive = self.serial.first().is_some_and(|first| first & 0x80 == 0) && self.serial.len() <= 20;
        if !positive || self.extensions().ok()?.iter().any(|extension| extension.critical) {
            return None;
        }
        let reason = match self.reason().ok()? {
            None => RevocationReason::Unspecified,
            Some(reason) => build::reason_of(reason)?,
        };
        let at = moment::timestamp(moment::read(&self.at).ok()?);
        Some(Revoked { serial: crate::certificate::serial_text(self.serial), at, reason })
    }
}

#[cfg(test)]
mod tests;
