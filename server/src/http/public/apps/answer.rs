//! Bodies in, answers out: JSON, and problem documents for what does not go through.

use std::time::Duration;

use api::Problem;
use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::RequestId;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::error::Category;

use crate::failure::Failure;
use crate::http::in_time::{InTime, Late};
use crate::http::problem::{problem, respond};

/// How long a body may take to come in.
const TAKES: Duration = Duration::from_secs(30);
/// How long a request may take once it has come in.
const PATIENCE: Duration = Duration::from_secs(25);

/// Reads a body of at most `most` bytes.
pub(super) async fn whole(mut body: Body, most: usize, id: RequestId) -> Result<Bytes, Problem> {
    let too_large = || problem(413, "request.too-large", format!("the request is larger than {} KiB", most / 1024), None, id);
    if body.size_hint().lower() > most as u64 {
        return Err(too_large());
    }
    let (time, mut read) = (InTime::within(TAKES), Vec::new());
    loop {
        let frame = time.next(&mut body).await.map_err(|Late| stalled(id))?;
        let Some(frame) = frame else { return Ok(read.into()) };
        let frame = frame.map_err(|_| problem(400, "request.cut", "the request ended before its body did", None, id))?;
        let Ok(data) = frame.into_data() else { continue };
        if read.len() + data.len() > most {
            return Err(too_large());
        }
        read.extend_from_slice(&data);
    }
}

/// Nothing was looked at.
pub(super) fn stalled(id: RequestId) -> Problem {
    problem(408, "request.stalled", "the request did not arrive in time; nothing was changed", None, id)
}

/// What a body says.
///
/// # Errors
/// `request.invalid`: its words name fields and types, no values.
pub(super) fn says<T: DeserializeOwned>(body: &[u8]) -> Result<T, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let said = serde_path_to_error::deserialize(&mut reader)
        .map_err(|error| Failure::invalid_field("request.invalid", error.path().to_string(), words(error.inner())))?;
    reader.end().map_err(|error| Failure::invalid("request.invalid", format!("something follows the JSON document: {error}")))?;
    Ok(said)
}

/// What is wrong, for people: where a field is named, its line and column say nothing more.
fn words(error: &serde_json::Error) -> String {
    let words = error.to_string().replace('`', "'");
    let place = format!(" at line {} column {}", error.line(), error.column());
    match error.classify() {
        Category::Data => words.strip_suffix(&place).unwrap_or(&words).to_owned(),
        Category::Syntax | Category::Eof | Category::Io => words,
    }
}

/// Does something that was asked for, in the time there is, and answers it.
pub(super) async fn answer<T: Serialize>(
    what: &'static str,
    id: RequestId,
    done: impl Future<Output = Result<T, Failure>>,
) -> Response {
    let done = match tokio::time::timeout(PATIENCE, done).await {
        Ok(done) => done,
        Err(_) => Err(Failure::Unavailable {
            code: "store.not-confirmed",
            message: format!("NOT CONFIRMED: the database gave no answer within {} s", PATIENCE.as_secs()),
            hint: Some("look at how things stand, then try again".to_owned()),
        }),
    };
    match done {
        Ok(reply) => json(&reply, id),
        Err(failure) => {
            match &failure {
                Failure::Internal(cause) => tracing::error!(request = %id, what, ?cause, "what an app asked for failed"),
                other => tracing::info!(request = %id, what, code = other.code(), "what an app asked for was refused"),
            }
            let refused = matches!(failure, Failure::Refused(_));
            let mut problem = failure.into_problem(Some(id.to_string()));
            if refused {
                (problem.status, problem.retryable) = status_of(&problem.code);
            }
            told(&problem)
        }
    }
}

/// The status of what a rule refuses, and whether the same may go through later. The app shows what the code means; whatever stands
/// between looks at the status.
fn status_of(code: &str) -> (u16, bool) {
    match code {
        "device.ended" => (401, false),
        "account.suspended" | "account.closed" | "request.tier" => (403, false),
        "request.not-found" => (404, false),
        "request.guesses" => (429, true),
        "request.claims" => (422, false),
        _ => (409, false),
    }
}

/// A problem; one of the moment says when to come again.
pub(super) fn told(problem: &Problem) -> Response {
    let mut response = respond(problem);
    if problem.retryable {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    private(&mut response);
    response
}

fn json<T: Serialize>(reply: &T, id: RequestId) -> Response {
    match serde_json::to_vec(reply) {
        Ok(body) => {
            let mut response = (StatusCode::OK, [(header::CONTENT_TYPE, "application/json")], body).into_response();
            if let Ok(id) = HeaderValue::from_str(&id.to_string()) {
                response.headers_mut().insert(api::REQUEST_ID, id);
            }
            private(&mut response);
            response
        }
        Err(error) => {
            tracing::error!(request = %id, %error, "a reply could not be written");
            told(&problem(500, "internal", "the reply could not be written", None, id))
        }
    }
}

/// What one citizen is told is kept by nobody between.
fn private(response: &mut Response) {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
}
