//! Calls the admin contract over mutual TLS, holds the contexts, and says how a reply is presented. Shared by the command
//! line and the dashboard.
//!
//! Invariant: one generic [`Connection::call`] serves every operation; nothing here knows what an operation does.
//! Invariant: text from outside passes [`safe`] before it reaches a terminal, a JSON or YAML text or a spreadsheet.

pub mod audit_log;
mod body;
pub mod connection;
pub mod contexts;
pub mod enrol;
pub mod error;
pub mod events;
pub mod files;
pub mod ics;
pub mod json;
pub mod paging;
pub mod phone;
pub mod safe;
pub mod sheet;
pub mod surroundings;
pub mod table;
pub mod tabular;
pub mod times;
pub mod tls;
pub mod width;
pub mod yaml;

pub use connection::{Answered, CallOptions, Connection, new_idempotency_key};
pub use contexts::{Choice, Context, ContextFile, Contexts};
pub use error::{ClientError, TlsFault, Written};
pub use paging::Paged;
pub use tabular::Tabular;
