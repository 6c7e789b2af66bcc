//! Names and ids that are not spoken.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use uuid::{Builder, Uuid};

use crate::wire::text_form;
use crate::{Entropy, Timestamp};

/// Why a text is not an id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// Not a slug.
    #[error("not an id: 2 to 64 of a-z, 0-9 and single hyphens are wanted, a letter first and no hyphen last")]
    Slug,
    /// Not a client id.
    #[error("not a client id: a relying party and a service joined by a dot are wanted")]
    Client,
    /// Not a key id.
    #[error("not a key id: 1 to 128 of A-Z, a-z, 0-9, - and _ are wanted")]
    Kid,
    /// Not a serial number.
    #[error("not a serial number: up to 40 hex digits are wanted")]
    Serial,
    /// Not a UUID.
    #[error("not an id of the form 01890a5d-ac96-774b-bcce-b302099a8057")]
    Uuid,
}

impl IdError {
    /// Stable code.
    pub const fn code(self) -> &'static str {
        match self {
            IdError::Slug => "id.slug",
            IdError::Client => "id.client",
            IdError::Kid => "id.kid",
            IdError::Serial => "id.serial",
            IdError::Uuid => "id.uuid",
        }
    }
}

fn is_slug(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.starts_with(|c: char| c.is_ascii_lowercase())
        && !text.ends_with('-')
        && !text.contains("--")
        && text.bytes().all(|b| matches!(b, b'a'..=b'z' | b'0'..=b'9' | b'-'))
}

fn is_kid(text: &str) -> bool {
    (1..=128).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

macro_rules! name {
    ($(#[$meta:meta])* $name:ident, $check:ident, $error:ident, $expecting:literal, $format:literal, $example:literal) => {
        $(#[$meta])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Arc<str>);

        impl $name {
            /// The text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                if $check(text) { Ok($name(text.into())) } else { Err(IdError::$error) }
            }
        }

        text_form!($name, $expecting, $format, $example);
    };
}

name!(
    /// A relying party: `inland-revenue-department`.
    RelyingPartyId, is_slug, Slug, "the id of a relying party", "slug", "inland-revenue-department"
);
name!(
    /// A service within its relying party: `etax`.
    ServiceSlug, is_slug, Slug, "the id of a service", "slug", "etax"
);
name!(
    /// An operator of this instance: `first-operator`.
    OperatorId, is_slug, Slug, "the id of an operator", "slug", "first-operator"
);
name!(
    /// A place of registration: `harbour-road-sports-centre`.
    LocationId, is_slug, Slug, "the id of a location", "slug", "harbour-road-sports-centre"
);
name!(
    /// A station of the registration service: `wan-chai-kiosk-1`.
    StationId, is_slug, Slug, "the id of a station", "slug", "wan-chai-kiosk-1"
);
name!(
    /// A key, by the name that stands in JWKS and token headers.
    Kid, is_kid, Kid, "a key id", "kid", "NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs"
);

/// An OAuth client: relying party and service, written `<rp>.<service>`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ClientId {
    /// The relying party.
    pub rp: RelyingPartyId,
    /// Its service.
    pub service: ServiceSlug,
}

impl fmt::Display for ClientId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.rp, self.service)
    }
}

impl FromStr for ClientId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<ClientId, IdError> {
        let (rp, service) = text.split_once('.').ok_or(IdError::Client)?;
        Ok(ClientId { rp: rp.parse().map_err(|_| IdError::Client)?, service: service.parse().map_err(|_| IdError::Client)? })
    }
}

text_form!(ClientId, "a client id", "client-id", "inland-revenue-department.etax");

/// UUID version 7 of a moment. The twelve bits after the version count fractions of the millisecond (RFC 9562 section 6.2,
/// method 3), so that what was done a microsecond later sorts later; the other 62 are chance.
fn uuid_at(now: Timestamp, entropy: &dyn Entropy) -> Uuid {
    let mut chance = [0; 10];
    entropy.fill(&mut chance);
    // Before 1970 there is no version 7; such a clock is refused long before.
    let micros = u64::try_from(now.micros()).unwrap_or(0);
    let fraction = u16::try_from(micros % 1_000 * 4_096 / 1_000).unwrap_or(0);
    chance[..2].copy_from_slice(&fraction.to_be_bytes());
    Builder::from_unix_timestamp_millis(micros / 1_000, &chance).into_uuid()
}

macro_rules! uuid_id {
    ($(#[$meta:meta])* $name:ident, $expecting:literal) => {
        $(#[$meta])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(Uuid);

        impl $name {
            /// A new one (UUID version 7: ids made later sort later).
            pub fn new(now: Timestamp, entropy: &dyn Entropy) -> $name {
                $name(uuid_at(now, entropy))
            }

            /// As a UUID.
            pub const fn uuid(self) -> Uuid {
                self.0
            }

            /// From the sixteen stored bytes.
            pub fn from_bytes(bytes: &[u8]) -> Result<$name, IdError> {
                Uuid::from_slice(bytes).map($name).map_err(|_| IdError::Uuid)
            }

            /// The sixteen bytes that are stored.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                self.0.as_bytes()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(&self.0, f)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<$name, IdError> {
                Uuid::try_parse(text).map($name).map_err(|_| IdError::Uuid)
            }
        }

        text_form!($name, $expecting, "uuid", "01890a5d-ac96-774b-bcce-b302099a8057");
    };
}

uuid_id!(
    /// A long piece of work on the server.
    JobId,
    "the id of a job"
);
uuid_id!(
    /// One request, from the log to the error message.
    RequestId,
    "the id of a request"
);
uuid_id!(
    /// One registration on its way.
    RegistrationId,
    "the id of a registration"
);
uuid_id!(
    /// What a service asks of a citizen. 62 of its bits are by chance: it cannot be guessed while it lives.
    CitizenRequestId,
    "the id of a citizen's request"
);
uuid_id!(
    /// One audit entry.
    AuditId,
    "the id of an audit entry"
);

#[cfg(test)]
mod tests {
    use super::*;

    struct Fixed;

    impl Entropy for Fixed {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill(0xab);
        }
    }

    #[test]
    fn slugs() {
        let longest = "a".repeat(64);
        for text in ["etax", "inland-revenue-department", "e2", "a-1", longest.as_str()] {
            let id: RelyingPartyId = text.parse().unwrap();
            assert_eq!((id.as_str(), id.to_string().as_str()), (text, text));
        }
        let too_long = "a".repeat(65);
        for text in [
            "",
            "a",
            "1a",
            "-a",
            "a-",
            "a--b",
            "eTAX",
            "a_b",
            "a.b",
            "a b",
            "a/b",
            "etax ",
            "税務",
            "..",
            "a\0b",
            too_long.as_str(),
        ] {
            assert_eq!(text.parse::<ServiceSlug>(), Err(IdError::Slug), "{text}");
        }
    }

    #[test]
    fn a_client_is_a_party_and_a_service() {
        let client: ClientId = "inland-revenue-department.etax".parse().unwrap();
        assert_eq!((client.rp.as_str(), client.service.as_str()), ("inland-revenue-department", "etax"));
        assert_eq!(client.to_string(), "inland-revenue-department.etax");
        assert_eq!(serde_json::to_string(&client).unwrap(), "\"inland-revenue-department.etax\"");
        for text in ["", "etax", ".etax", "ird.", "ird.etax.x", "ird..etax", "IRD.etax"] {
            assert_eq!(text.parse::<ClientId>(), Err(IdError::Client), "{text}");
        }
    }

    #[test]
    fn key_ids_are_safe_in_addresses() {
        assert!("NzbLsXh8uDCcd-6MNwXF4W_7noWXFZAfHkxZsRGC9Xs".parse::<Kid>().is_ok());
        let too_long = "k".repeat(129);
        for text in ["", "a/b", "a+b", "a=", "a.b", "a b", "é", too_long.as_str()] {
            assert_eq!(text.parse::<Kid>(), Err(IdError::Kid), "{text}");
        }
    }

    #[test]
    fn ids_made_later_sort_later() {
        let early = AuditId::new("2022-05-31T15:59:59.999Z".parse().unwrap(), &Fixed);
        let late = AuditId::new("2022-05-31T16:00:00Z".parse().unwrap(), &Fixed);
        assert!(early < late);
        assert!(early.to_string() < late.to_string());
        assert_eq!(early.uuid().get_version_num(), 7);
        let a_microsecond_later = AuditId::new("2022-05-31T15:59:59.999001Z".parse().unwrap(), &Fixed);
        let at_its_end = AuditId::new("2022-05-31T15:59:59.999999Z".parse().unwrap(), &Fixed);
        assert!(early < a_microsecond_later && a_microsecond_later < at_its_end && at_its_end < late);
        assert_eq!(AuditId::from_bytes(early.as_bytes()), Ok(early));
        assert_eq!(early.to_string().parse(), Ok(early));
        assert_eq!(AuditId::from_bytes(&[0; 15]), Err(IdError::Uuid));
        assert_eq!("nonsense".parse::<JobId>(), Err(IdError::Uuid));
    }

    #[test]
    fn ids_are_strings_on_the_wire_and_keys_of_maps() {
        let map = std::collections::BTreeMap::from([("etax".parse::<ServiceSlug>().unwrap(), 1)]);
        assert_eq!(serde_json::to_string(&map).unwrap(), r#"{"etax":1}"#);
        assert_eq!(map.get("etax"), Some(&1));
        assert_eq!(serde_json::from_str::<std::collections::BTreeMap<ServiceSlug, i32>>(r#"{"etax":1}"#).unwrap(), map);
    }
}
