//! The instance itself: made, joined, looked over.

pub(crate) mod check;
mod first_keys;
pub mod health;
pub mod init;
pub mod join;
pub mod offline;
pub mod open;
pub(crate) mod overview;
pub(crate) mod root_lists;
