//! A revocation list in parts, read without copying: a list has a hundred thousand entries.

use der::asn1::{BitStringRef, IntRef};
use der::{Decode, Tag};
use x509_cert::ext::pkix::CrlReason;

use crate::tlv::{Extension, Tlv, Walk, context, extensions};

/// The contents of the version field.
pub(super) const VERSION_2: &[u8] = &[0x01];

/// Content bytes of the object identifiers of lists and their entries.
pub(super) mod oid {
    pub(in super::super) const CRL_NUMBER: &[u8] = &[0x55, 0x1d, 0x14];
    pub(in super::super) const REASON: &[u8] = &[0x55, 0x1d, 0x15];
}

/// CertificateList: the signed whole.
pub(super) struct SignedList<'a> {
    /// The to-be-signed part with its header.
    pub(super) tbs: &'a [u8],
    pub(super) list: RawList<'a>,
    /// AlgorithmIdentifier outside the signed part.
    pub(super) algorithm: &'a [u8],
    pub(super) signature: &'a [u8],
}

impl<'a> SignedList<'a> {
    pub(super) fn read(der: &'a [u8]) -> der::Result<Self> {
        let mut outer = Tlv::only(der)?.inside()?;
        let tbs = outer.next(Tag::Sequence)?;
        let algorithm = outer.next(Tag::Sequence)?.whole;
        let signature = outer.next(Tag::BitString)?;
        outer.finish()?;
        let signature = BitStringRef::from_der(signature.whole)?;
        let signature = signature.as_bytes().ok_or_else(|| Tag::BitString.value_error())?;
        Ok(Self { tbs: tbs.whole, list: RawList::read(&tbs)?, algorithm, signature })
    }
}

/// TBSCertList.
pub(super) struct RawList<'a> {
    /// The contents of the version field; None for version 1.
    pub(super) version: Option<&'a [u8]>,
    /// AlgorithmIdentifier inside the signed part.
    pub(super) algorithm: &'a [u8],
    pub(super) issuer: Tlv<'a>,
    pub(super) this_update: Tlv<'a>,
    pub(super) next_update: Option<Tlv<'a>>,
    pub(super) revoked: Option<Tlv<'a>>,
    pub(super) extensions: Vec<Extension<'a>>,
}

impl<'a> RawList<'a> {
    pub(super) fn read(tbs: &Tlv<'a>) -> der::Result<Self> {
        tbs.tag.assert_eq(Tag::Sequence)?;
        let mut walk = tbs.inside()?;
        let version = walk.next_if(Tag::Integer)?.map(|field| field.value);
        let algorithm = walk.next(Tag::Sequence)?.whole;
        let issuer = walk.next(Tag::Sequence)?;
        let this_update = walk.next(None)?;
        let next_update = match walk.next_if(Tag::UtcTime)? {
            Some(time) => Some(time),
            None => walk.next_if(Tag::GeneralizedTime)?,
        };
        let revoked = walk.next_if(Tag::Sequence)?;
        let all = match walk.next_if(context(0))? {
            Some(field) => extensions(&Tlv::only(field.value)?)?,
            None => Vec::new(),
        };
        walk.finish()?;
        Ok(Self { version, algorithm, issuer, this_update, next_update, revoked, extensions: all })
    }

    pub(super) fn extension(&self, oid: &[u8]) -> Option<&Extension<'a>> {
        self.extensions.iter().find(|extension| extension.oid == oid)
    }

    /// The cRLNumber, if there is one, it is well formed and we can count so far.
    pub(super) fn number(&self) -> Option<u64> {
        u64::from_der(self.extension(oid::CRL_NUMBER)?.value).ok()
    }

    /// The entries, of which none is read before it is asked for.
    pub(super) fn entries(&self) -> der::Result<Entries<'a>> {
        Ok(Entries { walk: self.revoked.map(|revoked| revoked.inside()).transpose()? })
    }
}

/// See [`RawList::entries`].
pub(super) struct Entries<'a> {
    walk: Option<Walk<'a>>,
}

impl<'a> Iterator for Entries<'a> {
    type Item = der::Result<RawEntry<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        let walk = self.walk.as_mut().filter(|walk| !walk.is_finished())?;
        let entry = walk.next(Tag::Sequence).and_then(|entry| RawEntry::read(&entry));
        if entry.is_err() {
            self.walk = None;
        }
        Some(entry)
    }
}

/// One entry of revokedCertificates.
pub(super) struct RawEntry<'a> {
    /// The contents of the serial number's INTEGER, in its shortest form.
    pub(super) serial: &'a [u8],
    pub(super) at: Tlv<'a>,
    extensions: Option<Tlv<'a>>,
}

impl<'a> RawEntry<'a> {
    fn read(entry: &Tlv<'a>) -> der::Result<Self> {
        let mut walk = entry.inside()?;
        let serial = walk.next(Tag::Integer)?;
        // It looks at the form: what follows compares bytes.
        serial.read::<IntRef<'_>>()?;
        let at = walk.next(None)?;
        let extensions = walk.next_if(Tag::Sequence)?;
        walk.finish()?;
        Ok(Self { serial: serial.value, at, extensions })
    }

    /// crlEntryExtensions; none where there is no such field.
    pub(super) fn extensions(&self) -> der::Result<Vec<Extension<'a>>> {
        self.extensions.map_or(Ok(Vec::new()), |field| extensions(&field))
    }

    /// The reasonCode, if there is one.
    pub(super) fn reason(&self) -> der::Result<Option<CrlReason>> {
        let all = self.extensions()?;
        let extension = all.iter().find(|extension| extension.oid == oid::REASON);
        extension.map(|extension| CrlReason::from_der(extension.value)).transpose()
    }
}
