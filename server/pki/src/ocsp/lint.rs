//! Rules that every answer keeps before it is signed. Each has a name and the paragraph it comes from.

use std::time::Duration;

use der::Decode;
use der::oid::AssociatedOid;
use x509_cert::ext::Extension;
use x509_cert::ext::pkix::CrlReason;
use x509_ocsp::{CertStatus, OcspGeneralizedTime, ResponderId, ResponseData, SingleResponse};

use super::cert_id::IssuerIds;
use super::nonce::Nonce;
use crate::lint::{Finding, RuleOf, broken, require};
use crate::moment;
use domain::Timestamp;

/// How old the knowledge in an answer may be at most when it is signed.
pub const OLDEST_UPDATE: Duration = Duration::from_secs(3_600);

/// The clock of the node that revoked may be a little ahead of the one that answers.
const AHEAD: Duration = Duration::from_secs(5 * 60);

/// What an answer is held against.
pub(super) struct Bounds<'a> {
    /// The authority that the responder answers for.
    pub(super) issuer: &'a IssuerIds,
    /// SHA-1 of the responder's key.
    pub(super) key_hash: &'a [u8; 20],
    /// First and last moment of the responder's certificate.
    pub(super) validity: [Timestamp; 2],
}

struct Linted<'a> {
    data: ResponseData,
    bounds: &'a Bounds<'a>,
}

type Rule = RuleOf<fn(&Linted<'_>) -> Result<(), String>>;

static RULES: &[Rule] = &[
    Rule { name: "responder-id", source: "RFC 6960 section 4.2.2.3", check: responder_id },
    Rule { name: "responder-validity", source: "RFC 6960 section 4.2.2.2", check: responder_validity },
    Rule { name: "certificates", source: "RFC 6960 section 4.2.1", check: certificates },
    Rule { name: "issuer", source: "RFC 6960 section 4.2.2.2", check: issuer },
    Rule { name: "this-update", source: "RFC 6960 section 4.2.2.1", check: this_update },
    Rule { name: "this-update-age", source: "an hour at most, public interface of this platform", check: this_update_age },
    Rule { name: "next-update", source: "RFC 6960 section 4.2.2.1", check: next_update },
    Rule { name: "revocation-time", source: "RFC 6960 section 4.2.1", check: revocation_time },
    Rule { name: "reason", source: "RFC 5280 section 5.3.1", check: reason },
    Rule { name: "extensions-known", source: "RFC 6960 section 4.4", check: extensions_known },
    Rule { name: "nonce", source: "RFC 9654 section 2.1", check: nonce },
];

/// Every rule that the answer breaks. `tbs` is its ResponseData, DER.
pub(super) fn lint(tbs: &[u8], bounds: &Bounds<'_>) -> Vec<Finding> {
    match ResponseData::from_der(tbs) {
        Ok(data) => {
            let linted = Linted { data, bounds };
            broken(RULES, |check| check(&linted))
        }
        Err(fault) => {
            let found = format!("not the DER of an answer: {fault}");
            vec![Finding { rule: "well-formed", source: "RFC 6960 section 4.2.1", found }]
        }
    }
}

impl Linted<'_> {
    fn produced_at(&self) -> Timestamp {
        moment(&self.data.produced_at)
    }

    fn each(&self, check: impl Fn(&SingleResponse) -> Result<(), String>) -> Result<(), String> {
        self.data.responses.iter().try_for_each(check)
    }

    fn extensions(&self) -> &[Extension] {
        self.data.response_extensions.as_deref().unwrap_or_default()
    }
}

fn moment(time: &OcspGeneralizedTime) -> Timestamp {
    moment::timestamp(time.0.to_date_time())
}

fn responder_id(linted: &Linted<'_>) -> Result<(), String> {
    match &linted.data.responder_id {
        ResponderId::ByKey(hash) => {
            require(hash.as_bytes() == linted.bounds.key_hash, "it is not the hash of the responder's key")
        }
        ResponderId::ByName(_) => Err("it is a name".to_owned()),
    }
}

fn responder_validity(linted: &Linted<'_>) -> Result<(), String> {
    let [first, last] = linted.bounds.validity;
    require(first <= linted.produced_at(), "the responder's certificate is not valid yet")?;
    require(linted.produced_at() <= last, "the responder's certificate has expired")
}

fn certificates(linted: &Linted<'_>) -> Result<(), String> {
    require(!linted.data.responses.is_empty(), "it is about no certificate")
}

fn issuer(linted: &Linted<'_>) -> Result<(), String> {
    linted.each(|single| {
        require(linted.bounds.issuer.covers_syntax(&single.cert_id), "a certificate is of another issuer than the responder's")
    })
}

fn this_update(linted: &Linted<'_>) -> Result<(), String> {
    linted.each(|single| require(moment(&single.this_update) <= linted.produced_at(), "it is in the future"))
}

fn this_update_age(linted: &Linted<'_>) -> Result<(), String> {
    linted.each(|single| {
        let age = linted.produced_at().saturating_since(moment(&single.this_update));
        require(age <= OLDEST_UPDATE, "it is more than an hour old")
    })
}

fn next_update(linted: &Linted<'_>) -> Result<(), String> {
    let [_, last] = linted.bounds.validity;
    linted.each(|single| {
        let next = moment(single.next_update.as_ref().ok_or("it is missing")?);
        require(next > moment(&single.this_update), "it is not after this update")?;
        require(next > linted.produced_at(), "it has passed already")?;
        require(next <= last, "it is after the end of the responder's certificate")
    })
}

fn revocation_time(linted: &Linted<'_>) -> Result<(), String> {
    linted.each(|single| match &single.cert_status {
        CertStatus::Revoked(info) => {
            require(moment(&info.revocation_time) <= linted.produced_at().plus(AHEAD), "it is in the future")
        }
        CertStatus::Good(_) | CertStatus::Unknown(_) => Ok(()),
    })
}

fn reason(linted: &Linted<'_>) -> Result<(), String> {
    linted.each(|single| match &single.cert_status {
        CertStatus::Revoked(info) => match info.revocation_reason {
            Some(CrlReason::Unspecified) => Err("an unspecified reason is left out".to_owned()),
            // Only a delta list says so.
            Some(CrlReason::RemoveFromCRL) => Err("removeFromCRL in an answer".to_owned()),
            _ => Ok(()),
        },
        CertStatus::Good(_) | CertStatus::Unknown(_) => Ok(()),
    })
}

fn extensions_known(linted: &Linted<'_>) -> Result<(), String> {
    linted.each(|single| require(single.single_extensions.is_none(), "a certificate has extensions of its own"))?;
    for extension in linted.extensions() {
        require(extension.extn_id == x509_ocsp::ext::Nonce::OID, format!("{} is there", extension.extn_id))?;
        require(!extension.critical, format!("{} is critical", extension.extn_id))?;
    }
    Ok(())
}

fn nonce(linted: &Linted<'_>) -> Result<(), String> {
    let is_nonce = |extension: &&Extension| extension.extn_id == x509_ocsp::ext::Nonce::OID;
    let mut nonces = linted.extensions().iter().filter(is_nonce);
    let Some(only) = nonces.next() else { return Ok(()) };
    require(nonces.next().is_none(), "it stands there twice")?;
    require(Nonce::of_extension(only.extn_value.as_bytes()).is_some(), "it has not 1 to 128 bytes")
}

#[cfg(test)]
mod tests;
