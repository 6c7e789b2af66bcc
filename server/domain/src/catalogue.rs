//! The service catalogue and the places of registration, as the files under `fixtures/` give them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{Bilingual, Category, Channel, Day, LocationId, RelyingPartyId, ServiceSlug};

/// `catalogue/categories.yaml`: the categories of S20 Annex 1.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Categories {
    /// Where they stand.
    pub source: String,
    /// How many services there were to be.
    pub planned: PlannedTotal,
    /// The twelve.
    pub categories: Vec<CategoryEntry>,
}

impl Categories {
    /// A category's entry.
    pub fn get(&self, id: Category) -> Option<&CategoryEntry> {
        self.categories.iter().find(|category| category.id == id)
    }

    /// The sum of the planned counts.
    pub fn planned_sum(&self) -> u32 {
        self.categories.iter().fold(0, |sum, category| sum.saturating_add(category.planned))
    }
}

/// The total of the planned services: the annex's sum and what the paper says in words ("about 110"). They differ, and both
/// are kept.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PlannedTotal {
    /// Sum of the annex.
    pub sum: u32,
    /// The paper's number.
    pub stated: u32,
    /// The paper's words.
    pub wording: Bilingual,
    /// By when.
    pub by: Day,
    /// Where that stands.
    pub source: String,
}

/// A category.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CategoryEntry {
    /// Its id.
    pub id: Category,
    /// Its number in the annex.
    pub number: u32,
    /// Its name.
    pub name: Bilingual,
    /// How many services were planned in it.
    pub planned: u32,
    /// Where that stands.
    pub source: String,
}

/// `catalogue/services.yaml`: the services that the papers name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedServices {
    /// The examples of the annex.
    pub services: Vec<NamedService>,
    /// Named elsewhere in the papers.
    pub also_named: Vec<NamedService>,
}

/// A service that the papers name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct NamedService {
    /// Its id within its party.
    pub id: ServiceSlug,
    /// Its name.
    pub name: Bilingual,
    /// Its category; none for some private ones.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub category: Option<Category>,
    /// The party that runs it.
    pub relying_party: RelyingPartyId,
    /// That party's name.
    pub organisation: Bilingual,
    /// Where it stands.
    pub source: String,
    /// How it was read where the paper leaves a choice.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// `locations.yaml`: the places of registration of S20 Annex 2.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Locations {
    /// Where they stand.
    pub source: String,
    /// How many places the annex names, by channel.
    pub named: BTreeMap<Channel, u32>,
    /// How many it says there will be, in its words.
    pub stated: BTreeMap<Channel, String>,
    /// The places.
    pub locations: Vec<Location>,
}

impl Locations {
    /// A place by its id.
    pub fn get(&self, id: &LocationId) -> Option<&Location> {
        self.locations.iter().find(|location| location.id == *id)
    }
}

/// A place of registration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct Location {
    /// Its id.
    pub id: LocationId,
    /// Its name.
    pub name: Bilingual,
    /// How one registers there.
    pub channel: Channel,
    /// Whose premises they are, or whose team comes.
    pub host: Bilingual,
    /// Its district, where that is certain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub district: Option<District>,
    /// For an entry that stands for places without names: how many, in the paper's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<String>,
    /// Where it stands.
    pub source: String,
}

words! {
    /// The eighteen districts of Hong Kong.
    pub enum District, "district" {
        /// Central and Western.
        CentralAndWestern = 1 => "central-and-western",
        /// Wan Chai.
        WanChai = 2 => "wan-chai",
        /// Eastern.
        Eastern = 3 => "eastern",
        /// Southern.
        Southern = 4 => "southern",
        /// Yau Tsim Mong.
        YauTsimMong = 5 => "yau-tsim-mong",
        /// Sham Shui Po.
        ShamShuiPo = 6 => "sham-shui-po",
        /// Kowloon City.
        KowloonCity = 7 => "kowloon-city",
        /// Wong Tai Sin.
        WongTaiSin = 8 => "wong-tai-sin",
        /// Kwun Tong.
        KwunTong = 9 => "kwun-tong",
        /// Kwai Tsing.
        KwaiTsing = 10 => "kwai-tsing",
        /// Tsuen Wan.
        TsuenWan = 11 => "tsuen-wan",
        /// Tuen Mun.
        TuenMun = 12 => "tuen-mun",
        /// Yuen Long.
        YuenLong = 13 => "yuen-long",
        /// North.
        North = 14 => "north",
        /// Tai Po.
        TaiPo = 15 => "tai-po",
        /// Sha Tin.
        ShaTin = 16 => "sha-tin",
        /// Sai Kung.
        SaiKung = 17 => "sai-kung",
        /// Islands.
        Islands = 18 => "islands",
    }
}
