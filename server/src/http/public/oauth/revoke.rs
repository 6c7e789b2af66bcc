//! `POST /oauth2/revoke` (RFC 7009): a client gives a token back. A refresh token takes its whole login along, an access token goes
//! alone. Of a token that is not the client's nothing is said and nothing is done.

use std::sync::Arc;

use api::audit::AuditOutcome;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::authenticate::authenticate;
use super::client::Client;
use super::error::{NOT_KEPT, OAuthError};
use super::issue::refresh_token_id;
use super::presented::Presented;
use super::resource::{AccessClaims, read_access_token};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{PublicActor, PublicUse, TokenKind, TokenRow, Write};

/// Its path.
pub(super) const PATH: &str = "/oauth2/revoke";
/// As the audit log calls it.
const REVOKE: &str = "token.revoke";
/// Why a login has ended.
const REASON: &str = "revoked";

/// Takes a token back. Durable when it is answered.
pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    let presented = Presented::receive(&app, request).await?;
    let client = authenticate(&app, &presented).await?;
    let token = presented.form.require("token", "token is missing")?;
    match read_access_token(&app, token).await? {
        Some(claims) if claims.client_id == client.id.to_string() => access(&app, &client, &presented, &claims).await?,
        Some(_) => {}
        None => refresh(&app, &client, &presented, token).await?,
    }
    Ok((StatusCode::OK, NOT_KEPT).into_response())
}

async fn access(app: &App, client: &Client, presented: &Presented, claims: &AccessClaims) -> Result<(), OAuthError> {
    let Some(id) = claims.id() else { return Ok(()) };
    let mut tx = app.store.write().await?;
    let Some(subject) = is_about(&mut tx, &id, client).await? else { return Ok(()) };
    tx.revoke_token(&id, claims.expires_at(), app.clock.now()).await?;
    commit(tx, client, presented, subject, json!({ "kind": TokenKind::Access.as_str() })).await
}

/// Whom the entry is about: the citizen, or the client itself. None when the token has ended already.
async fn is_about(tx: &mut Write, id: &[u8], client: &Client) -> Result<Option<String>, OAuthError> {
    match tx.token(id).await? {
        Some(row) if row.token_ended_at.is_some() || row.login.ended_at.is_some() => Ok(None),
        Some(row) => Ok(Some(citizen(tx, &row).await?)),
        None if tx.token_revoked(id).await? => Ok(None),
        None => Ok(Some(client.id.to_string())),
    }
}

async fn refresh(app: &App, client: &Client, presented: &Presented, token: &str) -> Result<(), OAuthError> {
    let mut tx = app.store.write().await?;
    let row = tx.token(&refresh_token_id(token)).await?;
    let own = row.filter(|row| row.token_kind == TokenKind::Refresh.as_str() && row.login.service == client.service);
    let Some(row) = own else { return Ok(()) };
    let login = row.login.id()?;
    // One that was exchanged belongs to the login as well: whoever gives it back wants nothing of it to live.
    if tx.login_locked(login).await?.is_none_or(|login| login.ended_at.is_some()) {
        return Ok(());
    }
    let ended = tx.end_login(login, REASON, app.clock.now()).await?;
    let subject = citizen(&mut tx, &row).await?;
    let facts = json!({ "kind": TokenKind::Refresh.as_str(), "sessions": ended.logins, "tokens": ended.tokens });
    commit(tx, client, presented, subject, facts).await
}

async fn citizen(tx: &mut Write, row: &TokenRow) -> Result<String, OAuthError> {
    let stored = tx.account_of_id(row.login.account()?).await?;
    let stored = stored.ok_or_else(|| Failure::from(anyhow::anyhow!("the account of a login is gone")))?;
    Ok(stored.account.id.to_string())
}

async fn commit(tx: Write, client: &Client, presented: &Presented, subject: String, facts: Value) -> Result<(), OAuthError> {
    let record = PublicUse {
        actor: PublicActor::Client(&client.id),
        action: REVOKE,
        subject,
        outcome: AuditOutcome::Done,
        request: presented.id,
        facts,
    };
    Ok(tx.commit_public(record).await?)
}
