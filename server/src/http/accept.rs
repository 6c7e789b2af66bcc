//! The accept loop: TLS with the peer's certificate as a request extension, bounds on what a stranger may hold, and an end that
//! lets requests finish.

use std::convert::Infallible;
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use domain::{Clock, Timestamp};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use openssl::ssl::SslContext;
use pki::Certificate;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

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

/// The certificate the other side came with, verified by the handshake; none where it brought none.
#[derive(Debug, Clone)]
pub struct Peer(pub Option<Arc<PeerCertificate>>);

/// A verified client certificate.
#[derive(Debug)]
pub struct PeerCertificate {
    /// SHA-256 of the DER.
    pub fingerprint: [u8; 32],
    /// Serial, lower-case hex.
    pub serial: String,
    /// Last moment.
    pub not_after: Timestamp,
}

/// What a listener speaks below HTTP.
pub enum Transport {
    /// Nothing: metrics and health.
    Plain,
    /// TLS. Certificates are judged by the node's own clock.
    Tls(SslContext, Arc<dyn Clock>),
}

/// What those who connect may hold.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Connections at once; further ones wait to be accepted.
    pub connections: usize,
    /// How long a connection without a certificate lives; for ever when absent.
    pub stranger: Option<Duration>,
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
    /// Where it is written down that a certificate failed the handshake; nowhere where none is asked for.
    pub audit: Option<Arc<App>>,
}

/// What every connection of a listener is given.
struct Shared {
    transport: Transport,
    router: Router,
    bounds: Bounds,
    audit: Option<Arc<App>>,
}

impl Listener {
    /// Serves until `stop`, then lets what is under way finish.
    pub async fn serve(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        let places = Arc::new(Semaphore::new(self.bounds.connections));
        let (transport, router, bounds, audit) = (self.transport, self.router, self.bounds, self.audit);
        let shared = Arc::new(Shared { transport, router, bounds, audit });
        loop {
            let accepted = async {
                // A place first: who comes when all are taken waits in the kernel's queue.
                let place = Arc::clone(&places).acquire_owned().await;
                (place, self.listener.accept().await)
            };
            let (place, stream) = tokio::select! {
                (place, accepted) = accepted => match accepted {
                    Ok((stream, _)) => (place, stream),
                    Err(error) => {
                        // Out of file descriptors, mostly: the connections that stand go on, new ones wait.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let (shared, watcher, stop) = (Arc::clone(&shared), graceful.watcher(), stop.clone());
            tokio::spawn(async move {
                shared.connection(stream, watcher, &stop).await;
                drop(place);
            });
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut");
        }
    }
}

impl Shared {
    async fn connection(&self, stream: TcpStream, watcher: Watcher, stop: &CancellationToken) {
        match &self.transport {
            Transport::Plain => self.converse(stream, Peer(None), watcher).await,
            Transport::Tls(context, clock) => {
                let shaken = tokio::select! {
                    shaken = handshake(stream, context, clock) => shaken,
                    () = stop.cancelled() => return,
                };
                match shaken {
                    Ok((stream, peer)) => self.converse(stream, peer, watcher).await,
                    Err(Shaken::Refused(rejected)) => self.note(rejected).await,
                    Err(Shaken::Broken(error)) => tracing::debug!(%error, "a handshake came to nothing"),
                }
            }
        }
    }

    async fn note(&self, rejected: Rejected) {
        let Some(app) = &self.audit else { return };
        let mut facts = serde_json::Map::new();
        if let Some(stamp) = &rejected.stamp {
            // Anybody can make a certificate that says anything.
            let instance: String = stamp.instance.chars().take(64).collect();
            facts.insert("instance".to_owned(), domain::visible(&instance).into());
            facts.insert("environment".to_owned(), stamp.environment.to_string().into());
        }
        let shown = hex(&rejected.fingerprint);
        let stranger = Stranger { action: CONNECT, code: rejected.code, shown, request: None, facts };
        // The place in the listener is held meanwhile, and not longer than a handshake may take.
        let _ = tokio::time::timeout(STALLED, turned_away::note(app, stranger)).await;
    }

    /// Requests and answers until one side has enough.
    async fn converse<S>(&self, stream: S, peer: Peer, watcher: Watcher)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let life = self.bounds.stranger.filter(|_| peer.0.is_none());
        let router = self.router.clone();
        let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
            request.extensions_mut().insert(peer.clone());
            let mut router = router.clone();
            async move { Ok::<_, Infallible>(router.call(request.map(Body::new)).await.unwrap_or_else(|never| match never {})) }
        });
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder.http1().timer(TokioTimer::new()).header_read_timeout(STALLED).max_buf_size(LONGEST_HEAD as usize);
        builder
            .http2()
            .timer(TokioTimer::new())
            .max_header_list_size(LONGEST_HEAD)
            .max_concurrent_streams(STREAMS)
            .keep_alive_interval(Some(Duration::from_secs(20)));
        let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
        let connection = watcher.watch(connection);
        let ended = match life {
            Some(life) => tokio::time::timeout(life, connection).await.unwrap_or(Ok(())),
            None => connection.await,
        };
        if let Err(error) = ended {
            tracing::debug!(%error, "a connection ended");
        }
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
                serial: certificate.view().serial.clone(),
                not_after: certificate.view().not_after,
            })))
        }
    };
    Ok((stream, peer))
}
