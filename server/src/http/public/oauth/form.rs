//! What a client sends: parameters, each once (RFC 6749 section 3.1 and 3.2).

use std::collections::BTreeMap;
use std::time::Duration;

use axum::body::{Body, Bytes, HttpBody};
use axum::http::{HeaderMap, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use url::form_urlencoded;

use super::error::OAuthError;

/// The longest form, in bytes.
const LONGEST: usize = 1024 * 1024;
/// The most parameters: more than any standard has.
const MOST: usize = 100;
/// A body that stalls for so long is cut.
const STALLED: Duration = Duration::from_secs(10);

const FORM: &str = "application/x-www-form-urlencoded";

/// Parameters by name. One that is empty counts as left out.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Parameters(BTreeMap<String, String>);

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
        Ok(Self(read))
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
        Self::read(&bytes(body).await?)
    }

    /// The parameter of that name.
    #[must_use]
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }

    /// The same where it has to be there; `missing` is what is said otherwise.
    ///
    /// # Errors
    /// `invalid_request`.
    pub fn require(&self, name: &str, missing: &'static str) -> Result<&str, OAuthError> {
        self.get(name).ok_or(OAuthError::request(missing))
    }
}

/// The body, whole. Each part of it has its time, so that a slow sender is not a stalled one.
async fn bytes(body: Body) -> Result<Bytes, OAuthError> {
    let too_long = || OAuthError::request("the body is longer than 1 MiB").status(StatusCode::PAYLOAD_TOO_LARGE);
    // One that says so itself is not waited for.
    if body.size_hint().lower() > LONGEST as u64 {
        return Err(too_long());
    }
    let mut body = Limited::new(body, LONGEST);
    let mut all = Vec::new();
    loop {
        let frame = tokio::time::timeout(STALLED, body.frame()).await;
        let frame =
            frame.map_err(|_| OAuthError::request("the body did not arrive in time").status(StatusCode::REQUEST_TIMEOUT))?;
        match frame {
            None => return Ok(all.into()),
            Some(Ok(frame)) => {
                if let Some(data) = frame.data_ref() {
                    all.extend_from_slice(data);
                }
            }
            Some(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
                return Err(too_long());
            }
            Some(Err(_)) => return Err(OAuthError::request("the body ended before it was whole")),
        }
    }
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
    async fn a_body_that_says_it_is_too_long_is_not_waited_for() {
        let told = bytes(Body::new(Announced(LONGEST + 1))).await.unwrap_err();
        assert_eq!(told.answered_with(), StatusCode::PAYLOAD_TOO_LARGE);
    }

    #[test]
    fn a_parameter_stands_once_and_an_empty_one_is_left_out() {
        let read = |text: &str| Parameters::read(text.as_bytes()).map_err(|error| error.description);
        let form = read("a=1&b=&c=x+y%26z&unknown=1").unwrap();
        assert_eq!((form.get("a"), form.get("b"), form.get("c"), form.get("d")), (Some("1"), None, Some("x y&z"), None));
        for twice in ["a=1&a=1", "a=1&a=2", "a=&a=1", "a=1&%61=2", "b&b"] {
            assert_eq!(read(twice), Err("a parameter stands twice"), "{twice}");
        }
        let many: Vec<String> = (0..101).map(|n| format!("p{n}=1")).collect();
        assert_eq!(read(&many.join("&")), Err("there are too many parameters"));
        assert_eq!(read(""), Ok(Parameters::default()));
    }
}
