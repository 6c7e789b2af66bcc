//! The accept loop: TLS with the peer's certificate as a request extension, bounds on what a stranger may hold, and an end that
//! lets requests finish.

use std::convert::Infallible;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::pin;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::FromRequestParts;
use axum::response::IntoResponse;
use domain::{Clock, Timestamp};
use http::request::Parts;
use http::{Request, StatusCode, Version, header};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use openssl::ssl::SslContext;
use pki::Certificate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::Service;

use super::listeners::Audience;
use super::strangers::{Place, Room, network};
use super::tls::Rejected;
use crate::app::App;
use crate::keys::hex;
use crate::operator::turned_away::{self, Stranger};

/// How long a handshake, or the head of a request, may take; also how long a connection may stand without a request.
const STALLED: Duration = Duration::from_secs(10);
/// The longest head of a request, bytes.
const LONGEST_HEAD: u32 = 16 * 1024;
/// Requests that one connection has under way at once: a dashboard needs a handful.
const STREAMS: u32 = 32;
/// How long requests that are under way may take to end once the server stops.
pub const DRAIN: Duration = Duration::from_secs(10);

/// What whoever connects asks for, as the audit log calls it.
pub const CONNECT: &str = "operator.connect";
/// The same where relying parties come.
pub const PARTY_CONNECTS: &str = "rp.connect";

/// The certificate the other side came with, verified by the handshake; none where it brought none.
#[derive(Debug, Clone)]
pub struct Peer(pub Option<Arc<PeerCertificate>>);

/// Where a connection comes from: an address, or the network of a client's addresses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CameFrom(pub IpAddr);

impl Default for CameFrom {
    /// Whoever asks within the process.
    fn default() -> Self {
        Self(Ipv6Addr::UNSPECIFIED.into())
    }
}

/// Taken from the request; nobody is turned away by it.
impl<S: Sync> FromRequestParts<S> for CameFrom {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(parts.extensions.get::<Self>().copied().unwrap_or_default())
    }
}

/// A verified client certificate.
#[derive(Debug)]
pub struct PeerCertificate {
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// Its distinguished name, by our own records: whoever holds several certificates has one.
    pub subject: String,
    /// Serial, lower-case hex.
    pub serial: String,
    /// Last moment.
    pub not_after: Timestamp,
}

/// What a listener speaks below HTTP.
pub enum Transport {
    /// Nothing: metrics and health.
    Plain,
    /// TLS, with what the node shows to them at that moment. Certificates are judged by the node's own clock, and one that fails
    /// the handshake is written down.
    Tls(Audience, Arc<App>),
}

/// What those who connect may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once that have shown no certificate; a further one takes the place of the oldest from the address that has
    /// the most.
    pub strangers: usize,
    /// How long such a connection lives; for ever when absent.
    pub life: Option<Duration>,
    /// Connections at once that have shown one; for a further one, the first of those whose name has the most ends, once what it
    /// has under way is answered.
    pub known: usize,
}

/// A listener.
pub struct Listener {
    /// Where it listens.
    pub listener: TcpListener,
    /// What it speaks.
    pub transport: Transport,
    /// What answers.
    pub router: Router,
    /// What those who connect may hold.
    pub bounds: Bounds,
}

/// What every connection of a listener is given.
struct Shared {
    transport: Transport,
    router: Router,
    life: Option<Duration>,
    known: Arc<Room<String>>,
}

impl Listener {
    /// Serves until `stop`, then lets what is under way finish.
    pub async fn serve(self, stop: CancellationToken) {
        let connections = TaskTracker::new();
        let strangers = Room::of(self.bounds.strangers);
        let (life, known) = (self.bounds.life, Room::of(self.bounds.known));
        let shared = Arc::new(Shared { transport: self.transport, router: self.router, life, known });
        loop {
            let (stream, from) = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, from)) => (stream, from.ip()),
                    Err(error) => {
                        // Out of file descriptors, mostly: the connections that stand go on, new ones wait.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let (shared, stop) = (Arc::clone(&shared), stop.clone());
            let from = network(from);
            let place = strangers.enter(from);
            connections.spawn(async move { shared.connection(stream, CameFrom(from), place, &stop).await });
        }
        drop(self.listener);
        connections.close();
        if tokio::time::timeout(DRAIN, connections.wait()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut");
        }
    }
}

impl Shared {
    async fn connection(&self, stream: TcpStream, from: CameFrom, place: Place<IpAddr>, stop: &CancellationToken) {
        let (audience, app) = match &self.transport {
            Transport::Plain => return self.stranger(Speaks::Http1, stream, from, place, stop).await,
            Transport::Tls(audience, app) => (*audience, app),
        };
        // Asked anew for each connection: those that stand keep theirs.
        let Some(context) = app.listeners.context(audience) else { return };
        let shaken = tokio::select! {
            shaken = handshake(stream, &context, &app.clock) => shaken,
            () = place.gives_way() => return,
            () = stop.cancelled() => return,
        };
        match shaken {
            Ok((stream, Peer(Some(certificate)))) => {
                let known = self.known.enter(certificate.subject.clone());
                drop(place);
                let ends = async {
                    tokio::select! {
                        () = known.gives_way() => {}
                        () = stop.cancelled() => {}
                    }
                };
                self.converse(Speaks::of(&stream), stream, Peer(Some(certificate)), from, ends).await;
            }
            Ok((stream, Peer(None))) => self.stranger(Speaks::of(&stream), stream, from, place, stop).await,
            Err(Shaken::Refused(rejected)) => note(app, audience, rejected).await,
            Err(Shaken::Broken(error)) => tracing::debug!(%error, "a handshake came to nothing"),
        }
    }

    /// A connection without a certificate: until its time is over, or its place is wanted.
    async fn stranger<S>(&self, speaks: Speaks, stream: S, from: CameFrom, place: Place<IpAddr>, stop: &CancellationToken)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let life = async {
            match self.life {
                Some(life) => tokio::time::sleep(life).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = self.converse(speaks, stream, Peer(None), from, stop.cancelled()) => {}
            () = place.gives_way() => {}
            () = life => {}
        }
    }

    /// Requests and answers until one side has enough. Once it `ends` nothing more is begun, and what is under way is answered, if
    /// that does not take for ever.
    async fn converse<S>(&self, speaks: Speaks, stream: S, peer: Peer, from: CameFrom, ends: impl Future<Output = ()>)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            request.extensions_mut().insert(from);
            let mut router = router.clone();
            async move {
                if !names_one_host(&request) {
                    return Ok((StatusCode::BAD_REQUEST, "a request names one host\n").into_response());
                }
                Ok::<_, Infallible>(router.call(request.map(Body::new)).await.unwrap_or_else(|never| match never {}))
            }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(STALLED).max_buf_size(LONGEST_HEAD as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(LONGEST_HEAD)
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(Some(Duration::from_secs(20)));
        // Said beforehand: to find it out by the first bytes, the builder would wait for them without end.
        let builder = match speaks {
            Speaks::Http1 => builder.http1_only(),
            Speaks::Http2 => builder.http2_only(),
        };
        let mut connection = pin!(builder.serve_connection(TokioIo::new(stream), service).into_owned());
        let ended = tokio::select! {
            ended = connection.as_mut() => ended,
            () = ends => {
                connection.as_mut().graceful_shutdown();
                tokio::time::timeout(DRAIN, connection).await.unwrap_or(Ok(()))
            }
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
    }
}

/// RFC 9112 section 3.2. Nothing here goes by the host; something before us may.
fn names_one_host<B>(request: &Request<B>) -> bool {
    match request.headers().get_all(header::HOST).iter().count() {
        0 => request.version() != Version::HTTP_11,
        count => count == 1,
    }
}

async fn note(app: &App, audience: Audience, rejected: Rejected) {
    let mut facts = serde_json::Map::new();
    if let Some(stamp) = &rejected.stamp {
        // Anybody can make a certificate that says anything.
        let instance: String = stamp.instance.chars().take(64).collect();
        facts.insert("instance".to_owned(), domain::visible(&instance).into());
        facts.insert("environment".to_owned(), stamp.environment.to_string().into());
    }
    let action = match audience {
        Audience::Operators => CONNECT,
        Audience::Everybody => PARTY_CONNECTS,
    };
    let shown = hex(&rejected.fingerprint);
    let stranger = Stranger { action, code: rejected.code, shown, request: None, facts };
    // The place in the listener is held meanwhile, and not longer than a handshake may take.
    let _ = tokio::time::timeout(STALLED, turned_away::note(app, stranger)).await;
}

/// The version of HTTP that a connection speaks.
#[derive(Debug, Clone, Copy)]
enum Speaks {
    Http1,
    Http2,
}

impl Speaks {
    /// What the handshake agreed upon; the older one where it was left open.
    fn of(stream: &SslStream<TcpStream>) -> Self {
        if stream.ssl().selected_alpn_protocol() == Some(b"h2") { Self::Http2 } else { Self::Http1 }
    }
}

/// How a handshake failed.
enum Shaken {
    /// By the certificate that the other side showed.
    Refused(Rejected),
    /// Otherwise.
    Broken(anyhow::Error),
}

impl<E: Into<anyhow::Error>> From<E> for Shaken {
    fn from(error: E) -> Self {
        Self::Broken(error.into())
    }
}

async fn handshake(
    stream: TcpStream,
    context: &SslContext,
    clock: &Arc<dyn Clock>,
) -> Result<(SslStream<TcpStream>, Peer), Shaken> {
    stream.set_nodelay(true)?;
    let (ssl, finding) = super::tls::connection(context, clock)?;
    let mut stream = SslStream::new(ssl, stream)?;
    if let Err(error) = tokio::time::timeout(STALLED, std::pin::Pin::new(&mut stream).accept()).await? {
        tracing::info!(%error, "a handshake was refused");
        metrics::counter!("iam_tls_handshakes_refused_total").increment(1);
        let rejected = finding.lock().unwrap_or_else(PoisonError::into_inner).take();
        return Err(rejected.map_or_else(|| Shaken::Broken(error.into()), Shaken::Refused));
    }
    let peer = match stream.ssl().peer_certificate() {
        None => Peer(None),
        Some(x509) => {
            let certificate = Certificate::from_x509(x509)?;
            Peer(Some(Arc::new(PeerCertificate {
                fingerprint: certificate.fingerprint(),
                subject: certificate.view().subject.clone(),
                serial: certificate.view().serial.clone(),
                not_after: certificate.view().not_after,
            })))
        }
    };
    Ok((stream, peer))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_names_one_host() {
        for (version, hosts, good) in [
            (Version::HTTP_11, &["rp.example"][..], true),
            (Version::HTTP_11, &[], false),
            (Version::HTTP_11, &["rp.example", "other.example"], false),
            (Version::HTTP_10, &[], true),
            (Version::HTTP_2, &[], true),
            (Version::HTTP_2, &["rp.example", "rp.example"], false),
        ] {
            let request =
                hosts.iter().fold(Request::builder().version(version), |request, host| request.header(header::HOST, *host));
            assert_eq!(names_one_host(&request.body(()).unwrap()), good, "{version:?} {hosts:?}");
        }
    }
}
