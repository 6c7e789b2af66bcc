//! What exists on a sandbox instance only: synthetic people, their history and their phones.

pub(crate) mod populate;
pub(crate) mod populating;
pub(crate) mod requests;

mod people;
mod space;
mod surroundings;
