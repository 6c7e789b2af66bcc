//! A signing request as it comes over the wire, and the life that is asked for.

use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{Environment, Holder, Refusal, Timestamp};
use pki::csr::LARGEST_CSR;
use pki::profile::Profile;
use pki::{CsrRefusal, CsrRequest, PlannedCertificate};

use crate::app::App;
use crate::credential::barred::refuse_blocked;
use crate::credential::issued::check_key_is_theirs;
use crate::failure::Failure;
use crate::store::{Read, Write};

/// On production nobody can use a certificate that ends while it is being installed.
const SHORTEST: Duration = Duration::from_hours(1);

/// Reads a request, PEM or the base64 of its DER, by every rule there is for one.
///
/// # Errors
/// By the rule's own code (`csr.…`); nothing was attempted.
pub fn read_csr(text: &str) -> Result<CsrRequest, Failure> {
    let read = if text.contains("-----BEGIN ") || text.len() > 2 * LARGEST_CSR {
        CsrRequest::parse(text.as_bytes())
    } else {
        let der: String = text.split_ascii_whitespace().collect();
        // What is neither is refused as what it is by the parser itself.
        CsrRequest::parse(&BASE64_STANDARD.decode(der).unwrap_or_else(|_| text.as_bytes().to_vec()))
    };
    read.map_err(refused)
}

fn refused(refusal: CsrRefusal) -> Failure {
    let advice = refusal.hint.map(|hint| format!("; {hint}")).unwrap_or_default();
    Failure::invalid_field(refusal.code, "csr", refusal.message + &advice)
}

/// The RFC 7638 thumbprint of a request's key.
pub fn key_id(csr: &CsrRequest) -> Result<String, Failure> {
    Ok(csr.public_key().thumbprint().map_err(anyhow::Error::from)?)
}

/// One key, given by its thumbprint, is one holder's: whoever holds two certificates over one key could answer as either. A blocked key is nobody's, and one
/// that something was said against is not certified again, whichever verb asks.
///
/// # Errors
/// `cert.key-in-use`, `cert.key-revoked`, `credential.key-of-another-party`, `csr.key-blocked`.
pub async fn check_key_is_free(read: &mut Read, key_id: &str, holder: &Holder) -> Result<(), Failure> {
    refuse_blocked(read, key_id).await?;
    for row in read.certificates_over(key_id).await? {
        if row.holder()? != *holder {
            return Err(in_use("this key is certified for somebody else").into());
        }
        // What was planned and never became a certificate says nothing about its key.
        if row.der.is_some() {
            row.standing()?.certify_again()?;
        }
    }
    if let Holder::RelyingParty(party) = holder {
        return check_key_is_theirs(read, party, key_id).await;
    }
    match read.key_holder(key_id).await? {
        Some(_) => Err(in_use("this key is on record for somebody else").into()),
        None => Ok(()),
    }
}

fn in_use(message: &str) -> Refusal {
    Refusal::new("cert.key-in-use", message).hint("make a new key and a new request")
}

/// The same in the transaction that makes a certificate good. It was asked before the certificate was on record, and whoever has
/// blocked the key since, or blocks it now, comes before this transaction or after it.
///
/// # Errors
/// As [`check_key_is_free`].
pub async fn keep_key_free(tx: &mut Write, key_id: &str, holder: &Holder) -> Result<(), Failure> {
    if let Holder::RelyingParty(_) = holder {
        // The register before the key, as everywhere: the certificate becomes a credential.
        tx.hold_relying_parties().await?;
    }
    tx.hold_key(key_id).await?;
    check_key_is_free(tx, key_id, holder).await
}

/// The shorter life that was asked for.
///
/// # Errors
/// `cert.validity` for one that is too short to be of use, or longer than the profile's.
pub fn life(app: &App, profile: &Profile, seconds: Option<u64>) -> Result<Option<Duration>, Failure> {
    let Some(life) = seconds.map(Duration::from_secs) else { return Ok(None) };
    let shortest = match app.environment {
        Environment::Production => SHORTEST,
        Environment::Sandbox => Duration::from_secs(1),
    };
    let unfit = |message: String| Err(Failure::invalid_field("cert.validity", "validity", message));
    if life < shortest {
        return unfit(format!("a certificate is good for {} s at least", shortest.as_secs()));
    }
    if life > profile.lifetime {
        let days = profile.lifetime.as_secs() / 86_400;
        return unfit(format!("a certificate of profile {} is good for {days} days at most", profile.name));
    }
    Ok(Some(life))
}

/// What is said where a certificate ends with its issuer, earlier than was asked for.
pub fn cut_short(planned: &PlannedCertificate, life: Option<Duration>, now: Timestamp) -> Option<String> {
    let (view, wanted) = (planned.view(), life?);
    // Certificates have whole seconds.
    let cut = view.not_after < now.plus(wanted).minus(Duration::from_secs(1));
    cut.then(|| format!("a life of {} s: {} ends at {} itself", wanted.as_secs(), view.issuer, view.not_after.people()))
}
