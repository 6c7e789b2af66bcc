//! An OpenAPI 3.1 document: made once, the same bytes to everybody, under an entity tag.

use std::collections::BTreeMap;

use api::{Approval, Effect, Problem, Severity};
use axum::body::Bytes;
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use openssl::sha::sha256;
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::examples::{self, Examples};
use super::schemas::{Schemas, rename};
use super::{Endpoint, Errors, Reply, Scheme, shape};
use crate::keys::hex;

/// A document.
pub struct Document {
    bytes: Bytes,
    tag: String,
}

/// An error of the OAuth and OpenID endpoints (RFC 6749, section 5.2).
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "OAuthError")]
struct OAuthErrorBody {
    /// A word out of the registry "OAuth Extensions Error".
    error: String,
    /// For whoever writes the client.
    error_description: String,
}

/// A page that says what is wrong, as data.
#[derive(Debug, Serialize, JsonSchema)]
struct PageError {
    /// A word out of the registry "OAuth Extensions Error", or `not_found`.
    error: String,
    /// For whoever writes the client.
    error_description: String,
    /// The request's id.
    request_id: String,
    /// Where a browser would have been sent with it.
    #[serde(skip_serializing_if = "Option::is_none")]
    redirect: Option<String>,
}

impl Document {
    /// Makes one of what a listener answers.
    #[must_use]
    pub fn of(title: &str, says: &str, endpoints: &[Endpoint], examples: &Examples) -> Self {
        let document = write(title, says, endpoints, examples);
        let bytes = serde_json::to_vec(&document).unwrap_or_default();
        let digest = sha256(&bytes);
        Self { tag: format!("\"{}\"", hex(&digest[..16])), bytes: bytes.into() }
    }

    /// Its bytes: JSON.
    #[must_use]
    pub fn bytes(&self) -> &Bytes {
        &self.bytes
    }

    /// It, or that whoever asks has it already (RFC 9110 section 13.1.2).
    #[must_use]
    pub fn answer(&self, headers: &HeaderMap) -> Response {
        let tag = HeaderValue::from_str(&self.tag).unwrap_or_else(|_| HeaderValue::from_static("\"\""));
        let kept = headers.get(header::IF_NONE_MATCH).and_then(|tags| tags.to_str().ok()).unwrap_or_default();
        let fields = [(header::ETAG, tag), (header::CACHE_CONTROL, HeaderValue::from_static("no-cache"))];
        if kept.split(',').any(|kept| kept.trim().trim_start_matches("W/") == self.tag || kept.trim() == "*") {
            return (StatusCode::NOT_MODIFIED, fields).into_response();
        }
        (fields, [(header::CONTENT_TYPE, "application/json")], self.bytes.clone()).into_response()
    }
}

fn write(title: &str, says: &str, endpoints: &[Endpoint], examples: &Examples) -> Value {
    let mut schemas = Schemas::new();
    let mut paths: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut taken = BTreeMap::new();
    let mut schemes = BTreeMap::new();
    for endpoint in endpoints {
        schemes.extend(endpoint.schemes.iter().map(|scheme| (name_of(*scheme), scheme_of(*scheme))));
        let body = endpoint.body.map(|(media, shape)| (media, schemas.taken(shape)));
        let operation = operation(endpoint, body.as_ref().map(|(_, schema)| schema), &mut schemas, examples);
        let place = (endpoint.path(), endpoint.verb.as_str());
        paths.entry(place.0).or_default().insert(place.1.to_owned(), operation);
        let example = examples.of(endpoint.name, "request");
        taken.extend(body.map(|(media, schema)| (place, (media, schema, example))));
    }
    let (named, apart) = schemas.finish();
    for ((path, verb), (media, mut schema, example)) in taken {
        rename(&mut schema, &apart);
        if let Some(operation) = paths.get_mut(path).and_then(|path| path.get_mut(verb)) {
            operation["requestBody"] = json!({ "required": true, "content": { (media): shown(schema, example) } });
        }
    }
    json!({
        "openapi": "3.1.0",
        "info": { "title": title, "description": says, "version": env!("CARGO_PKG_VERSION") },
        "paths": paths,
        "components": { "schemas": named, "securitySchemes": schemes },
    })
}

/// What a body is of, and what one looks like.
fn shown(schema: Value, example: Option<Value>) -> Value {
    let mut shown = json!({ "schema": schema });
    if let Some(example) = example {
        shown["example"] = example;
    }
    shown
}

fn operation(endpoint: &Endpoint, body: Option<&Value>, schemas: &mut Schemas, examples: &Examples) -> Value {
    let says = match (endpoint.says, body) {
        ("", Some(body)) => schemas.says(body).unwrap_or_default(),
        (says, _) => says.to_owned(),
    };
    let mut operation = json!({
        "operationId": endpoint.name,
        "summary": says.lines().next().unwrap_or_default(),
        "description": says,
        "responses": responses(endpoint, schemas, examples),
    });
    // One of them is enough: an array of objects. An empty array says that nothing is asked for.
    let security: Vec<Value> = endpoint.schemes.iter().map(|scheme| json!({ (name_of(*scheme)): [] })).collect();
    operation["security"] = security.into();
    let parameters = endpoint.parameters.iter().map(|it| {
        json!({ "name": it.name, "in": it.place, "description": it.says, "required": it.required, "schema": { "type": "string" } })
    });
    let parameters: Vec<Value> = parameters.collect();
    if !parameters.is_empty() {
        operation["parameters"] = parameters.into();
    }
    if let Some(facts) = &endpoint.operation {
        operation["x-iam-roles"] = facts.roles.iter().map(|role| role.as_str()).collect();
        operation["x-iam-effect"] = effect(facts.effect).into();
        operation["x-iam-second-person"] = (facts.approval == Approval::SecondPerson).into();
    }
    operation
}

const fn effect(effect: Effect) -> &'static str {
    match effect {
        Effect::Read => "read",
        Effect::ReadPersonal => "read-personal",
        Effect::Write(Severity::Mild) => "write-mild",
        Effect::Write(Severity::Moderate) => "write-moderate",
        Effect::Write(Severity::Severe) => "write-severe",
    }
}

fn responses(endpoint: &Endpoint, schemas: &mut Schemas, examples: &Examples) -> Value {
    let mut responses: BTreeMap<String, Value> = BTreeMap::new();
    for Reply { status, says, content } in &endpoint.replies {
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({ "description": says }));
        if let Some((media, shape)) = content {
            let shown = |shape| shown(schemas.given(shape), examples.of(endpoint.name, &status.to_string()));
            response["content"][*media] = shape.map_or_else(|| json!({}), shown);
        }
    }
    for status in endpoint.statuses.iter() {
        let response = responses.entry(status.to_string()).or_insert_with(|| json!({ "description": words(*status) }));
        // A certificate that is not good any more, or is shown too often at once, is turned away before the endpoint.
        let certificate = matches!(status, 401 | 429 | 503);
        if endpoint.errors == Errors::Problem || certificate {
            let problem = schemas.given(shape::<Problem>());
            response["content"]["application/problem+json"] = shown(problem, Some(examples::problem(*status)));
        }
        if endpoint.errors == Errors::OAuth {
            let error = schemas.given(shape::<OAuthErrorBody>());
            response["content"]["application/json"] = shown(error, Some(examples::oauth(*status)));
        }
        if endpoint.errors == Errors::Page {
            let error = schemas.given(shape::<PageError>());
            response["content"]["application/json"] = shown(error, Some(examples::page(*status)));
            response["content"]["text/html"] = json!({});
        }
        if *status == 429 {
            let after = json!({ "description": "Seconds.", "required": true, "schema": { "type": "integer", "minimum": 1 } });
            response["headers"]["Retry-After"] = after;
        }
    }
    json!(responses)
}

/// What a status means here.
const fn words(status: u16) -> &'static str {
    match status {
        400 => "The request cannot be read, or a parameter of it is not good.",
        401 => "Nobody that is let in: nothing was shown, or what was shown is not good.",
        403 => "Whoever asks may not.",
        404 => "There is no such thing.",
        408 => "The request did not arrive in time.",
        409 => "Not as things stand.",
        413 => "The request is too large.",
        415 => "Another media type is taken.",
        422 => "The request is not of its form; nothing was attempted.",
        429 => "Too much at once: come back after Retry-After.",
        503 => "Something that is needed is away; nothing was changed unless the answer says NOT CONFIRMED.",
        _ => "The server failed.",
    }
}

const fn name_of(scheme: Scheme) -> &'static str {
    match scheme {
        Scheme::Operator => "operator",
        Scheme::Device => "device",
        Scheme::Certificate => "certificate",
        Scheme::PrivateKeyJwt => "private_key_jwt",
        Scheme::Secret => "client_secret_basic",
        Scheme::DpopToken => "dpop",
        Scheme::BearerToken => "bearer",
    }
}

fn scheme_of(scheme: Scheme) -> Value {
    match scheme {
        Scheme::Operator => json!({
            "type": "mutualTLS",
            "description": "A certificate of the instance's authority for operators.",
        }),
        Scheme::Device => json!({
            "type": "apiKey", "in": "header", "name": "DPoP",
            "description": "A proof of possession (RFC 9449, section 4.2) made with the ES256 key of the citizen's device: typ \
                            dpop+jwt, jwk, htm, htu, iat within 60 s, jti once, and with a body 'body', the base64url of its SHA-256.",
        }),
        Scheme::Certificate => json!({
            "type": "mutualTLS",
            "description": "A certificate of the instance's authority for relying parties.",
        }),
        Scheme::PrivateKeyJwt => json!({
            "type": "openIdConnect", "openIdConnectUrl": "/.well-known/openid-configuration",
            "description": "private_key_jwt: client_assertion and client_assertion_type in the form (RFC 7523), ES256 or PS256; aud \
                            is the issuer, jti once.",
        }),
        Scheme::Secret => json!({
            "type": "http", "scheme": "basic",
            "description": "client_id and client_secret; in the form as well, where the service's manifest says client_secret.",
        }),
        Scheme::DpopToken => json!({
            "type": "http", "scheme": "DPoP",
            "description": "An access token, and a proof of the key it is bound to in the header DPoP (RFC 9449, section 7).",
        }),
        Scheme::BearerToken => json!({
            "type": "http", "scheme": "bearer",
            "description": "An access token that is bound to the connection's certificate (RFC 8705) or to nothing.",
        }),
    }
}
