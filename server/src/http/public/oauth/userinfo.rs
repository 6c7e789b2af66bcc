//! The userinfo endpoint (OpenID Connect Core 1.0, section 5.3): what the citizen released, as long as their login is alive.

use std::sync::Arc;

use api::audit::AuditOutcome;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::{Claim, ClientId, RequestId, Scope};
use serde_json::{Map, Value, json};

use super::error::{NOT_KEPT, OAuthError, OAuthErrorCode};
use super::presented::Presented;
use super::resource::{AccessClaims, access, claimed, not_alive};
use crate::account::seal::open_profile;
use crate::app::App;
use crate::store::{PublicActor, PublicUse};

/// Its path.
pub(super) const PATH: &str = "/oauth2/userinfo";

/// Serves it, by GET and POST alike.
pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    let (shown, _) = Presented::head(&app, request);
    // Held while the token is looked at; what it releases waits its turn among its own party's.
    let door = app.surge.client(shown.from, claimed(&shown).as_ref(), shown.party.as_ref().map(|party| &party.rp)).await?;
    let claims = access(&app, &shown).await?;
    drop(door);
    if !claims.has(Scope::OpenId.as_str()) {
        let challenge = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
        return Err(OAuthError::new(OAuthErrorCode::InsufficientScope, "the token is of no login").challenge(challenge));
    }
    let client: ClientId = claims.client_id.parse().map_err(|_| not_alive(&claims))?;
    let _turn = app.surge.enter(&client.rp).await?;
    Ok((NOT_KEPT, Json(released(&app, &claims, &client, shown.id).await?)).into_response())
}

/// What the citizen released; account, service and party are kept as they are until that it was read is on record.
async fn released(
    app: &App,
    claims: &AccessClaims,
    client: &ClientId,
    request: RequestId,
) -> Result<Map<String, Value>, OAuthError> {
    let dead = || not_alive(claims);
    let id = claims.id().ok_or_else(dead)?;
    let seen = app.store.read().await?.token(&id).await?.ok_or_else(dead)?;
    let mut tx = app.store.write().await?;
    tx.keep_party(&client.rp).await?;
    let stored = tx.account_kept(seen.login.account()?).await?.ok_or_else(dead)?;
    // Looked up again: what was seen before the lock may have ended since.
    let row = tx.token(&id).await?.filter(|row| row.is_alive(app.latest())).ok_or_else(dead)?;
    let granted = row.login.granted()?;
    let mut released = Map::new();
    released.insert("sub".to_owned(), claims.sub.clone().into());
    if granted.claims.is_empty() {
        // Nothing personal is read, and nothing has to be written down.
        tx.rollback().await?;
        return Ok(released);
    }
    app.keys.learn(&mut tx, &stored.kek_id).await;
    let profile = open_profile(&app.keys, &stored)?.ok_or_else(dead)?;
    let of = |claim: &Claim| claim.of(&profile).map(|value| (claim.to_string(), value));
    released.extend(granted.claims.iter().filter_map(of));
    let record = PublicUse {
        actor: PublicActor::Client(client),
        action: "login.userinfo",
        subject: stored.account.id.to_string(),
        outcome: AuditOutcome::Done,
        request,
        facts: json!({ "request": row.login.id()?, "claims": granted.claims }),
    };
    tx.commit_public(record).await?;
    Ok(released)
}
