//! The audit log: sealed into a Merkle tree, listed, shown, exported.

pub(crate) mod export;
pub(crate) mod list;
pub mod seal;
pub(crate) mod show;
pub mod stamp;
pub mod succession;
pub mod vouch;
pub mod whole;
