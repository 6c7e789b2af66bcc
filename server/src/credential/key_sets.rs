//! How key sets are fetched: a port, and the way over the network.
//!
//! An address of a party's is an invitation to ask anything from inside our own network. So: the name is resolved here, each address
//! that came out is held against the rule, and one of those is connected to, by its number; nobody resolves a second time. A
//! redirect goes through all of it again. Nothing is sent but the path, and of the answer nothing but a small JSON body is read.

use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::finding::shortened;
use domain::{Environment, check_address, check_key_set_url};
use http::{HeaderMap, Request, Response, StatusCode, header};
use http_body_util::{BodyExt, Empty, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use openssl::ssl::{SslContext, SslContextBuilder, SslMethod, SslVerifyMode, SslVersion};
use openssl::x509::X509;
use openssl::x509::verify::X509CheckFlags;
use pki::party_key::LARGEST_KEY_SET;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_openssl::SslStream;
use tokio_util::task::AbortOnDropHandle;
use url::{Host, Url};

/// How long it all may take: resolving, redirects, the body.
const PATIENCE: Duration = Duration::from_secs(10);
const MOST_REDIRECTS: usize = 3;
/// Addresses of one name that are tried.
const MOST_ADDRESSES: usize = 4;
/// Headers of an answer, together.
const LARGEST_HEAD: usize = 64 * 1024;

/// A key set as it was served.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Served {
    /// The body.
    pub body: Vec<u8>,
    /// Its `Cache-Control`.
    pub cache_control: Option<String>,
}

/// Why no key set came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchFault {
    /// `key-set.unreachable`, `key-set.address`, `key-set.redirect`, `key-set.answer`.
    pub code: &'static str,
    /// In words; what others said is made visible.
    pub message: String,
}

impl FetchFault {
    fn unreachable(what: impl Into<String>) -> Self {
        Self { code: "key-set.unreachable", message: what.into() }
    }

    fn answer(what: impl Into<String>) -> Self {
        Self { code: "key-set.answer", message: what.into() }
    }
}

/// What is on its way.
pub type Fetching<'a> = Pin<Box<dyn Future<Output = Result<Served, FetchFault>> + Send + 'a>>;

/// How key sets are fetched.
pub trait KeySets: Send + Sync {
    /// Fetches what is served at an address, by the rules of that environment.
    fn fetch<'a>(&'a self, url: &'a str, environment: Environment) -> Fetching<'a>;
}

/// Over the network.
pub struct OverTheNetwork {
    /// More authorities that parties' servers may have their certificates from, PEM.
    ca: Option<PathBuf>,
    patience: Duration,
    /// Made at the first fetch: reading what the system trusts takes a while, and most nodes never fetch.
    context: Mutex<Option<SslContext>>,
}

impl OverTheNetwork {
    /// Trusts what the system trusts, and the authorities in that file.
    #[must_use]
    pub fn new(ca: Option<PathBuf>) -> Self {
        Self { ca, patience: PATIENCE, context: Mutex::new(None) }
    }

    /// With less patience, for tests of those who never answer.
    #[must_use]
    pub fn with_patience(self, patience: Duration) -> Self {
        Self { patience, ..self }
    }

    fn context(&self) -> Result<SslContext, FetchFault> {
        let mut kept = self.context.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(context) = kept.as_ref() {
            return Ok(context.clone());
        }
        let made = trusting(self.ca.as_ref());
        let context = made.map_err(|error| FetchFault::unreachable(format!("this node trusts nobody: {error:#}")))?;
        Ok(kept.insert(context).clone())
    }
}

impl KeySets for OverTheNetwork {
    fn fetch<'a>(&'a self, url: &'a str, environment: Environment) -> Fetching<'a> {
        Box::pin(async move {
            match tokio::time::timeout(self.patience, self.follow(url, environment)).await {
                Ok(served) => served,
                Err(_) => Err(FetchFault::unreachable(format!("no whole answer within {} s", self.patience.as_secs_f32()))),
            }
        })
    }
}

/// TLS 1.2 or better, with what the system trusts and the authorities in a file.
///
/// # Errors
/// When the file cannot be read or holds no certificate.
pub fn trusting(ca: Option<&PathBuf>) -> anyhow::Result<SslContext> {
    use anyhow::Context as _;
    let mut builder = SslContextBuilder::new(SslMethod::tls_client())?;
    builder.set_min_proto_version(Some(SslVersion::TLS1_2))?;
    builder.set_default_verify_paths()?;
    if let Some(file) = ca {
        let pem = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
        let certificates = X509::stack_from_pem(&pem).unwrap_or_default();
        anyhow::ensure!(!certificates.is_empty(), "{} holds no certificate in PEM", file.display());
        for certificate in certificates {
            builder.cert_store_mut().add_cert(certificate)?;
        }
    }
    builder.set_verify(SslVerifyMode::PEER);
    builder.set_alpn_protos(b"\x08http/1.1")?;
    Ok(builder.build())
}

/// An answer whose body is still to be read, over a connection that goes with it.
struct Answer {
    response: Response<Incoming>,
    driven: AbortOnDropHandle<Result<(), hyper::Error>>,
}

/// Anything that bytes go over.
pub(crate) trait Stream: AsyncRead + AsyncWrite + Send + Unpin {}

impl<T: AsyncRead + AsyncWrite + Send + Unpin> Stream for T {}

impl OverTheNetwork {
    async fn follow(&self, url: &str, environment: Environment) -> Result<Served, FetchFault> {
        let fault = |error: domain::UriFault| FetchFault { code: "key-set.address", message: error.message };
        let mut url = check_key_set_url(url, environment).map_err(fault)?;
        for _ in 0..=MOST_REDIRECTS {
            let answer = self.ask(&url, environment).await?;
            match moved(&url, &answer.response, environment)? {
                Some(next) => url = next,
                None => return served(answer).await,
            }
        }
        Err(FetchFault { code: "key-set.redirect", message: format!("more than {MOST_REDIRECTS} redirects") })
    }

    async fn ask(&self, url: &Url, environment: Environment) -> Result<Answer, FetchFault> {
        let stream = self.connect(url, environment).await?;
        let cut =
            |error: hyper::Error| FetchFault::unreachable(format!("the connection broke off: {}", shortened(&error.to_string())));
        let (mut sender, connection) = http1::Builder::new()
            .max_buf_size(LARGEST_HEAD)
            .handshake::<_, Empty<Bytes>>(TokioIo::new(stream))
            .await
            .map_err(cut)?;
        // It ends with the answer, or when nobody waits for it any more.
        let driven = AbortOnDropHandle::new(tokio::spawn(connection));
        let response = sender.send_request(request(url)?).await.map_err(cut)?;
        Ok(Answer { response, driven })
    }

    /// Connects to a machine that the name stands for and that may be asked.
    pub(crate) async fn connect(&self, url: &Url, environment: Environment) -> Result<Box<dyn Stream>, FetchFault> {
        let port = url.port_or_known_default().unwrap_or(443);
        let addresses = match url.host() {
            Some(Host::Domain(name)) => tokio::net::lookup_host((name, port))
                .await
                .map_err(|error| FetchFault::unreachable(format!("{name} has no address: {}", shortened(&error.to_string()))))?
                .collect(),
            Some(Host::Ipv4(address)) => vec![SocketAddr::from((address, port))],
            Some(Host::Ipv6(address)) => vec![SocketAddr::from((address, port))],
            None => Vec::new(),
        };
        let tcp = connect_to_one(&addresses, environment).await?;
        if url.scheme() == "http" {
            return Ok(Box::new(tcp));
        }
        let context = self.context()?;
        Ok(Box::new(handshake(&context, url.host(), tcp).await?))
    }
}

/// The first of the addresses that may be asked and answers.
async fn connect_to_one(addresses: &[SocketAddr], environment: Environment) -> Result<TcpStream, FetchFault> {
    let mut last = FetchFault::unreachable("the name stands for no machine");
    let mut tried = 0;
    for address in addresses {
        if let Err(fault) = check_address(address.ip(), environment) {
            last = FetchFault { code: "key-set.address", message: format!("{fault}, which is not asked") };
            continue;
        }
        if tried == MOST_ADDRESSES {
            break;
        }
        tried += 1;
        match TcpStream::connect(address).await {
            Ok(stream) => return Ok(stream),
            Err(error) => last = FetchFault::unreachable(format!("{address}: {}", shortened(&error.to_string()))),
        }
    }
    Err(last)
}

async fn handshake(context: &SslContext, host: Option<Host<&str>>, tcp: TcpStream) -> Result<SslStream<TcpStream>, FetchFault> {
    let refused = |error: &dyn std::fmt::Display| FetchFault::unreachable(format!("no TLS: {}", shortened(&error.to_string())));
    let ssl = || {
        let mut ssl = openssl::ssl::Ssl::new(context)?;
        match host {
            Some(Host::Domain(name)) => {
                ssl.set_hostname(name)?;
                ssl.param_mut().set_hostflags(X509CheckFlags::NO_PARTIAL_WILDCARDS);
                ssl.param_mut().set_host(name)?;
            }
            Some(Host::Ipv4(address)) => ssl.param_mut().set_ip(address.into())?,
            Some(Host::Ipv6(address)) => ssl.param_mut().set_ip(address.into())?,
            None => {}
        }
        SslStream::new(ssl, tcp)
    };
    let mut stream = ssl().map_err(|error| refused(&error))?;
    if let Err(error) = Pin::new(&mut stream).connect().await {
        let verdict = stream.ssl().verify_result();
        return Err(if verdict == openssl::x509::X509VerifyResult::OK {
            refused(&error)
        } else {
            refused(&format!("the certificate is not trusted ({})", verdict.error_string()))
        });
    }
    Ok(stream)
}

/// `Host`, and what is asked for there.
pub(crate) fn host_and_target(url: &Url) -> (String, String) {
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    let target = url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()));
    (host, target)
}

/// Nothing of ours but a name. No encoding is offered: what was packed could unpack to anything.
fn request(url: &Url) -> Result<Request<Empty<Bytes>>, FetchFault> {
    let (host, target) = host_and_target(url);
    Request::get(target)
        .header(header::HOST, host)
        .header(header::ACCEPT, "application/jwk-set+json, application/json")
        .header(header::USER_AGENT, concat!("iamd/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Empty::new())
        .map_err(|error| FetchFault::unreachable(format!("the address cannot be asked for: {}", shortened(&error.to_string()))))
}

/// Where a redirect leads: to an https address by the rules of every other one. None when it is an answer.
fn moved(from: &Url, response: &Response<Incoming>, environment: Environment) -> Result<Option<Url>, FetchFault> {
    let redirects = [
        StatusCode::MOVED_PERMANENTLY,
        StatusCode::FOUND,
        StatusCode::SEE_OTHER,
        StatusCode::TEMPORARY_REDIRECT,
        StatusCode::PERMANENT_REDIRECT,
    ];
    if !redirects.contains(&response.status()) {
        return Ok(None);
    }
    let fault = |what: String| FetchFault { code: "key-set.redirect", message: what };
    let target = text(response.headers(), header::LOCATION).ok_or_else(|| fault("a redirect that leads nowhere".to_owned()))?;
    let next = from.join(&target).map_err(|_| fault(format!("a redirect to '{}', which is no address", shortened(&target))))?;
    if next.scheme() != "https" {
        return Err(fault(format!("a redirect to '{}', which is not https", shortened(next.as_str()))));
    }
    check_key_set_url(next.as_str(), environment).map(Some).map_err(|error| fault(format!("a redirect: {}", error.message)))
}

async fn served(answer: Answer) -> Result<Served, FetchFault> {
    let Answer { response, driven } = answer;
    if response.status() != StatusCode::OK {
        return Err(FetchFault::answer(format!("the answer is HTTP {}", response.status().as_u16())));
    }
    let headers = response.headers();
    let kind = text(headers, header::CONTENT_TYPE).unwrap_or_default();
    let essence = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if !matches!(essence.as_str(), "application/json" | "application/jwk-set+json") {
        return Err(FetchFault::answer(format!("the content type is '{}' and not application/json", shortened(&kind))));
    }
    if let Some(encoding) = text(headers, header::CONTENT_ENCODING).filter(|it| !it.eq_ignore_ascii_case("identity")) {
        return Err(FetchFault::answer(format!("the body is encoded ('{}'), which was not asked for", shortened(&encoding))));
    }
    let cache_control = text(headers, header::CACHE_CONTROL);
    let body = Limited::new(response.into_body(), LARGEST_KEY_SET).collect().await.map_err(|error| {
        if error.is::<http_body_util::LengthLimitError>() {
            FetchFault::answer("the key set is larger than 256 KiB")
        } else {
            FetchFault::unreachable(format!("the body broke off: {}", shortened(&error.to_string())))
        }
    })?;
    drop(driven);
    Ok(Served { body: body.to_bytes().to_vec(), cache_control })
}

fn text(headers: &HeaderMap, name: header::HeaderName) -> Option<String> {
    headers.get(name).map(|value| String::from_utf8_lossy(value.as_bytes()).into_owned())
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    /// What a name stands for is held against the rule where it is connected to: a name on the internet may stand for anything.
    #[tokio::test]
    async fn only_a_machine_that_may_be_asked_is_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = listener.local_addr().unwrap();
        let at = |text: &str| SocketAddr::from((text.parse::<std::net::IpAddr>().unwrap(), here.port()));
        assert!(connect_to_one(&[at("10.0.0.1"), here], Environment::Sandbox).await.is_ok(), "past the one that is not asked");
        for (address, what) in [
            (here, "this machine itself"),
            (at("::1"), "this machine itself"),
            (at("::ffff:127.0.0.1"), "this machine itself"),
            (at("169.254.169.254"), "an address of the local link"),
            (at("64:ff9b::a00:1"), "an IPv6 form of an address that is not asked"),
        ] {
            let fault = connect_to_one(&[address], Environment::Production).await.err().unwrap();
            assert_eq!((fault.code, fault.message.contains(what)), ("key-set.address", true), "{}", fault.message);
        }
        let nobody = connect_to_one(&[], Environment::Production).await.err().unwrap();
        assert_eq!(nobody.code, "key-set.unreachable");
    }
}
