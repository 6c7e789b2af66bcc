//! Generations of keys and the rules of their rotation.
//!
//! A generation is published (others learn its public half), becomes active (it signs), drains (what
//! it signed is still accepted) and is retired. At most one generation of a slot is active.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{Kid, Refusal, Timestamp};

words! {
    /// What a key is for.
    pub enum KeyPurpose, "key purpose" {
        /// Tokens for relying parties.
        TokenSigning = 1 => "token-signing",
        /// The root certificate authority.
        RootCa = 2 => "root-ca",
        /// Certificate authorities below it.
        IssuingCa = 3 => "issuing-ca",
        /// Answers about revocation.
        Ocsp = 4 => "ocsp",
        /// Time stamps.
        TimeStamping = 5 => "time-stamping",
        /// TLS on our own ports.
        ServerTls = 6 => "server-tls",
        /// Checkpoints of the audit log.
        Audit = 7 => "audit",
        /// Wraps the data keys of accounts.
        Data = 8 => "data",
        /// Look-up of card and phone numbers.
        BlindIndex = 9 => "blind-index",
        /// Subjects that differ per relying party.
        Pairwise = 10 => "pairwise",
    }
}

words! {
    /// What a key computes.
    pub enum KeyAlgorithm, "key algorithm" {
        /// ECDSA on P-256 with SHA-256.
        Es256 = 1 => "ES256",
        /// RSASSA-PSS with SHA-256.
        Ps256 = 2 => "PS256",
        /// EdDSA on Curve25519.
        Ed25519 = 3 => "Ed25519",
        /// AES-256-GCM.
        A256Gcm = 4 => "A256GCM",
        /// HMAC with SHA-256.
        Hs256 = 5 => "HS256",
    }
}

words! {
    /// The state of a generation.
    pub enum KeyState, "key state" {
        /// Shown to others, signs nothing yet.
        Published = 1 => "published",
        /// Signs.
        Active = 2 => "active",
        /// Signs no more; what it signed is still accepted.
        Draining = 3 => "draining",
        /// Done.
        Retired = 4 => "retired",
        /// Withdrawn: nothing that it signed is accepted.
        Revoked = 5 => "revoked",
    }
}

words! {
    /// Why a key or a certificate is revoked: the names and numbers of RFC 5280, section 5.3.1.
    pub enum RevocationReason, "revocation reason" {
        /// No reason given.
        Unspecified = 0 => "unspecified",
        /// Somebody else has, or may have, the private key.
        KeyCompromise = 1 => "key-compromise",
        /// The same for a certificate authority's key.
        CaCompromise = 2 => "ca-compromise",
        /// The holder's name or role has changed.
        AffiliationChanged = 3 => "affiliation-changed",
        /// Another one takes its place.
        Superseded = 4 => "superseded",
        /// Not needed any more.
        CessationOfOperation = 5 => "cessation-of-operation",
        /// On hold; the only reason that can be taken back.
        CertificateHold = 6 => "certificate-hold",
        /// The holder may not do this any more.
        PrivilegeWithdrawn = 9 => "privilege-withdrawn",
    }
}

/// When and why a generation was revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Revocation {
    /// From when.
    pub at: Timestamp,
    /// Why.
    pub reason: RevocationReason,
}

/// The place that generations follow each other in: one active generation each.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeySlot {
    /// What the key is for.
    pub purpose: KeyPurpose,
    /// Which of several of that purpose: `operators`, `servers`.
    pub name: String,
    /// ES256 and PS256 live side by side.
    pub algorithm: KeyAlgorithm,
}

impl fmt::Display for KeySlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} {}", self.purpose, self.name, self.algorithm)
    }
}

/// One generation of a key, without the key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyGeneration {
    /// Its name in JWKS and token headers.
    pub kid: Kid,
    /// What it is for.
    pub purpose: KeyPurpose,
    /// Which of several of that purpose.
    pub name: String,
    /// What it computes.
    pub algorithm: KeyAlgorithm,
    /// Its state.
    pub state: KeyState,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it becomes, or became, active. None: only by hand.
    pub activate_at: Option<Timestamp>,
    /// When it may be, or was, retired.
    pub retire_at: Option<Timestamp>,
    /// Set when revoked.
    pub revocation: Option<Revocation>,
    /// Version of the row.
    pub version: i64,
}

/// How long each stage takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RotationTimes {
    /// From published to active: as long as others may keep an old JWKS.
    pub publish: Duration,
    /// From draining to retired: as long as the longest token lives, and a margin.
    pub drain: Duration,
}

impl Default for RotationTimes {
    /// Ten minutes each: twice the five that a JWKS may be kept for; five of a token and five more.
    fn default() -> Self {
        RotationTimes { publish: Duration::from_mins(10), drain: Duration::from_mins(10) }
    }
}

/// When a new generation is to become active.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ActivateAt {
    /// After the publish interval.
    #[default]
    AfterPublish,
    /// At once. For emergencies: whoever has kept the old JWKS fails until it is fetched again.
    Now,
    /// At a given time, not before the publish interval has passed.
    Time(Timestamp),
}

/// What a rotation will do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rotation {
    /// When the new generation becomes active.
    pub activate_at: Timestamp,
    /// Whether that is at once, without having been published.
    pub immediate: bool,
    /// The generation it will replace, when one is active.
    pub replaces: Option<Kid>,
    /// When the replaced one may be retired.
    pub retire_at: Option<Timestamp>,
}

/// A thing that is due.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// Make `kid` active and, in the same transaction, drain the one that was.
    Activate {
        /// The published generation that is due.
        kid: Kid,
        /// The active one it replaces.
        drains: Option<Kid>,
    },
    /// Retire a drained generation.
    Retire {
        /// Which.
        kid: Kid,
    },
}

impl KeyGeneration {
    /// The slot it stands in.
    pub fn slot(&self) -> KeySlot {
        KeySlot { purpose: self.purpose, name: self.name.clone(), algorithm: self.algorithm }
    }

    fn stands_in(&self, slot: &KeySlot) -> bool {
        self.purpose == slot.purpose && self.name == slot.name && self.algorithm == slot.algorithm
    }

    /// From published to active.
    pub fn activate(&self, now: Timestamp) -> Result<KeyGeneration, Refusal> {
        self.must_be(KeyState::Published, "activated")?;
        Ok(KeyGeneration { state: KeyState::Active, activate_at: Some(now), ..self.clone() })
    }

    /// From active to draining, for as long as `drain`.
    pub fn drain(&self, now: Timestamp, drain: Duration) -> Result<KeyGeneration, Refusal> {
        self.must_be(KeyState::Active, "drained")?;
        Ok(KeyGeneration { state: KeyState::Draining, retire_at: Some(now.plus(drain)), ..self.clone() })
    }

    /// From draining to retired, once the time has come.
    pub fn retire(&self, now: Timestamp) -> Result<KeyGeneration, Refusal> {
        self.must_be(KeyState::Draining, "retired")?;
        if let Some(retire_at) = self.retire_at
            && now < retire_at
        {
            return Err(Refusal::new("key.still-draining", format!("key {} drains until {retire_at}", self.kid))
                .hint("what it signed is still in use; 'iamctl key revoke' ends that at once"));
        }
        Ok(KeyGeneration { state: KeyState::Retired, retire_at: Some(now), ..self.clone() })
    }

    /// From published to retired: the rotation is called off, the key never signed.
    pub fn abort(&self, now: Timestamp) -> Result<KeyGeneration, Refusal> {
        self.must_be(KeyState::Published, "aborted")?;
        Ok(KeyGeneration { state: KeyState::Retired, activate_at: None, retire_at: Some(now), ..self.clone() })
    }

    /// From any state but revoked. A retired key too: that it leaked is worth recording, and an old
    /// signature of it is then worth nothing.
    pub fn revoke(&self, reason: RevocationReason, now: Timestamp) -> Result<KeyGeneration, Refusal> {
        if self.state == KeyState::Revoked {
            return Err(Refusal::new("key.revoked", format!("key {} is already revoked", self.kid)));
        }
        if reason == RevocationReason::CertificateHold {
            return Err(Refusal::new("key.no-hold", "a key cannot be put on hold, only a certificate can"));
        }
        Ok(KeyGeneration {
            state: KeyState::Revoked,
            retire_at: Some(now),
            revocation: Some(Revocation { at: now, reason }),
            ..self.clone()
        })
    }

    /// Whether the public half stands in the JWKS.
    pub const fn shown_in_jwks(&self) -> bool {
        matches!(self.purpose, KeyPurpose::TokenSigning) && self.accepts_verification()
    }

    /// Whether what it signed is accepted. A published key has signed nothing as far as this node
    /// knows; another node may have seen the activation a moment earlier, and that must not fail.
    pub const fn accepts_verification(&self) -> bool {
        matches!(self.state, KeyState::Published | KeyState::Active | KeyState::Draining)
    }

    fn must_be(&self, wanted: KeyState, verb: &str) -> Result<(), Refusal> {
        if self.state == wanted {
            return Ok(());
        }
        let code = match self.state {
            KeyState::Revoked => "key.revoked",
            KeyState::Retired => "key.retired",
            _ => "key.state",
        };
        Err(Refusal::new(code, format!("key {} is {} and cannot be {verb}: only {} ones can", self.kid, self.state, wanted)))
    }
}

/// What is due at `now`, over the generations of any number of slots: activations first, one a slot,
/// then retirements. Applying the steps and asking again at the same moment answers nothing.
pub fn next_step(generations: &[KeyGeneration], now: Timestamp) -> Vec<Step> {
    let mut due: Vec<(&KeyGeneration, Timestamp)> = generations
        .iter()
        .filter(|generation| generation.state == KeyState::Published)
        .filter_map(|generation| Some((generation, generation.activate_at?)))
        .filter(|(_, activate_at)| *activate_at <= now)
        .collect();
    due.sort_by(|(a, a_at), (b, b_at)| (a_at, &a.kid).cmp(&(b_at, &b.kid)));
    let mut steps = Vec::new();
    let mut slots = Vec::new();
    for (generation, _) in due {
        let slot = generation.slot();
        if slots.contains(&slot) {
            continue;
        }
        steps.push(Step::Activate {
            kid: generation.kid.clone(),
            drains: active(generations, &slot).map(|active| active.kid.clone()),
        });
        slots.push(slot);
    }
    steps.extend(
        generations
            .iter()
            .filter(|generation| generation.state == KeyState::Draining)
            .filter(|generation| generation.retire_at.is_none_or(|at| at <= now))
            .map(|generation| Step::Retire { kid: generation.kid.clone() }),
    );
    steps
}

fn active<'a>(generations: &'a [KeyGeneration], slot: &KeySlot) -> Option<&'a KeyGeneration> {
    generations.iter().find(|generation| generation.state == KeyState::Active && generation.stands_in(slot))
}

/// What rotating a slot means now, given its generations (others are passed over). Refused with
/// `key.rotation-in-progress` while a published generation waits in it: two operators at once are
/// one winner and one conflict.
pub fn plan_rotation(
    slot: &KeySlot,
    existing: &[KeyGeneration],
    now: Timestamp,
    activate: ActivateAt,
    times: &RotationTimes,
) -> Result<Rotation, Refusal> {
    let waiting = existing.iter().find(|generation| generation.state == KeyState::Published && generation.stands_in(slot));
    if let Some(waiting) = waiting {
        let when = waiting
            .activate_at
            .map_or_else(|| "has no time of activation yet".to_owned(), |at| format!("becomes active at {at}"));
        return Err(Refusal::new(
            "key.rotation-in-progress",
            format!("a rotation of {slot} is under way: key {} {when}", waiting.kid),
        )
        .hint(format!("see 'iamctl key show {}'", waiting.kid)));
    }
    let earliest = now.plus(times.publish);
    let activate_at = match activate {
        ActivateAt::AfterPublish => earliest,
        ActivateAt::Now => now,
        ActivateAt::Time(at) if at < earliest => {
            return Err(Refusal::new(
                "key.activation-too-early",
                format!("{at} is before {earliest}, when the publish interval will have passed"),
            )
            .hint("relying parties may keep the old JWKS until then; in an emergency use '--activate now'"));
        }
        ActivateAt::Time(at) => at,
    };
    let replaces = active(existing, slot).map(|active| active.kid.clone());
    Ok(Rotation {
        activate_at,
        immediate: activate == ActivateAt::Now,
        retire_at: replaces.is_some().then(|| activate_at.plus(times.drain)),
        replaces,
    })
}
