//! Keys of the platform: listed, rotated by plan, revoked, and the key set that relying parties see.

pub(crate) mod abort;
pub(crate) mod ack;
mod begin;
pub mod clock;
pub mod destroy;
pub(crate) mod emergency;
pub(crate) mod jwks;
pub(crate) mod ledger;
pub(crate) mod list;
pub mod material;
pub(crate) mod pause;
pub(crate) mod plan;
mod plan_view;
pub(crate) mod plans;
pub(crate) mod resume;
pub(crate) mod revoke;
pub(crate) mod rotate;
pub(crate) mod run;
pub mod schedule;
pub(crate) mod show;
pub mod sightings;
pub mod sign;
pub mod steps;
mod take_over;
pub(crate) mod view;
mod word;
pub mod work;
