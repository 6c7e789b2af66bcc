//! Figures out of counters: the reply to the Legislative Council, uses broken down, the frequently used services.
//!
//! Invariant: a report reads one snapshot and asks no clock for its contents; the same snapshot and the same question give the
//! same bytes.
//! Invariant: a report reads counters and the events that are not counted yet, never the raw events, however many they are.

pub mod accounts;
pub mod define;
pub mod definitions;
pub mod ledger;
pub mod legco;
pub mod top;
pub mod trend;
pub mod usage;
pub mod window;

pub(crate) mod export;
pub(crate) mod freeze;
pub(crate) mod restate;
pub(crate) mod verify;

pub(crate) mod services;
pub(crate) mod tally;

mod asked;
mod contents;
mod digest;
mod facts;
mod figure;
mod grid;
mod grouping;
mod nested;
mod notes;
mod outside;
mod part;
mod people;
mod question;
mod ranking;
mod rows;
mod table;
mod tending;
mod words;
