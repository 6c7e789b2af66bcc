//! The admin contract: one struct per operation, its reply, the problems it can answer with, and the roles that may ask.
//!
//! Invariant: this crate holds no logic of the office and does no I/O; it is what the server and its clients agree on.
//! Invariant: an operation exists once. Its [`Operation::NAME`] is at once its path (`POST /admin/v1/NAME`), its permission,
//! its audit action, its log span and its anchor in the documentation.

pub mod account;
pub mod app;
pub mod audit;
pub mod certificate;
pub mod codes;
pub mod credential;
pub mod enrol;
pub mod event;
pub mod hotline;
pub mod immigration;
pub mod instance;
pub mod inventory;
pub mod job;
pub mod key;
pub mod operator;
pub mod page;
pub mod problem;
pub mod registration;
pub mod relying_party;
pub mod role;
pub mod rotation;
pub mod sandbox;
pub mod secret;
pub mod service;
pub mod stats;

mod catalogue;
mod operation;

pub use catalogue::{OperationInfo, operations};
pub use operation::{Approval, Effect, Operation, Severity};
pub use page::Page;
pub use problem::{Exit, Field, Problem};
pub use role::Role;

/// How long an operation of the hotline may take: a caller is on the line, and within five seconds the agent must know
/// whether it is done.
pub(crate) const CALLER_WAITS: std::time::Duration = std::time::Duration::from_secs(4);

/// Path under which every operation is mounted on the admin listener.
pub const ADMIN_PATH: &str = "/admin/v1/";
/// Header with the caller's idempotency key, 8 to 128 characters out of `[A-Za-z0-9._:-]`; every write carries one.
pub const IDEMPOTENCY_KEY: &str = "idempotency-key";
/// Header that asks for a dry run when its value is `true`: the server's own code path, nothing changed.
pub const DRY_RUN: &str = "dry-run";
/// Header of every reply: the request's id, under which the server's log knows it.
pub const REQUEST_ID: &str = "x-request-id";
/// Header of a reply that was given before under the same idempotency key.
pub const REPLAYED: &str = "idempotency-replayed";
