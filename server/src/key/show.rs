use api::key::{KeyDetail, ShowKey};
use domain::{KeyState, PlanState};
use pki::Certificate;

use super::plan_view::progress;
use super::{jwks, view::view};
use crate::app::{App, Caller};
use crate::failure::Failure;

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
    // A plan that stands still takes no step at its date.
    let stands = plan.filter(|plan| [PlanState::Paused, PlanState::Held].iter().any(|state| plan.state == state.as_str()));
    let next = match (key.state, key.activate_at, key.retire_at, stands) {
        (KeyState::Published, _, _, Some(plan)) => {
            Some(format!("becomes active when rotation {}, {}, goes on", plan.id, plan.state))
        }
        (KeyState::Draining, _, _, Some(plan)) => Some(format!("is retired when rotation {}, {}, goes on", plan.id, plan.state)),
        (KeyState::Published, Some(at), _, None) => Some(format!("becomes active at {at}")),
        (KeyState::Draining, _, Some(at), None) => Some(format!("is retired at {at}")),
        _ => None,
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
    })
}
