//! Services: what citizens use, each run by one relying party. They come and go with its manifest.

pub(crate) mod list;
pub(crate) mod show;

mod view;
