//! `grant_type=refresh_token` (RFC 6749 section 6): rotated each time, without grace. Of a token that comes again, whoever has it, the
//! whole login ends (RFC 9700 section 4.14).

use std::time::Duration;

use api::audit::AuditOutcome;
use domain::{Scope, Timestamp};
use serde_json::json;

use super::{Answered, TokenCall, changed_meanwhile};
use crate::app::App;
use crate::http::public::oauth::client::Client;
use crate::http::public::oauth::error::{OAuthError, OAuthErrorCode};
use crate::http::public::oauth::issue::{Subject, access_token, id_token, refresh_token, refresh_token_id};
use crate::http::public::oauth::parameters::scopes_within;
use crate::store::{PublicActor, PublicUse, TokenRow};

/// How long a login can be kept up by refresh tokens, from its first moment on.
pub(super) const LIFE: Duration = Duration::from_hours(30 * 24);

/// Exchanges a refresh token for others.
pub(super) async fn exchange(app: &App, call: &TokenCall<'_>) -> Result<Answered, OAuthError> {
    let given = call.form.require("refresh_token", "refresh_token is missing")?;
    let id = refresh_token_id(given);
    let mut read = app.store.read().await?;
    let row = read.token(&id).await?;
    let Some(row) = row.filter(|row| row.token_kind == "refresh" && row.login.service == call.client.service) else {
        return Err(bad_token());
    };
    if row.token_ended_at.is_some() && row.login.ended_at.is_none() {
        drop(read);
        return Err(used_again(app, call, &row).await?);
    }
    if !row.is_alive(app.latest()) {
        return Err(bad_token());
    }
    let grant = row.login.granted()?;
    let scopes = narrowed(call, &within(call.client, &grant.scopes)?)?;
    let account = row.login.account()?;
    let subject = read.subject_of(account, &call.client.id.rp).await?;
    drop(read);
    let subject = Subject {
        login: row.login.id()?,
        subject: subject
            .ok_or_else(|| anyhow::anyhow!("the login {:?} is of a citizen the party does not know", row.login.id))?,
        tier: row.login.tier()?,
        authenticated_at: Timestamp::from_micros(row.login.authenticated_at),
    };
    // Signed before the transaction: the one writer of SQLite waits for no signature.
    let access = access_token(app, &call.client.id, Some(&subject), &scopes, &call.binding).await?;
    let id_token = if scopes.iter().any(|scope| scope == Scope::OpenId.as_str()) {
        Some(id_token(app, &call.client.id, &subject, None, &access.token).await?)
    } else {
        None
    };
    // The end of the first one is the end of all: a login lasts no longer for being used.
    let refresh = refresh_token(app, Timestamp::from_micros(row.token_expires_at));
    let now = app.clock.now();
    let mut tx = app.store.write().await?;
    tx.keep_party(&call.client.id.rp).await?;
    // What was signed is to be what the manifest says at this moment.
    let present = Client::read(&mut tx, &call.client.id).await?.ok_or_else(bad_token)?;
    if narrowed(call, &within(&present, &grant.scopes)?)? != scopes {
        return Err(changed_meanwhile());
    }
    let stored = tx.account_kept(account).await?.ok_or_else(bad_token)?;
    tx.login_locked(subject.login).await?;
    if !tx.use_refresh_token(&id, app.latest(), now).await? {
        let seen = tx.token(&id).await?;
        tx.rollback().await?;
        return match seen.filter(|seen| seen.token_ended_at.is_some() && seen.login.ended_at.is_none()) {
            Some(seen) => Err(used_again(app, call, &seen).await?),
            None => Err(bad_token()),
        };
    }
    for token in [&access.row, &refresh.row] {
        tx.insert_token(subject.login, token, now).await?;
    }
    let record = PublicUse {
        actor: PublicActor::Client(&call.client.id),
        action: "login.refresh",
        subject: stored.account.id.to_string(),
        outcome: AuditOutcome::Done,
        request: call.request,
        facts: json!({ "request": subject.login, "scopes": scopes }),
    };
    tx.commit_public(record).await?;
    Ok(Answered { access, refresh: Some(refresh), id_token, scopes })
}

/// What is left of a grant under the client's manifest of today.
fn within(client: &Client, granted: &[String]) -> Result<Vec<String>, OAuthError> {
    if !client.may_ask_for(Scope::OfflineAccess.as_str()) {
        return Err(OAuthError::new(OAuthErrorCode::InvalidGrant, "the client may not have refresh tokens any more"));
    }
    Ok(granted.iter().filter(|scope| client.may_ask_for(scope)).cloned().collect())
}

/// RFC 6749 section 6: no more than was granted.
fn narrowed(call: &TokenCall<'_>, granted: &[String]) -> Result<Vec<String>, OAuthError> {
    let Some(asked) = call.form.get("scope") else { return Ok(granted.to_vec()) };
    let asked = scopes_within(asked, granted).filter(|scopes| !scopes.is_empty());
    asked.ok_or_else(|| OAuthError::new(OAuthErrorCode::InvalidScope, "the login was not granted that scope"))
}

/// Ends the login: of two who had the token one is a thief, and nobody can tell which.
async fn used_again(app: &App, call: &TokenCall<'_>, row: &TokenRow) -> Result<OAuthError, OAuthError> {
    let now = app.clock.now();
    let id = row.login.id()?;
    let mut tx = app.store.write().await?;
    if tx.login_locked(id).await?.is_some_and(|login| login.ended_at.is_none()) {
        let ended = tx.end_login(id, "refresh-token-used-again", now).await?;
        let account = tx.account_of_id(row.login.account()?).await?;
        let subject = account.map_or_else(|| id.to_string(), |stored| stored.account.id.to_string());
        tx.tell_of_ended_login(id, &subject, now).await?;
        let record = PublicUse {
            actor: PublicActor::Client(&call.client.id),
            action: "login.refresh",
            subject,
            outcome: AuditOutcome::Refused,
            request: call.request,
            facts: json!({
                "code": "refresh-token-used-again", "request": id, "sessions": ended.logins, "tokens": ended.tokens,
            }),
        };
        tx.commit_public(record).await?;
        app.wake.outbox.notify_one();
    }
    Ok(bad_token())
}

fn bad_token() -> OAuthError {
    OAuthError::new(
        OAuthErrorCode::InvalidGrant,
        "the refresh token is not good: unknown, of another client, too old, used or ended",
    )
}
