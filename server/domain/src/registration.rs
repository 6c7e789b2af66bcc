//! The rules for a registration that comes in from a file. The client holds a whole file to them before it sends anything; the
//! server does it once more.

use std::time::Duration;

use crate::{Channel, Day, Environment, LocationId, Places, Profile, Refusal, Tier, Timestamp};

/// The day on which the platform was opened to the public, 29 December 2020: there is no registration and no figure before it.
pub const LAUNCH: Day = Day::from_number(18_625);

/// How far another machine's clock may be ahead.
const AHEAD: Duration = Duration::from_mins(5);

/// Against what registrations are checked.
#[derive(Debug, Clone, Copy)]
pub struct RegistrationRules<'a> {
    /// Now.
    pub now: Timestamp,
    /// Simulated citizens are at home on a sandbox only.
    pub environment: Environment,
    /// The places there are.
    pub places: &'a Places,
}

/// Who registers, for what, how, where and when.
#[derive(Debug, Clone, Copy)]
pub struct Arrival<'a> {
    /// The person.
    pub profile: &'a Profile,
    /// Tier.
    pub tier: Tier,
    /// How.
    pub channel: Channel,
    /// Where.
    pub location: Option<&'a LocationId>,
    /// When.
    pub registered_at: Timestamp,
}

impl RegistrationRules<'_> {
    /// Each rule that the registration breaks, with the field it is about. No message holds personal data.
    pub fn faults(&self, row: Arrival<'_>) -> Vec<(&'static str, Refusal)> {
        let mut faults = Vec::new();
        if self.environment == Environment::Production && row.profile.hkic.is_synthetic() {
            let message = "the HKIC number is a simulated citizen's, who exist on sandbox instances only";
            faults.push(("hkic", Refusal::new("account.synthetic", message)));
        }
        if let Err(refusal) = row.profile.check(row.registered_at.hk_day()) {
            faults.push((field_of(refusal.code), in_time(refusal)));
        }
        if let Err(refusal) = row.channel.check(row.tier, row.location) {
            faults.push((field_of(refusal.code), refusal));
        } else if let Some(Err(refusal)) = row.location.map(|location| self.places.check(row.channel, location)) {
            faults.push(("location", refusal));
        }
        if row.registered_at > self.now.plus(AHEAD) {
            let message = "the time of registration lies in the future";
            faults.push(("registered_at", Refusal::new("account.registered-at", message)));
        } else if row.registered_at < LAUNCH.start() {
            let message = format!("the time of registration lies before the platform was opened on {LAUNCH}");
            faults.push(("registered_at", Refusal::new("account.registered-at", message)));
        }
        faults
    }
}

/// The profile is checked as of its registration, and so it is said.
fn in_time(refusal: Refusal) -> Refusal {
    let message = refusal.message.replace("lies in the future", "lies after the registration");
    Refusal { message, ..refusal }
}

fn field_of(code: &str) -> &'static str {
    match code {
        "profile.name" => "name",
        "profile.birth-date" => "birth_date",
        "profile.card-issued" => "card_issued",
        "account.channel-tier" => "tier",
        _ => "location",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_platform_was_opened_at_the_end_of_2020() {
        assert_eq!(LAUNCH.to_string(), "2020-12-29");
    }
}
