//! The installation that certificates are issued for: its id, environment and published addresses.

use crate::error::PkiError;
use crate::stamp::Stamp;
use domain::Environment;

/// An instance as its certificates name it. Fixed when the instance is created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Instance {
    id: String,
    environment: Environment,
    pki_url: String,
}

impl Instance {
    /// `id` is 1 to 40 letters, digits, dots or hyphens (it stands in common names, which hold 64); `pki_url` is the base
    /// under which `/ca/` and `/crl/` are served, `http://…` or `https://…`, baked into every certificate.
    pub fn new(id: &str, environment: Environment, pki_url: &str) -> Result<Self, PkiError> {
        let plain = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        if id.is_empty() || id.len() > 40 || !id.chars().all(plain) {
            return Err(PkiError::unfit("the instance id", "it must be 1 to 40 letters, digits, dots or hyphens"));
        }
        let pki_url = pki_url.trim_end_matches('/');
        let host = pki_url.strip_prefix("http://").or_else(|| pki_url.strip_prefix("https://"));
        let printable = |c: char| c.is_ascii_graphic() && !"\"<>\\^`{|}#?".contains(c);
        if !host.is_some_and(|host| !host.is_empty() && !host.starts_with('/') && host.chars().all(printable)) {
            return Err(PkiError::unfit("the PKI address", "it must be an http or https URL without query or fragment"));
        }
        Ok(Self { id: id.to_owned(), environment, pki_url: pki_url.to_owned() })
    }

    /// The id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The environment.
    pub fn environment(&self) -> Environment {
        self.environment
    }

    /// What its certificates carry.
    pub fn stamp(&self) -> Stamp {
        Stamp { instance: self.id.clone(), environment: self.environment }
    }

    /// The organisation in every subject.
    pub(crate) fn organisation(&self) -> String {
        format!("iAM Smart platform ({})", self.environment)
    }

    /// Base of the published addresses.
    pub fn pki_url(&self) -> &str {
        &self.pki_url
    }

    /// Where an authority's certificate is served.
    pub fn certificate_url(&self, authority: &str) -> String {
        format!("{}/ca/{authority}.crt", self.pki_url)
    }

    /// Where the responder answers, for every authority.
    pub fn ocsp_url(&self) -> String {
        format!("{}/ocsp", self.pki_url)
    }

    /// Where an authority's revocation list is served.
    pub fn crl_url(&self, authority: &str) -> String {
        format!("{}/crl/{authority}.crl", self.pki_url)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(url: &str) -> Result<Instance, PkiError> {
        Instance::new("demo", Environment::Sandbox, url)
    }

    #[test]
    fn addresses_are_built_from_the_published_base() {
        let instance = url("http://127.0.0.1:8080/").unwrap();
        assert_eq!(instance.certificate_url("root-1"), "http://127.0.0.1:8080/ca/root-1.crt");
        assert_eq!(instance.crl_url("root-1"), "http://127.0.0.1:8080/crl/root-1.crl");
        assert_eq!(url("https://pki.gov.hk/iam").unwrap().crl_url("servers-2"), "https://pki.gov.hk/iam/crl/servers-2.crl");
    }

    #[test]
    fn what_cannot_stand_in_a_certificate_is_refused() {
        for bad in [
            "",
            "pki.gov.hk",
            "ftp://pki.gov.hk",
            "http://",
            "http:///x",
            "http://a b",
            "http://a\n",
            "http://稅.hk",
            "http://a?b",
            "http://a#b",
            "http://a\"b",
        ] {
            assert!(url(bad).is_err(), "{bad:?}");
        }
        let long = "x".repeat(41);
        for bad in ["", "a b", "a/b", "a\0b", "稅", &long] {
            assert!(Instance::new(bad, Environment::Sandbox, "http://a").is_err(), "{bad:?}");
        }
        assert!(Instance::new("0197f0a0-3c3b-7000-8000-0123456789ab", Environment::Production, "http://a").is_ok());
    }
}
