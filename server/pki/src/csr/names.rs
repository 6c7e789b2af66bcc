//! Text inside a request. It is never used, but it is shown: so nothing may hide in it.

use der::Tag;
use domain::CharacterFault;

use super::refusal::{CsrRefusal, refuse};
use super::structure::fault;
use crate::tlv::{Tlv, dotted};

/// The asked subject as `CN=alice, O=…`, empty when there is none.
pub(super) fn subject(name: &Tlv<'_>) -> Result<String, CsrRefusal> {
    let mut parts = Vec::new();
    for set in name.inside().and_then(|walk| walk.rest(Some(Tag::Set))).map_err(fault)? {
        for attribute in set.inside().and_then(|walk| walk.rest(Some(Tag::Sequence))).map_err(fault)? {
            let (oid, value) = type_and_value(&attribute).map_err(fault)?;
            parts.push(format!("{}={}", label(oid), checked(&text(&value)?)?));
        }
    }
    parts.reverse();
    Ok(parts.join(", "))
}

fn type_and_value<'a>(attribute: &Tlv<'a>) -> der::Result<(&'a [u8], Tlv<'a>)> {
    let mut walk = attribute.inside()?;
    let pair = (walk.next(Tag::ObjectIdentifier)?.value, walk.next(None)?);
    walk.finish()?;
    Ok(pair)
}

/// Refuses text that shows as something else than it is.
pub(super) fn checked(text: &str) -> Result<&str, CsrRefusal> {
    match text.chars().find(|c| CharacterFault::of(*c).is_some()) {
        None => Ok(text),
        Some(c) => Err(refuse("csr.name", format!("a name holds the control or invisible character U+{:04X}", u32::from(c)))),
    }
}

fn text(value: &Tlv<'_>) -> Result<String, CsrRefusal> {
    let bytes = value.value;
    let decoded = match value.tag {
        Tag::Utf8String => std::str::from_utf8(bytes).ok().map(str::to_owned),
        Tag::PrintableString | Tag::Ia5String | Tag::NumericString | Tag::VisibleString => {
            bytes.is_ascii().then(|| String::from_utf8_lossy(bytes).into_owned())
        }
        // Read as Latin-1, which is what its writers mean.
        Tag::TeletexString => Some(bytes.iter().map(|byte| char::from(*byte)).collect()),
        Tag::BmpString => {
            let (units, odd) = bytes.as_chunks::<2>();
            let units: Vec<u16> = units.iter().map(|unit| u16::from_be_bytes(*unit)).collect();
            String::from_utf16(&units).ok().filter(|_| odd.is_empty())
        }
        _ => None,
    };
    decoded.ok_or_else(|| refuse("csr.name", "a part of the subject is not readable text"))
}

fn label(oid: &[u8]) -> String {
    let short = match oid {
        [0x55, 0x04, 0x03] => "CN",
        [0x55, 0x04, 0x04] => "SN",
        [0x55, 0x04, 0x05] => "serialNumber",
        [0x55, 0x04, 0x06] => "C",
        [0x55, 0x04, 0x07] => "L",
        [0x55, 0x04, 0x08] => "ST",
        [0x55, 0x04, 0x09] => "street",
        [0x55, 0x04, 0x0a] => "O",
        [0x55, 0x04, 0x0b] => "OU",
        [0x55, 0x04, 0x2a] => "GN",
        [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x01] => "emailAddress",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x19] => "DC",
        [0x09, 0x92, 0x26, 0x89, 0x93, 0xf2, 0x2c, 0x64, 0x01, 0x01] => "UID",
        _ => return dotted(oid),
    };
    short.to_owned()
}
