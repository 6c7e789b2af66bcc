//! The store: two engines, one SQL text, one transaction an operation.
//!
//! Invariant: nothing is written without an audit entry in the same transaction. [`Write`] has no public way to end but
//! [`Write::commit`], which takes the record, [`Write::commit_housekeeping`], whose kinds are listed there, and those that
//! record a refusal or an enrolment.
//! Invariant: SQL is constant text beside its row, columns named, one statement a function.

pub mod engine;

mod account;
mod account_change;
mod account_count;
mod account_event;
mod account_index;
mod account_keys;
mod account_month;
mod account_person;
mod account_person_count;
mod app_request;
mod audit;
mod audit_seal;
mod audit_stamp;
mod blocked_key;
mod bulk;
mod certificate;
mod citizen_request;
mod citizen_request_end;
mod conn;
mod consent;
mod credential;
mod device;
mod expiry;
mod fault;
mod figure_definition;
mod frozen_month;
mod held;
mod hotline;
mod idempotency;
mod instance;
mod job;
mod key;
mod key_set_address;
mod key_work;
mod log_times;
mod login;
mod login_end;
mod node;
mod notice;
mod operator;
mod outbox;
mod photo;
mod public_use;
mod pushed_request;
mod raw_event;
mod readiness;
mod recording;
mod registration;
mod relying_party;
mod revocation;
mod rotation;
mod rows;
mod service;
mod service_version;
mod snapshot;
mod spent;
mod station;
mod subject;
mod succession;
mod suspension_event;
mod tenure;
mod usage;
mod usage_count;
mod usage_detail;
mod usage_source;
mod usage_users;
mod write;

use std::sync::Arc;

pub use account::{AccountFilter, StoredAccount};
pub use account_change::EndReason;
pub use account_count::AccountCountRow;
pub use account_event::{AccountCounts, AccountEvent, AccountKey, Suspended};
pub use account_index::PersonRow;
pub use account_keys::WrappedRow;
pub use account_person::Person;
pub use account_person_count::{PersonCountRow, PersonCounts, PersonKey};
pub use app_request::AppRequestRow;
pub use audit::{CheckpointRow, SealedRow};
pub use audit_seal::{LeafRow, LogCounts, WaitingRow};
pub use audit_stamp::StampRow;
pub use blocked_key::BlockedKeyRow;
pub use bulk::{Batch, NewAccount, Registered};
pub use certificate::{CertificateFilter, CertificateRow, RevokedRow};
pub use citizen_request::{CitizenRequestRow, EndedRequestRow, Shown};
pub use consent::ConsentRow;
pub use credential::CredentialRow;
pub use device::KnownDevice;
pub use engine::{Create, Engine, Leader, Location, Schema, TakesWrites};
pub use expiry::{AlarmRow, EndingDayRow, EndingSoonRow, HeldCertificateRow, HeldCredentialRow};
pub use figure_definition::DefinitionRow;
pub use frozen_month::{AccountCell, FrozenMonthRow, LateEvents, UsageCell};
pub use held::Register;
pub use hotline::Call;
pub use idempotency::Known;
pub use instance::InstanceRow;
pub use job::JobRow;
pub use key::KeyRow;
pub use key_set_address::{DueAddressRow, KeySetAddressRow};
pub use key_work::KeyWorkRow;
pub use log_times::VouchingRow;
pub use login::{Grant, LoginRow, NewToken, TokenKind, TokenRow};
pub use login_end::EndedLogins;
pub use node::NodeRow;
pub use notice::{LOGIN_ENDED, REQUEST_DECIDED};
pub use operator::{OperatorRow, roles_text};
pub use outbox::{Delivery, OutboxRow, WaitingNotices};
pub use photo::PhotoRow;
pub use public_use::{PublicActor, PublicUse};
pub use pushed_request::PushedRequestRow;
pub use raw_event::{RawAccountRow, RawUseRow};
pub use readiness::{CredentialInUseRow, LedgerRow};
pub use registration::{Left, RegistrationCountRow, RegistrationFilter, StoredRegistration};
pub use relying_party::{ListedPartyRow, PartyNameRow, PartyRow, PartyVersionRow};
pub use revocation::{RevocationHead, RevocationListRow, UntoldRow};
pub use rotation::{PlanRow, WorkRow};
pub use service::{ListedServiceRow, ServiceRow};
pub use service_version::ServiceVersionRow;
pub use spent::SpentRow;
pub use station::StationRow;
pub use suspension_event::SuspensionRow;
pub use tenure::Tenure;
pub use usage::{NOBODY, UsageCounts, UsageKey, UsageRow};
pub use usage_count::{DayRow, Ended, MonthRow, NumberRow, Tail};
pub use usage_detail::DetailRow;
pub use usage_source::SourceKey;
pub(crate) use write::RACED;
pub use write::{Housekeeping, Ledger, Record, Write};

use conn::Conn;

/// Every migration: version, name, text.
const MIGRATIONS: &[(i64, &str, &str)] = &[
    (1, "foundation", include_str!("../../migrations/0001_foundation.sql")),
    (2, "certificates", include_str!("../../migrations/0002_certificates.sql")),
    (3, "party_credentials", include_str!("../../migrations/0003_party_credentials.sql")),
    (4, "rotation", include_str!("../../migrations/0004_rotation.sql")),
    (5, "key material", include_str!("../../migrations/0005_key_material.sql")),
    (6, "expiry", include_str!("../../migrations/0006_expiry.sql")),
    (7, "checkpoint stamps", include_str!("../../migrations/0007_checkpoint_stamps.sql")),
    (8, "token", include_str!("../../migrations/0008_token.sql")),
    (9, "logins", include_str!("../../migrations/0009_logins.sql")),
    (10, "registrations", include_str!("../../migrations/0010_registrations.sql")),
    (11, "notices", include_str!("../../migrations/0011_notices.sql")),
    (12, "statistics", include_str!("../../migrations/0012_statistics.sql")),
    (13, "frozen months", include_str!("../../migrations/0013_frozen_months.sql")),
    (14, "figure definitions", include_str!("../../migrations/0014_figure_definitions.sql")),
];

/// What the database answered instead.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// It cannot be reached.
    #[error("the database cannot be reached: {0}")]
    Unavailable(String),
    /// The commit was sent and its answer never came.
    #[error("the database went away while it was writing: {0}")]
    NotConfirmed(String),
    /// Disk full, read-only, damaged.
    #[error("storage refuses at {path}: {cause}")]
    Storage {
        /// The engine's words.
        cause: String,
        /// Which file or database.
        path: String,
    },
    /// Two transactions in each other's way; the same again may go through.
    #[error("contended")]
    Contended,
    /// A row like it is there already.
    #[error("not unique")]
    Unique,
    /// A fault of ours or a damaged database.
    #[error(transparent)]
    Broken(anyhow::Error),
}

/// The database and what every commit writes besides.
#[derive(Clone)]
pub struct Store {
    engine: Arc<Engine>,
    ledger: Arc<Ledger>,
}

/// A snapshot.
pub struct Read {
    pub(crate) conn: Conn,
    pub(crate) engine: Arc<Engine>,
}

impl Store {
    /// Over an open engine.
    #[must_use]
    pub fn new(engine: Engine, ledger: Ledger) -> Self {
        Self { engine: Arc::new(engine), ledger: Arc::new(ledger) }
    }

    /// The engine below, for checks.
    #[must_use]
    pub fn engine(&self) -> &Engine {
        &self.engine
    }

    /// A snapshot to read from.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn read(&self) -> Result<Read, StoreError> {
        Ok(Read { conn: self.engine.begin_read().await?, engine: Arc::clone(&self.engine) })
    }

    /// To read by one statement: without a transaction around it, which costs two more. Of several statements each sees the state of
    /// its own moment; [`Store::read`] is for what has to fit together.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn look(&self) -> Result<Read, StoreError> {
        Ok(Read { conn: self.engine.reader().await?, engine: Arc::clone(&self.engine) })
    }

    /// To write by one statement that needs no audit entry: durable once it is executed, without a transaction around it, which
    /// costs two more.
    ///
    /// # Errors
    /// When the database cannot be reached. Those of the statement are those of a commit.
    pub async fn write_once(&self) -> Result<Write, StoreError> {
        Ok(Write::new(Read { conn: self.engine.writer().await?, engine: Arc::clone(&self.engine) }, Arc::clone(&self.ledger)))
    }

    /// A transaction to write in.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn write(&self) -> Result<Write, StoreError> {
        Ok(Write::new(
            Read { conn: self.engine.begin_write().await?, engine: Arc::clone(&self.engine) },
            Arc::clone(&self.ledger),
        ))
    }
}

impl Read {
    /// A snapshot of an engine that has no store over it yet.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn on(engine: Engine) -> Result<Self, StoreError> {
        Ok(Self { conn: engine.begin_read().await?, engine: Arc::new(engine) })
    }

    /// Whether the database takes writes; asking also shows that it answers.
    ///
    /// # Errors
    /// When the database cannot be reached.
    pub async fn takes_writes(&mut self) -> Result<TakesWrites, StoreError> {
        self.conn.takes_writes().await.map_err(|error| self.error(error))
    }

    /// What an error of the engine means to us.
    pub(crate) fn error(&self, error: sqlx::Error) -> StoreError {
        self.engine.error_on(&self.conn, error)
    }
}
