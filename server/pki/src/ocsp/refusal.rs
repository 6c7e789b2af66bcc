//! Answers that say nothing about a certificate and are not signed.

/// Why nothing is said (RFC 6960 section 4.2.1, OCSPResponseStatus).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The request is not one.
    MalformedRequest = 1,
    /// Something is broken here.
    InternalError = 2,
    /// Nothing can be said at the moment.
    TryLater = 3,
    /// Only signed requests are answered. Never so here, where signatures are ignored.
    SigRequired = 5,
    /// Nobody here can speak for the issuer that was asked about (RFC 5019 section 2.2.3).
    Unauthorized = 6,
}

impl Refusal {
    /// Every one.
    pub const ALL: &[Self] =
        &[Self::MalformedRequest, Self::InternalError, Self::TryLater, Self::SigRequired, Self::Unauthorized];

    /// OCSPResponse, DER: a SEQUENCE of one ENUMERATED. Constant, so that it can be said even when nothing else works; a test
    /// holds it against the encoder.
    #[must_use]
    pub const fn der(self) -> [u8; 5] {
        [0x30, 0x03, 0x0a, 0x01, self as u8]
    }
}

#[cfg(test)]
mod tests {
    use der::Encode;
    use x509_ocsp::OcspResponse;

    use super::*;

    #[test]
    fn refusals_are_what_the_encoder_and_openssl_say() {
        let theirs = [
            OcspResponse::malformed_request(),
            OcspResponse::internal_error(),
            OcspResponse::try_later(),
            OcspResponse::sig_required(),
            OcspResponse::unauthorized(),
        ];
        for (refusal, theirs) in Refusal::ALL.iter().zip(theirs) {
            assert_eq!(refusal.der().as_slice(), theirs.to_der().unwrap());
            let read = openssl::ocsp::OcspResponse::from_der(&refusal.der()).unwrap();
            assert_eq!(read.status().as_raw(), *refusal as i32);
            assert!(read.basic().is_err(), "it says nothing about a certificate");
        }
    }
}
