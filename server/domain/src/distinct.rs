//! JSON in which no name stands twice in an object. What comes second would take the place of the first, and nobody would have
//! looked at the first: a private key, say, which was shown to others all the same.

use std::fmt;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};

/// What is said of a name that stands twice. The name is not repeated: it may be anything.
pub const TWICE: &str = "a name stands twice in an object";

/// Reads a value (RFC 8259, section 4: names should be unique).
///
/// # Errors
/// What the parser says, or [`TWICE`] and the place.
pub fn read(text: &[u8]) -> Result<Value, serde_json::Error> {
    serde_json::from_slice::<Distinct>(text).map(|distinct| distinct.0)
}

/// The same of a field that may be absent or null.
///
/// # Errors
/// As [`read`].
pub fn field<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Value>, D::Error> {
    let read = Option::<Distinct>::deserialize(deserializer)?;
    Ok(read.map(|distinct| distinct.0))
}

struct Distinct(Value);

impl<'de> Deserialize<'de> for Distinct {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Reader).map(Self)
    }
}

struct Reader;

impl<'de> Visitor<'de> for Reader {
    type Value = Value;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any JSON value")
    }

    fn visit_bool<E: Error>(self, value: bool) -> Result<Value, E> {
        Ok(Value::Bool(value))
    }

    fn visit_i64<E: Error>(self, value: i64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_u64<E: Error>(self, value: u64) -> Result<Value, E> {
        Ok(Value::Number(value.into()))
    }

    fn visit_f64<E: Error>(self, value: f64) -> Result<Value, E> {
        Ok(Number::from_f64(value).map_or(Value::Null, Value::Number))
    }

    fn visit_str<E: Error>(self, value: &str) -> Result<Value, E> {
        Ok(Value::String(value.to_owned()))
    }

    fn visit_string<E: Error>(self, value: String) -> Result<Value, E> {
        Ok(Value::String(value))
    }

    fn visit_unit<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_none<E: Error>(self) -> Result<Value, E> {
        Ok(Value::Null)
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Value, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Value, A::Error> {
        let mut values = Vec::new();
        while let Some(Distinct(value)) = items.next_element()? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value, A::Error> {
        let mut object = Map::new();
        while let Some(name) = members.next_key::<String>()? {
            if object.contains_key(&name) {
                return Err(A::Error::custom(TWICE));
            }
            let Distinct(value) = members.next_value()?;
            object.insert(name, value);
        }
        Ok(Value::Object(object))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_read_as_it_is_when_no_name_stands_twice() {
        let text = r#"{"a":[1,-2,3.5,true,null,"x",{"a":{}}],"b":{"a":18446744073709551615}}"#;
        assert_eq!(read(text.as_bytes()).unwrap(), serde_json::from_str::<Value>(text).unwrap());
    }

    #[test]
    fn a_name_that_stands_twice_is_told_by_its_place_alone() {
        for text in [r#"{"SECRET":1,"SECRET":1}"#, r#"[{"a":{"SECRET":1,"b":2,"SECRET":{}}}]"#, r#"{"keys":[],"\u006beys":[]}"#] {
            let error = read(text.as_bytes()).unwrap_err();
            let words = error.to_string();
            assert!(error.is_data() && words.starts_with(TWICE) && !words.contains("SECRET"), "{words}");
        }
        assert!(read(&b"[".repeat(200_000)).unwrap_err().is_syntax(), "deep nesting ends the reading");
    }
}
