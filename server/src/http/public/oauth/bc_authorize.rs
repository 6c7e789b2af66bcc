//! The back-channel authentication endpoint (OpenID Connect CIBA Core 1.0, section 7): a relying party's server asks for a citizen
//! whom it knows, and the citizen answers in the app.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::citizen_request::{WAITS, WAITS_AT_MOST};
use domain::{Ciba, Function, RequestId, Scope, Wants, claims_of};
use serde_json::json;
use uuid::Uuid;

use super::authenticate::authenticate;
use super::client::Client;
use super::error::{NOT_KEPT, OAuthError, OAuthErrorCode};
use super::hint::who_is_hinted_at;
use super::parameters::{may_log_in, scopes, wants_plus};
use super::presented::Presented;
use super::terms::{Answer, Terms};
use crate::app::App;
use crate::failure::Failure;
use crate::request::{Ask, Asked, Door, ask};

/// Its path.
pub(super) const PATH: &str = "/oauth2/bc-authorize";

/// How long a client waits between two questions.
const INTERVAL: Duration = Duration::from_secs(5);
/// The longest message that is shown, characters.
const LONGEST_MESSAGE: usize = 64;
/// The longest `client_notification_token`, characters (section 7.1).
const LONGEST_TOKEN: usize = 1024;
/// How long whoever asked too much is told to wait.
const TOO_MANY: Duration = Duration::from_secs(60);

/// Puts a request to a citizen.
pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    let presented = Presented::receive(&app, request).await?;
    let client = authenticate(&app, &presented).await?;
    may_log_in(&client)?;
    let Some(ciba) = client.ciba else {
        return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, "the client's manifest has no ciba"));
    };
    let asked = Backchannel::read(&client, &presented)?;
    let notify = match notification_token(ciba, &presented)? {
        Some(token) => {
            let handles = Arc::clone(app.keys.now().handles());
            Some(handles.seal_notification_token(token, &client.id).map_err(anyhow::Error::from)?)
        }
        None => None,
    };
    let account = who_is_meant(&app, &client, &presented).await?;
    let terms = Terms { client: client.id.clone(), scopes: asked.scopes.clone(), nonce: None, answer: Answer::BackChannel };
    let scopes: Vec<Scope> = asked.scopes.iter().filter_map(|scope| scope.parse().ok()).collect();
    let wants = Wants {
        claims: claims_of(&scopes),
        message: asked.message,
        offline: scopes.contains(&Scope::OfflineAccess),
        plus: asked.plus,
    };
    let put = Ask {
        rp: &client.id.rp,
        service: client.service,
        function: Function::Authentication,
        door: Door::Phone(account),
        wants,
        terms: serde_json::to_string(&terms).map_err(anyhow::Error::from)?,
        waits: asked.waits,
        poll: INTERVAL,
        notify,
    };
    let open = match ask(&app, put).await {
        Ok(Asked::Open(row)) => row,
        Ok(Asked::NoCitizen) => return Err(nobody()),
        Err(Failure::Refused(refusal)) if refusal.code == "request.too-many" => {
            return Err(OAuthError::too_many(TOO_MANY, "the citizen was asked too much of late"));
        }
        Err(Failure::Refused(_)) => {
            return Err(OAuthError::new(OAuthErrorCode::UnauthorizedClient, "the client is suspended or retired"));
        }
        Err(failure) => return Err(failure.into()),
    };
    let auth_req_id = app.keys.now().handles().auth_req_id(open.id()?).map_err(anyhow::Error::from)?;
    let body = json!({
        "auth_req_id": auth_req_id, "expires_in": asked.waits.as_secs(), "interval": INTERVAL.as_secs(),
    });
    Ok((NOT_KEPT, Json(body)).into_response())
}

/// What is asked, once it is found good.
struct Backchannel {
    scopes: Vec<String>,
    message: Option<String>,
    plus: bool,
    waits: Duration,
}

impl Backchannel {
    fn read(client: &Client, presented: &Presented) -> Result<Self, OAuthError> {
        let form = &presented.form;
        if form.get("request").is_some() {
            return Err(OAuthError::new(OAuthErrorCode::RequestNotSupported, "request objects are not taken"));
        }
        let message = match form.get("binding_message") {
            Some(message) if !is_showable(message) => {
                let why = "binding_message has more than 64 characters, or such as are not shown";
                return Err(OAuthError::new(OAuthErrorCode::InvalidBindingMessage, why));
            }
            message => message.map(str::to_owned),
        };
        let waits = match form.get("requested_expiry") {
            None => WAITS,
            Some(text) => match text.parse::<u64>() {
                Ok(seconds) if seconds > 0 && text.bytes().all(|byte| byte.is_ascii_digit()) => {
                    Duration::from_secs(seconds).min(WAITS_AT_MOST)
                }
                _ => return Err(OAuthError::request("requested_expiry is not a positive number of seconds")),
            },
        };
        Ok(Self {
            scopes: scopes(client, form)?,
            message,
            plus: wants_plus(form.get("acr_values").unwrap_or_default().split(' ')),
            waits,
        })
    }
}

/// What the client will know us by when it is told of the decision (section 7.1). One that is not told has no use for it, and
/// nothing of it is kept.
fn notification_token(ciba: Ciba, presented: &Presented) -> Result<Option<&str>, OAuthError> {
    match (ciba, presented.form.get("client_notification_token")) {
        (Ciba::Poll, _) => Ok(None),
        (Ciba::Ping, None) => {
            Err(OAuthError::request("client_notification_token is missing; a client that is told of decisions sends one"))
        }
        (Ciba::Ping, Some(token)) if !is_bearer_token(token) => {
            let why = "client_notification_token is not a bearer token (RFC 6750, section 2.1) of at most 1024 characters";
            Err(OAuthError::request(why))
        }
        (Ciba::Ping, token) => Ok(token),
    }
}

/// `b64token` of RFC 6750, section 2.1: goes into a header as it is.
fn is_bearer_token(token: &str) -> bool {
    let own = token.trim_end_matches('=');
    let good = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~+/".contains(&byte);
    token.len() <= LONGEST_TOKEN && !own.is_empty() && own.bytes().all(good)
}

/// A message that stands on a phone as it was sent: nothing in it is invisible, turns the writing round, or breaks the line.
fn is_showable(message: &str) -> bool {
    let line = !message.contains(['\n', '\r', '\t']);
    line && message.chars().count() <= LONGEST_MESSAGE && domain::visible(message) == message && !domain::is_piled(message)
}

/// The account that the one hint means. For a hint that means nobody an account that does not exist is asked: it takes as long.
async fn who_is_meant(app: &App, client: &Client, presented: &Presented) -> Result<Uuid, OAuthError> {
    let form = &presented.form;
    let hints = ["login_hint", "id_token_hint", "login_hint_token"];
    if hints.iter().filter(|hint| form.get(hint).is_some()).count() != 1 {
        return Err(OAuthError::request("one of login_hint, id_token_hint and login_hint_token is needed, and no other"));
    }
    if let Some(token) = form.get("login_hint_token") {
        return by_token(app, token);
    }
    let subject = match form.get("login_hint") {
        Some(subject) => Some(subject.to_owned()),
        None => who_is_hinted_at(app, client, form).await?,
    };
    let subject = subject.and_then(|subject| BASE64_URL_SAFE_NO_PAD.decode(subject).ok()?.try_into().ok());
    let mut read = app.store.look().await?;
    let account = read.account_of_subject(&client.id.rp, &subject.unwrap_or_default()).await?;
    Ok(account.unwrap_or_else(|| somebody(app)))
}

/// The account that a token means which the citizen's app has shown or sent to the service.
fn by_token(app: &App, token: &str) -> Result<Uuid, OAuthError> {
    match app.keys.now().handles().read_login_hint(token).map_err(anyhow::Error::from)? {
        None => Ok(somebody(app)),
        Some((_, ends)) if ends <= app.latest() => {
            Err(OAuthError::new(OAuthErrorCode::ExpiredLoginHintToken, "the login_hint_token has ended"))
        }
        Some((account, _)) => Ok(account),
    }
}

/// An account that there is not.
fn somebody(app: &App) -> Uuid {
    RequestId::new(app.clock.now(), app.entropy.as_ref()).uuid()
}

/// One answer for every hint that leads to nobody who may be asked.
fn nobody() -> OAuthError {
    OAuthError::new(OAuthErrorCode::UnknownUserId, "the hint means nobody who can be asked")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notification_token_is_one_that_a_header_carries() {
        for good in ["8d67dc78-7faa-4d41-aabd-67707b374255", "aZ09-._~+/==", &"x".repeat(1024)] {
            assert!(is_bearer_token(good), "{good}");
        }
        for bad in ["", "=", "a=b", "a b", "a\r\nX: y", "a,b", "\"a\"", "號碼", "a\u{202e}", &"x".repeat(1025)] {
            assert!(!is_bearer_token(bad), "{bad:?}");
        }
    }
}
