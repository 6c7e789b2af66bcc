//! The listeners. Each of them is a router and a way of accepting connections.

pub mod accept;
pub mod admin;
pub mod metrics;
pub mod pki;
pub mod public;
pub mod tls;

mod problem;
mod strangers;
