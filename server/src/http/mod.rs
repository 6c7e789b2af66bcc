//! The listeners. Each of them is a router and a way of accepting connections.

pub mod accept;
pub mod admin;
pub mod listeners;
pub mod metrics;
pub mod openapi;
pub mod party;
pub mod pki;
pub mod public;
pub mod reached;
pub mod tls;

mod in_time;
mod on_record;
mod problem;
mod read_on;
mod strangers;
