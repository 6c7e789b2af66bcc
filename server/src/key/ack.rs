use api::rotation::{AcknowledgeKeys, PartyReadiness};
use domain::{Attribution, KeyPurpose, KeyState, Kid, PlanState, Refusal, Sighting};
use serde_json::json;

use super::ledger::ledger;
use super::take_over::generations;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// Notes a relying party's word that it has these keys, in the place of its word before.
pub async fn ack(app: &App, caller: &Caller, op: AcknowledgeKeys) -> Result<PartyReadiness, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    tx.party(&op.rp).await?.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    let shown: Vec<_> = generations(&tx.keys(Some(KeyPurpose::TokenSigning), None).await?)?
        .into_iter()
        .filter(domain::KeyGeneration::shown_in_jwks)
        .collect();
    let kids: Vec<Kid> = match op.plan {
        Some(id) => {
            let plan = tx.plan(id).await?.ok_or_else(|| Failure::not_found("rotation", id))?.plan()?;
            if matches!(plan.state, PlanState::Aborted | PlanState::Lapsed) {
                let refusal = Refusal::new("key.plan-state", format!("plan {id} is {}: no key of it is shown", plan.state));
                return Err(refusal.hint("see 'iamctl key list --purpose token-signing'").into());
            }
            let made = shown.iter().filter(|one| one.plan == Some(plan.id) && one.state != KeyState::Draining);
            made.map(|one| one.kid.clone()).chain(op.kids.iter().cloned()).collect()
        }
        None => op.kids.clone(),
    };
    if kids.is_empty() {
        let message = "name the keys that the party says it has, or the rotation whose key is shown by now";
        return Err(Failure::invalid_field("key.ack", "kids", message));
    }
    if let Some(missing) = kids.iter().find(|kid| !shown.iter().any(|one| one.kid == **kid)) {
        let refusal = Refusal::new("key.not-shown", format!("key {missing} is not in the key set: nobody can have it"));
        return Err(refusal.hint("see 'iamctl key list --purpose token-signing'").into());
    }
    // The word is about these keys alone: whoever has the old one need not have the new one that is shown beside it.
    let (how, said_to) = (Attribution::Acknowledgement, Some(caller.operator.clone()));
    let seen = Sighting { client: None, how, at: now, kids: kids.clone(), said_to };
    tx.put_sighting(op.rp.as_str(), &seen, now).await?;
    let parties = ledger(&mut tx, KeyPurpose::TokenSigning, &kids, now).await?;
    let party = parties.into_iter().find(|party| party.rp == op.rp);
    let party = party.ok_or_else(|| Failure::not_found("relying party", &op.rp))?;
    let facts = json!({ "kids": kids, "plan": op.plan, "verdict": party.verdict });
    let party = tx.commit(caller.record(&op).facts(facts), party).await?;
    app.wake.keys.notify_one();
    Ok(party)
}
