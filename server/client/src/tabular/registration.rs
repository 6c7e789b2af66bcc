//! Registrations and stations.

use api::registration::{AddedStation, PhotoDeletion, RegistrationCount, RegistrationDetail, RegistrationView, StationView};

use super::{Column, Section, Tabular, or_none, word};
use crate::times::{people, people_or_none, raw_or_none, spaced};

macro_rules! columns_of_registration {
    ($type:ty, |$row:ident| $registration:expr, [$($more:expr),*]) => {
        const {
            &[
                Column::text("registration", "REGISTRATION", |$row: &$type| $registration.registration.to_string()),
                Column::text("state", "STATE", |$row: &$type| word(&$registration.state)),
                Column::text("kind", "KIND", |$row: &$type| or_none($registration.kind.as_ref())),
                Column::text("reason", "REASON", |$row: &$type| or_none($registration.reason.as_ref())).wide(),
                Column::text("channel", "CHANNEL", |$row: &$type| $registration.channel.to_string()),
                Column::text("location", "LOCATION", |$row: &$type| or_none($registration.location.as_ref())).wide(),
                Column::text("station", "STATION", |$row: &$type| or_none($registration.station.as_ref())).wide(),
                Column::text("tier", "TIER", |$row: &$type| $registration.tier.to_string()).wide(),
                Column::two(
                    "begun_at",
                    "BEGUN",
                    |$row: &$type| people($registration.begun_at),
                    |$row: &$type| $registration.begun_at.to_string(),
                )
                .wide(),
                Column::two(
                    "ended_at",
                    "ENDED",
                    |$row: &$type| people_or_none($registration.ended_at),
                    |$row: &$type| raw_or_none($registration.ended_at),
                )
                .wide(),
                $($more,)*
            ]
        }
    };
}

impl Tabular for RegistrationView {
    fn columns() -> &'static [Column<Self>] {
        columns_of_registration!(Self, |row| row, [])
    }
}

impl Tabular for RegistrationDetail {
    fn columns() -> &'static [Column<Self>] {
        columns_of_registration!(
            Self,
            |row| row.registration,
            [Column::text("account", "ACCOUNT", |row: &Self| or_none(row.account.as_ref()))]
        )
    }

    fn sections(&self) -> Vec<Section> {
        if self.photos.is_empty() { Vec::new() } else { vec![Section::of("Photos", &self.photos)] }
    }
}

impl Tabular for PhotoDeletion {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("photo", "PHOTO", |row: &Self| row.photo.clone()),
                Column::two("taken_at", "TAKEN", |row: &Self| people(row.taken_at), |row: &Self| row.taken_at.to_string()),
                Column::two(
                    "deleted_at",
                    "DELETED",
                    |row: &Self| people_or_none(row.deleted_at),
                    |row: &Self| raw_or_none(row.deleted_at),
                ),
                Column::text("why", "WHY", |row: &Self| or_none(row.why.as_ref())),
                Column::text("digest", "DIGEST", |row: &Self| row.digest.clone()).wide(),
            ]
        }
    }
}

impl Tabular for RegistrationCount {
    fn columns() -> &'static [Column<Self>] {
        const {
            &[
                Column::text("channel", "CHANNEL", |row: &Self| row.channel.to_string()),
                Column::text("location", "LOCATION", |row: &Self| or_none(row.location.as_ref())),
                Column::number("open", "OPEN", |row: &Self| spaced(row.open), |row: &Self| row.open.to_string()).wide(),
                Column::number(
                    "completed",
                    "COMPLETED",
                    |row: &Self| spaced(row.completed),
                    |row: &Self| row.completed.to_string(),
                ),
                Column::number("refused", "REFUSED", |row: &Self| spaced(row.refused), |row: &Self| row.refused.to_string())
                    .wide(),
                Column::number("expired", "EXPIRED", |row: &Self| spaced(row.expired), |row: &Self| row.expired.to_string())
                    .wide(),
                Column::number(
                    "abandoned",
                    "ABANDONED",
                    |row: &Self| spaced(row.abandoned),
                    |row: &Self| row.abandoned.to_string(),
                )
                .wide(),
            ]
        }
    }
}

macro_rules! columns_of_station {
    ($type:ty, |$row:ident| $station:expr, [$($more:expr),*]) => {
        const {
            &[
                Column::text("id", "STATION", |$row: &$type| $station.id.to_string()),
                Column::text("channel", "CHANNEL", |$row: &$type| $station.channel.to_string()),
                Column::text("location", "LOCATION", |$row: &$type| $station.location.to_string()).wide(),
                Column::text("state", "STATE", |$row: &$type| $station.state.clone()),
                Column::two(
                    "added_at",
                    "ADDED",
                    |$row: &$type| people($station.added_at),
                    |$row: &$type| $station.added_at.to_string(),
                )
                .wide(),
                Column::two(
                    "retired_at",
                    "RETIRED",
                    |$row: &$type| people_or_none($station.retired_at),
                    |$row: &$type| raw_or_none($station.retired_at),
                )
                .wide(),
                $($more,)*
            ]
        }
    };
}

impl Tabular for StationView {
    fn columns() -> &'static [Column<Self>] {
        columns_of_station!(Self, |row| row, [])
    }
}

impl Tabular for AddedStation {
    fn columns() -> &'static [Column<Self>] {
        columns_of_station!(
            Self,
            |row| row.station,
            [
                Column::text("serial", "SERIAL", |row: &Self| row.certificate.serial.to_string()),
                Column::two(
                    "not_after",
                    "GOOD UNTIL",
                    |row: &Self| people(row.certificate.not_after),
                    |row: &Self| row.certificate.not_after.to_string(),
                )
            ]
        )
    }

    fn sections(&self) -> Vec<Section> {
        let mut sections = super::certificate::pem_sections(self.pem.as_ref(), &self.chain);
        if !self.ignored.is_empty() {
            sections.push(Section::lines("Asked for and not given", self.ignored.iter().cloned()));
        }
        sections
    }
}
