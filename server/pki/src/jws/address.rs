//! Addresses in one spelling, so that two of them can be compared (RFC 3986 section 6.2.2 and 6.2.3).

use url::Url;

/// The address in its one spelling, without query and fragment, as RFC 9449 section 4.3 compares them: scheme and host in small
/// letters, no port that goes without saying, no dot segments, escapes only where they are needed and in capitals. None when it is
/// no absolute http or https address, has a user name, or a `%` in its path that begins no escape: out of such a one and an escape
/// behind it another escape would come about.
#[must_use]
pub fn normal(address: &str) -> Option<String> {
    // The URL parser silently drops tabs and line ends, and takes `\` for `/`.
    if address.chars().any(|c| c.is_whitespace() || c.is_control() || c == '\\') {
        return None;
    }
    let mut url = Url::parse(address).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return None;
    }
    url.set_query(None);
    url.set_fragment(None);
    let path = escapes(url.path())?;
    let origin = url.origin().ascii_serialization();
    Some(format!("{origin}{path}"))
}

/// Escaped letters, digits, `-`, `.`, `_` and `~` as they are; every other escape in capitals. None where something is no escape.
fn escapes(path: &str) -> Option<String> {
    let mut normal = String::with_capacity(path.len());
    let mut rest = path;
    while let Some((before, after)) = rest.split_once('%') {
        normal.push_str(before);
        let byte = after.get(..2).filter(|two| two.bytes().all(|b| b.is_ascii_hexdigit()));
        match byte.and_then(|two| u8::from_str_radix(two, 16).ok())? {
            byte if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) => normal.push(char::from(byte)),
            byte => normal.push_str(&format!("%{byte:02X}")),
        }
        rest = &after[2..];
    }
    Some(normal + rest)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const TOKEN: &str = "https://iam.example/oauth2/token";

    #[test]
    fn one_address_has_one_spelling() {
        for same in [
            TOKEN,
            "HTTPS://IAM.example/oauth2/token",
            "https://iam.example:443/oauth2/token",
            "https://iam.example:/oauth2/token",
            "https://iam.example/oauth2/token?a=b",
            "https://iam.example/oauth2/token#part",
            "https://iam.example/oauth2/./x/../token",
            "https://iam.example/oauth2/%74oken",
            "https://iam.example/oauth%32/token",
            "https://iam.example/x/%2e%2E/oauth2/token",
        ] {
            assert_eq!(normal(same).as_deref(), Some(TOKEN), "{same}");
        }
        assert_eq!(normal("https://iam.example").unwrap(), "https://iam.example/");
        assert_eq!(normal("https://iam.example/a%2fb").unwrap(), "https://iam.example/a%2Fb");
    }

    #[test]
    fn another_address_has_another() {
        for other in [
            "http://iam.example/oauth2/token",
            "https://iam.example:8443/oauth2/token",
            "https://iam.example/oauth2/token/",
            "https://iam.example/OAuth2/token",
            "https://iam.example//oauth2/token",
            "https://iam.example/oauth2%2Ftoken",
            "https://iam.example./oauth2/token",
            "https://iam.example.evil.example/oauth2/token",
        ] {
            assert_ne!(normal(other).unwrap(), TOKEN, "{other}");
        }
        for none in [
            "",
            "/oauth2/token",
            "iam.example/oauth2/token",
            "ftp://iam.example/oauth2/token",
            "https://user@iam.example/oauth2/token",
            "https:\\\\iam.example\\oauth2\\token",
            "https://iam.example/oauth2/to\tken",
            " https://iam.example/oauth2/token",
            "https://",
            "https://iam.example/%zz",
            "https://iam.example/%4",
            "https://iam.example/%%378",
        ] {
            assert_eq!(normal(none), None, "{none}");
        }
    }

    proptest! {
        #[test]
        fn the_normal_form_is_its_own(address in "https://[a-z%.]{1,8}/([a-zA-Z0-9/._~é-]|%{1,2}[2-7][0-9a-f]){0,20}") {
            if let Some(once) = normal(&address) {
                prop_assert_eq!(normal(&once), Some(once));
            }
        }
    }
}
