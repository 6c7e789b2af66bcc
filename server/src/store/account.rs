//! Accounts, the notes on them, and which parties know them.

use api::account::{AccountSummary, Ended};
use domain::{
    Account, AccountId, AccountState, CallRef, Channel, HolderKind, LocationId, OperatorId, RelyingPartyId, Standing, Tier,
    Timestamp,
};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::engine::{on, on_locked};
use super::{Read, StoreError, Write};

/// An account as stored: what the rules know of it, and its sealed parts.
#[derive(Debug, Clone)]
pub struct StoredAccount {
    /// Id in the database; its first half says when the row was made.
    pub id: Uuid,
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

/// Why everything of an account ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It was suspended.
    Suspended,
}

#[derive(sqlx::FromRow)]
struct AccountRow {
    id: Vec<u8>,
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
    fn stored(self) -> Result<StoredAccount, StoreError> {
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
        let row: Result<Option<AccountRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT id, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE reference = $1"
        )
        .bind(number(id.number()))
        .fetch_optional(c));
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// The account of a card number, by its look-up value.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_by_hkic(&mut self, index: &[u8; 16]) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT id, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE hkic_index = $1"
        )
        .bind(&index[..])
        .fetch_optional(c));
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// The accounts on a phone number, by its look-up value, in order of their references.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn accounts_by_phone(&mut self, index: &[u8; 16], limit: i64) -> Result<Vec<StoredAccount>, StoreError> {
        let rows: Result<Vec<AccountRow>, _> = on!(self.conn, |c| sqlx::query_as(
            "SELECT id, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE phone_index = $1 ORDER BY reference LIMIT $2"
        )
        .bind(&index[..])
        .bind(limit)
        .fetch_all(c));
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

impl Write {
    /// One account, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_locked(&mut self, id: AccountId) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on_locked!(
            *self.conn(),
            "SELECT id, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE reference = $1",
            |c, sql| sqlx::query_as(sql).bind(number(id.number())).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// Stores a change of what the rules know of an account; `stored` is what was read.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when somebody was faster.
    pub async fn put_account(
        &mut self,
        stored: &StoredAccount,
        changed: &Account,
        suspended_by: Option<&OperatorId>,
    ) -> Result<(), StoreError> {
        let columns = StandingColumns::of(&changed.standing);
        let done = on!(*self.conn(), |c| {
            sqlx::query(
            "UPDATE account SET version = version + 1, state = $3, tier = $4, channel = $5, location = $6, suspended_since = $7,
               suspended_reason = $8, suspended_by = $9, suspended_call = $10, closed_since = $11, closed_reason = $12
             WHERE id = $1 AND version = $2"
        )
        .bind(&stored.id.as_bytes()[..])
        .bind(stored.version)
        .bind(columns.state)
        .bind(changed.tier.as_str())
        .bind(changed.channel.as_str())
        .bind(changed.location.as_ref().map(LocationId::as_str))
        .bind(columns.suspended_since)
        .bind(columns.suspended_reason)
        .bind(suspended_by.map(OperatorId::as_str))
        .bind(columns.suspended_call)
        .bind(columns.closed_since)
        .bind(columns.closed_reason)
        .execute(c)
        .map_ok(|done| done.rows_affected())
        });
        match done.map_err(|error| self.error(error))? {
            1 => Ok(()),
            _ => Err(StoreError::Contended),
        }
    }

    /// Ends everything that is under way for an account: the one place where its logins, tokens, waiting requests and signing
    /// certificates end, whatever the reason. Certificates are put on hold.
    ///
    /// The platform as it stands keeps no login, issues no token and holds no request open, and the schema has no table for any
    /// of them; so their counts are zero. A table that brings one of these kinds brings its statement here.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_everything(&mut self, account: AccountId, _: EndReason, now: Timestamp) -> Result<Ended, StoreError> {
        let certificates = self.hold_certificates(HolderKind::Account, &account.to_string(), now).await?;
        Ok(Ended { certificates, ..Ended::default() })
    }

    /// Keeps an operator's sealed note.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn insert_account_note(
        &mut self,
        id: Uuid,
        account: Uuid,
        operator: &OperatorId,
        at: Timestamp,
        sealed: &[u8],
    ) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO account_note (id, account, operator, at, sealed) VALUES ($1, $2, $3, $4, $5)"
        )
        .bind(&id.as_bytes()[..])
        .bind(&account.as_bytes()[..])
        .bind(operator.as_str())
        .bind(at.micros())
        .bind(sealed)
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }

    /// Notes that a party knows this citizen; again changes nothing.
    ///
    /// # Errors
    /// When the database cannot be reached, or there is no such account or party.
    pub async fn link_party(&mut self, account: Uuid, party: &RelyingPartyId, since: Timestamp) -> Result<(), StoreError> {
        let done = on!(*self.conn(), |c| sqlx::query(
            "INSERT INTO account_relying_party (account, relying_party, since) VALUES ($1, $2, $3)
             ON CONFLICT (account, relying_party) DO NOTHING"
        )
        .bind(&account.as_bytes()[..])
        .bind(party.as_str())
        .bind(since.micros())
        .execute(c)
        .map_ok(|_| ()));
        done.map_err(|error| self.error(error))
    }
}

/// The columns that a standing fills.
pub(super) struct StandingColumns {
    pub(super) state: &'static str,
    pub(super) suspended_since: Option<i64>,
    pub(super) suspended_reason: Option<&'static str>,
    pub(super) suspended_call: Option<i64>,
    pub(super) closed_since: Option<i64>,
    pub(super) closed_reason: Option<&'static str>,
}

impl StandingColumns {
    pub(super) fn of(standing: &Standing) -> Self {
        let none = Self {
            state: standing.state().as_str(),
            suspended_since: None,
            suspended_reason: None,
            suspended_call: None,
            closed_since: None,
            closed_reason: None,
        };
        match *standing {
            Standing::Active => none,
            Standing::Suspended { since, reason, call } => Self {
                suspended_since: Some(since.micros()),
                suspended_reason: Some(reason.as_str()),
                suspended_call: call.map(|call| number(call.number())),
                ..none
            },
            Standing::Closed { since, reason } => {
                Self { closed_since: Some(since.micros()), closed_reason: Some(reason.as_str()), ..none }
            }
        }
    }
}
