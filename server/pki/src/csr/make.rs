//! A request for one's own key.

use openssl::hash::MessageDigest;
use openssl::nid::Nid;
use openssl::x509::{X509NameBuilder, X509ReqBuilder};

use crate::error::{Doing, PkiError};
use crate::generate::{PrivateKey, digest_for};

/// Makes a request for one's own key, PEM. The common name, at most 64 characters, is a courtesy: the issuer takes the
/// name out of its own records.
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
