//! Values of which only a masked form is left.

use std::fmt;
use std::marker::PhantomData;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Something that has a form fit for a screen.
pub trait Maskable {
    /// The form that may be shown.
    fn masked(&self) -> String;
}

/// The masked form of a `T`. It holds nothing else, so there is no way back.
pub struct Masked<T> {
    text: String,
    of: PhantomData<fn() -> T>,
}

impl<T: Maskable> Masked<T> {
    /// Masks a value.
    pub fn of(value: &T) -> Masked<T> {
        Masked { text: value.masked(), of: PhantomData }
    }
}

impl<T> Masked<T> {
    /// The masked form.
    pub fn as_str(&self) -> &str {
        &self.text
    }
}

impl<T> Clone for Masked<T> {
    fn clone(&self) -> Self {
        Masked { text: self.text.clone(), of: PhantomData }
    }
}

impl<T> PartialEq for Masked<T> {
    fn eq(&self, other: &Self) -> bool {
        self.text == other.text
    }
}

impl<T> Eq for Masked<T> {}

impl<T> fmt::Debug for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<T> fmt::Display for Masked<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.text)
    }
}

impl<T> Serialize for Masked<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.text)
    }
}

impl<'de, T> Deserialize<'de> for Masked<T> {
    /// A reply read back by the client: what was masked stays as it came.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Ok(Masked { text: String::deserialize(deserializer)?, of: PhantomData })
    }
}

impl<T: JsonSchema> JsonSchema for Masked<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("Masked{}", T::schema_name()).into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "description": "masked: no way back to the value" })
    }
}
