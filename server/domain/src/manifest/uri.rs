//! Which addresses a citizen's browser may be sent back to.

use std::net::Ipv4Addr;

use url::{Host, Url};

use crate::Environment;
use crate::text::visible;

/// What is wrong with an address.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct UriFault {
    /// Stable, dotted: `redirect-uri.fragment`.
    pub code: &'static str,
    /// What is wrong, with the address made visible.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

/// Longest address, in bytes.
const LONGEST: usize = 2_000;

/// Names that mean something only inside some network.
const PRIVATE_SUFFIXES: [&str; 9] =
    ["localhost", "localdomain", "local", "internal", "intranet", "private", "corp", "lan", "home.arpa"];

/// Whether an address may be registered: https, exact, no fragment, user name, wildcard, IP literal,
/// private or loopback host. A sandbox instance also takes `http://127.0.0.1:PORT` and
/// `http://localhost:PORT`. Addresses are compared byte by byte later on, so only the normal form
/// is taken.
pub fn check_redirect_uri(given: &str, environment: Environment) -> Result<(), UriFault> {
    check_uri(given, environment, &["http"]).map(drop)
}

/// The same for any address, parsed. `developer` are the schemes by which a sandbox takes an address on this very machine.
pub(crate) fn check_uri(given: &str, environment: Environment, developer: &[&str]) -> Result<Url, UriFault> {
    let fault = |code, what: &str, hint: Option<String>| {
        let shown: String = visible(given).chars().take(200).collect();
        Err(UriFault { code, message: format!("'{shown}' {what}"), hint })
    };
    if given.len() > LONGEST {
        return fault("redirect-uri.too-long", "is longer than 2 000 characters", None);
    }
    // The URL parser silently drops tabs and line ends and escapes other things.
    if let Some(bad) = given.chars().find(|c| c.is_whitespace() || c.is_control() || *c == '\\') {
        let what = format!("holds the character {}", bad.escape_unicode());
        return fault("redirect-uri.character", &what, None);
    }
    if given.contains('*') {
        return fault("redirect-uri.wildcard", "has a wildcard", Some("list every address in full".to_owned()));
    }
    let Ok(url) = Url::parse(given) else {
        return fault("redirect-uri.not-a-uri", "is not an absolute URI", Some("write it as https://host/path".to_owned()));
    };
    if url.fragment().is_some() {
        return fault("redirect-uri.fragment", "has a fragment (#)", None);
    }
    if !url.username().is_empty() || url.password().is_some() || authority(given).contains('@') {
        return fault("redirect-uri.userinfo", "has a user name or password", None);
    }
    if environment == Environment::Sandbox && developer.contains(&url.scheme()) && is_this_machine(&url) {
        // As written: the parser drops the port that goes without saying.
        let port = authority(given).rsplit_once(':').map(|(_, port)| port);
        let by_http = url.scheme() == "http";
        if by_http && port.is_none_or(str::is_empty) {
            return fault("redirect-uri.port", "has no port", Some("write it as http://127.0.0.1:PORT/path".to_owned()));
        }
        let shown = if by_http && port == Some("80") { given.replacen(":80", "", 1) } else { given.to_owned() };
        return match normal(&shown, &url) {
            Ok(()) => Ok(url),
            Err(hint) => fault_of_form(fault, hint),
        };
    }
    if url.scheme() != "https" {
        let hint = match environment {
            Environment::Sandbox => "a sandbox instance also takes http://127.0.0.1:PORT and http://localhost:PORT",
            Environment::Production => "citizens are sent to https addresses only",
        };
        return fault("redirect-uri.scheme", "is not https", Some(hint.to_owned()));
    }
    match url.host() {
        Some(Host::Domain(host)) if is_private(host) => {
            return fault("redirect-uri.private-host", "has a host that means something only inside a network", None);
        }
        Some(Host::Domain(_)) => {}
        Some(Host::Ipv4(_) | Host::Ipv6(_)) => {
            return fault("redirect-uri.ip-literal", "has an IP address for a host", Some("write the host's name".to_owned()));
        }
        None => return fault("redirect-uri.not-a-uri", "has no host", None),
    }
    match normal(given, &url) {
        Ok(()) => Ok(url),
        Err(hint) => fault_of_form(fault, hint),
    }
}

fn fault_of_form(
    fault: impl Fn(&'static str, &str, Option<String>) -> Result<Url, UriFault>,
    hint: String,
) -> Result<Url, UriFault> {
    fault("redirect-uri.normal-form", "is not in its normal form, and addresses are compared exactly", Some(hint))
}

/// What stands between `//` and the path, as given: an empty user name leaves no trace in the
/// parsed address.
fn authority(given: &str) -> &str {
    let rest = given.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn is_this_machine(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address == Ipv4Addr::LOCALHOST,
        Some(Host::Domain(host)) => host == "localhost",
        _ => false,
    }
}

fn is_private(host: &str) -> bool {
    let host = host.trim_end_matches('.');
    !host.contains('.')
        || PRIVATE_SUFFIXES
            .iter()
            .any(|suffix| host.strip_suffix(suffix).is_some_and(|rest| rest.is_empty() || rest.ends_with('.')))
}

/// Errs with the hint that gives the normal form. `https://host` without its slash is let be:
/// people write it, and it is compared as written.
fn normal(given: &str, url: &Url) -> Result<(), String> {
    let trailing_dot = url.host_str().is_some_and(|host| host.ends_with('.'));
    let form = url.as_str();
    let same = form == given || form.strip_suffix('/') == Some(given);
    if same && !trailing_dot {
        Ok(())
    } else if trailing_dot {
        Err("write the host without the dot at its end".to_owned())
    } else {
        Err(format!("write it as {}", visible(form)))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn code(uri: &str, environment: Environment) -> Option<&'static str> {
        check_redirect_uri(uri, environment).err().map(|fault| fault.code)
    }

    #[test]
    fn a_developer_may_write_the_port_that_goes_without_saying() {
        for uri in ["http://localhost:80/cb", "http://127.0.0.1:80/cb", "http://localhost:80", "http://localhost:8080/cb"] {
            assert_eq!(code(uri, Environment::Sandbox), None, "{uri}");
            assert_eq!(code(uri, Environment::Production), Some("redirect-uri.scheme"), "{uri}");
        }
        for uri in ["http://localhost/cb", "http://localhost:/cb", "http://localhost/cb:80", "http://127.0.0.1/?p=:80"] {
            assert_eq!(code(uri, Environment::Sandbox), Some("redirect-uri.port"), "{uri}");
        }
        assert_eq!(code("http://localhost:080/cb", Environment::Sandbox), Some("redirect-uri.normal-form"));
    }

    #[test]
    fn addresses_of_services_are_taken_everywhere() {
        for uri in [
            "https://etax.ird.example/callback",
            "https://etax.ird.example",
            "https://etax.ird.example/",
            "https://etax.ird.example:8443/a/b?c=d&e=f",
            "https://xn--fiq228c.example/callback",
            "https://localhost.ird.example/callback",
            "https://internal-affairs.example/callback",
            "https://a.b.c.d.e.gov.hk/",
        ] {
            assert_eq!(code(uri, Environment::Production), None, "{uri}");
            assert_eq!(code(uri, Environment::Sandbox), None, "{uri}");
        }
    }

    #[test]
    fn addresses_of_a_developer_are_taken_by_a_sandbox_only() {
        for uri in
            ["http://127.0.0.1:3000/callback", "http://localhost:3000/callback", "http://127.0.0.1:3000", "http://localhost:1/"]
        {
            assert_eq!(code(uri, Environment::Sandbox), None, "{uri}");
            assert_eq!(code(uri, Environment::Production), Some("redirect-uri.scheme"), "{uri}");
        }
        for (uri, expected) in [
            ("http://127.0.0.1/callback", "redirect-uri.port"),
            ("http://localhost/callback", "redirect-uri.port"),
            ("http://127.0.0.2:3000/callback", "redirect-uri.scheme"),
            ("http://[::1]:3000/callback", "redirect-uri.scheme"),
            ("http://localhost.:3000/callback", "redirect-uri.scheme"),
            ("http://app.localhost:3000/callback", "redirect-uri.scheme"),
            ("http://0.0.0.0:3000/", "redirect-uri.scheme"),
            ("http://127.1:3000/callback", "redirect-uri.normal-form"),
            ("http://localhost:3000/#x", "redirect-uri.fragment"),
            ("http://me@localhost:3000/", "redirect-uri.userinfo"),
            ("https://localhost:3000/callback", "redirect-uri.private-host"),
            ("https://127.0.0.1:3000/callback", "redirect-uri.ip-literal"),
        ] {
            assert_eq!(code(uri, Environment::Sandbox), Some(expected), "{uri}");
        }
    }

    #[test]
    fn every_way_around_has_its_name() {
        let long = format!("https://etax.ird.example/{}", "a".repeat(2_000));
        for (uri, expected) in [
            ("", "redirect-uri.not-a-uri"),
            ("/callback", "redirect-uri.not-a-uri"),
            ("etax.ird.example/callback", "redirect-uri.not-a-uri"),
            ("https://", "redirect-uri.not-a-uri"),
            ("http://etax.ird.example/callback", "redirect-uri.scheme"),
            ("ftp://etax.ird.example/", "redirect-uri.scheme"),
            ("javascript:alert(1)", "redirect-uri.scheme"),
            ("hk.ird.etax:/callback", "redirect-uri.scheme"),
            ("data:text/html,hello", "redirect-uri.scheme"),
            ("https://etax.ird.example/callback#top", "redirect-uri.fragment"),
            ("https://etax.ird.example/callback#", "redirect-uri.fragment"),
            ("https://user@etax.ird.example/", "redirect-uri.userinfo"),
            ("https://user:word@etax.ird.example/", "redirect-uri.userinfo"),
            ("https://@etax.ird.example/", "redirect-uri.userinfo"),
            ("https://etax.ird.example@evil.example/", "redirect-uri.userinfo"),
            ("https://*.ird.example/callback", "redirect-uri.wildcard"),
            ("https://etax.ird.example/*", "redirect-uri.wildcard"),
            ("https://203.0.113.7/callback", "redirect-uri.ip-literal"),
            ("https://[2001:db8::1]/callback", "redirect-uri.ip-literal"),
            ("https://10.0.0.1/callback", "redirect-uri.ip-literal"),
            ("https://2130706433/callback", "redirect-uri.ip-literal"),
            ("https://0x7f.1/callback", "redirect-uri.ip-literal"),
            ("https://localhost/callback", "redirect-uri.private-host"),
            ("https://etax/callback", "redirect-uri.private-host"),
            ("https://etax.local/callback", "redirect-uri.private-host"),
            ("https://etax.ird.internal/callback", "redirect-uri.private-host"),
            ("https://router.home.arpa/", "redirect-uri.private-host"),
            ("https://app.localhost/", "redirect-uri.private-host"),
            ("https://etax.local./callback", "redirect-uri.private-host"),
            ("https://etax.ird.example./callback", "redirect-uri.normal-form"),
            ("https://ETAX.ird.example/callback", "redirect-uri.normal-form"),
            ("HTTPS://etax.ird.example/callback", "redirect-uri.normal-form"),
            ("https://etax.ird.example:443/callback", "redirect-uri.normal-form"),
            ("https://etax.ird.example/a/../callback", "redirect-uri.normal-form"),
            ("https://etax.ird.example/a/%2e%2e/callback", "redirect-uri.normal-form"),
            ("https:etax.ird.example/callback", "redirect-uri.normal-form"),
            ("https:///etax.ird.example/callback", "redirect-uri.normal-form"),
            ("https://稅務.example/callback", "redirect-uri.normal-form"),
            ("https://etax.ird.example/稅務", "redirect-uri.normal-form"),
            ("https://еtax.ird.example/callback", "redirect-uri.normal-form"),
            ("https://etax.ird.example/call back", "redirect-uri.character"),
            ("https://etax.ird.example/call\tback", "redirect-uri.character"),
            ("https://etax.ird.example/\r\nLocation: x", "redirect-uri.character"),
            (" https://etax.ird.example/", "redirect-uri.character"),
            ("https:\\\\etax.ird.example/", "redirect-uri.character"),
            ("https://etax.ird.example\\@evil.example/", "redirect-uri.character"),
            (long.as_str(), "redirect-uri.too-long"),
        ] {
            assert_eq!(code(uri, Environment::Production), Some(expected), "{uri}");
        }
    }

    #[test]
    fn the_normal_form_is_offered() {
        let fault = check_redirect_uri("https://ETAX.ird.example:443/a/../callback", Environment::Production);
        let hint = fault.err().and_then(|fault| fault.hint);
        assert_eq!(hint.as_deref(), Some("write it as https://etax.ird.example/callback"));
    }

    #[test]
    fn the_message_is_safe_to_print() {
        let fault = check_redirect_uri("https://etax.example/\u{1b}]0;owned\u{7}", Environment::Sandbox);
        let message = fault.map_err(|fault| fault.to_string());
        assert_eq!(message, Err("'https://etax.example/\\u{1b}]0;owned\\u{7}' holds the character \\u{1b}".to_owned()));
    }

    proptest! {
        #[test]
        fn what_is_taken_is_https_with_a_name_for_a_host(uri in "https?:/{1,3}[a-z0-9.@:\\[\\]#?/*\\\\ %-]{0,30}") {
            if check_redirect_uri(&uri, Environment::Production).is_ok() {
                let url = Url::parse(&uri);
                prop_assert!(url.is_ok_and(|url| url.scheme() == "https"
                    && url.domain().is_some_and(|host| host.contains('.'))
                    && url.fragment().is_none()
                    && url.username().is_empty()));
                prop_assert!(!uri.contains(['#', '@', '*', '\\', ' ']));
            }
        }

        #[test]
        fn no_text_panics(uri in "\\PC{0,60}") {
            let _ = check_redirect_uri(&uri, Environment::Sandbox);
        }
    }
}
