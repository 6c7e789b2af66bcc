//! Who is trusted: each way in which the two sides turn each other away has its own words.

use api::Exit;
use api::operator::WhoAmI;
use client::{CallOptions, ClientError, Connection, TlsFault};
use pki::{KeyKind, PrivateKey};
use tokio::io::AsyncWriteExt;

use crate::stand_in::{Authorities, Does, StandIn, context, days_from_now};

async fn refused(server: &str, issuer: &Authorities, trusted: &Authorities, made_days_ago: i64) -> (TlsFault, String) {
    let home = tempfile::tempdir().unwrap();
    let context = context(home.path(), server, issuer, trusted, days_from_now(-made_days_ago));
    let connection = Connection::open(&context).unwrap();
    let by_probe = connection.probe().await.unwrap_err();
    let error = connection.call(&WhoAmI {}, &CallOptions::default()).await.unwrap_err();
    let ClientError::Tls { fault, .. } = &error else { panic!("{error:?}") };
    assert_eq!(error.exit(), Exit::NotAuthenticated);
    assert_eq!(by_probe.code(), error.code());
    assert!(error.hint().is_some_and(|hint| !hint.is_empty()));
    (*fault, error.to_string())
}

#[tokio::test]
async fn certificates_that_do_not_fit_are_told_apart() {
    let (ours, other) = (Authorities::of("ours"), Authorities::of("other"));
    let stand_in = StandIn::start(&ours, |_, _| Does::Close).await;
    let url = stand_in.url();
    assert_eq!(refused(&url, &ours, &other, 1).await.0, TlsFault::WrongCa);
    assert_eq!(refused(&url, &other, &ours, 1).await.0, TlsFault::Foreign);
    let (fault, message) = refused(&url, &ours, &ours, 399).await;
    assert_eq!(fault, TlsFault::Expired, "{message}");
    assert!(message.contains("expired at 20"), "{message}");
    assert_eq!(refused(&url, &ours, &ours, -30).await.0, TlsFault::NotYetValid);
}

#[tokio::test]
async fn a_server_past_its_time_or_of_another_name_is_not_trusted() {
    let ours = Authorities::of("ours");
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let address = "127.0.0.1".parse().unwrap();
    let old = ours
        .servers
        .plan_server(&[], &[address], &key.public().unwrap(), None, days_from_now(-399))
        .and_then(|planned| ours.servers.sign(&planned))
        .unwrap();
    let stand_in = StandIn::start_with(&ours, key.clone(), old, |_, _| Does::Close).await;
    assert_eq!(refused(&stand_in.url(), &ours, &ours, 1).await.0, TlsFault::ServerTime);

    let named = ours
        .servers
        .plan_server(&["admin.iam.example".into()], &[], &key.public().unwrap(), None, days_from_now(-1))
        .and_then(|planned| ours.servers.sign(&planned))
        .unwrap();
    let stand_in = StandIn::start_with(&ours, key, named, |_, _| Does::Close).await;
    assert_eq!(refused(&stand_in.url(), &ours, &ours, 1).await.0, TlsFault::WrongHost);
}

#[tokio::test]
async fn a_listener_without_tls_is_told_as_such_and_nobody_there_as_unreachable() {
    let ours = Authorities::of("ours");
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let answering = tokio::spawn(async move {
        loop {
            let (mut stream, _) = listener.accept().await.unwrap();
            let _ = stream.write_all(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
        }
    });
    assert_eq!(refused(&format!("https://{address}"), &ours, &ours, 1).await.0, TlsFault::Protocol);
    answering.abort();
    let _ = answering.await;

    let home = tempfile::tempdir().unwrap();
    let context = context(home.path(), &format!("https://{address}"), &ours, &ours, days_from_now(-1));
    let error = Connection::open(&context).unwrap().call(&WhoAmI {}, &CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::Unreachable { .. }), "{error:?}");
    assert_eq!((error.exit(), error.retryable()), (Exit::Unavailable, true));
}

#[tokio::test]
async fn a_key_that_others_can_read_or_that_does_not_fit_is_not_used() {
    use std::os::unix::fs::PermissionsExt;
    let ours = Authorities::of("ours");
    let home = tempfile::tempdir().unwrap();
    let context = context(home.path(), "https://127.0.0.1:1", &ours, &ours, days_from_now(-1));
    std::fs::set_permissions(context.key(), std::fs::Permissions::from_mode(0o640)).unwrap();
    assert_eq!(Connection::open(&context).unwrap_err().code(), "context.key-mode");

    let other = PrivateKey::generate(KeyKind::P256).unwrap();
    client::files::write_private(&context.key(), &other.pkey().private_key_to_pem_pkcs8().unwrap()).unwrap();
    let error = Connection::open(&context).unwrap_err();
    assert_eq!((error.code(), error.exit()), ("context.credential", Exit::Usage));
    assert!(error.to_string().contains("not the key of the certificate"));
}
