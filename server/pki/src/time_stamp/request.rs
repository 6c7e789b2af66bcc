//! What somebody sends to have it stamped.

use der::Tag;
use der::asn1::{BitString, Int};

use super::syntax::{Response, StatusInfo};
use super::{Imprint, ImprintHash, LARGEST_TIME_STAMP, POLICY_CONTENT, TIME_STAMP_POLICY, unwritten, written};
use crate::error::PkiError;
use crate::tlv::{Tlv, context};

/// Longer nonces would only make us repeat them: clients send 8 to 20 bytes.
const LONGEST_NONCE: usize = 64;

/// PKIStatus `rejection`.
const REJECTION: u8 = 2;

/// A request that may be granted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TimeStampRequest {
    imprint: Imprint,
    /// The algorithm was given with NULL parameters; the reply repeats it as it came.
    has_null: bool,
    nonce: Option<Int>,
    wants_certificate: bool,
}

/// Why a request is not granted.
#[derive(Debug, thiserror::Error)]
pub enum TimeStampFault {
    /// Not the DER of a request at all: nobody who speaks this protocol sent it.
    #[error("this is no time-stamp request: {0}")]
    Garbage(String),
    /// A request as the standard has it, which is answered, and refused.
    #[error("the time-stamp request is refused: {0}")]
    Refused(TimeStampRefusal),
}

/// The reasons that a reply can name (PKIFailureInfo, RFC 3161 section 2.4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum TimeStampRefusal {
    /// `badAlg`.
    #[error("only SHA-256, SHA-384 and SHA-512 digests are stamped")]
    Algorithm,
    /// `badRequest`.
    #[error("the version is not 1, or the nonce is longer than 64 bytes")]
    Request,
    /// `badDataFormat`.
    #[error("the digest does not have the length of its hash")]
    DataFormat,
    /// `timeNotAvailable`.
    #[error("the clock cannot be trusted at present")]
    Time,
    /// `unacceptedPolicy`.
    #[error("time stamps are made under the policy {TIME_STAMP_POLICY} only")]
    Policy,
    /// `unacceptedExtension`.
    #[error("no extensions are taken")]
    Extension,
    /// `systemFailure`.
    #[error("time stamps cannot be made at present")]
    System,
}

impl TimeStampRefusal {
    /// Its bit in PKIFailureInfo.
    const fn bit(self) -> u8 {
        match self {
            Self::Algorithm => 0,
            Self::Request => 2,
            Self::DataFormat => 5,
            Self::Time => 14,
            Self::Policy => 15,
            Self::Extension => 16,
            Self::System => 25,
        }
    }

    /// The reply that says so: TimeStampResp, DER, without a token.
    pub fn reply(self) -> Result<Vec<u8>, PkiError> {
        let (bytes, place) = (usize::from(self.bit() / 8), self.bit() % 8);
        let mut bits = vec![0; bytes + 1];
        bits[bytes] = 0x80 >> place;
        // A named bit list ends with its last one (X.690 section 11.2.2).
        let failure = Some(BitString::new(7 - place, bits).map_err(unwritten)?);
        let text = Some(vec![self.to_string()]);
        written(&Response { status: StatusInfo { status: REJECTION, text, failure }, token: None })
    }
}

/// The fields as they came.
struct Fields<'a> {
    version: &'a [u8],
    hash: &'a [u8],
    parameters: Option<Tlv<'a>>,
    digest: &'a [u8],
    policy: Option<&'a [u8]>,
    nonce: Option<Int>,
    wants_certificate: bool,
    has_extensions: bool,
}

impl<'a> Fields<'a> {
    fn read(der: &'a [u8]) -> der::Result<Self> {
        let whole = Tlv::only(der)?;
        whole.tag.assert_eq(Tag::Sequence)?;
        let mut walk = whole.inside()?;
        let version = walk.next(Tag::Integer)?;
        version.read::<Int>()?;
        let mut imprint = walk.next(Tag::Sequence)?.inside()?;
        let mut algorithm = imprint.next(Tag::Sequence)?.inside()?;
        let hash = algorithm.next(Tag::ObjectIdentifier)?.value;
        let parameters = if algorithm.is_finished() { None } else { Some(algorithm.next(None)?) };
        algorithm.finish()?;
        let digest = imprint.next(Tag::OctetString)?.value;
        imprint.finish()?;
        let policy = walk.next_if(Tag::ObjectIdentifier)?.map(|policy| policy.value);
        let nonce = walk.next_if(Tag::Integer)?.map(|nonce| nonce.read()).transpose()?;
        let wants_certificate = walk.next_if(Tag::Boolean)?.map(|flag| flag.read()).transpose()?.unwrap_or(false);
        let has_extensions = walk.next_if(context(0))?.is_some();
        walk.finish()?;
        Ok(Self { version: version.value, hash, parameters, digest, policy, nonce, wants_certificate, has_extensions })
    }
}

impl TimeStampRequest {
    /// Reads TimeStampReq, DER. What is refused is said in a reply ([`TimeStampRefusal::reply`]); what is garbage gets none.
    pub fn from_der(der: &[u8]) -> Result<Self, TimeStampFault> {
        if der.len() > LARGEST_TIME_STAMP {
            return Err(TimeStampFault::Garbage(format!("it has {} bytes, at most {LARGEST_TIME_STAMP} are read", der.len())));
        }
        let fields = Fields::read(der).map_err(|fault| TimeStampFault::Garbage(fault.to_string()))?;
        Self::checked(fields).map_err(TimeStampFault::Refused)
    }

    fn checked(fields: Fields<'_>) -> Result<Self, TimeStampRefusal> {
        let nonce_is_long = fields.nonce.as_ref().is_some_and(|nonce| nonce.as_bytes().len() > LONGEST_NONCE);
        if fields.version != [1] || nonce_is_long {
            return Err(TimeStampRefusal::Request);
        }
        let has_null = fields.parameters.is_some();
        let plain = fields.parameters.is_none_or(|parameters| parameters.whole == [0x05, 0x00]);
        let hash = ImprintHash::of_oid(fields.hash).filter(|_| plain).ok_or(TimeStampRefusal::Algorithm)?;
        let imprint = Imprint::new(hash, fields.digest).map_err(|_| TimeStampRefusal::DataFormat)?;
        if fields.policy.is_some_and(|policy| policy != POLICY_CONTENT) {
            return Err(TimeStampRefusal::Policy);
        }
        if fields.has_extensions {
            return Err(TimeStampRefusal::Extension);
        }
        Ok(Self { imprint, has_null, nonce: fields.nonce, wants_certificate: fields.wants_certificate })
    }

    /// A request of our own: with the certificates, so that the token can be verified by itself, and without a nonce.
    pub fn of(imprint: Imprint) -> Self {
        Self { imprint, has_null: false, nonce: None, wants_certificate: true }
    }

    /// What is to be stamped.
    pub fn imprint(&self) -> &Imprint {
        &self.imprint
    }

    /// Whether the token is to carry the certificates that it is verified with.
    pub fn wants_certificate(&self) -> bool {
        self.wants_certificate
    }

    pub(super) fn nonce(&self) -> Option<&Int> {
        self.nonce.as_ref()
    }

    /// MessageImprint as it came.
    pub(super) fn imprint_syntax(&self) -> Result<x509_tsp::MessageImprint, der::Error> {
        self.imprint.syntax(self.has_null)
    }
}
