//! Credentials of relying parties: several at once, so that an old and a new one overlap; revoked one by one; and what is done when
//! a private key has leaked.

use domain::{
    CredentialId, CredentialSource, CredentialState, CredentialType, HolderKind, RelyingPartyId, RevocationReason, Serial,
    ServiceSlug, Timestamp,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::audit::AuditView;
use crate::key::Revoked;
use crate::{Effect, Operation, Page, Role, Severity, page::PageRequest};

/// Let a relying party be known by another key, certificate, key set address or shared secret, beside those it has.
///
/// Exactly one of `jwks`, `jwks_url`, `certificate` and `secret_of` is given. What is added so is not touched by 'rp apply', which
/// rules over what its manifest lists; a manifest that lists it, too, takes it over.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AddCredential {
    /// Whose.
    pub rp: RelyingPartyId,
    /// A key set by value; every key in it is added.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "domain::distinct::field")]
    pub jwks: Option<serde_json::Value>,
    /// The address of a key set, read at once and again and again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub jwks_url: Option<String>,
    /// A certificate, PEM: the party is known by exactly this one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// The service that a shared secret is made for; the secret is in the reply, once. For clients of plain OpenID Connect.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_of: Option<ServiceSlug>,
    /// What it is called among people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// Last moment, where it is to end earlier than a certificate does by itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_after: Option<Timestamp>,
}

impl Operation for AddCredential {
    const NAME: &'static str = "rp.credential.add";
    const ROLES: &'static [Role] = &[Role::RpOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Moderate);
    type Reply = Vec<CredentialAdded>;

    fn subject(&self) -> String {
        self.rp.to_string()
    }

    fn without_secrets(reply: Vec<CredentialAdded>) -> Vec<CredentialAdded> {
        let shown_once = |added: CredentialAdded| match added.secret {
            None => added,
            Some(_) => CredentialAdded {
                secret: None,
                note: Some(
                    "the secret is shown once; 'rp credential add' makes another, 'rp credential revoke' ends this one".into(),
                ),
                ..added
            },
        };
        reply.into_iter().map(shown_once).collect()
    }
}

/// What became of one credential that was given.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialAdded {
    /// What happened.
    pub change: CredentialChange,
    /// How it stands now.
    #[serde(flatten)]
    pub credential: CredentialView,
    /// The shared secret; null when the reply is a repetition or of a dry run, and of every other credential.
    #[serde(default)]
    pub secret: Option<String>,
    /// Why the secret is not there, when it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// What an addition did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum CredentialChange {
    /// It is new, or active again.
    Added,
    /// It was there; what is said about it is new.
    Updated,
    /// It was there.
    Unchanged,
}

/// A credential, whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialView {
    /// Id.
    pub id: CredentialId,
    /// Whose.
    pub rp: RelyingPartyId,
    /// What it is.
    pub kind: CredentialType,
    /// What became of it.
    pub state: CredentialState,
    /// Who names it: as long as they do, it is active.
    pub source: CredentialSource,
    /// What it is called among people.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// RFC 7638 thumbprint of its key; an address has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub thumbprint: Option<String>,
    /// The name that the party gave the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kid: Option<String>,
    /// Serial of a certificate that this platform issued.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub serial: Option<String>,
    /// The service whose shared secret it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub service: Option<ServiceSlug>,
    /// The credential under whose address the key was found.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub under: Option<CredentialId>,
    /// First moment, where it has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub not_before: Option<Timestamp>,
    /// Last moment, where it has one.
    pub not_after: Option<Timestamp>,
    /// Whole days until then: 0 on the last one, negative afterwards.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub days_left: Option<i64>,
    /// When it came.
    pub created_at: Timestamp,
    /// When it was last used, to a few minutes.
    pub last_used_at: Option<Timestamp>,
    /// Since when its source no longer names it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub superseded_at: Option<Timestamp>,
    /// When and why it was revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked: Option<Revoked>,
    /// How reading its address goes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address: Option<AddressView>,
}

/// How reading a key set from its address goes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressView {
    /// The address.
    pub url: String,
    /// When the copy in use was fetched; absent before the first.
    pub fetched_at: Option<Timestamp>,
    /// When it is read again.
    pub next_at: Timestamp,
    /// What is wrong with the newest copy; the one before it stays in use.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<AddressFaultView>,
}

/// What is wrong with the newest copy of a key set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct AddressFaultView {
    /// Stable code.
    pub code: String,
    /// In words.
    pub message: String,
    /// Since when no copy was good.
    pub since: Timestamp,
}

/// List the credentials of relying parties, by party and age.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListCredentials {
    /// Only this party's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rp: Option<RelyingPartyId>,
    /// Only this state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<CredentialState>,
    /// Which part of the list.
    #[serde(flatten)]
    pub page: PageRequest,
}

impl Operation for ListCredentials {
    const NAME: &'static str = "rp.credential.list";
    const ROLES: &'static [Role] = crate::relying_party::READERS;
    const EFFECT: Effect = Effect::Read;
    type Reply = Page<CredentialView>;
}

/// Withdraw a credential for good: from this moment nobody logs in with it. With an address go all keys under it; for the reason
/// key-compromise, the key is blocked everywhere, too.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeCredential {
    /// Which.
    pub credential: CredentialId,
    /// Why.
    pub reason: RevocationReason,
}

impl Operation for RevokeCredential {
    const NAME: &'static str = "rp.credential.revoke";
    const ROLES: &'static [Role] = &[Role::RpOfficer, Role::KeyOfficer];
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = CredentialRevocation;

    fn subject(&self) -> String {
        self.credential.to_string()
    }
}

/// What a revocation did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CredentialRevocation {
    /// The credential as it stands now.
    #[serde(flatten)]
    pub credential: CredentialView,
    /// It was revoked for this reason before and stays as it is.
    #[serde(default)]
    pub already: bool,
    /// Keys under its address that went with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub with_it: Vec<CredentialId>,
    /// Thumbprints of keys that are blocked everywhere from now on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub blocked: Vec<String>,
    /// How many active credentials the party has left; with none it cannot log anybody in.
    pub left: u32,
}

/// Take in that a private key is in other hands: its credentials are revoked at once, its public half is blocked everywhere, and
/// what it can have touched is listed.
///
/// Exactly one of `credential` and `public_keys` is given. A private key is never sent: its public half says which key it is.
/// Of a person's key, an operator's among them, that is enough only for whoever may revoke certificates; the platform's own keys
/// are replaced, and not stopped so.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportLeak {
    /// The credential whose key has leaked; of an address, every key under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credential: Option<CredentialId>,
    /// Public keys, PEM, one block each, at most 20.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub public_keys: Vec<String>,
    /// Where it was found, by whom; kept with the blocked key and in the audit log. Never personal data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
    /// From when on it may have been in other hands; since it came when absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Timestamp>,
}

impl Operation for ReportLeak {
    const NAME: &'static str = "rp.credential.leaked";
    // Stopping protects: whoever is on duty at three in the morning may do it, an agent alone may not stop a whole party.
    const ROLES: &'static [Role] = &[Role::RpOfficer, Role::KeyOfficer, Role::HotlineSupervisor];
    const EFFECT: Effect = Effect::Write(Severity::Severe);
    type Reply = LeakReport;

    fn subject(&self) -> String {
        self.credential.map(|credential| credential.to_string()).unwrap_or_default()
    }
}

/// What was done about a leaked key, and what it can have touched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeakReport {
    /// The keys, blocked everywhere.
    pub keys: Vec<LeakedKey>,
    /// Their credentials, revoked.
    pub credentials: Vec<CredentialView>,
    /// Whose they are.
    pub parties: Vec<LeakedParty>,
    /// Certificates of ours over one of the keys, whosever they are.
    pub certificates: Vec<LeakedCertificate>,
    /// From when on it may have been in other hands: what follows is counted from there.
    pub since: Timestamp,
    /// Entries of the audit log about the parties, the credentials and the keys since then, newest first; at most 100.
    pub audit: Vec<AuditView>,
    /// How many such entries there are.
    pub audit_entries: usize,
}

/// A leaked key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeakedKey {
    /// RFC 7638 thumbprint.
    pub thumbprint: String,
    /// SHA-256 of its SubjectPublicKeyInfo, lower-case hex: as public lists of compromised keys name it.
    pub spki_sha256: String,
    /// Since when it is blocked.
    pub blocked_at: Timestamp,
}

/// A party whose key has leaked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeakedParty {
    /// Which.
    pub rp: RelyingPartyId,
    /// How many active credentials it has left; with none it cannot log anybody in.
    pub left: u32,
    /// Its services, and how often each was used since: completed uses, by whole days in Hong Kong.
    pub services: Vec<LeakedService>,
}

/// A service that a leaked key could speak for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeakedService {
    /// Id within the party.
    pub service: ServiceSlug,
    /// Uses.
    pub uses: u64,
}

/// A certificate of ours over a leaked key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct LeakedCertificate {
    /// Serial number.
    pub serial: Serial,
    /// Whose: the kind of holder.
    pub holder_kind: HolderKind,
    /// Whose.
    pub holder: String,
    /// Whether it is revoked now. The last administrator's is not, for nobody else could let anybody in.
    pub revoked: bool,
}
