//! `grant_type=urn:openid:params:grant-type:ciba` (OpenID Connect CIBA Core 1.0, section 11): the client asks how a request stands
//! that it put to a citizen by the back channel.

use domain::{CitizenRequestId, RequestState};

use super::{Answered, Login, TokenCall};
use crate::app::App;
use crate::http::public::oauth::error::{OAuthError, OAuthErrorCode};
use crate::http::public::oauth::terms::{Answer, Terms};
use crate::request::NotRedeemed;
use crate::store::Housekeeping;

/// How much longer the wait between two questions gets each time that one comes too soon, microseconds.
const LONGER: i64 = 5_000_000;

/// Answers with tokens once the citizen has approved.
pub(super) async fn exchange(app: &App, call: &TokenCall<'_>) -> Result<Answered, OAuthError> {
    let given = call.form.require("auth_req_id", "auth_req_id is missing")?;
    let id = app.keys.now().handles().read_auth_req_id(given).map_err(anyhow::Error::from)?.ok_or_else(bad_request)?;
    let row = app.store.look().await?.citizen_request(id).await?;
    let row = row.filter(|row| row.service == call.client.service).ok_or_else(bad_request)?;
    let terms = Terms::of(&row)?;
    if terms.client != call.client.id || !matches!(terms.answer, Answer::BackChannel) {
        return Err(bad_request());
    }
    match row.request()?.state_at(app.latest()) {
        RequestState::Approved => {}
        RequestState::Waiting => return Err(asked_again(app, id).await?),
        state => return Err(over(state)),
    }
    match super::log_in(app, call, Login { row: &row, terms: &terms }).await? {
        Ok(answered) => Ok(answered),
        Err(NotRedeemed::Expired) => Err(over(RequestState::Expired)),
        Err(NotRedeemed::Ended) => Err(over(RequestState::Ended)),
        Err(_) => Err(bad_request()),
    }
}

/// Not yet; and too soon, where the client does not wait as long as it was told.
async fn asked_again(app: &App, id: CitizenRequestId) -> Result<OAuthError, OAuthError> {
    let mut tx = app.store.write().await?;
    let Some(row) = tx.citizen_request_locked(id).await? else { return Ok(bad_request()) };
    let too_soon = tx.note_poll(&row, LONGER, app.clock.now()).await?;
    tx.commit_housekeeping(Housekeeping::Asked).await?;
    Ok(if too_soon {
        OAuthError::new(OAuthErrorCode::SlowDown, "wait five seconds longer between two requests")
    } else {
        OAuthError::new(OAuthErrorCode::AuthorizationPending, "the citizen has not decided yet")
    })
}

fn over(state: RequestState) -> OAuthError {
    match state {
        RequestState::Refused | RequestState::Cancelled => {
            OAuthError::new(OAuthErrorCode::AccessDenied, "the citizen has said no")
        }
        RequestState::Ended => {
            OAuthError::new(OAuthErrorCode::AccessDenied, "the request has ended; nobody can approve it any more")
        }
        RequestState::Expired => OAuthError::new(OAuthErrorCode::ExpiredToken, "the request has expired; make another one"),
        _ => bad_request(),
    }
}

fn bad_request() -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidGrant, "the auth_req_id is not good: unknown, of another client, or over")
}
