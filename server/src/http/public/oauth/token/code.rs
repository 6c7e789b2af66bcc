//! `grant_type=authorization_code` (RFC 6749 section 4.1.3, RFC 7636 section 4.5).

use std::time::Duration;

use api::audit::AuditOutcome;
use domain::{CitizenRequestId, ClientId, ClientProfile, RequestId, RequestState};
use serde_json::json;

use super::{Answered, Login, TokenCall};
use crate::app::App;
use crate::failure::Failure;
use crate::http::public::oauth::error::{OAuthError, OAuthErrorCode};
use crate::http::public::oauth::terms::{Answer, Terms};
use crate::request::NotRedeemed;
use crate::store::{PublicActor, PublicUse};

/// How long a code is good.
const LIFE: Duration = Duration::from_secs(60);

/// Exchanges a code for tokens.
pub(super) async fn exchange(app: &App, call: &TokenCall<'_>) -> Result<Answered, OAuthError> {
    let code = call.form.require("code", "code is missing")?;
    let Some(read) = app.keys.now().handles().read_code(code).map_err(anyhow::Error::from)? else { return Err(bad_code()) };
    let (now, judged) = (app.clock.now(), app.latest());
    let row = app.store.look().await?.citizen_request(read.request).await?;
    let Some(row) = row.filter(|row| row.service == call.client.service) else { return Err(bad_code()) };
    let terms = Terms::of(&row)?;
    if terms.client != call.client.id {
        return Err(bad_code());
    }
    if row.request()?.state == RequestState::Redeemed {
        // Somebody has had it before: whoever that was has what this one is about to get (RFC 6749 section 4.1.2).
        return Err(used_again(app, &call.client.id, read.request, call.request).await?);
    }
    if judged >= read.issued_at.plus(LIFE) || read.issued_at > now.plus(LIFE) {
        return Err(bad_code());
    }
    check_terms(&terms, call)?;
    let login = Login { row: &row, terms: &terms };
    match super::log_in(app, call, login).await? {
        Ok(answered) => Ok(answered),
        Err(NotRedeemed::Redeemed) => Err(used_again(app, &call.client.id, read.request, call.request).await?),
        Err(_) => Err(bad_code()),
    }
}

/// Whether the code is exchanged by whoever asked for it.
fn check_terms(terms: &Terms, call: &TokenCall<'_>) -> Result<(), OAuthError> {
    let Answer::Code { redirect_uri, code_challenge, dpop_jkt, .. } = &terms.answer else {
        return Err(bad_code());
    };
    match call.form.get("redirect_uri") {
        Some(given) if given == redirect_uri => {}
        Some(_) => return Err(bad_code()),
        // OpenID Connect Core 1.0, section 3.1.3.2: where there is but one, it is not to be mistaken.
        None if call.client.profile == ClientProfile::Oidc && call.client.redirect_uris.len() == 1 => {}
        None => return Err(OAuthError::request("redirect_uri is missing")),
    }
    let verifier = call.form.require("code_verifier", "code_verifier is missing")?;
    if !pki::pkce::answers(verifier, code_challenge) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidGrant, "code_verifier does not belong to the code_challenge"));
    }
    match dpop_jkt {
        Some(wanted) if call.proof_key() != Some(wanted) => {
            Err(OAuthError::new(OAuthErrorCode::InvalidGrant, "the code is bound to another key than that of the proof"))
        }
        _ => Ok(()),
    }
}

/// Ends what came of the code when it was used for the first time.
async fn used_again(app: &App, client: &ClientId, id: CitizenRequestId, request: RequestId) -> Result<OAuthError, Failure> {
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    if let Some(login) = tx.login_locked(id).await?.filter(|login| login.ended_at.is_none()) {
        let ended = tx.end_login(id, "code-used-again", now).await?;
        let account = tx.account_of_id(login.account()?).await?;
        let subject = account.map_or_else(|| id.to_string(), |stored| stored.account.id.to_string());
        tx.tell_of_ended_login(id, &subject, now).await?;
        let record = PublicUse {
            actor: PublicActor::Client(client),
            action: "request.redeem",
            subject,
            outcome: AuditOutcome::Refused,
            request,
            facts: json!({
                "code": "code-used-again", "request": id, "sessions": ended.logins, "tokens": ended.tokens,
            }),
        };
        tx.commit_public(record).await?;
        app.wake.outbox.notify_one();
    }
    Ok(bad_code())
}

/// One answer for everything that a code can be: unknown, another client's, too old, used.
fn bad_code() -> OAuthError {
    OAuthError::new(OAuthErrorCode::InvalidGrant, "the code is not good: unknown, of another client, too old, or used before")
}
