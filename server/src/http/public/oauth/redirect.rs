//! The way back to a client, with an answer: RFC 6749 sections 4.1.2 and 4.1.2.1, RFC 9207.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use url::form_urlencoded::Serializer;

use super::error::OAuthError;
use super::parameters::Back;
use crate::app::App;
use crate::http::public::html::guarded;

/// What a client is told.
#[derive(Debug, Clone, Copy)]
pub(super) enum Told<'a> {
    /// The citizen has approved.
    Code(&'a str),
    /// It came to nothing: the error and its description.
    Error(&'a str, &'a str),
}

impl<'a> From<&'a OAuthError> for Told<'a> {
    fn from(error: &'a OAuthError) -> Self {
        Told::Error(error.code.name(), error.description)
    }
}

/// The address that the browser is sent to. What the client registered stays as it is, to the byte; the answer follows it.
pub(super) fn address(app: &App, back: &Back, told: Told<'_>) -> String {
    let mut query = Serializer::new(String::new());
    match told {
        Told::Code(code) => query.append_pair("code", code),
        Told::Error(error, description) => query.append_pair("error", error).append_pair("error_description", description),
    };
    if let Some(state) = &back.state {
        query.append_pair("state", state);
    }
    query.append_pair("iss", &app.issuer_url);
    let joint = if back.redirect_uri.contains('?') { '&' } else { '?' };
    format!("{}{joint}{}", back.redirect_uri, query.finish())
}

/// 303: whatever method brought the browser here, it goes on with GET (RFC 9700 section 4.12).
pub(super) fn see_other(address: &str) -> anyhow::Result<Response> {
    let mut response = guarded(StatusCode::SEE_OTHER.into_response());
    response.headers_mut().insert(header::LOCATION, HeaderValue::from_str(address)?);
    Ok(response)
}
