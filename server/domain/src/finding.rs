//! What is wrong in a file, and reading a file so that everything wrong in it is found at once.

mod schema;

use std::fmt;

use schemars::{JsonSchema, schema_for};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Number, Value};

use self::schema::{check_form, found, is_of_type, shapes_of, type_name, types_of, words_of};
use crate::text::{suggest, visible};

/// Something wrong, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// `services[0].redirectUris[1]`; empty for the whole. A missing field has the path it would have.
    pub path: String,
    /// Stable, dotted.
    pub code: &'static str,
    /// What is wrong.
    pub message: String,
    /// What to write instead.
    pub hint: Option<String>,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.path.is_empty() {
            write!(f, "{}: ", self.path)?;
        }
        f.write_str(&self.message)
    }
}

/// How deep a field that stands in may nest.
const DEEPEST: usize = 8;

/// What could be made of a file.
#[derive(Clone, Debug)]
pub struct Reading<T> {
    /// The value without its faulty parts; none when too little is left. To be used only when nothing was found, or to look for
    /// more.
    pub value: Option<T>,
    /// Everything wrong with its structure, in the order of the value's fields, missing ones last.
    pub findings: Vec<Finding>,
}

impl<T> Reading<T> {
    /// The value, or what is wrong with it.
    pub fn into_result(self) -> Result<T, Vec<Finding>> {
        match self.value {
            Some(value) if self.findings.is_empty() => Ok(value),
            _ => Err(self.findings),
        }
    }

    /// Whether a structural finding lies at, above or just below that path, so that another finding there says nothing new.
    pub fn covers(&self, path: &str) -> bool {
        self.findings.iter().any(|finding| {
            within(path, &finding.path) || finding.path.strip_prefix(path).is_some_and(|rest| rest.starts_with('['))
        })
    }
}

fn within(path: &str, whole: &str) -> bool {
    path.strip_prefix(whole).is_some_and(|rest| whole.is_empty() || rest.is_empty() || rest.starts_with(['.', '[']))
}

/// Reads a value by the schema of its type and finds everything that does not fit: unknown fields (with the one most likely
/// meant), missing ones, wrong types, words that are not on their list, texts that are not of their form. A deserializer alone
/// would stop at the first.
pub fn read_checked<T: DeserializeOwned + JsonSchema>(value: &Value) -> Reading<T> {
    read(value, Gaps::GiveUp)
}

/// The same, with something of the right form in the place of every faulty or missing field that must be there: the content of
/// the others can be looked at all the same. What is found there at, or because of, a field that stands in says nothing; see
/// [`Reading::covers`].
pub fn read_filled<T: DeserializeOwned + JsonSchema>(value: &Value) -> Reading<T> {
    read(value, Gaps::Fill)
}

fn read<T: DeserializeOwned + JsonSchema>(value: &Value, gaps: Gaps) -> Reading<T> {
    let schema = schema_for!(T);
    let mut reader = Reader { root: schema.as_value(), gaps, findings: Vec::new() };
    let fitting = reader.walk(schema.as_value(), value, &mut String::new());
    let Reader { mut findings, .. } = reader;
    let value = fitting.and_then(|fitting| match serde_path_to_error::deserialize(fitting) {
        Ok(value) => Some(value),
        Err(error) => {
            // Something that the schema does not say: the words that keys of a map are taken from, the size of a number.
            if findings.is_empty() {
                let path = error.path().to_string();
                // A key that could not be read has no name there.
                let path = path.trim_end_matches(".?");
                findings.push(Finding {
                    path: if path == "." { String::new() } else { shortened(path) },
                    code: "field.form",
                    message: visible(&error.into_inner().to_string()).chars().take(400).collect(),
                    hint: None,
                });
            }
            None
        }
    });
    Reading { value, findings }
}

/// What becomes of a value that lacks something it must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Gaps {
    /// It is left out.
    GiveUp,
    /// Something of the right form stands in.
    Fill,
}

struct Reader<'a> {
    root: &'a Value,
    gaps: Gaps,
    findings: Vec<Finding>,
}

impl<'a> Reader<'a> {
    /// The value without the parts that do not fit; none when nothing usable is left. `path` is the way here and is given back
    /// as it was.
    fn walk(&mut self, schema: &'a Value, value: &Value, path: &mut String) -> Option<Value> {
        let schema = self.resolve(schema);
        let Some(rules) = schema.as_object() else {
            // `true`: anything goes.
            return Some(value.clone());
        };
        if let Some(branches) = rules.get("anyOf").and_then(Value::as_array) {
            // Only optional values have one: null or the thing itself.
            if value.is_null() {
                return Some(Value::Null);
            }
            let thing = branches.iter().find(|branch| branch.get("type").and_then(Value::as_str) != Some("null"));
            return thing.and_then(|thing| self.walk(thing, value, path));
        }
        if let Some(words) = words_of(rules) {
            return self.word(&words, value, path);
        }
        if let Some(shapes) = shapes_of(rules) {
            return self.shape(&shapes, value, path);
        }
        let types = types_of(rules);
        if !types.is_empty() && !types.iter().any(|wanted| is_of_type(value, wanted)) {
            let wanted = types.iter().find(|wanted| **wanted != "null").map_or("nothing", |wanted| type_name(wanted));
            let large = types.contains(&"integer") && value.as_f64().is_some_and(|number| number.fract() == 0.0);
            let message = match large {
                true => "the number is too large".to_owned(),
                false => format!("expected {wanted}, found {}", found(value)),
            };
            // A number where text is wanted is mostly a text that needs quotes.
            let hint = (types.contains(&"string") && (value.is_number() || value.is_boolean())).then_some("put it in quotes");
            self.find(path, "field.type", message, hint);
            return None;
        }
        match value {
            Value::Object(fields) => self.object(rules, fields, path),
            Value::Array(items) => self.list(rules, items, path),
            Value::String(text) => self.text(rules, text, path),
            Value::Number(number) => self.number(rules, number, path),
            other => Some(other.clone()),
        }
    }

    fn resolve<'s>(&self, schema: &'s Value) -> &'s Value
    where
        'a: 's,
    {
        let mut schema = schema;
        // A reference to a reference is as long a chain as the generator makes.
        for _ in 0..4 {
            let reference = schema.get("$ref").and_then(Value::as_str);
            let Some(target) = reference.and_then(|reference| self.root.pointer(reference.strip_prefix('#')?)) else {
                break;
            };
            schema = target;
        }
        schema
    }

    fn word(&mut self, words: &[&'a str], value: &Value, path: &str) -> Option<Value> {
        match value.as_str() {
            Some(word) if words.contains(&word) => return Some(value.clone()),
            Some(word) => {
                let hint = suggest(word, words)
                    .map_or_else(|| format!("one of {}", words.join(", ")), |meant| format!("did you mean '{meant}'?"));
                let message = format!("'{}' is not a word that is known here", shortened(word));
                self.find(path, "field.word", message, Some(&hint));
            }
            None => {
                let message = format!("expected one of {}, found {}", words.join(", "), found(value));
                self.find(path, "field.type", message, None);
            }
        }
        None
    }

    /// A thing that comes in several shapes, each named by its only field.
    fn shape(&mut self, shapes: &[(&'a str, &'a Value)], value: &Value, path: &mut String) -> Option<Value> {
        let names: Vec<&str> = shapes.iter().map(|(name, _)| *name).collect();
        let wanted = || format!("one of {}", names.join(", "));
        let Some(fields) = value.as_object() else {
            self.find(path, "field.type", format!("expected {}, found {}", wanted(), found(value)), None);
            return None;
        };
        let mut of = fields.iter();
        let (Some((name, inner)), None) = (of.next(), of.next()) else {
            let given = fields.keys().map(|name| shortened(name)).collect::<Vec<_>>().join(", ");
            let message = match fields.is_empty() {
                true => format!("{} is missing", wanted()),
                false => format!("only {} can stand here, not {given} together", wanted()),
            };
            self.find(
                path,
                "field.form",
                message,
                Some("each thing is an item of its own: it begins with '- '").filter(|_| !fields.is_empty()),
            );
            return None;
        };
        let length = path.len();
        push_field(path, name);
        let fitting = match shapes.iter().find(|(known, _)| known == name) {
            Some((_, schema)) => self.walk(schema, inner, path),
            None => {
                let hint = suggest(name, &names)
                    .map_or_else(|| format!("known here are {}", names.join(", ")), |meant| format!("did you mean '{meant}'?"));
                self.find(path, "field.unknown", format!("unknown field '{}'", shortened(name)), Some(&hint));
                None
            }
        };
        path.truncate(length);
        Some(Value::Object(Map::from_iter([(name.clone(), fitting?)])))
    }

    fn object(&mut self, rules: &'a Map<String, Value>, fields: &Map<String, Value>, path: &mut String) -> Option<Value> {
        let no_properties = Map::new();
        let known = rules.get("properties").and_then(Value::as_object);
        let required: Vec<&str> =
            rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str).collect();
        let names: Vec<&str> = known.unwrap_or(&no_properties).keys().map(String::as_str).collect();
        let mut fitting = Map::new();
        let mut whole = true;
        for (name, value) in fields {
            let length = path.len();
            push_field(path, name);
            let schema = known.and_then(|known| known.get(name)).or_else(|| rules.get("additionalProperties"));
            match schema {
                Some(Value::Bool(false)) => {
                    let hint = suggest(name, &names).map_or_else(
                        || format!("known here are {}", names.join(", ")),
                        |meant| format!("did you mean '{meant}'?"),
                    );
                    let message = format!("unknown field '{}'", shortened(name));
                    self.find(path, "field.unknown", message, Some(&hint));
                }
                Some(schema) => match self.walk(schema, value, path) {
                    Some(value) => {
                        fitting.insert(name.clone(), value);
                    }
                    None if required.contains(&name.as_str()) => whole &= self.fill(schema, name, &mut fitting),
                    None => {}
                },
                None => {
                    fitting.insert(name.clone(), value.clone());
                }
            }
            path.truncate(length);
        }
        for name in required.into_iter().filter(|name| !fields.contains_key(*name)) {
            let length = path.len();
            push_field(path, name);
            self.find(path, "field.missing", format!("the field '{name}' is missing"), None);
            path.truncate(length);
            whole &= known.and_then(|known| known.get(name)).is_some_and(|schema| self.fill(schema, name, &mut fitting));
        }
        whole.then_some(Value::Object(fitting))
    }

    /// A list with its faulty texts left out. A list of objects keeps all of them or is given up: leaving one out would move the
    /// places of the others.
    fn list(&mut self, rules: &'a Map<String, Value>, items: &[Value], path: &mut String) -> Option<Value> {
        let Some(schema) = rules.get("items") else {
            return Some(Value::Array(items.to_vec()));
        };
        let mut fitting = Vec::with_capacity(items.len());
        let mut whole = true;
        for (place, item) in items.iter().enumerate() {
            let length = path.len();
            path.push_str(&format!("[{place}]"));
            match self.walk(schema, item, path) {
                Some(item) => fitting.push(item),
                None if self.resolve(schema).get("properties").is_some_and(Value::is_object) => {
                    let stand_in = (self.gaps == Gaps::Fill).then(|| self.stand_in(schema, 0)).flatten();
                    whole &= stand_in.is_some();
                    fitting.extend(stand_in);
                }
                None => {}
            }
            path.truncate(length);
        }
        whole.then_some(Value::Array(fitting))
    }

    fn text(&mut self, rules: &Map<String, Value>, text: &str, path: &str) -> Option<Value> {
        let format = rules.get("format").and_then(Value::as_str).unwrap_or_default();
        let Err(message) = check_form(format, text) else {
            return Some(Value::String(text.to_owned()));
        };
        let example = rules.get("examples").and_then(|examples| examples.get(0)?.as_str());
        let hint = example.map(|example| format!("for example {example}"));
        self.find(path, "field.form", message, hint.as_deref());
        None
    }

    fn number(&mut self, rules: &Map<String, Value>, number: &Number, path: &str) -> Option<Value> {
        let limit = |name: &str| rules.get(name).and_then(Value::as_f64);
        // Close enough to tell a wrong sign or size; the deserializer has the last word.
        let value = number.as_f64().unwrap_or_default();
        let message = match (limit("minimum"), limit("maximum")) {
            (Some(least), _) if value < least => format!("{number} is less than {least}"),
            (_, Some(most)) if value > most => format!("{number} is more than {most}"),
            _ => return Some(Value::Number(number.clone())),
        };
        self.find(path, "field.range", message, None);
        None
    }

    /// Puts something in the place of a field that must be there; whether that could be done.
    fn fill(&self, schema: &Value, name: &str, fitting: &mut Map<String, Value>) -> bool {
        let stand_in = (self.gaps == Gaps::Fill).then(|| self.stand_in(schema, 0)).flatten();
        let filled = stand_in.is_some();
        fitting.extend(stand_in.map(|value| (name.to_owned(), value)));
        filled
    }

    /// Something of the form of a schema.
    fn stand_in(&self, schema: &Value, depth: usize) -> Option<Value> {
        let rules = self.resolve(schema).as_object().filter(|_| depth < DEEPEST)?;
        if let Some(example) = rules.get("examples").and_then(|examples| examples.get(0)) {
            return Some(example.clone());
        }
        if let Some(words) = words_of(rules) {
            return words.first().map(|word| Value::from(*word));
        }
        Some(match *types_of(rules).first()? {
            "string" => Value::from(""),
            "boolean" => Value::Bool(false),
            "integer" | "number" => rules.get("minimum").cloned().unwrap_or_else(|| Value::from(0)),
            "array" => Value::Array(Vec::new()),
            "object" => {
                let required = rules.get("required").and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str);
                let field = |name: &str| Some((name.to_owned(), self.stand_in(rules.get("properties")?.get(name)?, depth + 1)?));
                Value::Object(required.map(field).collect::<Option<_>>()?)
            }
            _ => return None,
        })
    }

    fn find(&mut self, path: &str, code: &'static str, message: String, hint: Option<&str>) {
        self.findings.push(Finding { path: path.to_owned(), code, message, hint: hint.map(str::to_owned) });
    }
}

fn push_field(path: &mut String, name: &str) {
    if !path.is_empty() {
        path.push('.');
    }
    path.push_str(&shortened(name));
}

/// Fit for a message: visible, and not without end.
pub fn shortened(text: &str) -> String {
    let mut rest = text.chars();
    let mut shown = visible(&rest.by_ref().take(80).collect::<String>()).into_owned();
    if rest.next().is_some() {
        shown.push_str("...");
    }
    shown
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use serde::Deserialize;
    use serde_json::json;

    use super::*;
    use crate::{Channel, Hkic, Month, Tier};

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(rename_all = "camelCase", deny_unknown_fields)]
    struct Sheet {
        line: u32,
        tier: Tier,
        #[serde(default)]
        month: Option<Month>,
        #[serde(default)]
        counts: BTreeMap<Channel, u64>,
        #[serde(default)]
        parts: Vec<Part>,
    }

    #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
    #[serde(deny_unknown_fields)]
    struct Part {
        hkic: Hkic,
    }

    fn found(value: &Value) -> Vec<String> {
        let reading = read_checked::<Sheet>(value);
        reading.findings.iter().map(|finding| format!("{} {}", finding.path, finding.code)).collect()
    }

    #[test]
    fn what_fits_is_read() {
        let value =
            json!({"line": 7, "tier": "iam-smart", "month": null, "counts": {"kiosk": 3}, "parts": [{"hkic": "g123456a"}]});
        let reading = read_checked::<Sheet>(&value);
        assert_eq!(reading.findings, []);
        let sheet = reading.value;
        assert_eq!(sheet.as_ref().map(|sheet| (sheet.line, sheet.tier, sheet.month)), Some((7, Tier::IamSmart, None)));
        assert_eq!(sheet.map(|sheet| sheet.counts), Some(BTreeMap::from([(Channel::Kiosk, 3)])));
    }

    #[test]
    fn what_does_not_fit_is_found() {
        assert_eq!(found(&json!({"line": -1, "tier": "iam-smart"})), ["line field.range"]);
        assert_eq!(found(&json!({"line": 5_000_000_000_u64, "tier": "iam-smart"})), ["line field.form"]);
        assert_eq!(found(&json!({"line": 1.5, "tier": "iam-smart"})), ["line field.type"]);
        assert_eq!(found(&json!({"line": "1", "tier": 1})), ["line field.type", "tier field.type"]);
        assert_eq!(found(&json!({"line": 1, "tier": "iam-smart", "month": "May"})), ["month field.form"]);
        assert_eq!(found(&json!({"line": 1, "tier": "iam-smart", "counts": {"kiosks": 1}})), ["counts field.form"]);
        assert_eq!(found(&json!({"line": 1, "tier": "iam-smart", "counts": {"kiosk": "many"}})), ["counts.kiosk field.type"]);
    }

    #[test]
    fn a_thing_of_several_shapes_has_one_of_them() {
        #[derive(Debug, PartialEq, Deserialize, JsonSchema)]
        #[serde(rename_all = "kebab-case")]
        enum Piece {
            Figure(String),
            Share(Part),
        }
        let read = |value: Value| {
            let reading = read_checked::<Vec<Piece>>(&value);
            reading
                .findings
                .iter()
                .map(|finding| format!("{finding} ({})", finding.hint.as_deref().unwrap_or("")))
                .collect::<Vec<_>>()
        };
        assert_eq!(read(json!([{"figure": "a"}, {"share": {"hkic": "g123456a"}}])), [""; 0]);
        assert_eq!(
            read(
                json!([{"figur": "a"}, {"figure": 1}, {"figure": "a", "bogus": 1}, {}, "figure", {"share": {"hkic": 5, "of": 1}}])
            ),
            [
                "[0].figur: unknown field 'figur' (did you mean 'figure'?)",
                "[1].figure: expected text, found a number (put it in quotes)",
                "[2]: only one of figure, share can stand here, not figure, bogus together (each thing is an item of its own: it begins with '- ')",
                "[3]: one of figure, share is missing ()",
                "[4]: expected one of figure, share, found text ()",
                "[5].share.hkic: expected text, found a number (put it in quotes)",
                "[5].share.of: unknown field 'of' (known here are hkic)",
            ]
        );
        let large = read_checked::<Sheet>(&json!({"line": 1e23, "tier": "iam-smart"})).findings;
        assert_eq!(large[0].message, "the number is too large");
    }

    #[test]
    fn a_faulty_part_of_a_list_gives_up_the_list_and_keeps_its_place() {
        let reading = read_checked::<Sheet>(&json!({
            "line": 1, "tier": "iam-smart", "parts": [{"hkic": "G123456(A)"}, {"hkic": "G123456(1)"}, {"hkic": 5}, {}]
        }));
        let paths: Vec<&str> = reading.findings.iter().map(|finding| finding.path.as_str()).collect();
        assert_eq!(paths, ["parts[1].hkic", "parts[2].hkic", "parts[3].hkic"]);
        // The list is left out, the rest can be looked at.
        assert_eq!(reading.value.map(|sheet| sheet.parts), Some(vec![]));
        assert!(reading.findings.iter().all(|finding| !finding.to_string().contains("123")), "no card number in a message");
    }

    #[test]
    fn which_further_findings_say_something_new() {
        let finding = |path: &str| Finding { path: path.to_owned(), code: "x", message: String::new(), hint: None };
        let reading = Reading::<()> { value: None, findings: vec![finding("a.b"), finding("list[1]")] };
        for (path, covered) in [
            ("a.b", true),
            ("a.b.c", true),
            ("a.b[0]", true),
            ("a", false),
            ("a.bc", false),
            ("a.c", false),
            ("list", true),
            ("list[1].x", true),
            ("list[0]", false),
            ("", false),
        ] {
            assert_eq!(reading.covers(path), covered, "{path}");
        }
    }

    #[test]
    fn an_endless_text_is_cut() {
        let findings =
            read_checked::<Sheet>(&json!({"line": 1, "tier": "x".repeat(1_000_000), "y".repeat(1_000_000): 1})).findings;
        assert_eq!(findings.len(), 2);
        assert!(findings.iter().all(|finding| finding.to_string().len() < 400));
    }
}
