//! What is about to end, said whatever the view.

use std::time::Duration;

use api::Role;
use api::instance::Check;
use domain::ItemKind;
use tui::Read;

use crate::office::{Desk, Setting, ends};

fn asked(desk: &Desk) -> usize {
    desk.server.reads.iter().filter(|read| **read == Read::Ending).count()
}

/// At a dashboard that has seen what ends.
fn with(ending: Vec<api::inventory::InventoryItem>) -> Desk {
    let mut desk = Desk::new();
    desk.server.ending = ending;
    desk.change("cert.issue", "hospital-authority");
    desk.waits(Duration::from_secs(2));
    desk
}

#[test]
fn what_ends_within_days_is_an_alarm_in_every_view() {
    let mut desk = with(vec![ends("listeners-1", 5 * 24), ends("ocsp-operators-1", 6 * 24), ends("agent-7", 20 * 24)]);
    for view in ["1", "2", "3", "4", "5", "6"] {
        desk.press(view);
        desk.shows("ENDS in 4 d: server of listeners-1, and 1 more within 7 d of their end");
        desk.shows("1 ends within 30 d");
    }
}

#[test]
fn what_has_ended_is_said_for_a_week() {
    let mut desk = with(vec![ends("listeners-1", -72)]);
    desk.shows("ENDED 3 d ago: server of listeners-1");
    desk.waits(Duration::from_hours(5 * 24));
    desk.hides("ENDED");
}

#[test]
fn what_has_a_successor_or_stands_for_another_is_left_out() {
    let renewed = api::inventory::InventoryItem { renewed: true, ..ends("agent-7", 24) };
    let key = api::inventory::InventoryItem { kind: ItemKind::Key, ..ends("platform", 24) };
    let desk = with(vec![renewed, key]);
    desk.hides("ENDS");
    desk.hides("within");
}

#[test]
fn weeks_ahead_are_a_note_at_the_nearest_mark() {
    let desk = with(vec![ends("a", 12 * 24), ends("b", 13 * 24), ends("c", 50 * 24)]);
    desk.shows("2 end within 14 d");
    desk.hides("ENDS");
}

#[test]
fn it_is_asked_for_seldom_and_when_something_has_changed() {
    let mut desk = with(Vec::new());
    let before = asked(&desk);
    desk.change("hotline.open", "HC0000012");
    desk.waits(Duration::from_secs(9 * 60));
    assert_eq!(asked(&desk), before);
    desk.waits(Duration::from_secs(2 * 60));
    assert_eq!(asked(&desk), before + 1);
    desk.change("key.rotate", "token-signing");
    desk.waits(Duration::from_secs(2));
    assert_eq!(asked(&desk), before + 2);
}

#[test]
fn a_node_on_which_something_runs_out_is_ready() {
    let mut desk = with(vec![ends("listeners-1", 5 * 24)]);
    desk.server.failing = vec![Check {
        id: "expiry".to_owned(),
        ok: false,
        detail: "server of listeners-1 ends in 5 days".to_owned(),
        mend: Some("restart it".to_owned()),
    }];
    desk.press("ctrl-r");
    desk.shows("ready  something ends soon");
    desk.hides("NOT READY");
    assert_eq!(desk.screen().matches("listeners-1").count(), 1, "it is said once\n{}", desk.screen());
}

#[test]
fn what_is_old_says_so() {
    let mut desk = with(vec![ends("listeners-1", 5 * 24), ends("agent-7", 20 * 24)]);
    desk.server.away = true;
    desk.waits(Duration::from_secs(60));
    desk.shows("server of listeners-1 (as at 12:00:0");
    desk.shows("1 ends within 30 d, when last seen");
}

#[test]
fn whoever_answers_calls_is_not_told_of_certificates() {
    let mut desk = Desk::with(Setting { roles: &[Role::HotlineAgent], ..Setting::default() });
    desk.change("operator.add", "agent-9");
    desk.waits(Duration::from_secs(60));
    assert_eq!(asked(&desk), 0);
}
