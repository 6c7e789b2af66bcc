//! Long work of the server: asked for by an operation, done in the background, one job at a time on one node.

pub(crate) mod cancel;
pub mod held_up;
pub(crate) mod list;
pub mod run;
pub(crate) mod show;
