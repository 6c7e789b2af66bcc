//! Uses of services: recorded in the transaction of the use itself, folded into counters about once a second, exactly once.

mod pseudonym;
mod record;
mod recount;

pub mod fold;
pub(crate) mod import;
pub mod users;

pub use pseudonym::Pseudonyms;
pub use record::{Use, record};
pub use recount::{Difference, recount, recount_users};
