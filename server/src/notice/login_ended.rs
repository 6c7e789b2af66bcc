use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use domain::{CitizenRequestId, ClientId, ServiceState};
use pki::{JwsAlgorithm, TokenType};
use serde_json::json;
use url::form_urlencoded::Serializer;

use super::{Letter, Written, seconds};
use crate::app::App;
use crate::failure::Failure;
use crate::key::sign::sign_token;
use crate::store::{OutboxRow, StoreError};

/// How long a logout token is good (OpenID Connect Back-Channel Logout 1.0, section 4: two minutes at the most). Each try has one of
/// its own.
const LIFE: Duration = Duration::from_mins(2);
/// The one event that it tells of (section 2.4).
const EVENT: &str = "http://schemas.openid.net/event/backchannel-logout";

/// A logout token for the service of a login that has ended.
pub(super) async fn write(app: &App, message: &OutboxRow) -> Result<Written, Failure> {
    let broken = || StoreError::Broken(anyhow::anyhow!("a notice of an ended login is damaged"));
    let id = CitizenRequestId::from_bytes(&message.id).map_err(|_| broken())?;
    let client: ClientId = message.receiver.parse().map_err(|_| broken())?;
    let mut read = app.store.read().await?;
    let Some(login) = read.login(id).await? else { return Ok(Written::Never("the login is forgotten")) };
    let Some(service) = read.service(&client).await? else { return Ok(Written::Never("there is no such service")) };
    match service.state()? {
        ServiceState::Active => {}
        // Why it was stopped may be that others have its server.
        ServiceState::Suspended => return Ok(Written::NotNow("the service or its relying party is suspended")),
        ServiceState::Retired => return Ok(Written::Never("the service is retired")),
    }
    let Some(url) = service.service.manifest()?.backchannel_logout_uri else {
        return Ok(Written::Never("the manifest has no backchannelLogoutUri any more"));
    };
    let subject = read.subject_of(login.account()?, &client.rp).await?.ok_or_else(broken)?;
    drop(read);
    let now = app.clock.now();
    let mut jti = [0; 16];
    app.entropy.fill(&mut jti);
    let claims = json!({
        "iss": app.issuer_url,
        "sub": BASE64_URL_SAFE_NO_PAD.encode(subject),
        "aud": client,
        "iat": seconds(now),
        "exp": seconds(now.plus(LIFE)),
        "jti": BASE64_URL_SAFE_NO_PAD.encode(jti),
        "events": { EVENT: {} },
        "sid": id.to_string(),
    });
    let token = sign_token(app, JwsAlgorithm::ES256, TokenType::LogoutToken, claims.to_string().as_bytes()).await?;
    let body = Serializer::new(String::new()).append_pair("logout_token", &token).finish();
    Ok(Written::Post(Letter { url, content_type: "application/x-www-form-urlencoded", authorization: None, body }))
}
