//! From a certificate on the public listener to a relying party or a station, by the database, at every request.

use std::sync::Arc;

use api::app::registration::REGISTRATIONS;
use axum::extract::{Request, State};
use axum::http::HeaderValue;
use axum::http::header::RETRY_AFTER;
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use domain::{CredentialId, Holder, RelyingPartyId, RequestId};

use super::accept::{PARTY_CONNECTS, Peer, PeerCertificate};
use super::on_record::{OnRecord, REVOKED, on_record};
use super::problem::{problem, respond};
use super::public::oauth::error::{OAuthError, OAuthErrorCode};
use super::public::oauth::speaks_to_clients;
use crate::app::App;
use crate::keys::hex;
use crate::operator::turned_away::{self, Stranger};
use crate::registration::Station;
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
    let is_client = speaks_to_clients(request.uri().path());
    // Many requests that show one certificate at once wait for one another, before anything is looked up.
    let turn = match app.surge.certificate(&certificate.subject).await {
        Ok(turn) => turn,
        Err(full) if is_client => return OAuthError::from(full).into_response(),
        Err(full) => return full.problem(id),
    };
    let known = known(&app, &certificate).await;
    drop(turn);
    match known {
        Ok(Ok(Known::Party(party))) => {
            request.extensions_mut().insert(party);
            next.run(request).await
        }
        // A station is no party, whatever it asks for where parties come.
        Ok(Ok(Known::Station(station))) if request.uri().path().starts_with(REGISTRATIONS) => {
            request.extensions_mut().insert(station);
            next.run(request).await
        }
        Ok(Ok(Known::Station(_))) => {
            let message = "this certificate is a station's, and stations do nothing here but register people";
            turn_away(&app, &certificate, ("auth.certificate-of-station", message), is_client, id).await
        }
        Ok(Err(why)) => turn_away(&app, &certificate, why, is_client, id).await,
        Err(error) if is_client => OAuthError::from(error).into_response(),
        Err(error) => {
            tracing::error!(request = %id, ?error, "who asks cannot be said");
            // The cause is for us: whoever asks here is a stranger.
            let mut response = respond(&problem(503, "store.unavailable", "the certificate cannot be looked up", None, id));
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("5"));
            response
        }
    }
}

async fn turn_away(
    app: &App,
    certificate: &PeerCertificate,
    (code, message): (&'static str, &'static str),
    is_client: bool,
    id: RequestId,
) -> Response {
    let shown = hex(&certificate.fingerprint);
    let facts = serde_json::Map::new();
    turned_away::note(app, Stranger { action: PARTY_CONNECTS, code, shown, request: Some(id), facts }).await;
    if is_client {
        return OAuthError::new(OAuthErrorCode::InvalidClient, message).into_response();
    }
    let hint = "connect without it, or with one that is good: the officers of the platform issue them";
    respond(&problem(401, code, message, Some(hint), id))
}

/// Whose a certificate is.
enum Known {
    Party(Party),
    Station(Station),
}

/// The party or the station of a certificate, or the code and the words of what is wrong with it.
async fn known(app: &App, certificate: &PeerCertificate) -> Result<Result<Known, (&'static str, &'static str)>, StoreError> {
    let mut read = app.store.read().await?;
    let row = match on_record(&mut read, certificate, app.clock.now()).await? {
        OnRecord::Good(row) => row,
        OnRecord::Bad(code, message) => return Ok(Err((code, message))),
    };
    match row.holder()? {
        Holder::RelyingParty(rp) => {
            let credential = read.credential_of_serial(&row.serial).await?.map(|row| row.id()).transpose()?;
            Ok(Ok(Known::Party(Party { rp, credential })))
        }
        Holder::Station(id) => {
            let broken = || StoreError::Broken(anyhow::anyhow!("certificate {} is of no station on record", row.serial));
            let station = read.station(&id).await?.ok_or_else(broken)?;
            if !station.is_active() {
                return Ok(Err((REVOKED, "the station was taken out of service")));
            }
            let (channel, location) = (station.channel()?, station.location()?);
            Ok(Ok(Known::Station(Station { id, channel, location, certificate: row.serial.clone() })))
        }
        _ => Err(StoreError::Broken(anyhow::anyhow!("certificate {} is neither a relying party's nor a station's", row.serial))),
    }
}
