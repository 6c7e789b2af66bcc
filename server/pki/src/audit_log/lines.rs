//! The leaves of an `entries.jsonl`.

use std::io::{self, BufRead, Read};

/// No entry is longer; a longer line is refused before it fills the memory.
pub const LONGEST_ENTRY: usize = 1 << 20;

/// The lines of `reader` without their line feeds, bytes unchanged. Errors for a line beyond [`LONGEST_ENTRY`], and then
/// ends.
pub fn leaves<R: BufRead>(reader: R) -> impl Iterator<Item = io::Result<Vec<u8>>> {
    let mut reader = Some(reader);
    let mut number = 0u64;
    std::iter::from_fn(move || {
        let open = reader.as_mut()?;
        let mut line = Vec::new();
        number += 1;
        let read = open.by_ref().take(LONGEST_ENTRY as u64 + 1).read_until(b'\n', &mut line);
        let failure = match read {
            Ok(0) => {
                reader = None;
                return None;
            }
            Ok(_) if line.last() == Some(&b'\n') => {
                line.pop();
                return Some(Ok(line));
            }
            Ok(_) if line.len() > LONGEST_ENTRY => {
                let reason = format!("line {number} is longer than {LONGEST_ENTRY} bytes");
                io::Error::new(io::ErrorKind::InvalidData, reason)
            }
            // The last line of a file that was cut off: its bytes are a leaf like any other, and not the one sealed.
            Ok(_) => return Some(Ok(line)),
            Err(failure) => failure,
        };
        reader = None;
        Some(Err(failure))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &[u8]) -> Vec<Vec<u8>> {
        leaves(text).map(Result::unwrap).collect()
    }

    #[test]
    fn lines_keep_every_byte_but_the_line_feed() {
        assert!(read(b"").is_empty());
        assert_eq!(read(b"{}\n{\"a\":1}\r\n\n\xff\n"), [&b"{}"[..], b"{\"a\":1}\r", b"", b"\xff"]);
        assert_eq!(read(b"{}\n{\"cut"), [&b"{}"[..], b"{\"cut"]);
    }

    #[test]
    fn an_endless_line_is_refused_and_ends_the_reading() {
        let longest = [vec![b'x'; LONGEST_ENTRY - 1], vec![b'\n']].concat();
        assert_eq!(read(&longest)[0].len(), LONGEST_ENTRY - 1);
        let endless = io::repeat(b'x').take(1 << 40);
        let mut all = leaves(io::BufReader::new(endless));
        assert_eq!(all.next().unwrap().unwrap_err().to_string(), "line 1 is longer than 1048576 bytes");
        assert!(all.next().is_none());
    }
}
