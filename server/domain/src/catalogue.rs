//! The service catalogue and the places of registration, as the fixtures give them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{Bilingual, Category, Channel, LocationId};

/// The service catalogue (S20 Annex 1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Catalogue {
    /// The total that the paper states in words ("about 110"). It is not the sum of the planned
    /// counts, and both are kept.
    pub stated_total: u32,
    /// The twelve categories.
    pub categories: Vec<CategoryEntry>,
    /// The services that the annex names.
    pub services: Vec<NamedService>,
}

impl Catalogue {
    /// The sum of the planned counts.
    pub fn planned_total(&self) -> u32 {
        self.categories.iter().fold(0, |sum, category| sum.saturating_add(category.planned))
    }

    /// A category's entry.
    pub fn category(&self, id: Category) -> Option<&CategoryEntry> {
        self.categories.iter().find(|category| category.id == id)
    }
}

/// A category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CategoryEntry {
    /// Its id.
    pub id: Category,
    /// Its name.
    pub name: Bilingual,
    /// How many services were planned in it.
    pub planned: u32,
    /// Where that stands.
    pub source: String,
}

/// A service that the annex names, whether or not it has joined.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedService {
    /// Its name.
    pub name: Bilingual,
    /// Its category.
    pub category: Category,
    /// The department that runs it.
    pub department: Bilingual,
    /// Where it stands.
    pub source: String,
}

words! {
    /// What is at a place of registration.
    pub enum LocationKind, "kind of location" {
        /// A self-service kiosk.
        Kiosk = 1 => "kiosk",
        /// A mobile team at a fixed place.
        MobileTeam = 2 => "mobile-team",
        /// A service counter.
        Counter = 3 => "counter",
        /// A mobile team now here, now there.
        Roving = 4 => "roving",
    }
}

/// A place of registration (S20 Annex 2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// Its name.
    pub name: Bilingual,
    /// What is there.
    pub kind: LocationKind,
    /// Whose premises they are.
    pub host: String,
    /// Where that stands.
    pub source: String,
}

impl LocationKind {
    /// Whether registrations through that channel are made there.
    pub const fn serves(self, channel: Channel) -> bool {
        matches!(
            (self, channel),
            (LocationKind::Kiosk, Channel::Kiosk)
                | (LocationKind::Counter, Channel::Counter)
                | (LocationKind::MobileTeam | LocationKind::Roving, Channel::MobileTeam)
        )
    }
}
