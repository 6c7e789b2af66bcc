//! Citizens' accounts: registered in batches, shown masked, suspended at once.

pub(crate) mod history;
pub(crate) mod import;
pub(crate) mod list;
pub mod seal;
pub(crate) mod show;
pub(crate) mod suspend;
pub(crate) mod suspend_own;

mod read_back;
mod registration;
