//! The change feed: server-sent events at `GET /admin/v1/events`, gone on with after each loss.

use std::time::Duration;

use api::event::ChangeEvent;
use bytes::Bytes;
use futures_util::{Stream, stream::unfold};
use http::{Method, Request, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;

use crate::connection::{Connection, Lost, refusal};
use crate::error::ClientError;

/// Path of the feed.
pub const PATH: &str = "/admin/v1/events";
/// The server says something at least every 15 s; three silences are a loss.
const SILENCE: Duration = Duration::from_secs(45);
/// The longest pause before it is tried again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);
/// A line longer than this is no event of ours.
const MAX_LINE: usize = 1024 * 1024;

/// What the feed tells.
#[derive(Debug)]
pub enum Feed {
    /// The connection stands; changes will follow.
    Live,
    /// A change.
    Change(ChangeEvent),
    /// The connection was lost; it is tried again after the pause, and goes on where it stopped.
    Lost {
        /// Why.
        cause: ClientError,
        /// How long until the next try.
        pause: Duration,
    },
}

enum State {
    Connect { pause: Duration },
    Open { body: Incoming, reader: Reader },
    Over,
}

struct Following {
    connection: Connection,
    last: Option<u64>,
    state: State,
}

impl Connection {
    /// Changes as they come, after leaf `after`, or from now on. Ends only when the server does not let this operator read
    /// them.
    pub fn events(&self, after: Option<u64>) -> impl Stream<Item = Result<Feed, ClientError>> + Send + use<> {
        let following = Following { connection: self.clone(), last: after, state: State::Connect { pause: Duration::ZERO } };
        unfold(following, |mut following| async move { following.next().await.map(|told| (told, following)) })
    }
}

impl Following {
    async fn next(&mut self) -> Option<Result<Feed, ClientError>> {
        loop {
            match std::mem::replace(&mut self.state, State::Over) {
                State::Over => return None,
                State::Connect { pause } => {
                    tokio::time::sleep(pause).await;
                    match self.connect().await {
                        Ok(body) => {
                            self.state = State::Open { body, reader: Reader::default() };
                            return Some(Ok(Feed::Live));
                        }
                        Err(cause) if may_pass(&cause) => return Some(Ok(self.lost(cause, pause))),
                        Err(error) => return Some(Err(error)),
                    }
                }
                State::Open { mut body, mut reader } => {
                    if let Some(change) = reader.next() {
                        self.last = Some(change.index);
                        self.state = State::Open { body, reader };
                        return Some(Ok(Feed::Change(change)));
                    }
                    let cause = match tokio::time::timeout(SILENCE, body.frame()).await {
                        Ok(Some(Ok(frame))) => {
                            if let Ok(data) = frame.into_data() {
                                reader.take_in(&data);
                            }
                            // Where a feed from now on began; behind the first change it is the change that counts.
                            self.last = self.last.or(reader.opening);
                            if reader.line.len() <= MAX_LINE {
                                self.state = State::Open { body, reader };
                                continue;
                            }
                            "a line of the feed is too long".to_owned()
                        }
                        Ok(Some(Err(error))) => error.to_string(),
                        Ok(None) => "the server closed the feed".to_owned(),
                        Err(_) => format!("nothing heard for {} s", SILENCE.as_secs()),
                    };
                    let cause = ClientError::NoAnswer { server: self.connection.server().to_owned(), cause };
                    return Some(Ok(self.lost(cause, Duration::ZERO)));
                }
            }
        }
    }

    fn lost(&mut self, cause: ClientError, last_pause: Duration) -> Feed {
        let pause = (last_pause * 2).clamp(Duration::from_secs(1), LONGEST_PAUSE);
        self.state = State::Connect { pause };
        Feed::Lost { cause, pause }
    }

    async fn connect(&self) -> Result<Incoming, ClientError> {
        let path = match self.last {
            Some(last) => format!("{PATH}?after={last}"),
            None => PATH.to_owned(),
        };
        let mut request = Request::new(Full::new(Bytes::new()));
        *request.method_mut() = Method::GET;
        *request.uri_mut() = self.connection.uri(&path)?;
        request.headers_mut().insert(header::ACCEPT, header::HeaderValue::from_static("text/event-stream"));
        if let Some(last) = self.last {
            request.headers_mut().insert("last-event-id", header::HeaderValue::from(last));
        }
        let server = self.connection.server();
        let sent = tokio::time::timeout(crate::connection::TIMEOUT, self.connection.send(request)).await;
        let response = match sent {
            Ok(Ok(response)) => response,
            Ok(Err(Lost::Before(error))) => return Err(error),
            Ok(Err(Lost::After(cause))) => {
                self.connection.probe().await?;
                return Err(ClientError::NoAnswer { server: server.to_owned(), cause });
            }
            Err(_) => return Err(ClientError::NoAnswer { server: server.to_owned(), cause: "the feed was not opened".into() }),
        };
        if response.status().is_success() {
            return Ok(response.into_body());
        }
        let status = response.status();
        let request_id = response.headers().get(api::REQUEST_ID).and_then(|value| value.to_str().ok()).map(str::to_owned);
        let bytes = Limited::new(response.into_body(), 64 * 1024)
            .collect()
            .await
            .map(http_body_util::Collected::to_bytes)
            .unwrap_or_default();
        Err(refusal(server, false, status, request_id, &bytes))
    }
}

fn may_pass(error: &ClientError) -> bool {
    match error {
        ClientError::Problem(problem) => problem.retryable || problem.status >= 500 || problem.status == 429,
        other => other.retryable(),
    }
}

/// Takes the feed's bytes apart (HTML standard, section 9.2): fields of an event, an empty line ends it.
#[derive(Default)]
struct Reader {
    line: Vec<u8>,
    id: Option<u64>,
    /// The id of an event without data: where the feed begins.
    opening: Option<u64>,
    after_cr: bool,
    data: String,
    ready: std::collections::VecDeque<ChangeEvent>,
}

impl Reader {
    fn next(&mut self) -> Option<ChangeEvent> {
        self.ready.pop_front()
    }

    fn take_in(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            match byte {
                b'\n' if self.after_cr => self.after_cr = false,
                b'\n' | b'\r' => {
                    self.after_cr = byte == b'\r';
                    let line = std::mem::take(&mut self.line);
                    self.line_over(&line);
                }
                _ => {
                    self.after_cr = false;
                    self.line.push(byte);
                }
            }
        }
    }

    fn line_over(&mut self, line: &[u8]) {
        if line.is_empty() {
            let (data, id) = (std::mem::take(&mut self.data), self.id.take());
            if data.is_empty() {
                self.opening = self.opening.or(id);
                return;
            }
            // Events of other kinds are for later versions: passed over.
            if let Ok(change) = serde_json::from_str(&data) {
                self.ready.push_back(change);
            }
            return;
        }
        let text = String::from_utf8_lossy(line);
        let (field, value) = text.split_once(':').unwrap_or((&text, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "data" => {
                if !self.data.is_empty() {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" => self.id = value.parse().ok(),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = r#"{"index":7,"id":"01890a5d-ac96-774b-bcce-b302099a8057","at":"2022-05-31T00:00:00Z","operator":"a-b","action":"key.rotate","subject":"x","outcome":"done"}"#;

    #[test]
    fn events_are_put_together_from_any_pieces() {
        let text = format!(": keep-alive\n\nid: 7\nevent: change\ndata: {ONE}\n\nid: 8\r\ndata: {ONE}\r\n\r\ndata: {{}}\n\n");
        for size in 1..text.len() {
            let mut reader = Reader::default();
            for piece in text.as_bytes().chunks(size) {
                reader.take_in(piece);
            }
            assert_eq!(
                std::iter::from_fn(|| reader.next()).map(|change| change.index).collect::<Vec<_>>(),
                [7, 7],
                "pieces of {size}"
            );
        }
    }

    #[test]
    fn an_unfinished_event_waits() {
        let mut reader = Reader::default();
        reader.take_in(format!("data: {ONE}\n").as_bytes());
        assert!(reader.next().is_none());
        reader.take_in(b"\n");
        assert!(reader.next().is_some());
    }
}
