use api::instance::{Check, CheckInstance};

use super::health;
use crate::app::{App, Caller};
use crate::failure::Failure;

/// The running server, looked over.
pub async fn check(app: &App, _: &Caller, _: CheckInstance) -> Result<Vec<Check>, Failure> {
    let mut checks = health::look(app).await;
    let (waiting, _) = app.store.read().await?.outbox_pending().await?;
    checks.extend(crate::inventory::told::look(app).await?);
    checks.push(Check { id: "outbox".to_owned(), ok: true, detail: format!("{waiting} notices on their way"), mend: None });
    Ok(checks)
}
