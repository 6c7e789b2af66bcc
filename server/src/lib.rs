//! `iamd`, the headless identity platform server.
//!
//! Invariant: one operation is one definition (crate `api`), one function (`<noun>/<verb>.rs`), one SQL text (`store/`), one
//! transaction, one audit entry.
//! Invariant: nothing here prints; the program's few words for people are in `main.rs`, everything else is a log event.

pub mod account;
pub mod anchor;
pub mod app;
pub mod arguments;
pub mod audit;
pub mod backup;
pub mod certificate;
pub mod clock;
mod consent;
pub mod credential;
pub mod data_dir;
pub mod face_matcher;
pub mod failure;
pub mod gathered;
pub mod hotline;
pub mod housekeeping;
pub mod http;
pub mod instance;
pub mod inventory;
pub mod job;
pub mod key;
pub mod keys;
pub mod notice;
pub mod operator;
pub mod page;
mod places;
pub mod population_register;
pub mod registration;
pub mod relying_party;
pub mod request;
pub mod root_ca;
pub mod sandbox;
pub mod serve;
pub mod service;
pub mod settings;
pub mod spent;
pub mod stats;
pub mod store;
pub mod usage;
mod words;
