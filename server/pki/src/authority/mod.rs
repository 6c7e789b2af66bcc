//! Certificate authorities: the root of an instance, its issuing authorities, and what they issue.

mod proof;

use std::net::IpAddr;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use crate::certificate::Certificate;
use crate::error::PkiError;
use crate::generate::{PrivateKey, PublicKey};
use crate::instance::Instance;
use crate::plan::{AlternativeName, Plan, PlannedCertificate, fresh_serial};
use crate::profile::{self, Profile};
use crate::signer::Signer;
use domain::{CharacterFault, Timestamp};

pub use self::proof::prove;

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
    /// Relying parties' certificates: client authentication and request signing.
    RelyingParties,
    /// Citizens' signing certificates.
    Citizens,
    /// The time-stamping service.
    TimeStamping,
}

impl AuthorityPurpose {
    /// Every issuing authority of an instance, in the order they are made.
    pub const ISSUING: &[Self] = &[Self::Operators, Self::Servers, Self::RelyingParties, Self::Citizens, Self::TimeStamping];

    /// The line of its generations: `operators`.
    #[must_use]
    pub const fn line(self) -> &'static str {
        match self {
            Self::Root => "root",
            Self::Operators => "operators",
            Self::Servers => "servers",
            Self::RelyingParties => "relying-parties",
            Self::Citizens => "citizens",
            Self::TimeStamping => "time-stamping",
        }
    }

    /// The purpose of a line.
    #[must_use]
    pub fn of_line(line: &str) -> Option<Self> {
        std::iter::once(Self::Root).chain(Self::ISSUING.iter().copied()).find(|purpose| purpose.line() == line)
    }

    /// What it issues: the longest-lived of its certificates but those of authorities and responders.
    #[must_use]
    pub const fn issues(self) -> &'static Profile {
        match self {
            Self::Root => self.profile(),
            Self::Operators => &profile::OPERATOR,
            Self::Servers => &profile::SERVER,
            Self::RelyingParties => &profile::RELYING_PARTY,
            Self::Citizens => &profile::CITIZEN_SIGNING,
            Self::TimeStamping => &profile::TIME_STAMPING,
        }
    }

    /// What its own certificate is.
    #[must_use]
    pub const fn profile(self) -> &'static Profile {
        match self {
            Self::Root => &profile::ROOT,
            Self::Operators => &profile::OPERATORS_CA,
            Self::Servers => &profile::SERVERS_CA,
            Self::RelyingParties => &profile::RELYING_PARTIES_CA,
            Self::Citizens => &profile::CITIZENS_CA,
            Self::TimeStamping => &profile::TIME_STAMPING_CA,
        }
    }
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
        write!(f, "{}-{}", self.purpose.line(), self.generation)
    }
}

impl FromStr for AuthorityName {
    type Err = PkiError;

    fn from_str(text: &str) -> Result<Self, PkiError> {
        let unknown = || PkiError::malformed("the authority's name", "it is not PURPOSE-GENERATION such as operators-1");
        let (purpose, generation) = text.rsplit_once('-').ok_or_else(unknown)?;
        let purpose = AuthorityPurpose::of_line(purpose).ok_or_else(unknown)?;
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
    key: Arc<dyn Signer>,
    /// Its public half.
    public_key: PublicKey,
    /// Signs what is only linted; of the same kind, so that nothing but the signature differs.
    rehearsal: PrivateKey,
}

impl Authority {
    /// Makes the self-signed root of an instance. `key` should be P-256.
    pub fn new_root(
        instance: &Instance,
        generation: u32,
        key: impl Into<Arc<dyn Signer>>,
        now: Timestamp,
    ) -> Result<Self, PkiError> {
        let key = key.into();
        let name = AuthorityName::new(AuthorityPurpose::Root, generation);
        let public_key = key.public_key()?;
        let rehearsal = PrivateKey::generate(public_key.kind()?)?;
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
        let certificate = plan.check(&rehearsal, &public_key)?.sign(&*key, &public_key)?;
        Ok(Self { instance: instance.clone(), name, certificate, key, public_key, rehearsal })
    }

    /// Plans the certificate of an issuing authority under this root. Errors when this is no root or `name` is one.
    pub fn plan_issuing(&self, name: AuthorityName, key: &PublicKey, now: Timestamp) -> Result<PlannedCertificate, PkiError> {
        if self.name.purpose != AuthorityPurpose::Root || name.purpose == AuthorityPurpose::Root {
            return Err(PkiError::unfit("the authority", format!("{} does not issue {name}", self.name)));
        }
        let common_name = format!("{} {name}", self.instance.id());
        self.plan(name.purpose.profile(), common_name, Vec::new(), key, None, now)
    }

    /// Makes an issuing authority under this root: [`Authority::plan_issuing`] signed and taken up.
    pub fn new_issuing(&self, name: AuthorityName, key: impl Into<Arc<dyn Signer>>, now: Timestamp) -> Result<Self, PkiError> {
        let key = key.into();
        let certificate = self.sign(&self.plan_issuing(name, &key.public_key()?, now)?)?;
        Self::load(&self.instance, name, certificate, key)
    }

    /// Takes up a stored authority. Errors when the key is not the certificate's, or the certificate is not of this
    /// instance and name.
    pub fn load(
        instance: &Instance,
        name: AuthorityName,
        certificate: Certificate,
        key: impl Into<Arc<dyn Signer>>,
    ) -> Result<Self, PkiError> {
        let key = key.into();
        let public_key = key.public_key()?;
        if certificate.public_key()? != public_key {
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
        let rehearsal = PrivateKey::generate(public_key.kind()?)?;
        Ok(Self { instance: instance.clone(), name, certificate, key, public_key, rehearsal })
    }

    /// Its NAME.
    pub fn name(&self) -> AuthorityName {
        self.name
    }

    /// Its own certificate.
    pub fn certificate(&self) -> &Certificate {
        &self.certificate
    }

    /// Its key, which also signs its revocation lists.
    pub fn key(&self) -> &dyn Signer {
        &*self.key
    }

    /// Signs what this authority planned, and nothing else.
    pub fn sign(&self, planned: &PlannedCertificate) -> Result<Certificate, PkiError> {
        planned.sign(&*self.key, &self.public_key)
    }

    /// Plans an operator's client certificate. `operator` is the id in our records; `shortened` is a life below the
    /// profile's, which is never exceeded.
    pub fn plan_operator(
        &self,
        operator: &str,
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<PlannedCertificate, PkiError> {
        self.must_be(AuthorityPurpose::Operators)?;
        check_common_name(operator)?;
        self.plan(&profile::OPERATOR, operator.to_owned(), Vec::new(), key, shortened, now)
    }

    /// Plans a relying party's certificate; `party` is the id in our records.
    pub fn plan_relying_party(
        &self,
        party: &str,
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<PlannedCertificate, PkiError> {
        self.must_be(AuthorityPurpose::RelyingParties)?;
        check_common_name(party)?;
        self.plan(&profile::RELYING_PARTY, party.to_owned(), Vec::new(), key, shortened, now)
    }

    /// Plans the certificate of a station of the registration service, which comes where relying parties do; `station` is the id in
    /// our records.
    pub fn plan_station(
        &self,
        station: &str,
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<PlannedCertificate, PkiError> {
        self.must_be(AuthorityPurpose::RelyingParties)?;
        check_common_name(station)?;
        self.plan(&profile::STATION, station.to_owned(), Vec::new(), key, shortened, now)
    }

    /// Plans a citizen's signing certificate; `account` is the account's reference, and nothing personal stands in it.
    pub fn plan_citizen(
        &self,
        account: &str,
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<PlannedCertificate, PkiError> {
        self.must_be(AuthorityPurpose::Citizens)?;
        check_common_name(account)?;
        self.plan(&profile::CITIZEN_SIGNING, account.to_owned(), Vec::new(), key, shortened, now)
    }

    /// Plans the certificate of a responder that answers for this authority (RFC 6960 section 4.2.2.2).
    pub fn plan_responder(&self, key: &PublicKey, now: Timestamp) -> Result<PlannedCertificate, PkiError> {
        let common_name = format!("{} {} ocsp", self.instance.id(), self.name);
        self.plan(&profile::OCSP_RESPONDER, common_name, Vec::new(), key, None, now)
    }

    /// Plans the certificate of the time-stamping service.
    pub fn plan_time_stamping(&self, key: &PublicKey, now: Timestamp) -> Result<PlannedCertificate, PkiError> {
        self.must_be(AuthorityPurpose::TimeStamping)?;
        let common_name = format!("{} time-stamping", self.instance.id());
        self.plan(&profile::TIME_STAMPING, common_name, Vec::new(), key, None, now)
    }

    /// Plans a server certificate for the host names and addresses of our own settings, of which there is at least one.
    pub fn plan_server(
        &self,
        hosts: &[String],
        addresses: &[IpAddr],
        key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<PlannedCertificate, PkiError> {
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
        self.plan(&profile::SERVER, common_name, names, key, shortened, now)
    }

    fn must_be(&self, purpose: AuthorityPurpose) -> Result<(), PkiError> {
        if self.name.purpose == purpose {
            return Ok(());
        }
        Err(PkiError::unfit("the authority", format!("{} does not issue such certificates", self.name)))
    }

    fn plan(
        &self,
        profile: &'static Profile,
        common_name: String,
        alternative_names: Vec<AlternativeName>,
        public_key: &PublicKey,
        shortened: Option<Duration>,
        now: Timestamp,
    ) -> Result<PlannedCertificate, PkiError> {
        let name = self.name.to_string();
        let plan = Plan {
            profile,
            instance: &self.instance,
            common_name,
            alternative_names,
            public_key,
            validity: validity(profile, Some(&self.certificate), shortened, now)?,
            serial: fresh_serial()?,
            issuer: Some((&self.certificate, &name)),
        };
        plan.check(&self.rehearsal, &self.public_key)
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
