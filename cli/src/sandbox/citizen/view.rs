//! A simulated citizen, as they are shown. Nobody's data: the card numbers are issued to nobody.

use client::Tabular;
use client::phone::Kept;
use client::tabular::Column;
use client::times::people;
use domain::{AccountId, Channel, LocationId, Tier, Timestamp, synthetic};
use serde::Serialize;

/// A simulated citizen.
#[derive(Debug, Clone, Serialize)]
pub struct CitizenView {
    /// Their account.
    pub account: AccountId,
    /// Their name.
    pub name: String,
    /// Their card number.
    pub hkic: String,
    /// Which of the synthetic people they are.
    pub person: u32,
    /// The tier they registered for.
    pub tier: Tier,
    /// How.
    pub channel: Channel,
    /// Where; none for `remote`.
    pub location: Option<LocationId>,
    /// When.
    pub registered_at: Timestamp,
}

impl From<Kept> for CitizenView {
    fn from(kept: Kept) -> Self {
        let Kept { account, person, tier, channel, location, registered_at, .. } = kept;
        let (name, hkic) = synthetic::person(person)
            .map(|person| (person.name.en.clone(), person.hkic.expose().to_owned()))
            .unwrap_or_default();
        Self { account, name, hkic, person, tier, channel, location, registered_at }
    }
}

impl Tabular for CitizenView {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("account", "ACCOUNT", |row: &Self| row.account.to_string()),
                Column::text("name", "NAME", |row: &Self| row.name.clone()),
                Column::text("hkic", "HKIC", |row: &Self| row.hkic.clone()),
                Column::text("tier", "TIER", |row: &Self| row.tier.to_string()),
                Column::text("channel", "CHANNEL", |row: &Self| row.channel.to_string()),
                Column::text("location", "LOCATION", |row: &Self| {
                    row.location.as_ref().map(ToString::to_string).unwrap_or_default()
                })
                .wide(),
                Column::number("person", "PERSON", |row: &Self| row.person.to_string(), |row: &Self| row.person.to_string())
                    .wide(),
                Column::two(
                    "registered_at",
                    "REGISTERED",
                    |row: &Self| people(row.registered_at),
                    |row: &Self| row.registered_at.to_string(),
                )
                .wide(),
            ]
        }
    }
}
