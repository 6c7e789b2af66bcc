//! The places of registration, as `fixtures/locations.yaml` lists them.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use domain::{LocationId, Locations};

use crate::failure::Failure;

static KNOWN: LazyLock<Result<BTreeSet<LocationId>, String>> = LazyLock::new(|| {
    let locations: Result<Locations, _> = serde_yaml::from_str(include_str!("../../../fixtures/locations.yaml"));
    let locations = locations.map_err(|error| error.to_string())?;
    Ok(locations.locations.into_iter().map(|location| location.id).collect())
});

/// The ids of the places.
///
/// # Errors
/// When the list that was built in does not parse.
pub(super) fn known() -> Result<&'static BTreeSet<LocationId>, Failure> {
    KNOWN.as_ref().map_err(|error| anyhow::anyhow!("the list of locations does not parse: {error}").into())
}

#[cfg(test)]
mod tests {
    use super::known;

    #[test]
    fn the_places_of_the_paper_are_known_and_the_unnamed_ones_too() {
        let known = known().unwrap();
        for id in ["harbour-road-sports-centre", "post-offices", "roving"] {
            assert!(known.contains(id), "{id}");
        }
        assert!(!known.contains("moon-base"));
    }
}
