//! Fields of files, requests and replies, told from the schemas that the types themselves give.

use api::account::Registration;
use api::stats::{ImportedUse, Question};
use domain::{Definitions, Manifest, Population};
use schemars::{Schema, schema_for};
use serde_json::Value;

use super::Explained;
use crate::stats::legco::Denominators;
use crate::stats::run::schedule::Schedule;

/// References are followed so deep; nothing of ours goes deeper.
const DEEPEST: usize = 8;

/// The fields of a kind of file, or of a part of it: `manifest`, `manifest.services.redirectUris`.
pub fn of_file(topic: &str) -> Option<Vec<Explained>> {
    let (file, part) = topic.split_once('.').unwrap_or((topic, ""));
    let schema = match file {
        "manifest" => schema_for!(Manifest),
        "population" => schema_for!(Population),
        "registration" => schema_for!(Registration),
        "use" => schema_for!(ImportedUse),
        "question" => schema_for!(Question),
        "denominators" => schema_for!(Denominators),
        "schedule" => schema_for!(Schedule),
        "definitions" => schema_for!(Definitions),
        _ => return None,
    };
    let part = part.replace("[]", "");
    let rows: Vec<Explained> = of_schema(&schema, "field")
        .into_iter()
        .filter(|row| {
            let path = row.name.replace("[]", "");
            part.is_empty() || path == part || path.strip_prefix(&part).is_some_and(|rest| rest.starts_with('.'))
        })
        .collect();
    (!rows.is_empty()).then_some(rows)
}

/// Every field of a schema, by path.
pub fn of_schema(schema: &Schema, kind: &'static str) -> Vec<Explained> {
    let mut walk = Walk { root: schema.as_value(), kind, rows: Vec::new() };
    walk.fields(schema.as_value(), "", DEEPEST);
    walk.rows
}

/// What a schema says of itself, in one line.
pub fn description(schema: &Value) -> String {
    let text = schema.get("description").and_then(Value::as_str).unwrap_or_default();
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

struct Walk<'a> {
    root: &'a Value,
    kind: &'static str,
    rows: Vec<Explained>,
}

impl<'a> Walk<'a> {
    fn resolve(&self, schema: &'a Value) -> &'a Value {
        let target =
            schema.get("$ref").and_then(Value::as_str).and_then(|reference| self.root.pointer(reference.strip_prefix('#')?));
        let schema = target.unwrap_or(schema);
        // An optional thing is the thing or null.
        match schema.get("anyOf").and_then(Value::as_array) {
            Some(branches) => branches
                .iter()
                .find(|branch| branch.get("type").is_none_or(|name| name != "null"))
                .map_or(schema, |thing| self.resolve(thing)),
            None => schema,
        }
    }

    fn fields(&mut self, schema: &'a Value, path: &str, depth: usize) {
        if depth == 0 {
            return;
        }
        let schema = self.resolve(schema);
        if let Some(items) = schema.get("items") {
            return self.fields(items, &format!("{path}[]"), depth - 1);
        }
        self.members(schema, path, None, depth);
        for branch in schema.get("oneOf").and_then(Value::as_array).into_iter().flatten() {
            self.members(branch, path, Some(description(branch)), depth);
        }
    }

    /// The members of a group; of one of several shapes, what that shape means.
    fn members(&mut self, schema: &'a Value, path: &str, shape: Option<String>, depth: usize) {
        let required: Vec<&str> =
            schema.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        for (name, field) in schema.get("properties").and_then(Value::as_object).into_iter().flatten() {
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let inner = self.resolve(field);
            let mut what = self.what(inner);
            if shape.is_some() {
                what.push_str(", one of several");
            } else if required.contains(&name.as_str()) {
                what.push_str(", required");
            }
            let told = [description(field), shape.clone().unwrap_or_default(), description(inner)];
            let meaning = told.into_iter().find(|text| !text.is_empty()).unwrap_or_default();
            self.rows.push(Explained { name: path.clone(), kind: self.kind, what, meaning, next: self.words(inner) });
            self.fields(inner, &path, depth - 1);
        }
    }

    fn what(&self, schema: &'a Value) -> String {
        if self.word_list(schema).is_some() {
            return "word".to_owned();
        }
        let name = match schema.get("type") {
            Some(Value::String(name)) => name.as_str(),
            Some(Value::Array(names)) => names.iter().filter_map(Value::as_str).find(|name| *name != "null").unwrap_or("any"),
            _ if schema.get("oneOf").is_some() => "object",
            _ => "any",
        };
        match (name, schema.get("format").and_then(Value::as_str)) {
            ("array", _) => {
                let of = schema.get("items").map(|items| self.what(self.resolve(items))).unwrap_or_default();
                format!("list of {of}")
            }
            ("object", _) => "group".to_owned(),
            ("string", Some(format)) => format.to_owned(),
            ("string", None) => "text".to_owned(),
            ("integer" | "number", _) => "number".to_owned(),
            ("boolean", _) => "true or false".to_owned(),
            (other, _) => other.to_owned(),
        }
    }

    /// The words of a closed list, or an example.
    fn words(&self, schema: &'a Value) -> Option<String> {
        let of_items = schema.get("items").map(|items| self.resolve(items));
        if let Some(words) = self.word_list(schema).or_else(|| self.word_list(of_items?)) {
            return Some(words.join(", "));
        }
        let example = schema.get("examples").and_then(|examples| examples.get(0)).or_else(|| of_items?.get("examples")?.get(0));
        example.and_then(Value::as_str).map(|example| format!("e.g. {example}"))
    }

    fn word_list(&self, schema: &'a Value) -> Option<Vec<&'a str>> {
        if let Some(words) = schema.get("enum").and_then(Value::as_array) {
            return words.iter().map(Value::as_str).collect();
        }
        schema.get("oneOf")?.as_array()?.iter().map(|branch| branch.get("const")?.as_str()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fields_of_a_manifest_are_told_with_their_words() {
        let rows = of_file("manifest").unwrap();
        let sector = rows.iter().find(|row| row.name == "sector").unwrap();
        assert_eq!(sector.what, "word, required");
        assert_eq!(sector.next.as_deref(), Some("government, public, private"));
        let uris = of_file("manifest.services.redirectUris").unwrap();
        assert_eq!(uris.len(), 1);
        assert_eq!(uris[0].name, "services[].redirectUris");
        assert_eq!(uris[0].what, "list of text");
        assert!(of_file("manifest.nothing").is_none());
        assert!(
            rows.iter().all(|row| !row.meaning.is_empty()),
            "{:#?}",
            rows.iter().filter(|row| row.meaning.is_empty()).collect::<Vec<_>>()
        );
    }

    #[test]
    fn a_piece_of_an_answer_is_told_in_each_of_its_shapes() {
        let rows = of_file("question.parts.answers").unwrap();
        let told: Vec<_> = rows.iter().map(|row| (row.name.as_str(), row.what.as_str())).collect();
        assert_eq!(
            told,
            [
                ("parts[].answers", "list of group, required"),
                ("parts[].answers[].figure", "text, one of several"),
                ("parts[].answers[].table", "text, one of several"),
                ("parts[].answers[].share", "group, one of several"),
                ("parts[].answers[].share.figure", "text, required"),
                ("parts[].answers[].share.of", "text, required"),
                ("parts[].answers[].text", "group, one of several"),
                ("parts[].answers[].text.en", "text, required"),
                ("parts[].answers[].text.zh-Hant", "text, required"),
            ]
        );
        for file in ["question", "denominators", "schedule", "definitions"] {
            let silent = of_file(file).unwrap().into_iter().find(|row| row.meaning.is_empty());
            assert_eq!(silent, None, "{file}");
        }
    }
}
