//! Keys that a party may not bring: of another party, in other hands, or revoked.

use domain::{CredentialLife, Finding};

use super::name::on_record;
use super::named::NamedCredential;
use crate::failure::Failure;
use crate::store::{BlockedKeyRow, CredentialRow, Read, StoreError};

/// What stands against a party's bringing this credential, as things are on record.
///
/// # Errors
/// When the database cannot be reached or a row is damaged.
pub(crate) async fn barred(
    read: &mut Read,
    rp: &str,
    known: &[CredentialRow],
    named: &NamedCredential,
) -> Result<Option<Finding>, StoreError> {
    let finding =
        |code, message: String, hint: &str| Finding { path: named.path.clone(), code, message, hint: Some(hint.to_owned()) };
    if let Some(thumbprint) = named.thumbprint.as_deref() {
        if let Some(holder) = read.key_holder(thumbprint).await?.filter(|holder| holder != rp) {
            return Ok(Some(finding("credential.key-of-another-party", of_another_party(&holder), A_KEY_OF_ITS_OWN)));
        }
        if let Some(blocked) = read.blocked_thumbprint(thumbprint).await? {
            return Ok(Some(finding("credential.key-known", in_other_hands(&blocked), "take it out, and make a new key")));
        }
    }
    let Some(row) = on_record(known, named) else { return Ok(None) };
    match row.life()? {
        CredentialLife::Revoked { at, .. } => {
            let message = format!("this is credential {} of the party, which was revoked at {}", row.id()?, at.people());
            Ok(Some(finding("credential.revoked", message, "take it out: nothing brings a revoked credential back")))
        }
        CredentialLife::Active | CredentialLife::Superseded { .. } => Ok(None),
    }
}

/// The mend of a key that two would have.
pub(crate) const A_KEY_OF_ITS_OWN: &str = "make a key of its own for each party";

/// Of a key that is, or ever was, another party's: whoever holds it speaks for both.
pub(crate) fn of_another_party(holder: &str) -> String {
    format!("this key is on record at relying party {holder}")
}

/// Of a blocked key.
pub(crate) fn in_other_hands(blocked: &BlockedKeyRow) -> String {
    let at = domain::Timestamp::from_micros(blocked.at).people();
    format!("the private half of this key is in other hands: it is blocked since {at}")
}

/// Refuses the key of a certificate request when it is blocked.
///
/// # Errors
/// `csr.key-blocked`, or what the database says.
pub(crate) async fn refuse_blocked(read: &mut Read, thumbprint: &str) -> Result<(), Failure> {
    match read.blocked_thumbprint(thumbprint).await? {
        Some(blocked) => {
            let message = format!("{}; make a new key and a new request", in_other_hands(&blocked));
            Err(Failure::invalid_field("csr.key-blocked", "csr", message))
        }
        None => Ok(()),
    }
}
