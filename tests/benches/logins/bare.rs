//! An endpoint that does nothing but sign: what an answer with one ES256 signature costs at the least over the same TLS.

use std::sync::Arc;

use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use axum::routing::post;
use hyper_util::rt::{TokioExecutor, TokioIo};
use hyper_util::server::conn::auto;
use hyper_util::service::TowerToHyperService;
use openssl::ssl::{SslAcceptor, SslFiletype, SslMethod};
use pki::{JwsAlgorithm, KeyKind, PrivateKey, TokenSigner, TokenType};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What this program is told to be it.
pub const ROLE: &str = "bare-endpoint";

/// Serves until it is killed.
pub async fn serve(certificate: &str, key: &str) {
    let mut acceptor = SslAcceptor::mozilla_modern_v5(SslMethod::tls_server()).unwrap();
    acceptor.set_certificate_chain_file(certificate).unwrap();
    acceptor.set_private_key_file(key, SslFiletype::PEM).unwrap();
    let acceptor = acceptor.build();
    let signer = TokenSigner::new(PrivateKey::generate(KeyKind::P256).unwrap().into(), JwsAlgorithm::ES256).unwrap();
    let router = axum::Router::new().route("/oauth2/token", post(sign)).with_state(Arc::new(signer));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap());
    loop {
        let (socket, _) = listener.accept().await.unwrap();
        socket.set_nodelay(true).unwrap();
        let ssl = openssl::ssl::Ssl::new(acceptor.context()).unwrap();
        let router = router.clone();
        tokio::spawn(async move {
            let mut stream = tokio_openssl::SslStream::new(ssl, socket).unwrap();
            std::pin::Pin::new(&mut stream).accept().await.unwrap();
            let service = TowerToHyperService::new(router);
            let _ = auto::Builder::new(TokioExecutor::new()).serve_connection(TokioIo::new(stream), service).await;
        });
    }
}

async fn sign(State(signer): State<Arc<TokenSigner>>, _form: Bytes) -> Json<Value> {
    let claims = json!({ "iss": "https://localhost", "sub": "a-party.a-service", "iat": 1_700_000_000, "exp": 1_700_000_300 });
    let token = signer.sign(TokenType::AccessToken, claims.to_string().as_bytes()).unwrap();
    Json(json!({ "access_token": token, "token_type": "Bearer", "expires_in": 300, "scope": "" }))
}
