//! `POST /oauth2/introspect` (RFC 7662): whether a token is good at this moment, for the client that it was issued to. Of any other
//! token it hears no more than that it is not.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Request, State};
use axum::response::{IntoResponse, Response};
use domain::Timestamp;
use serde_json::{Value, json};

use super::authenticate::authenticate;
use super::client::{Client, OFFLINE_ACCESS};
use super::error::{NOT_KEPT, OAuthError};
use super::issue::{refresh_token_id, seconds};
use super::presented::Presented;
use super::resource::read_access_token;
use crate::app::App;
use crate::store::TokenKind;

/// Its path.
pub(super) const PATH: &str = "/oauth2/introspect";

/// Answers a client about a token.
pub(super) async fn serve(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    let presented = Presented::receive(&app, request).await?;
    let client = authenticate(&app, &presented).await?;
    // What a client says that it is (`token_type_hint`) is not needed to tell the two kinds apart.
    let token = presented.form.require("token", "token is missing")?;
    let told = match access(&app, &client, token).await? {
        Some(told) => Some(told),
        None => refresh(&app, &client, token).await?,
    };
    let body = told.unwrap_or_else(|| json!({ "active": false }));
    Ok((NOT_KEPT, Json(body)).into_response())
}

async fn access(app: &App, client: &Client, token: &str) -> Result<Option<Value>, OAuthError> {
    let Some(claims) = read_access_token(app, token).await? else { return Ok(None) };
    if claims.client_id != client.id.to_string() || !claims.is_alive(app).await? {
        return Ok(None);
    }
    let mut told = serde_json::to_value(&claims).map_err(anyhow::Error::from)?;
    told["active"] = true.into();
    told["token_type"] = claims.token_type().into();
    Ok(Some(told))
}

async fn refresh(app: &App, client: &Client, token: &str) -> Result<Option<Value>, OAuthError> {
    let row = app.store.look().await?.token(&refresh_token_id(token)).await?;
    let own = row.filter(|row| row.token_kind == TokenKind::Refresh.as_str() && row.login.service == client.service);
    let alive = own.filter(|row| row.is_alive(app.latest()) && client.may_ask_for(OFFLINE_ACCESS));
    let Some(row) = alive else { return Ok(None) };
    let scopes: Vec<String> = row.login.granted()?.scopes.into_iter().filter(|scope| client.may_ask_for(scope)).collect();
    Ok(Some(json!({
        "active": true,
        "client_id": client.id,
        "iss": app.issuer_url,
        "scope": scopes.join(" "),
        "iat": seconds(Timestamp::from_micros(row.token_issued_at)),
        "exp": seconds(Timestamp::from_micros(row.token_expires_at)),
    })))
}
