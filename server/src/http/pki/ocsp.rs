//! OCSP (RFC 6960, RFC 5019): what a certificate is worth at this moment.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use domain::{CertificateStanding, KeyPurpose, KeyState, Timestamp};
use pki::Certificate;
use pki::ocsp::{CertificateStatus, OcspRequest, Refusal, RequestFault, Responder, SingleAnswer};

use super::{request_id, sent, unavailable};
use crate::app::App;
use crate::certificate::publish::check_clock;
use crate::failure::Failure;
use crate::http::problem::{problem, respond};
use crate::store::Read;

const ANSWER: &str = "application/ocsp-response";
/// How long whoever has fetched an answer may keep it: with what it is kept here, below the minute within which a revocation
/// takes effect.
const MAX_AGE: &str = "max-age=20";
const UNKEPT: &str = "no-store";
/// How long an answer is given again to whoever asks the same.
const KEPT: Duration = Duration::from_secs(20);
/// How long responders are taken to be those of the database.
const KNOWN: Duration = Duration::from_secs(10);
/// When there are more answers than this, all are forgotten.
const MOST: usize = 20_000;
/// How long an answer says that it is good. Clients' clocks differ.
const GOOD_FOR: Duration = Duration::from_hours(1);

/// The responders of this node, and the answers they gave a moment ago. A revocation decides nothing here that it does not decide
/// within a minute elsewhere: who is let in by us is asked of the database.
#[derive(Default)]
pub struct Responders {
    known: tokio::sync::Mutex<Option<Known>>,
    answers: Mutex<HashMap<Bytes, Answered>>,
}

#[derive(Clone)]
struct Known {
    at: Timestamp,
    /// Each with the NAME of the authority that it answers for.
    all: Arc<Vec<(String, Responder)>>,
}

struct Answered {
    at: Timestamp,
    /// With the certificate of the responder that signed it, it is worth nothing.
    ends: Timestamp,
    der: Bytes,
}

/// POST (RFC 6960 appendix A.1).
pub(super) async fn posted(State(app): State<Arc<App>>, body: Bytes) -> Response {
    match kept(&app, &body) {
        Some(der) => sent(ANSWER, MAX_AGE, der),
        None => answered(&app, OcspRequest::from_der(&body), &body).await,
    }
}

/// GET, the request in the path as it was sent: base64 has characters that stand for something else in a path.
pub(super) async fn got(State(app): State<Arc<App>>, OriginalUri(uri): OriginalUri) -> Response {
    let path = uri.path().strip_prefix("/ocsp/").unwrap_or_default();
    let asked = Bytes::copy_from_slice(path.as_bytes());
    match kept(&app, &asked) {
        Some(der) => sent(ANSWER, MAX_AGE, der),
        None => answered(&app, OcspRequest::from_path(path), &asked).await,
    }
}

fn kept(app: &App, asked: &Bytes) -> Option<Bytes> {
    let now = app.clock.now();
    let answers = app.responders.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = answers.get(asked)?;
    (answer.at <= now && now < answer.at.plus(KEPT).min(answer.ends)).then(|| answer.der.clone())
}

async fn answered(app: &App, request: Result<OcspRequest, RequestFault>, asked: &Bytes) -> Response {
    let request = match request {
        Ok(request) => request,
        Err(fault) => {
            metrics::counter!("iam_ocsp_refused_total", "kind" => fault.kind()).increment(1);
            return match fault.refusal() {
                Some(refusal) => sent(ANSWER, UNKEPT, refusal.der().to_vec()),
                None => respond(&problem(400, "ocsp.garbage", fault.to_string(), None, request_id(app))),
            };
        }
    };
    match answer(app, &request).await {
        Ok(Ok((der, ends))) => {
            let der = Bytes::from(der);
            if request.nonce().is_none() {
                let mut answers = app.responders.answers.lock().unwrap_or_else(PoisonError::into_inner);
                if answers.len() >= MOST {
                    answers.clear();
                }
                answers.insert(asked.clone(), Answered { at: app.clock.now(), ends, der: der.clone() });
                return sent(ANSWER, MAX_AGE, der);
            }
            sent(ANSWER, UNKEPT, der)
        }
        Ok(Err(refusal)) => (StatusCode::OK, sent(ANSWER, UNKEPT, refusal.der().to_vec())).into_response(),
        Err(failure) => unavailable(app, &failure),
    }
}

/// A signed answer, and when the certificate ends that it is judged by.
async fn answer(app: &App, request: &OcspRequest) -> Result<Result<(Vec<u8>, Timestamp), Refusal>, Failure> {
    let now = app.clock.now();
    let Some(all) = responders(app, now).await? else { return Ok(Err(Refusal::TryLater)) };
    let Some((issuer, responder)) = request.issuer_among(all.iter().map(|one| (one.1.issuer(), one))).map(|one| (&one.0, &one.1))
    else {
        return Ok(Err(Refusal::Unauthorized));
    };
    if !responder.certificate().is_valid_at(now) {
        tracing::error!(issuer, "the certificate of the OCSP responder is not valid; nothing is answered for this authority");
        return Ok(Err(Refusal::TryLater));
    }
    let mut read = app.store.read().await?;
    let mut answers = Vec::with_capacity(request.certificates().len());
    for certificate in request.certificates() {
        answers.push(SingleAnswer {
            certificate: certificate.clone(),
            status: status(&mut read, issuer, certificate.serial(), now).await?,
            this_update: now,
            next_update: now.plus(GOOD_FOR),
        });
    }
    drop(read);
    let der = responder.answer(&answers, request.nonce(), now).map_err(anyhow::Error::from)?;
    Ok(Ok((der, responder.certificate().view().not_after)))
}

/// What is not on record as issued by this authority is unknown, and so is what was only planned: unknown is never good.
async fn status(read: &mut Read, issuer: &str, serial: Option<&str>, now: Timestamp) -> Result<CertificateStatus, Failure> {
    let Some(serial) = serial.and_then(|serial| serial.parse().ok()) else { return Ok(CertificateStatus::Unknown) };
    let Some(row) = read.certificate(&serial).await?.filter(|row| row.issuer == issuer) else {
        return Ok(CertificateStatus::Unknown);
    };
    let standing = row.standing()?;
    Ok(match standing.revocation() {
        // The clock may have been turned back since.
        Some(revocation) => CertificateStatus::Revoked { at: revocation.at.min(now), reason: revocation.reason },
        None if standing == CertificateStanding::Planned => CertificateStatus::Unknown,
        None => CertificateStatus::Good,
    })
}

/// The responders as the database had them a moment ago; none while the clock cannot be believed.
async fn responders(app: &App, now: Timestamp) -> Result<Option<Arc<Vec<(String, Responder)>>>, Failure> {
    let mut known = app.responders.known.lock().await;
    if let Some(known) = known.as_ref().filter(|known| known.at <= now && now < known.at.plus(KNOWN)) {
        return Ok(Some(Arc::clone(&known.all)));
    }
    let mut read = app.store.read().await?;
    if let Err(error) = check_clock(app, &mut read, now).await {
        tracing::warn!(%error, "no OCSP answers are signed");
        return Ok(None);
    }
    let authorities = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
    let mut all = Vec::new();
    for row in read.keys(Some(KeyPurpose::Ocsp), Some(KeyState::Active)).await? {
        let issuer = authorities.iter().find(|authority| authority.kid == row.name);
        let (Some(issuer), Some(own)) = (issuer.and_then(|row| row.certificate.as_deref()), row.certificate.as_deref()) else {
            continue;
        };
        let read = |der| Certificate::from_der(der).map_err(anyhow::Error::from);
        let responder = Responder::load(&read(issuer)?, read(own)?, app.keys.signer(&row)?).map_err(anyhow::Error::from)?;
        all.push((row.name, responder));
    }
    let all = Arc::new(all);
    *known = Some(Known { at: now, all: Arc::clone(&all) });
    Ok(Some(all))
}
