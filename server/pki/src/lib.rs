//! What leaves this platform as DER, PEM or JOSE: keys, certificates, requests, the audit tree and its checkpoints.
//!
//! Invariant: this crate does no I/O: no store, no HTTP, no files. Cargo holds it: it depends on `domain` alone. What a maker's
//! PKCS#11 module does within `provider::pkcs11` is the module's own affair.
//! Invariant: it reads no clock; every rule that needs the time takes `now`.
//! Invariant: no certificate is signed before it passed the [`lint`]; only a [`PlannedCertificate`], which did, can be signed.
//! Invariant: no revocation list and no OCSP answer is signed before it passed a lint of its own ([`crl`], [`ocsp`]).
//! Invariant: secrets live in wiped memory and have no `Display`; their `Debug` shows at most a public id.

mod error;
#[cfg(test)]
mod forge_der;
mod instance;
mod moment;
#[cfg(test)]
mod office;
mod plan;
mod serial;
mod signer;
mod stamp;
mod text;
mod tlv;

pub mod audit_log;
pub mod authority;
pub mod backup;
pub mod certificate;
pub mod checkpoint;
pub mod crl;
pub mod csr;
pub mod envelope;
pub mod generate;
pub mod held;
pub mod jwk;
pub mod jws;
pub mod lint;
pub mod merkle;
pub mod ocsp;
pub mod party_key;
pub mod pkce;
pub mod profile;
pub mod provider;
pub mod succession;
pub mod time_stamp;

pub use authority::{Authority, AuthorityName, AuthorityPurpose};
pub use certificate::{Certificate, CertificateView};
pub use crl::{RevocationList, Revoked};
pub use csr::{CsrRefusal, CsrRequest, make_csr};
pub use error::PkiError;
pub use generate::{KeyKind, PrivateKey, PublicKey};
pub use instance::Instance;
pub use jwk::{Jwks, JwsAlgorithm, PublicJwk};
pub use jws::{TokenRefusal, TokenSigner, TokenType, VerifiedToken};
pub use plan::PlannedCertificate;
pub use provider::{Aad, BlindIndex, DataKey, DataKeySealer, KeyEncryptionKey, KeyRing, MacKey, SealingKey, Secret};
pub use signer::{SignatureScheme, Signer};
pub use stamp::{STAMP_OID, Stamp, stamp, stamp_of_der};
pub use text::hex;
