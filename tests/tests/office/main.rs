//! The office's days, on both engines. One file a subject; one binary, so that it is linked once.
#![expect(clippy::unwrap_used, reason = "tests")]

mod operators;
mod party_history;
mod party_keys;
mod relying_parties;
