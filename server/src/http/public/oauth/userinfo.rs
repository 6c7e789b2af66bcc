//! The userinfo endpoint (OpenID Connect Core 1.0, section 5.3): what the citizen released, as long as their login is alive, as far as
//! the token goes, and no further than the client's manifest goes today.

use std::sync::Arc;

use api::audit::AuditOutcome;
use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::{Claim, ClientId, RequestId, Scope, claims_of};
use serde_json::{Map, Value, json};

use super::client::Client;
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
        return Err(insufficient("the token is of no login"));
    }
    let client: ClientId = claims.client_id.parse().map_err(|_| not_alive(&claims))?;
    let _turn = app.surge.enter(&client.rp).await?;
    Ok((NOT_KEPT, Json(released(&app, &claims, &client, shown.id).await?)).into_response())
}

fn insufficient(description: &'static str) -> OAuthError {
    let challenge = "Bearer error=\"insufficient_scope\", scope=\"openid\"";
    OAuthError::new(OAuthErrorCode::InsufficientScope, description).challenge(challenge)
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
    let seen = app.store.look().await?.token(&id).await?.ok_or_else(dead)?;
    let mut tx = app.store.write().await?;
    tx.keep_party(&client.rp).await?;
    let stored = tx.account_kept(seen.login.account()?).await?.ok_or_else(dead)?;
    // Looked up again: what was seen before the lock may have ended since.
    let row = tx.token(&id).await?.filter(|row| row.is_alive(app.latest())).ok_or_else(dead)?;
    let present = Client::read(&mut tx, client).await?.ok_or_else(dead)?;
    if !present.may_ask_for(Scope::OpenId.as_str()) {
        return Err(insufficient("people do not log in to the client any more"));
    }
    let scopes: Vec<Scope> = claims.scopes().into_iter().filter(|scope| present.may_ask_for(scope.as_str())).collect();
    let reach = claims_of(&scopes);
    let granted: Vec<Claim> = row.login.granted()?.claims.into_iter().filter(|claim| reach.contains(claim)).collect();
    let mut released = Map::new();
    released.insert("sub".to_owned(), claims.sub.clone().into());
    if granted.is_empty() {
        // Nothing personal is read, and nothing has to be written down.
        tx.rollback().await?;
        return Ok(released);
    }
    app.keys.learn(&mut tx, &stored.kek_id).await;
    let profile = open_profile(&app.keys, &stored)?.ok_or_else(dead)?;
    let of = |claim: &Claim| claim.of(&profile).map(|value| (claim.to_string(), value));
    released.extend(granted.iter().filter_map(of));
    let record = PublicUse {
        actor: PublicActor::Client(client),
        action: "login.userinfo",
        subject: stored.account.id.to_string(),
        outcome: AuditOutcome::Done,
        request,
        facts: json!({ "request": row.login.id()?, "claims": granted }),
    };
    tx.commit_public(record).await?;
    Ok(released)
}
