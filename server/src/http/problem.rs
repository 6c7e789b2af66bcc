//! Problems as HTTP answers.

use api::Problem;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::RequestId;

/// An RFC 9457 document, with the request's id in the header too.
pub fn respond(problem: &Problem) -> Response {
    let status = StatusCode::from_u16(problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let body = serde_json::to_vec(problem).unwrap_or_default();
    let mut response = (status, body).into_response();
    response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
    if let Some(id) = problem.request_id.as_deref().and_then(|id| HeaderValue::from_str(id).ok()) {
        response.headers_mut().insert(api::REQUEST_ID, id);
    }
    response
}

/// A problem that no operation made.
pub fn problem(status: u16, code: &str, message: impl Into<String>, hint: Option<&str>, request: RequestId) -> Problem {
    Problem {
        status,
        code: code.to_owned(),
        message: message.into(),
        hint: hint.map(str::to_owned),
        retryable: matches!(status, 408 | 429 | 503),
        request_id: Some(request.to_string()),
        fields: Vec::new(),
    }
}
