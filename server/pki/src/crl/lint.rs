//! Rules that every revocation list keeps before it is signed. Each has a name and the paragraph it comes from.

use std::time::Duration;

use der::asn1::{BitStringRef, IntRef, OctetStringRef};
use der::{DateTime, Decode, Tag, TagNumber};
use x509_cert::ext::pkix::CrlReason;

use super::raw::{self, RawEntry, RawList};
use crate::certificate::Certificate;
use crate::lint::{Finding, RuleOf, broken, require, unreadable};
use crate::moment;
use crate::signer::SignatureScheme;
use crate::tlv::{Extension, RawCertificate, Tlv, dotted, oid};

/// How long a list may be good for at most.
pub const LONGEST_PERIOD: Duration = Duration::from_secs(7 * 86_400);

/// The clock of the node that revoked may be a little ahead of the one that lists.
const AHEAD: Duration = Duration::from_secs(5 * 60);

const WELL_FORMED: (&str, &str) = ("well-formed", "RFC 5280 section 5.1");

/// The key usage bit of revocation lists, in the first byte.
const CRL_SIGN: u8 = 0x02;

type Rule = RuleOf<fn(&Linted<'_>) -> Result<(), String>>;

/// A rule over each entry in its place.
type EntryRule = RuleOf<fn(&Placed<'_>) -> Result<(), String>>;

struct Linted<'a> {
    list: RawList<'a>,
    /// AlgorithmIdentifier that will stand outside the signed part.
    algorithm: &'a [u8],
    issuer: RawCertificate<'a>,
    /// AlgorithmIdentifier that the issuer's key signs by.
    issuers_algorithm: Vec<u8>,
}

/// An entry where it stands.
struct Placed<'a> {
    entry: &'a RawEntry<'a>,
    /// The serial number of the entry before it.
    last: Option<&'a [u8]>,
    /// Seconds since 1970 that no entry is dated after.
    latest: Duration,
}

static RULES: &[Rule] = &[
    Rule { name: "version-2", source: "RFC 5280 section 5.1.2.1", check: version },
    Rule { name: "signature-algorithms-agree", source: "RFC 5280 section 5.1.2.2", check: algorithms_agree },
    Rule { name: "signature-algorithm", source: "RFC 5280 section 5.1.1.2", check: algorithm },
    Rule { name: "issuer-name", source: "RFC 5280 section 5.1.2.3", check: issuer_name },
    Rule { name: "issuer-may-sign-lists", source: "RFC 5280 section 6.3.3 (f)", check: issuer_may_sign },
    Rule { name: "update-encoding", source: "RFC 5280 sections 5.1.2.4 and 5.1.2.5", check: update_encoding },
    Rule { name: "update-order", source: "RFC 5280 section 5.1.2.5", check: update_order },
    Rule { name: "update-period", source: "seven days at most, public interface of this platform", check: update_period },
    Rule { name: "update-within-issuer", source: "RFC 5280 section 6.3.3 (f)", check: update_within_issuer },
    Rule { name: "entries-or-none", source: "RFC 5280 section 5.1.2.6", check: entries_or_none },
    Rule { name: "extensions-known", source: "RFC 5280 section 5.2", check: extensions_known },
    Rule { name: "authority-key-identifier", source: "RFC 5280 section 5.2.1", check: authority_key_identifier },
    Rule { name: "crl-number", source: "RFC 5280 section 5.2.3", check: crl_number },
];

static ENTRY_RULES: &[EntryRule] = &[
    EntryRule { name: "serial-number", source: "RFC 5280 section 4.1.2.2", check: serial_number },
    EntryRule { name: "serial-once", source: "RFC 5280 section 5.1.2.6, in this platform's order", check: serial_once },
    EntryRule { name: "revocation-date-encoding", source: "RFC 5280 section 5.1.2.6", check: date_encoding },
    EntryRule { name: "revocation-date", source: "RFC 5280 section 5.1.2.6", check: date },
    EntryRule { name: "entry-extensions", source: "RFC 5280 section 5.3", check: entry_extensions },
    EntryRule { name: "reason", source: "RFC 5280 section 5.3.1", check: reason },
];

/// Every rule that the list breaks. `tbs` is its to-be-signed part and `algorithm` the AlgorithmIdentifier that will stand
/// outside, both DER; `issuer` is the authority's certificate.
pub(super) fn lint(tbs: &[u8], algorithm: &[u8], issuer: &Certificate) -> Vec<Finding> {
    let unread = |found: String| vec![Finding { rule: WELL_FORMED.0, source: WELL_FORMED.1, found }];
    let list = Tlv::only(tbs).and_then(|tbs| RawList::read(&tbs));
    let (list, certificate) = match (list, RawCertificate::read(issuer.der())) {
        (Ok(list), Ok(certificate)) => (list, certificate),
        (Err(fault), _) => return unread(format!("not the DER of a list: {fault}")),
        (_, Err(fault)) => return unread(format!("not the DER of an issuer's certificate: {fault}")),
    };
    let issuers_algorithm = issuer.public_key().and_then(|key| SignatureScheme::of_certificates(&key)?.algorithm_der());
    let issuers_algorithm = match issuers_algorithm {
        Ok(algorithm) => algorithm,
        Err(fault) => return unread(format!("the issuer's key signs by no algorithm of ours: {fault}")),
    };
    let linted = Linted { list, algorithm, issuer: certificate, issuers_algorithm };
    let mut findings = broken(RULES, |check| check(&linted));
    findings.extend(linted.each_entry());
    findings
}

impl<'a> Linted<'a> {
    /// This update and the next.
    fn updates(&self) -> Result<[DateTime; 2], String> {
        let next = self.list.next_update.as_ref().ok_or("there is no next update")?;
        Ok([moment::read(&self.list.this_update).map_err(unreadable)?, moment::read(next).map_err(unreadable)?])
    }

    /// The rules over entries that are broken, each by the first entry that breaks it, in one walk over them all: a list has a
    /// hundred thousand.
    fn each_entry(&self) -> Vec<Finding> {
        let walk = || {
            let latest = moment::read(&self.list.this_update)?.unix_duration() + AHEAD;
            let (mut last, mut findings): (Option<&[u8]>, Vec<Finding>) = (None, Vec::new());
            for entry in self.list.entries()? {
                let entry = entry?;
                let placed = Placed { entry: &entry, last, latest };
                let open = ENTRY_RULES.iter().filter(|rule| findings.iter().all(|finding| finding.rule != rule.name));
                let named = |found| format!("{}: {found}", crate::text::hex(entry.serial));
                let found = broken(open, |check| check(&placed).map_err(named));
                findings.extend(found);
                last = Some(entry.serial);
            }
            Ok(findings)
        };
        walk().unwrap_or_else(|fault: der::Error| {
            vec![Finding { rule: WELL_FORMED.0, source: WELL_FORMED.1, found: unreadable(fault) }]
        })
    }

    /// The extension, which must be there.
    fn extension(&self, oid: &[u8]) -> Result<&Extension<'a>, String> {
        self.list.extension(oid).ok_or_else(|| "it is missing".to_owned())
    }
}

fn version(linted: &Linted<'_>) -> Result<(), String> {
    require(linted.list.version == Some(raw::VERSION_2), "it is not version 2")
}

fn algorithms_agree(linted: &Linted<'_>) -> Result<(), String> {
    require(linted.list.algorithm == linted.algorithm, "the signed and the outer algorithm differ")
}

fn algorithm(linted: &Linted<'_>) -> Result<(), String> {
    require(linted.list.algorithm == linted.issuers_algorithm, "it is not the one that the issuer's key signs by")
}

fn issuer_name(linted: &Linted<'_>) -> Result<(), String> {
    require(!linted.list.issuer.value.is_empty(), "it is empty")?;
    // Byte for byte: verifiers differ in how they fold names.
    require(linted.list.issuer.whole == linted.issuer.subject.whole, "it is not the issuer's subject, byte for byte")
}

fn issuer_may_sign(linted: &Linted<'_>) -> Result<(), String> {
    let usage = linted.issuer.extension(oid::KEY_USAGE).ok_or("the issuer has no key usage")?;
    let bits = BitStringRef::from_der(usage.value).map_err(unreadable)?;
    require(bits.raw_bytes().first().is_some_and(|first| first & CRL_SIGN != 0), "the issuer's key usage has no cRLSign")
}

fn update_encoding(linted: &Linted<'_>) -> Result<(), String> {
    moment::check_encoding(&linted.list.this_update)?;
    linted.list.next_update.as_ref().map_or(Ok(()), moment::check_encoding)
}

fn update_order(linted: &Linted<'_>) -> Result<(), String> {
    let [this, next] = linted.updates()?;
    require(this < next, "the next update is not after this one")
}

fn update_period(linted: &Linted<'_>) -> Result<(), String> {
    let [this, next] = linted.updates()?;
    let period = next.unix_duration().saturating_sub(this.unix_duration());
    require(period <= LONGEST_PERIOD, format!("the next update is {} s after this one", period.as_secs()))
}

fn update_within_issuer(linted: &Linted<'_>) -> Result<(), String> {
    let [this, _] = linted.updates()?;
    let [before, after] = &linted.issuer.validity;
    require(moment::read(before).map_err(unreadable)? <= this, "the issuer is not valid yet")?;
    require(this <= moment::read(after).map_err(unreadable)?, "the issuer is not valid any more")
}

fn entries_or_none(linted: &Linted<'_>) -> Result<(), String> {
    require(linted.list.revoked.is_none_or(|revoked| !revoked.value.is_empty()), "there is a list of no entries")
}

fn serial_number(placed: &Placed<'_>) -> Result<(), String> {
    let serial = placed.entry.serial;
    require(serial.first().is_some_and(|first| first & 0x80 == 0), "it is negative")?;
    require(serial != [0], "it is zero")?;
    require(serial.len() <= crate::serial::LONGEST, "it has more than 20 bytes")
}

fn serial_once(placed: &Placed<'_>) -> Result<(), String> {
    let Some(last) = placed.last else { return Ok(()) };
    // The shortest form of a positive number: by length, then byte by byte, is by size.
    let (number, last) = ((placed.entry.serial.len(), placed.entry.serial), (last.len(), last));
    require(number != last, "it stands there twice")?;
    require(number > last, "it stands behind a greater one")
}

fn date_encoding(placed: &Placed<'_>) -> Result<(), String> {
    moment::check_encoding(&placed.entry.at)
}

fn date(placed: &Placed<'_>) -> Result<(), String> {
    let at = moment::read(&placed.entry.at).map_err(unreadable)?;
    if at.unix_duration() <= placed.latest {
        return Ok(());
    }
    Err(format!("revoked at {at}, after the list was made"))
}

fn entry_extensions(placed: &Placed<'_>) -> Result<(), String> {
    match placed.entry.extensions().map_err(unreadable)?.as_slice() {
        [] => Ok(()),
        [only] if only.oid != raw::oid::REASON => Err(format!("it has the extension {}", dotted(only.oid))),
        [only] => require(!only.critical, "its reason is critical"),
        _ => Err("it has more than one extension".to_owned()),
    }
}

fn reason(placed: &Placed<'_>) -> Result<(), String> {
    match placed.entry.reason().map_err(unreadable)? {
        Some(CrlReason::Unspecified) => Err("an unspecified reason is left out".to_owned()),
        // Only a delta list says so.
        Some(CrlReason::RemoveFromCRL) => Err("removeFromCRL on a full list".to_owned()),
        _ => Ok(()),
    }
}

fn extensions_known(linted: &Linted<'_>) -> Result<(), String> {
    let found: Vec<&[u8]> = linted.list.extensions.iter().map(|extension| extension.oid).collect();
    for (at, extension) in linted.list.extensions.iter().enumerate() {
        let name = dotted(extension.oid);
        require([oid::AUTHORITY_KEY_IDENTIFIER, raw::oid::CRL_NUMBER].contains(&extension.oid), format!("{name} is there"))?;
        require(!extension.critical, format!("{name} is critical"))?;
        require(!found[..at].contains(&extension.oid), format!("{name} stands there twice"))?;
    }
    Ok(())
}

fn authority_key_identifier(linted: &Linted<'_>) -> Result<(), String> {
    let extension = linted.extension(oid::AUTHORITY_KEY_IDENTIFIER)?;
    let identifier = Tlv::only(extension.value)
        .and_then(|sequence| sequence.inside()?.next(Tag::ContextSpecific { constructed: false, number: TagNumber::N0 }))
        .map_err(unreadable)?;
    let issuers = linted.issuer.extension(oid::SUBJECT_KEY_IDENTIFIER).ok_or("the issuer has none")?;
    let issuers = OctetStringRef::from_der(issuers.value).map_err(unreadable)?;
    require(identifier.value == issuers.as_bytes(), "it is not the issuer's subject key identifier")
}

fn crl_number(linted: &Linted<'_>) -> Result<(), String> {
    let number = IntRef::from_der(linted.extension(raw::oid::CRL_NUMBER)?.value).map_err(unreadable)?;
    let bytes = number.as_bytes();
    require(bytes.first().is_some_and(|first| first & 0x80 == 0), "it is negative")?;
    require(bytes.len() <= 20, format!("it has {} bytes, more than 20", bytes.len()))
}

#[cfg(test)]
mod tests;
