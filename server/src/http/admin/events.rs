//! The change feed: sealed audit entries as server-sent events.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use api::event::ChangeEvent;
use api::{Effect, OperationInfo, Role};
use axum::extract::rejection::QueryRejection;
use axum::extract::{Extension, Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use domain::RequestId;
use futures_util::stream;
use serde::Deserialize;

use super::super::accept::Peer;
use super::super::problem::respond;
use super::authenticate::authenticate;
use crate::app::App;
use crate::failure::Failure;
use crate::store::StoreError;

/// How often the database is asked when nothing woke the feed: other nodes' entries come this way.
const POLL: Duration = Duration::from_secs(1);
const BATCH: i64 = 500;
/// How long the first answer may take.
const PATIENCE: Duration = Duration::from_secs(5);

#[derive(Deserialize)]
pub struct Start {
    /// Go on behind this leaf; from the end of the log when absent.
    after: Option<u64>,
}

struct Feed {
    app: Arc<App>,
    peer: Peer,
    next: i64,
    operations: Vec<OperationInfo>,
}

pub async fn events(
    State(app): State<Arc<App>>,
    Extension(peer): Extension<Peer>,
    start: Result<Query<Start>, QueryRejection>,
    headers: HeaderMap,
) -> Response {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    let Ok(Query(start)) = start else {
        let failure = Failure::invalid_field("request.invalid", "after", "'after' is the number of a leaf");
        return respond(&failure.into_problem(Some(request.to_string())));
    };
    match tokio::time::timeout(PATIENCE, begin(app, peer, start, &headers, request)).await {
        Ok(response) => response,
        Err(_) => {
            let failure = Failure::from(StoreError::Unavailable(format!("it gave no answer within {} s", PATIENCE.as_secs())));
            respond(&failure.into_problem(Some(request.to_string())))
        }
    }
}

async fn begin(app: Arc<App>, peer: Peer, start: Start, headers: &HeaderMap, request: RequestId) -> Response {
    if let Err(unauthenticated) = authenticate(&app, &peer, request).await {
        return respond(&unauthenticated.into_problem(request));
    }
    let resumed = headers.get("last-event-id").and_then(|id| id.to_str().ok()).and_then(|id| id.parse::<u64>().ok());
    let next = match resumed.or(start.after) {
        Some(after) => i64::try_from(after).unwrap_or(i64::MAX - 1) + 1,
        None => match end_of_log(&app).await {
            Ok(end) => end,
            Err(error) => return respond(&Failure::from(error).into_problem(Some(request.to_string()))),
        },
    };
    let feed = Feed { app, peer, next, operations: api::operations() };
    // Where the feed begins is said at once: who loses the connection before the first event goes on from there.
    let opening =
        stream::iter((next > 0).then(|| Ok::<_, Infallible>(Event::default().id((next - 1).to_string()).comment("open"))));
    let stream = stream::unfold(feed, |mut feed| async move {
        let stopping = feed.app.stopping.clone();
        // Without the end that a stop sets to it, a stream would hold the stop up for as long as requests may drain.
        let batch = tokio::select! {
            batch = feed.wait() => batch?,
            () = stopping.cancelled() => return None,
        };
        Some((stream::iter(batch.into_iter().map(Ok::<_, Infallible>)), feed))
    });
    let events = futures_util::StreamExt::chain(opening, futures_util::StreamExt::flatten(stream));
    Sse::new(events).keep_alive(KeepAlive::new().interval(Duration::from_secs(15)).text("keep-alive")).into_response()
}

async fn end_of_log(app: &App) -> Result<i64, StoreError> {
    Ok(app.store.read().await?.last_checkpoint().await?.map_or(0, |checkpoint| checkpoint.tree_size))
}

impl Feed {
    /// The next batch; none when the operator is no longer let in or the database is gone: the client connects again.
    async fn wait(&mut self) -> Option<Vec<Event>> {
        loop {
            let woken = Arc::clone(&self.app);
            let woken = woken.wake.feed.notified();
            let request = RequestId::new(self.app.clock.now(), self.app.entropy.as_ref());
            let known = authenticate(&self.app, &self.peer, request).await.ok()?;
            let views = self.app.store.read().await.ok()?.sealed_views(self.next, BATCH).await.ok()?;
            let full = i64::try_from(views.len()).is_ok_and(|count| count == BATCH);
            let mut events = Vec::new();
            for view in views {
                let index = view.index?;
                self.next = i64::try_from(index).ok()? + 1;
                if self.may_see(&known.roles, &view.action) {
                    events.push(event(index, view)?);
                }
            }
            if !events.is_empty() {
                return Some(events);
            }
            // Nothing of it was for these eyes, and there is more.
            if full {
                continue;
            }
            let _ = tokio::time::timeout(POLL, woken).await;
        }
    }

    /// An auditor and an administrator see everything, others what is done to the things they may act on themselves: a key
    /// officer also sees the platform activate a key, though nobody may ask for that.
    fn may_see(&self, roles: &[Role], action: &str) -> bool {
        let noun = |name: &str| name.split('.').next().map(str::to_owned);
        roles.iter().any(|role| matches!(role, Role::Auditor | Role::Administrator))
            || self.operations.iter().any(|operation| {
                let concerns = operation.effect != Effect::Read && noun(operation.name) == noun(action);
                (concerns || operation.name == action) && operation.roles.iter().any(|role| roles.contains(role))
            })
    }
}

fn event(index: u64, view: api::audit::AuditView) -> Option<Event> {
    let outcome = match view.outcome {
        api::audit::AuditOutcome::Done => "done",
        api::audit::AuditOutcome::Refused => "refused",
    };
    let change = ChangeEvent {
        index,
        id: view.id,
        at: view.at,
        operator: view.operator,
        action: view.action,
        subject: view.subject,
        outcome: outcome.to_owned(),
    };
    Event::default().id(index.to_string()).event("change").json_data(change).ok()
}
