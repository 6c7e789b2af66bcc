//! What a rotation means for each purpose: which lines there are, how the next generation is made and published, and the work
//! that has to be finished before it takes over and before the old one is retired.
//!
//! A purpose that rotates has an arm in each function here; the plan, its steps and its rules are the same for all.

use std::borrow::Cow;
use std::sync::Arc;

use domain::{KeyAlgorithm, KeyPurpose, KeySlot, Refusal, RotationPlan, RotationTimes, Timestamp};

use super::material::{self, authorities, certified, checkpoints, kek, look_ups};
use crate::app::{App, Keep};
use crate::failure::Failure;
use crate::keys::{ACCOUNTS, CHECKPOINTS, FreshKeys, Kid, LISTENERS, PEOPLE, STAMPS, Slot, TOKENS};
use crate::store::{KeyRow, Read, Write};

/// A line of keys that rotates: the generations of its algorithms take turns together.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Line {
    /// What the keys are for.
    pub purpose: KeyPurpose,
    /// Which line of that purpose.
    pub name: String,
    /// The algorithms that exist side by side in it.
    pub algorithms: Vec<KeyAlgorithm>,
}

/// How far the work is that a step waits for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Gate {
    /// Finished, or there is none. Once open it stays open: whatever is written from then on needs no more work.
    Open,
    /// Not finished.
    Working {
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
        /// What is worked at: `data keys rewrapped`.
        what: Cow<'static, str>,
    },
}

impl Line {
    fn new(purpose: KeyPurpose, name: &str, algorithms: &[KeyAlgorithm]) -> Self {
        Self { purpose, name: name.to_owned(), algorithms: algorithms.to_vec() }
    }

    /// The responders of an authority.
    pub(super) fn responders(authority: &str) -> Self {
        Self::new(KeyPurpose::Ocsp, authority, &[KeyAlgorithm::Es256])
    }

    /// The slots of the line.
    pub(super) fn slots(&self) -> Vec<KeySlot> {
        let slot = |algorithm: &KeyAlgorithm| KeySlot { purpose: self.purpose, name: self.name.clone(), algorithm: *algorithm };
        self.algorithms.iter().map(slot).collect()
    }

    /// The line that a plan rotates.
    pub(super) fn of(plan: &RotationPlan) -> Result<Self, Failure> {
        Ok(Self { algorithms: plan.algorithms.clone(), ..line(plan.purpose, Some(&plan.name), None)? })
    }
}

/// The line that is meant; `algorithm` narrows it.
///
/// # Errors
/// `key.purpose`, `key.line` and `key.algorithm`: there is no such line to rotate.
pub(crate) fn line(purpose: KeyPurpose, name: Option<&str>, algorithm: Option<KeyAlgorithm>) -> Result<Line, Failure> {
    let line = match purpose {
        KeyPurpose::TokenSigning => Line::new(purpose, TOKENS, &[KeyAlgorithm::Es256, KeyAlgorithm::Ps256]),
        KeyPurpose::Audit => Line::new(purpose, CHECKPOINTS, &[KeyAlgorithm::Ed25519]),
        KeyPurpose::TimeStamping => Line::new(purpose, STAMPS, &[KeyAlgorithm::Es256]),
        KeyPurpose::ServerTls => Line::new(purpose, LISTENERS, &[KeyAlgorithm::Es256]),
        KeyPurpose::IssuingCa => Line::new(purpose, &authorities::line_of(name)?, &[KeyAlgorithm::Es256]),
        // Each authority has responders of its own.
        KeyPurpose::Ocsp => Line::new(purpose, &certified::responders_of(name)?, &[KeyAlgorithm::Es256]),
        KeyPurpose::Data => Line::new(purpose, ACCOUNTS, &[KeyAlgorithm::A256Gcm]),
        KeyPurpose::BlindIndex => Line::new(purpose, PEOPLE, &[KeyAlgorithm::Hs256]),
        other => {
            let message = format!("{other} keys are not rotated by this verb");
            return Err(Failure::invalid_field("key.purpose", "purpose", message));
        }
    };
    if let Some(name) = name
        && name != line.name
    {
        let message = format!("there is no line '{}' of {purpose} keys, only '{}'", domain::visible(name), line.name);
        return Err(Failure::invalid_field("key.line", "name", message));
    }
    let Some(only) = algorithm else { return Ok(line) };
    if !line.algorithms.contains(&only) {
        let known: Vec<&str> = line.algorithms.iter().map(|algorithm| algorithm.as_str()).collect();
        let message = format!("keys of {purpose} {} are {}, not {only}", line.name, known.join(" or "));
        return Err(Failure::invalid_field("key.algorithm", "algorithm", message));
    }
    Ok(Line { algorithms: vec![only], ..line })
}

/// Refuses a line that has no key: there is nothing to follow.
///
/// # Errors
/// `key.line`.
pub(super) async fn must_have_keys(read: &mut Read, line: &Line) -> Result<(), Failure> {
    if read.keys(Some(line.purpose), None).await?.iter().any(|row| row.name == line.name) {
        return Ok(());
    }
    let message = format!("there is no line '{}' of {} keys", domain::visible(&line.name), line.purpose);
    Err(Failure::invalid_field("key.line", "name", message))
}

/// Whether the next generation of that purpose can take over in the moment in which it is made. Where rows lie under the old one,
/// nodes have to be told first, or the root has to sign, it takes over as soon as it can.
pub(crate) const fn at_once(purpose: KeyPurpose) -> bool {
    !matches!(purpose, KeyPurpose::Data | KeyPurpose::BlindIndex | KeyPurpose::IssuingCa)
}

/// Refuses what cannot be done in one moment.
///
/// # Errors
/// `key.no-emergency`, with what to do instead.
pub(super) fn must_be_at_once(Line { purpose, name: line, .. }: &Line) -> Result<(), Failure> {
    let purpose = *purpose;
    if at_once(purpose) {
        return Ok(());
    }
    let message = match purpose {
        KeyPurpose::IssuingCa => {
            "an authority is not withdrawn in one moment: the root revokes it, and certifies the next one".to_owned()
        }
        _ => format!("a {purpose} key cannot be withdrawn in one moment: rows lie under it"),
    };
    Err(Refusal::new("key.no-emergency", message).hint(withdrawn_by(purpose, line)).into())
}

/// What to do about a key that somebody else has, of a line that is no token-signing one.
pub(super) fn withdrawn_by(purpose: KeyPurpose, line: &str) -> String {
    match purpose {
        KeyPurpose::RootCa => "every certificate rests on it: make a new instance ('iamd init')".to_owned(),
        KeyPurpose::IssuingCa => format!(
            "'iamctl key rotate --purpose issuing-ca --line {line} --activate now', 'iamd ca issue', and when the next one issues 'iamd ca revoke'"
        ),
        KeyPurpose::Data | KeyPurpose::BlindIndex => format!(
            "'iamctl key rotate --purpose {purpose} --activate now' takes over as soon as it can, and destroys the old one when nothing lies under it any more"
        ),
        KeyPurpose::Pairwise => "it is not exchanged: every party would meet strangers".to_owned(),
        _ => format!(
            "'iamctl key rotate --emergency --purpose {purpose} --line {line} --reason key-compromise' revokes it and lets another one take over"
        ),
    }
}

/// How long the stages of a rotation last.
pub(crate) fn times(app: &App, line: &Line) -> RotationTimes {
    match line.purpose {
        KeyPurpose::IssuingCa => authorities::times(line, app.settings.rotation),
        _ => app.settings.rotation,
    }
}

/// The next generations of a line, not yet stored. Made before the transaction begins: an RSA key takes longer than anybody should
/// wait for the one writer, or for this thread.
/// What has a certificate has it from here: put on record and signed, but for a dry run, which keeps nothing.
pub(crate) async fn make(app: &App, line: &Line, keep: Keep, now: Timestamp) -> Result<FreshKeys, Failure> {
    let rows = match line.purpose {
        KeyPurpose::TokenSigning => sign_with(app, line, None, now).await?,
        KeyPurpose::Audit => sign_with(app, line, Some(material::next_kid(app, line).await?), now).await?,
        KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls => {
            return certified::make(app, line, keep, now).await;
        }
        KeyPurpose::Data => vec![kek::make(app, now)?],
        KeyPurpose::IssuingCa => authorities::make(app, line, now).await?,
        KeyPurpose::BlindIndex => vec![look_ups::make(app, &material::next_kid(app, line).await?, now)?],
        other => return Err(anyhow::anyhow!("keys of {other} are not rotated").into()),
    };
    Ok(FreshKeys::new(rows, app.keys.hsm().cloned()))
}

/// Keys that sign, one for each algorithm of the line; called by their thumbprints where no name is given.
async fn sign_with(app: &App, line: &Line, kid: Option<String>, now: Timestamp) -> Result<Vec<KeyRow>, Failure> {
    let (keys, line) = (Arc::clone(&app.keys), line.clone());
    let made = tokio::task::spawn_blocking(move || {
        let slot = |algorithm| Slot { purpose: line.purpose, name: &line.name, algorithm };
        let kid = kid.as_deref().map_or(Kid::Thumbprint, Kid::Named);
        let make = |algorithm| keys.new_signing_key(slot(algorithm), kid, now);
        line.algorithms.into_iter().map(make).collect::<anyhow::Result<Vec<KeyRow>>>()
    });
    Ok(made.await.map_err(anyhow::Error::from)??)
}

/// Stores the next generations, published, as those of the plan.
pub(crate) async fn publish(app: &App, tx: &mut Write, plan: &RotationPlan, made: &[KeyRow]) -> Result<Vec<KeyRow>, Failure> {
    let mut published = Vec::with_capacity(made.len());
    for row in made {
        let mut generation = row.generation()?;
        generation.activate_at = plan.activate_at;
        generation.plan = Some(plan.id);
        let row = row.with(&generation);
        tx.insert_key(&row).await?;
        published.push(row);
    }
    match plan.purpose {
        KeyPurpose::Audit => checkpoints::published(app, tx, plan, &published, app.clock.now()).await?,
        KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls => certified::published(tx, &published).await?,
        KeyPurpose::Data => kek::published(app, tx, &published).await?,
        KeyPurpose::BlindIndex => look_ups::published(app, tx, &published).await?,
        _ => {}
    }
    Ok(published)
}

/// A batch of the work that must be finished before the new generation takes over; asked about once a second from publication
/// on. Two nodes may ask at the same moment.
pub(super) async fn before_activation(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    match plan.purpose {
        // Others learn the key by themselves: there is nothing of ours to bring over.
        KeyPurpose::TokenSigning | KeyPurpose::Audit | KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls => {
            Ok(Gate::Open)
        }
        KeyPurpose::Data => kek::before_activation(app, plan).await,
        KeyPurpose::IssuingCa => authorities::before_activation(app, plan).await,
        KeyPurpose::BlindIndex => look_ups::before_activation(app, plan).await,
        other => anyhow::bail!("keys of {other} are not rotated"),
    }
}

/// A batch of the work that must be finished before the old generation is retired; asked about once a second from activation on.
/// Two nodes may ask at the same moment.
pub(super) async fn before_retirement(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    match plan.purpose {
        // What it signed runs out by itself, or stands for itself.
        KeyPurpose::TokenSigning
        | KeyPurpose::Audit
        | KeyPurpose::Ocsp
        | KeyPurpose::TimeStamping
        | KeyPurpose::ServerTls
        | KeyPurpose::IssuingCa => Ok(Gate::Open),
        KeyPurpose::Data => kek::before_retirement(app, plan).await,
        KeyPurpose::BlindIndex => look_ups::before_retirement(app, plan).await,
        other => anyhow::bail!("keys of {other} are not rotated"),
    }
}

/// What else changes in the transaction in which the new generations take over: `new` sign from now on, `old` no more.
pub(super) async fn taken_over(
    app: &App,
    tx: &mut Write,
    plan: &RotationPlan,
    new: &[KeyRow],
    old: &[KeyRow],
) -> Result<(), Failure> {
    match plan.purpose {
        // Whoever signs asks the database which key is active.
        KeyPurpose::TokenSigning => Ok(()),
        KeyPurpose::IssuingCa => {
            app.wake.listener_certificate.notify_one();
            Ok(())
        }
        KeyPurpose::Audit => checkpoints::taken_over(app, tx, new, old, app.clock.now()).await,
        KeyPurpose::Ocsp | KeyPurpose::TimeStamping => certified::taken_over(app, tx, old, app.clock.now()).await,
        KeyPurpose::ServerTls => {
            app.wake.listeners.notify_one();
            certified::taken_over(app, tx, old, app.clock.now()).await
        }
        KeyPurpose::Data => kek::taken_over(app, tx, new, old).await,
        KeyPurpose::BlindIndex => look_ups::taken_over(app, tx, new, old).await,
        other => Err(anyhow::anyhow!("keys of {other} are not rotated").into()),
    }
}

/// What else changes in the transaction in which a rotation is called off: `unsigned` are retired.
pub(super) async fn called_off(app: &App, tx: &mut Write, plan: &RotationPlan, unsigned: &[KeyRow]) -> Result<(), Failure> {
    match plan.purpose {
        // The key set is read from the database at each request.
        KeyPurpose::TokenSigning => Ok(()),
        KeyPurpose::IssuingCa => {
            authorities::without_responders(tx, unsigned, app.clock.now()).await?;
            forget(tx, unsigned).await
        }
        // It was announced, and nobody can sign with it any more.
        KeyPurpose::Audit => forget(tx, unsigned).await,
        KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls => {
            certified::called_off(app, tx, unsigned, app.clock.now()).await?;
            forget(tx, unsigned).await
        }
        // Nothing lies under it; the nodes let go of it.
        KeyPurpose::Data => kek::called_off(app, tx, unsigned).await,
        KeyPurpose::BlindIndex => look_ups::called_off(app, tx, unsigned).await,
        other => Err(anyhow::anyhow!("keys of {other} are not rotated").into()),
    }
}

/// What else changes in the transaction in which an old generation is retired.
pub(super) async fn retired(app: &App, tx: &mut Write, plan: &RotationPlan, old: &KeyRow) -> Result<(), Failure> {
    match plan.purpose {
        KeyPurpose::TokenSigning => Ok(()),
        KeyPurpose::IssuingCa => {
            authorities::without_responders(tx, std::slice::from_ref(old), app.clock.now()).await?;
            forget(tx, std::slice::from_ref(old)).await
        }
        // What it signed stands for itself: whoever takes the database later cannot sign in its name.
        KeyPurpose::Audit | KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls => {
            forget(tx, std::slice::from_ref(old)).await
        }
        KeyPurpose::Data => kek::retired(app, tx, old).await,
        KeyPurpose::BlindIndex => look_ups::retired(tx, old).await,
        other => Err(anyhow::anyhow!("keys of {other} are not rotated").into()),
    }
}

/// Destroys the private parts of generations that have left use.
async fn forget(tx: &mut Write, rows: &[KeyRow]) -> Result<(), Failure> {
    for row in rows {
        tx.forget_private_part(&row.kid).await?;
    }
    Ok(())
}
