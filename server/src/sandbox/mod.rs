//! What exists on a sandbox instance only: synthetic people and their history.

pub(crate) mod populate;
pub(crate) mod populating;

mod people;
mod space;
mod surroundings;
