//! What a certificate may be and do, as data. One profile per kind; nothing a requester says changes it.

use std::time::Duration;

const DAY: Duration = Duration::from_secs(86_400);

/// The kind of certificate, its uses and its longest life.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// As `cert list` shows it.
    pub name: &'static str,
    /// Whether it may sign certificates.
    pub role: CertificateRole,
    /// Key usage, always critical (RFC 5280 section 4.2.1.3).
    pub key_usage: &'static [KeyUse],
    /// Extended key usage; none for a root.
    pub extended: Option<ExtendedUse>,
    /// Longest life. A certificate never outlives its issuer besides.
    pub lifetime: Duration,
}

/// Authority or end entity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CertificateRole {
    /// Signs certificates; at most this many further authorities may stand below it.
    Authority {
        /// RFC 5280 pathLenConstraint.
        path_length: u32,
    },
    /// Signs none.
    EndEntity,
}

/// The key usage bits we set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeyUse {
    /// TLS handshakes.
    DigitalSignature,
    /// Certificates.
    KeyCertSign,
    /// Revocation lists.
    CrlSign,
}

/// The extended key usages we set, one to a certificate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedUse {
    /// TLS client.
    ClientAuth,
    /// TLS server.
    ServerAuth,
}

/// The self-signed root of an instance.
pub const ROOT: Profile = Profile {
    name: "root-ca",
    role: CertificateRole::Authority { path_length: 1 },
    key_usage: &[KeyUse::KeyCertSign, KeyUse::CrlSign],
    extended: None,
    lifetime: DAY.saturating_mul(20 * 365),
};

/// The authority that issues to operators.
pub const OPERATORS_CA: Profile = Profile {
    name: "issuing-ca",
    role: CertificateRole::Authority { path_length: 0 },
    key_usage: &[KeyUse::KeyCertSign, KeyUse::CrlSign],
    // Held to one use, so that a stolen operators' key cannot make a server certificate.
    extended: Some(ExtendedUse::ClientAuth),
    lifetime: DAY.saturating_mul(5 * 365),
};

/// The authority that issues to the instance's own servers.
pub const SERVERS_CA: Profile = Profile { extended: Some(ExtendedUse::ServerAuth), ..OPERATORS_CA };

/// An operator's client certificate.
pub const OPERATOR: Profile = Profile {
    name: "operator",
    role: CertificateRole::EndEntity,
    key_usage: &[KeyUse::DigitalSignature],
    extended: Some(ExtendedUse::ClientAuth),
    lifetime: DAY.saturating_mul(365),
};

/// A listener's server certificate.
pub const SERVER: Profile = Profile { name: "server", extended: Some(ExtendedUse::ServerAuth), ..OPERATOR };
