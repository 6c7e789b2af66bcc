//! One call for every operation: `POST /admin/v1/<noun>.<verb>` under mutual TLS.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use api::{Effect, Operation, Problem};
use bytes::Bytes;
use http::{HeaderMap, Method, Request, Response, StatusCode, Uri, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::io::AsyncReadExt;
use tower::Service;

use crate::body::body_of;
use crate::contexts::{self, Context};
use crate::error::{ClientError, TlsFault, Written};
use crate::tls::{self, Credential, Dial, DialFault};

/// How long a call may take in all, when its operation does not say otherwise.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// How long a call of `O` may take in all: a little longer than the server tries, so that it is the server that says what
/// became of it.
#[must_use]
pub fn timeout_of<O: Operation>() -> Duration {
    O::PATIENCE * 6 / 5
}

/// A reply larger than this is not read.
const MAX_REPLY: usize = 64 * 1024 * 1024;

/// A way to one server as one operator. Cheap to clone; connections are kept open and shared.
#[derive(Clone)]
pub struct Connection {
    inner: Arc<Inner>,
}

struct Inner {
    context: Option<Context>,
    server: String,
    credential: Option<Credential>,
    dial: Dial,
    http: Client<Dial, Full<Bytes>>,
}

impl fmt::Debug for Connection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection").field("server", &self.inner.server).finish_non_exhaustive()
    }
}

/// How one call is made.
#[derive(Debug, Clone, Default)]
pub struct CallOptions {
    /// For a write; a new one is made when absent.
    pub idempotency_key: Option<String>,
    /// The server's own code path, nothing changed.
    pub dry_run: bool,
    /// In all; [`timeout_of`] the operation when absent.
    pub timeout: Option<Duration>,
}

/// A reply and what came with it.
#[derive(Debug, Clone)]
pub struct Answered<T> {
    /// The reply.
    pub reply: T,
    /// The request's id.
    pub request_id: Option<String>,
    /// The key it was sent under; writes only.
    pub idempotency_key: Option<String>,
    /// Whether this very reply was given before under the same key.
    pub replayed: bool,
}

/// A new idempotency key.
#[must_use]
#[expect(clippy::disallowed_methods, reason = "a key is only ever compared with itself")]
pub fn new_idempotency_key() -> String {
    uuid::Uuid::now_v7().to_string()
}

impl Connection {
    /// Reads the files of a context. Nothing is sent before the first call.
    ///
    /// # Errors
    /// When a file is missing, broken, or readable by others.
    pub fn open(context: &Context) -> Result<Self, ClientError> {
        let credential = Credential::of(context)?;
        Self::build(&context.file.server, &context.read_ca()?, Some(credential), Some(context.clone()))
    }

    /// A connection without a certificate: good for the enrolment only.
    ///
    /// # Errors
    /// When the address is none, or the CA certificate cannot be used.
    pub fn without_certificate(server: &str, ca: &[u8]) -> Result<Self, ClientError> {
        Self::build(server, ca, None, None)
    }

    /// A connection that shows a certificate which is no operator's.
    ///
    /// # Errors
    /// As [`Connection::without_certificate`].
    pub(crate) fn of_station(server: &str, ca: &[u8], credential: Credential) -> Result<Self, ClientError> {
        Self::build(server, ca, Some(credential), None)
    }

    fn build(server: &str, ca: &[u8], credential: Option<Credential>, context: Option<Context>) -> Result<Self, ClientError> {
        let url = contexts::check_server(server)?;
        let dial = Dial::new(ca, credential.as_ref())?;
        let http = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            // Sooner than the server, which hangs up after ten seconds without a request.
            .pool_idle_timeout(Duration::from_secs(8))
            .build(dial.clone());
        let server = url.as_str().trim_end_matches('/').to_owned();
        Ok(Self { inner: Arc::new(Inner { context, server, credential, dial, http }) })
    }

    /// The context it was opened for.
    #[must_use]
    pub fn context(&self) -> Option<&Context> {
        self.inner.context.as_ref()
    }

    /// The server's URL.
    #[must_use]
    pub fn server(&self) -> &str {
        &self.inner.server
    }

    /// The operator's certificate in use.
    #[must_use]
    pub fn credential(&self) -> Option<&Credential> {
        self.inner.credential.as_ref()
    }

    /// Calls an operation. A write carries an idempotency key; when the connection is lost before an answer, it is sent once
    /// more under the same key.
    ///
    /// # Errors
    /// A problem of the server, or why there is no reply.
    pub async fn call<O: Operation>(&self, op: &O, options: &CallOptions) -> Result<Answered<O::Reply>, ClientError> {
        let key =
            matches!(O::EFFECT, Effect::Write(_)).then(|| options.idempotency_key.clone().unwrap_or_else(new_idempotency_key));
        let mut headers = HeaderMap::new();
        if let Some(key) = &key {
            let value = key.parse().map_err(|_| {
                ClientError::context(
                    "idempotency-key",
                    "the idempotency key cannot be sent",
                    "8 to 128 characters out of A-Z a-z 0-9 . _ : - are wanted",
                )
            })?;
            headers.insert(api::IDEMPOTENCY_KEY, value);
        }
        if options.dry_run {
            headers.insert(api::DRY_RUN, header::HeaderValue::from_static("true"));
        }
        let post = Post {
            path: format!("{}{}", api::ADMIN_PATH, O::NAME),
            headers,
            operation: O::NAME,
            key,
            write: matches!(O::EFFECT, Effect::Write(_)),
        };
        self.post(post, op, options.timeout.unwrap_or_else(timeout_of::<O>)).await
    }

    pub(crate) async fn post<B: Serialize, R: DeserializeOwned>(
        &self,
        post: Post,
        body: &B,
        timeout: Duration,
    ) -> Result<Answered<R>, ClientError> {
        let body = body_of(body).map_err(|error| {
            ClientError::context(
                "request.unwritable",
                format!("the request cannot be written: {error}"),
                "this is a defect: report it",
            )
        })?;
        let server = self.server();
        match tokio::time::timeout(timeout, self.exchange(&post, body)).await {
            Ok(Ok((status, headers, bytes))) => answer(server, &post, status, &headers, &bytes),
            Ok(Err(error)) => Err(error),
            Err(_) if !self.inner.dial.ever_connected() => {
                let cause = format!("no connection within {} s", timeout.as_secs_f32());
                Err(ClientError::Unreachable { server: server.to_owned(), cause })
            }
            Err(_) => Err(post.unanswered(server, format!("no answer within {} s", timeout.as_secs_f32()))),
        }
    }

    /// One exchange, tried twice when the connection was lost in between.
    async fn exchange(&self, post: &Post, body: Bytes) -> Result<(StatusCode, HeaderMap, Bytes), ClientError> {
        let first = match self.once(post, body.clone()).await {
            Ok(answer) => return Ok(answer),
            Err(Lost::Before(error)) => return Err(error),
            Err(Lost::After(cause)) => cause,
        };
        if post.write && post.key.is_none() {
            // Without a key nothing holds it to being done once.
            return Err(self.after_loss(post, first).await);
        }
        let cause = match self.once(post, body).await {
            Ok(answer) => return Ok(answer),
            Err(Lost::Before(error)) if error.is_of_our_certificate() => return Err(error),
            // The first one may have been done: that the second did not get there does not take it back.
            Err(Lost::Before(error)) => format!("{first}; then {}", error.cause()),
            Err(Lost::After(cause)) => cause,
        };
        Err(self.after_loss(post, cause).await)
    }

    /// In TLS 1.3 the server looks at our certificate after we have begun to send. Its alert can be lost when it closes on what
    /// we sent, so a connection on which nothing is sent tells the two cases apart. Nothing else that it finds says what
    /// became of what was sent.
    async fn after_loss(&self, post: &Post, cause: String) -> ClientError {
        match self.probe().await {
            Err(error) if error.is_of_our_certificate() => error,
            _ => post.unanswered(self.server(), cause),
        }
    }

    async fn once(&self, post: &Post, body: Bytes) -> Result<(StatusCode, HeaderMap, Bytes), Lost> {
        let mut request = Request::new(Full::new(body));
        *request.method_mut() = Method::POST;
        *request.uri_mut() = self.uri(&post.path).map_err(Lost::Before)?;
        *request.headers_mut() = post.headers.clone();
        request.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
        request
            .headers_mut()
            .insert(header::ACCEPT, header::HeaderValue::from_static("application/json, application/problem+json"));
        let response = self.send(request).await?;
        let (head, body) = response.into_parts();
        let bytes =
            Limited::new(body, MAX_REPLY).collect().await.map_err(|error| Lost::After(tls::root(error.as_ref()).to_string()))?;
        Ok((head.status, head.headers, bytes.to_bytes()))
    }

    pub(crate) fn uri(&self, path: &str) -> Result<Uri, ClientError> {
        format!("{}{path}", self.server()).parse().map_err(|_| {
            ClientError::context(
                "context.server",
                "the server's address cannot be used",
                "an address looks like https://127.0.0.1:7443",
            )
        })
    }

    pub(crate) async fn send(&self, mut request: Request<Full<Bytes>>) -> Result<Response<Incoming>, Lost> {
        let agent = header::HeaderValue::from_static(concat!("iamctl/", env!("CARGO_PKG_VERSION")));
        request.headers_mut().insert(header::USER_AGENT, agent);
        self.inner.http.request(request).await.map_err(|error| {
            if let Some(fault) = find::<DialFault>(&error) {
                return Lost::Before(self.dial_error(fault));
            }
            match tls::in_tls(&error).and_then(tls::alert_of) {
                Some(alert) => Lost::Before(self.refused(alert)),
                None => Lost::After(tls::root(&error).to_string()),
            }
        })
    }

    /// Connects, sends nothing, and waits a moment for the server to say that it does not take our certificate.
    ///
    /// # Errors
    /// When no connection comes about, or the server refuses the certificate.
    pub async fn probe(&self) -> Result<(), ClientError> {
        const MOMENT: Duration = Duration::from_secs(1);
        let uri = self.uri("/")?;
        let stream = self.inner.dial.clone().call(uri).await.map_err(|fault| self.dial_error(&fault))?;
        let mut stream = Box::pin(TokioIo::new(stream));
        match tokio::time::timeout(MOMENT, stream.read_u8()).await {
            Ok(Err(error)) => match tls::in_tls(&error).and_then(tls::alert_of) {
                Some(alert) => Err(self.refused(alert)),
                None => Ok(()),
            },
            Ok(Ok(_)) | Err(_) => Ok(()),
        }
    }

    fn refused(&self, alert: crate::error::Alert) -> ClientError {
        match &self.inner.credential {
            Some(credential) => credential.refused(alert),
            None => ClientError::Tls {
                fault: TlsFault::Refused,
                message: "the server wants a certificate".into(),
                hint: "see that the address is the admin listener of an iamd".into(),
            },
        }
    }

    fn dial_error(&self, fault: &DialFault) -> ClientError {
        match fault {
            DialFault::Network(cause) => ClientError::Unreachable { server: self.server().to_owned(), cause: cause.clone() },
            DialFault::Alert(alert) => self.refused(*alert),
            DialFault::Server(fault, message) => ClientError::Tls {
                fault: *fault,
                message: message.clone(),
                hint: match fault {
                    TlsFault::ServerTime => {
                        "compare this machine's clock; on the server, 'iamd check' tells what its certificate needs"
                    }
                    TlsFault::WrongHost => {
                        "use the address that the certificate names, or give the server the name ('iamd init --admin-listen')"
                    }
                    _ => "this is another instance, or somebody in between: compare the CA file of the context with the server's",
                }
                .to_owned(),
            },
            DialFault::Protocol(cause) => ClientError::Tls {
                fault: TlsFault::Protocol,
                message: format!("no TLS 1.3 with {}: {cause}", self.server()),
                hint: "see that the address is the admin listener of an iamd (TLS 1.3, port 7443 by default)".into(),
            },
        }
    }
}

/// One request of the admin listener.
pub(crate) struct Post {
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) operation: &'static str,
    pub(crate) key: Option<String>,
    pub(crate) write: bool,
}

impl Post {
    fn unanswered(&self, server: &str, cause: String) -> ClientError {
        let server = server.to_owned();
        if self.write {
            ClientError::NotConfirmed { server, operation: self.operation.to_owned(), cause, key: self.key.clone() }
        } else {
            ClientError::NoAnswer { server, cause }
        }
    }
}

/// Where an exchange broke off.
pub(crate) enum Lost {
    /// Nothing was taken in by the server.
    Before(ClientError),
    /// The request may have been taken in.
    After(String),
}

fn answer<R: DeserializeOwned>(
    server: &str,
    post: &Post,
    status: StatusCode,
    headers: &HeaderMap,
    bytes: &[u8],
) -> Result<Answered<R>, ClientError> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::to_owned);
    let request_id = text(api::REQUEST_ID);
    if !status.is_success() {
        return Err(refusal(server, post.write, status, request_id, bytes));
    }
    let reply = serde_json::from_slice(bytes).map_err(|error| ClientError::Reply {
        server: server.to_owned(),
        cause: format!("'{}' came back in another form: {error}", post.operation),
        request_id: request_id.clone(),
        written: if post.write { Written::Perhaps } else { Written::No },
    })?;
    let replayed = text(api::REPLAYED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
    Ok(Answered { reply, request_id, idempotency_key: post.key.clone(), replayed })
}

/// A reply that is no success: the problem it carries, or that it carries none.
pub(crate) fn refusal(server: &str, write: bool, status: StatusCode, request_id: Option<String>, bytes: &[u8]) -> ClientError {
    match serde_json::from_slice::<Problem>(bytes) {
        Ok(mut problem) => {
            problem.status = status.as_u16();
            problem.request_id = problem.request_id.take().or(request_id);
            ClientError::Problem(Box::new(problem))
        }
        Err(_) => ClientError::Reply {
            server: server.to_owned(),
            cause: format!("HTTP {status} without a problem document"),
            request_id,
            written: if write && status.is_server_error() { Written::Perhaps } else { Written::No },
        },
    }
}

fn find<'a, E: StdError + 'static>(error: &'a (dyn StdError + 'static)) -> Option<&'a E> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(found) = error.downcast_ref::<E>() {
            return Some(found);
        }
        next = error.source();
    }
    None
}
