//! The ways by which services are told, in messages that are written when they are sent: what they say and the key that signs them
//! are those of that moment, and nothing of them lies in the database.

mod login_ended;
mod post;
mod request_decided;

use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use domain::{RequestId, Timestamp};

use crate::app::App;
use crate::credential::key_sets::OverTheNetwork;
use crate::failure::Failure;
use crate::housekeeping::outbox::{Attempt, Courier};
use crate::store::{LOGIN_ENDED, OutboxRow, REQUEST_DECIDED};

/// How long a service is waited for: others wait behind it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What is posted to a service.
struct Letter {
    /// Where to: an address of its manifest.
    url: String,
    /// `Content-Type`.
    content_type: &'static str,
    /// `Authorization`, if the service wants to know us by one.
    authorization: Option<zeroize::Zeroizing<String>>,
    /// The body.
    body: String,
}

/// A message as it stands when it is its turn.
enum Written {
    /// To be posted.
    Post(Letter),
    /// Nobody waits for it any more.
    Needless,
    /// Not at this moment, for this reason.
    NotNow(&'static str),
    /// Never, for this reason.
    Never(&'static str),
}

/// Posts to the addresses that services have in their manifests. What is told to a party as a whole has no channel yet: it waits,
/// visibly, until one is given at onboarding.
pub struct Channels {
    network: Arc<OverTheNetwork>,
}

impl Channels {
    /// Over that network.
    #[must_use]
    pub const fn over(network: Arc<OverTheNetwork>) -> Self {
        Self { network }
    }

    async fn post(&self, app: &App, letter: Letter) -> Attempt {
        match tokio::time::timeout(PATIENCE, post::post(&self.network, &letter, app.environment)).await {
            Ok(Ok(())) => Attempt::Acknowledged,
            Ok(Err(why)) => Attempt::NotYet(why),
            Err(_) => Attempt::NotYet(format!("the receiver gave no answer within {} s", PATIENCE.as_secs())),
        }
    }
}

impl Courier for Channels {
    fn has_way(&self, kind: &str, _: &str) -> bool {
        matches!(kind, LOGIN_ENDED | REQUEST_DECIDED)
    }

    fn deliver<'a>(&'a self, app: &'a App, message: &'a OutboxRow) -> Pin<Box<dyn Future<Output = Attempt> + Send + 'a>> {
        Box::pin(async move {
            let written = match message.kind.as_str() {
                LOGIN_ENDED => login_ended::write(app, message).await,
                REQUEST_DECIDED => request_decided::write(app, message).await,
                _ => return Attempt::NoWay("the relying party has no channel for notices".to_owned()),
            };
            match written {
                Ok(Written::Post(letter)) => self.post(app, letter).await,
                Ok(Written::Needless) => Attempt::Needless,
                Ok(Written::NotNow(why)) => Attempt::NotYet(why.to_owned()),
                Ok(Written::Never(why)) => Attempt::Never(why.to_owned()),
                Err(failure) => not_written(app, message, &failure),
            }
        })
    }
}

/// The fault is ours: it is in the log, and the message waits.
fn not_written(app: &App, message: &OutboxRow, failure: &Failure) -> Attempt {
    let request = RequestId::new(app.clock.now(), app.entropy.as_ref());
    tracing::error!(%request, kind = message.kind, receiver = message.receiver, ?failure, "a notice could not be written");
    Attempt::NotYet(format!("the notice could not be written; the log says why under {request}"))
}

/// NumericDate of RFC 7519.
const fn seconds(at: Timestamp) -> i64 {
    at.micros().div_euclid(1_000_000)
}
