//! Generations of keys and the rules of their rotation.
//!
//! A generation is published (others learn its public half), becomes active (it signs), drains (what
//! it signed is still accepted) and is retired. At most one generation of a slot is active.

use std::fmt;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{Kid, PlanRef, Refusal, Timestamp};

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

impl KeyState {
    /// Whether nothing is ever signed with it again, so that its private half is of no use but to a thief.
    #[must_use]
    pub const fn is_over(self) -> bool {
        match self {
            Self::Retired | Self::Revoked => true,
            // One that drains answers for what it has signed: lists, and answers about revocation.
            Self::Published | Self::Active | Self::Draining => false,
        }
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

impl RevocationReason {
    /// Whether a key may be revoked for it.
    ///
    /// # Errors
    /// `key.no-hold`: its revocation is for good.
    pub fn check_for_key(self) -> Result<(), Refusal> {
        match self {
            RevocationReason::CertificateHold => Err(Refusal::new(
                "key.no-hold",
                "a key cannot be put on hold, only a certificate can; its revocation is for good",
            )),
            _ => Ok(()),
        }
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
    /// The rotation that made it. None: it was there from the beginning, or is older than plans are.
    pub plan: Option<PlanRef>,
    /// The rotation in which another took its place.
    pub drained_by: Option<PlanRef>,
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
    /// At once: whoever has kept the old JWKS fails until it is fetched again. The old key drains; it is not revoked.
    Now,
    /// At a given time, not before the publish interval has passed.
    Time(Timestamp),
}

/// The furthest date of a rotation. The new key is published at once and would be shown, and kept, for so long without signing; a key
/// signs for about a year, and nobody remembers longer what they planned.
const FURTHEST_ACTIVATION: Duration = Duration::from_hours(366 * 24);

impl ActivateAt {
    /// The moment that is meant, of a key that is published now.
    ///
    /// # Errors
    /// `key.activation-too-early`: before the publish interval has passed. `key.activation-too-late`: more than a year ahead.
    pub fn moment(self, now: Timestamp, times: &RotationTimes) -> Result<Timestamp, Refusal> {
        let (earliest, latest) = (now.plus(times.publish), now.plus(times.publish.max(FURTHEST_ACTIVATION)));
        match self {
            ActivateAt::AfterPublish => Ok(earliest),
            ActivateAt::Now => Ok(now),
            ActivateAt::Time(at) if at < earliest => Err(Refusal::new(
                "key.activation-too-early",
                format!("{} is before {}, when the publish interval will have passed", at.people(), earliest.people()),
            )
            .hint("relying parties may keep the old JWKS until then; a key that somebody else has is replaced and revoked at once by 'iamctl key rotate --emergency --purpose PURPOSE --reason key-compromise'")),
            ActivateAt::Time(at) if at > latest => Err(Refusal::new(
                "key.activation-too-late",
                format!("{} is after {}: a key is not published more than a year ahead", at.people(), latest.people()),
            )
            .hint("write it into the calendar, and rotate then; 'iamctl key calendar' has the dates that are recommended")),
            ActivateAt::Time(at) => Ok(at),
        }
    }
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

impl Step {
    /// The generation that it is a step of.
    #[must_use]
    pub const fn kid(&self) -> &Kid {
        match self {
            Self::Activate { kid, .. } | Self::Retire { kid } => kid,
        }
    }
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
            return Err(Refusal::new("key.still-draining", format!("key {} drains until {}", self.kid, retire_at.people()))
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
        reason.check_for_key()?;
        Ok(KeyGeneration {
            state: KeyState::Revoked,
            // One that was retired before was so from that moment, and stays so on record.
            retire_at: self.retire_at.filter(|_| self.state == KeyState::Retired).or(Some(now)),
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
/// then retirements. Applying the steps and asking again at the same moment answers nothing. A generation that belongs to a
/// rotation is passed over: its plan says when ([`crate::RotationPlan::due`]).
pub fn next_step(generations: &[KeyGeneration], now: Timestamp) -> Vec<Step> {
    let mut due: Vec<(&KeyGeneration, Timestamp)> = generations
        .iter()
        .filter(|generation| generation.state == KeyState::Published && generation.plan.is_none())
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
            .filter(|generation| generation.state == KeyState::Draining && generation.drained_by.is_none())
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
            .map_or_else(|| "has no time of activation yet".to_owned(), |at| format!("becomes active at {}", at.people()));
        return Err(Refusal::new(
            "key.rotation-in-progress",
            format!("a rotation of {slot} is under way: key {} {when}", waiting.kid),
        )
        .hint(format!("see 'iamctl key show {}'", waiting.kid)));
    }
    let activate_at = activate.moment(now, times)?;
    let replaces = active(existing, slot).map(|active| active.kid.clone());
    Ok(Rotation {
        activate_at,
        immediate: activate == ActivateAt::Now,
        retire_at: replaces.is_some().then(|| activate_at.plus(times.drain)),
        replaces,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEN_MINUTES: Duration = Duration::from_mins(10);

    fn noon() -> Timestamp {
        "2022-05-31T12:00:00+08:00".parse().unwrap()
    }

    fn after(minutes: u64) -> Timestamp {
        noon().plus(Duration::from_mins(minutes))
    }

    fn kid(text: &str) -> Kid {
        text.parse().unwrap()
    }

    fn slot(algorithm: KeyAlgorithm) -> KeySlot {
        KeySlot { purpose: KeyPurpose::TokenSigning, name: "tokens".to_owned(), algorithm }
    }

    fn key(name: &str, state: KeyState) -> KeyGeneration {
        KeyGeneration {
            kid: kid(name),
            purpose: KeyPurpose::TokenSigning,
            name: "tokens".to_owned(),
            algorithm: KeyAlgorithm::Es256,
            state,
            created_at: noon(),
            activate_at: Some(after(10)),
            retire_at: (state == KeyState::Draining).then(|| after(10)),
            revocation: None,
            plan: None,
            drained_by: None,
            version: 1,
        }
    }

    #[test]
    fn a_private_half_is_of_use_until_its_generation_is_over() {
        for (state, over) in [
            (KeyState::Published, false),
            (KeyState::Active, false),
            (KeyState::Draining, false),
            (KeyState::Retired, true),
            (KeyState::Revoked, true),
        ] {
            assert_eq!(state.is_over(), over, "{state}");
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Verb {
        Activate,
        Drain,
        Retire,
        Abort,
        Revoke,
    }

    #[test]
    fn every_verb_in_every_state() {
        use KeyState::{Active, Draining, Published, Retired, Revoked};
        for (state, verb, expected) in [
            (Published, Verb::Activate, Ok(Active)),
            (Published, Verb::Drain, Err("key.state")),
            (Published, Verb::Retire, Err("key.state")),
            (Published, Verb::Abort, Ok(Retired)),
            (Published, Verb::Revoke, Ok(Revoked)),
            (Active, Verb::Activate, Err("key.state")),
            (Active, Verb::Drain, Ok(Draining)),
            (Active, Verb::Retire, Err("key.state")),
            (Active, Verb::Abort, Err("key.state")),
            (Active, Verb::Revoke, Ok(Revoked)),
            (Draining, Verb::Activate, Err("key.state")),
            (Draining, Verb::Drain, Err("key.state")),
            (Draining, Verb::Retire, Ok(Retired)),
            (Draining, Verb::Abort, Err("key.state")),
            (Draining, Verb::Revoke, Ok(Revoked)),
            (Retired, Verb::Activate, Err("key.retired")),
            (Retired, Verb::Drain, Err("key.retired")),
            (Retired, Verb::Retire, Err("key.retired")),
            (Retired, Verb::Abort, Err("key.retired")),
            (Retired, Verb::Revoke, Ok(Revoked)),
            (Revoked, Verb::Activate, Err("key.revoked")),
            (Revoked, Verb::Drain, Err("key.revoked")),
            (Revoked, Verb::Retire, Err("key.revoked")),
            (Revoked, Verb::Abort, Err("key.revoked")),
            (Revoked, Verb::Revoke, Err("key.revoked")),
        ] {
            let before = key("k", state);
            let now = after(10);
            let done = match verb {
                Verb::Activate => before.activate(now),
                Verb::Drain => before.drain(now, TEN_MINUTES),
                Verb::Retire => before.retire(now),
                Verb::Abort => before.abort(now),
                Verb::Revoke => before.revoke(RevocationReason::KeyCompromise, now),
            };
            assert_eq!(done.map(|key| key.state).map_err(|refusal| refusal.code), expected, "{verb:?} when {state}");
        }
    }

    #[test]
    fn a_refusal_says_what_is_in_the_way() {
        let refusal = key("k1", KeyState::Retired).activate(noon()).unwrap_err();
        assert_eq!(refusal.to_string(), "key k1 is retired and cannot be activated: only published ones can");
    }

    #[test]
    fn each_stage_writes_its_time() {
        let active = key("k", KeyState::Published).activate(after(12)).unwrap();
        assert_eq!((active.activate_at, active.retire_at), (Some(after(12)), None), "when it really was");
        let draining = active.drain(after(30), TEN_MINUTES).unwrap();
        assert_eq!((draining.activate_at, draining.retire_at), (Some(after(12)), Some(after(40))));
        assert_eq!(draining.retire(after(39)).unwrap_err().code, "key.still-draining");
        assert_eq!(draining.retire(after(41)).unwrap().retire_at, Some(after(41)));
        let revoked = draining.revoke(RevocationReason::KeyCompromise, after(31)).unwrap();
        assert_eq!(revoked.revocation, Some(Revocation { at: after(31), reason: RevocationReason::KeyCompromise }));
        let aborted = key("k", KeyState::Published).abort(after(1)).unwrap();
        assert_eq!((aborted.activate_at, aborted.retire_at), (None, Some(after(1))), "it never signed");
    }

    #[test]
    fn a_key_is_not_put_on_hold() {
        let refusal = key("k", KeyState::Active).revoke(RevocationReason::CertificateHold, noon()).unwrap_err();
        assert_eq!(refusal.code, "key.no-hold");
        // One that was retired long ago was not retired today.
        let retired = KeyGeneration { retire_at: Some(after(1)), ..key("k", KeyState::Retired) };
        let leaked = retired.revoke(RevocationReason::KeyCompromise, after(9)).unwrap();
        assert_eq!((leaked.retire_at, leaked.revocation.map(|revoked| revoked.at)), (Some(after(1)), Some(after(9))));
        let draining = KeyGeneration { retire_at: Some(after(20)), ..key("k", KeyState::Draining) };
        assert_eq!(draining.revoke(RevocationReason::KeyCompromise, after(9)).unwrap().retire_at, Some(after(9)));
    }

    #[test]
    fn what_others_see_and_what_is_accepted() {
        for (state, accepted) in [
            (KeyState::Published, true),
            (KeyState::Active, true),
            (KeyState::Draining, true),
            (KeyState::Retired, false),
            (KeyState::Revoked, false),
        ] {
            let token = key("k", state);
            assert_eq!((token.accepts_verification(), token.shown_in_jwks()), (accepted, accepted), "{state}");
            let audit = KeyGeneration { purpose: KeyPurpose::Audit, ..token };
            assert_eq!((audit.accepts_verification(), audit.shown_in_jwks()), (accepted, false), "{state}");
        }
    }

    /// What the scheduler does with its steps.
    fn apply(keys: &mut [KeyGeneration], steps: &[Step], now: Timestamp) {
        let mut change = |kid: &Kid, verb: &dyn Fn(&KeyGeneration) -> Result<KeyGeneration, Refusal>| {
            let key = keys.iter_mut().find(|key| key.kid == *kid).unwrap();
            *key = verb(key).unwrap();
        };
        for step in steps {
            match step {
                Step::Activate { kid, drains } => {
                    if let Some(drained) = drains {
                        change(drained, &|key| key.drain(now, TEN_MINUTES));
                    }
                    change(kid, &|key| key.activate(now));
                }
                Step::Retire { kid } => change(kid, &|key| key.retire(now)),
            }
        }
    }

    #[test]
    fn a_rotation_from_beginning_to_end() {
        let times = RotationTimes::default();
        let mut keys = vec![key("old", KeyState::Active)];
        let plan = plan_rotation(&slot(KeyAlgorithm::Es256), &keys, noon(), ActivateAt::AfterPublish, &times).unwrap();
        assert_eq!(
            plan,
            Rotation { activate_at: after(10), immediate: false, replaces: Some(kid("old")), retire_at: Some(after(20)) }
        );
        keys.push(KeyGeneration { activate_at: Some(plan.activate_at), ..key("new", KeyState::Published) });

        assert_eq!(next_step(&keys, after(9)), [], "relying parties are still learning the new key");
        let steps = next_step(&keys, after(10));
        assert_eq!(steps, [Step::Activate { kid: kid("new"), drains: Some(kid("old")) }]);
        apply(&mut keys, &steps, after(10));
        assert_eq!(next_step(&keys, after(10)), [], "asked again at the same moment");
        let states: Vec<_> = keys.iter().map(|key| key.state).collect();
        assert_eq!(states, [KeyState::Draining, KeyState::Active]);

        assert_eq!(next_step(&keys, after(19)), [], "tokens of the old key still live");
        let steps = next_step(&keys, after(20));
        assert_eq!(steps, [Step::Retire { kid: kid("old") }]);
        apply(&mut keys, &steps, after(20));
        assert_eq!(next_step(&keys, after(1_000)), []);
    }

    #[test]
    fn at_every_minute_of_a_rotation_one_key_signs_and_the_keys_of_living_tokens_are_shown() {
        let mut keys =
            vec![key("old", KeyState::Active), KeyGeneration { activate_at: Some(after(10)), ..key("new", KeyState::Published) }];
        let mut signed = Vec::new();
        for minute in 0..60 {
            let steps = next_step(&keys, after(minute));
            apply(&mut keys, &steps, after(minute));
            let active: Vec<_> = keys.iter().filter(|key| key.state == KeyState::Active).collect();
            assert_eq!(active.len(), 1, "minute {minute}");
            signed.push((minute, active[0].kid.clone()));
            for (_, kid) in signed.iter().filter(|(at, _)| at + 5 >= minute) {
                let key = keys.iter().find(|key| key.kid == *kid).unwrap();
                assert!(key.shown_in_jwks() && key.accepts_verification(), "minute {minute}: {kid}");
            }
        }
    }

    #[test]
    fn slots_do_not_touch_each_other() {
        let other = |name: &str, state| KeyGeneration { algorithm: KeyAlgorithm::Ps256, ..key(name, state) };
        let keys = [
            key("es-old", KeyState::Active),
            key("es-new", KeyState::Published),
            other("ps-old", KeyState::Active),
            other("ps-new", KeyState::Published),
            KeyGeneration { name: "elsewhere".to_owned(), ..key("lone", KeyState::Published) },
        ];
        assert_eq!(
            next_step(&keys, after(10)),
            [
                Step::Activate { kid: kid("es-new"), drains: Some(kid("es-old")) },
                Step::Activate { kid: kid("lone"), drains: None },
                Step::Activate { kid: kid("ps-new"), drains: Some(kid("ps-old")) },
            ]
        );
        let waiting = [other("ps-new", KeyState::Published)];
        let plan = plan_rotation(&slot(KeyAlgorithm::Es256), &waiting, noon(), ActivateAt::Now, &RotationTimes::default());
        assert!(plan.is_ok(), "a rotation of PS256 does not hinder one of ES256");
    }

    #[test]
    fn two_in_one_slot_take_turns() {
        // Cannot come about through `plan_rotation`; a restored database must not end with two active keys all the same.
        let mut keys =
            vec![key("b", KeyState::Published), KeyGeneration { activate_at: Some(after(5)), ..key("a", KeyState::Published) }];
        for expected in [
            vec![Step::Activate { kid: kid("a"), drains: None }],
            vec![Step::Activate { kid: kid("b"), drains: Some(kid("a")) }],
            vec![],
        ] {
            let steps = next_step(&keys, after(15));
            assert_eq!(steps, expected);
            apply(&mut keys, &steps, after(15));
        }
    }

    #[test]
    fn a_key_without_a_time_waits_for_a_hand() {
        let keys = [KeyGeneration { activate_at: None, ..key("k", KeyState::Published) }];
        assert_eq!(next_step(&keys, Timestamp::MAX), []);
    }

    #[test]
    fn the_second_of_two_operators_is_told() {
        let keys = [key("old", KeyState::Active), key("new", KeyState::Published)];
        for activate in [ActivateAt::AfterPublish, ActivateAt::Now, ActivateAt::Time(after(60))] {
            let refusal =
                plan_rotation(&slot(KeyAlgorithm::Es256), &keys, noon(), activate, &RotationTimes::default()).unwrap_err();
            assert_eq!(refusal.code, "key.rotation-in-progress");
            assert!(refusal.message.contains("key new becomes active at 2022-05-31 12:10:00 HKT"), "{refusal}");
        }
    }

    #[test]
    fn when_a_rotation_becomes_active() {
        let plan = |activate| plan_rotation(&slot(KeyAlgorithm::Es256), &[], noon(), activate, &RotationTimes::default());
        let first = plan(ActivateAt::Now).unwrap();
        assert_eq!(first, Rotation { activate_at: noon(), immediate: true, replaces: None, retire_at: None });
        assert_eq!(plan(ActivateAt::Time(after(60))).unwrap().activate_at, after(60));
        assert_eq!(plan(ActivateAt::Time(after(10))).unwrap().activate_at, after(10));
        assert_eq!(plan(ActivateAt::Time(after(9))).unwrap_err().code, "key.activation-too-early");
        assert_eq!(plan(ActivateAt::Time(noon().minus(TEN_MINUTES))).unwrap_err().code, "key.activation-too-early");
        let latest = noon().plus(FURTHEST_ACTIVATION);
        assert_eq!(plan(ActivateAt::Time(latest)).unwrap().activate_at, latest);
        for far in [latest.plus(Duration::from_micros(1)), "2099-01-01T00:00:00Z".parse().unwrap()] {
            assert_eq!(plan(ActivateAt::Time(far)).unwrap_err().code, "key.activation-too-late");
        }
    }

    #[test]
    fn the_reasons_have_the_numbers_of_rfc_5280() {
        let numbers: Vec<i16> = RevocationReason::ALL.iter().map(|reason| reason.code()).collect();
        assert_eq!(numbers, [0, 1, 2, 3, 4, 5, 6, 9]);
    }
}
