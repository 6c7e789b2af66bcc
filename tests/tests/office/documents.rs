//! The OpenAPI documents of both listeners: every path of them is there, in the way they say and in no other, and operators and
//! clients are given the same bytes until something is different.

use axum::body::Body;
use axum::response::Response;
use http::{Method, Request, StatusCode};
use http_body_util::BodyExt;
use serde_json::Value;
use server::http::accept::Peer;
use tests::both_engines;
use tests::described::{ADMIN, Checker, PUBLIC};
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
