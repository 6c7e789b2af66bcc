//! The service catalogue and the places of registration, as the files under `fixtures/` give them.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::wire::words;
use crate::{Bilingual, Category, Channel, Day, LocationId, Refusal, RelyingPartyId, ServiceSlug, suggest};

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

/// The list of places itself, `fixtures/locations.yaml`: everybody who holds a registration against it has the same one.
pub const LOCATIONS_YAML: &str = include_str!("../../../fixtures/locations.yaml");

/// The places of registration, each with the one channel that is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Places(BTreeMap<LocationId, Channel>);

impl From<Locations> for Places {
    fn from(list: Locations) -> Places {
        Places(list.locations.into_iter().map(|place| (place.id, place.channel)).collect())
    }
}

impl Places {
    /// Whether one registers at that place through that channel: nobody meets a mobile team in a post office's kiosk.
    ///
    /// # Errors
    /// When there is no such place, or another channel is there.
    pub fn check(&self, channel: Channel, place: &LocationId) -> Result<(), Refusal> {
        match self.0.get(place) {
            Some(there) if *there == channel => Ok(()),
            Some(there) => {
                let message = format!("'{place}' is a place of the channel {there}, not of {channel}");
                Err(Refusal::new("account.location-channel", message)
                    .hint("each place has one channel: see the list of locations, fixtures/locations.yaml"))
            }
            None => {
                let known: Vec<&str> = self.0.keys().map(LocationId::as_str).collect();
                let hint = suggest(place.as_str(), &known).map_or_else(
                    || "give the id of a place in the list of locations, fixtures/locations.yaml".to_owned(),
                    |meant| format!("did you mean '{meant}'?"),
                );
                Err(Refusal::new("account.location-unknown", format!("there is no place of registration '{place}'")).hint(hint))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_place_of_the_list_goes_with_its_own_channel_alone() {
        let list: Locations = serde_yaml::from_str(LOCATIONS_YAML).unwrap();
        let places = Places::from(list.clone());
        for place in &list.locations {
            for channel in Channel::ALL {
                let code = places.check(*channel, &place.id).err().map(|refusal| refusal.code);
                let expected = (*channel != place.channel).then_some("account.location-channel");
                assert_eq!(code, expected, "{channel} at {}", place.id);
            }
        }
    }

    #[test]
    fn a_place_that_is_not_on_the_list_is_named_with_the_one_that_was_meant() {
        let places = Places::from(serde_yaml::from_str::<Locations>(LOCATIONS_YAML).unwrap());
        let unknown = places.check(Channel::Counter, &"post-office".parse().unwrap()).unwrap_err();
        assert_eq!((unknown.code, unknown.hint.as_deref()), ("account.location-unknown", Some("did you mean 'post-offices'?")));
        let far = places.check(Channel::Kiosk, &"moon-base".parse().unwrap()).unwrap_err();
        assert_eq!(far.hint.as_deref(), Some("give the id of a place in the list of locations, fixtures/locations.yaml"));
    }
}
