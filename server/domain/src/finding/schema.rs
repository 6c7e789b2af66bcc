//! What a JSON schema says of a value, as far as the types of this platform make schemas.

use std::fmt;

use serde_json::{Map, Value};

use crate::{AccountId, CallRef, ClientId, CredentialId, Day, Hkic, JobId, Kid, Month, Phone, RelyingPartyId, Timestamp};

/// Whether a text is of the form that a schema names.
pub(super) fn check_form(format: &str, text: &str) -> Result<(), String> {
    fn of<T: std::str::FromStr<Err: fmt::Display>>(text: &str) -> Result<(), String> {
        text.parse::<T>().map(drop).map_err(|error| error.to_string())
    }
    match format {
        "date" => of::<Day>(text),
        "date-time" => of::<Timestamp>(text),
        "month" => of::<Month>(text),
        // All slugs are of one form.
        "slug" => of::<RelyingPartyId>(text),
        "client-id" => of::<ClientId>(text),
        "kid" => of::<Kid>(text),
        "uuid" => of::<JobId>(text),
        "account" => of::<AccountId>(text),
        "call" => of::<CallRef>(text),
        "credential" => of::<CredentialId>(text),
        "hkic" => of::<Hkic>(text),
        "phone" => of::<Phone>(text),
        _ => Ok(()),
    }
}

/// The words of a closed list.
pub(super) fn words_of(rules: &Map<String, Value>) -> Option<Vec<&str>> {
    if let Some(words) = rules.get("enum").and_then(Value::as_array) {
        return words.iter().map(Value::as_str).collect();
    }
    if let Some(word) = rules.get("const").and_then(Value::as_str) {
        return Some(vec![word]);
    }
    let branches = rules.get("oneOf")?.as_array()?;
    branches.iter().map(|branch| branch.get("const")?.as_str()).collect()
}

/// The shapes of a thing that comes in several, each by its only field.
pub(super) fn shapes_of(rules: &Map<String, Value>) -> Option<Vec<(&str, &Value)>> {
    fn only(branch: &Value) -> Option<(&str, &Value)> {
        let mut fields = branch.get("properties")?.as_object()?.iter();
        let (name, schema) = fields.next()?;
        fields.next().is_none().then_some((name.as_str(), schema))
    }
    rules.get("oneOf")?.as_array()?.iter().map(only).collect()
}

pub(super) fn types_of(rules: &Map<String, Value>) -> Vec<&str> {
    match rules.get("type") {
        Some(Value::String(name)) => vec![name],
        Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).collect(),
        _ => Vec::new(),
    }
}

pub(super) fn is_of_type(value: &Value, wanted: &str) -> bool {
    match wanted {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        "null" => value.is_null(),
        _ => true,
    }
}

pub(super) fn type_name(name: &str) -> &'static str {
    match name {
        "object" => "a group of fields",
        "array" => "a list",
        "string" => "text",
        "boolean" => "true or false",
        "integer" => "a whole number",
        "number" => "a number",
        _ => "nothing",
    }
}

pub(super) fn found(value: &Value) -> &'static str {
    match value {
        Value::Null => "nothing",
        Value::Bool(_) => "true or false",
        Value::Number(_) => "a number",
        Value::String(_) => "text",
        Value::Array(_) => "a list",
        Value::Object(_) => "a group of fields",
    }
}
