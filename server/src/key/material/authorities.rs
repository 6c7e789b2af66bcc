//! Issuing authorities: the next generation stands beside the old one. Its key is made here; its certificate is the root's to sign,
//! whose key may be kept away, so that the rotation waits for it. Before it takes over it has a responder and a list, and what it
//! has issued is proven to verify. The old one issues nothing more, and answers for what it has issued until the last of it ends.

use std::time::Duration;

use domain::{KeyAlgorithm, KeyPurpose, KeyState, RotationPlan, RotationTimes, Timestamp};
use pki::authority::prove;
use pki::{AuthorityPurpose, Certificate, RevocationList};
use serde_json::json;

use super::{certified, next_kid};
use crate::app::{App, Keep};
use crate::failure::Failure;
use crate::key::work::{Gate, Line};
use crate::keys::{Kid, ROOT, Slot};
use crate::store::{Housekeeping, KeyRow, Read, StoreError, Write};

/// What the plan says while it waits for the root.
const BY_THE_ROOT: &str = "certified by the root ('iamd ca request' here, 'iamd ca issue' where the root's key is, 'iamd ca install' here; with the key beside the node, or in its token, 'iamd ca issue --data-dir' alone)";
/// Certificate, responder, list, proof.
const STEPS: u64 = 4;

/// The line of an authority.
///
/// # Errors
/// `key.line`, for a name that is none, and where none is given.
pub(in crate::key) fn line_of(name: Option<&str>) -> Result<String, Failure> {
    let lines = AuthorityPurpose::ISSUING.iter().map(|purpose| purpose.line());
    let known = lines.clone().find(|line| Some(*line) == name);
    known.map(str::to_owned).ok_or_else(|| {
        let lines = lines.collect::<Vec<_>>().join(", ");
        let message = match name {
            None => format!("there are several issuing authorities: name one of {lines}"),
            Some(name) => format!("there is no issuing authority '{}', only {lines}", domain::visible(name)),
        };
        Failure::invalid_field("key.line", "name", message)
    })
}

/// The old one drains for as long as the longest certificate may live that it has issued.
pub(in crate::key) fn times(line: &Line, times: RotationTimes) -> RotationTimes {
    let longest = AuthorityPurpose::of_line(&line.name).map_or(Duration::ZERO, |purpose| purpose.issues().lifetime);
    RotationTimes { drain: longest + times.drain, ..times }
}

/// The key of the next generation, which has no certificate yet.
pub(in crate::key) async fn make(app: &App, line: &Line, now: Timestamp) -> Result<Vec<KeyRow>, Failure> {
    let kid = next_kid(app, line).await?;
    let make = |algorithm: &KeyAlgorithm| {
        let slot = Slot { purpose: line.purpose, name: &line.name, algorithm: *algorithm };
        app.keys.new_signing_key(slot, Kid::Named(&kid), now)
    };
    Ok(line.algorithms.iter().map(make).collect::<anyhow::Result<_>>()?)
}

/// Sees to it that the next generation has all that it needs; how far that is.
pub(in crate::key) async fn before_activation(app: &App, plan: &RotationPlan) -> anyhow::Result<Gate> {
    let working = |done, what: &'static str| Ok(Gate::Working { done, total: STEPS, what: what.into() });
    let now = app.clock.now();
    let mut read = app.store.read().await?;
    let rows = read.keys(Some(KeyPurpose::IssuingCa), Some(KeyState::Published)).await?;
    let id = plan.id.to_string();
    let Some(row) = rows.into_iter().find(|row| row.plan.as_deref() == Some(&id)) else { return Ok(Gate::Open) };
    if row.certificate.is_none() {
        return working(0, BY_THE_ROOT);
    }
    let Some(responder) = read.active_key(KeyPurpose::Ocsp, &row.kid).await? else {
        drop(read);
        first_responder(app, &row.kid, now).await?;
        return working(1, "given an OCSP responder");
    };
    let Some(list) = read.revocation_list(&row.kid, now).await? else {
        app.wake.revocations.notify_one();
        return working(2, "given a first revocation list");
    };
    let root = read.active_key(KeyPurpose::RootCa, ROOT).await?.ok_or_else(|| anyhow::anyhow!("there is no root"))?;
    let Some(roots) = read.revocation_list(&root.kid, now).await? else { return working(2, "on no list of the root") };
    let certificate = |row: &KeyRow| Certificate::from_der(row.certificate.as_deref().unwrap_or_default());
    let chain = [certificate(&responder)?, certificate(&row)?, certificate(&root)?];
    let lists = [RevocationList::from_der(&list.der)?, RevocationList::from_der(&roots.der)?];
    if let Err(error) = prove(&chain, &lists, now) {
        tracing::error!(authority = row.kid, %error, "what the next authority has issued does not verify; it does not take over");
        return working(3, "proven to issue what verifies (see the log of iamd)");
    }
    Ok(Gate::Open)
}

/// The first certificate of a new authority: who answers for it.
async fn first_responder(app: &App, authority: &str, now: Timestamp) -> anyhow::Result<()> {
    let line = Line::responders(authority);
    let made = certified::make(app, &line, Keep::Effects, now).await.map_err(told)?;
    let mut tx = app.store.write().await?;
    for row in made.iter() {
        let active = KeyRow { state: KeyState::Active.to_string(), activate_at: Some(now.micros()), ..row.clone() };
        match tx.insert_key(&active).await {
            Ok(()) => {}
            // Another node was faster.
            Err(StoreError::Unique) => return Ok(tx.rollback().await?),
            Err(error) => return Err(error.into()),
        }
    }
    certified::published(&mut tx, &made).await.map_err(told)?;
    let facts = json!({ "authority": authority });
    let subject = made.iter().map(|row| row.kid.as_str()).collect::<Vec<_>>().join(" ");
    made.kept();
    Ok(tx.commit_housekeeping(Housekeeping::Step { action: "key.activate", subject, facts }).await?)
}

/// Takes the responders of authorities that are gone out of use.
pub(in crate::key) async fn without_responders(tx: &mut Write, gone: &[KeyRow], now: Timestamp) -> Result<(), Failure> {
    for row in live_responders(tx, gone).await? {
        let mut generation = row.generation()?;
        generation = match generation.state {
            KeyState::Published => generation.abort(now)?,
            KeyState::Active => generation.drain(now, Duration::ZERO)?.retire(now)?,
            _ => domain::KeyGeneration { retire_at: Some(now), ..generation }.retire(now)?,
        };
        tx.put_key(&row.with(&generation)).await?;
        tx.forget_private_part(&row.kid).await?;
    }
    Ok(())
}

async fn live_responders(read: &mut Read, of: &[KeyRow]) -> Result<Vec<KeyRow>, StoreError> {
    let mut rows = read.live_keys().await?;
    let of = |row: &KeyRow| row.purpose == KeyPurpose::Ocsp.as_str() && of.iter().any(|authority| authority.kid == row.name);
    rows.retain(of);
    Ok(rows)
}

fn told(failure: Failure) -> anyhow::Error {
    match failure {
        Failure::Internal(error) => error,
        other => anyhow::anyhow!("an authority was not given a responder: {}", other.code()),
    }
}
