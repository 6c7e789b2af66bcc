//! Everything that ends or has to be exchanged, ours and the relying parties': gathered once for the list, the calendar, the alarms
//! and the doctor.

pub mod alarms;
pub(crate) mod calendar;
mod gather;
pub(crate) mod keys;
pub(crate) mod list;
mod parties;
pub mod told;
mod words;

pub(crate) use gather::{Inventory, Item, gather};
