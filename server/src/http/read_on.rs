//! What is left of a body when its request has been answered. Over HTTP/2 a body that nobody reads on resets its stream, and with it
//! goes an answer that is still on its way: the sender would never hear that it was too long. So it is read on for a while, and
//! thrown away.

use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::Request;
use axum::http::Version;
use http_body_util::BodyExt;
use hyper::body::{Frame, SizeHint};
use tokio::runtime::Handle;

/// The most that is read on, bytes.
const AT_MOST: usize = 16 * 1024 * 1024;
/// The longest that it is read on.
const LONGEST: Duration = Duration::from_secs(5);

/// The same request, its body read on once it is dropped. Over HTTP/1.1 the connection is closed instead, after the answer.
pub(super) async fn read_on(request: Request) -> Request {
    if request.version() != Version::HTTP_2 {
        return request;
    }
    request.map(|body| Body::new(ReadOn { body: Some(body) }))
}

struct ReadOn {
    body: Option<Body>,
}

impl HttpBody for ReadOn {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        match &mut self.body {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.body.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for ReadOn {
    fn drop(&mut self) {
        let left = self.body.take().filter(|body| !body.is_end_stream());
        if let (Some(body), Ok(runtime)) = (left, Handle::try_current()) {
            runtime.spawn(tokio::time::timeout(LONGEST, throw_away(body)));
        }
    }
}

async fn throw_away(mut body: Body) {
    let mut read = 0;
    while let Some(Ok(frame)) = body.frame().await {
        read += frame.data_ref().map_or(0, Bytes::len);
        if read > AT_MOST {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use futures_util::stream;
    use tokio::sync::Notify;

    use super::*;

    struct Gone(Arc<Notify>);

    impl Drop for Gone {
        fn drop(&mut self) {
            self.0.notify_one();
        }
    }

    /// A body of so many parts of one MiB; says how many were read, and when nobody reads it any more.
    fn long(parts: usize, version: Version) -> (Request, Arc<AtomicUsize>, Arc<Notify>) {
        let (read, gone) = (Arc::new(AtomicUsize::new(0)), Arc::new(Notify::new()));
        let state = (Arc::clone(&read), Gone(Arc::clone(&gone)));
        let sent = stream::unfold(state, move |state| async move {
            let number = state.0.fetch_add(1, Ordering::SeqCst);
            (number < parts).then(|| (Ok::<_, std::io::Error>(Bytes::from(vec![0; 1024 * 1024])), state))
        });
        let mut request = Request::new(Body::from_stream(sent));
        *request.version_mut() = version;
        (request, read, gone)
    }

    #[tokio::test]
    async fn over_http_2_the_rest_is_read_and_no_more_than_a_bound() {
        for (version, parts, read_in_all) in [(Version::HTTP_11, 100, 1), (Version::HTTP_2, 3, 4), (Version::HTTP_2, 100, 18)] {
            let (request, read, gone) = long(parts, version);
            let mut body = read_on(request).await.into_body();
            body.frame().await.unwrap().unwrap();
            drop(body);
            gone.notified().await;
            assert_eq!(read.load(Ordering::SeqCst), read_in_all, "{version:?}, {parts} MiB");
        }
    }
}
