//! `/oauth2/requests/ID`: what stands on the screen before the citizen while their phone is asked. The page goes on by itself,
//! without any script: it is loaded again every other second, and ends in the way back to the client.

use std::sync::Arc;

use axum::Json;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{CitizenRequestId, ComparisonCode, RequestId, RequestState, Timestamp};
use schemars::JsonSchema;
use serde::Serialize;
use url::form_urlencoded;

use super::client::Client;
use super::error::OAuthErrorCode;
use super::parameters::{Back, Locale};
use super::redirect::{Told, address, see_other};
use super::terms::{Answer, Terms};
use super::waiting_page;
use crate::app::App;
use crate::failure::Failure;
use crate::http::accept::CameFrom;
use crate::http::public::html::{ErrorPage, Language, Wrong, guarded, wants_data};
use crate::request::{PAGE_PATH, app_link, cancel};
use crate::store::CitizenRequestRow;

/// How often the page is loaded again, seconds.
const AGAIN: u32 = 2;

/// A request that a screen shows, with what its page needs.
pub(super) struct OnScreen {
    pub(super) id: CitizenRequestId,
    pub(super) row: CitizenRequestRow,
    pub(super) state: RequestState,
    pub(super) client: Client,
    pub(super) back: Back,
    pub(super) locale: Option<Locale>,
}

/// What whoever asks for data is told.
#[derive(Serialize, JsonSchema)]
pub(super) struct Standing {
    request: CitizenRequestId,
    state: &'static str,
    comparison_code: Option<ComparisonCode>,
    app_link: Option<String>,
    expires_at: Timestamp,
    poll: String,
    redirect: Option<String>,
}

/// `GET`: the page, or the way on.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    from: CameFrom,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    answered(&app, from, &headers, id, query.as_deref(), Step::Look).await
}

/// `POST …/cancel`: the citizen does not want to.
pub(super) async fn give_up(
    State(app): State<Arc<App>>,
    from: CameFrom,
    headers: HeaderMap,
    id: Result<Path<String>, PathRejection>,
    RawQuery(query): RawQuery,
) -> Response {
    answered(&app, from, &headers, id, query.as_deref(), Step::Cancel).await
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Step {
    Look,
    Cancel,
}

/// The language that the address itself names: `lang`. Whatever else stands there is let be.
fn wished(query: Option<&str>) -> Option<Language> {
    let mut pairs = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    pairs.find(|(name, _)| name == "lang").and_then(|(_, tag)| Language::of(&tag))
}

async fn answered(
    app: &App,
    from: CameFrom,
    headers: &HeaderMap,
    id: Result<Path<String>, PathRejection>,
    query: Option<&str>,
    step: Step,
) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let (wished, data) = (wished(query), wants_data(headers));
    let accepted = wished.unwrap_or_else(|| Language::accepted(headers));
    // One answer for an id that cannot be one and for one that leads nowhere.
    let id: Option<CitizenRequestId> = id.ok().and_then(|Path(id)| id.parse().ok());
    let told = async {
        let Some(id) = id else { return Ok(None) };
        let _turn = app.surge.door(from, id.as_bytes()).await.map_err(|_| busy())?;
        let Some(mut shown) = OnScreen::read(app, id).await? else { return Ok(None) };
        if step == Step::Cancel && cancel(app, id).await? {
            shown.state = RequestState::Cancelled;
        }
        if data {
            return shown.data(app).map(Some);
        }
        let language = wished.or(shown.locale.map(language_of)).unwrap_or(accepted);
        shown.page(app, language, wished, step).map(Some)
    };
    match told.await {
        Ok(Some(response)) => response,
        Ok(None) => ErrorPage::of(Wrong::Gone, "not_found").answer(app, request, accepted, data),
        Err(failure) => away(app, &failure, request, accepted, data),
    }
}

fn busy() -> Failure {
    Failure::Unavailable { code: "surge.full", message: "too many pages are being loaded".to_owned(), hint: None }
}

/// The cause is for us: whoever asks here is a stranger. A page that waits asks again by itself.
fn away(app: &App, failure: &Failure, request: RequestId, language: Language, data: bool) -> Response {
    tracing::warn!(%request, ?failure, "the page of a request could not be shown");
    if !matches!(failure, Failure::Unavailable { .. }) {
        return ErrorPage::of(Wrong::Failed, OAuthErrorCode::ServerError.name()).answer(app, request, language, data);
    }
    let page = ErrorPage::of(Wrong::Away, OAuthErrorCode::TemporarilyUnavailable.name());
    let mut response = page.answer(app, request, language, data);
    response.headers_mut().insert(header::REFRESH, HeaderValue::from_static("5"));
    response
}

const fn language_of(locale: Locale) -> Language {
    match locale {
        Locale::English => Language::English,
        Locale::Traditional | Locale::Simplified => Language::Chinese,
    }
}

impl OnScreen {
    /// None for a request that no screen shows.
    async fn read(app: &App, id: CitizenRequestId) -> Result<Option<Self>, Failure> {
        let mut read = app.store.look().await?;
        let Some(row) = read.citizen_request(id).await? else { return Ok(None) };
        let terms = Terms::of(&row)?;
        let Answer::Code { redirect_uri, state, locale, .. } = terms.answer else { return Ok(None) };
        let Some(client) = Client::read(&mut read, &terms.client).await? else { return Ok(None) };
        let standing = row.request()?.state_at(app.latest());
        Ok(Some(Self { id, row, state: standing, client, back: Back { redirect_uri, state }, locale }))
    }

    /// A request that was put to somebody a moment ago.
    pub(super) fn asked(id: CitizenRequestId, row: CitizenRequestRow, client: Client, back: Back) -> Self {
        Self { id, row, state: RequestState::Waiting, client, back, locale: None }
    }

    /// Where its page is.
    pub(super) fn poll(&self, app: &App) -> String {
        format!("{}{PAGE_PATH}{}", app.issuer_url, self.id)
    }

    /// Where the browser goes, once there is something to go with.
    fn redirect(&self, app: &App) -> anyhow::Result<Option<String>> {
        let denied = |why| Told::Error(OAuthErrorCode::AccessDenied.name(), why);
        Ok(match self.state {
            RequestState::Waiting | RequestState::Redeemed => None,
            RequestState::Approved => {
                let code = app.keys.now().handles().code(self.id, app.clock.now())?;
                Some(address(app, &self.back, Told::Code(&code)))
            }
            RequestState::Refused => Some(address(app, &self.back, denied("the citizen has refused"))),
            RequestState::Expired => Some(address(app, &self.back, denied("the request was not answered in time"))),
            RequestState::Cancelled => Some(address(app, &self.back, denied("the request was withdrawn"))),
            RequestState::Ended => Some(address(app, &self.back, denied("the request has ended"))),
        })
    }

    /// As data.
    pub(super) fn data(&self, app: &App) -> Result<Response, Failure> {
        let state = match self.state {
            RequestState::Waiting => "waiting",
            RequestState::Approved | RequestState::Redeemed => "approved",
            RequestState::Expired => "expired",
            RequestState::Refused | RequestState::Cancelled | RequestState::Ended => "refused",
        };
        let standing = Standing {
            request: self.id,
            state,
            comparison_code: self.code()?,
            app_link: self.link(app),
            expires_at: Timestamp::from_micros(self.row.expires_at),
            poll: self.poll(app),
            redirect: self.redirect(app)?,
        };
        Ok(guarded(Json(standing).into_response()))
    }

    /// What stands beside the QR code, for as long as somebody may answer.
    pub(super) fn code(&self) -> anyhow::Result<Option<ComparisonCode>> {
        let shown = self.row.code.as_deref().filter(|_| self.state == RequestState::Waiting);
        Ok(shown.map(str::parse).transpose()?)
    }

    /// What the QR code holds, for as long.
    pub(super) fn link(&self, app: &App) -> Option<String> {
        let shown = self.row.link.as_deref().filter(|_| self.state == RequestState::Waiting);
        shown.map(|link| app_link(app, link))
    }

    /// For a browser. `wished` is the language that the address itself names: the page's links keep it.
    fn page(&self, app: &App, language: Language, wished: Option<Language>, step: Step) -> Result<Response, Failure> {
        let Some(redirect) = self.redirect(app)? else {
            let waits = self.state == RequestState::Waiting;
            let mut response = if waits {
                waiting_page::waiting(self, app, language, wished)?
            } else {
                waiting_page::done(self, app, language)?
            };
            if waits {
                response.headers_mut().insert(header::REFRESH, HeaderValue::from(AGAIN));
            }
            return Ok(response);
        };
        if step == Step::Look {
            return Ok(see_other(&redirect)?);
        }
        // A form of ours may lead to nobody else's address by our own policy, so the way back is not an answer to it.
        let poll = self.poll(app);
        let mut response = waiting_page::over(self, app, language, &poll)?;
        *response.status_mut() = StatusCode::OK;
        let refresh = HeaderValue::from_str(&format!("0;url={poll}")).map_err(anyhow::Error::from)?;
        response.headers_mut().insert(header::REFRESH, refresh);
        Ok(response)
    }
}
