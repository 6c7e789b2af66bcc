//! One PEM block (RFC 7468) or DER.

use std::borrow::Cow;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;

use super::refusal::{CsrRefusal, refuse};

const BEGIN: &[u8] = b"-----BEGIN ";
const SEQUENCE: u8 = 0x30;

/// The DER inside.
pub(super) fn opened(bytes: &[u8]) -> Result<Cow<'_, [u8]>, CsrRefusal> {
    if let Some(start) = block_start(bytes) {
        return pem_block(&bytes[start..]).map(Cow::Owned);
    }
    match bytes.first() {
        Some(&SEQUENCE) => Ok(Cow::Borrowed(bytes)),
        None => Err(refuse("csr.not-a-csr", "the request is empty")),
        Some(_) => Err(refuse("csr.not-a-csr", "this is neither a PEM block nor DER")
            .mend("make a request with 'openssl req -new' or the like")),
    }
}

/// Where the first block begins: at the start of a line, whatever text stands above it (`openssl req -text` writes some).
fn block_start(bytes: &[u8]) -> Option<usize> {
    let text = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
    let skipped = bytes.len() - text.len();
    text.windows(BEGIN.len())
        .enumerate()
        .find(|(at, window)| *window == BEGIN && (*at == 0 || matches!(text[at - 1], b'\n' | b'\r')))
        .map(|(at, _)| at + skipped)
}

fn pem_block(bytes: &[u8]) -> Result<Vec<u8>, CsrRefusal> {
    let bad = |why: &str| refuse("csr.encoding", format!("the PEM block {why}"));
    let text = std::str::from_utf8(bytes).map_err(|_| bad("is not text"))?;
    let mut lines = text.lines();
    let label = lines.next().and_then(|line| line.trim_end().strip_prefix("-----BEGIN ")?.strip_suffix("-----"));
    let label = label.ok_or_else(|| bad("has a broken first line"))?;
    match label {
        "CERTIFICATE REQUEST" | "NEW CERTIFICATE REQUEST" => {}
        label if label.ends_with("PRIVATE KEY") => {
            return Err(refuse("csr.not-a-csr", "this is a private key, not a certificate request")
                .mend("a private key is never sent: make a new one and a request for it"));
        }
        // The label is the sender's text; only its meaning is repeated.
        "CERTIFICATE" => return Err(refuse("csr.not-a-csr", "this is a certificate, not a certificate request")),
        _ => return Err(refuse("csr.not-a-csr", "the PEM block is not a certificate request")),
    }
    let end = format!("-----END {label}-----");
    let mut encoded = String::with_capacity(text.len());
    loop {
        match lines.next().map(str::trim) {
            None => return Err(bad("has no end line")),
            Some(line) if line == end => break,
            Some(line) => encoded.push_str(line),
        }
    }
    if lines.any(|line| !line.trim().is_empty()) {
        return Err(bad("is followed by something else").mend("send exactly one block"));
    }
    BASE64_STANDARD.decode(encoded).map_err(|_| bad("is not base64"))
}
