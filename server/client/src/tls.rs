//! Mutual TLS 1.3 to the admin listener: what is trusted, what is shown, and what a failure means.

use std::error::Error as StdError;
use std::fmt;
use std::future::Future;
use std::io;
use std::net::IpAddr;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context as TaskContext, Poll};
use std::time::Duration;

use domain::Timestamp;
use http::Uri;
use hyper_openssl::SslStream;
use hyper_openssl::client::legacy::MaybeHttpsStream;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioIo;
use openssl::asn1::{Asn1Time, Asn1TimeRef};
use openssl::error::ErrorStack;
use openssl::pkey::{PKey, Private};
use openssl::ssl::{self, Ssl, SslContext, SslContextBuilder, SslMethod, SslMode, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509CheckFlags;
use openssl::x509::{X509, X509VerifyResult};
use tokio::net::TcpStream;
use tower::Service as _;

use crate::contexts::Context;
use crate::error::{Alert, ClientError, TlsFault, certificate_refused};
use crate::surroundings;

/// How long a connection may take to come about, TLS included.
pub(crate) const CONNECT: Duration = Duration::from_secs(5);

/// The operator's certificate and key.
pub struct Credential {
    certificate: X509,
    chain: Vec<X509>,
    key: PKey<Private>,
    /// First moment of the certificate.
    pub not_before: Timestamp,
    /// Last moment of the certificate.
    pub not_after: Timestamp,
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential")
            .field("not_before", &self.not_before)
            .field("not_after", &self.not_after)
            .finish_non_exhaustive()
    }
}

/// Which of the two cannot be used.
enum Part {
    Certificate,
    Key,
}

impl Credential {
    /// Reads the certificate and the key of a context and holds them against each other.
    ///
    /// # Errors
    /// When a file is missing, not PEM, readable by others, or the key is not the certificate's.
    pub fn of(context: &Context) -> Result<Self, ClientError> {
        let broken = |what: &str, error: &dyn fmt::Display| {
            ClientError::context(
                "context.credential",
                format!("{what} of context '{}' cannot be used: {error}", context.file.name),
                "enrol again ('iamctl enrol'), or import the context again",
            )
        };
        Self::read(&context.read_certificate()?, &context.read_key()?).map_err(|(what, error)| match what {
            Part::Certificate => broken("the operator's certificate", &error),
            Part::Key => broken("the operator's key", &error),
        })
    }

    /// A station's certificate with its issuers, and its key; PEM.
    ///
    /// # Errors
    /// When they cannot be used, or do not belong together.
    pub(crate) fn of_station(chain: &[u8], key: &[u8]) -> Result<Self, ClientError> {
        Self::read(chain, key).map_err(|(_, error)| {
            let hint = "move the station's file away: the next registration puts it into service again";
            ClientError::context("phone.station", format!("the station's certificate or key cannot be used: {error}"), hint)
        })
    }

    fn read(chain: &[u8], key: &[u8]) -> Result<Self, (Part, String)> {
        let certificate_fault = |error: ErrorStack| (Part::Certificate, error.to_string());
        let mut certificates = X509::stack_from_pem(chain).map_err(certificate_fault)?.into_iter();
        let certificate = certificates.next().ok_or_else(|| (Part::Certificate, "the file holds none".to_owned()))?;
        // A passphrase is never asked for: the callback gives none.
        let key = PKey::private_key_from_pem_callback(key, |_| Ok(0)).map_err(|error| (Part::Key, error.to_string()))?;
        if !certificate.public_key().map_err(certificate_fault)?.public_eq(&key) {
            return Err((Part::Key, "it is not the key of the certificate".to_owned()));
        }
        let not_before = timestamp(certificate.not_before()).map_err(certificate_fault)?;
        let not_after = timestamp(certificate.not_after()).map_err(certificate_fault)?;
        Ok(Self { certificate, chain: certificates.collect(), key, not_before, not_after })
    }

    /// What a refusal of this certificate means.
    pub(crate) fn refused(&self, alert: Alert) -> ClientError {
        certificate_refused(alert, self.not_before, self.not_after, surroundings::now())
    }
}

/// A time of a certificate.
fn timestamp(time: &Asn1TimeRef) -> Result<Timestamp, ErrorStack> {
    let since = Asn1Time::from_unix(0)?.diff(time)?;
    Ok(Timestamp::from_micros((i64::from(since.days) * 86_400 + i64::from(since.secs)) * 1_000_000))
}

/// TLS 1.3 only, trusting one CA and nothing of the system. Not OpenSSL's ready-made connector: it reads every CA of the system
/// first, which takes longer than all the rest of a command.
fn context(ca: &[u8], credential: Option<&Credential>) -> Result<SslContext, ErrorStack> {
    let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
    builder.set_mode(SslMode::AUTO_RETRY | SslMode::ACCEPT_MOVING_WRITE_BUFFER | SslMode::ENABLE_PARTIAL_WRITE);
    builder.set_min_proto_version(Some(SslVersion::TLS1_3))?;
    let mut store = X509StoreBuilder::new()?;
    for certificate in X509::stack_from_pem(ca)? {
        store.add_cert(certificate)?;
    }
    builder.set_cert_store(store.build());
    builder.set_verify(SslVerifyMode::PEER);
    builder.set_alpn_protos(b"\x08http/1.1")?;
    if let Some(credential) = credential {
        builder.set_certificate(&credential.certificate)?;
        for issuer in &credential.chain {
            builder.add_extra_chain_cert(issuer.clone())?;
        }
        builder.set_private_key(&credential.key)?;
    }
    Ok(builder.build())
}

/// A handshake with this host; what is wrong with its certificate is kept.
fn handshake(context: &SslContext, host: &str, seen: &Arc<Mutex<Option<Rejection>>>) -> Result<Ssl, ErrorStack> {
    let mut ssl = Ssl::new(context)?;
    // A URI writes an IPv6 address in brackets.
    match host.trim_matches(['[', ']']).parse::<IpAddr>() {
        Ok(address) => ssl.param_mut().set_ip(address)?,
        Err(_) => {
            ssl.set_hostname(host)?;
            ssl.param_mut().set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
            ssl.param_mut().set_host(host)?;
        }
    }
    let seen = Arc::clone(seen);
    ssl.set_verify_callback(SslVerifyMode::PEER, move |good, store| {
        if !good && let Ok(mut seen) = seen.lock() {
            let certificate = store.current_cert();
            *seen = Some(Rejection {
                result: store.error(),
                subject: certificate.map(|it| name(it.subject_name())).unwrap_or_default(),
                issuer: certificate.map(|it| name(it.issuer_name())).unwrap_or_default(),
                not_before: certificate.and_then(|it| timestamp(it.not_before()).ok()),
                not_after: certificate.and_then(|it| timestamp(it.not_after()).ok()),
            });
        }
        good
    });
    Ok(ssl)
}

/// Why the server's certificate was not taken.
#[derive(Debug, Clone)]
struct Rejection {
    result: X509VerifyResult,
    subject: String,
    issuer: String,
    not_before: Option<Timestamp>,
    not_after: Option<Timestamp>,
}

/// Makes connections to one server.
#[derive(Clone)]
pub(crate) struct Dial {
    http: HttpConnector,
    context: SslContext,
    rejection: Arc<Mutex<Option<Rejection>>>,
    connected: Arc<AtomicBool>,
}

impl Dial {
    /// Connections that trust `ca` and show `credential`.
    pub(crate) fn new(ca: &[u8], credential: Option<&Credential>) -> Result<Self, ClientError> {
        let broken = |error: ErrorStack| {
            ClientError::context(
                "context.ca",
                format!("the CA certificate cannot be used: {error}"),
                "take the CA certificate of the instance anew; 'iamd init' wrote it beside the first operator's context",
            )
        };
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_nodelay(true);
        http.set_connect_timeout(Some(CONNECT));
        let context = context(ca, credential).map_err(broken)?;
        Ok(Self { http, context, rejection: Arc::default(), connected: Arc::default() })
    }

    /// Whether any connection came about: before that, nothing can have been sent.
    pub(crate) fn ever_connected(&self) -> bool {
        self.connected.load(Ordering::Relaxed)
    }
}

fn name(name: &openssl::x509::X509NameRef) -> String {
    // The last part, the common name as a rule, says most.
    name.entries().last().and_then(|entry| entry.data().to_string().ok()).unwrap_or_default()
}

/// Why no connection came about.
#[derive(Debug)]
pub(crate) enum DialFault {
    /// Nobody there, refused, no route, no such host, too slow.
    Network(String),
    /// The server showed a certificate that is not trusted.
    Server(TlsFault, String),
    /// The server sent an alert about ours.
    Alert(Alert),
    /// Anything else TLS says.
    Protocol(String),
}

impl fmt::Display for DialFault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Network(text) | Self::Server(_, text) | Self::Protocol(text) => f.write_str(text),
            Self::Alert(alert) => write!(f, "TLS alert {alert:?}"),
        }
    }
}

impl StdError for DialFault {}

/// A connection under TLS.
pub(crate) type Stream = MaybeHttpsStream<TokioIo<TcpStream>>;

impl tower::Service<Uri> for Dial {
    type Response = Stream;
    type Error = DialFault;
    type Future = Pin<Box<dyn Future<Output = Result<Stream, DialFault>> + Send>>;

    fn poll_ready(&mut self, _: &mut TaskContext<'_>) -> Poll<Result<(), DialFault>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, uri: Uri) -> Self::Future {
        let mut dial = self.clone();
        Box::pin(async move {
            match tokio::time::timeout(CONNECT, dial.connect(uri)).await {
                Ok(Ok(stream)) => {
                    dial.connected.store(true, Ordering::Relaxed);
                    Ok(stream)
                }
                Ok(Err(error)) => Err(dial.fault(error.as_ref())),
                Err(_) => Err(DialFault::Network(format!("no connection within {} s", CONNECT.as_secs()))),
            }
        })
    }
}

impl Dial {
    async fn connect(&mut self, uri: Uri) -> Result<Stream, Box<dyn StdError + Send + Sync>> {
        let ssl = handshake(&self.context, uri.host().unwrap_or_default(), &self.rejection)?;
        let mut stream = SslStream::new(ssl, self.http.call(uri).await?)?;
        Pin::new(&mut stream).connect().await?;
        Ok(MaybeHttpsStream::Https(stream))
    }

    fn fault(&self, error: &(dyn StdError + 'static)) -> DialFault {
        let rejection = self.rejection.lock().ok().and_then(|mut seen| seen.take());
        match in_tls(error) {
            Some(_) if rejection.is_some() => rejection.map_or_else(|| DialFault::Protocol(error.to_string()), server_fault),
            Some(tls) => match alert_of(tls) {
                Some(alert) => DialFault::Alert(alert),
                None if tls.ssl_error().is_some() => DialFault::Protocol(first_reason(tls)),
                None => DialFault::Network(root(error).to_string()),
            },
            None => DialFault::Network(root(error).to_string()),
        }
    }
}

fn server_fault(rejection: Rejection) -> DialFault {
    const EXPIRED: i32 = 10;
    const NOT_YET_VALID: i32 = 9;
    const HOSTNAME: i32 = 62;
    const IP_ADDRESS: i32 = 64;
    let subject = domain::visible(&rejection.subject).into_owned();
    match rejection.result.as_raw() {
        EXPIRED => DialFault::Server(
            TlsFault::ServerTime,
            format!("the server's certificate '{subject}' expired at {}", crate::times::people_or_none(rejection.not_after)),
        ),
        NOT_YET_VALID => DialFault::Server(
            TlsFault::ServerTime,
            format!(
                "the server's certificate '{subject}' is not valid before {}",
                crate::times::people_or_none(rejection.not_before)
            ),
        ),
        HOSTNAME | IP_ADDRESS => {
            DialFault::Server(TlsFault::WrongHost, format!("the server's certificate '{subject}' is for another host"))
        }
        _ => DialFault::Server(
            TlsFault::WrongCa,
            format!(
                "the server's certificate was issued by '{}', which is not this context's CA ({})",
                domain::visible(&rejection.issuer),
                rejection.result.error_string()
            ),
        ),
    }
}

/// The TLS error inside an error, wherever it hides: an `io::Error` does not name what it wraps as its source.
pub(crate) fn in_tls<'a>(error: &'a (dyn StdError + 'static)) -> Option<&'a ssl::Error> {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(tls) = error.downcast_ref::<ssl::Error>() {
            return Some(tls);
        }
        if let Some(inner) = error.downcast_ref::<io::Error>().and_then(io::Error::get_ref) {
            let inner: &(dyn StdError + 'static) = inner;
            if let Some(tls) = in_tls(inner) {
                return Some(tls);
            }
        }
        next = error.source();
    }
    None
}

/// The alert that the other side sent about our certificate, when that is what happened.
pub(crate) fn alert_of(tls: &ssl::Error) -> Option<Alert> {
    // OpenSSL reports an alert it received as reason 1000 and the alert's number.
    const ALERTS: i32 = 1_000;
    tls.ssl_error()?.errors().iter().find_map(|error| Alert::of(u8::try_from(error.reason_code() - ALERTS).ok()?))
}

fn first_reason(tls: &ssl::Error) -> String {
    tls.ssl_error()
        .and_then(|stack| stack.errors().first())
        .and_then(openssl::error::Error::reason)
        .map_or_else(|| tls.to_string(), str::to_owned)
}

/// The innermost cause.
pub(crate) fn root<'a>(error: &'a (dyn StdError + 'static)) -> &'a (dyn StdError + 'static) {
    let mut at = error;
    while let Some(next) = at.source() {
        at = next;
    }
    at
}
