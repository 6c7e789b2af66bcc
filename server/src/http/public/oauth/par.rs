//! `POST /oauth2/par` (RFC 9126): a client says beforehand, and proven, what it will ask of a browser.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use openssl::sha::sha256;
use serde_json::json;

use super::authenticate::authenticate;
use super::client::Client;
use super::error::{NOT_KEPT, OAuthError};
use super::hint::who_is_hinted_at;
use super::parameters::{AuthorizationRequest, validate};
use super::presented::Presented;
use super::proof::proof;
use crate::app::App;
use crate::store::{Housekeeping, PushedRequestRow};

/// Its path.
pub(super) const PATH: &str = "/oauth2/par";

/// How long what was pushed can be loaded.
pub const PUSHED_LIFE: Duration = Duration::from_secs(90);
/// What every request_uri of ours begins with.
const PREFIX: &str = "urn:ietf:params:oauth:request_uri:";

/// Keeps a request and gives the name under which a browser brings it.
pub(super) async fn push(State(app): State<Arc<App>>, request: Request) -> Result<Response, OAuthError> {
    let presented = Presented::receive(&app, request).await?;
    let client = authenticate(&app, &presented).await?;
    if presented.form.get("request_uri").is_some() {
        return Err(OAuthError::request("what is pushed is not a request_uri"));
    }
    let subject = who_is_hinted_at(&app, &client, &presented.form).await?;
    let asked = validate(&client, &presented.form, subject.as_deref()).map_err(|unfit| unfit.error)?;
    let asked = bound(asked, proof(&app, &presented, None).await?.map(|proof| proof.thumbprint))?;
    let uri = keep(&app, &client, &asked).await?;
    let body = json!({ "request_uri": uri, "expires_in": PUSHED_LIFE.as_secs() });
    Ok((StatusCode::CREATED, NOT_KEPT, Json(body)).into_response())
}

/// Binds the code to the key that has signed the proof, where one was sent (RFC 9449 section 10.1).
fn bound(asked: AuthorizationRequest, key: Option<String>) -> Result<AuthorizationRequest, OAuthError> {
    match (&asked.dpop_jkt, key) {
        (Some(said), Some(shown)) if *said != shown => Err(OAuthError::request("dpop_jkt is not the key of the proof")),
        (_, Some(shown)) => Ok(AuthorizationRequest { dpop_jkt: Some(shown), ..asked }),
        (_, None) => Ok(asked),
    }
}

async fn keep(app: &App, client: &Client, asked: &AuthorizationRequest) -> Result<String, OAuthError> {
    let mut chance = [0; 32];
    app.entropy.fill(&mut chance);
    let name = BASE64_URL_SAFE_NO_PAD.encode(chance);
    let row = PushedRequestRow {
        digest: sha256(name.as_bytes()).to_vec(),
        relying_party: client.id.rp.to_string(),
        service: client.service,
        parameters: serde_json::to_string(asked).map_err(anyhow::Error::from)?,
        expires_at: app.clock.now().plus(PUSHED_LIFE).micros(),
        loaded_at: None,
    };
    let mut tx = app.store.write_once().await?;
    tx.insert_pushed_request(&row).await?;
    tx.commit_housekeeping(Housekeeping::Asked).await?;
    Ok(format!("{PREFIX}{name}"))
}

/// What this client has pushed under that name, once: none for every load but the first, another client's, and too late.
///
/// # Errors
/// When the database cannot be reached or the row is damaged.
pub async fn load(app: &App, client: &Client, uri: &str) -> Result<Option<AuthorizationRequest>, OAuthError> {
    let Some(name) = uri.strip_prefix(PREFIX) else { return Ok(None) };
    let mut tx = app.store.write_once().await?;
    let digest = sha256(name.as_bytes());
    let Some(kept) = tx.load_pushed_request(&digest, client.service, app.latest(), app.clock.now()).await? else {
        return Ok(None);
    };
    tx.commit_housekeeping(Housekeeping::Asked).await?;
    Ok(Some(serde_json::from_str(&kept).map_err(anyhow::Error::from)?))
}
