//! Clients that ask as fast as they are answered, each on a connection of its own that stays open, and what they saw.

use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::pin::Pin;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderValue, Method, Request, StatusCode, header};
use http_body_util::{BodyExt, Full};
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use openssl::ssl::{SslConnector, SslMethod, SslVerifyMode};
use serde_json::Value;
use tests::measured;
use tokio::net::TcpStream;
use tokio_openssl::SslStream;

/// A connection that stays open.
pub struct Kept(SendRequest<Full<Bytes>>);

impl Kept {
    /// Connects over TLS, whoever is there.
    pub async fn to(address: SocketAddr) -> Self {
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_verify(SslVerifyMode::NONE);
        let ssl = connector.build().configure().unwrap().verify_hostname(false).into_ssl("localhost").unwrap();
        let socket = TcpStream::connect(address).await.unwrap();
        socket.set_nodelay(true).unwrap();
        let mut stream = SslStream::new(ssl, socket).unwrap();
        Pin::new(&mut stream).connect().await.unwrap();
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(connection);
        Self(sender)
    }

    /// Sends a request and reads the whole answer.
    pub async fn asks(&mut self, mut request: Request<Full<Bytes>>) -> (StatusCode, Bytes) {
        request.headers_mut().insert(header::HOST, HeaderValue::from_static("localhost"));
        self.0.ready().await.unwrap();
        let (head, body) = self.0.send_request(request).await.unwrap().into_parts();
        (head.status, body.collect().await.unwrap().to_bytes())
    }

    /// The same, of an answer that is JSON and good.
    pub async fn reads(&mut self, request: Request<Full<Bytes>>) -> Value {
        let asked = format!("{} {}", request.method(), request.uri());
        let (status, body) = self.asks(request).await;
        assert!(status.is_success(), "{asked}: {status} {}", String::from_utf8_lossy(&body));
        serde_json::from_slice(&body).unwrap()
    }
}

/// A form that is posted.
pub fn form(path: &str, pairs: &[(&str, &str)]) -> Request<Full<Bytes>> {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish();
    let request = Request::post(path).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Full::from(body)).unwrap()
}

/// Something that is fetched as data.
pub fn get(path: &str) -> Request<Full<Bytes>> {
    Request::builder().method(Method::GET).uri(path).header(header::ACCEPT, "application/json").body(Full::default()).unwrap()
}

/// What many of them saw together.
pub struct Seen {
    /// Answers a second.
    pub rate: f64,
    /// The answer that one in a hundred waits longer for, milliseconds.
    pub p99: f64,
    /// Answers for a second of the server's processor.
    pub for_a_second: f64,
}

/// One who asks again and again.
pub trait Asks: Send + 'static {
    /// Asks once, and reads the answer.
    fn once(&mut self) -> impl Future<Output = ()> + Send;
}

/// Has them all ask at once for so long, after a quarter of that in which nothing is counted; `server` is the process that answers.
pub async fn load<A: Asks>(all: Vec<A>, lasts: Duration, server: u32) -> Seen {
    let warm = Instant::now() + lasts / 4;
    let end = warm + lasts;
    let ask = |mut asks: A| async move {
        let mut took = Vec::new();
        loop {
            let began = Instant::now();
            if began >= end {
                return took;
            }
            asks.once().await;
            if began >= warm {
                took.push(began.elapsed());
            }
        }
    };
    let tasks: Vec<_> = all.into_iter().map(|asks| tokio::spawn(ask(asks))).collect();
    tokio::time::sleep_until(warm.into()).await;
    let before = measured::processor(server);
    tokio::time::sleep_until(end.into()).await;
    let used = measured::processor(server) - before;
    let mut took = Vec::new();
    for task in tasks {
        took.extend(task.await.unwrap());
    }
    took.sort_unstable();
    let answers = took.len() as f64;
    let p99 = took[took.len() * 99 / 100].as_secs_f64() * 1e3;
    Seen { rate: answers / lasts.as_secs_f64(), p99, for_a_second: answers / used }
}

/// A process that ends with this.
pub struct Beside(Child);

impl Beside {
    /// Starts it, and gives where it listens: what it prints first.
    pub fn starts(command: &mut Command) -> (Self, SocketAddr) {
        let mut child = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        (Self(child), line.trim().parse().unwrap())
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.0.id()
    }
}

impl Drop for Beside {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
