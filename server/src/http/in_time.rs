//! The time that a body has to come in: so long for each part, and so long for all of them. Somebody far away is slow; whoever sends a
//! byte now and then only keeps a place from others.

use std::time::Duration;

use axum::body::HttpBody;
use http_body_util::BodyExt;
use hyper::body::Frame;
use tokio::time::Instant;

/// How long nothing more of a body may come.
pub const STALLED: Duration = Duration::from_secs(10);

/// When all of a body has to be here.
pub struct InTime(Instant);

/// The next part of a body, or its end, did not come in time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Late;

impl InTime {
    /// Begins with the wait for the first part, and ends so long after it.
    pub fn within(longest: Duration) -> Self {
        Self(Instant::now() + longest)
    }

    /// The next part; none at the end.
    ///
    /// # Errors
    /// [`Late`]; the inner error is the body's own.
    pub async fn next<B>(&self, body: &mut B) -> Result<Option<Result<Frame<B::Data>, B::Error>>, Late>
    where
        B: HttpBody + Unpin,
    {
        let end = self.0.min(Instant::now() + STALLED);
        tokio::time::timeout_at(end, body.frame()).await.map_err(|_| Late)
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use axum::body::{Body, Bytes};
    use futures_util::stream::{self, StreamExt};

    use super::*;

    #[tokio::test]
    async fn what_is_not_there_when_the_time_is_over_is_late() {
        let first = stream::iter([Ok::<_, Infallible>(Bytes::from_static(b"x"))]);
        let mut body = Body::from_stream(first.chain(stream::pending()));
        let time = InTime::within(Duration::ZERO);
        let part = time.next(&mut body).await.unwrap().unwrap().unwrap();
        assert_eq!(part.into_data().unwrap(), "x", "it was there");
        assert_eq!(time.next(&mut body).await.unwrap_err(), Late);
        assert!(time.next(&mut Body::empty()).await.unwrap().is_none(), "an end needs no time");
    }
}
