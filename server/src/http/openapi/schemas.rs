//! The schemas of a document, made of the very types that are read and written.
//!
//! What is taken and what is given are two things: a field that may be left out of a request is always there in a reply. A type
//! that looks different in the two directions is there twice, as `NAME` where it is given and `NAMEInput` where it is taken.

use std::collections::BTreeSet;

use schemars::generate::SchemaSettings;
use schemars::{Schema, SchemaGenerator};
use serde_json::{Map, Value};

use super::Shape;

const PLACE: &str = "#/components/schemas/";

/// Both directions.
pub struct Schemas {
    taken: SchemaGenerator,
    given: SchemaGenerator,
}

impl Schemas {
    /// None yet.
    #[must_use]
    pub fn new() -> Self {
        let settings = || {
            SchemaSettings::draft2020_12().with(|settings| {
                settings.definitions_path = "/components/schemas".into();
                settings.meta_schema = None;
            })
        };
        Self { taken: settings().for_deserialize().into_generator(), given: settings().for_serialize().into_generator() }
    }

    /// The schema of what is taken; [`Schemas::finish`] has to see it.
    pub fn taken(&mut self, shape: Shape) -> Value {
        plain(shape(&mut self.taken))
    }

    /// The schema of what is given.
    pub fn given(&mut self, shape: Shape) -> Value {
        plain(shape(&mut self.given))
    }

    /// What a schema says of its type, a reference followed.
    pub fn says(&self, schema: &Value) -> Option<String> {
        let named = schema.get("$ref").and_then(Value::as_str).and_then(|to| to.strip_prefix(PLACE));
        let schema = named.map_or(Some(schema), |name| self.taken.definitions().get(name))?;
        schema.get("description").and_then(Value::as_str).map(str::to_owned)
    }

    /// All named schemas; and the names that stand for other things in `taken`, by which it is put right.
    #[must_use]
    pub fn finish(mut self) -> (Map<String, Value>, BTreeSet<String>) {
        let given = self.given.take_definitions(true);
        let taken = self.taken.take_definitions(true);
        let mut apart = BTreeSet::new();
        // What refers to a type that looks different looks different itself.
        loop {
            let before = apart.len();
            for (name, schema) in &taken {
                let mut renamed = schema.clone();
                rename(&mut renamed, &apart);
                if given.get(name).is_some_and(|given| *given != renamed) {
                    apart.insert(name.clone());
                }
            }
            if apart.len() == before {
                break;
            }
        }
        let mut all = given;
        for (name, mut schema) in taken {
            rename(&mut schema, &apart);
            let name = if apart.contains(&name) { format!("{name}Input") } else { name };
            all.insert(name, schema);
        }
        (all, apart)
    }
}

/// Lets references to those names go to what is taken.
pub fn rename(schema: &mut Value, apart: &BTreeSet<String>) {
    match schema {
        Value::Object(object) => {
            for (key, value) in object.iter_mut() {
                match value {
                    Value::String(to) if key == "$ref" => {
                        if to.strip_prefix(PLACE).is_some_and(|name| apart.contains(name)) {
                            to.push_str("Input");
                        }
                    }
                    value => rename(value, apart),
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| rename(value, apart)),
        _ => {}
    }
}

fn plain(schema: Schema) -> Value {
    schema.to_value()
}
