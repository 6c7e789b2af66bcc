//! A registration as it comes in from a file, held to the rules once more: the client has checked it, and is not believed.

use api::Field;
use api::account::{ImportRow, Registration};
use domain::{Arrival, Channel, LocationId, Profile, RegistrationRules, Tier, Timestamp};

use crate::failure::Failure;

/// The most mistakes that are listed at once.
const MOST_FIELDS: usize = 100;

/// A registration that can be.
#[derive(Debug)]
pub(super) struct Checked {
    /// 1-based line in the file.
    pub(super) line: u64,
    /// The person.
    pub(super) profile: Profile,
    /// Tier.
    pub(super) tier: Tier,
    /// How.
    pub(super) channel: Channel,
    /// Where.
    pub(super) location: Option<LocationId>,
    /// When.
    pub(super) registered_at: Timestamp,
}

/// Holds every row to the rules.
///
/// # Errors
/// [`Failure::Invalid`] with every mistake of every row, up to a hundred; none of the messages holds personal data.
pub(super) fn check(rows: Vec<ImportRow>, rules: RegistrationRules<'_>) -> Result<Vec<Checked>, Failure> {
    let mut checked = Vec::with_capacity(rows.len());
    let mut fields = Vec::new();
    let mut wrong = 0_usize;
    for (place, ImportRow { line, registration }) in rows.into_iter().enumerate() {
        let Registration { hkic, name, sex, birth_date, card_issued, phone, tier, channel, location, registered_at } =
            registration;
        let profile = Profile { hkic, name, sex, birth_date, card_issued, phone };
        let row = Checked { line, profile, tier, channel, location, registered_at };
        let faults =
            rules.faults(Arrival { profile: &row.profile, tier, channel, location: row.location.as_ref(), registered_at });
        if faults.is_empty() {
            checked.push(row);
            continue;
        }
        wrong += 1;
        fields.extend(faults.into_iter().map(|(field, refusal)| Field {
            path: format!("rows[{place}].{field}"),
            file: None,
            line: None,
            column: None,
            code: Some(refusal.code.to_owned()),
            message: refusal.message,
        }));
    }
    if wrong == 0 {
        return Ok(checked);
    }
    fields.truncate(MOST_FIELDS);
    let rows = if wrong == 1 { "one row is".to_owned() } else { format!("{wrong} rows are") };
    Err(Failure::Invalid { code: "account.rows", message: format!("{rows} wrong; nothing was registered"), fields })
}

#[cfg(test)]
mod tests {
    use domain::{Environment, PersonName, Sex};

    use super::*;
    use crate::places;

    fn chan_tai_man() -> Registration {
        Registration {
            hkic: "QA000001(1)".parse().or_else(|_| domain::Hkic::synthetic(1).ok_or(())).unwrap(),
            name: PersonName { en: "CHAN TAI MAN".to_owned(), zh_hant: Some("陳大文".to_owned()) },
            sex: Some(Sex::M),
            birth_date: "1990-01-31".parse().unwrap(),
            card_issued: Some("2019-05-01".parse().unwrap()),
            phone: "+85291234567".parse().unwrap(),
            tier: Tier::IamSmartPlus,
            channel: Channel::Counter,
            location: Some("post-offices".parse().unwrap()),
            registered_at: "2021-03-04T10:00:00+08:00".parse().unwrap(),
        }
    }

    fn faults(environment: Environment, change: &dyn Fn(&mut Registration)) -> Vec<(String, String)> {
        let mut registration = chan_tai_man();
        change(&mut registration);
        let rows = vec![ImportRow { line: 1, registration: chan_tai_man() }, ImportRow { line: 2, registration }];
        let now = "2022-05-31T12:00:00+08:00".parse().unwrap();
        match check(rows, RegistrationRules { now, environment, places: places::known().unwrap() }) {
            Ok(_) => Vec::new(),
            Err(Failure::Invalid { code: "account.rows", fields, .. }) => {
                fields.into_iter().map(|field| (field.path, field.code.unwrap_or_default())).collect()
            }
            Err(other) => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_row_names_each_field_that_breaks_a_rule() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        let sandbox = |change: &dyn Fn(&mut Registration)| {
            let found = faults(Environment::Sandbox, change);
            found.into_iter().map(|(path, code)| format!("{path} {code}")).collect::<Vec<_>>().join(", ")
        };
        assert_eq!(sandbox(&|_| {}), "");
        assert_eq!(sandbox(&|row| row.channel = Channel::Remote), "rows[1].tier account.channel-tier");
        assert_eq!(
            sandbox(&|row| (row.channel, row.tier) = (Channel::Remote, Tier::IamSmart)),
            "rows[1].location account.location-unexpected"
        );
        assert_eq!(sandbox(&|row| row.location = None), "rows[1].location account.location-missing");
        assert_eq!(sandbox(&|row| row.location = "moon-base".parse().ok()), "rows[1].location account.location-unknown");
        assert_eq!(sandbox(&|row| row.channel = Channel::Kiosk), "rows[1].location account.location-channel");
        assert_eq!(sandbox(&|row| row.name.en = "CHAN\tTAI".to_owned()), "rows[1].name profile.name");
        assert_eq!(sandbox(&|row| row.birth_date = "1790-01-31".parse().unwrap()), "rows[1].birth_date profile.birth-date");
        assert_eq!(sandbox(&|row| row.birth_date = "2021-03-05".parse().unwrap()), "rows[1].birth_date profile.birth-date");
        assert_eq!(sandbox(&|row| row.card_issued = "2021-03-05".parse().ok()), "rows[1].card_issued profile.card-issued");
        assert_eq!(
            sandbox(&|row| row.registered_at = at("2020-12-28T23:59:59+08:00")),
            "rows[1].registered_at account.registered-at"
        );
        assert_eq!(sandbox(&|row| row.registered_at = at("2020-12-29T00:00:00+08:00")), "");
        assert_eq!(sandbox(&|row| row.registered_at = at("2022-05-31T12:05:00+08:00")), "");
        assert_eq!(
            sandbox(&|row| row.registered_at = at("2022-05-31T12:05:00.000001+08:00")),
            "rows[1].registered_at account.registered-at"
        );
    }

    #[test]
    fn simulated_citizens_stay_on_the_sandbox() {
        let real = |row: &mut Registration| row.hkic = "G123456(A)".parse().unwrap();
        assert_eq!(faults(Environment::Production, &real), [("rows[0].hkic".to_owned(), "account.synthetic".to_owned())]);
        assert_eq!(faults(Environment::Sandbox, &real), []);
    }
}
