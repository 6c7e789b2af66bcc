//! Operators: put on record, enrolled, shut out and let in again.

pub(crate) mod add;
pub(crate) mod again;
pub(crate) mod disable;
pub(crate) mod enable;
pub(crate) mod enrol;
pub(crate) mod last;
pub(crate) mod list;
pub(crate) mod show;
pub mod turned_away;
pub(crate) mod whoami;
