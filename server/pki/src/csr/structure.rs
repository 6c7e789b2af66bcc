//! The parts of a CertificationRequest.

use der::{ErrorKind, Tag};

use super::refusal::{CsrRefusal, refuse};
use crate::tlv::{Extension, Tlv, context, extensions};

/// PKCS#9 extensionRequest, and Microsoft's older twin.
const EXTENSION_REQUESTS: [&[u8]; 2] =
    [&[0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x0e], &[0x2b, 0x06, 0x01, 0x04, 0x01, 0x82, 0x37, 0x02, 0x01, 0x0e]];

pub(super) struct Structure<'a> {
    /// CertificationRequestInfo, with its header: what is signed.
    pub(super) signed: &'a [u8],
    pub(super) subject: Tlv<'a>,
    /// SubjectPublicKeyInfo.
    pub(super) public_key: Tlv<'a>,
    /// AlgorithmIdentifier.
    pub(super) signature_algorithm: Tlv<'a>,
    /// BIT STRING.
    pub(super) signature: Tlv<'a>,
    pub(super) extensions: Vec<Extension<'a>>,
    /// Object identifiers of the attributes that ask for no extension.
    pub(super) attributes: Vec<&'a [u8]>,
}

impl<'a> Structure<'a> {
    pub(super) fn read(der: &'a [u8]) -> Result<Self, CsrRefusal> {
        let structure = Self::walk(der).map_err(fault)?;
        for (at, extension) in structure.extensions.iter().enumerate() {
            if structure.extensions[..at].iter().any(|earlier| earlier.oid == extension.oid) {
                return Err(refuse("csr.encoding", "one extension is asked for twice"));
            }
        }
        Ok(structure)
    }

    fn walk(der: &'a [u8]) -> der::Result<Self> {
        let mut outer = Tlv::only(der)?.inside()?;
        let signed = outer.next(Tag::Sequence)?;
        let mut info = signed.inside()?;
        let signature_algorithm = outer.next(Tag::Sequence)?;
        let signature = outer.next(Tag::BitString)?;
        outer.finish()?;
        let version = info.next(Tag::Integer)?;
        if version.value != [0] {
            return Err(version.tag.value_error());
        }
        let subject = info.next(Tag::Sequence)?;
        let public_key = info.next(Tag::Sequence)?;
        let mut structure = Self {
            signed: signed.whole,
            subject,
            public_key,
            signature_algorithm,
            signature,
            extensions: Vec::new(),
            attributes: Vec::new(),
        };
        // Absent in the requests of some old tools, although RFC 2986 wants at least an empty set.
        if let Some(attributes) = info.next_if(context(0))? {
            for attribute in attributes.inside()?.rest(Some(Tag::Sequence))? {
                structure.attribute(&attribute)?;
            }
        }
        info.finish()?;
        Ok(structure)
    }

    fn attribute(&mut self, attribute: &Tlv<'a>) -> der::Result<()> {
        let mut walk = attribute.inside()?;
        let oid = walk.next(Tag::ObjectIdentifier)?.value;
        let values = walk.next(Tag::Set)?;
        walk.finish()?;
        if EXTENSION_REQUESTS.contains(&oid) {
            for value in values.inside()?.rest(Some(Tag::Sequence))? {
                self.extensions.extend(extensions(&value)?);
            }
        } else {
            self.attributes.push(oid);
        }
        Ok(())
    }
}

/// A wrong type in a wrong place is no request; a wrong length or a wrong form of the right type is a badly encoded one.
pub(super) fn fault(fault: der::Error) -> CsrRefusal {
    match fault.kind() {
        ErrorKind::TagUnexpected { .. } | ErrorKind::TagUnknown { .. } | ErrorKind::TagNumberInvalid => {
            refuse("csr.not-a-csr", "this is DER, and not a PKCS#10 certificate request")
        }
        kind => refuse("csr.encoding", format!("the request is not DER: {kind}")),
    }
}
