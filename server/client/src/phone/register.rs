//! A simulated citizen registers: the person with one of nobody's card numbers, at a station or with the phone alone.

use api::app::registration::{BindDevice, Bound, Card, DEVICE, Photo, REGISTRATIONS, Register, Registering};
use domain::{Channel, LocationId, Tier, synthetic};
use http::Method;
use pki::{KeyKind, PkiError, PrivateKey, make_csr};

use super::drawer::{Kept, KeptKeys};
use super::line::{Line, Signed};
use crate::error::{ClientError, Written};
use crate::surroundings;

/// What the phone calls itself.
const NAME: &str = "virtual phone";
/// What stands for a photo: nobody's face.
const PHOTO: &[u8] = b"a photo of nobody: simulated citizens have no face";

/// Who registers, and how.
#[derive(Debug, Clone)]
pub struct Wish {
    /// Which of the synthetic people.
    pub person: u32,
    /// How.
    pub channel: Channel,
    /// Where; none for `remote`.
    pub location: Option<LocationId>,
    /// What for.
    pub tier: Tier,
}

/// Registers them, and gives the phone. `station` is the way of the station at which it is done; without it the phone does it alone.
///
/// # Errors
/// When there is no such person; a problem of the server, or why there is no reply.
pub async fn register(phones: &Line, station: Option<&Line>, wish: Wish) -> Result<Kept, ClientError> {
    let person = synthetic::person(wish.person).ok_or_else(|| {
        let message = format!("there is no synthetic person number {}", wish.person);
        ClientError::context("phone.person", message, "numbers from 0 to 25 999 999 are wanted")
    })?;
    let key = PrivateKey::generate(KeyKind::P256).map_err(|error| unmade(&error))?;
    let signing = (wish.tier == Tier::IamSmartPlus).then(|| PrivateKey::generate(KeyKind::P256)).transpose();
    let signing = signing.map_err(|error| unmade(&error))?;
    let keys = KeptKeys::new(&key, signing.as_ref())?;
    let signed = Signed::by(key)?;
    let remote = wish.channel == Channel::Remote;
    let photo = |taken: bool| taken.then(|| Photo::new(PHOTO.to_vec()));
    let asks = Register {
        channel: wish.channel,
        tier: wish.tier,
        card: Card {
            hkic: person.hkic,
            name: person.name,
            sex: person.sex,
            birth_date: person.birth_date,
            card_issued: person.card_issued,
        },
        phone: person.phone,
        card_photo: photo(remote),
        selfie: photo(remote || wish.channel == Channel::Kiosk),
        device_name: remote.then(|| NAME.to_owned()),
    };
    let Registering { registration, code, bound, .. } = match station {
        Some(station) => station.send_as_station(REGISTRATIONS, &asks).await?,
        None => phones.send(&signed, Method::POST, REGISTRATIONS, &asks).await?,
    };
    let bound = match (bound, code) {
        (Some(bound), _) => bound,
        (None, Some(code)) => {
            let csr = signing.as_ref().map(|key| make_csr(key, "citizen")).transpose().map_err(|error| unmade(&error))?;
            let binds = BindDevice { code, device_name: NAME.to_owned(), csr };
            let path = DEVICE.replace("{registration}", &registration.to_string());
            phones.send::<_, Bound>(&signed, Method::POST, &path, &binds).await?
        }
        (None, None) => return Err(phones.odd("a registration that neither bound a device nor waits for one", Written::Perhaps)),
    };
    let Wish { person, channel, location, .. } = wish;
    let registered_at = surroundings::now();
    Ok(Kept { account: bound.account, person, tier: bound.tier, channel, location, registered_at, keys })
}

fn unmade(error: &PkiError) -> ClientError {
    ClientError::context("phone.key", format!("the phone's key cannot be made: {error}"), "this is a defect: report it")
}
