//! YAML as a tree that knows where each of its parts stands: values for the rules, places for the messages.

use std::collections::HashMap;
use std::fmt;

use api::Field;
use domain::finding::shortened;
use domain::text::CharacterFault;
use serde::de::{Deserialize, Deserializer, Error as _, MapAccess, SeqAccess, Visitor};
use serde_json::{Map, Number, Value};
use serde_saphyr::options::DuplicateKeyPolicy;
use serde_saphyr::{Location, Spanned, Tagged};

use super::Text;
use crate::failure::Mistake;

/// A place in a file: 1-based line and column in characters, and how many characters are meant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// 1-based.
    pub line: u64,
    /// 1-based, in characters.
    pub column: u64,
    /// 0 when not known.
    pub length: usize,
}

impl Place {
    fn of(location: Location) -> Self {
        Self { line: location.line(), column: location.column(), length: usize::try_from(location.span().len()).unwrap_or(0) }
    }
}

/// One document of a file.
#[derive(Debug)]
pub struct Document {
    /// What it says.
    pub value: Value,
    keys: HashMap<String, Place>,
    values: HashMap<String, Place>,
}

impl Document {
    /// Where a path stands, or the nearest part above it. A finding about a field's name means the name.
    pub fn place_of(&self, path: &str, code: &str) -> Option<Place> {
        // The content of a file that the document names stands where it is named.
        let path = match path.split_once(".jwks").or_else(|| path.split_once(".certificate")) {
            Some((credential, _)) if !self.values.contains_key(path) => &format!("{credential}.file"),
            _ => path,
        };
        let mut path = path;
        let mut exact = true;
        loop {
            let named = self.keys.get(path);
            let place = if exact && code != "field.unknown" {
                self.values.get(path).or(named)
            } else {
                named.or_else(|| self.values.get(path))
            };
            if let Some(place) = place {
                return Some(*place);
            }
            exact = false;
            path = path.rfind(['.', '[']).map_or("", |end| &path[..end]);
            if path.is_empty() {
                return self.values.get("").map(|place| Place { length: 1, ..*place });
            }
        }
    }

    /// Where a field's value stands.
    pub fn value_place(&self, path: &str) -> Option<Place> {
        self.values.get(path).copied()
    }
}

/// Takes a text apart into its documents.
///
/// # Errors
/// Everything that makes it no YAML of ours: syntax, tags, anchors, merge keys, duplicate keys.
pub fn documents(text: &Text) -> Result<Vec<Document>, Vec<Mistake>> {
    let mut options = client::yaml::strict();
    // Duplicates are looked for here, to report all of them and name the first place of each.
    options.duplicate_keys = DuplicateKeyPolicy::PassThrough;
    // Tags are looked for here too.
    options.reject_unsupported_tags = false;
    let nodes: Vec<Node> =
        serde_saphyr::from_multiple_with_options(&text.text, options).map_err(|error| vec![syntax_mistake(&error, text)])?;
    let mut mistakes = Vec::new();
    let documents = nodes
        .into_iter()
        .map(|node| {
            let mut walk = Walk { text, keys: HashMap::new(), values: HashMap::new(), mistakes: &mut mistakes };
            let value = walk.node(node, &mut String::new());
            let Walk { keys, values, .. } = walk;
            Document { value, keys, values }
        })
        .collect();
    if mistakes.is_empty() { Ok(documents) } else { Err(mistakes) }
}

struct Walk<'a> {
    text: &'a Text,
    keys: HashMap<String, Place>,
    values: HashMap<String, Place>,
    mistakes: &'a mut Vec<Mistake>,
}

impl Walk<'_> {
    fn node(&mut self, node: Node, path: &mut String) -> Value {
        let place = Place::of(node.at);
        if let Some(tag) = &node.tag {
            let message = format!("the tag '{tag}' is not taken");
            self.find(path, place, "yaml.tag", message, "leave it out; the field decides what its value is, quotes make it text");
        }
        self.values.insert(path.clone(), if node.content.is_scalar() { place } else { Place { length: 1, ..place } });
        match node.content {
            Content::Scalar(value) => value,
            Content::List(items) => {
                let items = items.into_iter().enumerate().map(|(number, item)| {
                    let length = path.len();
                    path.push_str(&format!("[{number}]"));
                    let value = self.node(item, path);
                    path.truncate(length);
                    value
                });
                Value::Array(items.collect())
            }
            Content::Map(entries) => {
                let mut map = Map::new();
                for (key, value) in entries {
                    let length = path.len();
                    push_field(path, &key.value);
                    let place = Place { length: key.value.chars().count().max(1), ..Place::of(key.referenced) };
                    if let Some(first) = map.contains_key(&key.value).then(|| self.keys.get(path.as_str()).copied()).flatten() {
                        let message = format!(
                            "the key '{}' stands twice; first on line {}, column {}",
                            key.value, first.line, first.column
                        );
                        self.find(path, place, "yaml.duplicate-key", message, "leave one of them out");
                    } else {
                        self.keys.insert(path.clone(), place);
                        let value = self.node(value, path);
                        map.insert(key.value, value);
                    }
                    path.truncate(length);
                }
                Value::Object(map)
            }
        }
    }

    fn find(&mut self, path: &str, place: Place, code: &str, message: String, hint: &str) {
        self.mistakes.push(mistake(self.text, path, Some(place), code, message, Some(hint)));
    }
}

/// As the rules spell a path: a field's name made visible. (They also cut very long ones; such a path is found by the part
/// above it.)
fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&client::safe::visible(name));
}

fn mistake(text: &Text, path: &str, place: Option<Place>, code: &str, message: String, hint: Option<&str>) -> Mistake {
    Mistake {
        field: Field {
            path: path.to_owned(),
            file: Some(text.name.clone()),
            line: place.map(|place| place.line),
            column: place.map(|place| place.column),
            code: Some(code.to_owned()),
            message,
        },
        hint: hint.map(str::to_owned),
        snippet: place.and_then(|place| text.snippet(place)),
    }
}

fn syntax_mistake(error: &serde_saphyr::Error, text: &Text) -> Mistake {
    use serde_saphyr::Error;
    use serde_saphyr::budget::BudgetBreach;
    let error = error.without_snippet();
    let place =
        error.location().filter(|location| location.line() > 0).map(|location| Place { length: 1, ..Place::of(location) });
    let (code, message, hint) = match error {
        Error::Budget { breach: BudgetBreach::Anchors { .. } | BudgetBreach::RecordedAnchorEvents { .. }, .. } => {
            ("yaml.anchor", "anchors ('&name') are not taken".to_owned(), Some("write the value out at each place"))
        }
        Error::Budget { breach: BudgetBreach::Aliases { .. } | BudgetBreach::AliasAnchorRatio { .. }, .. }
        | Error::UnknownAnchor { .. }
        | Error::AliasReplayLimitExceeded { .. }
        | Error::AliasExpansionLimitExceeded { .. }
        | Error::AliasReplayStackDepthExceeded { .. } => {
            ("yaml.alias", "aliases ('*name') are not taken".to_owned(), Some("write the value out at each place"))
        }
        Error::MergeKeyNotAllowed { .. } | Error::Budget { breach: BudgetBreach::MergeKeys { .. }, .. } => {
            ("yaml.merge-key", "merge keys ('<<') are not taken".to_owned(), Some("write the fields out at each place"))
        }
        Error::Budget { breach: BudgetBreach::Depth { .. }, .. } => {
            ("yaml.depth", "the file is nested too deeply".to_owned(), Some("no file of ours needs more than a few levels"))
        }
        Error::Budget { .. } => {
            ("yaml.size", "the file holds more than a file of ours ever does".to_owned(), Some("is it the right file?"))
        }
        other => ("yaml.syntax", first_line(&other.to_string()), None),
    };
    mistake(text, "", place, code, message, hint)
}

fn first_line(text: &str) -> String {
    text.lines().find(|line| !line.trim().is_empty()).unwrap_or("no YAML").trim().to_owned()
}

/// A part of the tree as it is read.
struct Node {
    at: Location,
    tag: Option<String>,
    content: Content,
}

enum Content {
    Scalar(Value),
    List(Vec<Node>),
    Map(Vec<(Spanned<String>, Node)>),
}

impl Content {
    fn is_scalar(&self) -> bool {
        matches!(self, Self::Scalar(_))
    }
}

impl<'de> Deserialize<'de> for Node {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        let Spanned { value: Tagged(content, tag), referenced, .. } = Spanned::<Tagged<Content>>::deserialize(from)?;
        Ok(Self { at: referenced, tag, content })
    }
}

impl<'de> Deserialize<'de> for Content {
    fn deserialize<D: Deserializer<'de>>(from: D) -> Result<Self, D::Error> {
        from.deserialize_any(ContentVisitor)
    }
}

struct ContentVisitor;

impl<'de> Visitor<'de> for ContentVisitor {
    type Value = Content;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YAML")
    }

    fn visit_unit<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_none<E>(self) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Null))
    }

    fn visit_some<D: Deserializer<'de>>(self, from: D) -> Result<Content, D::Error> {
        Content::deserialize(from)
    }

    fn visit_bool<E>(self, value: bool) -> Result<Content, E> {
        Ok(Content::Scalar(Value::Bool(value)))
    }

    fn visit_i64<E>(self, value: i64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_u64<E>(self, value: u64) -> Result<Content, E> {
        Ok(Content::Scalar(value.into()))
    }

    fn visit_i128<E>(self, value: i128) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value.to_string())))
    }

    fn visit_u128<E>(self, value: u128) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value.to_string())))
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<Content, E> {
        let number = Number::from_f64(value).ok_or_else(|| E::custom("a number that is none"))?;
        Ok(Content::Scalar(Value::Number(number)))
    }

    fn visit_str<E>(self, value: &str) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value.to_owned())))
    }

    fn visit_string<E>(self, value: String) -> Result<Content, E> {
        Ok(Content::Scalar(Value::String(value)))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut from: A) -> Result<Content, A::Error> {
        let mut items = Vec::new();
        while let Some(item) = from.next_element()? {
            items.push(item);
        }
        Ok(Content::List(items))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut from: A) -> Result<Content, A::Error> {
        let mut entries = Vec::new();
        while let Some(key) = from.next_key::<Spanned<String>>()? {
            if let Some(character) = key.value.chars().find(|character| CharacterFault::of(*character).is_some()) {
                let name = shortened(&key.value);
                return Err(A::Error::custom(format!(
                    "the field name '{name}' holds the character {}",
                    character.escape_unicode()
                )));
            }
            entries.push((key, from.next_value()?));
        }
        Ok(Content::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Source;

    fn text(yaml: &str) -> Text {
        Text::of(&Source { name: "x.yaml".into(), folder: ".".into(), bytes: yaml.as_bytes().to_vec() }).unwrap()
    }

    fn mistakes(yaml: &str) -> Vec<(String, u64, u64, String)> {
        documents(&text(yaml))
            .unwrap_err()
            .into_iter()
            .map(|it| (it.field.code.unwrap(), it.field.line.unwrap_or(0), it.field.column.unwrap_or(0), it.field.message))
            .collect()
    }

    #[test]
    fn every_part_knows_its_place_in_characters() {
        let text = text("\u{feff}a: 稅務\r\n名: {b: no, c: [1, true, ~, 2020-12-29]}\r\n---\r\nd: 1.5\r\n");
        let documents = documents(&text).unwrap();
        assert_eq!(documents.len(), 2);
        let first = &documents[0];
        assert_eq!(first.value, serde_json::json!({"a": "稅務", "名": {"b": "no", "c": [1, true, null, "2020-12-29"]}}));
        assert_eq!(first.place_of("名.b", "x"), Some(Place { line: 2, column: 8, length: 2 }));
        assert_eq!(first.place_of("名.b", "field.unknown"), Some(Place { line: 2, column: 5, length: 1 }));
        assert_eq!(first.place_of("名.c[3]", "x").unwrap().column, 28);
        // A missing field stands where the group it belongs to is named.
        assert_eq!(first.place_of("名.z", "field.missing"), Some(Place { line: 2, column: 1, length: 1 }));
        assert_eq!(documents[1].place_of("d", "x").unwrap().line, 4);
        assert_eq!(text.snippet(first.place_of("a", "x").unwrap()).unwrap().line, "a: 稅務");
    }

    #[test]
    fn each_duplicate_key_is_told_at_its_second_place() {
        let told = mistakes("a: 1\nb: {c: 1, c: 2}\na: 3\n");
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].0, "yaml.duplicate-key");
        assert_eq!((told[0].1, told[0].2), (2, 11));
        assert_eq!((told[1].1, told[1].2), (3, 1));
        assert!(told[1].3.contains("first on line 1, column 1"));
    }

    #[test]
    fn what_we_do_not_take_is_refused_by_name() {
        for (yaml, code, line) in [
            ("a: &x 1\nb: 2\n", "yaml.anchor", 1),
            ("a: 1\nb: *x\n", "yaml.alias", 2),
            ("a: 1\n<<: {b: 1}\n", "yaml.merge-key", 2),
            ("a: !!str 1\n", "yaml.tag", 1),
            ("a: 1\nb: !secret x\n", "yaml.tag", 2),
            ("a: [1\n", "yaml.syntax", 0),
            ("a: 1\n b: 2\n", "yaml.syntax", 0),
        ] {
            let told = mistakes(yaml);
            assert_eq!(told[0].0, code, "{yaml:?}: {told:?}");
            assert!(line == 0 || told[0].1 == line, "{yaml:?}: {told:?}");
        }
        // A bomb: ten lines that would be a thousand million values.
        let bomb = |anchor: fn(u32) -> String| {
            let rows = (1..10)
                .map(|level| format!("a{level}: {}[{}]\n", anchor(level), vec![format!("*a{}", level - 1); 10].join(", ")));
            format!("a0: {}[{}]\n", anchor(0), ["ha"; 10].join(", ")) + &rows.collect::<String>()
        };
        let told = mistakes(&bomb(|level| format!("&a{level} ")));
        assert_eq!((told[0].0.as_str(), told[0].1), ("yaml.anchor", 1), "{told:?}");
        let told = mistakes(&bomb(|_| String::new()));
        assert_eq!((told[0].0.as_str(), told[0].1), ("yaml.alias", 2), "{told:?}");
        let deep = "[".repeat(10_000);
        assert!(["yaml.depth", "yaml.syntax"].contains(&mistakes(&deep)[0].0.as_str()));
    }
}
