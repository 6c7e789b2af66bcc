use domain::{ClientId, ServiceState, Timestamp};
use serde_json::json;
use zeroize::Zeroizing;

use super::{Letter, Written};
use crate::app::App;
use crate::failure::Failure;
use crate::store::{OutboxRow, StoreError};

/// The ping for a client whose citizen has decided (OpenID Connect CIBA Core 1.0, section 10.2). What they decided, it asks.
pub(super) async fn write(app: &App, message: &OutboxRow) -> Result<Written, Failure> {
    let broken = || StoreError::Broken(anyhow::anyhow!("a notice of a decided request is damaged"));
    let id = message.subject.parse().map_err(|_| broken())?;
    let client: ClientId = message.receiver.parse().map_err(|_| broken())?;
    let mut read = app.store.read().await?;
    // The client has asked meanwhile, or the request has expired: the token was taken away then.
    let Some(row) = read.citizen_request(id).await? else { return Ok(Written::Needless) };
    let Some(sealed) = row.notify else { return Ok(Written::Needless) };
    if Timestamp::from_micros(row.expires_at) <= app.latest() {
        return Ok(Written::Never("the request has expired before its client could be told"));
    }
    let Some(service) = read.service(&client).await? else { return Ok(Written::Never("there is no such service")) };
    if service.state()? != ServiceState::Active {
        return Ok(Written::NotNow("the service or its relying party is suspended or retired"));
    }
    let Some(url) = service.service.manifest()?.ciba_notification_uri else {
        return Ok(Written::Never("the manifest has no cibaNotificationUri any more"));
    };
    drop(read);
    let keys = app.keys.now();
    let token = keys.handles().open_notification_token(&sealed, &client).map_err(anyhow::Error::from)?;
    let token = std::str::from_utf8(&token).map_err(|_| broken())?;
    let authorization = Some(Zeroizing::new(format!("Bearer {token}")));
    let auth_req_id = keys.handles().auth_req_id(id).map_err(anyhow::Error::from)?;
    let body = json!({ "auth_req_id": auth_req_id }).to_string();
    Ok(Written::Post(Letter { url, content_type: "application/json", authorization, body }))
}
