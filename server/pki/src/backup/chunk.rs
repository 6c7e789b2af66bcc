//! Chunks: AES-256-GCM, the nonce a counter and a mark of the last one (the STREAM construction of Hoang, Reyhanitabar, Rogaway
//! and Vizár, "Online Authenticated-Encryption and its Nonce-Reuse Misuse-Resistance", 2015).

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use zeroize::{Zeroize, Zeroizing};

use crate::error::{Doing, PkiError};
use crate::provider::Secret;

/// Bytes in every chunk but the last, which may have fewer.
pub const CHUNK: usize = 64 * 1024;
const TAG: usize = 16;
/// The same as it lies in the file.
pub const SEALED_CHUNK: usize = CHUNK + TAG;

/// Whether a chunk ends the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// More follow.
    Within,
    /// None does.
    Last,
}

/// Seals the chunks of one file, in order.
pub struct ChunkSealer {
    context: CipherCtx,
    counter: u64,
}

/// Opens the chunks of one file, in order.
pub struct ChunkOpener {
    context: CipherCtx,
    counter: u64,
}

impl std::fmt::Debug for ChunkSealer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkSealer(chunk {})", self.counter)
    }
}

impl std::fmt::Debug for ChunkOpener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ChunkOpener(chunk {})", self.counter)
    }
}

/// The counter in eleven bytes, big-endian, and one byte that is 1 for the last chunk. A key seals one file, so that no nonce
/// comes twice.
fn nonce(counter: u64, place: Place) -> [u8; 12] {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&counter.to_be_bytes());
    nonce[11] = u8::from(place == Place::Last);
    nonce
}

impl ChunkSealer {
    pub(super) fn new(key: &Secret) -> Result<Self, PkiError> {
        let mut context = CipherCtx::new().doing("make a cipher context")?;
        context.encrypt_init(Some(Cipher::aes_256_gcm()), Some(&key[..]), None).doing("set a sealing key")?;
        Ok(Self { context, counter: 0 })
    }

    /// Seals the next chunk into `sealed`, which is overwritten. Errors when it is longer than [`CHUNK`], or shorter and not the
    /// last.
    pub fn seal(&mut self, plain: &[u8], place: Place, sealed: &mut Vec<u8>) -> Result<(), PkiError> {
        if plain.len() > CHUNK || (plain.len() < CHUNK && place == Place::Within) {
            return Err(PkiError::unfit("the chunk", "only the last one may be short"));
        }
        sealed.clear();
        sealed.resize(plain.len() + TAG, 0);
        let (body, tag) = sealed.split_at_mut(plain.len());
        self.context.encrypt_init(None, None, Some(&nonce(self.counter, place))).doing("seal a chunk")?;
        let done = self.context.cipher_update(plain, Some(body)).doing("seal a chunk")?;
        self.context.cipher_final(&mut body[done..]).doing("seal a chunk")?;
        self.context.tag(tag).doing("seal a chunk")?;
        self.counter += 1;
        Ok(())
    }
}

impl ChunkOpener {
    pub(super) fn new(key: &Secret) -> Result<Self, PkiError> {
        let mut context = CipherCtx::new().doing("make a cipher context")?;
        context.decrypt_init(Some(Cipher::aes_256_gcm()), Some(&key[..]), None).doing("set a sealing key")?;
        Ok(Self { context, counter: 0 })
    }

    /// Opens the next chunk into `plain`, which is overwritten. `place` is what the file's length says of it.
    ///
    /// Errors say what was done to the file, as far as it can be told: cut off, or altered in this chunk.
    pub fn open(&mut self, sealed: &[u8], place: Place, plain: &mut Zeroizing<Vec<u8>>) -> Result<(), PkiError> {
        if self.decrypt(sealed, place, plain)? {
            self.counter += 1;
            return Ok(());
        }
        plain.zeroize();
        let at = format!("chunk {}", self.counter + 1);
        let other = if place == Place::Last { Place::Within } else { Place::Last };
        let moved = self.decrypt(sealed, other, plain)?;
        plain.zeroize();
        Err(PkiError::malformed(
            "the backup",
            match (moved, place) {
                (true, Place::Last) => format!("it was cut off: {at} is not the last one, and nothing follows it"),
                (true, Place::Within) => format!("something follows its end, which is {at}"),
                (false, Place::Last) if sealed.len() < SEALED_CHUNK => format!("it was altered or cut off in {at}"),
                (false, _) => format!("it was altered in {at}, or is not the chunk that was written there"),
            },
        ))
    }

    /// Whether the tag verified.
    fn decrypt(&mut self, sealed: &[u8], place: Place, plain: &mut Zeroizing<Vec<u8>>) -> Result<bool, PkiError> {
        let Some(length) = sealed.len().checked_sub(TAG).filter(|length| *length <= CHUNK) else { return Ok(false) };
        let (body, tag) = sealed.split_at(length);
        plain.resize(length, 0);
        self.context.decrypt_init(None, None, Some(&nonce(self.counter, place))).doing("open a chunk")?;
        self.context.set_tag(tag).doing("open a chunk")?;
        let done = self.context.cipher_update(body, Some(plain)).doing("open a chunk")?;
        Ok(self.context.cipher_final(&mut plain[done..]).is_ok())
    }
}
