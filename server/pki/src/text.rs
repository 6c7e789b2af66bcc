//! Small text forms used throughout the crate.

/// Lower-case hex without separators.
#[must_use]
pub fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    bytes.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(|nibble| char::from(DIGITS[usize::from(nibble)])).collect()
}

/// A host name in preferred syntax (RFC 1034 section 3.5): no wildcard, no address.
pub(crate) fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    let looks_like_an_address = host.parse::<std::net::IpAddr>().is_ok();
    host.len() <= 253 && !looks_like_an_address && host.split('.').all(label)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_is_lower_case_without_separators() {
        assert_eq!(hex(&[0x00, 0x0f, 0xa5, 0xff]), "000fa5ff");
    }

    #[test]
    fn host_names_are_plain() {
        for good in ["localhost", "iam.gov.hk", "node-1.iam.gov.hk", "xn--fiq228c.example", "1a.example"] {
            assert!(is_host_name(good), "{good}");
        }
        let long = format!("{}.example", "a".repeat(64));
        let endless = "a.".repeat(127) + "a";
        for bad in
            ["", ".", "a..b", "a.", "*.gov.hk", "-a.hk", "a-.hk", "a_b.hk", "127.0.0.1", "::1", "a b", "香港.hk", &long, &endless]
        {
            assert!(!is_host_name(bad), "{bad}");
        }
    }
}
