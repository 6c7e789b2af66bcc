//! How a request ended, for the statistics: in the transaction in which it ends.

use domain::{Function, Outcome, UsageChannel};
use uuid::Uuid;

use crate::app::App;
use crate::failure::Failure;
use crate::store::{EndedRequestRow, StoredAccount, Write};
use crate::usage::{self, Use};

/// Puts the end of a request of a citizen on record.
pub(super) async fn record(
    app: &App,
    tx: &mut Write,
    ended: &EndedRequestRow,
    stored: &StoredAccount,
    outcome: Outcome,
) -> Result<(), Failure> {
    let broken = || anyhow::anyhow!("the row of a citizen's request has a bad function or channel");
    let used = Use {
        service: ended.service,
        function: Function::from_code(ended.function).ok_or_else(broken)?,
        tier: stored.account.tier,
        channel: UsageChannel::from_code(ended.channel).ok_or_else(broken)?,
        outcome,
        at: app.clock.now(),
        ordinal: stored.ordinal,
    };
    usage::record(app, tx, &used).await
}

/// Puts the ends of several on record. One that nobody ever took up was no citizen's: it is counted by a metric alone.
pub(crate) async fn record_ended(
    app: &App,
    tx: &mut Write,
    ended: &[EndedRequestRow],
    outcome_of: impl Fn(&EndedRequestRow) -> Outcome,
) -> Result<(), Failure> {
    for request in ended {
        let Some(account) = &request.account else {
            metrics::counter!("iam_requests_never_taken_up_total").increment(1);
            continue;
        };
        let account = Uuid::from_slice(account).map_err(anyhow::Error::from)?;
        let Some(stored) = tx.account_of_id(account).await? else { continue };
        record(app, tx, request, &stored, outcome_of(request)).await?;
    }
    Ok(())
}
