//! DER by hand, for tests that need what no honest tool writes.

/// One element: tag, length, contents.
pub(crate) fn tlv(tag: u8, contents: &[u8]) -> Vec<u8> {
    let length = contents.len();
    let mut out = vec![tag];
    match length {
        0..=127 => out.push(length as u8),
        128..=255 => out.extend([0x81, length as u8]),
        256..=65_535 => out.extend([0x82, (length >> 8) as u8, length as u8]),
        _ => out.extend([0x83, (length >> 16) as u8, (length >> 8) as u8, length as u8]),
    }
    out.extend_from_slice(contents);
    out
}

pub(crate) fn sequence(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x30, &parts.concat())
}

pub(crate) fn set(parts: &[&[u8]]) -> Vec<u8> {
    tlv(0x31, &parts.concat())
}

pub(crate) fn oid(dotted: &str) -> Vec<u8> {
    let arcs: Vec<u64> = dotted.split('.').map(|arc| arc.parse().unwrap()).collect();
    let mut contents = Vec::new();
    for arc in std::iter::once(arcs[0] * 40 + arcs[1]).chain(arcs[2..].iter().copied()) {
        let groups = (1..10).find(|groups| arc >> (7 * groups) == 0).unwrap();
        for group in (0..groups).rev() {
            let more = if group == 0 { 0 } else { 0x80 };
            contents.push((arc >> (7 * group)) as u8 & 0x7f | more);
        }
    }
    tlv(0x06, &contents)
}

pub(crate) fn integer(bytes: &[u8]) -> Vec<u8> {
    let mut contents = bytes.to_vec();
    if contents.first().is_none_or(|first| first & 0x80 != 0) {
        contents.insert(0, 0);
    }
    tlv(0x02, &contents)
}

pub(crate) fn bits(bytes: &[u8]) -> Vec<u8> {
    tlv(0x03, &[&[0], bytes].concat())
}

/// One part of a subject.
pub(crate) fn attribute(kind: &str, tag: u8, value: &[u8]) -> Vec<u8> {
    set(&[&sequence(&[&oid(kind), &tlv(tag, value)])])
}

pub(crate) fn extension(kind: &str, critical: bool, value: &[u8]) -> Vec<u8> {
    let flag = if critical { tlv(0x01, &[0xff]) } else { Vec::new() };
    sequence(&[&oid(kind), &flag, &tlv(0x04, value)])
}

pub(crate) fn general_names(names: &[(u8, &[u8])]) -> Vec<u8> {
    let names: Vec<Vec<u8>> = names.iter().map(|(tag, value)| tlv(*tag, value)).collect();
    tlv(0x30, &names.concat())
}
