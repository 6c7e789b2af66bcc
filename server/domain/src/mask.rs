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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Hkic, PersonName, Phone};

    #[test]
    fn a_view_holds_the_masked_form_and_nothing_else() {
        let hkic: Hkic = "AB987654(3)".parse().unwrap();
        let phone: Phone = "+85291234567".parse().unwrap();
        let name = PersonName { en: "CHAN TAI MAN".to_owned(), zh_hant: Some("陳大文".to_owned()) };
        let view = (Masked::of(&hkic), Masked::of(&phone), Masked::of(&name));
        let json = r#"["AB987***(*)","+852****4567","CHAN T** M** 陳**"]"#;
        assert_eq!(serde_json::to_string(&view).unwrap(), json);
        let back: (Masked<Hkic>, Masked<Phone>, Masked<PersonName>) = serde_json::from_str(json).unwrap();
        assert_eq!(back, view);
        assert_eq!(format!("{} {:?} {:>13}", view.0, view.0, view.0), "AB987***(*) AB987***(*)   AB987***(*)");
    }

    #[test]
    fn a_masked_card_number_is_no_card_number() {
        assert!(serde_json::from_str::<Hkic>(r#""G123***(*)""#).is_err());
    }
}
