//! Certificates that this platform issues, and what can become of one.
//!
//! A certificate is planned (its record is durable, nothing is signed yet), valid, on hold, or revoked. That it has expired is
//! read off its last moment and the time.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use crate::wire::{text_form, words};
use crate::{AccountId, IdError, Kid, OperatorId, Refusal, RelyingPartyId, Revocation, RevocationReason, StationId, Timestamp};

words! {
    /// How a certificate stands.
    pub enum CertificateState, "certificate state" {
        /// Its record is there and no certificate: it was not signed yet, or the certificate was never stored.
        Planned = 1 => "planned",
        /// Good within its dates.
        Valid = 2 => "valid",
        /// Not good for the time being; the only state that can be taken back.
        OnHold = 3 => "on-hold",
        /// Not good any more, for good.
        Revoked = 4 => "revoked",
        /// Its last moment has passed.
        Expired = 5 => "expired",
    }
}

words! {
    /// Whose certificates: the kind of holder.
    pub enum HolderKind, "kind of holder" {
        /// A key of the platform itself.
        Key = 1 => "key",
        /// An operator.
        Operator = 2 => "operator",
        /// A relying party.
        RelyingParty = 3 => "relying-party",
        /// A citizen's account.
        Account = 4 => "account",
        /// A station of the registration service.
        Station = 5 => "station",
    }
}

/// Whose a certificate is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Holder {
    /// A key of the platform itself.
    Key(Kid),
    /// An operator.
    Operator(OperatorId),
    /// A relying party.
    RelyingParty(RelyingPartyId),
    /// A citizen's account.
    Account(AccountId),
    /// A station of the registration service.
    Station(StationId),
}

impl Holder {
    /// The kind.
    #[must_use]
    pub const fn kind(&self) -> HolderKind {
        match self {
            Self::Key(_) => HolderKind::Key,
            Self::Operator(_) => HolderKind::Operator,
            Self::RelyingParty(_) => HolderKind::RelyingParty,
            Self::Account(_) => HolderKind::Account,
            Self::Station(_) => HolderKind::Station,
        }
    }
}

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Key(kid) => kid.fmt(f),
            Self::Operator(operator) => operator.fmt(f),
            Self::RelyingParty(party) => party.fmt(f),
            Self::Account(account) => account.fmt(f),
            Self::Station(station) => station.fmt(f),
        }
    }
}

/// A certificate's serial number: lower-case hex without separators, at most 20 bytes (RFC 5280 section 4.1.2.2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Serial(Arc<str>);

impl Serial {
    /// The hex.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Serial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Serial {
    type Err = IdError;

    /// Takes what other tools print as well: capitals, colons, `0x`, an odd number of digits, and zeros in front, such as the
    /// sign byte of its DER.
    fn from_str(text: &str) -> Result<Self, IdError> {
        let digits: String = text.chars().filter(|c| *c != ':').collect::<String>().to_ascii_lowercase();
        let digits = digits.strip_prefix("0x").unwrap_or(&digits);
        let short = digits.trim_start_matches('0');
        let padded = match short.len() {
            // Zero itself, which no authority of ours gives.
            0 if !digits.is_empty() => "00".to_owned(),
            odd if odd % 2 == 1 => format!("0{short}"),
            _ => short.to_owned(),
        };
        let good = (2..=40).contains(&padded.len()) && padded.bytes().all(|byte| byte.is_ascii_hexdigit());
        if good { Ok(Self(padded.into())) } else { Err(IdError::Serial) }
    }
}

text_form!(Serial, "the serial number of a certificate", "hex", "4be1a9f2b3c4d5e6f708192a3b4c5d6e");

/// How a certificate stands, with the facts of its state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateStanding {
    /// On record, not known to be signed.
    Planned,
    /// Good within its dates.
    Valid,
    /// Not good for the time being.
    OnHold {
        /// From when.
        since: Timestamp,
    },
    /// Not good any more.
    Revoked(Revocation),
}

/// What a hold is released by: nothing else does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Release {
    /// The same person has registered again.
    ReRegistration,
    /// A suspension was an agent's mistake and was taken back.
    Reversal,
}

impl CertificateStanding {
    /// The state at a moment.
    #[must_use]
    pub fn state(&self, not_after: Timestamp, now: Timestamp) -> CertificateState {
        match self {
            Self::Revoked(_) => CertificateState::Revoked,
            Self::Planned => CertificateState::Planned,
            _ if not_after < now => CertificateState::Expired,
            Self::Valid => CertificateState::Valid,
            Self::OnHold { .. } => CertificateState::OnHold,
        }
    }

    /// The certificate was signed and is stored.
    ///
    /// # Errors
    /// `cert.state` when it was not planned: a serial that was revoked meanwhile stays revoked.
    pub fn confirm(&self) -> Result<Self, Refusal> {
        match self {
            Self::Planned => Ok(Self::Valid),
            _ => Err(Refusal::new("cert.state", "the certificate's record is no longer waiting for it")),
        }
    }

    /// Not good for the time being. A hold on hold stays what it was, and so does what is revoked.
    #[must_use]
    pub fn hold(&self, now: Timestamp) -> Self {
        match self {
            Self::Valid => Self::OnHold { since: now },
            // Whether it was ever signed is not known: it does not come back.
            Self::Planned => Self::Revoked(Revocation { at: now, reason: RevocationReason::CessationOfOperation }),
            other => *other,
        }
    }

    /// Good again.
    ///
    /// # Errors
    /// `cert.state` when it is not on hold.
    pub fn release(&self, _: Release) -> Result<Self, Refusal> {
        match self {
            Self::OnHold { .. } => Ok(Self::Valid),
            _ => Err(Refusal::new("cert.state", "the certificate is not on hold")),
        }
    }

    /// Not good any more, from now on and for good. What is only planned can be revoked too: it may have been signed. One that was
    /// revoked for another reason keeps its moment and is compromised from when that is known, over or not: whoever trusts what was
    /// signed before a mere change of certificates has to learn it (RFC 5280, section 5.3.1).
    ///
    /// # Errors
    /// `cert.revoked`, `cert.expired`, `cert.no-hold`.
    pub fn revoke(&self, reason: RevocationReason, not_after: Timestamp, now: Timestamp) -> Result<Self, Refusal> {
        if reason == RevocationReason::CertificateHold {
            return Err(Refusal::new("cert.no-hold", "a hold comes with the suspension of an account and goes with its end")
                .hint("suspend the account, or give another reason"));
        }
        let worse = |before| reason == RevocationReason::KeyCompromise && before != reason;
        match self {
            Self::Revoked(Revocation { at, reason: before }) if worse(*before) => {
                Ok(Self::Revoked(Revocation { at: *at, reason }))
            }
            Self::Revoked(Revocation { at, reason }) => {
                Err(Refusal::new("cert.revoked", format!("the certificate was revoked at {} ({reason})", at.people())))
            }
            _ if not_after < now => Err(Refusal::new(
                "cert.expired",
                format!("the certificate expired at {}; nobody accepts it any more", not_after.people()),
            )),
            Self::Planned | Self::Valid | Self::OnHold { .. } => Ok(Self::Revoked(Revocation { at: now, reason })),
        }
    }

    /// Whether it is revoked for this very reason: who asks for that again finds what was wanted, and nothing is left to change.
    #[must_use]
    pub fn is_revoked_for(&self, reason: RevocationReason) -> bool {
        matches!(self, Self::Revoked(before) if before.reason == reason)
    }

    /// Whether the key of this certificate may be certified again, for the same holder.
    ///
    /// # Errors
    /// `cert.key-revoked` when it was revoked for anything but that another certificate took its place, or is on hold: what was
    /// said against the one would be said of the next.
    pub fn certify_again(&self) -> Result<(), Refusal> {
        let refused = |why: String| {
            let refusal =
                Refusal::new("cert.key-revoked", format!("a certificate over this key {why}: the key is not certified again"));
            Err(refusal.hint("make a new key and a new request: --csr FILE"))
        };
        match self {
            Self::Planned | Self::Valid | Self::Revoked(Revocation { reason: RevocationReason::Superseded, .. }) => Ok(()),
            Self::OnHold { since } => refused(format!("is on hold since {}", since.people())),
            Self::Revoked(Revocation { at, reason }) => refused(format!("was revoked at {} ({reason})", at.people())),
        }
    }

    /// What it becomes when a list that we have signed says this of it, though nothing here does: a database that was restored
    /// learns so what it has lost. None where it is so already, or worse.
    #[must_use]
    pub fn listed(&self, listed: Revocation) -> Option<Self> {
        match (self, listed.reason) {
            (Self::Revoked(before), RevocationReason::KeyCompromise) if before.reason != listed.reason => {
                Some(Self::Revoked(Revocation { at: before.at, reason: listed.reason }))
            }
            (Self::Revoked(_), _) | (Self::OnHold { .. }, RevocationReason::CertificateHold) => None,
            (Self::Planned | Self::Valid, RevocationReason::CertificateHold) => Some(Self::OnHold { since: listed.at }),
            (Self::Planned | Self::Valid | Self::OnHold { .. }, _) => Some(Self::Revoked(listed)),
        }
    }

    /// From when and why others must not accept it; none while they may.
    #[must_use]
    pub fn revocation(&self) -> Option<Revocation> {
        match self {
            Self::Planned | Self::Valid => None,
            Self::OnHold { since } => Some(Revocation { at: *since, reason: RevocationReason::CertificateHold }),
            Self::Revoked(revocation) => Some(*revocation),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOON: Timestamp = Timestamp::from_micros(1_654_000_000_000_000);
    const LATER: Timestamp = Timestamp::from_micros(1_655_000_000_000_000);
    const END: Timestamp = Timestamp::from_micros(1_685_000_000_000_000);
    const REVOKED: CertificateStanding =
        CertificateStanding::Revoked(Revocation { at: NOON, reason: RevocationReason::KeyCompromise });
    const SUPERSEDED: CertificateStanding =
        CertificateStanding::Revoked(Revocation { at: NOON, reason: RevocationReason::Superseded });
    const HELD: CertificateStanding = CertificateStanding::OnHold { since: NOON };

    fn codes(results: [Result<CertificateStanding, Refusal>; 4]) -> [String; 4] {
        results.map(|result| {
            result.map_or_else(|refusal| refusal.code.to_string(), |standing| format!("{:?}", standing.state(END, LATER)))
        })
    }

    /// Every state with every verb.
    #[test]
    fn what_becomes_of_a_certificate() {
        use CertificateStanding::{Planned, Valid};
        let all = [Planned, Valid, HELD, REVOKED];
        assert_eq!(codes(all.map(|each| each.confirm())), ["Valid", "cert.state", "cert.state", "cert.state"]);
        assert_eq!(codes(all.map(|each| Ok(each.hold(LATER)))), ["Revoked", "OnHold", "OnHold", "Revoked"]);
        for by in [Release::ReRegistration, Release::Reversal] {
            assert_eq!(codes(all.map(|each| each.release(by))), ["cert.state", "cert.state", "Valid", "cert.state"]);
        }
        let revoked = all.map(|each| each.revoke(RevocationReason::Superseded, END, LATER));
        assert_eq!(codes(revoked), ["Revoked", "Revoked", "Revoked", "cert.revoked"]);
        let again = |reason| all.map(|each| each.is_revoked_for(reason));
        assert_eq!(again(RevocationReason::KeyCompromise), [false, false, false, true]);
        assert_eq!(again(RevocationReason::Superseded), [false; 4]);
        let held = all.map(|each| each.revoke(RevocationReason::CertificateHold, END, LATER));
        assert_eq!(codes(held), ["cert.no-hold"; 4]);
        let listed =
            |reason| all.map(|each| each.listed(Revocation { at: LATER, reason }).map(|standing| standing.state(END, LATER)));
        use CertificateState::{OnHold, Revoked};
        assert_eq!(listed(RevocationReason::CertificateHold), [Some(OnHold), Some(OnHold), None, None]);
        assert_eq!(listed(RevocationReason::KeyCompromise), [Some(Revoked), Some(Revoked), Some(Revoked), None]);
        let after_its_end = all.map(|each| each.revoke(RevocationReason::Superseded, NOON, LATER));
        assert_eq!(codes(after_its_end), ["cert.expired", "cert.expired", "cert.expired", "cert.revoked"]);
    }

    /// Every reason before, every reason after.
    #[test]
    fn a_revocation_gets_no_other_reason_than_that_the_key_is_compromised() {
        for before in RevocationReason::WORDS {
            let before: RevocationReason = before.parse().unwrap();
            let standing = CertificateStanding::Revoked(Revocation { at: NOON, reason: before });
            for after in RevocationReason::WORDS {
                let after: RevocationReason = after.parse().unwrap();
                let said = standing.revoke(after, END, LATER).map_err(|refusal| refusal.code);
                let expected = match (before, after) {
                    (_, RevocationReason::CertificateHold) => Err("cert.no-hold"),
                    (RevocationReason::KeyCompromise, _) => Err("cert.revoked"),
                    (_, RevocationReason::KeyCompromise) => Ok(REVOKED),
                    _ => Err("cert.revoked"),
                };
                assert_eq!(said, expected, "{before} {after}");
            }
        }
        assert_eq!(SUPERSEDED.revoke(RevocationReason::KeyCompromise, NOON, LATER), Ok(REVOKED), "over or not");
        // A list that says so is believed after a restore.
        let listed = |reason| SUPERSEDED.listed(Revocation { at: LATER, reason });
        assert_eq!(listed(RevocationReason::KeyCompromise), Some(REVOKED));
        assert_eq!(listed(RevocationReason::CessationOfOperation), None);
    }

    /// Every state and every reason.
    #[test]
    fn a_key_is_certified_again_unless_something_was_said_against_it() {
        let certified = |standing: CertificateStanding| standing.certify_again().map_err(|refusal| refusal.code.to_string());
        assert_eq!([CertificateStanding::Planned, CertificateStanding::Valid].map(certified), [Ok(()), Ok(())]);
        assert_eq!(certified(HELD), Err("cert.key-revoked".to_owned()));
        for word in RevocationReason::WORDS {
            let reason: RevocationReason = word.parse().unwrap();
            let again = certified(CertificateStanding::Revoked(Revocation { at: NOON, reason }));
            assert_eq!(again.is_ok(), reason == RevocationReason::Superseded, "{word}");
        }
    }

    #[test]
    fn a_hold_keeps_its_first_moment_and_a_revocation_its_reason() {
        assert_eq!(HELD.hold(LATER), HELD);
        assert_eq!(REVOKED.hold(LATER), REVOKED);
        assert_eq!(HELD.revocation(), Some(Revocation { at: NOON, reason: RevocationReason::CertificateHold }));
        assert_eq!(CertificateStanding::Valid.revocation(), None);
    }

    #[test]
    fn what_has_expired_says_so_unless_it_was_revoked() {
        use CertificateStanding::{Planned, Valid};
        let states = |at| [Planned, Valid, HELD, REVOKED].map(|each| each.state(LATER, at));
        use CertificateState as S;
        assert_eq!(states(NOON), [S::Planned, S::Valid, S::OnHold, S::Revoked]);
        assert_eq!(states(LATER), [S::Planned, S::Valid, S::OnHold, S::Revoked], "its last moment is still good");
        assert_eq!(states(END), [S::Planned, S::Expired, S::Expired, S::Revoked]);
    }

    #[test]
    fn serials_are_read_as_other_tools_print_them() {
        let read = |text: &str| text.parse::<Serial>().map(|serial| serial.to_string());
        for same in ["00:C1:A9", "c1a9", "0xC1A9", "0x00c1a9", "000C1A9"] {
            assert_eq!(read(same).as_deref(), Ok("c1a9"), "{same}");
        }
        assert_eq!(read("0").as_deref(), Ok("00"));
        assert_eq!(read("C1A9F").as_deref(), Ok("0c1a9f"));
        for bad in ["", "0x", ":", "xyz", "12 34", &"ab".repeat(21), "香港"] {
            assert!(read(bad).is_err(), "{bad:?}");
        }
    }
}
