//! The dated steps of rotations, taken by one node when they are due.

use domain::{KeyPurpose, Kid, Step, next_step};
use serde_json::json;

use super::rotate::generations;
use crate::app::App;
use crate::store::{Housekeeping, KeyRow, Leader, Write};

/// Takes every step that is due; gives how many. Each is a transaction of its own with its own audit entry.
///
/// # Errors
/// When the database cannot be reached, or a rule refuses a step.
pub async fn take_due(app: &App) -> anyhow::Result<usize> {
    let mut taken = 0;
    loop {
        let now = app.clock.now();
        let mut tx = app.store.write().await?;
        if !tx.leads(Leader::KeySteps).await? {
            return Ok(taken);
        }
        let rows = tx.keys(Some(KeyPurpose::TokenSigning), None).await?;
        let Some(step) = next_step(&generations(&rows)?, now).into_iter().next() else {
            // Said aloud: dropped, it would keep the leader's lock until somebody gets round to it.
            tx.rollback().await?;
            return Ok(taken);
        };
        let (action, subject, facts) = match &step {
            Step::Activate { kid, drains } => {
                // The old one first: there is one active generation of a line, at every moment.
                if let Some(old) = drains {
                    let row = row(&rows, old)?;
                    put(&mut tx, row, &row.generation()?.drain(now, app.settings.rotation.drain)?).await?;
                }
                let row = row(&rows, kid)?;
                put(&mut tx, row, &row.generation()?.activate(now)?).await?;
                ("key.activate", kid, json!({ "drains": drains }))
            }
            Step::Retire { kid } => {
                let row = row(&rows, kid)?;
                put(&mut tx, row, &row.generation()?.retire(now)?).await?;
                ("key.retire", kid, json!({}))
            }
        };
        tx.commit_housekeeping(Housekeeping::Step { action, subject: subject.to_string(), facts }).await?;
        app.wake.sealer.notify_one();
        taken += 1;
    }
}

fn row<'a>(rows: &'a [KeyRow], kid: &Kid) -> anyhow::Result<&'a KeyRow> {
    rows.iter().find(|row| row.kid == kid.as_str()).ok_or_else(|| anyhow::anyhow!("key {kid} is gone"))
}

async fn put(tx: &mut Write, row: &KeyRow, generation: &domain::KeyGeneration) -> anyhow::Result<()> {
    Ok(tx.put_key(&row.with(generation)).await?)
}
