//! The sealed container of a backup: a head that anybody may read, and chunks that only its locks open.
//! `server/BACKUP-FORMAT.md` is its specification.
//!
//! Invariant: no byte of what is opened is handed out before its tag has verified.
//! Invariant: the key of the chunks follows from the head's MAC: a chunk of another file, and a chunk under another head, does
//! not open.

mod chunk;
mod head;
mod lock;

pub use chunk::{CHUNK, ChunkOpener, ChunkSealer, Place, SEALED_CHUNK};
pub use head::{FixedPart, Head, LONGEST_HEAD, MAC_LENGTH, SealedHead};
pub use lock::{Certified, FileKey, Lock, RecipientKey, SHORTEST_PASSPHRASE};

#[cfg(test)]
mod tests;
