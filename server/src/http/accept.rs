//! The accept loop: TLS with the peer's certificate as a request extension, and an end that lets requests finish.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::Body;
use domain::{Clock, Timestamp};
use http::Request;
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use openssl::ssl::SslContext;
use pki::Certificate;
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;
use tokio_util::sync::CancellationToken;
use tower::Service;

/// How long a handshake, or the head of a request, may take.
const STALLED: Duration = Duration::from_secs(10);
/// How long requests that are under way may take to end once the server stops.
const DRAIN: Duration = Duration::from_secs(10);

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

/// A TLS listener.
pub struct TlsListener {
    /// Where it listens.
    pub listener: TcpListener,
    /// Swapped when certificates change; connections that stand keep theirs.
    pub context: Arc<ArcSwap<SslContext>>,
    /// Judges certificates.
    pub clock: Arc<dyn Clock>,
    /// What answers.
    pub router: Router,
}

impl TlsListener {
    /// Serves until `stop`, then lets what is under way finish.
    pub async fn serve(self, stop: CancellationToken) {
        let graceful = GracefulShutdown::new();
        loop {
            let stream = tokio::select! {
                accepted = self.listener.accept() => match accepted {
                    Ok((stream, _)) => stream,
                    Err(error) => {
                        // Out of file descriptors, mostly: the connections that stand go on, new ones wait.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(100)).await;
                        continue;
                    }
                },
                () = stop.cancelled() => break,
            };
            let context = self.context.load_full();
            let clock = Arc::clone(&self.clock);
            let router = self.router.clone();
            let watcher = graceful.watcher();
            tokio::spawn(async move {
                let Ok((stream, peer)) = handshake(stream, &context, &clock).await else { return };
                let service = hyper::service::service_fn(move |mut request: Request<Incoming>| {
                    request.extensions_mut().insert(peer.clone());
                    let mut router = router.clone();
                    async move {
                        Ok::<_, Infallible>(router.call(request.map(Body::new)).await.unwrap_or_else(|never| match never {}))
                    }
                });
                let mut builder = auto::Builder::new(TokioExecutor::new());
                builder.http1().timer(TokioTimer::new()).header_read_timeout(Duration::from_secs(60)).max_buf_size(64 * 1024);
                builder
                    .http2()
                    .timer(TokioTimer::new())
                    .max_header_list_size(16 * 1024)
                    .keep_alive_interval(Some(Duration::from_secs(20)));
                let connection = builder.serve_connection(TokioIo::new(stream), service).into_owned();
                if let Err(error) = watcher.watch(connection).await {
                    tracing::debug!(%error, "a connection ended");
                }
            });
        }
        drop(self.listener);
        if tokio::time::timeout(DRAIN, graceful.shutdown()).await.is_err() {
            tracing::warn!("some requests did not end in time and were cut");
        }
    }
}

async fn handshake(
    stream: TcpStream,
    context: &SslContext,
    clock: &Arc<dyn Clock>,
) -> anyhow::Result<(SslStream<TcpStream>, Peer)> {
    stream.set_nodelay(true)?;
    let mut stream = SslStream::new(super::tls::connection(context, clock)?, stream)?;
    match tokio::time::timeout(STALLED, std::pin::Pin::new(&mut stream).accept()).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => {
            tracing::info!(%error, "a handshake was refused");
            metrics::counter!("iam_tls_handshakes_refused_total").increment(1);
            anyhow::bail!("refused");
        }
        Err(_) => anyhow::bail!("stalled"),
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
