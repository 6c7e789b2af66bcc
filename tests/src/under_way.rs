//! A request that is under way, provably: the server has read its head and has asked for the rest.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;

use openssl::ssl::{SslConnector, SslFiletype, SslMethod, SslStream};
use serde_json::Value;

/// A request whose operation waits for its body.
pub struct UnderWay {
    stream: SslStream<TcpStream>,
    body: String,
}

impl UnderWay {
    /// Asks for an operation as the operator of a context, and keeps the body back until the server wants it.
    ///
    /// # Panics
    /// When the server does not let the operator in or does not ask for the body.
    #[must_use]
    pub fn begins(context: &Path, operation: &str, key: &str, body: &str) -> Self {
        let context = client::Context::read(context).unwrap();
        let folder = context.path.parent().unwrap();
        let mut connector = SslConnector::builder(SslMethod::tls_client()).unwrap();
        connector.set_ca_file(folder.join(&context.file.ca)).unwrap();
        connector.set_certificate_chain_file(folder.join(&context.file.certificate)).unwrap();
        connector.set_private_key_file(folder.join(&context.file.key), SslFiletype::PEM).unwrap();
        let server: url::Url = context.file.server.parse().unwrap();
        let (host, port) = (server.host_str().unwrap(), server.port().unwrap());
        let mut stream = connector.build().connect(host, TcpStream::connect((host, port)).unwrap()).unwrap();
        let head = format!(
            "POST {}{operation} HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\nContent-Type: application/json\r\n\
             {}: {key}\r\nContent-Length: {}\r\nExpect: 100-continue\r\n\r\n",
            api::ADMIN_PATH,
            api::IDEMPOTENCY_KEY,
            body.len(),
        );
        stream.write_all(head.as_bytes()).unwrap();
        // Byte by byte: nothing of the answer proper may be taken.
        let mut told = Vec::new();
        while !told.ends_with(b"\r\n\r\n") {
            let mut byte = [0];
            stream.read_exact(&mut byte).unwrap();
            told.push(byte[0]);
        }
        let told = String::from_utf8(told).unwrap();
        assert!(told.starts_with("HTTP/1.1 100 "), "the server does not ask for the body: {told}");
        Self { stream, body: body.to_owned() }
    }

    /// Sends the body; gives the status and the reply.
    ///
    /// # Panics
    /// When there is no answer.
    pub fn ends(mut self) -> (u16, Value) {
        self.stream.write_all(self.body.as_bytes()).unwrap();
        let mut answer = Vec::new();
        // The server may end the connection without a farewell.
        let _ = self.stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        (head.split(' ').nth(1).unwrap().parse().unwrap(), serde_json::from_str(body).unwrap())
    }
}

/// Waits until nobody listens there any more.
pub fn nobody_listens(address: std::net::SocketAddr) {
    while TcpStream::connect(address).is_ok() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
}
