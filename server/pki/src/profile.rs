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
    /// Extended key usage; none for a root. Critical where it says time-stamping and nothing else (RFC 3161 section 2.3).
    pub extended: &'static [ExtendedUse],
    /// Certificate policies (RFC 5280 section 4.2.1.4), dotted; under the arc of [`crate::STAMP_OID`].
    pub policies: &'static [&'static str],
    /// How others learn that it is revoked.
    pub status: Status,
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
    /// TLS handshakes, OCSP answers, time stamps, request signatures.
    DigitalSignature,
    /// Documents that a citizen signs: `nonRepudiation`, since X.509 (2008) also `contentCommitment`.
    NonRepudiation,
    /// Certificates.
    KeyCertSign,
    /// Revocation lists.
    CrlSign,
}

/// The extended key usages we set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExtendedUse {
    /// TLS client.
    ClientAuth,
    /// TLS server.
    ServerAuth,
    /// Signing of documents (RFC 9336).
    DocumentSigning,
    /// Answers about revocation (RFC 6960 section 4.2.2.2).
    OcspSigning,
    /// Time stamps (RFC 3161 section 2.3).
    TimeStamping,
}

/// How others learn that a certificate is revoked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It is nobody's business but its own: a root.
    Own,
    /// By the revocation list alone: its issuer is a root that is kept offline, and answers nobody.
    Listed,
    /// By the revocation list and by OCSP.
    Published,
    /// Not at all within its short life (`id-pkix-ocsp-nocheck`, RFC 6960 section 4.2.2.2.1).
    NotChecked,
}

impl Profile {
    /// Whether the extended key usage is critical.
    #[must_use]
    pub fn extended_is_critical(&self) -> bool {
        self.extended == [ExtendedUse::TimeStamping] && self.role == CertificateRole::EndEntity
    }

    /// The profile of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        ALL.iter().copied().find(|profile| profile.name == name)
    }
}

/// Every kind that is not an issuing authority has a name of its own; the issuing authorities share one.
pub const ALL: &[&Profile] =
    &[&ROOT, &ISSUING_CA, &OPERATOR, &SERVER, &RELYING_PARTY, &STATION, &CITIZEN_SIGNING, &OCSP_RESPONDER, &TIME_STAMPING];

/// The self-signed root of an instance.
pub const ROOT: Profile = Profile {
    name: "root-ca",
    role: CertificateRole::Authority { path_length: 1 },
    key_usage: &[KeyUse::KeyCertSign, KeyUse::CrlSign],
    extended: &[],
    policies: &[],
    status: Status::Own,
    lifetime: DAY.saturating_mul(20 * 365),
};

/// An issuing authority. As it stands here it issues client certificates; those that issue others differ in their uses.
pub const ISSUING_CA: Profile = Profile {
    name: "issuing-ca",
    role: CertificateRole::Authority { path_length: 0 },
    key_usage: &[KeyUse::KeyCertSign, KeyUse::CrlSign],
    // Held to its use, so that its key, stolen, cannot make a server certificate; OCSP signing, because what it issues is answered
    // for by a responder that it certifies (RFC 6960 section 4.2.2.2).
    extended: &[ExtendedUse::ClientAuth, ExtendedUse::OcspSigning],
    policies: &[ANY_POLICY],
    status: Status::Listed,
    lifetime: DAY.saturating_mul(5 * 365),
};

/// The authority that issues to operators.
pub const OPERATORS_CA: Profile = ISSUING_CA;

/// The authority that issues to the instance's own servers.
pub const SERVERS_CA: Profile = Profile { extended: &[ExtendedUse::ServerAuth, ExtendedUse::OcspSigning], ..ISSUING_CA };

/// The authority that issues to relying parties.
pub const RELYING_PARTIES_CA: Profile = ISSUING_CA;

/// The authority that issues signing certificates to citizens.
pub const CITIZENS_CA: Profile = Profile {
    extended: &[ExtendedUse::DocumentSigning, ExtendedUse::OcspSigning],
    // Longer than the three years of what it issues, by as much as it issues for.
    lifetime: DAY.saturating_mul(8 * 365),
    ..ISSUING_CA
};

/// The authority that issues to the time-stamping service.
pub const TIME_STAMPING_CA: Profile = Profile {
    extended: &[ExtendedUse::TimeStamping, ExtendedUse::OcspSigning],
    lifetime: DAY.saturating_mul(15 * 365),
    ..ISSUING_CA
};

/// An operator's client certificate.
pub const OPERATOR: Profile = Profile {
    name: "operator",
    role: CertificateRole::EndEntity,
    key_usage: &[KeyUse::DigitalSignature],
    extended: &[ExtendedUse::ClientAuth],
    policies: &["2.25.212974603.2.1"],
    status: Status::Published,
    lifetime: DAY.saturating_mul(365),
};

/// A listener's server certificate.
pub const SERVER: Profile =
    Profile { name: "server", extended: &[ExtendedUse::ServerAuth], policies: &["2.25.212974603.2.2"], ..OPERATOR };

/// A relying party's certificate: it authenticates to the public listener and signs requests with it.
pub const RELYING_PARTY: Profile = Profile { name: "relying-party", policies: &["2.25.212974603.2.3"], ..OPERATOR };

/// The certificate of a station of the registration service: it authenticates to the public listener, as itself and as no party.
pub const STATION: Profile = Profile { name: "station", policies: &["2.25.212974603.2.7"], ..OPERATOR };

/// A citizen's signing certificate (`iam-smart-plus`; Electronic Transactions Ordinance, Cap. 553).
pub const CITIZEN_SIGNING: Profile = Profile {
    name: "citizen-signing",
    key_usage: &[KeyUse::NonRepudiation],
    extended: &[ExtendedUse::DocumentSigning],
    policies: &["2.25.212974603.2.4"],
    lifetime: DAY.saturating_mul(3 * 365),
    ..OPERATOR
};

/// A responder that answers for the authority that issued its certificate.
pub const OCSP_RESPONDER: Profile = Profile {
    name: "ocsp-responder",
    extended: &[ExtendedUse::OcspSigning],
    policies: &["2.25.212974603.2.5"],
    status: Status::NotChecked,
    // Nobody asks whether it is revoked, so its life is short.
    lifetime: DAY.saturating_mul(90),
    ..OPERATOR
};

/// The time-stamping service.
pub const TIME_STAMPING: Profile = Profile {
    name: "time-stamping",
    extended: &[ExtendedUse::TimeStamping],
    policies: &["2.25.212974603.2.6"],
    // A stamp is good as long as its certificate: far longer than the key stamps (`rotation`, one year).
    lifetime: DAY.saturating_mul(10 * 365),
    ..OPERATOR
};

const ANY_POLICY: &str = "2.5.29.32.0";
