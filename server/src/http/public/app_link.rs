//! Where a QR code or an app's link leads a browser that has no app to open it with: a page that says so. Nothing is looked up, so
//! that nothing can be found out here.

use std::sync::Arc;

use axum::extract::rejection::PathRejection;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::RequestId;

use super::html::{ErrorPage, Language, Page, Wrong};
use crate::app::App;
use crate::http::openapi::{Described, Endpoint, Verb};
use crate::request::read_link;

/// Its endpoint.
pub(super) fn routes() -> Described {
    let page =
        Endpoint::new(Verb::Get, "/app/link/{link}", "link", "Where a QR code leads a browser that has no app to open it with.")
            .part("link", "What the QR code holds.")
            .gives_as(200, "A page that says so.", "text/html", None)
            .page_errors(&[401, 404, 429, 500, 503]);
    Described::new().on(page, show)
}

/// The page.
async fn show(State(app): State<Arc<App>>, headers: HeaderMap, link: Result<Path<String>, PathRejection>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let language = Language::accepted(&headers);
    if link.ok().and_then(|Path(link)| read_link(&link)).is_none() {
        return ErrorPage::of(Wrong::Gone, "not_found").answer(&app, request, language, false);
    }
    page(&app, language).unwrap_or_else(|error| {
        tracing::error!(%request, ?error, "a page has no words");
        ErrorPage::of(Wrong::Failed, "server_error").answer(&app, request, language, false)
    })
}

fn page(app: &App, first: Language) -> anyhow::Result<Response> {
    let mut main = String::new();
    for (language, heading, class) in [(first, "h1", ""), (first.other(), "h2", " class=\"other\"")] {
        let (tag, say) = (language.tag(), |key| language.say(key));
        let (title, what, next) = (say("app-title")?, say("app-what")?, say("app-next")?);
        main += &format!("<section lang=\"{tag}\"{class}><{heading}>{title}</{heading}><p>{what}</p><p>{next}</p></section>");
    }
    let title = first.say("app-title")?;
    Page { language: first, environment: app.environment, title: &title, switch: None, main: &main }.answer(StatusCode::OK)
}
