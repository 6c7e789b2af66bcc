//! Keys of the platform: listed, rotated, revoked, and the key set that relying parties see.

pub(crate) mod jwks;
pub(crate) mod list;
pub(crate) mod revoke;
pub(crate) mod rotate;
pub(crate) mod show;
pub mod steps;
pub(crate) mod view;
