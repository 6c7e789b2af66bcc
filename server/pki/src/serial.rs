//! Serial numbers between their text and their bytes.

use x509_cert::serial_number::SerialNumber;

use crate::error::PkiError;

const WHAT: &str = "the serial number";

/// The longest that a certificate may have (RFC 5280 section 4.1.2.2), in bytes.
pub(crate) const LONGEST: usize = 20;

/// Reads lower-case hex without separators into a number of 20 bytes, so that bytes order as numbers do. Errors for anything
/// else and for zero.
pub(crate) fn parse(text: &str) -> Result<[u8; LONGEST], PkiError> {
    let malformed = |why| PkiError::malformed(WHAT, why);
    let digits = text.as_bytes();
    if digits.is_empty() || !digits.len().is_multiple_of(2) || digits.len() > 2 * LONGEST {
        return Err(malformed("it must have 1 to 20 bytes in hex"));
    }
    let mut bytes = [0; LONGEST];
    let start = LONGEST - digits.len() / 2;
    for (byte, pair) in bytes.iter_mut().skip(start).zip(digits.chunks_exact(2)) {
        for digit in pair {
            let nibble = match digit {
                b'0'..=b'9' => digit - b'0',
                b'a'..=b'f' => digit - b'a' + 10,
                _ => return Err(malformed("it must be lower-case hex")),
            };
            *byte = *byte << 4 | nibble;
        }
    }
    if bytes == [0; LONGEST] {
        return Err(malformed("it is zero"));
    }
    Ok(bytes)
}

/// The number as X.509 writes it. Errors for one of 160 bits: its sign byte would be the 21st.
pub(crate) fn number(bytes: &[u8; LONGEST]) -> Result<SerialNumber, PkiError> {
    SerialNumber::new(bytes).map_err(|_| PkiError::malformed(WHAT, "it has more than 159 bits"))
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    #[test]
    fn a_serial_is_written_as_it_is_shown() {
        for (text, der) in [
            ("01", &[2, 1, 1][..]),
            ("0001", &[2, 1, 1]),
            ("7f00", &[2, 2, 0x7f, 0]),
            ("ff", &[2, 2, 0, 0xff]),
            ("0123456789abcdef", &[2, 8, 1, 0x23, 0x45, 0x67, 0x89, 0xab, 0xcd, 0xef]),
        ] {
            assert_eq!(number(&parse(text).unwrap()).unwrap().to_der().unwrap(), der, "{text}");
        }
        assert!(parse("ff").unwrap() < parse("0100").unwrap(), "ordered as numbers");
        assert_eq!(number(&parse(&"7f".repeat(20)).unwrap()).unwrap().to_der().unwrap().len(), 22);
    }

    #[test]
    fn what_is_no_serial_is_refused() {
        let long = "11".repeat(21);
        for bad in ["", "1", "0", "00", "0000", "AB", "0x01", "1:23", "01 ", " 01", "g0", "ａ1", "-1", &long] {
            assert!(parse(bad).is_err(), "{bad:?}");
        }
        assert!(number(&parse(&"ff".repeat(20)).unwrap()).is_err());
    }
}
