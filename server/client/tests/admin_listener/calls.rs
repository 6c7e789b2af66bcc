//! Calls: what goes out, what comes back, and what is said when nothing does.

use std::time::Duration;

use api::Exit;
use api::enrol::Enrol;
use api::hotline::{CallOpened, OpenCall};
use api::job::ListJobs;
use api::operator::WhoAmI;
use client::{CallOptions, ClientError, Written};

use crate::stand_in::{Authorities, Does, StandIn, connection};

const OPENED: &str = r#"{"call":"HC0000000","opened_at":"2022-05-31T00:00:00Z"}"#;

fn opened() -> String {
    let call = domain::CallRef::from_number(7).unwrap();
    serde_json::to_string(&CallOpened { call, opened_at: "2022-05-31T00:00:00Z".parse().unwrap() }).unwrap()
}

#[tokio::test]
async fn a_write_carries_a_key_and_a_read_does_not() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |_, asked| match asked.path.as_str() {
        "/admin/v1/hotline.open" => Does::Answer(200, &[("idempotency-replayed", "true")], opened()),
        _ => Does::Answer(404, &[], String::new()),
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let connection = connection(home.path(), &stand_in, &authorities);

    let answered = connection.call(&OpenCall {}, &CallOptions::default()).await.unwrap();
    assert!(answered.replayed);
    assert_eq!(answered.request_id.as_deref(), Some("request-1"));
    let options = CallOptions { idempotency_key: Some("my-own-key".into()), dry_run: true, timeout: None };
    connection.call(&OpenCall {}, &options).await.unwrap();
    let error = connection.call(&WhoAmI {}, &CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::Reply { written: Written::No, .. }), "{error:?}");

    let asked = stand_in.asked();
    assert_eq!(asked[0].method, "POST");
    assert_eq!(asked[0].headers["idempotency-key"], answered.idempotency_key.unwrap());
    assert!(!asked[0].headers.contains_key("dry-run"));
    assert_eq!(asked[1].headers["idempotency-key"], "my-own-key");
    assert_eq!(asked[1].headers["dry-run"], "true");
    assert_eq!(asked[1].body, serde_json::json!({}));
    assert!(!asked[2].headers.contains_key("idempotency-key"));
}

#[tokio::test]
async fn a_problem_keeps_its_code_and_its_request() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |_, _| {
        Does::Answer(
            403,
            &[("content-type", "application/problem+json")],
            r#"{"status":403,"code":"auth.role","detail":"no"}"#.into(),
        )
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let error = connection(home.path(), &stand_in, &authorities).call(&OpenCall {}, &CallOptions::default()).await.unwrap_err();
    assert_eq!((error.code(), error.exit(), error.request_id()), ("auth.role", Exit::Denied, Some("request-1")));
    assert_eq!(error.written(), Written::No);
}

#[tokio::test]
async fn a_connection_lost_before_the_answer_is_tried_once_more_under_the_same_key() {
    let authorities = Authorities::of("demo");
    let stand_in =
        StandIn::start(&authorities, |number, _| if number == 1 { Does::Close } else { Does::Answer(200, &[], opened()) }).await;
    let home = tempfile::tempdir().unwrap();
    connection(home.path(), &stand_in, &authorities).call(&OpenCall {}, &CallOptions::default()).await.unwrap();
    let asked = stand_in.asked();
    assert_eq!(asked.len(), 2);
    assert_eq!(asked[0].headers["idempotency-key"], asked[1].headers["idempotency-key"]);
}

#[tokio::test]
async fn a_write_that_is_lost_twice_is_not_confirmed_and_a_read_is_not_answered() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |_, _| Does::Close).await;
    let home = tempfile::tempdir().unwrap();
    let connection = connection(home.path(), &stand_in, &authorities);

    let error = connection.call(&OpenCall {}, &CallOptions::default()).await.unwrap_err();
    let key = stand_in.asked()[0].headers["idempotency-key"].clone();
    assert!(matches!(&error, ClientError::NotConfirmed { key: Some(told), .. } if *told == key), "{error:?}");
    assert_eq!((error.exit(), error.written()), (Exit::Unavailable, Written::Perhaps));

    let error = connection.call(&WhoAmI {}, &CallOptions::default()).await.unwrap_err();
    assert!(matches!(error, ClientError::NoAnswer { .. }), "{error:?}");
    assert_eq!(error.exit(), Exit::Unavailable);
}

#[tokio::test]
async fn a_write_that_was_taken_in_by_a_server_that_then_went_is_not_confirmed() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |_, _| Does::Vanish).await;
    let home = tempfile::tempdir().unwrap();
    let error = connection(home.path(), &stand_in, &authorities).call(&OpenCall {}, &CallOptions::default()).await.unwrap_err();
    assert_eq!(stand_in.asked().len(), 1);
    assert!(matches!(&error, ClientError::NotConfirmed { key: Some(_), .. }), "{error:?}");
    assert_eq!((error.exit(), error.written()), (Exit::Unavailable, Written::Perhaps));
}

#[tokio::test]
async fn a_server_that_says_nothing_is_given_up() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |_, _| Does::Wait).await;
    let home = tempfile::tempdir().unwrap();
    let options = CallOptions { timeout: Some(Duration::from_millis(300)), ..CallOptions::default() };
    let error = connection(home.path(), &stand_in, &authorities).call(&OpenCall {}, &options).await.unwrap_err();
    assert!(matches!(error, ClientError::NotConfirmed { .. }), "{error:?}");
}

#[tokio::test]
async fn a_reply_of_another_form_says_that_it_may_have_been_done() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |_, _| Does::Answer(200, &[], OPENED.replace("call", "kall"))).await;
    let home = tempfile::tempdir().unwrap();
    let error = connection(home.path(), &stand_in, &authorities).call(&OpenCall {}, &CallOptions::default()).await.unwrap_err();
    assert_eq!((error.code(), error.written()), ("server.reply", Written::Perhaps));
}

#[tokio::test]
async fn a_list_is_asked_for_page_by_page() {
    let authorities = Authorities::of("demo");
    let job = |id: u8| {
        format!(
            r#"{{"job":"01890a5d-ac96-774b-bcce-b302099a80{id:02}","kind":"sandbox.populate","state":"done","operator":"a-b","done":1,"total":1,
            "message":"","created_at":"2022-05-31T00:00:00Z","started_at":null,"finished_at":null}}"#
        )
    };
    let stand_in = StandIn::start(&authorities, move |_, asked| match asked.body["after"].as_str() {
        None => Does::Answer(200, &[], format!(r#"{{"items":[{},{}],"next":"two"}}"#, job(1), job(2))),
        Some("two") => Does::Answer(200, &[], format!(r#"{{"items":[{}]}}"#, job(3))),
        Some(_) => Does::Close,
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let connection = connection(home.path(), &stand_in, &authorities);
    assert_eq!(connection.list_all(ListJobs::default(), &CallOptions::default(), None).await.unwrap().len(), 3);
    assert_eq!(connection.list_all(ListJobs::default(), &CallOptions::default(), Some(1)).await.unwrap().len(), 1);
    let asked = stand_in.asked();
    assert_eq!(asked.len(), 3, "one page is enough for one row");
    assert_eq!(asked[0].body["limit"], 1_000);
    assert_eq!(asked[2].body["limit"], 1);
}

#[tokio::test]
async fn an_enrolment_needs_no_certificate() {
    let authorities = Authorities::of("demo");
    let reply = r#"{"operator":"a-b","name":"A","roles":["auditor"],"certificate":"PEM","chain":[],"instance":"demo","environment":"sandbox"}"#;
    let stand_in = StandIn::start(&authorities, move |_, _| Does::Answer(200, &[], reply.into())).await;
    let ca = authorities.root.certificate().pem().unwrap();
    let request = Enrol { code: "ABCD".into(), csr: "CSR".into() };
    let enrolled = client::enrol::enrol(&stand_in.url(), ca.as_bytes(), &request, Duration::from_secs(5)).await.unwrap();
    assert_eq!(enrolled.operator.as_str(), "a-b");
    assert_eq!(stand_in.asked()[0].path, "/enrol");
    assert_eq!(stand_in.asked()[0].body, serde_json::json!({"code": "ABCD", "csr": "CSR"}));
}

#[tokio::test]
async fn an_enrolment_that_was_lost_is_not_sent_again() {
    let authorities = Authorities::of("demo");
    for does in [|| Does::Close, || Does::Vanish] {
        let stand_in = StandIn::start(&authorities, move |_, _| does()).await;
        let ca = authorities.root.certificate().pem().unwrap();
        let request = Enrol { code: "ABCD".into(), csr: "CSR".into() };
        let error = client::enrol::enrol(&stand_in.url(), ca.as_bytes(), &request, Duration::from_secs(5)).await.unwrap_err();
        assert_eq!(stand_in.asked().len(), 1, "a code is good once");
        assert!(matches!(&error, ClientError::NotConfirmed { key: None, .. }), "{error:?}");
        assert_eq!((error.exit(), error.written()), (Exit::Unavailable, Written::Perhaps));
    }
}
