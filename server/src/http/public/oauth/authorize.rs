//! `/oauth2/authorize` (RFC 6749 section 4.1.1, OpenID Connect Core section 3.1.2): a client sends a citizen's browser. Until the
//! client and its address are proven nobody is sent anywhere; from then on whatever is wrong goes to the client.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::citizen_request::WAITS;
use domain::{ClientProfile, Function, RequestId, Scope, Wants, claims_of};
use uuid::Uuid;

use super::client::Client;
use super::error::{OAuthError, OAuthErrorCode};
use super::form::Parameters;
use super::hint::who_is_hinted_at;
use super::par::load;
use super::parameters::{AuthorizationRequest, Back, validate, wants_plus};
use super::redirect::{Told, address, see_other};
use super::terms::Terms;
use super::waiting::OnScreen;
use crate::app::App;
use crate::failure::Failure;
use crate::http::accept::CameFrom;
use crate::http::public::html::{ErrorPage, Language, Wrong, wants_data};
use crate::request::{Ask, Asked, Door, ask};
use crate::store::CitizenRequestRow;

/// Its path.
pub(super) const PATH: &str = "/oauth2/authorize";

/// How often a page that waits asks how it stands.
const POLL: Duration = Duration::from_secs(2);

/// `GET`: the parameters stand in the address.
pub(super) async fn by_address(
    State(app): State<Arc<App>>,
    from: CameFrom,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
) -> Response {
    let asked = Parameters::read(query.unwrap_or_default().as_bytes());
    answer(&app, from, &headers, asked).await
}

/// `POST`: the parameters stand in a form.
pub(super) async fn by_form(State(app): State<Arc<App>>, from: CameFrom, headers: HeaderMap, body: Body) -> Response {
    let asked = Parameters::receive(&headers, body).await;
    answer(&app, from, &headers, asked).await
}

/// `HEAD`: nothing is asked of anybody by a look at what would be answered.
pub(super) async fn looked_at() -> Response {
    (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "GET, POST")]).into_response()
}

/// What becomes of a request that is not put to a citizen.
enum Turned {
    /// Nobody is sent anywhere.
    Here(Wrong, OAuthError),
    /// The client hears of it.
    Back(Back, OAuthError),
}

async fn answer(app: &App, from: CameFrom, headers: &HeaderMap, asked: Result<Parameters, OAuthError>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let (language, data) = (Language::accepted(headers), wants_data(headers));
    let done = async {
        let asked = asked.map_err(|error| Turned::Here(Wrong::Request, error))?;
        // Whoever sends browsers in crowds keeps waiting the browsers that come in the same name, and nobody else: no client's own
        // requests stand in this queue.
        let queue = format!("browsers of {}", asked.get("client_id").unwrap_or_default());
        let _turn = app.surge.door(from, queue.as_bytes()).await.map_err(|full| Turned::Here(Wrong::Away, full.into()))?;
        let (client, wanted) = wanted(app, &asked).await?;
        let back = wanted.back();
        if wanted.prompt_none {
            let error = OAuthError::new(OAuthErrorCode::LoginRequired, "every login is approved in the app");
            return Err(Turned::Back(back, error));
        }
        let row = put(app, &client, wanted).await.map_err(|error| Turned::Back(back.clone(), error))?;
        let id = row.id().map_err(|error| Turned::Back(back.clone(), error.into()))?;
        Ok(OnScreen::asked(id, row, client, back))
    };
    let sent = match done.await {
        Ok(shown) if data => shown.data(app).map_err(Failure::into_error),
        Ok(shown) => see_other(&shown.poll(app)),
        Err(Turned::Here(wrong, error)) => {
            // What the page gives as its reference is found here.
            tracing::info!(%request, error = error.code.name(), detail = error.description, "a browser was sent nowhere");
            return error_page(wrong, &error).answer(app, request, language, data);
        }
        Err(Turned::Back(back, error)) if data => {
            let redirect = address(app, &back, Told::from(&error));
            let page = ErrorPage { redirect: Some(redirect), ..told(Wrong::Request, &error) };
            return page.answer(app, request, language, data);
        }
        Err(Turned::Back(back, error)) => went_back(app, &back, &error),
    };
    sent.unwrap_or_else(|error| {
        tracing::error!(%request, ?error, "an authorization request could not be answered");
        ErrorPage::of(Wrong::Failed, OAuthErrorCode::ServerError.name()).answer(app, request, language, data)
    })
}

/// The client, and what it asks for: both proven.
async fn wanted(app: &App, asked: &Parameters) -> Result<(Client, AuthorizationRequest), Turned> {
    let here = |error: OAuthError| match error.code {
        OAuthErrorCode::TemporarilyUnavailable => Turned::Here(Wrong::Away, error),
        OAuthErrorCode::ServerError => Turned::Here(Wrong::Failed, error),
        _ => Turned::Here(Wrong::Request, error),
    };
    let unknown = || here(OAuthError::request("client_id is missing, or no client here"));
    let id = asked.get("client_id").and_then(|id| id.parse().ok()).ok_or_else(unknown)?;
    let client = match app.store.look().await {
        Ok(mut read) => Client::read(&mut read, &id).await,
        Err(error) => Err(error),
    };
    let client = client.map_err(|error| here(error.into()))?.ok_or_else(unknown)?;
    if let Some(uri) = asked.get("request_uri") {
        let Some(pushed) = load(app, &client, uri).await.map_err(here)? else {
            let what = "request_uri was used, is too old, or is not this client's";
            return Err(Turned::Here(Wrong::Used, OAuthError::new(OAuthErrorCode::InvalidRequestUri, what)));
        };
        // The manifest may have changed since it was pushed.
        if !client.redirect_uris.contains(&pushed.redirect_uri) {
            return Err(here(OAuthError::request("redirect_uri is not one of the client any more")));
        }
        return Ok((client, pushed));
    }
    let subject = match who_is_hinted_at(app, &client, asked).await {
        Ok(subject) => subject,
        // Said to the client where it is proven, and here otherwise.
        Err(error) => {
            return Err(match validate(&client, asked, None) {
                Ok(good) => Turned::Back(good.back(), error),
                Err(unfit) => turned(unfit.back, unfit.error),
            });
        }
    };
    let wanted = validate(&client, asked, subject.as_deref()).map_err(|unfit| turned(unfit.back, unfit.error))?;
    if client.profile == ClientProfile::Fapi2 {
        let error = OAuthError::request("the client has to push its requests; request_uri is missing");
        return Err(Turned::Back(wanted.back(), error));
    }
    Ok((client, wanted))
}

fn turned(back: Option<Back>, error: OAuthError) -> Turned {
    match back {
        Some(back) => Turned::Back(back, error),
        None => Turned::Here(Wrong::Request, error),
    }
}

/// Puts the request to a citizen: to the one who is meant, or to whoever takes it up. A client is not told whether there is such a
/// citizen, whether their account is suspended, or whether they are asked too much: then it is the request of nobody yet, and
/// nothing is shown on any phone by itself.
async fn put(app: &App, client: &Client, wanted: AuthorizationRequest) -> Result<CitizenRequestRow, OAuthError> {
    let meant = match &wanted.subject {
        Some(subject) => who_is_meant(app, client, subject).await?,
        None => None,
    };
    let plus = wants_plus(wanted.acr_values.iter().map(String::as_str));
    let terms = Terms::from(wanted);
    let scopes: Vec<Scope> = terms.scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
    let wants = Wants { claims: claims_of(&scopes), message: None, offline: terms.wants(Scope::OfflineAccess), plus };
    let terms = serde_json::to_string(&terms).map_err(anyhow::Error::from)?;
    for door in [meant, None] {
        let asks = Ask {
            rp: &client.id.rp,
            service: client.service,
            function: Function::Authentication,
            door: Door::Screen(door),
            wants: wants.clone(),
            terms: terms.clone(),
            waits: WAITS,
            notify: None,
            poll: POLL,
        };
        match ask(app, asks).await {
            Ok(Asked::Open(row)) => return Ok(*row),
            Ok(Asked::NoCitizen) => {}
            Err(failure) => match failure.code().as_str() {
                "request.too-many" if door.is_some() => {}
                "request.service" => {
                    return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, "the client is suspended or retired"));
                }
                _ => return Err(failure.into()),
            },
        }
    }
    Err(anyhow::anyhow!("a request that is nobody's was refused to somebody").into())
}

/// The account that is meant, where it is active: in one statement, so that a suspended one takes as long as none.
async fn who_is_meant(app: &App, client: &Client, subject: &str) -> Result<Option<Uuid>, OAuthError> {
    let Some(subject) = BASE64_URL_SAFE_NO_PAD.decode(subject).ok().and_then(|bytes| bytes.try_into().ok()) else {
        return Ok(None);
    };
    let mut read = app.store.look().await?;
    Ok(read.active_account_of_subject(&client.id.rp, &subject).await?)
}

fn error_page(wrong: Wrong, error: &OAuthError) -> ErrorPage {
    let detail = matches!(wrong, Wrong::Request | Wrong::Used).then_some(error.description);
    ErrorPage { detail, ..told(wrong, error) }
}

/// With the words that the client would get.
fn told(wrong: Wrong, error: &OAuthError) -> ErrorPage {
    let detail = Some(error.description);
    ErrorPage { detail, status: Some(error.answered_with()), ..ErrorPage::of(wrong, error.code.name()) }
}

fn went_back(app: &App, back: &Back, error: &OAuthError) -> anyhow::Result<Response> {
    let mut response = see_other(&address(app, back, Told::from(error)))?;
    if error.code == OAuthErrorCode::TemporarilyUnavailable {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from_static("5"));
    }
    Ok(response)
}
