//! Accounts as they are read, and which parties know them.

use api::account::AccountSummary;
use domain::{Account, AccountId, AccountState, CallRef, Channel, OperatorId, RelyingPartyId, Standing, Tier, Timestamp};
use uuid::Uuid;

use super::conn::on;
use super::{Read, StoreError};

/// An account as stored: what the rules know of it, and its sealed parts.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    /// Id in the database; its first half says when the row was made.
    pub id: Uuid,
    /// Dense number, by which distinct people are counted.
    pub ordinal: i64,
    /// Without the person.
    pub account: Account,
    /// Counts up with each change.
    pub version: i64,
    /// Who suspended it.
    pub suspended_by: Option<OperatorId>,
    /// The data key under the key-encryption key; none once closed.
    pub data_key: Option<Vec<u8>>,
    /// Which key-encryption key that is.
    pub kek_id: String,
    /// The profile under the data key; none once closed.
    pub profile: Option<Vec<u8>>,
    /// The device in use, by the name the citizen's app gave it.
    pub device: Option<String>,
}

#[derive(sqlx::FromRow)]
pub(super) struct AccountRow {
    id: Vec<u8>,
    ordinal: i64,
    reference: i64,
    version: i64,
    state: String,
    tier: String,
    channel: String,
    location: Option<String>,
    registered_at: i64,
    data_key: Option<Vec<u8>>,
    kek_id: String,
    profile: Option<Vec<u8>>,
    device: Option<String>,
    suspended_since: Option<i64>,
    suspended_reason: Option<String>,
    suspended_by: Option<String>,
    suspended_call: Option<i64>,
    closed_since: Option<i64>,
    closed_reason: Option<String>,
}

#[derive(sqlx::FromRow)]
struct SummaryRow {
    reference: i64,
    state: String,
    tier: String,
    channel: String,
    location: Option<String>,
    registered_at: i64,
}

impl AccountRow {
    pub(super) fn stored(self) -> Result<StoredAccount, StoreError> {
        let broken = |what: &'static str| broken(self.reference, what);
        let standing = match (self.state.parse(), self.suspended_since, self.closed_since) {
            (Ok(AccountState::Active), None, None) => Standing::Active,
            (Ok(AccountState::Suspended), Some(since), None) => Standing::Suspended {
                since: Timestamp::from_micros(since),
                reason: word(self.suspended_reason.as_deref(), "suspension reason", self.reference)?,
                call: self.suspended_call.map(|call| reference(call, "call")).transpose()?,
            },
            (Ok(AccountState::Closed), _, Some(since)) => Standing::Closed {
                since: Timestamp::from_micros(since),
                reason: word(self.closed_reason.as_deref(), "closure reason", self.reference)?,
            },
            _ => return Err(broken("state")),
        };
        Ok(StoredAccount {
            id: Uuid::from_slice(&self.id).map_err(|_| broken("id"))?,
            ordinal: self.ordinal,
            version: self.version,
            suspended_by: self.suspended_by.as_deref().map(|by| word(Some(by), "operator", self.reference)).transpose()?,
            account: Account {
                id: account_id(self.reference)?,
                tier: word(Some(&self.tier), "tier", self.reference)?,
                channel: word(Some(&self.channel), "channel", self.reference)?,
                location: self.location.as_deref().map(|at| word(Some(at), "location", self.reference)).transpose()?,
                registered_at: Timestamp::from_micros(self.registered_at),
                standing,
            },
            data_key: self.data_key,
            kek_id: self.kek_id,
            profile: self.profile,
            device: self.device,
        })
    }
}

impl SummaryRow {
    fn summary(self) -> Result<AccountSummary, StoreError> {
        Ok(AccountSummary {
            account: account_id(self.reference)?,
            state: word(Some(&self.state), "state", self.reference)?,
            tier: word(Some(&self.tier), "tier", self.reference)?,
            channel: word(Some(&self.channel), "channel", self.reference)?,
            location: self.location.as_deref().map(|at| word(Some(at), "location", self.reference)).transpose()?,
            registered_at: Timestamp::from_micros(self.registered_at),
        })
    }
}

fn broken(reference: i64, what: &str) -> StoreError {
    StoreError::Broken(anyhow::anyhow!("the account row with the reference {reference} has a bad {what}"))
}

fn word<T: std::str::FromStr>(text: Option<&str>, what: &'static str, reference: i64) -> Result<T, StoreError> {
    text.and_then(|text| text.parse().ok()).ok_or_else(|| broken(reference, what))
}

/// The account reference that a stored number stands for.
pub(super) fn account_id(number: i64) -> Result<AccountId, StoreError> {
    u64::try_from(number).ok().and_then(AccountId::from_number).ok_or_else(|| broken(number, "reference"))
}

/// The call reference that a stored number stands for.
pub(super) fn reference(number: i64, what: &'static str) -> Result<CallRef, StoreError> {
    let call = u64::try_from(number).ok().and_then(CallRef::from_number);
    call.ok_or_else(|| StoreError::Broken(anyhow::anyhow!("a row has the bad {what} number {number}")))
}

/// A reference as stored: at most 45 bits.
pub(super) fn number(reference: u64) -> i64 {
    i64::try_from(reference).unwrap_or(i64::MAX)
}

/// What a page of the list is to hold; what is absent lets everything pass.
#[derive(Debug, Clone, Copy, Default)]
pub struct AccountFilter {
    /// Only this state.
    pub state: Option<AccountState>,
    /// Only this tier.
    pub tier: Option<Tier>,
    /// Only this channel.
    pub channel: Option<Channel>,
}

impl Read {
    /// One account.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account(&mut self, id: AccountId) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE reference = $1"
        )
        .bind(number(id.number()))
        .fetch_optional(c)
        });
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// One account by its id in the database.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_of_id(&mut self, id: Uuid) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile,
               device, suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE id = $1"
        )
        .bind(&id.as_bytes()[..])
        .fetch_optional(c)
        });
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// The account of a card number, by its look-up value.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_by_hkic(&mut self, index: &[u8; 16]) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE hkic_index = $1"
        )
        .bind(&index[..])
        .fetch_optional(c)
        });
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// The accounts on a phone number, by its look-up value, in order of their references.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn accounts_by_phone(&mut self, index: &[u8; 16], limit: i64) -> Result<Vec<StoredAccount>, StoreError> {
        let rows: Result<Vec<AccountRow>, _> = on!(self.conn, |c| {
            sqlx::query_as(
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE phone_index = $1 ORDER BY reference LIMIT $2"
        )
        .bind(&index[..])
        .bind(limit)
        .fetch_all(c)
        });
        rows.map_err(|error| self.error(error))?.into_iter().map(AccountRow::stored).collect()
    }

    /// Accounts by reference from behind `after` on.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn accounts(
        &mut self,
        filter: AccountFilter,
        after: Option<AccountId>,
        limit: i64,
    ) -> Result<Vec<AccountSummary>, StoreError> {
        let after = after.map_or(-1, |after| number(after.number()));
        let rows = match filter.state {
            None | Some(AccountState::Active) => self.account_rows(filter, after, limit).await,
            Some(state) => self.account_rows_not_active(state, filter, after, limit).await,
        };
        rows.map_err(|error| self.error(error))?.into_iter().map(SummaryRow::summary).collect()
    }

    async fn account_rows(&mut self, filter: AccountFilter, after: i64, limit: i64) -> Result<Vec<SummaryRow>, sqlx::Error> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT reference, state, tier, channel, location, registered_at FROM account
             WHERE reference > $1
               AND (CAST($2 AS TEXT) IS NULL OR state = $2)
               AND (CAST($3 AS TEXT) IS NULL OR tier = $3)
               AND (CAST($4 AS TEXT) IS NULL OR channel = $4)
             ORDER BY reference LIMIT $5"
        )
        .bind(after)
        .bind(filter.state.map(AccountState::as_str))
        .bind(filter.tier.map(Tier::as_str))
        .bind(filter.channel.map(Channel::as_str))
        .bind(limit)
        .fetch_all(c))
    }

    /// The few that are not active, by an index that holds only those: most of a million rows are passed over unread.
    async fn account_rows_not_active(
        &mut self,
        state: AccountState,
        filter: AccountFilter,
        after: i64,
        limit: i64,
    ) -> Result<Vec<SummaryRow>, sqlx::Error> {
        on!(self.conn, |c| sqlx::query_as(
            "SELECT reference, state, tier, channel, location, registered_at FROM account
             WHERE state <> 'active' AND state = $1 AND reference > $2
               AND (CAST($3 AS TEXT) IS NULL OR tier = $3)
               AND (CAST($4 AS TEXT) IS NULL OR channel = $4)
             ORDER BY state, reference LIMIT $5"
        )
        .bind(state.as_str())
        .bind(after)
        .bind(filter.tier.map(Tier::as_str))
        .bind(filter.channel.map(Channel::as_str))
        .bind(limit)
        .fetch_all(c))
    }

    /// The parties that know this citizen.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn parties_of(&mut self, account: Uuid) -> Result<Vec<RelyingPartyId>, StoreError> {
        let rows: Result<Vec<String>, _> = on!(self.conn, |c| sqlx::query_scalar(
            "SELECT relying_party FROM account_relying_party WHERE account = $1 ORDER BY relying_party"
        )
        .bind(&account.as_bytes()[..])
        .fetch_all(c));
        let parse = |id: String| id.parse().map_err(|_| StoreError::Broken(anyhow::anyhow!("a link to a relying party is bad")));
        rows.map_err(|error| self.error(error))?.into_iter().map(parse).collect()
    }
}
