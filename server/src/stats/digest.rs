//! The digest of a report: SHA-256 over its canonical JSON (RFC 8785) without the digest itself. Anybody can make it again:
//! `jq -cSj 'del(.digest)' | sha256sum`.

use openssl::sha::sha256;
use serde::Serialize;
use serde_json::Value;

/// The digest of a value, lower-case hex; a member `digest` at its top is left out.
///
/// # Errors
/// When it cannot be written as JSON.
pub fn digest<T: Serialize>(value: &T) -> anyhow::Result<String> {
    let mut value = serde_json::to_value(value)?;
    if let Value::Object(members) = &mut value {
        members.remove("digest");
    }
    Ok(hex(&canonical(&value)?))
}

/// A value in canonical JSON (RFC 8785).
///
/// # Errors
/// When it cannot be written as JSON.
pub fn canonical(value: &Value) -> anyhow::Result<String> {
    let mut text = String::new();
    write(value, &mut text)?;
    Ok(text)
}

/// SHA-256 over a text, lower-case hex.
pub fn hex(text: &str) -> String {
    sha256(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// No spaces, members by name. The reports hold neither fractions nor names outside ASCII, where RFC 8785 has more to say.
fn write(value: &Value, text: &mut String) -> anyhow::Result<()> {
    match value {
        Value::Object(members) => {
            let mut members: Vec<_> = members.iter().collect();
            members.sort_unstable_by_key(|(name, _)| *name);
            text.push('{');
            for (place, (name, value)) in members.into_iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                text.push_str(&serde_json::to_string(name)?);
                text.push(':');
                write(value, text)?;
            }
            text.push('}');
        }
        Value::Array(values) => {
            text.push('[');
            for (place, value) in values.iter().enumerate() {
                if place > 0 {
                    text.push(',');
                }
                write(value, text)?;
            }
            text.push(']');
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => text.push_str(&serde_json::to_string(value)?),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_are_sorted_and_the_digest_is_not_part_of_itself() {
        let mut text = String::new();
        let value = json!({ "zh-Hant": "約20萬次", "b": [1, { "d": null, "c": true }], "a": "\"\n\u{1}" });
        write(&value, &mut text).unwrap();
        assert_eq!(text, r#"{"a":"\"\n\u0001","b":[1,{"c":true,"d":null}],"zh-Hant":"約20萬次"}"#);
        let with = json!({ "as_at": "2022-05-31", "digest": "0" });
        assert_eq!(digest(&with).unwrap(), digest(&json!({ "as_at": "2022-05-31" })).unwrap());
        // echo -n '{"as_at":"2022-05-31"}' | sha256sum
        assert_eq!(digest(&with).unwrap(), "cb0b0b8ec779caa86bf9965f8e51c5764b876d43ff46b61410c373508dab26d7");
    }
}
