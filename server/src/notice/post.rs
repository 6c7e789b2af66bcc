use domain::finding::shortened;
use domain::{Environment, check_redirect_uri};
use http::{HeaderValue, Request, header};
use http_body_util::Full;
use hyper::body::Bytes;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use tokio_util::task::AbortOnDropHandle;
use url::Url;

use super::Letter;
use crate::credential::key_sets::{OverTheNetwork, host_and_target};

/// Headers of an answer, together.
const LARGEST_HEAD: usize = 64 * 1024;

/// Posts a letter; the receiver has confirmed it by any 2xx. The address is held against the rule of manifests, and whatever machine
/// its name stands for against the rule of those that may be asked. No redirect is followed (CIBA Core 1.0, section 10.2), and of
/// the answer nothing is read but its status.
///
/// # Errors
/// Why it was not confirmed, in words that name neither the letter's content nor what the receiver has written.
pub(super) async fn post(network: &OverTheNetwork, letter: &Letter, environment: Environment) -> Result<(), String> {
    check_redirect_uri(&letter.url, environment).map_err(|fault| fault.message)?;
    let url = Url::parse(&letter.url).map_err(|_| "the address cannot be read".to_owned())?;
    let stream = network.connect(&url, environment).await.map_err(|fault| fault.message)?;
    let cut = |error: hyper::Error| format!("the connection broke off: {}", shortened(&error.to_string()));
    let (mut sender, connection) =
        http1::Builder::new().max_buf_size(LARGEST_HEAD).handshake(TokioIo::new(stream)).await.map_err(cut)?;
    // It ends with the answer, or when nobody waits for it any more.
    let driven = AbortOnDropHandle::new(tokio::spawn(connection));
    let answer = sender.send_request(request(&url, letter)?).await.map_err(cut)?;
    drop(driven);
    match answer.status() {
        status if status.is_success() => Ok(()),
        status => Err(format!("the answer is HTTP {}", status.as_u16())),
    }
}

fn request(url: &Url, letter: &Letter) -> Result<Request<Full<Bytes>>, String> {
    let (host, target) = host_and_target(url);
    let mut request = Request::post(target)
        .header(header::HOST, host)
        .header(header::CONTENT_TYPE, letter.content_type)
        .header(header::USER_AGENT, concat!("iamd/", env!("CARGO_PKG_VERSION")))
        .header(header::CONNECTION, "close")
        .body(Full::new(Bytes::from(letter.body.clone())))
        .map_err(|_| "the address cannot be posted to".to_owned())?;
    if let Some(authorization) = &letter.authorization {
        let mut value = HeaderValue::from_str(authorization).map_err(|_| "the token is not one for a header".to_owned())?;
        value.set_sensitive(true);
        request.headers_mut().insert(header::AUTHORIZATION, value);
    }
    Ok(request)
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use zeroize::Zeroizing;

    use super::*;

    fn letter(url: &str) -> Letter {
        Letter {
            url: url.to_owned(),
            content_type: "application/json",
            authorization: Some(Zeroizing::new("Bearer t0ken".to_owned())),
            body: "{}".to_owned(),
        }
    }

    /// Posts to a server on loopback that gives this answer; gives what became of it and what was heard.
    async fn posted(answer: &'static str) -> (Result<(), String>, String) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://127.0.0.1:{}/told?by=us", listener.local_addr().unwrap().port());
        let hears = tokio::spawn(async move {
            let (mut tcp, _) = listener.accept().await.unwrap();
            let mut heard = vec![0; 4_096];
            let length = tcp.read(&mut heard).await.unwrap();
            tcp.write_all(answer.as_bytes()).await.unwrap();
            String::from_utf8_lossy(&heard[..length]).into_owned()
        });
        let done = post(&OverTheNetwork::new(None), &letter(&url), Environment::Sandbox).await;
        (done, hears.await.unwrap())
    }

    #[tokio::test]
    async fn only_success_confirms_and_no_redirect_is_followed() {
        let (done, heard) = posted("HTTP/1.1 204 No Content\r\n\r\n").await;
        assert_eq!(done, Ok(()));
        assert!(
            heard.starts_with("POST /told?by=us HTTP/1.1\r\n") && heard.contains("authorization: Bearer t0ken\r\n"),
            "{heard}"
        );
        for (answer, said) in [
            ("HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:1/\r\nContent-Length: 0\r\n\r\n", "the answer is HTTP 302"),
            ("HTTP/1.1 401 No\r\nContent-Length: 0\r\n\r\n", "the answer is HTTP 401"),
            ("HTTP/1.1 503 \u{1b}[31m\r\nContent-Length: 0\r\n\r\n", "the connection broke off: "),
            ("", "the connection broke off: "),
        ] {
            let why = posted(answer).await.0.unwrap_err();
            assert!(why.starts_with(said) && !why.contains("t0ken") && !why.chars().any(char::is_control), "{why}");
        }
    }

    #[tokio::test]
    async fn no_address_leads_into_our_own_network() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let network = OverTheNetwork::new(None);
        for (url, environment) in [
            (format!("http://127.0.0.1:{port}/"), Environment::Production),
            (format!("https://localhost:{port}/"), Environment::Production),
            ("https://10.0.0.1/".to_owned(), Environment::Sandbox),
            ("https://169.254.169.254/latest".to_owned(), Environment::Sandbox),
            ("http://metadata.example/".to_owned(), Environment::Sandbox),
            ("file:///etc/passwd".to_owned(), Environment::Sandbox),
        ] {
            assert!(post(&network, &letter(&url), environment).await.is_err(), "{url}");
        }
        let nobody = tokio::time::timeout(std::time::Duration::ZERO, listener.accept()).await;
        assert!(nobody.is_err(), "somebody came");
    }
}
