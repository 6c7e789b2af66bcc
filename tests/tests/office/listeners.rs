//! The admin listener before any operation: what a stranger may make it do, and what ends when it stops.

use api::operator::WhoAmI;
use axum::body::Body;
use client::CallOptions;
use futures_util::{StreamExt, stream};
use http::{Method, Request};
use http_body_util::BodyExt;
use serde_json::Value;
use server::http::accept::Peer;
use tests::{World, both_engines};
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// A body that fails the test when somebody asks for a byte of it.
fn unread() -> Body {
    Body::from_stream(stream::once(async { unreachable!("the body was read") as Result<Vec<u8>, std::io::Error> }))
}

fn asks(method: Method, path: &str, peer: Peer, body: Body) -> Request<Body> {
    Request::builder().method(method).uri(path).extension(peer).body(body).unwrap()
}

fn operator(world: &World) -> Peer {
    world.badge("first-operator").peer
}

both_engines! {
    async fn a_stranger_is_told_401_everywhere_before_a_byte_of_the_body_is_read(world: &World) {
        for (method, path) in [
            (Method::POST, "/admin/v1/account.suspend"),
            (Method::POST, "/admin/v1/no.such"),
            (Method::GET, "/admin/v1/account.suspend"),
            (Method::GET, "/admin/v1/events?after=nonsense"),
            (Method::GET, "/enrol"),
            (Method::PUT, "/enrol"),
            (Method::GET, "/"),
        ] {
            let answer = world.exchange::<Value>(asks(method.clone(), path, Peer(None), unread())).await;
            let problem = answer.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (401, "auth.certificate-missing"), "{method} {path}");
        }
    }

    async fn what_is_too_large_or_not_understood_is_a_problem_document(world: &World) {
        let large = || Body::from(vec![b' '; 16 * 1024 * 1024 + 1]);
        let piecemeal = || Body::from_stream(stream::iter((0..17).map(|_| Ok::<_, std::io::Error>(vec![b' '; 1024 * 1024]))));
        for body in [large(), piecemeal()] {
            let answer = world.exchange::<Value>(asks(Method::POST, "/admin/v1/operator.list", operator(world), body)).await;
            let problem = answer.reply.unwrap_err();
            assert_eq!((problem.status, problem.code.as_str()), (413, "request.too-large"));
            assert_eq!(problem.exit(), api::Exit::Usage);
        }
        let enrolment = asks(Method::POST, "/enrol", Peer(None), Body::from(vec![b' '; 97 * 1024]));
        assert_eq!(world.exchange::<Value>(enrolment).await.reply.unwrap_err().code, "request.too-large");

        let broken = stream::once(async { Err::<Vec<u8>, _>(std::io::Error::other("hung up")) });
        let cut = asks(Method::POST, "/admin/v1/operator.list", operator(world), Body::from_stream(broken));
        assert_eq!(world.exchange::<Value>(cut).await.reply.unwrap_err().code, "request.cut");

        let nonsense = asks(Method::GET, "/admin/v1/events?after=nonsense", operator(world), Body::empty());
        let problem = world.exchange::<Value>(nonsense).await.reply.unwrap_err();
        assert_eq!((problem.status, problem.code.as_str()), (422, "request.invalid"));
        let wrong = asks(Method::GET, "/admin/v1/operator.list", operator(world), Body::empty());
        assert_eq!(world.exchange::<Value>(wrong).await.reply.unwrap_err().code, "operation.method");
    }

    // One operator who may import could otherwise take the node's memory.
    async fn of_large_bodies_a_few_are_held_at_once(world: &World) {
        let router = server::http::admin::router(world.app.clone());
        let most = server::http::admin::LARGE_AT_ONCE;
        let (asked, mut waits) = tokio::sync::mpsc::unbounded_channel();
        let (release, released) = tokio::sync::watch::channel(false);
        let send = || {
            let (asked, released) = (asked.clone(), released.clone());
            let body = Body::from_stream(stream::unfold(0, move |part| {
                let (asked, mut released) = (asked.clone(), released.clone());
                async move {
                    if part == 1 {
                        // Asked for more: what came first has found its place.
                        asked.send(()).unwrap();
                        released.wait_for(|released| *released).await.unwrap();
                    }
                    (part < 2).then(|| (Ok::<_, std::io::Error>(vec![b' '; 300 * 1024]), part + 1))
                }
            }));
            let request = asks(Method::POST, "/admin/v1/operator.list", operator(world), body);
            tokio::spawn(tower::ServiceExt::oneshot(router.clone(), request))
        };
        let held: Vec<_> = (0..most).map(|_| send()).collect();
        for _ in 0..most {
            waits.recv().await.unwrap();
        }
        let further = send();
        // It is first come: a small one goes by all the same, and the further one has not got on meanwhile.
        world.first().call(&WhoAmI {}).await.unwrap();
        assert!(waits.try_recv().is_err(), "{most} large bodies are held");
        release.send(true).unwrap();
        for answered in held.into_iter().chain([further]) {
            assert_eq!(answered.await.unwrap().unwrap().status(), 422, "blanks are no operation");
        }
        waits.recv().await.unwrap();
    }

    async fn the_public_listener_answers_in_problem_documents_too(world: &World) {
        let router = server::http::public::router(world.app.clone());
        for (method, path, status) in [(Method::GET, "/nothing", 404), (Method::POST, "/oauth2/jwks", 405)] {
            let request = asks(method, path, Peer(None), Body::empty());
            let response = tower::ServiceExt::oneshot(router.clone(), request).await.unwrap();
            assert_eq!(response.headers()["content-type"], "application/problem+json");
            let (head, body) = response.into_parts();
            let problem: api::Problem = serde_json::from_slice(&body.collect().await.unwrap().to_bytes()).unwrap();
            assert_eq!((head.status.as_u16(), problem.status, problem.request_id.is_some()), (status, status, true));
        }
    }

    async fn a_restricted_reader_of_the_feed_gets_past_what_they_may_not_see_and_sees_what_concerns_their_things(world: &World) {
        world.operator("keys-1", &[api::Role::KeyOfficer]).await;
        // More than a batch of what a key officer may not see, and behind it what the platform did to a key by itself.
        for _ in 0..600 {
            let tx = world.app.store.write().await.unwrap();
            let step = |action| server::store::Housekeeping::Step { action, subject: "x".into(), facts: Value::Null };
            tx.commit_housekeeping(step("operator.add")).await.unwrap();
        }
        let tx = world.app.store.write().await.unwrap();
        let activated = server::store::Housekeeping::Step { action: "key.activate", subject: "kid-1".into(), facts: Value::Null };
        tx.commit_housekeeping(activated).await.unwrap();
        world.seal().await;

        let request = asks(Method::GET, "/admin/v1/events?after=0", world.badge("keys-1").peer, Body::empty());
        let response = tower::ServiceExt::oneshot(server::http::admin::router(world.app.clone()), request).await.unwrap();
        let mut body = response.into_body();
        let mut told = String::new();
        while !told.contains("data:") {
            told += std::str::from_utf8(&body.frame().await.unwrap().unwrap().into_data().unwrap()).unwrap();
        }
        assert!(told.contains(r#""action":"key.activate""#), "the first change that is told: {told}");
    }
}

both_engines! {
    from Setup::today();

    // Whoever reaches a listener may open as many connections as they like, and say nothing on them.
    async fn strangers_keep_nobody_out(world: &World) {
        let node = world.serves().await;
        for (address, crowd) in [(node.addresses.admin, 400), (node.addresses.metrics, 100)] {
            let mut standing = Vec::new();
            for _ in 0..crowd {
                standing.push(tokio::net::TcpStream::connect(address).await.unwrap());
            }
            if address == node.addresses.admin {
                world.connects(&node, "first-operator").call(&WhoAmI {}, &CallOptions::default()).await.unwrap();
            } else {
                let mut asking = tokio::net::TcpStream::connect(address).await.unwrap();
                asking.write_all(b"GET /livez HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").await.unwrap();
                let mut answer = String::new();
                asking.read_to_string(&mut answer).await.unwrap();
                assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
            }
        }
        node.stops().await;
    }

    async fn an_open_feed_ends_when_the_node_stops(world: &World) {
        let node = world.serves().await;
        let mut feed = Box::pin(world.connects(&node, "first-operator").events(None));
        assert!(matches!(feed.next().await, Some(Ok(client::events::Feed::Live))));
        node.stops().await;
        // Not cut: ended by the server, before the time to drain was over.
        loop {
            match feed.next().await {
                Some(Ok(client::events::Feed::Change(_))) => {}
                Some(Ok(client::events::Feed::Lost { .. })) => break,
                other => unreachable!("{other:?}"),
            }
        }
    }
}
