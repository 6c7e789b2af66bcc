//! Whatever a listener answers is held against its OpenAPI document: a path that answers and is not in it, a status, a media type, a
//! field or a form that it does not say, fails the test that met it.

use std::collections::HashMap;
use std::sync::{Arc, LazyLock, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderMap, Method, header};
use http_body_util::BodyExt;
use jsonschema::Validator;
use serde_json::{Map, Value, json};
use server::http::openapi::{Document, PATH};

/// What is asked for without being described: the document itself, and whether the node lives.
const BESIDE: [&str; 2] = [PATH, "/livez"];

/// A document, and the validators that were made of it so far.
pub struct Checker {
    document: Value,
    /// The schemas of replies, closed: what they do not name is not there.
    components: Value,
    validators: Mutex<HashMap<String, Arc<Validator>>>,
}

/// Of the public listener.
pub static PUBLIC: LazyLock<Checker> = LazyLock::new(|| Checker::of(server::http::public::document()));
/// Of the admin listener.
pub static ADMIN: LazyLock<Checker> = LazyLock::new(|| Checker::of(server::http::admin::document()));

/// The same router, each answer checked.
pub fn checked(router: Router, checker: &'static LazyLock<Checker>) -> Router {
    router.layer(from_fn(move |request: Request, next: Next| check(checker, request, next)))
}

async fn check(checker: &'static Checker, request: Request, next: Next) -> Response {
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let response = next.run(request).await;
    if media(response.headers()) == "text/event-stream" {
        checker.fits(&method, &path, &response, None).unwrap_or_else(|fault| panic!("{fault}"));
        return response;
    }
    let (head, body) = response.into_parts();
    let body = body.collect().await.expect("an answer that is there").to_bytes();
    let response = Response::from_parts(head, Body::from(body.clone()));
    checker.fits(&method, &path, &response, Some(&body)).unwrap_or_else(|fault| panic!("{fault}"));
    response
}

fn media(headers: &HeaderMap) -> &str {
    let media = headers.get(header::CONTENT_TYPE).and_then(|media| media.to_str().ok()).unwrap_or_default();
    media.split(';').next().unwrap_or_default().trim()
}

impl Checker {
    /// Of a document.
    ///
    /// # Panics
    /// When it is not JSON.
    #[must_use]
    pub fn of(document: &Document) -> Self {
        let document: Value = serde_json::from_slice(document.bytes()).expect("a document in JSON");
        let mut components = document["components"].clone();
        for schema in components["schemas"].as_object_mut().into_iter().flat_map(Map::values_mut) {
            close(schema);
        }
        Self { document, components, validators: Mutex::default() }
    }

    /// The document.
    #[must_use]
    pub fn document(&self) -> &Value {
        &self.document
    }

    /// The path of the document that a request's path is of, the one with the fewest parts left open, and what is said of it.
    #[must_use]
    pub fn path(&self, asked: &str) -> Option<(&str, &Value)> {
        let fits = |path: &str| {
            let (mut path, mut asked) = (path.split('/'), asked.split('/'));
            loop {
                match (path.next(), asked.next()) {
                    (None, None) => return true,
                    (Some(part), Some(asked)) if part == asked || part.starts_with('{') && !asked.is_empty() => {}
                    _ => return false,
                }
            }
        };
        let paths = self.document["paths"].as_object()?;
        let found = paths.iter().filter(|(path, _)| fits(path)).min_by_key(|(path, _)| path.matches('{').count());
        found.map(|(path, item)| (path.as_str(), item))
    }

    /// Whether an answer is as the document says; `body` as far as it is to be judged.
    ///
    /// # Errors
    /// What is not so.
    pub fn fits(&self, method: &Method, asked: &str, response: &Response, body: Option<&[u8]>) -> Result<(), String> {
        let (status, media) = (response.status(), media(response.headers()));
        let told = |what: &str| format!("{method} {asked} answered {status} as '{media}': {what}");
        if BESIDE.contains(&asked) {
            return Ok(());
        }
        let verb = method.as_str().to_ascii_lowercase();
        // HEAD is answered as GET is, unless it stands there by itself.
        let said = |item: &'_ Value| item.get(&verb).or_else(|| item.get("get").filter(|_| *method == Method::HEAD)).cloned();
        let Some((path, operation)) = self.path(asked).and_then(|(path, item)| Some((path, said(item)?))) else {
            // Turned away at the gate, or that there is no such thing.
            let turned_away = match media {
                "application/problem+json" => [400, 401, 404, 405, 408, 413].contains(&status.as_u16()),
                // Clients are told so in their own form.
                "application/json" => asked.starts_with("/oauth2/") && status == 405,
                _ => false,
            };
            return if turned_away { Ok(()) } else { Err(told("the document has no such path and method")) };
        };
        let said = operation["responses"].get(status.as_str()).ok_or_else(|| told("the document has no such status"))?;
        for (name, header) in said["headers"].as_object().into_iter().flatten() {
            if header["required"] == json!(true) && !response.headers().contains_key(name) {
                return Err(told(&format!("the header {name} is missing")));
            }
        }
        let Some(content) = said.get("content") else {
            return if body.is_none_or(<[u8]>::is_empty) { Ok(()) } else { Err(told("the document says that there is no body")) };
        };
        let content = content.get(media).ok_or_else(|| told("the document has no such media type"))?;
        let (Some(schema), Some(body)) = (content.get("schema"), body.filter(|_| *method != Method::HEAD)) else { return Ok(()) };
        let body: Value = serde_json::from_slice(body).map_err(|error| told(&format!("it is no JSON: {error}")))?;
        let validator = self.validator(format!("{verb} {path} {status} {media}"), schema);
        let faults: Vec<String> =
            validator.iter_errors(&body).map(|fault| format!("at '{}': {fault}", fault.instance_path())).collect();
        if faults.is_empty() { Ok(()) } else { Err(told(&faults.join("; "))) }
    }

    /// Every body of the document that has a schema, with its example: the request of each operation, and each of its answers.
    ///
    /// # Errors
    /// Which have none, or one that is not of the schema.
    pub fn examples(&self) -> Result<usize, Vec<String>> {
        let (mut good, mut faults) = (0, Vec::new());
        let operations = self.document["paths"].as_object().into_iter().flatten().flat_map(|(path, item)| {
            item.as_object().into_iter().flatten().map(move |(verb, operation)| (format!("{verb} {path}"), operation))
        });
        for (named, operation) in operations {
            let request = std::iter::once(("request", &operation["requestBody"]));
            let answers = operation["responses"].as_object().into_iter().flatten().map(|(status, said)| (status.as_str(), said));
            for (part, said) in request.chain(answers) {
                for (media, content) in said["content"].as_object().into_iter().flatten() {
                    let (Some(schema), place) = (content.get("schema"), format!("{named} {part} {media}")) else { continue };
                    let fault = match content.get("example") {
                        None => Some("there is no example".to_owned()),
                        Some(example) => {
                            let validator = self.validator(place.clone(), schema);
                            validator.iter_errors(example).next().map(|fault| format!("at '{}': {fault}", fault.instance_path()))
                        }
                    };
                    match fault {
                        None => good += 1,
                        Some(fault) => faults.push(format!("{place}: {fault}")),
                    }
                }
            }
        }
        if faults.is_empty() { Ok(good) } else { Err(faults) }
    }

    fn validator(&self, key: String, schema: &Value) -> Arc<Validator> {
        let mut validators = self.validators.lock().expect("no test has panicked in it");
        let made = validators.entry(key).or_insert_with(|| {
            let mut schema = schema.clone();
            close(&mut schema);
            schema["components"] = self.components.clone();
            let validator = jsonschema::options().with_draft(jsonschema::Draft::Draft202012).build(&schema);
            Arc::new(validator.expect("a schema of the dialect"))
        });
        Arc::clone(made)
    }
}

/// Closes the objects of a schema: more fields may follow one day, but then the document has them.
fn close(schema: &mut Value) {
    let Some(object) = schema.as_object_mut() else { return };
    if object.contains_key("properties") && !object.contains_key("additionalProperties") {
        // It sees what stands beside it too, such as the variants of a tagged enum.
        object.insert("unevaluatedProperties".to_owned(), false.into());
    }
    for (key, value) in object.iter_mut() {
        match (key.as_str(), value) {
            ("properties", Value::Object(properties)) => properties.values_mut().for_each(close),
            ("items" | "additionalProperties", value) => close(value),
            ("prefixItems", Value::Array(values)) => values.iter_mut().for_each(close),
            // Of these each sees its own fields alone, where others stand beside it.
            _ => {}
        }
    }
    if !object.contains_key("properties") {
        for key in ["oneOf", "anyOf"] {
            object.get_mut(key).and_then(Value::as_array_mut).into_iter().flatten().for_each(close);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn response(status: u16, media: &str) -> Response {
        Response::builder().status(status).header("content-type", media).body(Body::empty()).expect("a response")
    }

    #[test]
    fn what_the_document_does_not_say_is_found() {
        let key = json!({ "kty": "EC", "use": "sig", "alg": "ES256", "kid": "k", "crv": "P-256", "x": "x", "y": "y" });
        let with = |name: &str, value: Value| {
            let mut key = key.clone();
            key[name] = value;
            json!({ "keys": [key] })
        };
        let fault = |status: u16, media: &str, body: &Value| {
            let fits = PUBLIC.fits(&Method::GET, "/oauth2/jwks", &response(status, media), Some(body.to_string().as_bytes()));
            fits.err().unwrap_or_default()
        };
        let set = "application/jwk-set+json";
        assert_eq!(fault(200, set, &json!({ "keys": [key] })), "");
        for (status, media, body, words) in [
            (200, set, with("x", json!(1)), "at '/keys/0'"),
            (200, set, with("d", json!("secret")), "at '/keys/0'"),
            (200, set, json!({ "keys": [], "more": 1 }), "more"),
            (200, set, json!({}), "keys"),
            (200, "text/html", json!({}), "media type"),
            (201, set, json!({}), "no such status"),
        ] {
            let fault = fault(status, media, &body);
            assert!(fault.contains(words), "{fault}");
        }
        let nowhere = PUBLIC.fits(&Method::GET, "/oauth2/nothing", &response(200, set), Some(b"{}"));
        assert!(nowhere.is_err_and(|fault| fault.contains("no such path")));
    }
}
