use domain::{Function, Outcome, Tier, Timestamp, UsageChannel};
use pki::PkiError;

use super::Pseudonyms;
use crate::app::App;
use crate::failure::Failure;
use crate::store::{UsageRow, Write};

/// A request that a citizen's account answered, or failed to. It counts as a use when it was completed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Use {
    /// Code of the service in this instance.
    pub service: i32,
    /// What for.
    pub function: Function,
    /// The tier the account had.
    pub tier: Tier,
    /// How the service was reached.
    pub channel: UsageChannel,
    /// How it ended.
    pub outcome: Outcome,
    /// When it ended.
    pub at: Timestamp,
    /// The account's ordinal.
    pub ordinal: i64,
}

impl Use {
    /// As it is stored, without the account.
    ///
    /// # Errors
    /// When OpenSSL fails.
    pub fn row(&self, pseudonyms: &mut Pseudonyms<'_>, recorded_at: Timestamp) -> Result<UsageRow, PkiError> {
        let day = self.at.hk_day();
        Ok(UsageRow {
            service: self.service,
            function: self.function.code(),
            tier: self.tier.code(),
            channel: self.channel.code(),
            outcome: self.outcome.code(),
            event_day: day.number(),
            at: self.at.micros(),
            recorded_at: recorded_at.micros(),
            pseudonym: pseudonyms.of(day, self.ordinal)?,
            source_key: None,
            count: 1,
            ordinal: self.ordinal,
        })
    }
}

/// Puts a use on record in the transaction that makes it: both happen, or neither.
///
/// # Errors
/// When the database cannot be reached or OpenSSL fails.
pub async fn record(app: &App, tx: &mut Write, used: &Use) -> Result<(), Failure> {
    let recorded_at = tx.recording_time().await?;
    let row = used.row(&mut Pseudonyms::new(&app.keys), recorded_at).map_err(anyhow::Error::from)?;
    tx.insert_use(&row).await?;
    app.wake.folder.notify_one();
    Ok(())
}
