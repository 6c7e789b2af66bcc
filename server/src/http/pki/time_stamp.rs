//! Time stamps (RFC 3161): that something was there at a moment, by a digest that tells us nothing.

use std::sync::Arc;
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::State;
use axum::response::Response;
use domain::{KeyPurpose, Timestamp};
use pki::Certificate;
use pki::time_stamp::{Imprint, TimeStampFault, TimeStampRefusal, TimeStampRequest, TimeStamper};

use super::{request_id, sent, unavailable};
use crate::app::App;
use crate::certificate::clock::fault;
use crate::certificate::view::authorities_above;
use crate::failure::Failure;
use crate::http::problem::{problem, respond};
use crate::keys::STAMPS;

const REPLY: &str = "application/timestamp-reply";
const UNKEPT: &str = "no-store";
/// How far the clock may be off.
const ACCURACY: Duration = Duration::from_secs(1);
/// How long the key is taken to be that of the database.
const KNOWN: Duration = Duration::from_secs(10);

/// The time-stamping service of this node.
#[derive(Default)]
pub struct Stamping {
    known: tokio::sync::Mutex<Option<(Timestamp, Arc<TimeStamper>)>>,
}

/// POST of a request (RFC 3161 section 3.4). Garbage is 400; a request that is refused gets a reply that says so.
pub(super) async fn stamp(State(app): State<Arc<App>>, body: Bytes) -> Response {
    let reply = match TimeStampRequest::from_der(&body) {
        Ok(request) => granted(&app, &request).await,
        Err(TimeStampFault::Refused(refusal)) => refused(refusal),
        Err(fault @ TimeStampFault::Garbage(_)) => {
            return respond(&problem(400, "tsa.garbage", fault.to_string(), None, request_id(&app)));
        }
    };
    // Whatever else is wrong is said as the protocol says it; without a database there is nothing to say.
    let reply = match reply {
        Err(Failure::Internal(error)) => {
            tracing::error!(error = format!("{error:#}"), "no time stamps are given");
            refused(TimeStampRefusal::System)
        }
        reply => reply,
    };
    match reply {
        Ok(reply) => sent(REPLY, UNKEPT, reply),
        Err(failure) => unavailable(&app, &failure),
    }
}

fn refused(refusal: TimeStampRefusal) -> Result<Vec<u8>, Failure> {
    Ok(refusal.reply().map_err(anyhow::Error::from)?)
}

/// A token over a digest of our own, ContentInfo in DER; none while the clock cannot be believed.
pub(crate) async fn stamped(app: &App, imprint: Imprint, now: Timestamp) -> anyhow::Result<Option<Vec<u8>>> {
    let stamper =
        stamper(app, now).await.map_err(|failure| anyhow::anyhow!("the time-stamping service has failed: {failure:?}"))?;
    let Some(stamper) = stamper else { return Ok(None) };
    let mut serial = [0; 16];
    app.entropy.fill(&mut serial);
    Ok(Some(stamper.token(&TimeStampRequest::of(imprint), serial, now, ACCURACY)?))
}

async fn granted(app: &App, request: &TimeStampRequest) -> Result<Vec<u8>, Failure> {
    let now = app.clock.now();
    let Some(stamper) = stamper(app, now).await? else { return refused(TimeStampRefusal::Time) };
    let Ok(_turn) = app.strangers.try_acquire() else { return refused(TimeStampRefusal::System) };
    let mut serial = [0; 16];
    app.entropy.fill(&mut serial);
    Ok(stamper.grant(request, serial, now, ACCURACY).map_err(anyhow::Error::from)?)
}

/// The active key with its certificate; none while the clock cannot be believed, which is all that a stamp is about.
async fn stamper(app: &App, now: Timestamp) -> Result<Option<Arc<TimeStamper>>, Failure> {
    let mut known = app.stamping.known.lock().await;
    if let Some((_, stamper)) = known.as_ref().filter(|(at, _)| *at <= now && now < at.plus(KNOWN)) {
        return Ok(Some(Arc::clone(stamper)));
    }
    let mut read = app.store.read().await?;
    if let Some(fault) = fault(app, &mut read, now).await? {
        tracing::warn!("no time stamps are given: {}", fault.told(now));
        return Ok(None);
    }
    let row = read.active_key(KeyPurpose::TimeStamping, STAMPS).await?;
    let row = row.ok_or_else(|| anyhow::anyhow!("there is no active time-stamping key"))?;
    let der = row.certificate.as_deref().ok_or_else(|| anyhow::anyhow!("{} has no certificate", row.kid))?;
    let certificate = Certificate::from_der(der).map_err(anyhow::Error::from)?;
    let mut chain = authorities_above(&mut read, &certificate.view().issuer).await?;
    // The root is what the stamp is verified against.
    chain.pop();
    let stamper = TimeStamper::new(app.keys.signer(&row)?, certificate, &chain).map_err(anyhow::Error::from)?;
    let stamper = Arc::new(stamper);
    *known = Some((now, Arc::clone(&stamper)));
    Ok(Some(stamper))
}
