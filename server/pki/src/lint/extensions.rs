//! Rules over the extensions.

use der::{Decode, Tag, TagNumber};

use super::{Linted, Rule, require, unreadable};
use crate::profile::{ExtendedUse, KeyUse, Status};
use crate::stamp::{STAMP_OID_CONTENT, stamp_of};
use crate::tlv::{Extension, Tlv, context, dotted, oid};

const SERVER_AUTH: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x01];
const ANY_USE: &[u8] = &[0x55, 0x1d, 0x25, 0x00];
const CA_ISSUERS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x02];
const OCSP: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01];
/// First byte of the key usage bits.
const DIGITAL_SIGNATURE: u8 = 0x80;
const NON_REPUDIATION: u8 = 0x40;
const KEY_CERT_SIGN: u8 = 0x04;
const CRL_SIGN: u8 = 0x02;

pub(super) static RULES: &[Rule] = &[
    Rule { name: "extension-once", source: "RFC 5280 section 4.2", check: once },
    Rule { name: "critical-extension-known", source: "RFC 5280 section 4.2", check: critical_known },
    Rule { name: "basic-constraints", source: "RFC 5280 section 4.2.1.9", check: basic_constraints },
    Rule { name: "path-length", source: "RFC 5280 section 4.2.1.9", check: path_length },
    Rule { name: "key-usage", source: "RFC 5280 section 4.2.1.3", check: key_usage },
    Rule { name: "extended-key-usage", source: "RFC 5280 section 4.2.1.12", check: extended_key_usage },
    Rule { name: "extended-key-usage-profile", source: "RFC 3161 section 2.3, RFC 6960 section 4.2.2.2", check: profile_uses },
    Rule { name: "ocsp-no-check", source: "RFC 6960 section 4.2.2.2.1", check: no_check },
    Rule { name: "certificate-policies", source: "RFC 5280 section 4.2.1.4", check: policies },
    Rule { name: "subject-key-identifier", source: "RFC 5280 section 4.2.1.2", check: subject_key_identifier },
    Rule { name: "authority-key-identifier", source: "RFC 5280 section 4.2.1.1", check: authority_key_identifier },
    Rule { name: "server-alternative-name", source: "RFC 6125 section 6.4.4", check: server_name },
    Rule { name: "alternative-name", source: "RFC 5280 section 4.2.1.6", check: alternative_name },
    Rule { name: "authority-information", source: "RFC 5280 section 4.2.2.1", check: authority_information },
    Rule { name: "crl-distribution-point", source: "RFC 5280 section 4.2.1.13", check: crl_distribution_point },
    Rule { name: "stamp", source: "instance and environment, decisions of this platform", check: stamp },
];

impl<'a> Linted<'a> {
    fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.certificate.extension(oid)
    }

    /// cA and pathLenConstraint.
    fn constraints(&self) -> Result<(bool, Option<u32>), String> {
        let Some(extension) = self.extension(oid::BASIC_CONSTRAINTS) else { return Ok((false, None)) };
        let read = || {
            let mut walk = Tlv::only(extension.value)?.inside()?;
            let ca = walk.next_if(Tag::Boolean)?.map_or(Ok(false), |flag| flag.read())?;
            let length = walk.next_if(Tag::Integer)?.map(|length| length.read()).transpose()?;
            walk.finish()?;
            Ok((ca, length))
        };
        read().map_err(unreadable)
    }

    fn uses(&self) -> Result<Vec<&'a [u8]>, String> {
        let Some(extension) = self.extension(oid::EXTENDED_KEY_USAGE) else { return Ok(Vec::new()) };
        let read = || Tlv::only(extension.value)?.inside()?.rest(Some(Tag::ObjectIdentifier));
        Ok(read().map_err(unreadable)?.iter().map(|each| each.value).collect())
    }

    /// The extension, which must be there and must not be critical.
    fn not_critical(&self, oid: &[u8]) -> Result<&Extension<'a>, String> {
        let extension = self.extension(oid).ok_or("it is missing")?;
        require(!extension.critical, "it is critical")?;
        Ok(extension)
    }
}

fn once(linted: &Linted<'_>) -> Result<(), String> {
    let all = &linted.certificate.extensions;
    for (at, extension) in all.iter().enumerate() {
        let repeated = all[..at].iter().any(|earlier| earlier.oid == extension.oid);
        require(!repeated, format!("{} stands there twice", dotted(extension.oid)))?;
    }
    Ok(())
}

fn critical_known(linted: &Linted<'_>) -> Result<(), String> {
    for extension in linted.certificate.extensions.iter().filter(|extension| extension.critical) {
        let known = [oid::BASIC_CONSTRAINTS, oid::KEY_USAGE, oid::EXTENDED_KEY_USAGE].contains(&extension.oid);
        require(known, format!("{} is critical", dotted(extension.oid)))?;
    }
    Ok(())
}

fn basic_constraints(linted: &Linted<'_>) -> Result<(), String> {
    let extension = linted.extension(oid::BASIC_CONSTRAINTS).ok_or("it is missing")?;
    require(extension.critical, "it is not critical")?;
    let (authority, length) = linted.constraints()?;
    require(authority || length.is_none(), "an end entity has a path length")?;
    require(!authority || length.is_some(), "an authority has no path length")
}

fn path_length(linted: &Linted<'_>) -> Result<(), String> {
    let Some(issuer) = &linted.issuer else { return Ok(()) };
    let issuer = Linted { certificate: issuer.clone(), issuer: None, profile: linted.profile };
    let (issuer_is_authority, allowed) = issuer.constraints()?;
    require(issuer_is_authority, "the issuer is no authority")?;
    match (linted.constraints()?, allowed) {
        ((true, Some(length)), Some(allowed)) => require(length < allowed, format!("{length} under an issuer with {allowed}")),
        _ => Ok(()),
    }
}

fn key_usage(linted: &Linted<'_>) -> Result<(), String> {
    let extension = linted.extension(oid::KEY_USAGE).ok_or("it is missing")?;
    require(extension.critical, "it is not critical")?;
    let bits = der::asn1::BitStringRef::from_der(extension.value).map_err(unreadable)?;
    let uses = bits.raw_bytes().first().copied().unwrap_or(0);
    let wanted = linted.profile.key_usage.iter().fold(0, |bits, each| {
        bits | match each {
            KeyUse::DigitalSignature => DIGITAL_SIGNATURE,
            KeyUse::NonRepudiation => NON_REPUDIATION,
            KeyUse::KeyCertSign => KEY_CERT_SIGN,
            KeyUse::CrlSign => CRL_SIGN,
        }
    });
    let (authority, _) = linted.constraints()?;
    require(authority == (uses & KEY_CERT_SIGN != 0), "certificates are signed by authorities and by nobody else")?;
    require(uses == wanted && bits.raw_bytes().len() == 1, format!("the bits are {uses:08b}, not {wanted:08b}"))
}

fn extended_key_usage(linted: &Linted<'_>) -> Result<(), String> {
    let uses = linted.uses()?;
    require(!uses.contains(&ANY_USE), "it allows any use")?;
    let (authority, _) = linted.constraints()?;
    match &linted.issuer {
        None => require(uses.is_empty(), "a root is held to one use"),
        Some(_) if authority => Ok(()),
        Some(issuer) => {
            require(!uses.is_empty(), "it is missing")?;
            let issuer = Linted { certificate: issuer.clone(), issuer: None, profile: linted.profile };
            let allowed = issuer.uses()?;
            let within = allowed.is_empty() || uses.iter().all(|each| allowed.contains(each));
            require(within, "it goes beyond the issuer's")
        }
    }
}

/// The uses are the profile's, each of them and no other; critical for a time-stamping service, whose stamps nobody accepts
/// otherwise.
fn profile_uses(linted: &Linted<'_>) -> Result<(), String> {
    let wanted: Vec<&[u8]> = linted.profile.extended.iter().map(|each| content_of(*each)).collect();
    require(linted.uses()? == wanted, "its uses are not those of its profile")?;
    let Some(extension) = linted.extension(oid::EXTENDED_KEY_USAGE) else { return Ok(()) };
    require(
        extension.critical == linted.profile.extended_is_critical(),
        "it is critical where it need not be, or not where it must",
    )
}

fn content_of(extended: ExtendedUse) -> &'static [u8] {
    match extended {
        ExtendedUse::ClientAuth => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x02],
        ExtendedUse::ServerAuth => SERVER_AUTH,
        ExtendedUse::DocumentSigning => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x24],
        ExtendedUse::OcspSigning => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x09],
        ExtendedUse::TimeStamping => &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x03, 0x08],
    }
}

/// Nobody asks about a responder's certificate, and about every other one somebody can.
fn no_check(linted: &Linted<'_>) -> Result<(), String> {
    let wanted = linted.profile.status == Status::NotChecked;
    require(linted.extension(oid::OCSP_NO_CHECK).is_some() == wanted, "id-pkix-ocsp-nocheck is a responder's and nobody else's")
}

fn policies(linted: &Linted<'_>) -> Result<(), String> {
    let Some(extension) = linted.extension(oid::CERTIFICATE_POLICIES) else {
        return require(linted.profile.policies.is_empty(), "it is missing");
    };
    require(!extension.critical, "it is critical")?;
    let read = || {
        let mut found = Vec::new();
        for policy in Tlv::only(extension.value)?.inside()?.rest(Some(Tag::Sequence))? {
            found.push(dotted(policy.inside()?.next(Tag::ObjectIdentifier)?.value));
        }
        Ok(found)
    };
    require(read().map_err(unreadable)? == linted.profile.policies, "its policies are not those of its profile")
}

fn subject_key_identifier(linted: &Linted<'_>) -> Result<(), String> {
    let extension = linted.not_critical(oid::SUBJECT_KEY_IDENTIFIER)?;
    let identifier = der::asn1::OctetStringRef::from_der(extension.value).map_err(unreadable)?;
    require(identifier.as_bytes().len() >= 16, "it is too short to tell keys apart")
}

fn authority_key_identifier(linted: &Linted<'_>) -> Result<(), String> {
    // A self-signed certificate may leave it out.
    let Some(issuer) = &linted.issuer else { return Ok(()) };
    let extension = linted.not_critical(oid::AUTHORITY_KEY_IDENTIFIER)?;
    let identifier = Tlv::only(extension.value)
        .and_then(|sequence| sequence.inside()?.next(Tag::ContextSpecific { constructed: false, number: TagNumber::N0 }))
        .map_err(unreadable)?;
    let issuers = issuer.extension(oid::SUBJECT_KEY_IDENTIFIER).ok_or("the issuer has none")?;
    let issuers = der::asn1::OctetStringRef::from_der(issuers.value).map_err(unreadable)?;
    require(identifier.value == issuers.as_bytes(), "it is not the issuer's subject key identifier")
}

fn server_name(linted: &Linted<'_>) -> Result<(), String> {
    let (authority, _) = linted.constraints()?;
    let needed = !authority && linted.uses()?.contains(&SERVER_AUTH);
    require(!needed || linted.extension(oid::SUBJECT_ALT_NAME).is_some(), "a server certificate has none")
}

fn alternative_name(linted: &Linted<'_>) -> Result<(), String> {
    let Some(extension) = linted.extension(oid::SUBJECT_ALT_NAME) else { return Ok(()) };
    require(!extension.critical, "it is critical although there is a subject")?;
    let names = Tlv::only(extension.value).and_then(|all| all.inside()?.rest(None)).map_err(unreadable)?;
    require(!names.is_empty(), "it is empty")?;
    for name in names {
        let Tag::ContextSpecific { number, .. } = name.tag else { return Err("a name is untagged".to_owned()) };
        match number {
            TagNumber::N2 => {
                let host = std::str::from_utf8(name.value).unwrap_or("");
                require(crate::text::is_host_name(host), "a DNS name is not in preferred syntax")?;
            }
            TagNumber::N7 => require(matches!(name.value.len(), 4 | 16), "an address has neither 4 nor 16 bytes")?,
            _ => return Err("a name is neither DNS nor IP".to_owned()),
        }
    }
    Ok(())
}

/// The one http or https address in `value` below any number of wrappings.
fn address_in(value: &[u8]) -> Result<(), String> {
    let mut element = Tlv::only(value).map_err(unreadable)?;
    loop {
        let uri = Tag::ContextSpecific { constructed: false, number: TagNumber::N6 };
        if element.tag == uri {
            let address = std::str::from_utf8(element.value).unwrap_or("");
            let web = address.starts_with("http://") || address.starts_with("https://");
            return require(web, "it is no http or https address");
        }
        let mut inside = element.inside().map_err(unreadable)?;
        element = inside.next(None).map_err(unreadable)?;
        if element.tag == Tag::ObjectIdentifier {
            element = inside.next(None).map_err(unreadable)?;
        }
        require(inside.is_finished(), "it holds more than one address")?;
    }
}

fn authority_information(linted: &Linted<'_>) -> Result<(), String> {
    if linted.issuer.is_none() {
        return require(linted.extension(oid::AUTHORITY_INFO_ACCESS).is_none(), "a root points to an issuer");
    }
    let extension = linted.not_critical(oid::AUTHORITY_INFO_ACCESS)?;
    let all = Tlv::only(extension.value).and_then(|all| all.inside()?.rest(Some(Tag::Sequence))).map_err(unreadable)?;
    let mut methods = Vec::new();
    for description in &all {
        address_in(description.whole)?;
        methods.push(description.inside().and_then(|mut inside| inside.next(Tag::ObjectIdentifier)).map_err(unreadable)?.value);
    }
    let wanted: &[&[u8]] = if linted.profile.status == Status::Published { &[CA_ISSUERS, OCSP] } else { &[CA_ISSUERS] };
    require(methods == wanted, "it does not point to the issuer and, where one answers for it, to a responder, once each")
}

fn crl_distribution_point(linted: &Linted<'_>) -> Result<(), String> {
    if linted.issuer.is_none() {
        return require(linted.extension(oid::CRL_DISTRIBUTION_POINTS).is_none(), "a root points to a revocation list");
    }
    let extension = linted.not_critical(oid::CRL_DISTRIBUTION_POINTS)?;
    let has_point = || {
        let mut points = Tlv::only(extension.value)?.inside()?;
        points.next(Tag::Sequence)?.inside()?.next(context(0))
    };
    has_point().map_err(unreadable)?;
    address_in(extension.value)
}

fn stamp(linted: &Linted<'_>) -> Result<(), String> {
    let extension = linted.not_critical(STAMP_OID_CONTENT)?;
    let own = stamp_of(extension.value).ok_or("it cannot be read")?;
    let Some(issuer) = &linted.issuer else { return Ok(()) };
    let theirs = issuer.extension(STAMP_OID_CONTENT).and_then(|extension| stamp_of(extension.value));
    require(theirs == Some(own), "it is not the issuer's")
}
