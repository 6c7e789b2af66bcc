//! What a client sends: parameters, each once (RFC 6749 section 3.1 and 3.2).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::Limited;
use tokio::sync::{Semaphore, SemaphorePermit};
use url::form_urlencoded;

use super::error::OAuthError;
use crate::http::in_time::{InTime, Late};

/// The longest form, in bytes.
const LONGEST: usize = 1024 * 1024;
/// The most parameters: more than any standard has.
const MOST: usize = 100;
/// How long a form may take to come in.
const TAKES: Duration = Duration::from_secs(30);
/// What a form has in memory before it takes one of the places for long ones, bytes: a pushed request of our guide has a tenth of it.
const LONG: usize = 16 * 1024;
/// Long forms that are in memory at once, of whom nobody knows yet who sends them.
static LONG_ONES: Semaphore = Semaphore::const_new(16);

const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters by name. One that is empty counts as left out.
#[derive(Debug, Default)]
pub struct Parameters {
    by_name: BTreeMap<String, String>,
    /// Of a long form, kept for as long as it is in memory, wherever it waits.
    _place: Option<SemaphorePermit<'static>>,
}

impl Parameters {
    /// Reads a query or a form. What is not known is let be.
    ///
    /// # Errors
    /// `invalid_request` when a parameter stands twice: of two, each reader would take another one.
    pub fn read(text: &[u8]) -> Result<Self, OAuthError> {
        let mut read = BTreeMap::new();
        for (name, value) in form_urlencoded::parse(text) {
            if read.len() == MOST {
                return Err(OAuthError::request("there are too many parameters"));
            }
            if read.insert(name.into_owned(), value.into_owned()).is_some() {
                return Err(OAuthError::request("a parameter stands twice"));
            }
        }
        read.retain(|_, value| !value.is_empty());
        Ok(Self { by_name: read, _place: None })
    }

    /// Receives a form.
    ///
    /// # Errors
    /// `invalid_request`: another content type, longer than a form can be (413), not here in time (408).
    pub async fn receive(headers: &HeaderMap, body: Body) -> Result<Self, OAuthError> {
        let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        if !kind.split(';').next().unwrap_or_default().trim().eq_ignore_ascii_case(FORM) {
            return Err(OAuthError::request("the content type is not application/x-www-form-urlencoded"));
        }
        Self::of(body, &LONG_ONES).await
    }

    async fn of(body: Body, long_ones: &'static Semaphore) -> Result<Self, OAuthError> {
        let (text, place) = bytes(body, long_ones).await?;
        Ok(Self { _place: place, ..Self::read(&text)? })
    }

    /// The parameter of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.by_name.get(name).map(String::as_str)
    }

    /// The same where it has to be there; `missing` is what is said otherwise.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn require(&self, name: &str, missing: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or(OAuthError::request(missing))
    }
}

/// The body, whole: before it is here nobody can say whose it is, so that few may be long.
async fn bytes(body: Body, long_ones: &'static Semaphore) -> Result<(Bytes, Option<SemaphorePermit<'static>>), OAuthError> {
    let too_long = || OAuthError::request("the body is longer than 1 MiB").status(StatusCode::PAYLOAD_TOO_LARGE);
    // One that says so itself is not waited for.
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(too_long());
    }
    let mut body = Limited::new(body, LONGEST);
    let (time, mut all, mut place) = (InTime::within(TAKES), Vec::new(), None);
    loop {
        let frame = time.next(&mut body).await;
        let frame =
            frame.map_err(|Late| OAuthError::request("the body did not arrive in time").status(StatusCode::REQUEST_TIMEOUT))?;
        match frame {
            None => return Ok((all.into(), place)),
            Some(Ok(frame)) => {
                let Some(data) = frame.data_ref() else { continue };
                if place.is_none() && all.len() + data.len() > LONG {
                    place = Some(long_ones.try_acquire().map_err(|_| full())?);
                }
                all.extend_from_slice(data);
            }
            Some(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(too_long());
            }
            Some(Err(_)) => return Err(OAuthError::request("the body ended before it was whole")),
        }
    }
}

fn full() -> OAuthError {
    OAuthError::too_many(Duration::from_secs(5), "too many long forms come in at this moment; send a short one, or wait")
}

#[cfg(test)]
mod tests {
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use hyper::body::{Frame, SizeHint};

    use super::*;

    /// A body that is announced, and does not come.
    struct Announced(usize);

    impl HttpBody for Announced {
        type Data = Bytes;
        type Error = std::io::Error;

        fn poll_frame(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<Option<Result<Frame<Bytes>, std::io::Error>>> {
            Poll::Pending
        }

        fn size_hint(&self) -> SizeHint {
            SizeHint::with_exact(self.0 as u64)
        }
    }

    #[tokio::test]
    async fn long_forms_have_few_places_and_short_ones_need_none() {
        static PLACES: Semaphore = Semaphore::const_new(1);
        let sent = |length: usize| Parameters::of(Body::from(format!("x={}", "x".repeat(length - 2))), &PLACES);
        let held = sent(LONGEST).await.unwrap();
        assert_eq!(held.get("x").unwrap().len(), LONGEST - 2);
        assert_eq!(PLACES.available_permits(), 0, "read is not gone: its place is taken for as long as it is there");
        assert_eq!(sent(LONG).await.unwrap().get("x").unwrap().len(), LONG - 2);
        assert_eq!(sent(LONG + 1).await.unwrap_err().answered_with(), StatusCode::TOO_MANY_REQUESTS);
        drop(held);
        assert!(sent(LONG + 1).await.is_ok());
        assert_eq!(PLACES.available_permits(), 1);
    }

    #[tokio::test]
    async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
        let told = bytes(Body::new(Announced(LONGEST + 1)), &LONG_ONES).await.unwrap_err();
        assert_eq!(told.answered_with(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_parameter_stands_once_and_an_empty_one_is_left_out() {
        let read = |text: &str| Parameters::read(text.as_bytes()).map_err(|error| error.description);
        let form = read("a=1&b=&c=x+y%26z&unknown=1").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c"), form.get("d")), (Some("1"), None, Some("x y&z"), None));
        for twice in ["a=1&a=1", "a=1&a=2", "a=&a=1", "a=1&%61=2", "b&b"] {
            assert_eq!(read(twice).unwrap_err(), "a parameter stands twice", "{twice}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("p{n}=1")).collect();
        assert_eq!(read(&many.join("&")).unwrap_err(), "there are too many parameters");
        assert!(read("").unwrap().by_name.is_empty());
    }
}
