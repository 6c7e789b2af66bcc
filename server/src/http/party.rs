//! From a certificate on the public listener to a relying party, by the database, at every request.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::Response;
use domain::{CredentialId, Holder, RelyingPartyId, RequestId};

use super::accept::{PARTY_CONNECTS, Peer, PeerCertificate};
use super::on_record::{OnRecord, on_record};
use super::problem::{problem, respond};
use crate::app::App;
use crate::keys::hex;
use crate::operator::turned_away::{self, Stranger};
use crate::store::StoreError;

/// The relying party that asks, as far as a certificate says so: an extension of the request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Which.
    pub rp: RelyingPartyId,
    /// What the certificate is of it; none for one from before certificates were credentials.
    pub credential: Option<CredentialId>,
}

/// Says who asks. Whoever brings no certificate is nobody; whoever brings one that is not good any more is turned away, and that is
/// written down.
pub async fn identify(State(app): State<Arc<App>>, mut request: Request, next: Next) -> Response {
    let Some(Peer(Some(certificate))) = request.extensions().get::<Peer>().cloned() else { return next.run(request).await };
    let id = RequestId::new(app.clock.now(), app.entropy.as_ref());
    match party(&app, &certificate).await {
        Ok(Ok(party)) => {
            request.extensions_mut().insert(party);
            next.run(request).await
        }
        Ok(Err((code, message))) => {
            let shown = hex(&certificate.fingerprint);
            let facts = serde_json::Map::new();
            turned_away::note(&app, Stranger { action: PARTY_CONNECTS, code, shown, request: Some(id), facts }).await;
            let hint = "connect without it, or with one that is good: 'iamctl cert issue' and 'cert renew' make them";
            respond(&problem(401, code, message, Some(hint), id))
        }
        Err(error) => {
            tracing::error!(request = %id, ?error, "who asks cannot be said");
            // The cause is for us: whoever asks here is a stranger.
            let mut response = respond(&problem(503, "store.unavailable", "the certificate cannot be looked up", None, id));
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

/// The party of a certificate, or the code and the words of what is wrong with it.
async fn party(app: &App, certificate: &PeerCertificate) -> Result<Result<Party, (&'static str, &'static str)>, StoreError> {
    let mut read = app.store.read().await?;
    let row = match on_record(&mut read, certificate, app.clock.now()).await? {
        OnRecord::Good(row) => row,
        OnRecord::Bad(code, message) => return Ok(Err((code, message))),
    };
    let Holder::RelyingParty(rp) = row.holder()? else {
        return Err(StoreError::Broken(anyhow::anyhow!("certificate {} is no relying party's", row.serial)));
    };
    let credential = read.credential_of_serial(&row.serial).await?.map(|row| row.id()).transpose()?;
    Ok(Ok(Party { rp, credential }))
}
