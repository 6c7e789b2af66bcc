//! Relying parties: planned, applied, looked at, stopped and let go on.

pub(crate) mod apply;
pub(crate) mod check;
pub(crate) mod history;
pub(crate) mod list;
pub(crate) mod plan;
pub(crate) mod resume;
pub(crate) mod show;
pub(crate) mod suspend;

mod intent;
mod record;
mod view;
