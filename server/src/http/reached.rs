//! The names and addresses that the listeners' certificate is for.

use std::collections::BTreeSet;
use std::net::IpAddr;

use anyhow::Context;
use openssl::stack::Stack;
use openssl::x509::GeneralName;
use pki::Certificate;

use crate::settings::Settings;

/// The names and addresses under which the listeners are reached.
#[derive(Debug, Clone)]
pub struct Reached {
    hosts: BTreeSet<String>,
    addresses: BTreeSet<IpAddr>,
}

impl Reached {
    /// From the settings and the public address.
    ///
    /// # Errors
    /// When the public address has no host.
    pub fn of(settings: &Settings, public_url: &str) -> anyhow::Result<Self> {
        let mut hosts = BTreeSet::from(["localhost".to_owned()]);
        let mut addresses = BTreeSet::new();
        let url = url::Url::parse(public_url).with_context(|| format!("the public URL {public_url} is none"))?;
        match url.host().with_context(|| format!("the public URL {public_url} names no host"))? {
            url::Host::Domain(domain) => drop(hosts.insert(domain.to_ascii_lowercase())),
            url::Host::Ipv4(address) => drop(addresses.insert(IpAddr::V4(address))),
            url::Host::Ipv6(address) => drop(addresses.insert(IpAddr::V6(address))),
        }
        for listener in [settings.admin_listen, settings.public_listen] {
            if listener.ip().is_unspecified() {
                // Every address of the machine: reached by its name, and from the machine itself.
                let name = rustix::system::uname().nodename().to_string_lossy().to_ascii_lowercase();
                if name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-' || c == '.') && !name.is_empty() {
                    hosts.insert(name);
                }
                addresses.insert(IpAddr::from([127, 0, 0, 1]));
            } else {
                addresses.insert(listener.ip());
            }
        }
        Ok(Self { hosts, addresses })
    }

    /// Whether a certificate is for all of them.
    #[must_use]
    pub fn covered_by(&self, certificate: &Certificate) -> bool {
        let names = names_of(certificate);
        let names: Vec<_> = names.iter().flatten().collect();
        let host = |host: &String| names.iter().any(|name| name.dnsname() == Some(host));
        let address = |address: &IpAddr| {
            let bytes = match address {
                IpAddr::V4(v4) => v4.octets().to_vec(),
                IpAddr::V6(v6) => v6.octets().to_vec(),
            };
            names.iter().any(|name| name.ipaddress() == Some(&bytes))
        };
        self.hosts.iter().all(host) && self.addresses.iter().all(address)
    }

    /// With what a certificate covers already: another node of the instance may be reached under it.
    #[must_use]
    pub fn and(mut self, certificate: &Certificate) -> Self {
        for name in names_of(certificate).iter().flatten() {
            if let Some(host) = name.dnsname() {
                self.hosts.insert(host.to_owned());
            }
            match name.ipaddress() {
                Some(&[a, b, c, d]) => drop(self.addresses.insert(IpAddr::from([a, b, c, d]))),
                Some(bytes) => {
                    if let Ok(bytes) = <[u8; 16]>::try_from(bytes) {
                        self.addresses.insert(IpAddr::from(bytes));
                    }
                }
                None => {}
            }
        }
        self
    }

    /// The host names, in order.
    #[must_use]
    pub fn hosts(&self) -> Vec<String> {
        self.hosts.iter().cloned().collect()
    }

    /// The addresses, in order.
    #[must_use]
    pub fn addresses(&self) -> Vec<IpAddr> {
        self.addresses.iter().copied().collect()
    }
}

fn names_of(certificate: &Certificate) -> Option<Stack<GeneralName>> {
    certificate.x509().ok()?.subject_alt_names()
}
