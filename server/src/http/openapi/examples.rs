//! What requests and answers look like: written down beside the endpoints, and held to their schemas by a test.

use serde_json::{Map, Value, json};

/// Examples by the name of the endpoint: of its `request`, and of its answers by their status. What begins with `$` is no endpoint
/// but an example that others name.
#[derive(Debug, Default)]
pub struct Examples(Map<String, Value>);

impl Examples {
    /// Reads them; none where they are not JSON, which the test would find.
    #[must_use]
    pub fn read(text: &str) -> Self {
        Self(serde_json::from_str(text).unwrap_or_default())
    }

    /// That of a part of an endpoint, with what it names in its place.
    pub(super) fn of(&self, endpoint: &str, part: &str) -> Option<Value> {
        Some(self.whole(self.0.get(endpoint)?.get(part)?))
    }

    fn whole(&self, example: &Value) -> Value {
        match example {
            Value::String(name) if name.starts_with('$') => self.0.get(name).cloned().unwrap_or_default(),
            Value::Array(items) => items.iter().map(|item| self.whole(item)).collect(),
            other => other.clone(),
        }
    }
}

/// An error of the OAuth endpoints (RFC 6749 section 5.2) of that status.
pub(super) fn oauth(status: u16) -> Value {
    let (error, description) = match status {
        401 => ("invalid_client", "the client did not prove who it is"),
        403 => ("insufficient_scope", "the token is of no login"),
        408 => ("invalid_request", "the body did not arrive in time"),
        413 => ("invalid_request", "the form is too long"),
        429 => ("temporarily_unavailable", "too many requests of this client or party are waiting; try again later"),
        500 => ("server_error", "something went wrong here; nothing was changed"),
        503 => ("temporarily_unavailable", "the server cannot answer at present; try again"),
        _ => ("invalid_request", "redirect_uri is missing"),
    };
    json!({ "error": error, "error_description": description })
}

/// The same as a page gives it to whoever asks for data.
pub(super) fn page(status: u16) -> Value {
    let mut example = match status {
        404 => json!({ "error": "not_found", "error_description": "gone" }),
        other => oauth(other),
    };
    example["request_id"] = REQUEST.into();
    example
}

/// A problem document (RFC 9457) of that status.
pub(super) fn problem(status: u16) -> Value {
    let (code, detail, retryable) = match status {
        400 => ("request.cut", "the request ended before its body did", false),
        401 => ("proof.missing", "one proof is wanted in the header DPoP", false),
        403 => ("account.suspended", "the account is suspended; nothing was done", false),
        404 => ("operation.not-found", "there is no such path here", false),
        408 => ("request.stalled", "the request did not arrive within 10 s; nothing was changed", true),
        409 => ("request.over", "the request is over", false),
        413 => ("request.too-large", "the request is larger than 64 KiB", false),
        422 => ("request.invalid", "a field is missing", false),
        429 => ("surge.full", "too many requests are waiting; nothing was done", true),
        503 => ("store.unavailable", "the database cannot be reached", true),
        _ => ("internal", "something went wrong here; the log has it under the request's id", false),
    };
    json!({ "status": status, "code": code, "detail": detail, "retryable": retryable, "request_id": REQUEST })
}

/// A request's id.
const REQUEST: &str = "01890a5d-ac96-774b-bcce-b302099a8057";
