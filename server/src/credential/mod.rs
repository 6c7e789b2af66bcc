//! Credentials of relying parties: named by manifests and by verb, revoked, and taken out of use when a key has leaked.

pub(crate) mod add;
pub(crate) mod barred;
pub(crate) mod issued;
pub mod key_sets;
pub(crate) mod leaked;
pub(crate) mod list;
pub(crate) mod name;
pub(crate) mod named;
pub mod refresh;
pub(crate) mod revoke;
mod secret;
pub(crate) mod take;
pub(crate) mod view;
mod whose;
