//! A key set is really fetched: over TLS on loopback, from a server that says what it likes.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use domain::Environment;
use openssl::asn1::Asn1Time;
use openssl::bn::BigNum;
use openssl::hash::MessageDigest;
use openssl::ssl::{Ssl, SslAcceptor, SslMethod};
use openssl::x509::extension::{BasicConstraints, SubjectAlternativeName};
use openssl::x509::{X509, X509NameBuilder};
use pki::{KeyKind, PrivateKey};
use server::credential::key_sets::{FetchFault, KeySets, OverTheNetwork, Served};
use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_openssl::SslStream;

/// A server on loopback that gives one answer after the other, and the last one for ever.
struct Stall {
    port: u16,
    heard: Arc<Mutex<Vec<String>>>,
    ca: PathBuf,
    _folder: TempDir,
}

fn name(common: &str) -> openssl::x509::X509Name {
    let mut name = X509NameBuilder::new().unwrap();
    name.append_entry_by_text("CN", common).unwrap();
    name.build()
}

/// A certificate that signs itself, for that host.
fn certificate(key: &PrivateKey, host: &str) -> X509 {
    let mut builder = X509::builder().unwrap();
    builder.set_version(2).unwrap();
    builder.set_serial_number(&BigNum::from_u32(7).unwrap().to_asn1_integer().unwrap()).unwrap();
    builder.set_subject_name(&name(host)).unwrap();
    builder.set_issuer_name(&name(host)).unwrap();
    builder.set_not_before(&Asn1Time::days_from_now(0).unwrap()).unwrap();
    builder.set_not_after(&Asn1Time::days_from_now(30).unwrap()).unwrap();
    builder.set_pubkey(key.pkey()).unwrap();
    builder.append_extension(BasicConstraints::new().critical().ca().build().unwrap()).unwrap();
    let names = SubjectAlternativeName::new().dns(host).build(&builder.x509v3_context(None, None)).unwrap();
    builder.append_extension(names).unwrap();
    builder.sign(key.pkey(), MessageDigest::sha256()).unwrap();
    builder.build()
}

impl Stall {
    /// Answers in raw HTTP; `{port}` in them is the server's own.
    async fn opens(host: &str, answers: &[&str]) -> Self {
        let key = PrivateKey::generate(KeyKind::P256).unwrap();
        let certificate = certificate(&key, host);
        let folder = TempDir::with_prefix("iam-stall-").unwrap();
        let ca = folder.path().join("ca.pem");
        std::fs::write(&ca, certificate.to_pem().unwrap()).unwrap();
        let mut acceptor = SslAcceptor::mozilla_intermediate_v5(SslMethod::tls_server()).unwrap();
        acceptor.set_certificate(&certificate).unwrap();
        acceptor.set_private_key(key.pkey()).unwrap();
        let acceptor = acceptor.build();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let answers: Vec<String> = answers.iter().map(|answer| answer.replace("{port}", &port.to_string())).collect();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let ears = Arc::clone(&heard);
        tokio::spawn(async move {
            for turn in 0.. {
                let Ok((tcp, _)) = listener.accept().await else { break };
                let answer = answers[answers.len().min(turn + 1) - 1].clone();
                let mut stream = SslStream::new(Ssl::new(acceptor.context()).unwrap(), tcp).unwrap();
                if std::pin::Pin::new(&mut stream).accept().await.is_err() {
                    continue;
                }
                let mut request = vec![0; 4_096];
                let length = stream.read(&mut request).await.unwrap_or(0);
                ears.lock().unwrap().push(String::from_utf8_lossy(&request[..length]).into_owned());
                if answer.is_empty() {
                    // Says nothing, and does not hang up either.
                    std::future::pending::<()>().await;
                }
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        Self { port, heard, ca, _folder: folder }
    }

    fn url(&self, path: &str) -> String {
        format!("https://localhost:{}{path}", self.port)
    }

    async fn fetched(&self, path: &str) -> Result<Served, FetchFault> {
        OverTheNetwork::new(Some(self.ca.clone())).fetch(&self.url(path), Environment::Sandbox).await
    }

    fn heard(&self) -> Vec<String> {
        self.heard.lock().unwrap().clone()
    }
}

fn answer(head: &str, body: &str) -> String {
    format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

const JSON: &str = "200 OK\r\nContent-Type: application/json";

fn moved(to: &str) -> String {
    answer(&format!("302 Found\r\nLocation: {to}"), "")
}

#[tokio::test]
async fn a_key_set_is_fetched_with_nothing_but_its_path() {
    let served =
        answer("200 OK\r\nContent-Type: application/jwk-set+json; charset=utf-8\r\nCache-Control: max-age=600", "{\"keys\":[]}");
    let stall = Stall::opens("localhost", &[&served]).await;
    let fetched = stall.fetched("/keys/jwks.json?client=drill").await.unwrap();
    assert_eq!(fetched, Served { body: b"{\"keys\":[]}".to_vec(), cache_control: Some("max-age=600".to_owned()) });
    let heard = stall.heard().concat().to_ascii_lowercase();
    assert!(heard.starts_with("get /keys/jwks.json?client=drill http/1.1\r\n"), "{heard}");
    assert!(heard.contains(&format!("host: localhost:{}\r\n", stall.port)), "{heard}");
    for never in ["accept-encoding", "cookie", "authorization", "referer"] {
        assert!(!heard.contains(never), "{heard}");
    }
}

#[tokio::test]
async fn a_redirect_is_followed_three_times_and_only_where_one_may_go() {
    let good = answer(JSON, "{}");
    let (next, further) = (moved("/next"), moved("https://localhost:{port}/further"));
    let stall = Stall::opens("localhost", &[&next, &further, &next, &good]).await;
    stall.fetched("/").await.unwrap();
    assert_eq!(stall.heard().len(), 4);
    for (answers, code) in [
        (vec![next.clone(), next.clone(), next.clone(), next.clone(), good.clone()], "key-set.redirect"),
        (vec![moved("http://localhost:{port}/"), good.clone()], "key-set.redirect"),
        (vec![moved("https://user@localhost:{port}/"), good.clone()], "key-set.redirect"),
        (vec![moved("https://10.0.0.1/"), good.clone()], "key-set.redirect"),
        (vec![moved("https://intranet/"), good.clone()], "key-set.redirect"),
        (vec![moved("file:///etc/passwd"), good.clone()], "key-set.redirect"),
        (vec![moved("//"), good.clone()], "key-set.redirect"),
        (vec![answer("302 Found", ""), good.clone()], "key-set.redirect"),
    ] {
        let answers: Vec<&str> = answers.iter().map(String::as_str).collect();
        let fault = Stall::opens("localhost", &answers).await.fetched("/").await.unwrap_err();
        assert_eq!(fault.code, code, "{answers:?}: {}", fault.message);
    }
}

#[tokio::test]
async fn whatever_else_is_served_is_no_key_set() {
    let large = format!("{{\"keys\":[],\"note\":\"{}\"}}", "x".repeat(256 * 1024));
    let endless =
        format!("HTTP/1.1 {JSON}\r\nTransfer-Encoding: chunked\r\n\r\n{}", "8000\r\n".to_owned() + &"y".repeat(0x8000) + "\r\n");
    let endless = endless.clone() + &("8000\r\n".to_owned() + &"y".repeat(0x8000) + "\r\n").repeat(20);
    for (answer, code) in [
        (answer("404 Not Found\r\nContent-Type: application/json", "{}"), "key-set.answer"),
        (answer("500 Oh\r\nContent-Type: application/json", "{}"), "key-set.answer"),
        (answer("204 No Content", ""), "key-set.answer"),
        (answer("200 OK\r\nContent-Type: text/html", "{}"), "key-set.answer"),
        (answer("200 OK\r\nContent-Type: application/jsonp", "{}"), "key-set.answer"),
        (answer("200 OK", "{}"), "key-set.answer"),
        (answer(&format!("{JSON}\r\nContent-Encoding: gzip"), "{}"), "key-set.answer"),
        (answer(JSON, &large), "key-set.answer"),
        (endless, "key-set.answer"),
        (format!("HTTP/1.1 {JSON}\r\nContent-Length: 100\r\n\r\n{{"), "key-set.unreachable"),
        ("\u{1b}[31mhello\r\n\r\n".to_owned(), "key-set.unreachable"),
        (format!("HTTP/1.1 {JSON}\r\n{}\r\n\r\n", "X-Y: z\r\n".repeat(20_000)), "key-set.unreachable"),
    ] {
        let fault = Stall::opens("localhost", &[&answer]).await.fetched("/").await.unwrap_err();
        assert_eq!(fault.code, code, "{:?}: {}", answer.get(..80), fault.message);
        assert!(!fault.message.chars().any(char::is_control), "{}", fault.message);
    }
}

#[tokio::test]
async fn only_who_is_trusted_under_that_name_is_believed() {
    let good = answer(JSON, "{}");
    let stall = Stall::opens("localhost", &[&good]).await;
    let fault = OverTheNetwork::new(None).fetch(&stall.url("/"), Environment::Sandbox).await.unwrap_err();
    assert!(fault.code == "key-set.unreachable" && fault.message.contains("not trusted"), "{fault:?}");
    let other = Stall::opens("keys.drill.example", &[&good]).await;
    let fault = other.fetched("/").await.unwrap_err();
    assert!(fault.code == "key-set.unreachable" && fault.message.contains("not trusted"), "{fault:?}");
    let nobody = OverTheNetwork::new(Some(PathBuf::from("/nowhere/ca.pem"))).fetch(&stall.url("/"), Environment::Sandbox).await;
    assert!(nobody.unwrap_err().message.contains("/nowhere/ca.pem"));
}

#[tokio::test]
async fn who_never_answers_is_waited_for_so_long_and_no_longer() {
    let stall = Stall::opens("localhost", &[""]).await;
    let hasty = OverTheNetwork::new(Some(stall.ca.clone())).with_patience(Duration::from_millis(300));
    let fault = hasty.fetch(&stall.url("/"), Environment::Sandbox).await.unwrap_err();
    assert_eq!((fault.code, fault.message.as_str()), ("key-set.unreachable", "no whole answer within 0.3 s"));
}

#[tokio::test]
async fn on_production_this_machine_is_not_asked_whatever_its_name() {
    let stall = Stall::opens("localhost", &[&answer(JSON, "{}")]).await;
    for url in [stall.url("/"), format!("https://127.0.0.1:{}/", stall.port), format!("http://127.0.0.1:{}/", stall.port)] {
        let fault = OverTheNetwork::new(Some(stall.ca.clone())).fetch(&url, Environment::Production).await.unwrap_err();
        assert_eq!(fault.code, "key-set.address", "{url}");
    }
    assert_eq!(stall.heard(), Vec::<String>::new());
}
