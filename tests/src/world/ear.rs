//! A server of a relying party's on loopback that is told things.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::to_bytes;
use axum::extract::Request;
use http::StatusCode;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

/// What was said to it.
#[derive(Debug, Clone)]
pub struct Heard {
    /// Method and path.
    pub line: String,
    /// Headers, by lower-case name.
    pub headers: BTreeMap<String, String>,
    /// The body.
    pub body: String,
}

/// The server. It answers 204, or what it was told to.
#[derive(Debug)]
pub struct Ear {
    port: u16,
    heard: Arc<Mutex<Vec<Heard>>>,
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    serving: JoinHandle<()>,
}

impl Drop for Ear {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

impl Ear {
    /// Opens.
    ///
    /// # Panics
    /// When there is no port.
    pub async fn opens() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let heard = Arc::new(Mutex::new(Vec::new()));
        let answers = Arc::new(Mutex::new(VecDeque::new()));
        let (ears, mouth) = (Arc::clone(&heard), Arc::clone(&answers));
        let router = Router::new().fallback(async move |request: Request| {
            let (head, body) = request.into_parts();
            let body = to_bytes(body, 65_536).await.unwrap();
            let text = |value: &http::HeaderValue| String::from_utf8_lossy(value.as_bytes()).into_owned();
            let headers = head.headers.iter().map(|(name, value)| (name.to_string(), text(value))).collect();
            let line = format!("{} {}", head.method, head.uri);
            ears.lock().unwrap().push(Heard { line, headers, body: String::from_utf8_lossy(&body).into_owned() });
            mouth.lock().unwrap().pop_front().unwrap_or(StatusCode::NO_CONTENT)
        });
        let serving = tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { port, heard, answers, serving }
    }

    /// The address of that path, as a manifest of a sandbox names it.
    #[must_use]
    pub fn url(&self, path: &str) -> String {
        format!("http://127.0.0.1:{}{path}", self.port)
    }

    /// How it answers the next ones.
    ///
    /// # Panics
    /// Never.
    pub fn answers(&self, with: &[StatusCode]) {
        self.answers.lock().unwrap().extend(with);
    }

    /// What it heard since the last time, in order.
    ///
    /// # Panics
    /// Never.
    #[must_use]
    pub fn heard(&self) -> Vec<Heard> {
        std::mem::take(&mut self.heard.lock().unwrap())
    }
}
