//! How words, times and days on the command line become values.

use std::time::Duration;

use clap::builder::{PossibleValuesParser, TypedValueParser};
use domain::{Day, Timestamp};
use serde::de::DeserializeOwned;

/// One of a closed list of words, as the admin contract spells them.
pub fn word<T: DeserializeOwned + Clone + Send + Sync + 'static>(
    words: &'static [&'static str],
) -> impl TypedValueParser<Value = T> {
    PossibleValuesParser::new(words).try_map(|word| serde_json::from_value(serde_json::Value::String(word)))
}

/// A moment: RFC 3339, or a day, which stands for its midnight in Hong Kong.
pub fn moment(text: &str) -> Result<Timestamp, String> {
    if let Ok(day) = text.parse::<Day>() {
        return Ok(day.start());
    }
    text.parse().map_err(|_| {
        "a time such as 2022-05-31T15:59:59Z or 2022-05-31T23:59:59+08:00, or a day such as 2022-05-31, is wanted".to_owned()
    })
}

/// A day: `YYYY-MM-DD`, or the day in Hong Kong of a moment.
pub fn day(text: &str) -> Result<Day, String> {
    if let Ok(at) = text.parse::<Timestamp>() {
        return Ok(at.hk_day());
    }
    text.parse().map_err(|_| "a day such as 2022-05-31 is wanted".to_owned())
}

/// The last moment of a validity: RFC 3339, or a day, which counts whole, until its midnight in Hong Kong.
pub fn last_moment(text: &str) -> Result<Timestamp, String> {
    match text.parse::<Day>() {
        Ok(day) => Ok(day.plus_days(1).start().minus(Duration::from_secs(1))),
        Err(_) => moment(text),
    }
}

/// Reasons to revoke for; a hold comes with the suspension of an account and is no verb's.
pub const REVOCATION_REASONS: &[&str] = &[
    "unspecified",
    "key-compromise",
    "ca-compromise",
    "affiliation-changed",
    "superseded",
    "cessation-of-operation",
    "privilege-withdrawn",
];
/// States of a job.
pub const JOB_STATES: &[&str] = &["queued", "running", "done", "failed", "cancelled"];
/// Outcomes of an audit entry.
pub const AUDIT_OUTCOMES: &[&str] = &["done", "refused"];
/// Which raw events.
pub const RAW_OF: &[&str] = &["uses", "accounts"];
/// What usage is broken down by.
pub const USAGE_BY: &[&str] =
    &["service", "category", "sector", "function", "month", "day", "department", "industry", "channel", "tier"];
/// What accounts are broken down by.
pub const ACCOUNTS_BY: &[&str] = &["tier", "channel", "age", "sex", "month"];
/// For whose eyes figures are.
pub const VIEWS: &[&str] = &["published", "auditor"];
/// Channels that have stations: those at a place.
pub const STATION_CHANNELS: &[&str] = &["kiosk", "counter", "mobile-team"];
/// Roles of an operator.
pub const ROLES: &[&str] = &[
    "administrator",
    "rp-officer",
    "key-officer",
    "hotline-agent",
    "hotline-supervisor",
    "registration-officer",
    "statistician",
    "auditor",
];

#[cfg(test)]
mod tests {
    use super::*;
    use domain::{Channel, RevocationReason};

    #[test]
    fn a_last_day_counts_whole() {
        assert_eq!(last_moment("2027-01-01").unwrap(), "2027-01-01T23:59:59+08:00".parse().unwrap());
        assert_eq!(last_moment("2027-01-01T12:00:00Z").unwrap(), "2027-01-01T12:00:00Z".parse().unwrap());
    }

    fn all_known<T: DeserializeOwned>(words: &[&str]) -> bool {
        words.iter().all(|word| serde_json::from_value::<T>((*word).into()).is_ok())
    }

    #[test]
    fn the_words_are_those_of_the_contract() {
        assert!(all_known::<api::job::JobState>(JOB_STATES));
        assert!(all_known::<api::audit::AuditOutcome>(AUDIT_OUTCOMES));
        assert!(all_known::<api::stats::UsageBy>(USAGE_BY));
        assert!(all_known::<api::stats::AccountsBy>(ACCOUNTS_BY));
        assert!(all_known::<api::stats::View>(VIEWS));
        assert!(all_known::<api::Role>(ROLES));
        let reasons: Vec<&str> = RevocationReason::WORDS.iter().copied().filter(|word| *word != "certificate-hold").collect();
        assert_eq!(reasons, REVOCATION_REASONS);
        let stations = Channel::ALL.iter().filter(|channel| channel.needs_location()).map(|channel| channel.as_str());
        assert_eq!(stations.collect::<Vec<_>>(), STATION_CHANNELS);
        assert_eq!(api::Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>(), ROLES);
    }

    #[test]
    fn a_day_begins_at_midnight_in_hong_kong() {
        assert_eq!(moment("2022-06-01").unwrap(), "2022-05-31T16:00:00Z".parse().unwrap());
        assert_eq!(day("2022-05-31T16:00:00Z").unwrap().to_string(), "2022-06-01");
        assert!(moment("yesterday").is_err());
    }
}
