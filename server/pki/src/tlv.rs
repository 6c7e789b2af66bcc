//! Walking DER without knowing every type in it. `der` checks each header (definite, minimal lengths); object
//! identifiers stay bytes, because a stranger's may have an arc of a whole UUID and `der` reads arcs of 28 bits.

use der::{Decode, Header, Reader, SliceReader, Tag};

/// One element.
#[derive(Clone, Copy)]
pub(crate) struct Tlv<'a> {
    pub(crate) tag: Tag,
    /// The contents.
    pub(crate) value: &'a [u8],
    /// Tag, length and contents.
    pub(crate) whole: &'a [u8],
}

impl<'a> Tlv<'a> {
    /// Exactly one element, with nothing behind it.
    pub(crate) fn only(bytes: &'a [u8]) -> der::Result<Self> {
        let mut walk = Walk::over(bytes)?;
        let first = walk.next(None)?;
        walk.finish()?;
        Ok(first)
    }

    /// What lies inside a constructed element.
    pub(crate) fn inside(&self) -> der::Result<Walk<'a>> {
        Walk::over(self.value)
    }

    /// Decodes the element as a type of `der`'s.
    pub(crate) fn read<T: Decode<'a>>(&self) -> der::Result<T> {
        T::from_der(self.whole)
    }
}

/// The elements of a constructed one, in order.
pub(crate) struct Walk<'a> {
    bytes: &'a [u8],
    reader: SliceReader<'a>,
}

impl<'a> Walk<'a> {
    pub(crate) fn over(bytes: &'a [u8]) -> der::Result<Self> {
        Ok(Self { bytes, reader: SliceReader::new(bytes)? })
    }

    pub(crate) fn is_finished(&self) -> bool {
        self.reader.is_finished()
    }

    /// The next element, which must have `tag` if one is given.
    pub(crate) fn next(&mut self, tag: impl Into<Option<Tag>>) -> der::Result<Tlv<'a>> {
        let start = usize::try_from(self.reader.position())?;
        let header = Header::decode(&mut self.reader)?;
        if let Some(expected) = tag.into() {
            header.tag.assert_eq(expected)?;
        }
        let value = self.reader.read_slice(header.length)?;
        let end = usize::try_from(self.reader.position())?;
        Ok(Tlv { tag: header.tag, value, whole: &self.bytes[start..end] })
    }

    /// The next element if there is one and it has `tag`.
    pub(crate) fn next_if(&mut self, tag: Tag) -> der::Result<Option<Tlv<'a>>> {
        match self.reader.peek_byte() {
            Some(byte) if byte == tag.octet() => self.next(tag).map(Some),
            _ => Ok(None),
        }
    }

    /// Errors when something is left.
    pub(crate) fn finish(self) -> der::Result<()> {
        self.reader.finish(())
    }

    /// All elements that are left, each of which must have `tag` if one is given.
    pub(crate) fn rest(mut self, tag: Option<Tag>) -> der::Result<Vec<Tlv<'a>>> {
        let mut all = Vec::new();
        while !self.is_finished() {
            all.push(self.next(tag)?);
        }
        Ok(all)
    }
}

/// Errors when an element holds more than `most` others, or they lie more than `depth` deep. Readers sort each SET, and take
/// quadratic time for it: what strangers send is measured first.
pub(crate) fn check_extent(bytes: &[u8], most: usize, depth: usize) -> der::Result<()> {
    let mut walk = Walk::over(bytes)?;
    let mut count = 0;
    while !walk.is_finished() {
        let element = walk.next(None)?;
        count += 1;
        if count > most || depth == 0 {
            return Err(der::ErrorKind::Overlength.into());
        }
        if element.tag.is_constructed() {
            check_extent(element.value, most, depth - 1)?;
        }
    }
    Ok(())
}

/// One X.509 extension.
#[derive(Clone, Copy)]
pub(crate) struct Extension<'a> {
    /// The object identifier's content bytes.
    pub(crate) oid: &'a [u8],
    pub(crate) critical: bool,
    /// What is inside the OCTET STRING.
    pub(crate) value: &'a [u8],
}

/// Reads a SEQUENCE OF Extension.
pub(crate) fn extensions<'a>(sequence: &Tlv<'a>) -> der::Result<Vec<Extension<'a>>> {
    let mut all = Vec::new();
    for extension in sequence.inside()?.rest(Some(Tag::Sequence))? {
        let mut walk = extension.inside()?;
        let oid = walk.next(Tag::ObjectIdentifier)?.value;
        let critical = match walk.next_if(Tag::Boolean)? {
            Some(flag) => flag.read::<bool>()?,
            None => false,
        };
        let value = walk.next(Tag::OctetString)?.value;
        walk.finish()?;
        all.push(Extension { oid, critical, value });
    }
    Ok(all)
}

/// The parts of a certificate that OpenSSL's binding does not hand out.
#[derive(Clone)]
pub(crate) struct RawCertificate<'a> {
    /// The to-be-signed part with its header.
    pub(crate) tbs: &'a [u8],
    /// The contents of the serial number's INTEGER.
    pub(crate) serial: &'a [u8],
    /// AlgorithmIdentifier inside the signed part.
    pub(crate) inner_algorithm: &'a [u8],
    /// AlgorithmIdentifier outside it.
    pub(crate) outer_algorithm: &'a [u8],
    pub(crate) issuer: Tlv<'a>,
    /// notBefore and notAfter.
    pub(crate) validity: [Tlv<'a>; 2],
    pub(crate) subject: Tlv<'a>,
    /// SubjectPublicKeyInfo.
    pub(crate) public_key: Tlv<'a>,
    /// The contents of the version field, an INTEGER; None for version 1.
    pub(crate) version: Option<&'a [u8]>,
    pub(crate) extensions: Vec<Extension<'a>>,
    pub(crate) has_unique_ids: bool,
}

impl<'a> RawCertificate<'a> {
    pub(crate) fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut outer = Tlv::only(der)?.inside()?;
        let tbs = outer.next(Tag::Sequence)?;
        let outer_algorithm = outer.next(Tag::Sequence)?.whole;
        outer.next(Tag::BitString)?;
        outer.finish()?;
        let mut walk = tbs.inside()?;
        let version = walk.next_if(context(0))?.map(|field| field.value);
        let serial = walk.next(Tag::Integer)?.value;
        let inner_algorithm = walk.next(Tag::Sequence)?.whole;
        let issuer = walk.next(Tag::Sequence)?;
        let mut times = walk.next(Tag::Sequence)?.inside()?;
        let validity = [times.next(None)?, times.next(None)?];
        times.finish()?;
        let subject = walk.next(Tag::Sequence)?;
        let public_key = walk.next(Tag::Sequence)?;
        let (mut extensions_found, mut has_unique_ids) = (Vec::new(), false);
        while !walk.is_finished() {
            let field = walk.next(None)?;
            if field.tag == context(3) {
                extensions_found = extensions(&Tlv::only(field.value)?)?;
            } else {
                has_unique_ids = true;
            }
        }
        Ok(Self {
            tbs: tbs.whole,
            serial,
            inner_algorithm,
            outer_algorithm,
            issuer,
            validity,
            subject,
            public_key,
            version,
            extensions: extensions_found,
            has_unique_ids,
        })
    }

    pub(crate) fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }
}

/// A constructed context-specific tag.
pub(crate) const fn context(number: u8) -> Tag {
    let number = match number {
        0 => der::TagNumber::N0,
        1 => der::TagNumber::N1,
        2 => der::TagNumber::N2,
        _ => der::TagNumber::N3,
    };
    Tag::ContextSpecific { constructed: true, number }
}

/// Content bytes of the object identifiers read here.
pub(crate) mod oid {
    pub(crate) const SUBJECT_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x0e];
    pub(crate) const KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x0f];
    pub(crate) const SUBJECT_ALT_NAME: &[u8] = &[0x55, 0x1d, 0x11];
    pub(crate) const BASIC_CONSTRAINTS: &[u8] = &[0x55, 0x1d, 0x13];
    pub(crate) const CRL_DISTRIBUTION_POINTS: &[u8] = &[0x55, 0x1d, 0x1f];
    pub(crate) const CERTIFICATE_POLICIES: &[u8] = &[0x55, 0x1d, 0x20];
    pub(crate) const OCSP_NO_CHECK: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x30, 0x01, 0x05];
    pub(crate) const AUTHORITY_KEY_IDENTIFIER: &[u8] = &[0x55, 0x1d, 0x23];
    pub(crate) const EXTENDED_KEY_USAGE: &[u8] = &[0x55, 0x1d, 0x25];
    pub(crate) const AUTHORITY_INFO_ACCESS: &[u8] = &[0x2b, 0x06, 0x01, 0x05, 0x05, 0x07, 0x01, 0x01];
}

/// An object identifier for people, dotted. Arcs beyond 128 bits are not worth spelling out.
pub(crate) fn dotted(content: &[u8]) -> String {
    let mut arcs: Vec<u128> = Vec::new();
    let mut arc = 0u128;
    for byte in content {
        if arc >> 121 != 0 {
            return format!("oid:{}", crate::text::hex(content));
        }
        arc = arc << 7 | u128::from(byte & 0x7f);
        if byte & 0x80 == 0 {
            arcs.push(arc);
            arc = 0;
        }
    }
    let Some(first) = arcs.first().copied() else { return "oid:".to_owned() };
    let top = (first / 40).min(2);
    let mut text = format!("{top}.{}", first - 40 * top);
    arcs.iter().skip(1).for_each(|arc| text.push_str(&format!(".{arc}")));
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn object_identifiers_read_as_people_write_them() {
        assert_eq!(dotted(oid::SUBJECT_ALT_NAME), "2.5.29.17");
        assert_eq!(dotted(oid::AUTHORITY_INFO_ACCESS), "1.3.6.1.5.5.7.1.1");
        assert_eq!(dotted(&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x0b]), "1.2.840.113549.1.1.11");
        assert_eq!(dotted(&[0xff; 30]), format!("oid:{}", "ff".repeat(30)));
        assert_eq!(dotted(&[]), "oid:");
    }

    #[test]
    fn what_is_too_wide_or_too_deep_is_not_read() {
        let wide = |count: usize| [&[0x31, u8::try_from(2 * count).unwrap()], &[0x05, 0x00].repeat(count)[..]].concat();
        assert!(check_extent(&wide(8), 8, 2).is_ok());
        assert!(check_extent(&wide(9), 8, 2).is_err());
        assert!(check_extent(&[0x30, 0x04, 0x30, 0x02, 0x05, 0x00], 8, 3).is_ok());
        assert!(check_extent(&[0x30, 0x04, 0x30, 0x02, 0x05, 0x00], 8, 2).is_err());
        assert!(check_extent(&[0x30, 0x04, 0x30], 8, 9).is_err(), "cut off");
        let deep = (0..60u8).fold(Vec::new(), |inner, _| [&[0x30, u8::try_from(inner.len()).unwrap()], &inner[..]].concat());
        assert!(check_extent(&deep, 8, 59).is_err());
    }

    #[test]
    fn ber_lengths_are_refused() {
        assert!(Tlv::only(&[0x30, 0x80, 0x00, 0x00]).is_err(), "indefinite");
        assert!(Tlv::only(&[0x30, 0x81, 0x02, 0x05, 0x00]).is_err(), "longer than needed");
        assert!(Tlv::only(&[0x30, 0x02, 0x05, 0x00, 0x00]).is_err(), "trailing");
        assert!(Tlv::only(&[0x30, 0x02, 0x05, 0x00]).is_ok());
    }
}
