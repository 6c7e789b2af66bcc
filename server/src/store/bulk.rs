//! The fast lane of import and population: many accounts in one transaction, indexes live.

use std::collections::HashMap;
use std::sync::Arc;

use domain::{Account, AccountId, Channel, LocationId, Tier, Timestamp};
use sqlx::Arguments;
use sqlx::error::BoxDynError;
use sqlx::postgres::PgConnection;
use sqlx::sqlite::{SqliteArguments, SqliteConnection};
use uuid::Uuid;

use super::account::{account_id, number};
use super::account_change::StandingColumns;
use super::conn::{Conn, on};
use super::held::Register;
use super::rows::{Insert, Tuple, pour_postgres, pour_sqlite};
use super::{StoreError, Write};
use crate::account::seal::Sealed;
use crate::keys::Unlocked;

/// A new account.
#[derive(Debug)]
pub struct NewAccount {
    /// Id in the database.
    pub id: Uuid,
    /// Without the person.
    pub account: Account,
    /// The person; none for an account that comes closed.
    pub sealed: Option<Sealed>,
}

/// What the accounts of one batch have in common.
#[derive(Debug, Clone)]
pub struct Batch {
    /// Key-encryption key that their data keys lie under.
    pub kek_id: Arc<str>,
    /// Generation of their look-up values.
    pub index_generation: i32,
    /// Who suspended those that come suspended.
    pub suspended_by: Arc<str>,
}

impl Batch {
    /// Of keys as they are at one moment, for an operator.
    #[must_use]
    pub fn of(keys: &Unlocked, suspended_by: &str) -> Self {
        Self {
            kek_id: keys.kek().id().into(),
            index_generation: keys.indexes().active.generation(),
            suspended_by: suspended_by.into(),
        }
    }
}

/// An account that a card number has already.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Registered {
    /// Its reference.
    pub account: AccountId,
    /// How it was registered.
    pub channel: Channel,
    /// When.
    pub registered_at: Timestamp,
    /// The tier it has.
    pub tier: Tier,
    /// Where it was registered.
    pub location: Option<LocationId>,
    /// Look-up value of its phone.
    pub phone_index: [u8; 16],
    /// Generation of that.
    pub index_generation: i32,
}

static INSERT_ACCOUNTS: Insert = Insert::new(
    "INSERT INTO account (ordinal, id, reference, version, state, tier, channel, location, registered_at, data_key, kek_id,
       profile, hkic_index, phone_index, index_generation, hkic_index_next, phone_index_next, index_generation_next,
       suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason) VALUES",
    24,
    "",
);

const COPY_ACCOUNTS: &str =
    "COPY account (ordinal, id, reference, version, state, tier, channel, location, registered_at, data_key, kek_id,
       profile, hkic_index, phone_index, index_generation, hkic_index_next, phone_index_next, index_generation_next,
       suspended_since, suspended_reason, suspended_by, suspended_call, closed_since, closed_reason) FROM STDIN (FORMAT binary)";

const FIRST_VERSION: i64 = 1;
/// Look-up values of one question to SQLite; what is missing is filled up with the first once more.
const ASKED: usize = 250;

#[derive(sqlx::FromRow)]
struct RegisteredRow {
    hkic_index: Vec<u8>,
    reference: i64,
    channel: String,
    registered_at: i64,
    tier: String,
    location: Option<String>,
    phone_index: Vec<u8>,
    index_generation: i32,
}

/// A row with what it needs of its batch.
struct Row {
    ordinal: i64,
    new: NewAccount,
    batch: Batch,
}

impl Write {
    /// Lets no other transaction register until this one ends.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another one registers for longer than a statement may wait.
    pub async fn hold_accounts(&mut self) -> Result<(), StoreError> {
        self.conn().hold(Register::Accounts).await
    }

    /// The first step of every transaction that registers: from here on no other one registers until this one ends, so what
    /// [`Write::registered`] finds stays true. Gives the next ordinal.
    ///
    /// # Errors
    /// [`StoreError::Contended`] when another one registers for longer than a statement may wait.
    pub async fn begin_registering(&mut self) -> Result<i64, StoreError> {
        self.hold_accounts().await?;
        on!(*self.conn(), |c| sqlx::query_scalar("SELECT COALESCE(MAX(ordinal) + 1, 0) FROM account").fetch_one(c))
            .map_err(|error| self.error(error))
    }

    /// Which of the card numbers, given by their look-up values, have an account that is not closed.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn registered(&mut self, indexes: &[[u8; 16]]) -> Result<HashMap<[u8; 16], Registered>, StoreError> {
        let rows = match self.conn() {
            Conn::Sqlite(transaction) => find_sqlite(transaction, indexes).await,
            Conn::Postgres(transaction) => find_postgres(transaction, indexes).await,
        };
        let mut found = HashMap::new();
        for row in rows.map_err(|error| self.error(error))? {
            let broken = |what: &str| StoreError::Broken(anyhow::anyhow!("an account row has a bad {what}"));
            let index = row.hkic_index.try_into().map_err(|_| broken("look-up value"))?;
            let registered = Registered {
                account: account_id(row.reference)?,
                channel: row.channel.parse().map_err(|_| broken("channel"))?,
                registered_at: Timestamp::from_micros(row.registered_at),
                tier: row.tier.parse().map_err(|_| broken("tier"))?,
                location: row.location.map(|at| at.parse().map_err(|_| broken("location"))).transpose()?,
                phone_index: row.phone_index.try_into().map_err(|_| broken("look-up value"))?,
                index_generation: row.index_generation,
            };
            found.insert(index, registered);
        }
        Ok(found)
    }

    /// Adds accounts, with ordinals from `first` on as [`Write::begin_registering`] gave it; gives how many. They are made
    /// while they are taken: on SQLite the next ones while the engine stores the ones before.
    ///
    /// The more of their keys ascend from row to row (ids, references, look-up values of card numbers), the fewer pages of the
    /// indexes are touched twice.
    ///
    /// # Errors
    /// [`StoreError::Unique`] when a reference is taken: 45 random bits meet once in a while among a million. Then the
    /// transaction is over, and the same again with new references goes through.
    pub async fn insert_accounts<I>(&mut self, first: i64, batch: &Batch, rows: I) -> Result<u64, StoreError>
    where
        I: Iterator<Item = Result<NewAccount, StoreError>> + Send,
    {
        let rows = rows.zip(first..).map(|(new, ordinal)| Ok(Row { ordinal, new: new?, batch: batch.clone() }));
        let done = match self.conn() {
            Conn::Sqlite(transaction) => pour_sqlite(transaction, &INSERT_ACCOUNTS, rows, bind).await,
            Conn::Postgres(transaction) => pour_postgres(transaction, COPY_ACCOUNTS, 24, rows, write).await,
        };
        done.map_err(|spilt| self.spilt(spilt))
    }
}

async fn find_sqlite(conn: &mut SqliteConnection, indexes: &[[u8; 16]]) -> Result<Vec<RegisteredRow>, sqlx::Error> {
    static FIND: std::sync::LazyLock<String> = std::sync::LazyLock::new(|| {
        let places = vec!["?"; ASKED].join(",");
        format!(
            "SELECT hkic_index, reference, channel, registered_at, tier, location, phone_index, index_generation FROM account WHERE hkic_index IN ({places})"
        )
    });
    let mut found = Vec::new();
    for chunk in indexes.chunks(ASKED) {
        let mut query = sqlx::query_as(FIND.as_str());
        for place in 0..ASKED {
            query = query.bind(chunk.get(place).or(chunk.first()).map(|index| index.to_vec()));
        }
        found.extend(query.fetch_all(&mut *conn).await?);
    }
    Ok(found)
}

async fn find_postgres(conn: &mut PgConnection, indexes: &[[u8; 16]]) -> Result<Vec<RegisteredRow>, sqlx::Error> {
    let indexes: Vec<&[u8]> = indexes.iter().map(|index| &index[..]).collect();
    sqlx::query_as("SELECT hkic_index, reference, channel, registered_at, tier, location, phone_index, index_generation FROM account WHERE hkic_index = ANY($1)")
        .bind(indexes)
        .fetch_all(conn)
        .await
}

fn bind(arguments: &mut SqliteArguments, row: Row) -> Result<(), BoxDynError> {
    let Row { ordinal, new: NewAccount { id, account, sealed }, batch } = row;
    let columns = StandingColumns::of(&account.standing);
    let next = sealed.as_ref().and_then(|sealed| sealed.next);
    let (data_key, profile, hkic_index, phone_index) = match sealed {
        Some(sealed) => (
            Some(sealed.data_key.to_vec()),
            Some(sealed.profile),
            Some(sealed.hkic_index.to_vec()),
            Some(sealed.phone_index.to_vec()),
        ),
        None => (None, None, None, None),
    };
    arguments.add(ordinal)?;
    arguments.add(id.as_bytes().to_vec())?;
    arguments.add(number(account.id.number()))?;
    arguments.add(FIRST_VERSION)?;
    arguments.add(columns.state)?;
    arguments.add(account.tier.as_str())?;
    arguments.add(account.channel.as_str())?;
    arguments.add(account.location.as_ref().map(LocationId::as_str))?;
    arguments.add(account.registered_at.micros())?;
    arguments.add(data_key)?;
    arguments.add(batch.kek_id)?;
    arguments.add(profile)?;
    arguments.add(hkic_index)?;
    arguments.add(phone_index)?;
    arguments.add(batch.index_generation)?;
    arguments.add(next.map(|next| next.hkic.to_vec()))?;
    arguments.add(next.map(|next| next.phone.to_vec()))?;
    arguments.add(next.map(|next| next.generation))?;
    arguments.add(columns.suspended_since)?;
    arguments.add(columns.suspended_reason)?;
    arguments.add(columns.suspended_since.map(|_| batch.suspended_by))?;
    arguments.add(columns.suspended_call)?;
    arguments.add(columns.closed_since)?;
    arguments.add(columns.closed_reason)
}

fn write(tuple: &mut Tuple<'_>, row: Row) {
    let Row { ordinal, new: NewAccount { id, account, sealed }, batch } = row;
    let columns = StandingColumns::of(&account.standing);
    let sealed = sealed.as_ref();
    tuple.big(ordinal);
    tuple.bytes(id.as_bytes());
    tuple.big(number(account.id.number()));
    tuple.big(FIRST_VERSION);
    tuple.bytes(columns.state.as_bytes());
    tuple.bytes(account.tier.as_str().as_bytes());
    tuple.bytes(account.channel.as_str().as_bytes());
    tuple.maybe(account.location.as_ref().map(|location| location.as_str().as_bytes()));
    tuple.big(account.registered_at.micros());
    tuple.maybe(sealed.map(|sealed| &sealed.data_key[..]));
    tuple.bytes(batch.kek_id.as_bytes());
    tuple.maybe(sealed.map(|sealed| &sealed.profile[..]));
    tuple.maybe(sealed.map(|sealed| &sealed.hkic_index[..]));
    tuple.maybe(sealed.map(|sealed| &sealed.phone_index[..]));
    tuple.int(batch.index_generation);
    match sealed.and_then(|sealed| sealed.next) {
        Some(next) => {
            tuple.bytes(&next.hkic);
            tuple.bytes(&next.phone);
            tuple.int(next.generation);
        }
        None => (0..3).for_each(|_| tuple.null()),
    }
    maybe_big(tuple, columns.suspended_since);
    tuple.maybe(columns.suspended_reason.map(str::as_bytes));
    tuple.maybe(columns.suspended_since.map(|_| batch.suspended_by.as_bytes()));
    maybe_big(tuple, columns.suspended_call);
    maybe_big(tuple, columns.closed_since);
    tuple.maybe(columns.closed_reason.map(str::as_bytes));
}

fn maybe_big(tuple: &mut Tuple<'_>, value: Option<i64>) {
    match value {
        Some(value) => tuple.big(value),
        None => tuple.null(),
    }
}
