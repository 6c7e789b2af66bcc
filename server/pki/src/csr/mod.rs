//! PKCS#10 requests (RFC 2986): read with suspicion, refused by name.
//!
//! Invariant: of a request only the key is ever used. Subject, names and uses come from our records.
//! Invariant: every rule is bounded: by the size of the request first, then by the size of the key.

mod armour;
mod asked;
mod known_keys;
mod make;
mod names;
mod public_key;
mod refusal;
mod rsa;
mod structure;

use openssl::x509::X509Req;

use crate::error::is_good;
use crate::generate::{PublicKey, is_ecdsa};
use crate::profile::Profile;

pub use make::make_csr;
pub(crate) use public_key::check_kind;
pub use refusal::CsrRefusal;

use asked::Asked;
use refusal::refuse;
use structure::Structure;

/// Larger requests are not looked at.
pub const LARGEST_CSR: usize = 64 * 1024;

/// A request that passed every rule.
#[derive(Clone, Debug)]
pub struct CsrRequest {
    der: Vec<u8>,
    public_key: PublicKey,
    asked: Asked,
}

impl CsrRequest {
    /// Reads one PEM block or DER, of a key that nobody else can know and that the sender holds.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsrRefusal> {
        if bytes.len() > LARGEST_CSR {
            return Err(refuse(
                "csr.too-large",
                format!("the request has {} bytes, at most {LARGEST_CSR} are read", bytes.len()),
            ));
        }
        let der = armour::opened(bytes)?;
        let structure = Structure::read(&der)?;
        let public_key = public_key::checked(&structure.public_key)?;
        public_key::check_signature_hash(&structure.signature_algorithm)?;
        let request = Self { asked: Asked::read(&structure)?, public_key, der: der.to_vec() };
        check_possession(&structure, &request)?;
        // The dear rules last: only for one who holds the key.
        rsa::check_factors(&request.public_key)?;
        check_not_printed(&request.public_key)?;
        Ok(request)
    }

    /// The request alone, without whatever stood around it.
    pub fn der(&self) -> &[u8] {
        &self.der
    }

    /// The key to certify.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// Refuses a key that is on a list; `is_blocked` is given the SHA-256 of its SubjectPublicKeyInfo.
    pub fn check_not_blocked(&self, is_blocked: impl FnOnce(&[u8; 32]) -> bool) -> Result<(), CsrRefusal> {
        if is_blocked(&self.public_key.spki_digest()) {
            let refusal = refuse("csr.key-blocked", "this key is known to others or was revoked for compromise");
            return Err(refusal.mend("make a new key and a new request"));
        }
        Ok(())
    }

    /// What the request asks for and a certificate of this profile and common name does not give, for the reply.
    pub fn ignored(&self, profile: &Profile, common_name: &str) -> Vec<String> {
        self.asked.beyond(profile, common_name)
    }
}

/// Refuses a bare public key by the rules that a request's key is held to. Its code is one of `csr.key-type`, `csr.curve`,
/// `csr.rsa-…` and `csr.key-blocked`.
pub fn check_key(key: &PublicKey) -> Result<(), CsrRefusal> {
    check_kind(key)?;
    rsa::check_factors(key)?;
    check_not_printed(key)
}

fn check_not_printed(key: &PublicKey) -> Result<(), CsrRefusal> {
    match known_keys::printed_in(&key.spki_digest()) {
        None => Ok(()),
        Some(place) => {
            let refusal = refuse("csr.key-blocked", format!("the private half of this key is printed for all to read: {place}"));
            Err(refusal.mend("make a new key, which nobody else has"))
        }
    }
}

fn check_possession(structure: &Structure<'_>, request: &CsrRequest) -> Result<(), CsrRefusal> {
    let key = request.public_key.pkey();
    let held = match (key.ec_key(), public_key::ecdsa_digest(structure), structure.signature.value) {
        // OpenSSL's own type for requests reads the key once more, which takes longer than to verify.
        (Ok(key), Some(digest), [0, signature @ ..]) => is_ecdsa(&key, &digest, signature),
        // One that cannot even be tried is e.g. ECDSA under an RSA key.
        _ => is_good(X509Req::from_der(&request.der).and_then(|request| request.verify(key))),
    };
    if held {
        return Ok(());
    }
    let refusal = refuse("csr.proof-of-possession", "the request is not signed by the key that it names");
    Err(refusal.mend("make the request again with the private key at hand"))
}

#[cfg(test)]
mod forge;
#[cfg(test)]
mod tests;
