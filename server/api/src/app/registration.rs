//! How people register: what a station or a citizen's own phone says, and what it is told.
//!
//! A station (kiosk, counter, mobile team) comes with its client certificate, which says which channel and place it is, takes the
//! evidence, and shows the citizen the id of the registration and a one-time code. The citizen's phone then binds its key with
//! both. A phone that registers by itself (`remote`) says everything in one request, and is done.
//!
//! No answer tells whether the person had an account before: that depends on the register of accounts, and whoever asks may be a
//! stranger with a found card.

use std::fmt;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use domain::{
    AccountId, AccountState, Channel, Day, Hkic, PersonName, Phone, RegistrationId, RegistrationState, Sex, Tier, Timestamp,
};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::de::{Error, Visitor};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use zeroize::Zeroizing;

/// `POST` [`Register`]: [`Registering`]. A station brings its client certificate; a phone (`remote`) signs the request with the
/// key that it binds. Errors: 403 `registration.not-valid` when the checks said no, 503 `registration.records-unavailable` and
/// `registration.face-matcher-unavailable` when they could not be made; no registration is left open then.
pub const REGISTRATIONS: &str = "/app/v1/registrations";
/// `POST` [`BindDevice`], signed with the key that is bound: [`Bound`]. The same request again, from the same key, has the same
/// answer as long as the code is good. Errors: 403 `registration.code` for another registration's or a wrong code, 409
/// `registration.state` when no device is waited for any more, 409 `registration.device-key` for a key that was bound before.
pub const DEVICE: &str = "/app/v1/registrations/{registration}/device";

/// The largest photo, bytes.
pub const LARGEST_PHOTO: usize = 384 * 1024;
/// The longest name of a device, characters.
pub const LONGEST_DEVICE_NAME: usize = 64;

/// Asks for the registration of a person.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Register {
    /// How: a station's own channel, or `remote`.
    pub channel: Channel,
    /// What the account is to be able to do. `remote` gives `iam-smart` only.
    pub tier: Tier,
    /// What the card says.
    pub card: Card,
    /// The phone the account will live on, E.164.
    #[serde(with = "crate::secret::phone")]
    #[schemars(with = "Phone")]
    pub phone: Phone,
    /// The photo of the card; `remote` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_photo: Option<Photo>,
    /// The photo of the person at this moment; `remote` and `kiosk` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub selfie: Option<Photo>,
    /// The app that signs this request; `remote` only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub device_name: Option<String>,
}

/// What a Hong Kong identity card says, as its chip or a person has read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Card {
    /// Its number, with the check character.
    #[serde(with = "crate::secret::hkic")]
    #[schemars(with = "Hkic")]
    pub hkic: Hkic,
    /// The name on it.
    pub name: PersonName,
    /// On new cards only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sex: Option<Sex>,
    /// Date of birth.
    pub birth_date: Day,
    /// Date of issue.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub card_issued: Option<Day>,
}

/// How a registration stands after its checks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Registering {
    /// Its id.
    pub registration: RegistrationId,
    /// `verified`, when the device is waited for; `completed`, when it was bound in the same request.
    pub state: RegistrationState,
    /// What the station shows to the citizen's phone, once: `7KQ2-M9XA`. None when nothing is waited for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub code: Option<String>,
    /// The last moment for the device.
    pub expires_at: Timestamp,
    /// What was bound, when it was `remote`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bound: Option<Bound>,
}

/// Binds the key of the app on a citizen's phone: the key that signs this request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BindDevice {
    /// What the station shows; hyphens, spaces and lower case do not matter.
    pub code: String,
    /// What the phone calls itself, at most 64 characters: an agent of the hotline names it to the caller.
    pub device_name: String,
    /// The certificate signing request of the signing key, one PEM block or the base64 of its DER: wanted for `iam-smart-plus`, and
    /// for nothing else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub csr: Option<String>,
}

/// An account on its device, active from this moment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bound {
    /// The account's reference.
    pub account: AccountId,
    /// `active`.
    pub state: AccountState,
    /// What it can do.
    pub tier: Tier,
    /// RFC 7638 thumbprint of the device's key.
    pub device: String,
    /// The signing certificate, PEM, of an `iam-smart-plus` account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<String>,
    /// Its issuers up to the root, PEM.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub chain: Vec<String>,
}

/// A photo, base64 on the wire. Its memory is wiped when it is dropped, and nothing prints it.
pub struct Photo(Zeroizing<Vec<u8>>);

impl Photo {
    /// Takes a photo's bytes.
    #[must_use]
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// The bytes, for whoever compares faces and for nobody else.
    #[must_use]
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for Photo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a photo")
    }
}

impl Serialize for Photo {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&Zeroizing::new(BASE64_STANDARD.encode(&*self.0)))
    }
}

impl<'de> Deserialize<'de> for Photo {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(PhotoVisitor)
    }
}

struct PhotoVisitor;

impl Visitor<'_> for PhotoVisitor {
    type Value = Photo;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a photo in base64")
    }

    /// Decodes into memory of the right size at once, so that growing leaves no copy behind.
    fn visit_str<E: Error>(self, text: &str) -> Result<Photo, E> {
        let mut bytes = Zeroizing::new(vec![0; text.len() / 4 * 3 + 3]);
        let length = BASE64_STANDARD.decode_slice(text, &mut bytes).map_err(|_| {
            E::custom("a photo is wanted in base64 with the alphabet of '+' and '/', padded by '=' (RFC 4648, section 4)")
        })?;
        if length == 0 || length > LARGEST_PHOTO {
            return Err(E::custom(format!("a photo has 1 to {LARGEST_PHOTO} bytes")));
        }
        bytes.truncate(length);
        Ok(Photo(bytes))
    }
}

impl JsonSchema for Photo {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Photo".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "contentEncoding": "base64",
            "contentMediaType": "image/jpeg",
            "description": "a JPEG photo of at most 384 KiB, in padded base64 (RFC 4648, section 4); wiped from memory right after it was looked at",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_photo_is_read_from_base64_and_never_printed() {
        let photo: Photo = serde_json::from_str(r#""c2VjcmV0""#).unwrap();
        assert_eq!((photo.expose(), format!("{photo:?}")), (&b"secret"[..], "a photo".to_owned()));
        assert_eq!(serde_json::to_string(&photo).unwrap(), r#""c2VjcmV0""#);
        let largest = BASE64_STANDARD.encode(vec![7; LARGEST_PHOTO]);
        assert!(serde_json::from_value::<Photo>(largest.into()).is_ok());
        let too_large = BASE64_STANDARD.encode(vec![7; LARGEST_PHOTO + 1]);
        for bad in [serde_json::json!(""), "c2Vjc!".into(), too_large.into(), serde_json::json!([1, 2])] {
            let error = serde_json::from_value::<Photo>(bad).unwrap_err().to_string();
            assert!(!error.contains("c2Vjc"), "{error}");
        }
    }
}
