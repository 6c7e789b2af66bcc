//! Rules over the basic fields.

use der::{DateTime, Tag};
use domain::CharacterFault;

use super::{Linted, Rule, require, unreadable};
use crate::generate::{KeyKind, PublicKey};
use crate::moment;
use crate::tlv::Tlv;

const COMMON_NAME: &[u8] = &[0x55, 0x04, 0x03];
/// ECDSA with SHA-256 and SHA-384, RSA PKCS#1 v1.5 with SHA-256, Ed25519.
const SIGNATURES: [&[u8]; 4] = [
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02],
    &[0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x03],
    &[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b],
    &[0x2b, 0x65, 0x70],
];

pub(super) static RULES: &[Rule] = &[
    Rule { name: "version-3", source: "RFC 5280 section 4.1.2.1", check: version },
    Rule { name: "serial-number", source: "RFC 5280 section 4.1.2.2", check: serial },
    Rule { name: "signature-algorithms-agree", source: "RFC 5280 section 4.1.1.2", check: signatures_agree },
    Rule { name: "signature-algorithm", source: "RFC 5758 section 3.2", check: signature_algorithm },
    Rule { name: "issuer-name", source: "RFC 5280 section 4.1.2.4", check: issuer_name },
    Rule { name: "validity-encoding", source: "RFC 5280 section 4.1.2.5", check: validity_encoding },
    Rule { name: "validity-order", source: "RFC 5280 section 4.1.2.5", check: validity_order },
    Rule { name: "validity-within-issuer", source: "RFC 5280 section 6.1.3", check: validity_within_issuer },
    Rule { name: "subject-name", source: "RFC 5280 section 4.1.2.6", check: subject_name },
    Rule { name: "subject-text", source: "RFC 5280 section 4.1.2.4", check: subject_text },
    Rule { name: "common-name-length", source: "RFC 5280 appendix A.1 ub-common-name", check: common_name_length },
    Rule { name: "public-key", source: "RFC 5480 section 2.1.1", check: public_key },
    Rule { name: "no-unique-ids", source: "RFC 5280 section 4.1.2.8", check: no_unique_ids },
];

fn version(linted: &Linted<'_>) -> Result<(), String> {
    require(linted.certificate.version == Some(&[0x02, 0x01, 0x02]), "it is not version 3")
}

fn serial(linted: &Linted<'_>) -> Result<(), String> {
    let serial = linted.certificate.serial;
    require(serial.first().is_some_and(|first| first & 0x80 == 0), "it is negative")?;
    require(serial.iter().any(|byte| *byte != 0), "it is zero")?;
    require(serial.len() <= 20, format!("it has {} bytes, more than 20", serial.len()))?;
    // Ours are 128 random bits; anything short did not come from there.
    require(serial.len() >= 16, format!("it has only {} bytes", serial.len()))
}

fn signatures_agree(linted: &Linted<'_>) -> Result<(), String> {
    let certificate = &linted.certificate;
    require(certificate.inner_algorithm == certificate.outer_algorithm, "the signed and the outer algorithm differ")
}

fn signature_algorithm(linted: &Linted<'_>) -> Result<(), String> {
    let identifier = Tlv::only(linted.certificate.inner_algorithm).map_err(unreadable)?;
    let oid = identifier.inside().and_then(|mut walk| walk.next(Tag::ObjectIdentifier)).map_err(unreadable)?;
    require(SIGNATURES.contains(&oid.value), format!("it is {}", crate::tlv::dotted(oid.value)))
}

fn issuer_name(linted: &Linted<'_>) -> Result<(), String> {
    let certificate = &linted.certificate;
    require(!certificate.issuer.value.is_empty(), "it is empty")?;
    let issuer = linted.issuer.as_ref().map_or(certificate.subject, |issuer| issuer.subject);
    // Byte for byte: verifiers differ in how they fold names.
    require(certificate.issuer.whole == issuer.whole, "it is not the issuer's subject, byte for byte")
}

fn times(linted: &Linted<'_>) -> Result<[DateTime; 2], String> {
    let [before, after] = &linted.certificate.validity;
    Ok([moment::read(before).map_err(unreadable)?, moment::read(after).map_err(unreadable)?])
}

fn validity_encoding(linted: &Linted<'_>) -> Result<(), String> {
    linted.certificate.validity.iter().try_for_each(moment::check_encoding)
}

fn validity_order(linted: &Linted<'_>) -> Result<(), String> {
    let [before, after] = times(linted)?;
    require(before < after, "it ends before it begins")
}

fn validity_within_issuer(linted: &Linted<'_>) -> Result<(), String> {
    let Some(issuer) = &linted.issuer else { return Ok(()) };
    let [before, after] = times(linted)?;
    let [issuer_before, issuer_after] = issuer.validity;
    require(moment::read(&issuer_before).map_err(unreadable)? <= before, "it begins before the issuer's")?;
    require(after <= moment::read(&issuer_after).map_err(unreadable)?, "it ends after the issuer's")
}

/// Type, tag and contents of each part of the subject.
fn subject_parts<'a>(linted: &Linted<'a>) -> Result<Vec<(&'a [u8], Tlv<'a>)>, String> {
    let read = || {
        let mut parts = Vec::new();
        for set in linted.certificate.subject.inside()?.rest(Some(Tag::Set))? {
            for attribute in set.inside()?.rest(Some(Tag::Sequence))? {
                let mut walk = attribute.inside()?;
                parts.push((walk.next(Tag::ObjectIdentifier)?.value, walk.next(None)?));
                walk.finish()?;
            }
        }
        Ok(parts)
    };
    read().map_err(unreadable)
}

fn subject_name(linted: &Linted<'_>) -> Result<(), String> {
    let parts = subject_parts(linted)?;
    require(parts.iter().any(|(kind, _)| *kind == COMMON_NAME), "it has no common name")
}

fn subject_text(linted: &Linted<'_>) -> Result<(), String> {
    for (kind, value) in subject_parts(linted)? {
        let kind = crate::tlv::dotted(kind);
        require(
            matches!(value.tag, Tag::Utf8String | Tag::PrintableString),
            format!("{kind} is neither UTF8String nor PrintableString"),
        )?;
        let text = std::str::from_utf8(value.value).map_err(|_| format!("{kind} is not text"))?;
        require(!text.trim().is_empty(), format!("{kind} is blank"))?;
        let hidden = text.chars().any(|c| CharacterFault::of(c).is_some());
        require(!hidden, format!("{kind} holds a control or invisible character"))?;
    }
    Ok(())
}

fn common_name_length(linted: &Linted<'_>) -> Result<(), String> {
    for (kind, value) in subject_parts(linted)? {
        let length = String::from_utf8_lossy(value.value).chars().count();
        require(kind != COMMON_NAME || length <= 64, format!("it has {length} characters, more than 64"))?;
    }
    Ok(())
}

fn public_key(linted: &Linted<'_>) -> Result<(), String> {
    let key = PublicKey::from_spki_der(linted.certificate.public_key.whole).map_err(|_| "OpenSSL cannot read it".to_owned())?;
    let kind = key.kind().map_err(|fault| fault.to_string())?;
    let bits = key.pkey().bits();
    require(kind != KeyKind::Rsa3072 || bits >= 2048, format!("an RSA key of {bits} bits"))
}

fn no_unique_ids(linted: &Linted<'_>) -> Result<(), String> {
    require(!linted.certificate.has_unique_ids, "it carries a unique identifier")
}
