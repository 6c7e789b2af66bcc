//! The only place that authenticates, checks roles, replays a known idempotency key, runs an operation and turns its failure
//! into a problem. A refusal is audited here, a success by the commit. What is not of an operation's form is turned away before it
//! is one: nothing was asked for that could be refused.

use std::future::Future;
use std::sync::Arc;

use api::{Effect, Operation, Problem, Role, Severity};
use axum::body::Bytes;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::{Refusal, RequestId};

use super::super::accept::Peer;
use super::super::problem::{problem, respond};
use super::authenticate::{Authenticated, Unauthenticated, authenticate};
use crate::app::{App, Caller, Idempotency, Keep};
use crate::failure::{Failure, TRIES};
use crate::http::openapi::{Described, Endpoint};
use crate::keys::Keys;
use crate::store::{Known, RACED, StoreError};

/// A function that performs an operation.
pub trait Run<'a, O: Operation>: Send + Sync {
    /// What it returns.
    type Future: Future<Output = Result<O::Reply, Failure>> + Send + 'a;

    /// Performs it.
    fn run(&self, app: &'a App, caller: &'a Caller, operation: O) -> Self::Future;
}

impl<'a, O, F, R> Run<'a, O> for F
where
    O: Operation,
    F: Fn(&'a App, &'a Caller, O) -> R + Send + Sync,
    R: Future<Output = Result<O::Reply, Failure>> + Send + 'a,
{
    type Future = R;

    fn run(&self, app: &'a App, caller: &'a Caller, operation: O) -> R {
        self(app, caller, operation)
    }
}

/// Puts an operation on the router, and into the document.
pub fn mount<O, F>(described: Described, run: F) -> Described
where
    O: Operation,
    F: for<'a> Run<'a, O> + Clone + 'static,
{
    described.on(
        Endpoint::operation::<O>(),
        move |State(app): State<Arc<App>>, Extension(peer): Extension<Peer>, headers: HeaderMap, body: Bytes| async move {
            let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
            // Measured by a clock that nobody sets.
            let started = tokio::time::Instant::now();
            let answer = answer::<O, F>(&app, &peer, &headers, &body, request, &run);
            // A database that answers nothing must not keep the caller waiting: dropped, the transaction is undone, unless
            // it was the commit whose answer never came.
            let answer = match tokio::time::timeout(O::PATIENCE, answer).await {
                Ok(answer) => answer,
                Err(_) => Err(out_of_patience::<O>(request)),
            };
            let outcome = match &answer {
                Ok(_) => "done",
                Err(problem) if problem.status >= 500 => "failed",
                Err(_) => "refused",
            };
            metrics::counter!("iam_operations_total", "operation" => O::NAME, "outcome" => outcome).increment(1);
            metrics::histogram!("iam_operation_seconds", "operation" => O::NAME).record(started.elapsed().as_secs_f64());
            answer.unwrap_or_else(|problem| respond(&problem))
        },
    )
}

fn out_of_patience<O: Operation>(request: RequestId) -> Problem {
    let waited = O::PATIENCE.as_secs();
    tracing::error!(%request, operation = O::NAME, waited, "an operation ran out of time");
    let failure = match O::EFFECT {
        Effect::Write(_) => Failure::from(StoreError::NotConfirmed(format!("it gave no answer within {waited} s"))),
        Effect::Read | Effect::ReadPersonal => {
            Failure::from(StoreError::Unavailable(format!("it gave no answer within {waited} s")))
        }
    };
    failure.into_problem(Some(request.to_string()))
}

async fn answer<O, F>(
    app: &App,
    peer: &Peer,
    headers: &HeaderMap,
    body: &[u8],
    request: RequestId,
    run: &F,
) -> Result<Response, Problem>
where
    O: Operation,
    F: for<'a> Run<'a, O>,
{
    let told = |failure: Failure| {
        log::<O>(request, &failure);
        failure.into_problem(Some(request.to_string()))
    };
    let payload_mac = app.keys.payload_mac(body).map_err(|error| told(anyhow::Error::from(error).into()))?;
    let (known, disabled) = match authenticate(app, peer, request).await {
        Ok(known) => (known, false),
        Err(Unauthenticated::Disabled(known)) => (known, true),
        Err(Unauthenticated::Stranger(problem)) => return Err(problem),
        Err(Unauthenticated::Failure(failure)) => return Err(told(failure)),
    };
    let mut caller = caller_of(known, request, payload_mac);
    if disabled {
        let refusal = Refusal::new("auth.operator-disabled", format!("operator {} may not come in at present", caller.operator))
            .hint("an administrator can let them in again: 'iamctl operator enable'");
        return Err(refused::<O>(app, &caller, "", None, Failure::Denied(refusal)).await);
    }
    if !O::ROLES.iter().any(|role| caller.has(*role)) {
        let refusal = Refusal::new("auth.role", format!("operator {} may not '{}'", caller.operator, O::NAME))
            .hint(format!("it takes one of the roles {}", words(O::ROLES)));
        return Err(refused::<O>(app, &caller, "", None, Failure::Denied(refusal)).await);
    }
    let operation: O = parse(body).map_err(told)?;
    if let Effect::Write(_) = O::EFFECT {
        caller.idempotency = Some(idempotency(&app.keys, headers, body).map_err(told)?);
        caller.keep = dry_run(headers).map_err(told)?;
    }
    if caller.keep == Keep::Effects
        && let Some(reply) = replayed::<O>(app, &caller).await.map_err(told)?
    {
        return Ok(reply);
    }
    let (subject, call) = (operation.subject(), operation.call());
    if O::EFFECT == Effect::Write(Severity::Severe)
        && let Some(failure) = lone_administrator(app).await.map_err(told)?
    {
        return Err(refused::<O>(app, &caller, &subject, call, failure).await);
    }
    let mut operation = Some(operation);
    let mut tries = 0;
    loop {
        tries += 1;
        let this = match operation.take() {
            Some(operation) => operation,
            None => parse(body).map_err(told)?,
        };
        match run.run(app, &caller, this).await {
            Ok(reply) => {
                app.wake.sealer.notify_one();
                return Ok(json(StatusCode::OK, &reply, request));
            }
            Err(Failure::Conflict(refusal)) if refusal.code == RACED => {
                // The other request under this key has committed meanwhile: its reply is ours.
                if let Some(reply) = replayed::<O>(app, &caller).await.map_err(told)? {
                    return Ok(reply);
                }
                return Err(told(Failure::Conflict(refusal)));
            }
            Err(failure) if failure.is_contended() && tries < TRIES => {}
            Err(failure) if failure.is_refusal() && O::EFFECT != Effect::Read && caller.keep == Keep::Effects => {
                // A repetition that was sent while its first request was still under way meets what that one has done: the
                // first reply answers it, not the refusal.
                if let Some(reply) = replayed::<O>(app, &caller).await.map_err(told)? {
                    return Ok(reply);
                }
                return Err(refused::<O>(app, &caller, &subject, call, failure).await);
            }
            Err(failure) => return Err(told(failure)),
        }
    }
}

/// Where two people are asked for, nothing severe is done before there are two who could watch each other.
async fn lone_administrator(app: &App) -> Result<Option<Failure>, Failure> {
    let mut read = app.store.read().await?;
    let two_person = read.instance().await?.is_some_and(|instance| instance.two_person);
    if !two_person || read.active_with_role(Role::Administrator).await?.len() > 1 {
        return Ok(None);
    }
    let refusal = Refusal::new("approval.second-administrator", "severe verbs wait until a second administrator has enrolled")
        .hint("'iamctl operator add second-administrator …' gives an enrolment code");
    Ok(Some(Failure::Denied(refusal)))
}

fn caller_of(known: Authenticated, request: RequestId, payload_mac: String) -> Caller {
    Caller {
        operator: known.operator,
        name: known.name,
        roles: known.roles,
        certificate: known.certificate,
        certificate_not_after: known.not_after,
        request,
        idempotency: None,
        payload_mac,
        keep: Keep::Effects,
    }
}

fn parse<O: Operation>(body: &[u8]) -> Result<O, Failure> {
    let mut reader = serde_json::Deserializer::from_slice(body);
    let parsed = serde_path_to_error::deserialize(&mut reader).map_err(|error| {
        let path = error.path().to_string();
        let words = error.into_inner().to_string();
        // Key sets alone are read so, and of one that says two things the office says the same however it came.
        let code = if words.starts_with(domain::distinct::TWICE) { "credential.jwks" } else { "request.invalid" };
        // serde's words name fields and types; values of personal identifiers are kept out of them by their types.
        Failure::invalid_field(code, path, words)
    })?;
    reader.end().map_err(|error| Failure::invalid("request.invalid", format!("something follows the JSON document: {error}")))?;
    Ok(parsed)
}

fn idempotency(keys: &Keys, headers: &HeaderMap, body: &[u8]) -> Result<Idempotency, Failure> {
    let key = headers.get(api::IDEMPOTENCY_KEY).and_then(|key| key.to_str().ok()).ok_or_else(|| {
        Failure::invalid("idempotency.missing", "a write carries an idempotency key in the header 'Idempotency-Key'")
    })?;
    let fits = (8..=128).contains(&key.len()) && key.bytes().all(|b| b.is_ascii_alphanumeric() || b"._:-".contains(&b));
    if !fits {
        let message = "an idempotency key has 8 to 128 letters, digits, dots, colons, hyphens or underscores";
        return Err(Failure::invalid("idempotency.key", message));
    }
    // Of both only keyed digests are kept: a body, and a key that a client makes out of a file, may hold one person's data.
    let key = keys.payload_mac(format!("idempotency key {key}").as_bytes()).map_err(anyhow::Error::from)?;
    Ok(Idempotency { key, body_mac: keys.body_mac(body).map_err(anyhow::Error::from)? })
}

fn dry_run(headers: &HeaderMap) -> Result<Keep, Failure> {
    match headers.get(api::DRY_RUN).map(HeaderValue::as_bytes) {
        None | Some(b"false") => Ok(Keep::Effects),
        Some(b"true") => Ok(Keep::Nothing),
        Some(_) => Err(Failure::invalid("request.dry-run", "the header 'Dry-Run' is 'true' or 'false'")),
    }
}

async fn replayed<O: Operation>(app: &App, caller: &Caller) -> Result<Option<Response>, Failure> {
    match app.store.known_reply(caller, O::NAME, app.clock.now()).await? {
        Known::Nothing => Ok(None),
        Known::Reply(reply) => {
            let mut response = json(StatusCode::OK, &reply, caller.request);
            response.headers_mut().insert(HeaderName::from_static(api::REPLAYED), HeaderValue::from_static("true"));
            Ok(Some(response))
        }
        // Refused and no conflict of the moment: the same request under the same key is refused again.
        Known::OtherRequest => Err(Failure::Refused(
            Refusal::new("idempotency.conflict", "this idempotency key was used for another request; nothing was changed")
                .hint("leave the key out, or use a new one"),
        )),
    }
}

/// Audits a refusal and makes it a problem. A refusal that cannot be audited is still a refusal.
async fn refused<O: Operation>(
    app: &App,
    caller: &Caller,
    subject: &str,
    call: Option<domain::CallRef>,
    failure: Failure,
) -> Problem {
    let subject = failure.about().unwrap_or(subject);
    let audited = async {
        let write = app.store.write().await?;
        write.commit_refusal(caller, O::NAME, subject, call, &failure.code()).await
    };
    if let Err(error) = audited.await {
        tracing::error!(request = %caller.request, operation = O::NAME, %error, "a refusal could not be audited");
    }
    app.wake.sealer.notify_one();
    log::<O>(caller.request, &failure);
    failure.into_problem(Some(caller.request.to_string()))
}

fn log<O: Operation>(request: RequestId, failure: &Failure) {
    match failure {
        Failure::Internal(cause) => tracing::error!(%request, operation = O::NAME, ?cause, "an operation failed"),
        other => tracing::info!(%request, operation = O::NAME, code = other.code(), "an operation was refused"),
    }
}

fn json<T: serde::Serialize>(status: StatusCode, value: &T, request: RequestId) -> Response {
    match serde_json::to_vec(value) {
        Ok(body) => {
            let mut response = (status, [(header::CONTENT_TYPE, "application/json")], body).into_response();
            if let Ok(id) = HeaderValue::from_str(&request.to_string()) {
                response.headers_mut().insert(api::REQUEST_ID, id);
            }
            response
        }
        Err(error) => {
            tracing::error!(%request, %error, "a reply could not be written");
            respond(&problem(500, "internal", "the reply could not be written", None, request))
        }
    }
}

fn words(roles: &[Role]) -> String {
    roles.iter().map(|role| role.as_str()).collect::<Vec<_>>().join(", ")
}
