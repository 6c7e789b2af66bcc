//! Personal identifiers on the wire. Their types refuse to be serialised, so that none slips into an output or a log; the
//! few operations that must carry one say so with `#[serde(with = "crate::secret::hkic")]`.

/// An HKIC number inside a request body, under TLS only.
pub mod hkic {
    use domain::Hkic;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the full number; for request bodies only.
    ///
    /// # Errors
    /// As the serializer does.
    pub fn serialize<S: Serializer>(hkic: &Hkic, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(hkic.expose())
    }

    /// Reads and checks a number.
    ///
    /// # Errors
    /// When it is no HKIC number; the message never repeats it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Hkic, D::Error> {
        Hkic::deserialize(from)
    }
}

/// A phone number inside a request body, under TLS only.
pub mod phone {
    use domain::Phone;
    use serde::{Deserialize, Deserializer, Serializer};

    /// Writes the full number; for request bodies only.
    ///
    /// # Errors
    /// As the serializer does.
    pub fn serialize<S: Serializer>(phone: &Phone, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(phone.expose())
    }

    /// Reads and checks a number.
    ///
    /// # Errors
    /// When it is no E.164 number; the message never repeats it.
    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Phone, D::Error> {
        Phone::deserialize(from)
    }
}
