//! Certificates that this platform issues: the inventory, issuing to relying parties, renewal, revocation.

use domain::{CertificateState, HolderKind, RelyingPartyId, RevocationReason, Serial, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

const READERS: &[Role] = &[Role::KeyOfficer, Role::Administrator, Role::RpOfficer, Role::Auditor];

/// List certificates in the order in which they end.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCertificates {
    /// Only holders of this kind.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder_kind: Option<HolderKind>,
    /// Only this holder: an operator, a relying party, an account, a key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// Only this authority's, e.g. `relying-parties-1`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub issuer: Option<String>,
    /// Only this profile.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub profile: Option<String>,
    /// Only this state. Serials that are only planned are shown when they are asked for, and not otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CertificateState>,
    /// Only what ends within this many days from now.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_within_days: Option<u32>,
    /// Only what has not ended yet, whether it is good or not.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub not_ended: bool,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListCertificates {
    const NAME: &'static str = "cert.list";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<CertificateView>;
}

/// A certificate of this platform.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateView {
    /// Serial number, lower-case hex; `00` where a dry run gave none.
    pub serial: Serial,
    /// What it may be used for.
    pub profile: String,
    /// Distinguished name.
    pub subject: String,
    /// The authority, by NAME: `relying-parties-1`.
    pub issuer: String,
    /// Kind of holder.
    pub holder_kind: HolderKind,
    /// Whose it is.
    pub holder: String,
    /// How it stands.
    pub state: CertificateState,
    /// First moment.
    pub not_before: Timestamp,
    /// Last moment.
    pub not_after: Timestamp,
    /// Whole days until then; negative when it has passed.
    pub days_left: i64,
    /// Since when it is revoked or on hold.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_reason: Option<RevocationReason>,
}

/// Show one certificate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ShowCertificate {
    /// Which.
    pub serial: Serial,
}

impl Operation for ShowCertificate {
    const NAME: &'static str = "cert.show";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = CertificateDetail;

    fn subject(&self) -> String {
        self.serial.to_string()
    }
}

/// A certificate with its chain and what depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateDetail {
    /// The certificate.
    #[serde(flatten)]
    pub certificate: CertificateView,
    /// PEM; none while it is only planned.
    pub pem: Option<String>,
    /// Its issuers up to the root, PEM.
    pub chain: Vec<String>,
    /// RFC 7638 thumbprint of its key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// SHA-256 over its DER, lower-case hex: what other tools call its fingerprint.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<String>,
    /// When its record was made.
    pub planned_at: Timestamp,
    /// What stops when it ends, in words.
    pub depends: Vec<String>,
    /// What is to be done next, and by when.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}

/// Issue a client certificate to a relying party. Its subject and uses come from our records, never from the request.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IssueCertificate {
    /// To whom.
    pub rp: RelyingPartyId,
    /// The certificate signing request: one PEM block, or the base64 of its DER.
    pub csr: String,
    /// A shorter life than the profile's, seconds; a longer one is refused, and on a production instance one below an hour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<u64>,
}

impl Operation for IssueCertificate {
    const NAME: &'static str = "cert.issue";
    const ROLES: &'static [Role] = &[Role::KeyOfficer, Role::RpOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = IssuedCertificate;

    fn subject(&self) -> String {
        self.rp.to_string()
    }
}

/// A certificate that was just issued.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IssuedCertificate {
    /// The certificate.
    #[serde(flatten)]
    pub certificate: CertificateView,
    /// PEM; none in a dry run, which signs nothing.
    pub pem: Option<String>,
    /// Its issuers up to the root, PEM.
    pub chain: Vec<String>,
    /// What the request asked for and did not get.
    pub ignored: Vec<String>,
}

/// Issue a certificate in the place of one that ends. The old one stays good until its own end.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RenewCertificate {
    /// The certificate that ends.
    pub serial: Serial,
    /// A request with a new key; the old key is certified again when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
    /// A shorter life than the profile's, seconds; as with [`IssueCertificate`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub validity: Option<u64>,
}

impl Operation for RenewCertificate {
    const NAME: &'static str = "cert.renew";
    const ROLES: &'static [Role] = &[Role::KeyOfficer, Role::RpOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Mild);
    type Reply = IssuedCertificate;

    fn subject(&self) -> String {
        self.serial.to_string()
    }
}

/// Revoke a certificate, from this moment and for good. Again for the same reason, it stays as it is.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeCertificate {
    /// Which.
    pub serial: Serial,
    /// Why.
    pub reason: RevocationReason,
}

impl Operation for RevokeCertificate {
    const NAME: &'static str = "cert.revoke";
    const ROLES: &'static [Role] = &[Role::KeyOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = CertificateRevocation;

    fn subject(&self) -> String {
        self.serial.to_string()
    }
}

/// What a revocation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CertificateRevocation {
    /// The certificate as it stands now.
    #[serde(flatten)]
    pub certificate: CertificateView,
    /// It was revoked for this reason before: nothing was changed.
    #[serde(default)]
    pub already: bool,
}

/// Look over the inventory, or certificates as others hold them.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CheckCertificates {
    /// These certificates, PEM, at most 20; every one of ours that is in use when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pem: Option<String>,
    /// What ends within this many days counts as a finding; 30 when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ends_within_days: Option<u32>,
}

impl Operation for CheckCertificates {
    const NAME: &'static str = "cert.check";
    const ROLES: &'static [Role] = READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Vec<CheckedCertificate>;
}

/// What is to be said of a certificate.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CheckedCertificate {
    /// Serial number, lower-case hex.
    pub serial: Serial,
    /// Distinguished name.
    pub subject: String,
    /// Whose it is, as far as it is known here.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub holder: Option<String>,
    /// How it stands; none when it is not one of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CertificateState>,
    /// Last moment.
    pub not_after: Timestamp,
    /// Whole days until then.
    pub days_left: i64,
    /// Whether nothing is wrong with it.
    pub ok: bool,
    /// What is wrong, in words.
    pub findings: Vec<String>,
}
