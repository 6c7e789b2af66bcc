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
    if environment == Environment::Sandbox && is_loopback_of_a_developer(&url) {
        if url.port().is_none() {
            return fault("redirect-uri.port", "has no port", Some("write it as http://127.0.0.1:PORT/path".to_owned()));
        }
        return normal(given, &url).or_else(|hint| fault_of_form(fault, hint));
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
    normal(given, &url).or_else(|hint| fault_of_form(fault, hint))
}

fn fault_of_form(
    fault: impl Fn(&'static str, &str, Option<String>) -> Result<(), UriFault>,
    hint: String,
) -> Result<(), UriFault> {
    fault("redirect-uri.normal-form", "is not in its normal form, and addresses are compared exactly", Some(hint))
}

/// What stands between `//` and the path, as given: an empty user name leaves no trace in the
/// parsed address.
fn authority(given: &str) -> &str {
    let rest = given.split_once("//").map_or("", |(_, rest)| rest);
    rest.split(['/', '?']).next().unwrap_or_default()
}

fn is_loopback_of_a_developer(url: &Url) -> bool {
    url.scheme() == "http"
        && match url.host() {
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
