//! Certificate authorities: the root of an instance, its issuing authorities, and what they issue.

use std::net::IpAddr;
use std::str::FromStr;
use std::time::Duration;

use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::generate::{PrivateKey, PublicKey};
use crate::instance::Instance;
use crate::plan::{AlternativeName, Plan, fresh_serial};
use crate::profile::{self, Profile};
use domain::{CharacterFault, Timestamp};

/// Clocks of those who verify may be a little behind ours.
const BACKDATING: i64 = 5 * 60;

/// What an authority issues.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AuthorityPurpose {
    /// Issuing authorities.
    Root,
    /// Operators' client certificates.
    Operators,
    /// The instance's own server certificates.
    Servers,
}

/// NAME of an authority: purpose and generation, `operators-1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AuthorityName {
    /// What it issues.
    pub purpose: AuthorityPurpose,
    /// From 1.
    pub generation: u32,
}

impl AuthorityName {
    /// The name of a purpose's n-th authority.
    pub fn new(purpose: AuthorityPurpose, generation: u32) -> Self {
        Self { purpose, generation }
    }
}

impl std::fmt::Display for AuthorityName {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let purpose = match self.purpose {
            AuthorityPurpose::Root => "root",
            AuthorityPurpose::Operators => "operators",
            AuthorityPurpose::Servers => "servers",
        };
        write!(f, "{purpose}-{}", self.generation)
    }
}

impl FromStr for AuthorityName {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<Self, PkiError> {
        let unknown = || PkiError::malformed("the authority's name", "it is not PURPOSE-GENERATION such as operators-1");
        let (purpose, generation) = text.rsplit_once('-').ok_or_else(unknown)?;
        let purpose = match purpose {
            "root" => AuthorityPurpose::Root,
            "operators" => AuthorityPurpose::Operators,
            "servers" => AuthorityPurpose::Servers,
            _ => return Err(unknown()),
        };
        let name = Self { purpose, generation: generation.parse().map_err(|_| unknown())? };
        // Refuses 'root-01' and 'root-+1', which parse to the same number.
        if name.generation == 0 || name.to_string() != text {
            return Err(unknown());
        }
        Ok(name)
    }
}

/// A certificate authority with its key.
#[derive(Debug)]
pub struct Authority {
    instance: Instance,
    name: AuthorityName,
    certificate: Certificate,
    key: PrivateKey,
    /// Signs what is only linted; of the same kind, so that nothing but the signature differs.
    rehearsal: PrivateKey,
}

impl Authority {
    /// Makes the self-signed root of an instance. `key` should be P-256.
    pub fn new_root(instance: &Instance, generation: u32, key: PrivateKey, now: Timestamp) -> Result<Self, PkiError> {
        let name = AuthorityName::new(AuthorityPurpose::Root, generation);
        let rehearsal = PrivateKey::generate(key.kind()?)?;
        let public_key = key.public()?;
        let plan = Plan {
            profile: &profile::ROOT,
            instance,
            common_name: format!("{} {name}", instance.id()),
            alternative_names: Vec::new(),
            public_key: &public_key,
            validity: validity(&profile::ROOT, None, None, now)?,
            serial: fresh_serial()?,
            issuer: None,
        };
        let certificate = Certificate::from_x509(plan.issue(&rehearsal, &key)?)?;
        Ok(Self { instance: instance.clone(), name, certificate, key, rehearsal })
    }

    /// Makes an issuing authority under this root. Errors when this is no root or `name` is one.
    pub fn new_issuing(&self, name: AuthorityName, key: PrivateKey, now: Timestamp) -> Result<Self, PkiError> {
        let profile = match (self.name.purpose, name.purpose) {
            (AuthorityPurpose::Root, AuthorityPurpose::Operators) => &profile::OPERATORS_CA,
            (AuthorityPurpose::Root, AuthorityPurpose::Servers) => &profile::SERVERS_CA,
            _ => return Err(PkiError::unfit("the authority", format!("{} does not issue {name}", self.name))),
        };
        let rehearsal = PrivateKey::generate(key.kind()?)?;
        let common_name = format!("{} {name}", self.instance.id());
        let certificate = self.issue(profile, common_name, Vec::new(), &key.public()?, None, now)?;
        Ok(Self { instance: self.instance.clone(), name, certificate, key, rehearsal })
    }

    /// Takes up a stored authority. Errors when the key is not the certificate's, or the certificate is not of this
    /// instance and name.
    pub fn load(instance: &Instance, name: AuthorityName, certificate: Certificate, key: PrivateKey) -> Result<Self, PkiError> {
        if certificate.public_key()? != key.public()? {
            return Err(PkiError::unfit("the authority's key", format!("it is not the one that {name} certifies")));
        }
        if certificate.stamp() != Some(&instance.stamp()) {
            return Err(PkiError::unfit(
                "the authority's certificate",
                "it carries the stamp of another instance or environment",
            ));
        }
        let own_name = format!("CN={} {name}, O={}", instance.id(), instance.organisation());
        if certificate.view().subject != own_name {
            return Err(PkiError::unfit("the authority's certificate", format!("it is not that of {name}")));
        }
        let rehearsal = PrivateKey::generate(key.kind()?)?;
        Ok(Self { instance: instance.clone(), name, certificate, key, rehearsal })
    }

    /// Its NAME.
    pub fn name(&self) -> AuthorityName {
        self.name
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key, to be wrapped and stored.
    pub fn key(&self) -> &PrivateKey {
        &self.key
    }

    /// Issues an operator's client certificate. `operator` is the id in our records; `shortened` is a life below the
    /// profile's, which is never exceeded.
    pub fn issue_operator(
        &self,
        operator: &str,
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<Certificate, PkiError> {
        self.must_be(AuthorityPurpose::Operators)?;
        check_common_name(operator)?;
        self.issue(&profile::OPERATOR, operator.to_owned(), Vec::new(), key, shortened, now)
    }

    /// Issues a server certificate for the host names and addresses of our own settings, of which there is at least one.
    pub fn issue_server(
        &self,
        hosts: &[String],
        addresses: &[IpAddr],
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<Certificate, PkiError> {
        self.must_be(AuthorityPurpose::Servers)?;
        let mut names = Vec::new();
        for host in hosts {
            check_host(host)?;
            names.push(AlternativeName::Dns(host.to_ascii_lowercase()));
        }
        names.extend(addresses.iter().map(|address| AlternativeName::Ip(*address)));
        if names.is_empty() {
            return Err(PkiError::unfit("the server certificate", "it needs a host name or an address"));
        }
        let common_name = format!("{} server", self.instance.id());
        self.issue(&profile::SERVER, common_name, names, key, shortened, now)
    }

    fn must_be(&self, purpose: AuthorityPurpose) -> Result<(), PkiError> {
        if self.name.purpose == purpose {
            return Ok(());
        }
        Err(PkiError::unfit("the authority", format!("{} does not issue such certificates", self.name)))
    }

    fn issue(
        &self,
        profile: &Profile,
        common_name: String,
        alternative_names: Vec<AlternativeName>,
        public_key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<Certificate, PkiError> {
        let name = self.name.to_string();
        let plan = Plan {
            profile,
            instance: &self.instance,
            common_name,
            alternative_names,
            public_key,
            validity: validity(profile, Some(&self.certificate), shortened, now)?,
            serial: fresh_serial()?,
            issuer: Some((self.certificate.x509(), &name)),
        };
        Certificate::from_x509(plan.issue(&self.rehearsal, &self.key)?)
    }
}

/// Both ends in seconds since 1970: backdated, at most the profile's life, within the issuer's own validity.
fn validity(
    profile: &Profile,
    issuer: Option<&Certificate>,
    shortened: Option<Duration>,
    now: Timestamp,
) -> Result<[i64; 2], PkiError> {
    let seconds = |time: Timestamp| time.micros().div_euclid(1_000_000);
    let life = shortened.map_or(profile.lifetime, |shortened| shortened.min(profile.lifetime));
    let now = seconds(now);
    let mut not_before = now - BACKDATING;
    let mut not_after = now.saturating_add(i64::try_from(life.as_secs()).unwrap_or(i64::MAX));
    if let Some(issuer) = issuer {
        not_before = not_before.max(seconds(issuer.view().not_before));
        not_after = not_after.min(seconds(issuer.view().not_after));
    }
    if now >= not_after {
        return Err(PkiError::unfit(
            "the validity",
            "it would end before it begins: the issuer has expired or no time was asked for",
        ));
    }
    Ok([not_before, not_after])
}

/// A common name out of our records: 1 to 64 visible characters (RFC 5280 appendix A, ub-common-name).
fn check_common_name(name: &str) -> Result<(), PkiError> {
    let visible = |c: char| CharacterFault::of(c).is_none();
    if name.is_empty() || name.chars().count() > 64 || name.trim() != name || !name.chars().all(visible) {
        return Err(PkiError::unfit("the subject", "its name must be 1 to 64 visible characters"));
    }
    Ok(())
}

fn check_host(host: &str) -> Result<(), PkiError> {
    if crate::text::is_host_name(host) {
        return Ok(());
    }
    Err(PkiError::unfit("the host name", "it is not a plain DNS name"))
}

#[cfg(test)]
mod tests;
