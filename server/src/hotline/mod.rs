//! The 24-hour hotline: a call is opened, the caller found, the account suspended, the call closed.

pub(crate) mod close;
pub(crate) mod find;
pub(crate) mod open;

mod rule;

pub(crate) use rule::open_call;
