//! The types of RFC 3161, RFC 5816, RFC 5035 and RFC 5652 that `x509-tsp` and `cms` lack or read too narrowly. Certificates and
//! policies stay bytes: `const-oid` reads no arc beyond 28 bits, and a stranger's may have more.

use cms::content_info::{CmsVersion, ContentInfo};
use cms::signed_data::{DigestAlgorithmIdentifiers, EncapsulatedContentInfo, SignerInfos};
use der::asn1::{BitString, Int, OctetString, SetOfVec, Uint};
use der::{Any, DateTime, DecodeValue, EncodeValue, FixedTag, Header, Length, Reader, Sequence, Tag, Writer};
use x509_cert::ext::Extensions;
use x509_cert::ext::pkix::name::GeneralNames;
use x509_cert::serial_number::SerialNumber;
use x509_cert::spki::AlgorithmIdentifierOwned;
use x509_tsp::{Accuracy, MessageImprint, TspVersion};

use crate::moment;
use domain::Timestamp;

/// SignedData (RFC 5652 section 5.1).
#[derive(Clone, Sequence)]
pub(super) struct SignedData {
    pub(super) version: CmsVersion,
    pub(super) digest_algorithms: DigestAlgorithmIdentifiers,
    pub(super) encap_content_info: EncapsulatedContentInfo,
    #[asn1(context_specific = "0", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) certificates: Option<SetOfVec<Any>>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) crls: Option<SetOfVec<Any>>,
    pub(super) signer_infos: SignerInfos,
}

/// TSTInfo (RFC 3161 section 2.4.2). That of `x509-tsp` has a time without a fraction.
#[derive(Sequence)]
pub(super) struct TstInfo {
    pub(super) version: TspVersion,
    /// An OBJECT IDENTIFIER.
    pub(super) policy: Any,
    pub(super) message_imprint: MessageImprint,
    pub(super) serial_number: Uint,
    pub(super) gen_time: GenTime,
    #[asn1(optional = "true")]
    pub(super) accuracy: Option<Accuracy>,
    #[asn1(default = "Default::default")]
    pub(super) ordering: bool,
    #[asn1(optional = "true")]
    pub(super) nonce: Option<Int>,
    #[asn1(context_specific = "0", tag_mode = "EXPLICIT", optional = "true")]
    pub(super) tsa: Option<Any>,
    #[asn1(context_specific = "1", tag_mode = "IMPLICIT", optional = "true")]
    pub(super) extensions: Option<Extensions>,
}

/// GeneralizedTime in UTC with seconds and, where they are not zero, fractions of them without trailing zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct GenTime(pub(super) Timestamp);

/// `20220531155959Z`.
const WHOLE_SECONDS: usize = 15;
/// `.999999`: finer fractions are read, and cut off.
const LONGEST_FRACTION: usize = 10;

impl GenTime {
    fn text(self) -> der::Result<String> {
        let date = moment::date_time(self.0).map_err(|_| Self::TAG.value_error())?;
        let micros = self.0.micros().rem_euclid(1_000_000);
        let fraction = format!(".{micros:06}");
        let fraction = fraction.trim_end_matches('0').trim_end_matches('.');
        Ok(format!(
            "{:04}{:02}{:02}{:02}{:02}{:02}{fraction}Z",
            date.year(),
            date.month(),
            date.day(),
            date.hour(),
            date.minutes(),
            date.seconds()
        ))
    }

    fn read(text: &[u8]) -> Option<Self> {
        let (whole, fraction) = text.strip_suffix(b"Z")?.split_at_checked(WHOLE_SECONDS - 1)?;
        let digits = |bytes: &[u8]| -> Option<u16> {
            bytes.iter().try_fold(0u16, |number, digit| digit.is_ascii_digit().then(|| number * 10 + u16::from(digit - b'0')))
        };
        let two = |at: usize| digits(&whole[at..at + 2]).and_then(|number| u8::try_from(number).ok());
        let date = DateTime::new(digits(&whole[..4])?, two(4)?, two(6)?, two(8)?, two(10)?, two(12)?).ok()?;
        let micros = match fraction {
            [] => 0,
            [b'.', digits @ .., b'1'..=b'9'] if digits.iter().all(u8::is_ascii_digit) => {
                let padded = fraction[1..].iter().map(|digit| i64::from(digit - b'0')).chain(std::iter::repeat(0));
                padded.take(6).fold(0, |micros, digit| micros * 10 + digit)
            }
            _ => return None,
        };
        Some(Self(Timestamp::from_micros(moment::timestamp(date).micros().saturating_add(micros))))
    }
}

impl FixedTag for GenTime {
    const TAG: Tag = Tag::GeneralizedTime;
}

impl EncodeValue for GenTime {
    fn value_len(&self) -> der::Result<Length> {
        self.text()?.len().try_into()
    }

    fn encode_value(&self, writer: &mut impl Writer) -> der::Result<()> {
        writer.write(self.text()?.as_bytes())
    }
}

impl<'a> DecodeValue<'a> for GenTime {
    fn decode_value<R: Reader<'a>>(reader: &mut R, header: Header) -> der::Result<Self> {
        if usize::try_from(header.length)? > WHOLE_SECONDS + LONGEST_FRACTION {
            return Err(Self::TAG.value_error());
        }
        Self::read(&reader.read_vec(header.length)?).ok_or_else(|| Self::TAG.value_error())
    }
}

/// SigningCertificateV2 (RFC 5035 section 3).
#[derive(Sequence)]
pub(super) struct SigningCertificateV2 {
    pub(super) certs: Vec<EssCertIdV2>,
    #[asn1(optional = "true")]
    pub(super) policies: Option<Any>,
}

/// ESSCertIDv2 (RFC 5035 section 4).
#[derive(Sequence)]
pub(super) struct EssCertIdV2 {
    /// Left out for SHA-256.
    #[asn1(optional = "true")]
    pub(super) hash_algorithm: Option<AlgorithmIdentifierOwned>,
    pub(super) cert_hash: OctetString,
    #[asn1(optional = "true")]
    pub(super) issuer_serial: Option<IssuerSerial>,
}

/// IssuerSerial (RFC 5035 section 4).
#[derive(Sequence)]
pub(super) struct IssuerSerial {
    pub(super) issuer: GeneralNames,
    pub(super) serial_number: SerialNumber,
}

/// TimeStampResp (RFC 3161 section 2.4.2).
#[derive(Sequence)]
pub(super) struct Response {
    pub(super) status: StatusInfo,
    #[asn1(optional = "true")]
    pub(super) token: Option<ContentInfo>,
}

/// PKIStatusInfo (RFC 3161 section 2.4.2).
#[derive(Sequence)]
pub(super) struct StatusInfo {
    pub(super) status: u8,
    #[asn1(optional = "true")]
    pub(super) text: Option<Vec<String>>,
    #[asn1(optional = "true")]
    pub(super) failure: Option<BitString>,
}

#[cfg(test)]
mod tests {
    use der::{Decode, Encode};

    use super::*;

    #[test]
    fn times_are_written_with_the_fraction_that_they_have() {
        for (moment, written) in [
            ("2022-05-31T15:59:59Z", "\x18\x0f20220531155959Z"),
            ("2022-05-31T15:59:59.5Z", "\x18\x1120220531155959.5Z"),
            ("2022-05-31T15:59:59.05Z", "\x18\x1220220531155959.05Z"),
            ("2022-05-31T15:59:59.999999Z", "\x18\x1620220531155959.999999Z"),
            ("1970-01-01T00:00:00.000001Z", "\x18\x1619700101000000.000001Z"),
            ("2052-02-29T00:00:00Z", "\x18\x0f20520229000000Z"),
        ] {
            let time = GenTime(moment.parse().unwrap());
            assert_eq!(time.to_der().unwrap(), written.as_bytes());
            assert_eq!(GenTime::from_der(written.as_bytes()).unwrap(), time);
        }
        assert!(GenTime(Timestamp::from_micros(-1)).to_der().is_err(), "before 1970");
        let finer = GenTime::from_der(b"\x18\x1920220531155959.000000999Z").unwrap();
        assert_eq!(finer, GenTime("2022-05-31T15:59:59Z".parse().unwrap()), "cut, not rounded: a stamp is never late");
    }

    #[test]
    fn what_is_no_time_is_refused() {
        for bad in [
            "",
            "Z",
            "20220531155959",
            "20220531155959+0800",
            "20220531155959.Z",
            "20220531155959.50Z",
            "20220531155959.0Z",
            "20220531155959,5Z",
            "20220531155959.5aZ",
            "20220531155959.5",
            "202205311559Z",
            "20221331155959Z",
            "20220231155959Z",
            "20220531245959Z",
            "20220531155960Z",
            "2022053115595aZ",
            "-0220531155959Z",
            "20220531155959.12345678901Z",
        ] {
            let der = [&[0x18, u8::try_from(bad.len()).unwrap()], bad.as_bytes()].concat();
            assert!(GenTime::from_der(&der).is_err(), "{bad}");
        }
    }
}
