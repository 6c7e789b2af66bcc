//! What changes of accounts, the notes on them, and the parties that come to know them.

use api::account::Ended;
use domain::{Account, AccountId, HolderKind, LocationId, OperatorId, RelyingPartyId, Standing, Timestamp};
use futures_util::TryFutureExt;
use uuid::Uuid;

use super::account::{AccountRow, StoredAccount, number};
use super::conn::{on, on_kept, on_locked};
use super::{EndedRequestRow, StoreError, Write};

/// Why everything of an account ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndReason {
    /// It was suspended.
    Suspended,
    /// Another device has followed the one in use.
    ReRegistered,
    /// It was closed.
    Closed,
}

impl EndReason {
    /// As it stands with what has ended.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Suspended => "account-suspended",
            Self::ReRegistered => "re-registered",
            Self::Closed => "account-closed",
        }
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
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile, device,
               suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE reference = $1",
            |c, sql| sqlx::query_as(sql).bind(number(id.number())).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// One account by its id in the database, locked for the rest of the transaction.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_of_id_locked(&mut self, id: Uuid) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on_locked!(
            *self.conn(),
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile,
               device, suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(&id.as_bytes()[..]).fetch_optional(c)
        );
        row.map_err(|error| self.error(error))?.map(AccountRow::stored).transpose()
    }

    /// One account, which nobody suspends before the transaction ends.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn account_kept(&mut self, id: Uuid) -> Result<Option<StoredAccount>, StoreError> {
        let row: Result<Option<AccountRow>, _> = on_kept!(
            *self.conn(),
            "SELECT id, ordinal, reference, version, state, tier, channel, location, registered_at, data_key, kek_id, profile,
               device, suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason
             FROM account WHERE id = $1",
            |c, sql| sqlx::query_as(sql).bind(&id.as_bytes()[..]).fetch_optional(c)
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

    /// Ends everything that is under way for an account: the one place where its logins, tokens, open requests and signing
    /// certificates end, whatever the reason. Certificates are put on hold. The account's row is locked: whoever redeems or releases
    /// something of it at this moment was before, and is found here, or comes after and finds it ended. The services concerned are told. Gives the
    /// requests that ended besides, whose ends are to be recorded ([`crate::request::record_ended`]).
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn end_everything(
        &mut self,
        stored: &StoredAccount,
        reason: EndReason,
        now: Timestamp,
    ) -> Result<(Ended, Vec<EndedRequestRow>), StoreError> {
        let requests = self.end_requests_of(stored.id, now).await?;
        for undecided in requests.iter().filter(|request| request.decided_at.is_none()) {
            self.tell_of_decision(undecided.id()?, now).await?;
        }
        let logins = self.end_logins_of(stored.id, reason.as_str(), now).await?;
        self.tell_of_ended_logins(stored, reason.as_str(), now).await?;
        let certificates = self.hold_certificates(HolderKind::Account, &stored.account.id.to_string(), now).await?;
        let ended = Ended {
            sessions: logins.logins,
            tokens: logins.tokens,
            requests: u64::try_from(requests.len()).unwrap_or(u64::MAX),
            certificates,
        };
        Ok((ended, requests))
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
