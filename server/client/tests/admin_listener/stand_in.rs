//! A stand-in for the admin listener: TLS as the server's, answers as the test says.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::path::Path;
use std::pin::Pin;
use std::sync::{Arc, Mutex};

use client::contexts::{ContextParts, Replace};
use client::{Connection, Context, ContextFile, Contexts};
use domain::{Environment, Timestamp};
use openssl::ssl::{Ssl, SslContext, SslMethod, SslOptions, SslVerifyMode, SslVersion};
use openssl::x509::store::X509StoreBuilder;
use openssl::x509::verify::X509VerifyFlags;
use pki::{Authority, AuthorityName, AuthorityPurpose, Certificate, Instance, KeyKind, PrivateKey};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_openssl::SslStream;

/// An instance's authorities.
pub struct Authorities {
    pub root: Authority,
    pub operators: Authority,
    pub servers: Authority,
}

impl Authorities {
    pub fn of(instance: &str) -> Self {
        // Made well before anything they issue in these tests.
        let made = days_from_now(-400);
        let instance = Instance::new(instance, Environment::Sandbox, "http://127.0.0.1:8080").unwrap();
        let key = || PrivateKey::generate(KeyKind::P256).unwrap();
        let root = Authority::new_root(&instance, 1, key(), made).unwrap();
        let operators = root.new_issuing(AuthorityName::new(AuthorityPurpose::Operators, 1), key(), made).unwrap();
        let servers = root.new_issuing(AuthorityName::new(AuthorityPurpose::Servers, 1), key(), made).unwrap();
        Self { root, operators, servers }
    }
}

pub fn days_from_now(days: i64) -> Timestamp {
    Timestamp::from_micros(client::surroundings::now().micros() + days * 86_400_000_000)
}

/// A request as it came in.
#[derive(Debug, Clone)]
pub struct Asked {
    pub method: String,
    pub path: String,
    pub headers: HashMap<String, String>,
    pub body: serde_json::Value,
}

/// What the stand-in does with a request.
pub enum Does {
    /// Answers: status, more headers, body.
    Answer(u16, &'static [(&'static str, &'static str)], String),
    /// Sends these bytes and closes.
    Raw(String),
    /// Closes without a word.
    Close,
    /// Stops listening, then closes without a word.
    Vanish,
    /// Never answers.
    Wait,
}

type Behaviour = Arc<dyn Fn(usize, &Asked) -> Does + Send + Sync>;
type Listening = Arc<Mutex<Option<JoinHandle<()>>>>;

/// A listener and what it was asked.
pub struct StandIn {
    pub address: SocketAddr,
    pub asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub async fn start(authorities: &Authorities, behaviour: impl Fn(usize, &Asked) -> Does + Send + Sync + 'static) -> Self {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let address = "127.0.0.1".parse().unwrap();
        let certificate = authorities
            .servers
            .plan_server(&[], &[address], &key.public().unwrap(), None, days_from_now(-1))
            .and_then(|planned| authorities.servers.sign(&planned))
            .unwrap();
        Self::start_with(authorities, key, certificate, behaviour).await
    }

    pub async fn start_with(
        authorities: &Authorities,
        key: PrivateKey,
        certificate: Certificate,
        behaviour: impl Fn(usize, &Asked) -> Does + Send + Sync + 'static,
    ) -> Self {
        let tls = Arc::new(server_tls(authorities, &key, &certificate));
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let asked = Arc::new(Mutex::new(Vec::new()));
        let behaviour: Behaviour = Arc::new(behaviour);
        let told = Arc::clone(&asked);
        let listening = Listening::default();
        let itself = Arc::clone(&listening);
        let accepting = tokio::spawn(async move {
            loop {
                let (stream, _) = listener.accept().await.unwrap();
                let (tls, told, behaviour) = (Arc::clone(&tls), Arc::clone(&told), Arc::clone(&behaviour));
                let listening = Arc::clone(&itself);
                tokio::spawn(async move {
                    let mut stream = SslStream::new(Ssl::new(&tls).unwrap(), stream).unwrap();
                    if Pin::new(&mut stream).accept().await.is_ok() {
                        converse(stream, &told, &behaviour, &listening).await;
                    }
                });
            }
        });
        *listening.lock().unwrap() = Some(accepting);
        Self { address, asked }
    }

    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }
}

async fn converse(
    mut stream: SslStream<tokio::net::TcpStream>,
    told: &Mutex<Vec<Asked>>,
    behaviour: &Behaviour,
    listening: &Listening,
) {
    while let Some(asked) = request(&mut stream).await {
        let number = {
            let mut told = told.lock().unwrap();
            told.push(asked.clone());
            told.len()
        };
        match behaviour(number, &asked) {
            Does::Answer(status, headers, body) => {
                let mut head =
                    format!("HTTP/1.1 {status} X\r\ncontent-length: {}\r\nx-request-id: request-{number}\r\n", body.len());
                for (name, value) in headers {
                    head.push_str(&format!("{name}: {value}\r\n"));
                }
                stream.write_all(format!("{head}\r\n{body}").as_bytes()).await.unwrap();
            }
            Does::Raw(bytes) => {
                stream.write_all(bytes.as_bytes()).await.unwrap();
                let _ = Pin::new(&mut stream).shutdown().await;
                return;
            }
            Does::Close => return,
            Does::Vanish => {
                let accepting = listening.lock().unwrap().take().unwrap();
                accepting.abort();
                assert!(accepting.await.unwrap_err().is_cancelled());
                return;
            }
            Does::Wait => std::future::pending().await,
        }
    }
}

async fn request(stream: &mut SslStream<tokio::net::TcpStream>) -> Option<Asked> {
    let mut bytes = Vec::new();
    let head = loop {
        bytes.push(stream.read_u8().await.ok()?);
        if bytes.ends_with(b"\r\n\r\n") {
            break String::from_utf8(std::mem::take(&mut bytes)).unwrap();
        }
    };
    let mut lines = head.lines();
    let mut first = lines.next()?.split(' ');
    let (method, path) = (first.next()?.to_owned(), first.next()?.to_owned());
    let headers: HashMap<String, String> =
        lines.filter_map(|line| line.split_once(": ")).map(|(name, value)| (name.to_lowercase(), value.to_owned())).collect();
    let mut body = vec![0; headers.get("content-length").map_or(0, |length| length.parse().unwrap())];
    stream.read_exact(&mut body).await.ok()?;
    Some(Asked { method, path, headers, body: serde_json::from_slice(&body).unwrap_or_default() })
}

/// As the server's own: TLS 1.3, no tickets, client certificates of the authority for operators.
fn server_tls(authorities: &Authorities, key: &PrivateKey, certificate: &Certificate) -> SslContext {
    let mut builder = SslContext::builder(SslMethod::tls_server()).unwrap();
    builder.set_private_key(key.pkey()).unwrap();
    builder.set_certificate(certificate.x509().unwrap()).unwrap();
    builder.add_extra_chain_cert(authorities.servers.certificate().x509().unwrap().clone()).unwrap();
    builder.set_min_proto_version(Some(SslVersion::TLS1_3)).unwrap();
    builder.set_num_tickets(0).unwrap();
    builder.set_options(SslOptions::NO_TICKET);
    let mut trusted = X509StoreBuilder::new().unwrap();
    trusted.add_cert(authorities.operators.certificate().x509().unwrap().clone()).unwrap();
    trusted.set_flags(X509VerifyFlags::PARTIAL_CHAIN).unwrap();
    builder.set_verify_cert_store(trusted.build()).unwrap();
    builder.set_verify(SslVerifyMode::PEER);
    builder.build()
}

/// Makes an operator's context in `home`: certificate by `issuer` made at `made`, trust in `trusted`.
pub fn context(home: &Path, server: &str, issuer: &Authorities, trusted: &Authorities, made: Timestamp) -> Context {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let certificate = issuer
        .operators
        .plan_operator("first-operator", &key.public().unwrap(), None, made)
        .and_then(|planned| issuer.operators.sign(&planned))
        .unwrap();
    let chain = certificate.pem().unwrap() + &issuer.operators.certificate().pem().unwrap();
    let file = ContextFile {
        name: "demo".into(),
        server: server.into(),
        instance: "demo-instance".into(),
        environment: Environment::Sandbox,
        operator: "first-operator".parse().unwrap(),
        ca: "ca.crt".into(),
        certificate: "operator.crt".into(),
        key: "operator.key".into(),
    };
    let (ca, key) = (trusted.root.certificate().pem().unwrap(), key.pkey().private_key_to_pem_pkcs8().unwrap());
    let parts = ContextParts { file, ca: ca.as_bytes(), certificate: chain.as_bytes(), key: &key };
    Contexts::open_at(home.to_owned()).unwrap().add(&parts, Replace::Yes).unwrap()
}

/// A connection of an operator in good standing.
pub fn connection(home: &Path, stand_in: &StandIn, authorities: &Authorities) -> Connection {
    Connection::open(&context(home, &stand_in.url(), authorities, authorities, days_from_now(-1))).unwrap()
}
