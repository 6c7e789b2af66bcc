//! The instance itself: made, joined, looked over.

pub(crate) mod check;
pub mod health;
pub mod init;
pub mod join;
pub mod offline;
pub mod open;
pub(crate) mod overview;
