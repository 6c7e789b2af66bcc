use api::relying_party::{PartyPlan, PlanParties};
use domain::Manifest;

use super::check::{Checked, check};
use super::intent::intend;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// What applying the manifests would change, field by field.
pub async fn plan(app: &App, _: &Caller, op: PlanParties) -> Result<Vec<PartyPlan>, Failure> {
    let manifests = checked(app, op.manifests).await?;
    let mut read = app.store.read().await?;
    let intents = intend(&mut read, &manifests).await?;
    let plan = |intent: super::intent::Intent<'_>| PartyPlan {
        rp: intent.party.manifest.id.clone(),
        change: intent.change,
        changes: intent.changes,
        notes: intent.notes,
    };
    Ok(intents.into_iter().map(plan).collect())
}

/// Checks away from the tasks that answer others: a thousand manifests with their keys take seconds.
pub(super) async fn checked(app: &App, manifests: Vec<Manifest>) -> Result<Checked, Failure> {
    let environment = app.environment;
    tokio::task::spawn_blocking(move || check(environment, manifests)).await.map_err(anyhow::Error::from)?
}
