use api::key::{KeyDetail, KnownTo, ShowKey};
use domain::{KeyPurpose, KeyState, Kid, PlanState, Timestamp};
use pki::Certificate;

use super::ledger::known_parties;
use super::plan_view::progress;
use super::{jwks, view::view};
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::inventory::keys::told;
use crate::store::{PlanRow, Read, StoreError};

/// One generation with its public part and what comes next.
pub async fn show(app: &App, _: &Caller, op: ShowKey) -> Result<KeyDetail, Failure> {
    let mut read = app.store.read().await?;
    let row = read.key(&op.kid).await?.ok_or_else(|| Failure::not_found("key", &op.kid))?;
    let mut key = view(&row)?;
    let plan = match key.plan {
        Some(id) => read.plan(id).await?,
        None => None,
    };
    key.work = plan.as_ref().and_then(|plan| progress(&plan.work));
    let jwk = jwks::jwk(&row)?;
    let open = read.open_plans().await?.iter().map(PlanRow::plan).collect::<Result<Vec<_>, _>>()?;
    let (depends, signs) = told(app, &row, &open)?;
    // A plan that stands still takes no step at its date.
    let stands = plan.filter(|plan| [PlanState::Paused, PlanState::Held].iter().any(|state| plan.state == state.as_str()));
    let next = match (key.state, key.activate_at, key.retire_at, stands) {
        (KeyState::Published, _, _, Some(plan)) => {
            Some(format!("becomes active when rotation {}, {}, goes on", plan.id, plan.state))
        }
        (KeyState::Draining, _, _, Some(plan)) => Some(format!("is retired when rotation {}, {}, goes on", plan.id, plan.state)),
        (KeyState::Published, Some(at), _, None) => Some(format!("becomes active at {}", at.people())),
        (KeyState::Draining, _, Some(at), None) => Some(format!("is retired at {}", at.people())),
        _ => signs,
    };
    let known_to = if row.purpose == KeyPurpose::TokenSigning.as_str() {
        known_to(&mut read, &op.kid, app.clock.now()).await?
    } else {
        Vec::new()
    };
    let certificate = row
        .certificate
        .as_deref()
        .map(|der| Certificate::from_der(der).and_then(|certificate| certificate.pem()))
        .transpose()
        .map_err(anyhow::Error::from)?;
    Ok(KeyDetail {
        in_jwks: jwk.is_some() && row.generation()?.shown_in_jwks(),
        jwk: jwk.map(serde_json::to_value).transpose().map_err(anyhow::Error::from)?,
        key,
        certificate,
        next,
        depends,
        known_to,
    })
}

/// The systems of relying parties whose newest copy of the key set has this key.
async fn known_to(read: &mut Read, kid: &Kid, now: Timestamp) -> Result<Vec<KnownTo>, Failure> {
    let mut known = Vec::new();
    for party in known_parties(read, now).await? {
        for sighting in party.facts.known().filter(|sighting| sighting.kids.contains(kid)) {
            let rp = party.id.parse().map_err(|_| StoreError::Broken(anyhow::anyhow!("a sighting is of a bad party")))?;
            known.push(KnownTo { rp, client: sighting.client.clone(), how: sighting.how, at: sighting.at });
        }
    }
    Ok(known)
}
