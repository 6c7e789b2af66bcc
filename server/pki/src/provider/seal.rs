//! AES-256-GCM with a kept context: `nonce (12) || ciphertext || tag (16)`.

use openssl::cipher::Cipher;
use openssl::cipher_ctx::CipherCtx;
use zeroize::Zeroizing;

use crate::error::{Doing, PkiError};

pub(super) const NONCE: usize = 12;
pub(super) const TAG: usize = 16;

/// Bytes that a seal adds to what it holds: nonce and tag.
pub const SEAL_OVERHEAD: usize = NONCE + TAG;

/// Associated data built from labelled parts, each preceded by its length, so that no two different lists of parts give
/// the same bytes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Aad(Vec<u8>);

impl Aad {
    /// Starts with what the sealed thing is: "account.data-key".
    pub fn of(label: &str) -> Self {
        Self(Vec::with_capacity(64)).and(label.as_bytes())
    }

    /// Adds one part: an instance, an account, a field group.
    #[must_use]
    pub fn and(mut self, part: impl AsRef<[u8]>) -> Self {
        let part = part.as_ref();
        self.0.extend_from_slice(&(part.len() as u64).to_be_bytes());
        self.0.extend_from_slice(part);
        self
    }
}

impl AsRef<[u8]> for Aad {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

/// An AES-256-GCM key whose schedule is computed once; a seal or an opening copies the prepared context.
///
/// Nonces are random: one key is good for 2^32 seals, far above the 1.3 million data keys of a whole country.
pub struct SealingKey {
    sealing: CipherCtx,
    opening: CipherCtx,
}

impl std::fmt::Debug for SealingKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SealingKey(…)")
    }
}

impl SealingKey {
    /// Prepares the contexts of a key. Errors only when OpenSSL has no AES-GCM or no memory.
    pub fn new(key: &[u8; 32]) -> Result<Self, PkiError> {
        Ok(Self { sealing: sealing_context(Some(key))?, opening: opening_context(key)? })
    }

    /// Seals `plaintext` with a fresh nonce out of OpenSSL's generator; `aad` is bound, not stored.
    pub fn seal(&self, plaintext: &[u8], aad: impl AsRef<[u8]>) -> Result<Vec<u8>, PkiError> {
        let mut nonce = [0; NONCE];
        openssl::rand::rand_bytes(&mut nonce).doing("draw a nonce")?;
        let mut context = copy_of(&self.sealing)?;
        let mut sealed = vec![0; SEAL_OVERHEAD + plaintext.len()];
        seal_into(&mut context, None, &nonce, plaintext, aad.as_ref(), &mut sealed)?;
        Ok(sealed)
    }

    /// Opens what [`SealingKey::seal`] made. Errors with [`PkiError::NotOpened`] when key, bytes or `aad` differ.
    pub fn open(&self, sealed: &[u8], aad: impl AsRef<[u8]>) -> Result<Zeroizing<Vec<u8>>, PkiError> {
        let Some((nonce, rest)) = sealed.split_at_checked(NONCE) else { return Err(PkiError::NotOpened) };
        let Some(length) = rest.len().checked_sub(TAG) else { return Err(PkiError::NotOpened) };
        let (ciphertext, tag) = rest.split_at(length);
        let mut context = copy_of(&self.opening)?;
        context.decrypt_init(None, None, Some(nonce)).doing("open a sealed value")?;
        context.set_tag(tag).doing("open a sealed value")?;
        context.cipher_update(aad.as_ref(), None).doing("open a sealed value")?;
        let mut plaintext = Zeroizing::new(vec![0; length]);
        let done = context.cipher_update(ciphertext, Some(&mut plaintext)).doing("open a sealed value")?;
        // Any failure here is the tag's; the plaintext written so far is wiped with its buffer.
        context.cipher_final(&mut plaintext[done..]).map_err(|_| PkiError::NotOpened)?;
        Ok(plaintext)
    }
}

/// A context ready to seal; without a key, one is given with each seal.
pub(super) fn sealing_context(key: Option<&[u8; 32]>) -> Result<CipherCtx, PkiError> {
    let mut context = CipherCtx::new().doing("make a cipher context")?;
    context.encrypt_init(Some(Cipher::aes_256_gcm()), key.map(|key| &key[..]), None).doing("set a sealing key")?;
    Ok(context)
}

fn opening_context(key: &[u8; 32]) -> Result<CipherCtx, PkiError> {
    let mut context = CipherCtx::new().doing("make a cipher context")?;
    context.decrypt_init(Some(Cipher::aes_256_gcm()), Some(key), None).doing("set a sealing key")?;
    Ok(context)
}

fn copy_of(template: &CipherCtx) -> Result<CipherCtx, PkiError> {
    let mut context = CipherCtx::new().doing("make a cipher context")?;
    context.copy(template).doing("copy a cipher context")?;
    Ok(context)
}

/// Seals into `out`, which must be [`SEAL_OVERHEAD`] longer than `plaintext`.
pub(super) fn seal_into(
    context: &mut CipherCtx,
    key: Option<&[u8; 32]>,
    nonce: &[u8; NONCE],
    plaintext: &[u8],
    aad: &[u8],
    out: &mut [u8],
) -> Result<(), PkiError> {
    let (head, rest) = out.split_at_mut(NONCE);
    let (body, tag) = rest.split_at_mut(plaintext.len());
    head.copy_from_slice(nonce);
    context.encrypt_init(None, key.map(|key| &key[..]), Some(nonce)).doing("seal a value")?;
    context.cipher_update(aad, None).doing("seal a value")?;
    let done = context.cipher_update(plaintext, Some(body)).doing("seal a value")?;
    context.cipher_final(&mut body[done..]).doing("seal a value")?;
    context.tag(tag).doing("seal a value")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Test case 16 of the GCM specification (McGrew and Viega), AES-256 with associated data.
    #[test]
    fn the_published_vector_comes_out() {
        let hex = |text: &str| -> Vec<u8> {
            (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
        };
        let key: [u8; 32] = hex("feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308").try_into().unwrap();
        let nonce: [u8; 12] = hex("cafebabefacedbaddecaf888").try_into().unwrap();
        let plaintext = hex(
            "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a721c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
        );
        let aad = hex("feedfacedeadbeeffeedfacedeadbeefabaddad2");
        let mut sealed = vec![0; plaintext.len() + SEAL_OVERHEAD];
        seal_into(&mut sealing_context(Some(&key)).unwrap(), None, &nonce, &plaintext, &aad, &mut sealed).unwrap();
        assert_eq!(
            sealed[12..],
            hex(
                "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f66276fc6ece0f4e1768cddf8853bb2d551b"
            )
        );
        let opened = SealingKey::new(&key).unwrap().open(&sealed, &aad).unwrap();
        assert_eq!(*opened, plaintext);
    }

    #[test]
    fn every_flipped_bit_and_other_data_is_refused() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let aad = Aad::of("account.profile").and("demo").and(42u64.to_be_bytes());
        let sealed = key.seal(b"CHAN TAI MAN", &aad).unwrap();
        for bit in 0..sealed.len() * 8 {
            let mut altered = sealed.clone();
            altered[bit / 8] ^= 1 << (bit % 8);
            assert!(matches!(key.open(&altered, &aad), Err(PkiError::NotOpened)), "bit {bit}");
        }
        assert!(key.open(&sealed, Aad::of("account.profile").and("demo").and(43u64.to_be_bytes())).is_err());
        assert!(SealingKey::new(&[8; 32]).unwrap().open(&sealed, &aad).is_err());
        for cut in 0..sealed.len() {
            assert!(matches!(key.open(&sealed[..cut], &aad), Err(PkiError::NotOpened)), "cut {cut}");
        }
        assert_eq!(&**key.open(&sealed, &aad).unwrap(), b"CHAN TAI MAN");
    }

    #[test]
    fn an_empty_value_and_empty_data_can_be_sealed() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        let sealed = key.seal(b"", b"").unwrap();
        assert_eq!(sealed.len(), SEAL_OVERHEAD);
        assert!(key.open(&sealed, b"").unwrap().is_empty());
        assert!(key.open(&sealed, b"x").is_err());
    }

    #[test]
    fn two_seals_of_one_value_share_nothing() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        assert_ne!(key.seal(b"same", b"").unwrap(), key.seal(b"same", b"").unwrap());
    }

    #[test]
    fn parts_cannot_be_moved_across_their_borders() {
        assert_ne!(Aad::of("a").and("bc"), Aad::of("ab").and("c"));
        assert_ne!(Aad::of("a").and(""), Aad::of("a"));
    }

    #[test]
    fn one_key_serves_many_threads() {
        let key = SealingKey::new(&[7; 32]).unwrap();
        std::thread::scope(|scope| {
            for worker in 0..4u8 {
                let key = &key;
                scope.spawn(move || {
                    for turn in 0..500u16 {
                        let value = [worker, turn as u8, (turn >> 8) as u8];
                        let sealed = key.seal(&value, [worker]).unwrap();
                        assert_eq!(**key.open(&sealed, [worker]).unwrap(), value);
                    }
                });
            }
        });
    }
}
