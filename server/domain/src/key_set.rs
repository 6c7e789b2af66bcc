//! Key sets at an address of the party's own: which addresses are asked, which machines may stand behind them, how long a copy is
//! kept, and when one that could not be had is asked for again.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::time::Duration;

use url::Url;

use crate::Environment;
use crate::manifest::{UriFault, check_uri};

/// A copy is good for this long at least, whatever the address says: a party is asked 288 times a day at most.
const SHORTEST: Duration = Duration::from_mins(5);
/// And for this long at most: a key that was taken out is known to be gone within a day.
const LONGEST: Duration = Duration::from_hours(24);
const FIRST_RETRY: Duration = Duration::from_mins(1);
const LAST_RETRY: Duration = Duration::from_hours(1);

/// An address that key sets are fetched from: https, a host with a name, exact, no user name and no fragment, as a redirect URI
/// has it. A sandbox also takes `http://127.0.0.1:PORT` and `localhost`, by http and by https.
///
/// # Errors
/// `credential.url`, with what is wrong and the mend.
pub fn check_key_set_url(given: &str, environment: Environment) -> Result<Url, UriFault> {
    check_uri(given, environment, &["http", "https"]).map_err(|fault| UriFault { code: "credential.url", ..fault })
}

/// Why a machine is not asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{address} is {what}")]
pub struct AddressFault {
    /// The address.
    pub address: IpAddr,
    /// `a private address`.
    pub what: &'static str,
}

/// Whether the machine at an address may be asked: one that anybody on the internet could ask as well. Held against the address
/// that is really connected to, whatever its name was resolved to a moment before. A sandbox may ask its own machine, too.
///
/// Sources: the IANA special-purpose address registries (RFC 6890 and its updates), RFC 6052 for NAT64, RFC 3056 for 6to4.
///
/// # Errors
/// What kind of address it is.
pub fn check_address(address: IpAddr, environment: Environment) -> Result<(), AddressFault> {
    let kind = match address {
        IpAddr::V4(address) => kind_of_v4(address),
        IpAddr::V6(address) => kind_of_v6(address),
    };
    match kind {
        None => Ok(()),
        Some(Kind::Loopback) if environment == Environment::Sandbox => Ok(()),
        Some(kind) => Err(AddressFault { address, what: kind.as_str() }),
    }
}

/// Addresses that do not stand for one machine on the internet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Loopback,
    Unspecified,
    Private,
    Shared,
    LinkLocal,
    Multicast,
    Documentation,
    Reserved,
    /// A form of IPv6 that carries an address of IPv4 which is one of the others.
    Carries,
    Tunnel,
}

impl Kind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Loopback => "this machine itself",
            Self::Unspecified => "no machine",
            Self::Private => "a private address",
            Self::Shared => "an address shared behind a carrier's translator",
            Self::LinkLocal => "an address of the local link",
            Self::Multicast => "a multicast address",
            Self::Documentation => "an address of documentation",
            Self::Reserved => "a reserved address",
            Self::Carries => "an IPv6 form of an address that is not asked",
            Self::Tunnel => "an address of a tunnel",
        }
    }
}

const fn kind_of_v4(address: Ipv4Addr) -> Option<Kind> {
    Some(match address.octets() {
        [0, 0, 0, 0] => Kind::Unspecified,
        [127, ..] => Kind::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => Kind::Private,
        [100, 64..=127, ..] => Kind::Shared,
        [169, 254, ..] => Kind::LinkLocal,
        [224..=239, ..] => Kind::Multicast,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => Kind::Documentation,
        // "This network", protocol assignments, the relays of 6to4, benchmarks, and all above multicast with the broadcast.
        [0, ..] | [192, 0, 0, _] | [192, 88, 99, _] | [198, 18 | 19, ..] | [240..=255, ..] => Kind::Reserved,
        _ => return None,
    })
}

fn kind_of_v6(address: Ipv6Addr) -> Option<Kind> {
    let carried = || {
        let [.., a, b, c, d] = address.octets();
        Ipv4Addr::new(a, b, c, d)
    };
    Some(match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => Kind::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => Kind::Loopback,
        [0, 0, 0, 0, 0, 0xffff, ..] => return kind_of_v4(carried()),
        // A network without IPv4 reaches all of it in this form: what is carried decides.
        [0x64, 0xff9b, 0, 0, 0, 0, ..] => return kind_of_v4(carried()).map(|_| Kind::Carries),
        [0x64, 0xff9b, 1, ..] | [0xfc00..=0xfdff, ..] | [0xfec0..=0xfeff, ..] => Kind::Private,
        [0xfe80..=0xfebf, ..] => Kind::LinkLocal,
        [0xff00..=0xffff, ..] => Kind::Multicast,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => Kind::Documentation,
        // Teredo and 6to4 carry an address of IPv4 out of sight of whoever routes them.
        [0x2001, 0, ..] | [0x2002, ..] => Kind::Tunnel,
        [0x2001, 0..=0x1ff, ..] => Kind::Reserved,
        [0x2000..=0x3fff, ..] => return None,
        _ => Kind::Reserved,
    })
}

/// How long a good copy is kept: `max-age` of its `Cache-Control`, within five minutes and a day; the shortest when it says
/// nothing, or that it is not to be kept.
#[must_use]
pub fn cache_age(cache_control: Option<&str>) -> Duration {
    let directives = || cache_control.unwrap_or_default().split(',').map(str::trim);
    if directives().any(|directive| ["no-store", "no-cache"].iter().any(|word| directive.eq_ignore_ascii_case(word))) {
        return SHORTEST;
    }
    let seconds = directives().find_map(|directive| {
        let (name, value) = directive.split_once('=')?;
        // A number that no computer counts to is a long time all the same (RFC 9111, section 1.2.2).
        let digits =
            Some(value.trim().trim_matches('"')).filter(|text| !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()));
        name.trim().eq_ignore_ascii_case("max-age").then(|| digits.map(|digits| digits.parse().unwrap_or(u64::MAX)))?
    });
    seconds.map_or(SHORTEST, |seconds| Duration::from_secs(seconds).clamp(SHORTEST, LONGEST))
}

/// How long to wait after that many failures in a row: a minute, doubled up to an hour.
#[must_use]
pub fn retry_after(failures: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << failures.saturating_sub(1).min(6)).min(LAST_RETRY)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is said of an address, with the address left out.
    fn said(address: &str, environment: Environment) -> Option<&'static str> {
        check_address(address.parse().unwrap(), environment).err().map(|fault| fault.what)
    }

    #[test]
    fn machines_on_the_internet_may_be_asked() {
        for address in [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.88.98.255",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2606:4700:4700::1111",
            "2001:200::1",
            "2400::1",
            "3ffe::1",
            "64:ff9b::1.1.1.1",
            "::ffff:1.1.1.1",
        ] {
            for environment in Environment::ALL {
                assert_eq!(said(address, *environment), None, "{address}");
            }
        }
    }

    #[test]
    fn every_other_address_has_its_name() {
        for (addresses, what) in [
            (&["0.0.0.0", "::"][..], "no machine"),
            (
                &["10.0.0.0", "10.255.255.255", "172.16.0.1", "172.31.255.255", "192.168.0.1", "192.168.255.255"],
                "a private address",
            ),
            (&["fc00::1", "fdff:ffff::1", "fec0::1", "64:ff9b:1::a00:1"], "a private address"),
            (&["100.64.0.0", "100.127.255.255"], "an address shared behind a carrier's translator"),
            (&["169.254.0.0", "169.254.169.254", "fe80::1", "febf::1"], "an address of the local link"),
            (&["224.0.0.1", "239.255.255.255", "ff02::1"], "a multicast address"),
            (&["192.0.2.1", "198.51.100.1", "203.0.113.1", "2001:db8::1", "3fff:fff::1"], "an address of documentation"),
            (
                &["0.0.0.1", "192.0.0.8", "192.88.99.1", "198.18.0.1", "198.19.255.255", "240.0.0.1", "255.255.255.255"],
                "a reserved address",
            ),
            (
                &["::2", "::127.0.0.1", "100::1", "1fff::1", "4000::1", "5f00::1", "2001:2::1", "2001:1ff::1"],
                "a reserved address",
            ),
            (&["::ffff:10.0.0.1", "::ffff:192.168.1.1"], "a private address"),
            (&["::ffff:169.254.169.254"], "an address of the local link"),
            (
                &["64:ff9b::10.0.0.1", "64:ff9b::127.0.0.1", "64:ff9b::169.254.169.254"],
                "an IPv6 form of an address that is not asked",
            ),
            (&["2002:a00:1::1", "2002:101:101::1", "2001:0:5ef5:79fd::1"], "an address of a tunnel"),
        ] {
            for address in addresses {
                for environment in Environment::ALL {
                    assert_eq!(said(address, *environment), Some(what), "{address}");
                }
            }
        }
    }

    #[test]
    fn a_sandbox_may_ask_its_own_machine() {
        for address in ["127.0.0.1", "127.255.255.255", "::1", "::ffff:127.0.0.1"] {
            assert_eq!(said(address, Environment::Sandbox), None, "{address}");
            assert_eq!(said(address, Environment::Production), Some("this machine itself"), "{address}");
        }
    }

    #[test]
    fn addresses_of_key_sets() {
        let taken = |url: &str, environment| check_key_set_url(url, environment).map(drop).map_err(|fault| fault.code);
        for url in ["https://bank.example/jwks.json", "https://bank.example:8443/jwks?client=1", "https://bank.example"] {
            for environment in Environment::ALL {
                assert_eq!(taken(url, *environment), Ok(()), "{url}");
            }
        }
        for url in [
            "http://127.0.0.1:3000/jwks",
            "http://localhost:3000/",
            "https://localhost:3000/jwks",
            "https://127.0.0.1:3000/",
            "https://localhost/jwks",
        ] {
            assert_eq!(taken(url, Environment::Sandbox), Ok(()), "{url}");
            assert_eq!(taken(url, Environment::Production), Err("credential.url"), "{url}");
        }
        for url in [
            "http://bank.example/jwks.json",
            "https://10.0.0.1/jwks",
            "https://[::1]/jwks",
            "https://192.0.2.1/jwks",
            "https://bank/jwks",
            "https://bank.internal/jwks",
            "https://user@bank.example/",
            "https://user@localhost:3000/",
            "https://bank.example/#keys",
            "https://bank.example/a/../jwks",
            "http://localhost/jwks",
            "http://127.1:3000/jwks",
            "http://0x7f000001:3000/jwks",
            "file:///etc/passwd",
            "ftp://bank.example/jwks",
            "jwks.json",
        ] {
            for environment in Environment::ALL {
                assert_eq!(taken(url, *environment), Err("credential.url"), "{url}");
            }
        }
    }

    #[test]
    fn a_copy_is_kept_for_as_long_as_it_says_within_bounds() {
        for (header, seconds) in [
            (None, 300),
            (Some(""), 300),
            (Some("max-age=0"), 300),
            (Some("max-age=299"), 300),
            (Some("max-age=301"), 301),
            (Some("public, max-age=3600"), 3_600),
            (Some("Public , MAX-AGE = 3600"), 3_600),
            (Some(r#"max-age="3600""#), 3_600),
            (Some("max-age=86401"), 86_400),
            (Some("max-age=99999999999999999999999"), 86_400),
            (Some("max-age=-1"), 300),
            (Some("max-age="), 300),
            (Some("max-age=1e9"), 300),
            (Some("s-maxage=3600"), 300),
            (Some("no-store, max-age=3600"), 300),
            (Some("No-Cache, max-age=3600"), 300),
        ] {
            assert_eq!(cache_age(header).as_secs(), seconds, "{header:?}");
        }
    }

    #[test]
    fn one_that_fails_is_asked_less_and_less_often() {
        let minutes = [0, 1, 2, 3, 4, 5, 6, 7, 8, u32::MAX].map(|failures| retry_after(failures).as_secs() / 60);
        assert_eq!(minutes, [1, 1, 2, 4, 8, 16, 32, 60, 60, 60]);
    }
}
