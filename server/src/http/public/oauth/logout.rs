//! `/oauth2/logout` (OpenID Connect RP-Initiated Logout 1.0): a client sends the citizen's browser once they have logged out there.
//! An ID token of the login ends it; without one there is nothing here that could be ended, for no browser has a session of ours,
//! and the page says so.

use std::sync::Arc;

use api::audit::AuditOutcome;
use axum::body::Body;
use axum::extract::{RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use domain::{ClientId, RequestId};
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::client::Client;
use super::error::{OAuthError, OAuthErrorCode};
use super::form::Parameters;
use super::hint::{Hinted, read_id_token};
use super::redirect::see_other;
use crate::app::App;
use crate::failure::Failure;
use crate::http::accept::CameFrom;
use crate::http::public::html::{ErrorPage, Language, Page, Wrong, escaped, wants_data};
use crate::store::{PublicActor, PublicUse};

/// Its path.
pub(super) const PATH: &str = "/oauth2/logout";
/// As the audit log calls it, and why the login has ended.
const END: &str = "login.end";
const REASON: &str = "logout";

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

/// What became of it.
enum Ended {
    /// The login that was meant is over; the browser goes back there, if anywhere.
    Yes(Option<String>),
    /// Which login is meant was not said.
    Asks(Option<String>),
}

async fn answer(app: &App, from: CameFrom, headers: &HeaderMap, asked: Result<Parameters, OAuthError>) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let (accepted, data) = (Language::accepted(headers), wants_data(headers));
    let wished = asked.as_ref().ok().and_then(|asked| asked.get("ui_locales")?.split(' ').find_map(Language::of));
    let language = wished.unwrap_or(accepted);
    let done = match asked {
        // Browsers wait where those wait that come to log in, by what they bring.
        Ok(asked) => match app.surge.door(from, asked.get("id_token_hint").unwrap_or_default().as_bytes()).await {
            Ok(_turn) => log_out(app, &asked, request).await,
            Err(full) => Err(full.into()),
        },
        Err(error) => Err(error),
    };
    let sent = match done {
        Ok(Ended::Yes(Some(back))) => see_other(&back),
        Ok(Ended::Yes(None)) => page(app, language, "logout-title", "logout-done", None),
        Ok(Ended::Asks(back)) => page(app, language, "logout-asks-title", "logout-asks", back.as_deref()),
        Err(error) => {
            let wrong = match error.code {
                OAuthErrorCode::TemporarilyUnavailable => Wrong::Away,
                OAuthErrorCode::ServerError => Wrong::Failed,
                _ => Wrong::Logout,
            };
            let status = Some(error.answered_with());
            let page = ErrorPage { detail: Some(error.description), status, ..ErrorPage::of(wrong, error.code.name()) };
            return page.answer(app, request, language, data);
        }
    };
    sent.unwrap_or_else(|error| {
        tracing::error!(%request, ?error, "a logout could not be answered");
        ErrorPage::of(Wrong::Failed, OAuthErrorCode::ServerError.name()).answer(app, request, language, data)
    })
}

async fn log_out(app: &App, asked: &Parameters, request: RequestId) -> Result<Ended, OAuthError> {
    let hinted = match asked.get("id_token_hint") {
        Some(token) => read_id_token(app, token).await?,
        None => None,
    };
    let named: Option<ClientId> = match asked.get("client_id") {
        Some(id) => Some(id.parse().map_err(|_| OAuthError::request("there is no such client"))?),
        None => None,
    };
    if let (Some(hinted), Some(named)) = (&hinted, &named)
        && hinted.client != *named
    {
        return Err(OAuthError::request("client_id is another one's than the ID token"));
    }
    let id = hinted.as_ref().map(|hinted| hinted.client.clone()).or(named);
    let client = match &id {
        Some(id) => Client::read(&mut app.store.look().await?, id).await?,
        None => None,
    };
    let back = back(client.as_ref(), asked)?;
    match (client, hinted) {
        (Some(client), Some(hinted)) => {
            end(app, &client, &hinted, request).await?;
            Ok(Ended::Yes(back))
        }
        _ => Ok(Ended::Asks(back)),
    }
}

/// Where the browser goes back to: one of the client's own, to the byte, or nowhere.
fn back(client: Option<&Client>, asked: &Parameters) -> Result<Option<String>, OAuthError> {
    let Some(uri) = asked.get("post_logout_redirect_uri") else { return Ok(None) };
    if !client.is_some_and(|client| client.post_logout_redirect_uris.iter().any(|own| own == uri)) {
        return Err(OAuthError::request("post_logout_redirect_uri is not one that the client has registered"));
    }
    Ok(Some(match asked.get("state") {
        None => uri.to_owned(),
        Some(state) => {
            let joint = if uri.contains('?') { '&' } else { '?' };
            format!("{uri}{joint}{}", Serializer::new(String::new()).append_pair("state", state).finish())
        }
    }))
}

/// Ends the login and its tokens. One that is over, or long forgotten, is ended already.
async fn end(app: &App, client: &Client, hinted: &Hinted, request: RequestId) -> Result<(), OAuthError> {
    let Some(login) = hinted.login else { return Ok(()) };
    let mut tx = app.store.write().await?;
    let row = tx.login_locked(login).await?.filter(|row| row.service == client.service && row.ended_at.is_none());
    let Some(row) = row else { return Ok(()) };
    let now = app.clock.now();
    let ended = tx.end_login(login, REASON, now).await?;
    let stored = tx.account_of_id(row.account()?).await?;
    let stored = stored.ok_or_else(|| Failure::from(anyhow::anyhow!("the account of a login is gone")))?;
    let subject = stored.account.id.to_string();
    tx.tell_of_ended_login(login, &subject, now).await?;
    let record = PublicUse {
        actor: PublicActor::Client(&client.id),
        action: END,
        subject,
        outcome: AuditOutcome::Done,
        request,
        facts: json!({ "request": login, "reason": REASON, "sessions": ended.logins, "tokens": ended.tokens }),
    };
    tx.commit_public(record).await?;
    app.wake.outbox.notify_one();
    Ok(())
}

fn page(app: &App, language: Language, title: &str, what: &str, back: Option<&str>) -> anyhow::Result<Response> {
    let (title, what) = (language.say(title)?, language.say(what)?);
    let button = match back {
        None => String::new(),
        Some(back) => format!("<p><a class=\"button\" href=\"{}\">{}</a></p>", escaped(back), language.say("logout-back")?),
    };
    let main = format!("<h1>{title}</h1><p>{what}</p>{button}");
    Page { language, environment: app.environment, title: &title, switch: None, main: &main }.answer(StatusCode::OK)
}
