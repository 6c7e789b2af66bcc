//! The listener, and what is wrong with it.

use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use api::immigration::{IDENTITY_CHECKS, IdentityAnswer, IdentityCheck};
use clap::ValueEnum;
use http::{Method, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslContext, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use serde::Deserialize;
use tokio::net::{TcpListener, TcpStream};
use tokio_openssl::SslStream;

use crate::certificates::Identity;
use crate::people::verdict;

/// Where the fault is set.
const FAULT: &str = "/v1/fault";
/// How slow a slow answer is: slower than anybody waits.
const SLOW: Duration = Duration::from_secs(30);
const LARGEST: usize = 16 * 1024;

/// What is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// Nothing.
    #[default]
    None,
    /// It answers too late.
    Slow,
    /// It answers what is of no form.
    Wrong,
    /// It answers nothing.
    Down,
}

const FAULTS: [Fault; 4] = [Fault::None, Fault::Slow, Fault::Wrong, Fault::Down];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SetFault {
    fault: Fault,
}

/// Answers until it is killed.
pub(crate) async fn serve(listen: SocketAddr, identity: &Identity, fault: Fault) -> anyhow::Result<()> {
    let context = context(identity)?;
    let listener = TcpListener::bind(listen).await?;
    crate::say(&format!("immd-sim listens on https://{}", listener.local_addr()?));
    let fault = Arc::new(AtomicU8::new(fault as u8));
    loop {
        let Ok((stream, _)) = listener.accept().await else { continue };
        let (ssl, fault) = (Ssl::new(&context)?, Arc::clone(&fault));
        tokio::spawn(async move {
            // Whoever cannot show a certificate of ours is not spoken to.
            let _ = converse(stream, ssl, &fault).await;
        });
    }
}

async fn converse(stream: TcpStream, ssl: Ssl, fault: &AtomicU8) -> anyhow::Result<()> {
    let mut stream = SslStream::new(ssl, stream)?;
    Pin::new(&mut stream).accept().await?;
    let service = service_fn(|request| async move {
        let answered = answer(request, fault).await;
        answered.map_or_else(|_| Err(std::io::Error::other("down")), Ok)
    });
    Ok(http1::Builder::new().serve_connection(TokioIo::new(stream), service).await?)
}

/// An answer; none where it is down.
async fn answer(request: Request<Incoming>, fault: &AtomicU8) -> Result<Response<Full<Bytes>>, ()> {
    let asked = (request.method().clone(), request.uri().path().to_owned());
    let body = Limited::new(request.into_body(), LARGEST).collect().await.map_err(|_| ())?.to_bytes();
    if asked == (Method::POST, FAULT.to_owned()) {
        return Ok(match serde_json::from_slice::<SetFault>(&body) {
            Ok(SetFault { fault: set }) => {
                fault.store(set as u8, Ordering::Relaxed);
                said(StatusCode::OK, "{}")
            }
            Err(error) => said(StatusCode::UNPROCESSABLE_ENTITY, &serde_json::json!({ "error": error.to_string() }).to_string()),
        });
    }
    if asked != (Method::POST, IDENTITY_CHECKS.to_owned()) {
        return Ok(said(StatusCode::NOT_FOUND, r#"{"error":"no such path"}"#));
    }
    match FAULTS.get(usize::from(fault.load(Ordering::Relaxed))) {
        Some(Fault::Slow) => tokio::time::sleep(SLOW).await,
        Some(Fault::Wrong) => return Ok(said(StatusCode::OK, "<html>under maintenance</html>")),
        Some(Fault::Down) => return Err(()),
        Some(Fault::None) | None => {}
    }
    Ok(match serde_json::from_slice::<IdentityCheck>(&body) {
        Ok(check) => {
            let answer = IdentityAnswer { verdict: verdict(&check.card) };
            said(StatusCode::OK, &serde_json::to_string(&answer).unwrap_or_default())
        }
        Err(_) => said(StatusCode::UNPROCESSABLE_ENTITY, r#"{"error":"not an identity check"}"#),
    })
}

fn said(status: StatusCode, body: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::from(body.to_owned()));
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static("application/json"));
    response
}

fn context(identity: &Identity) -> anyhow::Result<SslContext> {
    let mut builder = SslContext::builder(SslMethod::tls_server())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_private_key(identity.key.pkey())?;
    let mut chain = identity.chain.iter();
    if let Some(own) = chain.next() {
        builder.set_certificate(own.x509()?)?;
    }
    for issuer in chain {
        builder.add_extra_chain_cert(issuer.x509()?.clone())?;
    }
    let mut trusted = X509StoreBuilder::new()?;
    for authority in &identity.clients {
        trusted.add_cert(authority.x509()?.clone())?;
    }
    trusted.set_flags(X509VerifyFlags::PARTIAL_CHAIN)?;
    builder.set_verify_cert_store(trusted.build())?;
    builder.set_verify(SslVerifyMode::PEER | SslVerifyMode::FAIL_IF_NO_PEER_CERT);
    builder.set_session_id_context(b"immd-sim")?;
    Ok(builder.build())
}
