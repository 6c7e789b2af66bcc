//! Pages that say that something went wrong: in both languages, what happened, what was not done, what to do now.

use std::fmt::Write;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Environment, RequestId};
use serde_json::json;

use super::{Language, Page, guarded};
use crate::app::App;

/// What went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wrong {
    /// The client or the address to go back to is not proven, or the request cannot be read.
    Request,
    /// The `request_uri` was used, is too old, or another's.
    Used,
    /// The same at a logout.
    Logout,
    /// There is no such page.
    Gone,
    /// The database is away.
    Away,
    /// A fault of ours.
    Failed,
}

impl Wrong {
    const fn name(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Used => "used",
            Self::Logout => "logout",
            Self::Gone => "gone",
            Self::Away => "away",
            Self::Failed => "failed",
        }
    }

    /// For whoever reads it as data, where nothing more is known.
    const fn description(self) -> &'static str {
        match self {
            Self::Request => "the request cannot be read, or is not of a client here",
            Self::Used => "request_uri was used, is too old, or is not this client's",
            Self::Logout => "the logout cannot be read, or is not of a client here",
            Self::Gone => "there is no such page",
            Self::Away => "the server cannot answer at present; try again",
            Self::Failed => "something went wrong here; nothing was changed",
        }
    }

    const fn status(self) -> StatusCode {
        match self {
            Self::Request | Self::Used | Self::Logout => StatusCode::BAD_REQUEST,
            Self::Gone => StatusCode::NOT_FOUND,
            Self::Away => StatusCode::SERVICE_UNAVAILABLE,
            Self::Failed => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

/// A page, or the same as data.
#[derive(Debug)]
pub struct ErrorPage {
    /// What.
    pub wrong: Wrong,
    /// As standards name it.
    pub error: &'static str,
    /// For whoever writes the client.
    pub detail: Option<&'static str>,
    /// Another status than that of its kind.
    pub status: Option<StatusCode>,
    /// Where a browser would have been sent with it, for whoever reads it as data.
    pub redirect: Option<String>,
}

impl ErrorPage {
    /// Of a kind, with nothing to add.
    #[must_use]
    pub const fn of(wrong: Wrong, error: &'static str) -> Self {
        Self { wrong, error, detail: None, status: None, redirect: None }
    }

    /// As it is sent.
    #[must_use]
    pub fn answer(&self, app: &App, request: RequestId, first: Language, data: bool) -> Response {
        let status = self.status.unwrap_or(self.wrong.status());
        let mut response = if data {
            let description = self.detail.unwrap_or(self.wrong.description());
            let mut body = json!({ "error": self.error, "error_description": description, "request_id": request });
            if let Some(redirect) = &self.redirect {
                body["redirect"] = redirect.as_str().into();
            }
            guarded((status, Json(body)).into_response())
        } else {
            self.page(app.environment, request, first, status).unwrap_or_else(|error| {
                tracing::error!(%request, ?error, "an error page has no words");
                guarded(status.into_response())
            })
        };
        if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
            response.headers_mut().insert(api::REQUEST_ID, id);
        }
        if self.wrong == Wrong::Away {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
        }
        response
    }

    fn page(
        &self,
        environment: Environment,
        request: RequestId,
        first: Language,
        status: StatusCode,
    ) -> anyhow::Result<Response> {
        let mut main = String::new();
        for (place, language) in [first, first.other()].into_iter().enumerate() {
            let say = |part: &str| language.say(&format!("error-{}-{part}", self.wrong.name()));
            let (heading, class) = if place == 0 { ("h1", "") } else { ("h2", " class=\"other\"") };
            let _ = write!(
                main,
                "<section lang=\"{}\"{class}><{heading}>{}</{heading}><p>{}</p><p>{}</p>",
                language.tag(),
                say("title")?,
                say("what")?,
                say("next")?
            );
            if let Some(detail) = self.detail {
                let said = language.say_with("error-detail", &[("detail", detail.to_owned().into())])?;
                let _ = write!(main, "<p class=\"quiet\">{said}</p>");
            }
            let said = language.say_with("error-reference", &[("reference", request.to_string().into())])?;
            let _ = write!(main, "<p class=\"quiet\">{said}</p></section>");
        }
        let title = first.say(&format!("error-{}-title", self.wrong.name()))?;
        Page { language: first, environment, title: &title, switch: None, main: &main }.answer(status)
    }
}
