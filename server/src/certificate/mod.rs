//! Certificates: what is issued to whom, and what becomes of it.

pub(crate) mod check;
pub mod citizen;
pub mod clock;
pub mod issue;
pub(crate) mod list;
pub mod presign;
pub mod publish;
pub(crate) mod renew;
pub mod request;
pub(crate) mod revoke;
pub(crate) mod show;
pub mod together;
pub(crate) mod view;
