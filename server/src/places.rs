//! The places of registration, as `fixtures/locations.yaml` lists them.

use std::sync::LazyLock;

use domain::{LOCATIONS_YAML, Locations, Places};

use crate::failure::Failure;

static KNOWN: LazyLock<Result<Places, String>> = LazyLock::new(|| {
    let list: Locations = serde_yaml::from_str(LOCATIONS_YAML).map_err(|error| error.to_string())?;
    Ok(list.into())
});

/// The places there are.
///
/// # Errors
/// When the list that was built in does not parse; a test reads it.
pub(crate) fn known() -> Result<&'static Places, Failure> {
    KNOWN.as_ref().map_err(|error| anyhow::anyhow!("the list of locations does not parse: {error}").into())
}

#[cfg(test)]
mod tests {
    use domain::Channel;

    use super::known;

    #[test]
    fn the_places_of_the_paper_are_known_and_the_unnamed_ones_too() {
        let places =
            [("harbour-road-sports-centre", Channel::Kiosk), ("post-offices", Channel::Counter), ("roving", Channel::MobileTeam)];
        for (id, channel) in places {
            known().unwrap().check(channel, &id.parse().unwrap()).unwrap();
        }
    }
}
