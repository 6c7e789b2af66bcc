//! The office's days, on both engines. One file a subject; one binary, so that it is linked once.
#![expect(clippy::unwrap_used, reason = "tests")]

mod accounts;
mod audit_keys;
mod audit_log;
mod certificates;
mod clock;
mod closed_days;
mod columns;
mod damaged;
mod dry_run;
mod forged_entries;
mod hotline;
mod idempotency;
mod import_again;
mod instances;
mod keys;
mod leaders;
mod listeners;
mod operators;
mod outages;
mod overview;
mod party_credentials;
mod party_history;
mod party_keys;
mod population;
mod readiness;
mod relying_parties;
mod revocation;
mod roles;
mod rotation;
mod statistics;
mod statistics_recount;
mod store;
mod tampering;
mod usage;
mod wire;
