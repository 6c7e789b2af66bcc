//! The OpenAPI documents of both listeners: every path of them is there, in the way they say and in no other, and operators and
//! clients are given the same bytes until something is different.

use std::sync::Arc;

use api::app::registration::{self, BindDevice, Register};
use api::app::request::{self, Approval, TakeUp};
use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use server::http::accept::{Peer, PeerCertificate};
use tests::described::{ADMIN, Checker, PUBLIC};
use tests::{World, both_engines};
use tower::ServiceExt;

async fn asks(router: &axum::Router, method: Method, path: &str, peer: Peer, tag: Option<&str>) -> Response {
    let mut request = Request::builder().method(method).uri(path).extension(peer);
    if let Some(tag) = tag {
        request = request.header("if-none-match", tag);
    }
    router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

/// Asks for every path by every method.
async fn walk(router: &axum::Router, checker: &Checker, peer: &Peer) {
    let paths = checker.document()["paths"].as_object().unwrap();
    for (path, methods) in paths {
        let asked = path.replace(['{', '}'], "");
        for method in [Method::GET, Method::POST, Method::PUT, Method::DELETE, Method::PATCH] {
            let answer = asks(router, method.clone(), &asked, peer.clone(), None).await;
            let described = methods.get(method.as_str().to_lowercase()).is_some();
            assert_eq!(answer.status() != StatusCode::METHOD_NOT_ALLOWED, described, "{method} {path}");
            if answer.headers()["content-type"] == "application/problem+json" {
                let body = answer.into_body().collect().await.unwrap().to_bytes();
                let problem: api::Problem = serde_json::from_slice(&body).unwrap();
                assert_ne!(problem.code, "operation.not-found", "{method} {path}");
            }
        }
    }
}

async fn is_the_same_until_something_is_different(router: &axum::Router, peer: &Peer) -> Value {
    let answer = asks(router, Method::GET, "/openapi.json", peer.clone(), None).await;
    assert_eq!((answer.status(), &answer.headers()["content-type"]), (StatusCode::OK, &"application/json".parse().unwrap()));
    let tag = answer.headers()["etag"].to_str().unwrap().to_owned();
    let first = answer.into_body().collect().await.unwrap().to_bytes();
    let again = asks(router, Method::GET, "/openapi.json", peer.clone(), Some("\"another\"")).await;
    assert_eq!(again.into_body().collect().await.unwrap().to_bytes(), first);
    let kept = asks(router, Method::GET, "/openapi.json", peer.clone(), Some(&format!("\"another\", {tag}"))).await;
    assert_eq!((kept.status(), kept.headers()["etag"].to_str().unwrap()), (StatusCode::NOT_MODIFIED, tag.as_str()));
    serde_json::from_slice(&first).unwrap()
}

/// Every reference leads somewhere, and every part of a path is explained.
fn is_whole(document: &Value) {
    fn references(value: &Value, document: &Value) {
        match value {
            Value::Object(object) => {
                if let Some(to) = object.get("$ref").and_then(Value::as_str) {
                    assert!(document.pointer(to.strip_prefix('#').unwrap()).is_some(), "{to} leads nowhere");
                }
                object.values().for_each(|value| references(value, document));
            }
            Value::Array(values) => values.iter().for_each(|value| references(value, document)),
            _ => {}
        }
    }
    references(document, document);
    let mut names = std::collections::BTreeSet::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            assert!(names.insert(operation["operationId"].to_string()), "{path}: its operationId stands twice");
            assert!(!operation["summary"].as_str().unwrap().is_empty(), "{path} is not explained");
            let parts = path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'));
            let said = |name: &str| {
                let of = |it: &&Value| it["in"] == "path" && it["name"] == name;
                operation["parameters"].as_array().into_iter().flatten().filter(of).count()
            };
            parts.for_each(|part| assert_eq!(said(part), 1, "{path}: {part}"));
            for scheme in operation["security"].as_array().unwrap().iter().flat_map(|scheme| scheme.as_object().unwrap().keys()) {
                assert!(document["components"]["securitySchemes"].get(scheme).is_some(), "{path}: {scheme}");
            }
        }
    }
}

both_engines! {
    async fn everything_that_operators_may_ask_is_described_and_there(world: &World) {
        let router = server::http::admin::router(world.app.clone());
        let peer = world.badge("first-operator").peer;
        let document = is_the_same_until_something_is_different(&router, &peer).await;
        is_whole(&document);
        for operation in api::operations() {
            let said = &document["paths"][format!("/admin/v1/{}", operation.name)]["post"];
            let roles: Vec<&str> = operation.roles.iter().map(|role| role.as_str()).collect();
            assert_eq!(said["x-iam-roles"], serde_json::json!(roles), "{}", operation.name);
        }
        assert_eq!(document["paths"].as_object().unwrap().len(), api::operations().len() + 2, "the enrolment and the feed besides");
        walk(&router, &ADMIN, &peer).await;
        let stranger = asks(&router, Method::GET, "/openapi.json", Peer(None), None).await;
        assert_eq!(stranger.status(), StatusCode::UNAUTHORIZED);
    }

    async fn everything_that_clients_and_apps_may_ask_is_described_and_there(world: &World) {
        let router = server::http::public::router(world.app.clone());
        let document = is_the_same_until_something_is_different(&router, &Peer(None)).await;
        is_whole(&document);
        let paths = document["paths"].as_object().unwrap();
        let beneath = ["/oauth2/", "/app/", "/.well-known/"];
        assert!(paths.keys().all(|path| beneath.iter().any(|beneath| path.starts_with(beneath))));
        walk(&router, &PUBLIC, &Peer(None)).await;
    }
}

/// Each example is of its schema; and what is said to be sent can be read.
#[test]
fn what_clients_and_apps_send_and_are_answered_has_examples() {
    let good = PUBLIC.examples().unwrap_or_else(|faults| panic!("{}", faults.join("\n")));
    assert!(good > 200, "{good}");
    let example =
        |path: &str| PUBLIC.document()["paths"][path]["post"]["requestBody"]["content"]["application/json"]["example"].clone();
    let register: Register = serde_json::from_value(example(registration::REGISTRATIONS)).unwrap();
    assert_eq!(register.channel, domain::Channel::Remote);
    serde_json::from_value::<BindDevice>(example(registration::DEVICE)).unwrap();
    let shown: TakeUp = serde_json::from_value(example(request::CLAIM)).unwrap();
    assert!(!shown.shown.is_empty());
    serde_json::from_value::<Approval>(example(request::APPROVE)).unwrap();
}

/// Asks for everything that is described of clients and apps, in the same way each time; each answer is held to the document. Gives
/// the statuses by the operation's name.
async fn all_are_asked(world: &World, peer: &Peer, body: &[u8]) -> Vec<(String, u16)> {
    let mut answered = Vec::new();
    for (path, methods) in PUBLIC.document()["paths"].as_object().unwrap() {
        for (verb, operation) in methods.as_object().unwrap() {
            let content = operation["requestBody"]["content"].as_object();
            let media = content.and_then(|content| content.keys().next()).map_or("application/json", String::as_str);
            let asked = Request::builder().method(verb.to_uppercase().as_str()).uri(path.replace(['{', '}'], ""));
            let asked = asked.header("content-type", media).header("accept", "application/json").extension(peer.clone());
            let body = if content.is_some() { body.to_vec() } else { Vec::new() };
            let answer = world.public(asked.body(Body::from(body)).unwrap()).await;
            answered.push((operation["operationId"].as_str().unwrap().to_owned(), answer.status.as_u16()));
        }
    }
    assert!(answered.len() >= 30, "{}", answered.len());
    answered
}

fn nobody() -> Peer {
    let certificate = PeerCertificate {
        fingerprint: [7; 32],
        subject: "CN=nobody".to_owned(),
        serial: "07".to_owned(),
        not_after: "2036-01-05T01:00:00Z".parse().unwrap(),
    };
    Peer(Some(Arc::new(certificate)))
}

both_engines! {
    from Setup::default().with("surge-at-work", "1").with("surge-waiting", "0");

    async fn every_endpoint_turns_away_in_the_way_that_is_described(world: &World) {
        let answered = all_are_asked(world, &nobody(), b"{}").await;
        assert!(answered.iter().all(|(_, status)| *status == 401), "not on record: {answered:?}");
        let turn = world.app.surge.certificate("CN=nobody").await;
        let answered = all_are_asked(world, &nobody(), b"{}").await;
        assert!(answered.iter().all(|(_, status)| *status == 429), "shown too often at once: {answered:?}");
        drop(turn);

        let large = vec![b'a'; 1024 * 1024 + 1];
        let answered = all_are_asked(world, &Peer(None), &large).await;
        let takes: Vec<&str> = PUBLIC.document()["paths"]
            .as_object()
            .unwrap()
            .values()
            .flat_map(|item| item.as_object().unwrap().values())
            .filter(|operation| operation.get("requestBody").is_some())
            .map(|operation| operation["operationId"].as_str().unwrap())
            .collect();
        assert!(takes.len() > 10);
        for (name, status) in answered.iter().filter(|(name, _)| takes.contains(&name.as_str())) {
            assert_eq!(*status, 413, "{name}");
        }
        let answered = all_are_asked(world, &Peer(None), b"nothing=of&any=form").await;
        assert!(answered.iter().all(|(_, status)| *status < 500), "{answered:?}");
    }
}
