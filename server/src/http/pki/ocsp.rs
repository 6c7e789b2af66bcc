//! OCSP (RFC 6960, RFC 5019): what a certificate is worth at this moment.
//!
//! An answer is signed when somebody asks first, and given again as long as it is true: for a moment as it is, then after a look at
//! the database, and while the key is away as long as the answer says that it is good. The cache knows certificates, not requests,
//! so that no stranger fills it with what is padded or made up.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use axum::body::Bytes;
use axum::extract::{OriginalUri, State};
use axum::response::Response;
use domain::{CertificateStanding, KeyPurpose, KeyState, Timestamp};
use pki::Certificate;
use pki::ocsp::{CertId, CertificateStatus, IssuerIds, OcspRequest, Refusal, RequestFault, Responder, SingleAnswer};

use super::{request_id, sent, unavailable};
use crate::app::App;
use crate::certificate::clock::fault;
use crate::failure::Failure;
use crate::http::problem::{problem, respond};
use crate::store::{KeyRow, Read};

const ANSWER: &str = "application/ocsp-response";
/// How long whoever has fetched an answer may keep it: with what it is kept here, below the minute within which a revocation
/// takes effect.
const MAX_AGE: &str = "max-age=20";
const UNKEPT: &str = "no-store";
/// How long an answer is given again to whoever asks the same, without a look at what has become of the certificate.
const KEPT: Duration = Duration::from_secs(20);
/// How old an answer becomes before another is signed that says the same.
const RENEWED: Duration = Duration::from_mins(30);
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
    answers: Mutex<HashMap<CertId, Answered>>,
}

#[derive(Clone)]
struct Known {
    at: Timestamp,
    all: Arc<Vec<Desk>>,
}

/// Who answers for an authority.
struct Desk {
    /// NAME of the authority.
    name: String,
    ids: IssuerIds,
    /// The responder's own certificate.
    certificate: Certificate,
    /// None while its key or certificate is of no use: that is said once to whoever runs the node, and to whoever asks.
    responder: Option<Responder>,
}

#[derive(Clone)]
struct Answered {
    /// When it was signed.
    at: Timestamp,
    /// When it was last seen to be true.
    seen: Timestamp,
    /// With the certificate of the responder that signed it, it is worth nothing.
    ends: Timestamp,
    /// SHA-256 of that certificate.
    by: [u8; 32],
    status: CertificateStatus,
    der: Bytes,
}

/// POST (RFC 6960 appendix A.1).
pub(super) async fn posted(State(app): State<Arc<App>>, body: Bytes) -> Response {
    answered(&app, OcspRequest::from_der(&body)).await
}

/// GET, the request in the path as it was sent: base64 has characters that stand for something else in a path.
pub(super) async fn got(State(app): State<Arc<App>>, OriginalUri(uri): OriginalUri) -> Response {
    answered(&app, OcspRequest::from_path(uri.path().strip_prefix("/ocsp/").unwrap_or_default())).await
}

async fn answered(app: &App, request: Result<OcspRequest, RequestFault>) -> Response {
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
    let shared = shared(&request);
    if let Some(der) = shared.and_then(|certificate| kept(app, certificate)) {
        return sent(ANSWER, MAX_AGE, der);
    }
    match answer(app, &request).await {
        Ok(Ok(der)) => sent(ANSWER, if shared.is_some() { MAX_AGE } else { UNKEPT }, der),
        Ok(Err(refusal)) => sent(ANSWER, UNKEPT, refusal.der().to_vec()),
        Err(failure) => unavailable(app, &failure),
    }
}

/// The one certificate that is asked about, where the answer is the same for everybody: without a nonce.
fn shared(request: &OcspRequest) -> Option<&CertId> {
    match request.certificates() {
        [only] if request.nonce().is_none() => Some(only),
        _ => None,
    }
}

fn kept(app: &App, asked: &CertId) -> Option<Bytes> {
    let now = app.clock.now();
    let answers = app.responders.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = answers.get(asked)?;
    (answer.seen <= now && now < answer.seen.plus(KEPT).min(answer.ends)).then(|| answer.der.clone())
}

/// What was answered before, where it is as true now: by the responder of today, and of the same standing.
fn as_before(app: &App, asked: &CertId, by: [u8; 32], status: CertificateStatus, now: Timestamp) -> Option<Answered> {
    let answers = app.responders.answers.lock().unwrap_or_else(PoisonError::into_inner);
    let answer = answers.get(asked)?;
    let good = answer.at <= now && now < answer.at.plus(GOOD_FOR).min(answer.ends);
    (good && answer.by == by && answer.status == status).then(|| answer.clone())
}

fn keep(app: &App, asked: &CertId, answer: Answered) {
    let now = answer.seen;
    let mut answers = app.responders.answers.lock().unwrap_or_else(PoisonError::into_inner);
    if answers.len() >= MOST {
        answers.retain(|_, answer| answer.seen <= now && now < answer.seen.plus(KEPT));
    }
    if answers.len() < MOST {
        answers.insert(asked.clone(), answer);
    }
}

async fn answer(app: &App, request: &OcspRequest) -> Result<Result<Bytes, Refusal>, Failure> {
    let now = app.clock.now();
    let Some(all) = responders(app, now).await? else { return Ok(Err(Refusal::TryLater)) };
    let Some(desk) = request.issuer_among(all.iter().map(|desk| (&desk.ids, desk))) else {
        return Ok(Err(Refusal::Unauthorized));
    };
    if !desk.certificate.is_valid_at(now) {
        tracing::error!(
            issuer = desk.name,
            "the OCSP responder has no valid certificate; nothing is answered for this authority"
        );
        return Ok(Err(Refusal::TryLater));
    }
    let mut read = app.store.read().await?;
    let mut answers = Vec::with_capacity(request.certificates().len());
    for certificate in request.certificates() {
        answers.push(SingleAnswer {
            certificate: certificate.clone(),
            status: status(&mut read, &desk.name, certificate.serial(), now).await?,
            this_update: now,
            next_update: now.plus(GOOD_FOR),
        });
    }
    drop(read);
    let (shared, by) = (shared(request), desk.certificate.fingerprint());
    let Some((asked, only)) = shared.zip(answers.first()) else { return signed(app, desk, &answers, request, now) };
    let before = as_before(app, asked, by, only.status, now);
    if let Some(before) = before.clone().filter(|before| now < before.at.plus(RENEWED)) {
        let der = before.der.clone();
        keep(app, asked, Answered { seen: now, ..before });
        return Ok(Ok(der));
    }
    match signed(app, desk, &answers, request, now) {
        Ok(Ok(der)) => {
            // Numbers that nobody has issued are without end.
            if only.status != CertificateStatus::Unknown {
                let ends = desk.certificate.view().not_after;
                keep(app, asked, Answered { at: now, seen: now, ends, by, status: only.status, der: der.clone() });
            }
            Ok(Ok(der))
        }
        // The key is away: what was signed before says the same, and until when it is good.
        not_signed => before.map_or(not_signed, |before| Ok(Ok(before.der))),
    }
}

/// Signs, where not too many strangers have something signed already.
fn signed(
    app: &App,
    desk: &Desk,
    answers: &[SingleAnswer],
    request: &OcspRequest,
    now: Timestamp,
) -> Result<Result<Bytes, Refusal>, Failure> {
    let (Some(responder), Ok(_turn)) = (&desk.responder, app.strangers.try_acquire()) else { return Ok(Err(Refusal::TryLater)) };
    let der = responder.answer(answers, request.nonce(), now).map_err(anyhow::Error::from)?;
    Ok(Ok(der.into()))
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
async fn responders(app: &App, now: Timestamp) -> Result<Option<Arc<Vec<Desk>>>, Failure> {
    let mut known = app.responders.known.lock().await;
    if let Some(known) = known.as_ref().filter(|known| known.at <= now && now < known.at.plus(KNOWN)) {
        return Ok(Some(Arc::clone(&known.all)));
    }
    let mut read = app.store.read().await?;
    if let Some(fault) = fault(app, &mut read, now).await?.filter(|fault| fault.spoils(GOOD_FOR / 2)) {
        tracing::warn!("no OCSP answers are signed: {}", fault.told(now));
        return Ok(None);
    }
    let authorities = read.keys(Some(KeyPurpose::IssuingCa), None).await?;
    let mut all = Vec::new();
    for row in read.keys(Some(KeyPurpose::Ocsp), Some(KeyState::Active)).await? {
        let issuer = authorities.iter().find(|authority| authority.kid == row.name);
        let (Some(issuer), Some(own)) = (issuer.and_then(|row| row.certificate.as_deref()), row.certificate.as_deref()) else {
            continue;
        };
        let issuer = Certificate::from_der(issuer).map_err(anyhow::Error::from)?;
        let ids = IssuerIds::of(&issuer).map_err(anyhow::Error::from)?;
        let certificate = Certificate::from_der(own).map_err(anyhow::Error::from)?;
        let responder = load(app, &row, &issuer, certificate.clone())
            .inspect_err(|error| tracing::error!(kid = row.kid, error = format!("{error:#}"), "an OCSP responder is of no use"))
            .ok();
        all.push(Desk { name: row.name, ids, certificate, responder });
    }
    let all = Arc::new(all);
    *known = Some(Known { at: now, all: Arc::clone(&all) });
    Ok(Some(all))
}

fn load(app: &App, row: &KeyRow, issuer: &Certificate, own: Certificate) -> anyhow::Result<Responder> {
    Ok(Responder::load(issuer, own, app.keys.signer(row)?)?)
}
