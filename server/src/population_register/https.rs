//! The records over HTTP with mutual TLS: a connection a question, a second try where the first got no answer, and a rest for a
//! neighbour that is down.

use std::fmt::Display;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::{Context, ensure};
use api::app::registration::Card;
use api::immigration::{IDENTITY_CHECKS, IdentityAnswer, IdentityCheck, RecordVerdict};
use domain::Clock;
use domain::finding::shortened;
use http::{Request, StatusCode, header};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openssl::ssl::{Ssl, SslContext, SslFiletype, SslMethod, SslVerifyMode, SslVersion};
use pki::Certificate;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tokio_util::task::AbortOnDropHandle;
use url::Host;
use zeroize::Zeroizing;

use super::breaker::Breaker;
use super::{Checking, Looking, PopulationRegister, RecordsFault, Standing};
use crate::http::tls::require_private;
use crate::settings::ImmigrationDepartment;

/// How long one try may take, from the connection to the answer.
const PATIENCE: Duration = Duration::from_millis(2_500);
/// Tries.
const TRIES: u32 = 2;
/// The longest answer, bytes.
const LARGEST: usize = 4 * 1024;

/// Asks over the network.
pub struct OverHttps {
    place: ImmigrationDepartment,
    clock: Arc<dyn Clock>,
    patience: Duration,
    breaker: Mutex<Breaker>,
}

impl OverHttps {
    /// Asks there. The files are read at each connection: they may be renewed, or come later.
    #[must_use]
    pub fn new(place: ImmigrationDepartment, clock: Arc<dyn Clock>) -> Self {
        Self { place, clock, patience: PATIENCE, breaker: Mutex::default() }
    }

    /// With less patience, for tests of a neighbour that never answers.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    async fn ask(&self, card: &Card) -> Result<RecordVerdict, RecordsFault> {
        let fault = |error: &dyn Display| RecordsFault { message: shortened(&error.to_string()) };
        let mut last = fault(&"they did not answer of late and are left alone for some seconds");
        for _ in 0..TRIES {
            if !self.breaker().lets_through(self.clock.now()) {
                break;
            }
            let tried = tokio::time::timeout(self.patience, self.try_once(card)).await;
            match tried.unwrap_or_else(|_| Err(anyhow::anyhow!("no whole answer within {} ms", self.patience.as_millis()))) {
                Ok(verdict) => {
                    self.breaker().answered();
                    metrics::gauge!("iam_immigration_department_up").set(1.0);
                    return Ok(verdict);
                }
                Err(error) => {
                    self.breaker().failed(self.clock.now());
                    metrics::gauge!("iam_immigration_department_up").set(0.0);
                    last = fault(&format!("{error:#}"));
                }
            }
        }
        Err(last)
    }

    fn breaker(&self) -> std::sync::MutexGuard<'_, Breaker> {
        self.breaker.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn try_once(&self, card: &Card) -> anyhow::Result<RecordVerdict> {
        let body = Zeroizing::new(serde_json::to_vec(&IdentityCheck { card: card.clone() })?);
        let (status, answer) = self.exchange(body.to_vec()).await?;
        ensure!(status == StatusCode::OK, "the answer is HTTP {}", status.as_u16());
        // What it says instead is not repeated: it may be of the person.
        let answer: IdentityAnswer =
            serde_json::from_slice(&answer).map_err(|_| anyhow::anyhow!("the answer is of no known form"))?;
        Ok(answer.verdict)
    }

    /// Host and port.
    fn place(&self) -> (&str, u16) {
        (self.place.url.host_str().unwrap_or_default(), self.place.url.port_or_known_default().unwrap_or(443))
    }

    async fn exchange(&self, body: Vec<u8>) -> anyhow::Result<(StatusCode, Bytes)> {
        let (host, port) = self.place();
        let tcp = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.with_context(|| format!("{host}:{port}"))?;
        let mut stream = SslStream::new(self.handshake()?, tcp)?;
        Pin::new(&mut stream).connect().await.context("no TLS with them")?;
        let (mut sender, connection) = http1::handshake::<_, Full<Bytes>>(TokioIo::new(stream)).await?;
        // It ends with the answer, or when nobody waits for it any more.
        let driven = AbortOnDropHandle::new(tokio::spawn(connection));
        let base = self.place.url.path().trim_end_matches('/');
        let request = Request::post(format!("{base}{IDENTITY_CHECKS}"))
            .header(header::HOST, format!("{host}:{port}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header(header::CONNECTION, "close")
            .body(Full::from(body))?;
        let response = sender.send_request(request).await.context("the connection broke off")?;
        let status = response.status();
        let answer = Limited::new(response.into_body(), LARGEST).collect().await;
        let answer = answer.map_err(|_| anyhow::anyhow!("the answer broke off, or is too long"))?.to_bytes();
        drop(driven);
        Ok((status, answer))
    }

    /// A question about nobody: whoever refuses it as one is there.
    async fn standing(&self) -> Standing {
        let tried = tokio::time::timeout(self.patience, self.exchange(b"{}".to_vec())).await;
        let fault = match tried {
            Ok(Ok((status, _))) if status.is_client_error() => None,
            Ok(Ok((status, _))) => Some(format!("a question about nobody is answered by HTTP {}", status.as_u16())),
            Ok(Err(error)) => Some(shortened(&format!("{error:#}"))),
            Err(_) => Some(format!("no whole answer within {} ms", self.patience.as_millis())),
        };
        let pem = tokio::fs::read(&self.place.certificate_file).await.unwrap_or_default();
        let (host, port) = self.place();
        Standing::Configured {
            place: format!("{host}:{port}"),
            fault,
            left_alone_since: self.breaker().left_alone_since(),
            certificate_ends: Certificate::from_pem(&pem).ok().map(|own| own.view().not_after),
        }
    }

    fn handshake(&self) -> anyhow::Result<Ssl> {
        let ImmigrationDepartment { url, ca_file, certificate_file, key_file } = &self.place;
        require_private(key_file)?;
        let shown = |file: &std::path::Path| format!("cannot read {}", file.display());
        let mut builder = SslContext::builder(SslMethod::tls_client())?;
        builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
        builder.set_ca_file(ca_file).with_context(|| shown(ca_file))?;
        builder.set_certificate_chain_file(certificate_file).with_context(|| shown(certificate_file))?;
        builder.set_private_key_file(key_file, SslFiletype::PEM).with_context(|| shown(key_file))?;
        builder.set_verify(SslVerifyMode::PEER);
        let mut ssl = Ssl::new(&builder.build())?;
        match url.host() {
            Some(Host::Domain(name)) => {
                ssl.set_hostname(name)?;
                ssl.param_mut().set_host(name)?;
            }
            Some(Host::Ipv4(address)) => ssl.param_mut().set_ip(address.into())?,
            Some(Host::Ipv6(address)) => ssl.param_mut().set_ip(address.into())?,
            None => {}
        }
        Ok(ssl)
    }
}

impl PopulationRegister for OverHttps {
    fn check<'a>(&'a self, card: &'a Card) -> Checking<'a> {
        Box::pin(self.ask(card))
    }

    fn look(&self) -> Looking<'_> {
        Box::pin(self.standing())
    }
}
