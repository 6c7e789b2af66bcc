//! Request bodies.

use std::io;

use bytes::Bytes;
use serde::Serialize;
use zeroize::Zeroizing;

/// The body, in memory that is wiped when it is dropped: it may hold what a citizen told.
pub(crate) fn body_of<B: Serialize>(body: &B) -> Result<Bytes, serde_json::Error> {
    // Measured first: a vector that grows leaves copies behind that nobody wipes.
    let mut measure = Measure(0);
    serde_json::to_writer(&mut measure, body)?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(measure.0));
    serde_json::to_writer(&mut *bytes, body)?;
    Ok(Bytes::from_owner(bytes))
}

struct Measure(usize);

impl io::Write for Measure {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0 += bytes.len();
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_body_is_as_long_as_it_was_measured() {
        let bytes = body_of(&serde_json::json!({"name": "陳大文"})).unwrap();
        assert_eq!(bytes.as_ref(), "{\"name\":\"陳大文\"}".as_bytes());
    }
}
