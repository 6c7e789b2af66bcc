//! The dashboard as its users see it: the keys they press and the screens they get.

#![expect(clippy::unwrap_used, clippy::result_large_err, reason = "tests")]

mod certificates;
mod connection;
mod ending;
mod frames;
mod grammar;
mod hotline;
mod keys;
mod office;
mod palette;
mod parties;
mod recording;
mod rotations;
mod screen;
mod statistics;
