//! Moments as X.509 writes them: whole seconds, in one of two forms by the year.

use der::asn1::{GeneralizedTime, UtcTime};
use der::{DateTime, Tag};
use x509_cert::time::Time;

use crate::error::PkiError;
use crate::tlv::Tlv;
use domain::Timestamp;

const MICROS: i64 = 1_000_000;

/// The beginning of the second that `moment` lies in. Errors before 1970.
pub(crate) fn date_time(moment: Timestamp) -> Result<DateTime, PkiError> {
    let seconds = u64::try_from(moment.micros().div_euclid(MICROS));
    let date_time = seconds.ok().and_then(|seconds| DateTime::from_unix_duration(std::time::Duration::from_secs(seconds)).ok());
    date_time.ok_or_else(|| PkiError::unfit("the time", "it lies outside of what certificates can say"))
}

/// The same as a moment of ours.
pub(crate) fn timestamp(moment: DateTime) -> Timestamp {
    let seconds = i64::try_from(moment.unix_duration().as_secs()).unwrap_or(i64::MAX);
    Timestamp::from_micros(seconds.saturating_mul(MICROS))
}

/// UTCTime up to the year 2049 and GeneralizedTime from 2050 on (RFC 5280 sections 4.1.2.5 and 5.1.2.4).
pub(crate) fn time(moment: Timestamp) -> Result<Time, PkiError> {
    let moment = date_time(moment)?;
    Ok(match UtcTime::from_date_time(moment) {
        Ok(short) => Time::UtcTime(short),
        Err(_) => Time::GeneralTime(GeneralizedTime::from_date_time(moment)),
    })
}

/// Reads either form.
pub(crate) fn read(time: &Tlv<'_>) -> der::Result<DateTime> {
    match time.tag {
        Tag::UtcTime => time.read::<UtcTime>().map(|time| time.to_date_time()),
        Tag::GeneralizedTime => time.read::<GeneralizedTime>().map(|time| time.to_date_time()),
        other => Err(other.value_error()),
    }
}

/// Holds a time to the form of its year.
pub(crate) fn check_encoding(time: &Tlv<'_>) -> Result<(), String> {
    let year = read(time).map_err(crate::lint::unreadable)?.year();
    let wanted = if year < 2050 { Tag::UtcTime } else { Tag::GeneralizedTime };
    if time.tag == wanted {
        return Ok(());
    }
    Err(format!("the year {year} is written as {}", time.tag))
}

#[cfg(test)]
mod tests {
    use der::Encode;

    use super::*;

    #[test]
    fn a_moment_is_written_in_the_form_of_its_year_and_read_back() {
        for (moment, written) in [
            ("1970-01-01T00:00:00Z", "\x17\x0d700101000000Z"),
            ("2022-05-31T15:59:59.999999Z", "\x17\x0d220531155959Z"),
            ("2049-12-31T23:59:59Z", "\x17\x0d491231235959Z"),
            ("2050-01-01T00:00:00Z", "\x18\x0f20500101000000Z"),
            ("9999-12-29T00:00:00Z", "\x18\x0f99991229000000Z"),
        ] {
            let moment: Timestamp = moment.parse().unwrap();
            let der = time(moment).unwrap().to_der().unwrap();
            assert_eq!(der, written.as_bytes());
            let tlv = Tlv::only(&der).unwrap();
            assert_eq!(check_encoding(&tlv), Ok(()));
            let whole = Timestamp::from_micros(moment.micros().div_euclid(MICROS) * MICROS);
            assert_eq!(timestamp(read(&tlv).unwrap()), whole);
        }
    }

    #[test]
    fn what_cannot_be_said_is_an_error() {
        assert!(time(Timestamp::from_micros(-1)).is_err());
        assert!(time(Timestamp::MIN).is_err());
        let read_of = |der: &[u8]| read(&Tlv::only(der).unwrap());
        assert!(read_of(b"\x18\x1120220531155959.5Z").is_err(), "fractions");
        assert!(read_of(b"\x17\x0b2205311559Z").is_err(), "no seconds");
        assert!(read_of(b"\x16\x0d220531155959Z").is_err(), "another tag");
        let early = b"\x18\x0f20220531155959Z";
        let fault = check_encoding(&Tlv::only(early).unwrap()).unwrap_err();
        assert_eq!(fault, "the year 2022 is written as GeneralizedTime");
    }
}
