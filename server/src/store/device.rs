//! The keys of the apps on citizens' phones.

use domain::{AccountId, AccountState, Tier, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::account::{account_id, number};
use super::conn::on;
use super::{Read, StoreError, Write};

/// A device with what its account is at this moment.
#[derive(Debug, Clone)]
pub struct KnownDevice {
    /// The RFC 7638 thumbprint of its key.
    pub thumbprint: String,
    /// Whether another one has followed it, or its account has ended.
    pub ended: bool,
    /// Whose it is, by the id in the database.
    pub owner: Uuid,
    /// Whose it is.
    pub account: AccountId,
    /// The state of that account.
    pub state: AccountState,
    /// Its tier.
    pub tier: Tier,
}

#[derive(sqlx::FromRow)]
struct DeviceRow {
    thumbprint: String,
    ended_at: Option<i64>,
    owner: Vec<u8>,
    reference: i64,
    state: String,
    tier: String,
}

impl DeviceRow {
    fn device(self) -> Result<KnownDevice, StoreError> {
        let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("the device {} has a bad {what}", self.thumbprint));
        Ok(KnownDevice {
            ended: self.ended_at.is_some(),
            owner: Uuid::from_slice(&self.owner).map_err(|_| broken("account"))?,
            account: account_id(self.reference)?,
            state: self.state.parse().map_err(|_| broken("state"))?,
            tier: self.tier.parse().map_err(|_| broken("tier"))?,
            thumbprint: self.thumbprint,
        })
    }
}

impl Read {
    /// The device of a key, by its thumbprint, whether it is in use or not.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn device_by_thumbprint(&mut self, thumbprint: &str) -> Result<Option<KnownDevice>, StoreError> {
        let row: Result<Option<DeviceRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT d.thumbprint, d.ended_at, a.id AS owner, a.reference, a.state, a.tier
             FROM device d JOIN account a ON a.id = d.account WHERE d.thumbprint = $1"
        )
        .bind(thumbprint)
        .fetch_optional(c));
        row.map_err(|error| self.error(error))?.map(DeviceRow::device).transpose()
    }
}

impl Write {
    /// Binds a key to an account. The one in use before is to be ended first ([`Write::end_devices`]). `public_key` is the JWK, JSON.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when the key was ever bound, to whichever account, or the account has a device in use.
    pub async fn insert_device(
        &mut self,
        account: Uuid,
        thumbprint: &str,
        public_key: &str,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO device (thumbprint, account, public_key, bound_at) VALUES ($1, $2, $3, $4)"
        )
        .bind(thumbprint)
        .bind(&account.as_bytes()[..])
        .bind(public_key)
        .bind(at.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Ends the device of an account that is in use; says how many that were, none or one.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_devices(&mut self, account: AccountId, at: Timestamp) -> Result<u64, StoreError> {
        on!(*self.conn(), |c| sqlx::query(
            "UPDATE device SET ended_at = $2
             WHERE ended_at IS NULL AND account = (SELECT id FROM account WHERE reference = $1)"
        )
        .bind(number(account.number()))
        .bind(at.micros())
        .execute(c)
        .map_ok(|done| done.rows_affected()))
        .map_err(|error| self.error(error))
    }
}
