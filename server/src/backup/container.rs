//! The container as a stream: bytes go in and come out in any portion, a chunk's memory at a time.

use std::io::{self, Read, Write};

use openssl::sha::Sha256;
use pki::PkiError;
use pki::backup::{CHUNK, ChunkOpener, ChunkSealer, FileKey, FixedPart, Head, MAC_LENGTH, Place, SEALED_CHUNK, SealedHead};
use zeroize::Zeroizing;

fn fault(error: PkiError) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, error)
}

/// What a file is known by once it is whole.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Whole {
    /// SHA-256 over all of it, lower-case hex.
    pub sha256: String,
    /// Bytes.
    pub bytes: u64,
}

/// Seals what is written.
pub struct SealedWriter<W: Write> {
    to: W,
    sealer: ChunkSealer,
    plain: Zeroizing<Vec<u8>>,
    sealed: Vec<u8>,
    digest: Sha256,
    bytes: u64,
}

impl<W: Write> SealedWriter<W> {
    /// Begins with the head.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn begin(to: W, head: &Head, key: &FileKey) -> io::Result<Self> {
        let (bytes, sealer) = head.seal(key).map_err(fault)?;
        let plain = Zeroizing::new(Vec::with_capacity(CHUNK));
        let sealed = Vec::with_capacity(SEALED_CHUNK);
        let mut writer = Self { to, sealer, plain, sealed, digest: Sha256::new(), bytes: 0 };
        writer.put(&bytes)?;
        Ok(writer)
    }

    /// Ends it: nothing can follow.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn finish(mut self) -> io::Result<(W, Whole)> {
        self.seal(Place::Last)?;
        Ok((self.to, Whole { sha256: pki::hex(&self.digest.finish()), bytes: self.bytes }))
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.to.write_all(bytes)?;
        self.digest.update(bytes);
        self.bytes += bytes.len() as u64;
        Ok(())
    }

    fn seal(&mut self, place: Place) -> io::Result<()> {
        let mut sealed = std::mem::take(&mut self.sealed);
        self.sealer.seal(&self.plain, place, &mut sealed).map_err(fault)?;
        self.plain.clear();
        let put = self.put(&sealed);
        self.sealed = sealed;
        put
    }
}

impl<W: Write> Write for SealedWriter<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // A full chunk waits until something follows it: it may be the last one.
        if self.plain.len() == CHUNK && !bytes.is_empty() {
            self.seal(Place::Within)?;
        }
        let taken = bytes.len().min(CHUNK - self.plain.len());
        self.plain.extend_from_slice(&bytes[..taken]);
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.to.flush()
    }
}

/// A file whose head was read, and whose chunks wait for a key.
pub struct Locked<R: Read> {
    /// What it says of itself; verified by [`Locked::unlock`] and not before.
    pub head: Head,
    sealed: SealedHead,
    mac: [u8; MAC_LENGTH],
    from: Counted<R>,
}

impl<R: Read> Locked<R> {
    /// Reads the head.
    ///
    /// # Errors
    /// When it is no backup, of another format, or cut off.
    pub fn read(from: R) -> io::Result<Self> {
        let mut from = Counted { from, digest: Sha256::new(), bytes: 0 };
        let mut fixed = [0; FixedPart::LENGTH];
        from.head(&mut fixed)?;
        let mut json = vec![0; FixedPart::parse(&fixed).map_err(fault)?.head];
        from.head(&mut json)?;
        let mut mac = [0; MAC_LENGTH];
        from.head(&mut mac)?;
        let (head, sealed) = Head::parse(&json).map_err(fault)?;
        Ok(Self { head, sealed, mac, from })
    }

    /// Verifies the head and opens what lies behind it.
    ///
    /// # Errors
    /// When the head was altered.
    pub fn unlock(self, key: &FileKey) -> Result<SealedReader<R>, PkiError> {
        let opener = self.sealed.open(&self.mac, key)?;
        Ok(SealedReader {
            from: self.from,
            opener,
            sealed: Vec::with_capacity(SEALED_CHUNK + 1),
            plain: Zeroizing::new(Vec::with_capacity(CHUNK)),
            read: 0,
            last: false,
        })
    }
}

/// Opens what is read. Nothing is given out before its chunk has verified.
pub struct SealedReader<R: Read> {
    from: Counted<R>,
    opener: ChunkOpener,
    sealed: Vec<u8>,
    plain: Zeroizing<Vec<u8>>,
    read: usize,
    last: bool,
}

impl<R: Read> SealedReader<R> {
    /// What the file is known by. Only after the end was read: before that there is no whole.
    ///
    /// # Errors
    /// When something stands before the end still.
    pub fn finish(mut self) -> io::Result<Whole> {
        if self.read(&mut [0])? != 0 {
            return Err(fault(PkiError::Malformed { what: "the backup", why: "something follows its last part".to_owned() }));
        }
        Ok(Whole { sha256: pki::hex(&self.from.digest.finish()), bytes: self.from.bytes })
    }

    fn next(&mut self) -> io::Result<()> {
        let wanted = (SEALED_CHUNK + 1 - self.sealed.len()) as u64;
        (&mut self.from).take(wanted).read_to_end(&mut self.sealed)?;
        // One byte more than a chunk shows that another follows.
        let (chunk, place) = match self.sealed.len() {
            length if length > SEALED_CHUNK => (SEALED_CHUNK, Place::Within),
            length => (length, Place::Last),
        };
        self.opener.open(&self.sealed[..chunk], place, &mut self.plain).map_err(fault)?;
        self.sealed.drain(..chunk);
        (self.read, self.last) = (0, place == Place::Last);
        Ok(())
    }
}

impl<R: Read> Read for SealedReader<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        while self.read == self.plain.len() && !self.last {
            self.next()?;
        }
        let taken = bytes.len().min(self.plain.len() - self.read);
        bytes[..taken].copy_from_slice(&self.plain[self.read..self.read + taken]);
        self.read += taken;
        Ok(taken)
    }
}

struct Counted<R: Read> {
    from: R,
    digest: Sha256,
    bytes: u64,
}

impl<R: Read> Counted<R> {
    fn head(&mut self, bytes: &mut [u8]) -> io::Result<()> {
        self.read_exact(bytes).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => {
                fault(PkiError::Malformed { what: "the backup", why: "it is no backup, or was cut off in its head".to_owned() })
            }
            _ => error,
        })
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, bytes: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(bytes)?;
        self.digest.update(&bytes[..read]);
        self.bytes += read as u64;
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use domain::{Environment, Timestamp};

    use super::*;

    fn head() -> Head {
        Head {
            instance: "demo".into(),
            environment: Environment::Sandbox,
            made_at: Timestamp::from_micros(0),
            program: "0.1.0".into(),
            engine: "sqlite".into(),
            schema: 1,
            holds: Vec::new(),
            locks: Vec::new(),
        }
    }

    #[test]
    fn what_goes_in_comes_out_in_any_portions() {
        let key = FileKey::generate().unwrap();
        for length in [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 2 * CHUNK, 3 * CHUNK + 7] {
            let text: Vec<u8> = (0..length).map(|at| at as u8).collect();
            let mut writer = SealedWriter::begin(Vec::new(), &head(), &key).unwrap();
            for portion in text.chunks(10_007) {
                writer.write_all(portion).unwrap();
            }
            let (file, written) = writer.finish().unwrap();
            assert_eq!(written.bytes, file.len() as u64);
            assert_eq!(written.sha256, pki::hex(&openssl::sha::sha256(&file)));

            let locked = Locked::read(&file[..]).unwrap();
            assert_eq!(locked.head, head());
            let mut reader = locked.unlock(&key).unwrap();
            let mut out = Vec::new();
            let mut portion = [0; 333];
            loop {
                match reader.read(&mut portion).unwrap() {
                    0 => break,
                    read => out.extend_from_slice(&portion[..read]),
                }
            }
            assert_eq!(out, text);
            assert_eq!(reader.finish().unwrap(), written);
        }
    }

    #[test]
    fn a_file_is_not_whole_before_its_end_was_read() {
        let key = FileKey::generate().unwrap();
        let mut writer = SealedWriter::begin(Vec::new(), &head(), &key).unwrap();
        writer.write_all(b"and more").unwrap();
        let (file, _) = writer.finish().unwrap();
        let mut reader = Locked::read(&file[..]).unwrap().unlock(&key).unwrap();
        reader.read_exact(&mut [0; 3]).unwrap();
        assert!(reader.finish().unwrap_err().to_string().contains("something follows its last part"));
        assert!(Locked::read(&file[..10]).err().unwrap().to_string().contains("cut off in its head"));
    }
}
