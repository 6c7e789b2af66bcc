//! Credentials of relying parties: where one comes from and what becomes of it.
//!
//! A credential is named by a source: the manifest, an operator, a key set at an address, or our own authority. While its source
//! names it, it is active; when the source no longer does, it is superseded, and active again once it is named anew. Revoked is
//! for good. Several are active at once, so that an old and a new one overlap.

use crate::key::RevocationReason;
use crate::wire::words;
use crate::{CredentialId, Refusal, Timestamp};

/// Keys in one set, and keys and certificates of one party besides those at its addresses. Two of each algorithm during a
/// rotation are four; a party with more than this uses keys for what they are not made for.
pub const MOST_KEYS: usize = 20;

words! {
    /// What a credential is.
    pub enum CredentialType, "kind of credential" {
        /// A public key.
        Jwks = 1 => "jwks",
        /// An address from which public keys are fetched.
        JwksUrl = 2 => "jwks-url",
        /// A certificate: exactly this one, not whatever its issuer signs.
        Certificate = 3 => "certificate",
        /// A secret that a client of plain OpenID Connect shares with us; only its digest is kept.
        ClientSecret = 4 => "client-secret",
    }
}

words! {
    /// Who names a credential.
    pub enum CredentialSource, "source of a credential" {
        /// The party's manifest.
        Manifest = 1 => "manifest",
        /// An operator, by verb.
        Added = 2 => "added",
        /// The key set at one of the party's addresses.
        Url = 3 => "url",
        /// This platform, which issued it.
        Issued = 4 => "issued",
    }
}

words! {
    /// What becomes of a credential.
    pub enum CredentialState, "state of a credential" {
        /// Good for logging in.
        Active = 1 => "active",
        /// Withdrawn for good.
        Revoked = 2 => "revoked",
        /// Past its last moment.
        Expired = 3 => "expired",
        /// No longer named by its source.
        Superseded = 4 => "superseded",
    }
}

/// What has become of a credential, with its facts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CredentialLife {
    /// Named by its source.
    Active,
    /// No longer named.
    Superseded {
        /// Since when.
        since: Timestamp,
    },
    /// Withdrawn for good.
    Revoked {
        /// From when.
        at: Timestamp,
        /// Why.
        reason: RevocationReason,
    },
}

impl CredentialLife {
    /// What it is at a moment. Expiry is never stored: a clock that was wrong for an hour ends nothing for good.
    #[must_use]
    pub fn state(&self, not_after: Option<Timestamp>, now: Timestamp) -> CredentialState {
        match self {
            Self::Revoked { .. } => CredentialState::Revoked,
            Self::Superseded { .. } => CredentialState::Superseded,
            Self::Active if not_after.is_some_and(|end| now > end) => CredentialState::Expired,
            Self::Active => CredentialState::Active,
        }
    }

    /// A source names it, perhaps again.
    ///
    /// # Errors
    /// `credential.revoked`: nothing brings it back.
    pub fn name(&self, id: CredentialId) -> Result<Self, Refusal> {
        match self {
            Self::Active | Self::Superseded { .. } => Ok(Self::Active),
            Self::Revoked { at, .. } => Err(revoked(id, *at)),
        }
    }

    /// Its source no longer names it.
    #[must_use]
    pub fn supersede(&self, now: Timestamp) -> Self {
        match self {
            Self::Active => Self::Superseded { since: now },
            Self::Superseded { .. } | Self::Revoked { .. } => *self,
        }
    }

    /// Withdraws it for good. Again for the same reason, it stays as it is.
    ///
    /// # Errors
    /// `key.no-hold` for a reason that can be taken back; `credential.revoked` when it was revoked for another one.
    pub fn revoke(&self, id: CredentialId, reason: RevocationReason, now: Timestamp) -> Result<Self, Refusal> {
        reason.check_for_key()?;
        match self {
            Self::Active | Self::Superseded { .. } => Ok(Self::Revoked { at: now, reason }),
            Self::Revoked { reason: before, .. } if *before == reason => Ok(*self),
            Self::Revoked { at, .. } => {
                Err(revoked(id, *at).hint("'iamctl rp credential leaked' also blocks the key of one that is revoked already"))
            }
        }
    }

    /// Its private half is in other hands. One that was revoked before keeps its moment and gets this reason.
    #[must_use]
    pub fn leak(&self, now: Timestamp) -> Self {
        let at = match self {
            Self::Active | Self::Superseded { .. } => now,
            Self::Revoked { at, .. } => *at,
        };
        Self::Revoked { at, reason: RevocationReason::KeyCompromise }
    }
}

fn revoked(id: CredentialId, at: Timestamp) -> Refusal {
    Refusal::new("credential.revoked", format!("credential {id} was revoked at {}, which is final", at.people()))
        .hint("take it out, and bring a key that was never revoked")
}

/// Whole days until `end`: 0 on the last one, negative afterwards.
#[must_use]
pub fn days_left(end: Timestamp, now: Timestamp) -> i64 {
    const DAY: i64 = 86_400_000_000;
    (end.micros().saturating_sub(now.micros())).div_euclid(DAY)
}

/// A key on record, held against a key set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownKey<'a> {
    /// Its credential.
    pub id: CredentialId,
    /// RFC 7638 thumbprint.
    pub thumbprint: &'a str,
    /// What became of it.
    pub life: CredentialLife,
    /// Who names it.
    pub named_by: NamedBy,
}

/// Who names a key that is on record, seen from one address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamedBy {
    /// The key set at this address.
    ThisAddress,
    /// The manifest, an operator, or another address.
    Another,
}

/// What a good copy of a key set changes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Merged {
    /// Keys that are new: places in the set.
    pub comes: Vec<usize>,
    /// Keys on record that are active again, named by this address from now on.
    pub returns: Vec<CredentialId>,
    /// Keys that the set no longer holds.
    pub goes: Vec<CredentialId>,
}

/// Holds a good copy of a key set, by thumbprint, against the keys on record of its party. What the manifest or an operator names
/// stays theirs, and what was revoked stays revoked, whatever the set says.
#[must_use]
pub fn merge(known: &[KnownKey<'_>], found: &[&str]) -> Merged {
    let mut merged = Merged::default();
    for (place, thumbprint) in found.iter().enumerate() {
        match known.iter().find(|key| key.thumbprint == *thumbprint) {
            None => merged.comes.push(place),
            Some(KnownKey { id, life: CredentialLife::Superseded { .. }, .. }) => merged.returns.push(*id),
            Some(_) => {}
        }
    }
    let gone = known.iter().filter(|key| {
        key.named_by == NamedBy::ThisAddress && key.life == CredentialLife::Active && !found.contains(&key.thumbprint)
    });
    merged.goes.extend(gone.map(|key| key.id));
    merged
}

#[cfg(test)]
mod tests {
    use super::*;

    const THEN: Timestamp = Timestamp::from_micros(1_000_000);
    const NOW: Timestamp = Timestamp::from_micros(2_000_000);

    fn id() -> CredentialId {
        CredentialId::from_number(7).unwrap()
    }

    fn lives() -> [CredentialLife; 4] {
        [
            CredentialLife::Active,
            CredentialLife::Superseded { since: THEN },
            CredentialLife::Revoked { at: THEN, reason: RevocationReason::Superseded },
            CredentialLife::Revoked { at: THEN, reason: RevocationReason::KeyCompromise },
        ]
    }

    #[test]
    fn every_verb_in_every_state() {
        use RevocationReason::{CertificateHold, KeyCompromise, Superseded};
        type Verb = fn(&CredentialLife) -> Result<CredentialLife, Refusal>;
        let revoked = |at, reason| Ok(CredentialLife::Revoked { at, reason });
        let (active, superseded) = (Ok(CredentialLife::Active), Ok(CredentialLife::Superseded { since: THEN }));
        for (verb, expected) in [
            ((|life| life.name(id())) as Verb, [active, active, Err("credential.revoked"), Err("credential.revoked")]),
            (
                |life| Ok(life.supersede(NOW)),
                [
                    Ok(CredentialLife::Superseded { since: NOW }),
                    superseded,
                    revoked(THEN, Superseded),
                    revoked(THEN, KeyCompromise),
                ],
            ),
            (
                |life| life.revoke(id(), Superseded, NOW),
                [revoked(NOW, Superseded), revoked(NOW, Superseded), revoked(THEN, Superseded), Err("credential.revoked")],
            ),
            (
                |life| life.revoke(id(), KeyCompromise, NOW),
                [
                    revoked(NOW, KeyCompromise),
                    revoked(NOW, KeyCompromise),
                    Err("credential.revoked"),
                    revoked(THEN, KeyCompromise),
                ],
            ),
            (|life| life.revoke(id(), CertificateHold, NOW), [Err("key.no-hold"); 4]),
            (
                |life| Ok(life.leak(NOW)),
                [
                    revoked(NOW, KeyCompromise),
                    revoked(NOW, KeyCompromise),
                    revoked(THEN, KeyCompromise),
                    revoked(THEN, KeyCompromise),
                ],
            ),
        ] {
            for (life, expected) in lives().iter().zip(expected) {
                assert_eq!(verb(life).map_err(|refusal| refusal.code), expected, "{life:?}");
            }
        }
    }

    #[test]
    fn expiry_comes_and_goes_with_the_clock_and_hides_no_revocation() {
        use CredentialState::{Active, Expired, Revoked, Superseded};
        for (not_after, now, expected) in [
            (None, NOW, [Active, Superseded, Revoked, Revoked]),
            (Some(NOW), NOW, [Active, Superseded, Revoked, Revoked]),
            (Some(THEN), NOW, [Expired, Superseded, Revoked, Revoked]),
            (Some(THEN), THEN, [Active, Superseded, Revoked, Revoked]),
        ] {
            assert_eq!(lives().map(|life| life.state(not_after, now)), expected);
        }
    }

    #[test]
    fn days_are_whole_and_counted_down() {
        let day = 86_400_000_000;
        for (micros, days) in
            [(3 * day, 3), (3 * day - 1, 2), (day, 1), (day - 1, 0), (0, 0), (-1, -1), (-day, -1), (-day - 1, -2)]
        {
            assert_eq!(days_left(Timestamp::from_micros(NOW.micros() + micros), NOW), days, "{micros}");
        }
        assert_eq!(days_left(Timestamp::MAX, Timestamp::from_micros(0)) / 365, 8_035);
    }

    /// Every key on record, in the set or not, whoever names it.
    #[test]
    fn every_key_on_record_against_a_set_that_has_it_or_has_not() {
        use NamedBy::{Another, ThisAddress};
        let [active, superseded, revoked, compromised] = lives();
        let nothing = Merged::default;
        let returns = || Merged { returns: vec![id()], ..Merged::default() };
        let goes = || Merged { goes: vec![id()], ..Merged::default() };
        for (named_by, life, held, not_held) in [
            (ThisAddress, active, nothing(), goes()),
            (ThisAddress, superseded, returns(), nothing()),
            (ThisAddress, revoked, nothing(), nothing()),
            (ThisAddress, compromised, nothing(), nothing()),
            (Another, active, nothing(), nothing()),
            (Another, superseded, returns(), nothing()),
            (Another, revoked, nothing(), nothing()),
            (Another, compromised, nothing(), nothing()),
        ] {
            let known = [KnownKey { id: id(), thumbprint: "one", life, named_by }];
            assert_eq!(merge(&known, &["one"]), held, "{named_by:?} {life:?}");
            assert_eq!(merge(&known, &[]), not_held, "{named_by:?} {life:?}");
        }
        assert_eq!(merge(&[], &["one", "two"]), Merged { comes: vec![0, 1], ..Merged::default() });
    }
}
