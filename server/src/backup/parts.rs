//! What is inside: named parts one after the other, each with its length before it.

use std::io::{self, Read, Write};

/// A longer name is none of ours.
const LONGEST_NAME: usize = 255;

fn damaged(why: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("the backup is malformed: {why}"))
}

/// Writes a part: the name's length in two bytes, the name, the part's length in eight, the part; numbers big-endian.
///
/// # Errors
/// When it cannot be written, or `from` has fewer bytes than `length`; whatever it has more is left out.
pub fn put(to: &mut impl Write, name: &str, length: u64, from: impl Read) -> io::Result<()> {
    let size = u16::try_from(name.len()).map_err(io::Error::other)?;
    to.write_all(&size.to_be_bytes())?;
    to.write_all(name.as_bytes())?;
    to.write_all(&length.to_be_bytes())?;
    let copied = io::copy(&mut from.take(length), to)?;
    if copied != length {
        return Err(io::Error::other(format!("{name} became shorter while it was read")));
    }
    Ok(())
}

/// Ends the parts: a name without length.
///
/// # Errors
/// When it cannot be written.
pub fn end(to: &mut impl Write) -> io::Result<()> {
    to.write_all(&0_u16.to_be_bytes())
}

/// Name and length of the next part, whose bytes follow; none at the end.
///
/// # Errors
/// When it cannot be read, or is not what [`put`] writes.
pub fn next(from: &mut impl Read) -> io::Result<Option<(String, u64)>> {
    let mut size = [0; 2];
    from.read_exact(&mut size)?;
    let size = usize::from(u16::from_be_bytes(size));
    if size == 0 {
        return Ok(None);
    }
    if size > LONGEST_NAME {
        return Err(damaged("a part's name is too long"));
    }
    let mut name = vec![0; size];
    from.read_exact(&mut name)?;
    let mut length = [0; 8];
    from.read_exact(&mut length)?;
    let name = String::from_utf8(name).map_err(|_| damaged("a part's name is not text"))?;
    Ok(Some((name, u64::from_be_bytes(length))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_come_out_as_they_went_in() {
        let mut bytes = Vec::new();
        put(&mut bytes, "iamd.yaml", 4, &b"a: 1"[..]).unwrap();
        put(&mut bytes, "iam.db", 0, &b""[..]).unwrap();
        end(&mut bytes).unwrap();
        let mut from = &bytes[..];
        assert_eq!(next(&mut from).unwrap(), Some(("iamd.yaml".to_owned(), 4)));
        let mut part = [0; 4];
        from.read_exact(&mut part).unwrap();
        assert_eq!(&part, b"a: 1");
        assert_eq!(next(&mut from).unwrap(), Some(("iam.db".to_owned(), 0)));
        assert_eq!(next(&mut from).unwrap(), None);
        assert!(from.is_empty());
    }

    #[test]
    fn a_part_that_shrank_is_no_part() {
        assert!(put(&mut Vec::new(), "iam.db", 5, &b"four"[..]).unwrap_err().to_string().contains("became shorter"));
        assert!(next(&mut &b"\0\x04iam"[..]).is_err());
        assert!(next(&mut &b"\xff\xff"[..]).is_err());
        assert!(next(&mut &b"\0\x01\xff\0\0\0\0\0\0\0\0"[..]).is_err());
    }
}
