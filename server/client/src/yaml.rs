//! YAML: read strictly from people, written safely for them.

use std::fmt::Write as _;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_saphyr::options::MergeKeyPolicy;
use serde_yaml::Value;

use crate::{json, safe};

/// How YAML from outside is read: no anchors, aliases or merge keys, duplicate keys are errors, only `true` and `false` are
/// booleans, and nothing may grow beyond a small document.
#[must_use]
pub fn strict() -> serde_saphyr::Options {
    serde_saphyr::options! {
        budget: serde_saphyr::budget! {
            max_aliases: 0,
            max_anchors: 0,
            max_merge_keys: 0,
            max_depth: 32,
            max_documents: 1_000,
            max_nodes: 200_000,
            max_events: 500_000,
            max_total_scalar_bytes: 4 * 1024 * 1024,
            max_total_comment_bytes: 4 * 1024 * 1024,
        },
        merge_keys: MergeKeyPolicy::Error,
        strict_booleans: true,
        reject_unsupported_tags: true,
        emit_comments: false,
    }
}

/// Reads one document.
///
/// # Errors
/// One line that says what is wrong and where.
pub fn from_slice<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, String> {
    serde_saphyr::from_slice_with_options(bytes, strict()).map_err(|error| {
        let error = error.without_snippet();
        let text = error.to_string();
        let text = text.lines().next().unwrap_or_default();
        match error.location() {
            Some(at) if !text.contains("line ") => format!("line {}, column {}: {}", at.line(), at.column(), safe::visible(text)),
            _ => safe::visible(text).into_owned(),
        }
    })
}

/// Writes one document. A scalar with control (but for line feeds), bidi or zero-width characters becomes a JSON scalar, in
/// which they are escaped; JSON strings are YAML.
///
/// # Errors
/// As the YAML writer does.
pub fn to_string<T: Serialize + ?Sized>(value: &T) -> Result<String, serde_yaml::Error> {
    let mut tree = serde_yaml::to_value(value)?;
    if !holds_unsafe(&tree) {
        return serde_yaml::to_string(&tree);
    }
    // The writer has no way to choose a scalar's style. So each such scalar goes through it as a plain word that occurs
    // nowhere else, and its JSON form takes the word's place afterwards.
    let mut prefix = "iamsafe".to_owned();
    while mentions(&tree, &prefix) {
        prefix.push('x');
    }
    let mut taken = Vec::new();
    take_out(&mut tree, &prefix, &mut taken);
    let text = serde_yaml::to_string(&tree)?;
    let mut parts = text.split(prefix.as_str());
    let mut written = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once('q').unwrap_or((part, ""));
        let original: Option<&String> = number.parse().ok().and_then(|number: usize| taken.get(number));
        written.push_str(&original.map(json::to_line).unwrap_or_default());
        written.push_str(rest);
    }
    Ok(written)
}

fn is_unsafe_text(text: &str) -> bool {
    text.chars().any(|character| character != '\n' && safe::is_unsafe(character))
}

fn holds_unsafe(value: &Value) -> bool {
    match value {
        Value::String(text) => is_unsafe_text(text),
        Value::Sequence(items) => items.iter().any(holds_unsafe),
        Value::Mapping(map) => map.iter().any(|(key, value)| holds_unsafe(key) || holds_unsafe(value)),
        Value::Tagged(tagged) => holds_unsafe(&tagged.value),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn mentions(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.contains(word),
        Value::Sequence(items) => items.iter().any(|item| mentions(item, word)),
        Value::Mapping(map) => map.iter().any(|(key, value)| mentions(key, word) || mentions(value, word)),
        Value::Tagged(tagged) => mentions(&tagged.value, word),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

fn take_out(value: &mut Value, prefix: &str, taken: &mut Vec<String>) {
    match value {
        Value::String(text) if is_unsafe_text(text) => {
            let mut word = prefix.to_owned();
            let _ = write!(word, "{}q", taken.len());
            taken.push(std::mem::replace(text, word));
        }
        Value::Sequence(items) => items.iter_mut().for_each(|item| take_out(item, prefix, taken)),
        Value::Mapping(map) => {
            let pairs: Vec<(Value, Value)> = std::mem::take(map).into_iter().collect();
            for (mut key, mut value) in pairs {
                take_out(&mut key, prefix, taken);
                take_out(&mut value, prefix, taken);
                map.insert(key, value);
            }
        }
        Value::Tagged(tagged) => take_out(&mut tagged.value, prefix, taken),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn an_unsafe_scalar_is_written_as_json_and_its_neighbours_as_yaml() {
        let text =
            to_string(&json!({"a": "x\u{202e}y", "b": "陳大文", "iamsafe": ["z\u{1b}", "no", "-----BEGIN\nEND\n"]})).unwrap();
        assert_eq!(text, "a: \"x\\u202ey\"\nb: 陳大文\niamsafe:\n- \"z\\u001b\"\n- no\n- |\n  -----BEGIN\n  END\n");
    }

    #[test]
    fn aliases_and_booleans_of_old_are_not_taken() {
        assert!(from_slice::<serde_json::Value>(b"a: &x 1\nb: *x\n").is_err());
        assert!(from_slice::<serde_json::Value>(b"a: 1\na: 2\n").unwrap_err().contains("duplicate"));
        assert_eq!(from_slice::<serde_json::Value>(b"a: no\n").unwrap(), json!({"a": "no"}));
    }

    proptest::proptest! {
        #[test]
        fn what_is_written_reads_back_and_is_safe(texts in proptest::collection::vec("(?s).{0,12}", 0..4), key in "[a-z\u{200b}\t ]{1,6}") {
            let value = json!({ key: texts });
            let written = to_string(&value).unwrap();
            proptest::prop_assert!(!written.chars().any(|c| c != '\n' && safe::is_unsafe(c)), "{:?}", written);
            proptest::prop_assert_eq!(from_slice::<serde_json::Value>(written.as_bytes()).unwrap(), value, "{}", written);
        }
    }
}
