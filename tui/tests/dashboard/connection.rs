//! Live, away, and back again.

use std::time::Duration;

use api::Role;
use api::instance::Check;
use api::job::JobState;
use tui::{Event, Feed, Read};

use crate::office::{Desk, Setting, job, problem, unreachable};

fn overviews(desk: &Desk) -> usize {
    desk.server.reads.iter().filter(|read| matches!(read, Read::Overview(_))).count()
}

#[test]
fn a_burst_of_changes_is_one_refresh() {
    let mut desk = Desk::new();
    desk.waits(Duration::from_secs(5));
    let before = overviews(&desk);
    for _ in 0..50 {
        desk.change("account.suspend", "A7K39QD2M4X");
    }
    desk.waits(Duration::from_millis(500));
    assert_eq!(overviews(&desk), before + 1);
}

#[test]
fn nothing_happens_while_nothing_happens() {
    let mut desk = Desk::new();
    let mut ticks = 0;
    let until = desk.now.plus(Duration::from_secs(600));
    while let Some(wakes) = desk.state.wakes().filter(|wakes| *wakes <= until) {
        desk.now = wakes;
        desk.happens(Event::Tick);
        ticks += 1;
    }
    assert!(ticks <= 40, "{ticks} ticks in ten minutes");
}

#[test]
fn a_job_is_followed_by_the_second() {
    let mut desk = Desk::new();
    desk.server.jobs = vec![job(JobState::Running, 6_000_000)];
    desk.press("ctrl-r");
    desk.shows("32 %");
    desk.server.jobs = vec![job(JobState::Running, 9_200_000)];
    desk.waits(Duration::from_secs(2));
    desk.shows("50 %");
    desk.shows("usage of February 2022");
    desk.press("x");
    desk.shows("Stop the job sandbox.populate?");
    desk.press("y");
    desk.shows("job sandbox.populate is cancelled");
}

#[test]
fn a_server_that_goes_away_is_told_and_its_figures_are_kept_with_their_age() {
    let mut desk = Desk::new();
    desk.server.away = true;
    desk.happens(Event::Feed(Feed::Lost(unreachable())));
    desk.shows("not connected since 12:00:00 (0 s), trying again: cannot reach https://127.0.0.1:7443");
    desk.waits(Duration::from_secs(45));
    desk.shows("(45 s), trying again");
    desk.shows("as at 12:00:00, 45 s old");
    desk.shows("17 123 456");
    let asked = desk.server.reads.len();
    desk.server.away = false;
    desk.happens(Event::Feed(Feed::Live));
    desk.hides("not connected");
    desk.hides("old");
    assert!(desk.server.reads.len() > asked, "it asks again by itself");
}

#[test]
fn a_server_that_was_never_there_is_told() {
    let mut desk = Desk::before_the_first_answer(Setting::default());
    desk.server.troubles.extend([unreachable(), unreachable(), unreachable()]);
    desk.serve();
    desk.happens(Event::Feed(Feed::Lost(unreachable())));
    desk.shows("not connected since 12:00:00");
    desk.shows("see that the server runs ('iamd serve')");
    desk.happens(Event::Feed(Feed::Live));
    desk.shows("17 123 456");
}

#[test]
fn where_there_is_no_feed_the_clock_refreshes() {
    let mut desk = Desk::new();
    desk.happens(Event::Feed(Feed::Denied(problem("auth.denied", "the feed is not for you", "ask an administrator"))));
    desk.shows("every 10 s");
    let before = overviews(&desk);
    desk.waits(Duration::from_secs(31));
    assert_eq!(overviews(&desk), before + 3);
}

#[test]
fn a_slow_server_is_not_asked_twice_at_a_time() {
    let mut desk = Desk::new();
    desk.server.slow = true;
    let before = desk.server.held.len();
    for _ in 0..20 {
        desk.change("rp.apply", "x");
        desk.waits(Duration::from_secs(2));
    }
    assert_eq!(desk.server.held.len(), before + 3, "the overview, the checks and what ends, once each");
}

#[test]
fn a_server_that_is_not_ready_says_what_is_wrong_in_every_view() {
    let mut desk = Desk::new();
    desk.server.failing = vec![Check {
        id: "disk".to_owned(),
        ok: false,
        detail: "3 % of the space is left".to_owned(),
        mend: Some("make room on the volume of the data folder".to_owned()),
    }];
    desk.press("ctrl-r 3");
    desk.shows("NOT READY, disk: 3 % of the space is left; make room");
}

#[test]
fn leaving_with_an_unanswered_write_is_asked_for() {
    let mut desk = Desk::new();
    desk.press("3 r");
    desk.server.slow = true;
    desk.press("y q");
    desk.shows("Leave without knowing whether this was done?");
    assert!(!desk.left);
    desk.press("ctrl-c");
    assert!(desk.left, "asked twice it does not ask back");
}

#[test]
fn an_operator_that_is_shut_out_is_told() {
    let mut desk = Desk::new();
    let refused = || problem("auth.operator-disabled", "this operator may not come in at present", "ask an administrator");
    desk.server.troubles.extend([refused(), refused(), refused()]);
    desk.press("ctrl-r");
    desk.shows("this operator may not come in at present; ask an administrator (request 01a20229");
    desk.shows("17 123 456");
    desk.shows("as at 12:00:00");
    desk.press("ctrl-r");
    desk.hides("this operator may not come in");
    let mut desk = Desk::before_the_first_answer(Setting { roles: &[Role::Auditor], ..Setting::default() });
    desk.server.troubles.extend([refused(), refused(), refused()]);
    desk.serve();
    desk.shows("this operator may not come in at present; ask an administrator");
}

#[test]
fn while_the_feed_is_lost_what_was_done_is_looked_at_all_the_same() {
    let mut desk = Desk::new();
    desk.happens(Event::Feed(Feed::Lost(unreachable())));
    desk.press("3");
    desk.hides("nExt0nEr");
    desk.press("r y");
    desk.shows("nExt0nEr");
    desk.shows("connecting");
    let asked = desk.server.reads.len();
    desk.waits(Duration::from_secs(21));
    assert_eq!(desk.server.reads.len(), asked + 2, "and the clock goes on, every ten seconds");
}

#[test]
fn who_we_are_is_asked_again_until_it_is_known() {
    let mut desk = Desk::before_the_first_answer(Setting::default());
    desk.server.slow = true;
    desk.happens(Event::Feed(Feed::Live));
    (desk.server.slow, desk.server.away) = (false, true);
    desk.press("3 r");
    desk.shows("the server has not said yet who you are");
    desk.server.away = false;
    desk.waits(Duration::from_secs(6));
    desk.press("r");
    desk.shows("Make new token-signing keys");
}
