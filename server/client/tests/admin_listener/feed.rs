//! The change feed goes on where it stopped.

use client::events::Feed;
use futures_util::StreamExt;

use crate::stand_in::{Authorities, Does, StandIn, connection};

fn event(index: u64) -> String {
    format!(
        "id: {index}\nevent: change\ndata: {{\"index\":{index},\"id\":\"01890a5d-ac96-774b-bcce-b302099a8057\",\"at\":\"2022-05-31T00:00:00Z\",\
         \"operator\":\"a-b\",\"action\":\"key.rotate\",\"subject\":\"x\",\"outcome\":\"done\"}}\n\n"
    )
}

#[tokio::test]
async fn a_lost_feed_is_taken_up_behind_the_last_event() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |number, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        match number {
            1 => Does::Raw(format!("{head}: keep-alive\n\n{}{}", event(4), event(5))),
            2 => Does::Raw(format!("{head}{}", event(6))),
            _ => Does::Answer(403, &[], r#"{"status":403,"code":"auth.operator-disabled","detail":"no"}"#.into()),
        }
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let connection = connection(home.path(), &stand_in, &authorities);
    let mut feed = Box::pin(connection.events(Some(3)));
    let (mut seen, mut lost) = (Vec::new(), 0);
    let error = loop {
        match feed.next().await.unwrap() {
            Ok(Feed::Change(change)) => seen.push(change.index),
            Ok(Feed::Lost { .. }) => lost += 1,
            Ok(Feed::Live) => {}
            Err(error) => break error,
        }
    };
    assert_eq!(seen, [4, 5, 6]);
    assert_eq!(lost, 2);
    assert_eq!(error.code(), "auth.operator-disabled");
    assert!(feed.next().await.is_none());
    let asked = stand_in.asked();
    assert_eq!(asked[0].path, "/admin/v1/events?after=3");
    assert_eq!(asked[1].headers["last-event-id"], "5");
    assert_eq!(asked[2].path, "/admin/v1/events?after=6");
}

#[tokio::test]
async fn a_feed_that_is_lost_before_its_first_event_loses_none() {
    let authorities = Authorities::of("demo");
    let stand_in = StandIn::start(&authorities, |number, _| {
        let head = "HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\n";
        match number {
            // The second breaks off in the middle of an event.
            1 => Does::Raw(format!("{head}: open\nid: 41\n\n")),
            2 => Does::Raw(format!("{head}: open\nid: 41\n\nid: 42\nevent: change\n")),
            3 => Does::Raw(format!("{head}{}", event(42))),
            _ => Does::Answer(403, &[], r#"{"status":403,"code":"auth.operator-disabled","detail":"no"}"#.into()),
        }
    })
    .await;
    let home = tempfile::tempdir().unwrap();
    let connection = connection(home.path(), &stand_in, &authorities);
    let mut feed = Box::pin(connection.events(None));
    let mut seen = Vec::new();
    while let Some(Ok(told)) = feed.next().await {
        if let Feed::Change(change) = told {
            seen.push(change.index);
        }
    }
    assert_eq!(seen, [42]);
    let paths: Vec<String> = stand_in.asked().into_iter().map(|asked| asked.path).collect();
    assert_eq!(paths, ["", "?after=41", "?after=41", "?after=42"].map(|query| format!("/admin/v1/events{query}")));
}
