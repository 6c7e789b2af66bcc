//! When a key that has a certificate is followed by another one by itself.

use std::time::Duration;

use crate::{KeyPurpose, Timestamp};

/// How long a key stamps times, however long its certificate lives: a stamp is good until the certificate ends, and is to be good
/// for years.
pub const LONGEST_STAMPING: Duration = Duration::from_hours(24 * 365);

/// Whether the next generation is made on schedule, without anybody's asking. An authority's is not: it needs the root's key, which
/// is kept away. A token's is not: relying parties are told of it, and somebody answers for the day.
pub const fn renews_itself(purpose: KeyPurpose) -> bool {
    matches!(purpose, KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls)
}

/// The moment from which on a key is to be followed: when a third of its certificate's life is left, so that there is a month to
/// mend what keeps a responder's from being issued, and four for a listener's; a key that stamps times after a year of stamping at
/// the latest. `since` is when the key took over, `validity` both ends of its certificate.
pub fn renew_from(purpose: KeyPurpose, since: Timestamp, validity: [Timestamp; 2]) -> Timestamp {
    let [begins, ends] = validity;
    let by_certificate = ends.minus(ends.saturating_since(begins) / 3);
    match purpose {
        KeyPurpose::TimeStamping => by_certificate.min(since.plus(LONGEST_STAMPING)),
        _ => by_certificate,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(number: u64) -> Timestamp {
        "2022-05-31T12:00:00+08:00".parse::<Timestamp>().unwrap().plus(Duration::from_hours(24 * number))
    }

    #[test]
    fn what_nobody_outside_has_to_learn_renews_itself() {
        for purpose in KeyPurpose::ALL.iter().copied() {
            let expected = matches!(purpose, KeyPurpose::Ocsp | KeyPurpose::TimeStamping | KeyPurpose::ServerTls);
            assert_eq!(renews_itself(purpose), expected, "{purpose}");
        }
    }

    #[test]
    fn a_third_of_the_certificates_life_is_left_or_a_year_was_stamped() {
        for (purpose, since, ends, expected) in [
            (KeyPurpose::Ocsp, 0, 90, 60),
            // One that waited for its date has less time to answer, and none less to be followed.
            (KeyPurpose::Ocsp, 30, 90, 60),
            (KeyPurpose::Ocsp, 80, 90, 60),
            (KeyPurpose::ServerTls, 0, 366, 244),
            (KeyPurpose::IssuingCa, 0, 1_827, 1_218),
            (KeyPurpose::TimeStamping, 0, 3_651, 365),
            (KeyPurpose::TimeStamping, 10, 3_651, 375),
            // Its authority ended sooner.
            (KeyPurpose::TimeStamping, 0, 300, 200),
        ] {
            assert_eq!(renew_from(purpose, day(since), [day(0), day(ends)]), day(expected), "{purpose} {since} {ends}");
        }
    }
}
