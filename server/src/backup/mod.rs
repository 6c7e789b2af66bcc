//! `iamd backup` and `iamd restore`. `server/BACKUP-FORMAT.md` is the format of the file between them.
//!
//! Invariant: a backup is on disk under its name whole or not at all, and nothing in it is in the clear but its head.
//! Invariant: an instance that was restored is not served before it was proven not to be behind what the world has seen of it.

pub mod container;
pub mod evidence;
pub mod locks;
pub mod make;
pub mod merge;
pub mod parts;
pub mod prove;
pub mod restore;
pub mod unproven;
pub mod words;

mod partial;
