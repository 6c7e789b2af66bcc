//! A session that was recorded, played again.

use std::time::Duration;

use api::Role;
use domain::PlanState;
use tui::{Event, Feed, Pasted};

use crate::grammar::grammar;
use crate::office::{Desk, Setting, plan, rotation, unreachable};
use crate::screen::{drawn, styled};

#[test]
fn a_recorded_day_ends_on_the_same_screen() {
    let mut desk = Desk::with(Setting { size: (120, 40), ..Setting::default() });
    desk.press("2 /");
    desk.types("bank");
    desk.press("enter enter esc 3 r y");
    desk.waits(Duration::from_secs(20));
    desk.press("o");
    desk.types("G123456(A)");
    desk.press("enter enter l");
    desk.happens(Event::Feed(Feed::Lost(unreachable())));
    desk.waits(Duration::from_secs(3));
    desk.press("?");
    let screen = desk.styled();
    let recording = desk.recording();
    let replayed = tui::replay(&recording, Some(grammar())).unwrap();
    assert_eq!(styled(&drawn(&replayed, 120, 40)), screen);
}

#[test]
fn a_recorded_rotation_ends_on_the_same_screen() {
    let mut desk = Desk::with(Setting { size: (120, 40), ..Setting::default() });
    desk.server.plans = vec![rotation(PlanState::Held)];
    desk.press("5 /");
    desk.types("all 400d");
    desk.press("enter down enter 6 - enter g");
    desk.types("told by phone");
    desk.press("enter");
    desk.types(&plan().to_string());
    desk.press("enter");
    desk.waits(Duration::from_secs(3));
    let screen = desk.styled();
    let recording = desk.recording();
    let replayed = tui::replay(&recording, Some(grammar())).unwrap();
    assert_eq!(styled(&drawn(&replayed, 120, 40)), screen);
}

#[test]
fn a_recording_tells_nothing_of_the_caller() {
    let mut desk = Desk::with(Setting { roles: &[Role::HotlineAgent], ..Setting::default() });
    desk.press("o");
    desk.types("G123456(A)");
    desk.press("enter esc");
    desk.types("91234567");
    desk.press("backspace enter");
    let recording = desk.recording();
    let typed: String = recording
        .lines()
        .filter_map(|line| line.split_once("\"key\":\"").map(|(_, key)| key.trim_end_matches("\"}}").to_owned()))
        .collect::<Vec<_>>()
        .join(" ");
    assert_eq!(typed, format!("o {} enter esc {} backspace enter", ["hidden"; 10].join(" "), ["hidden"; 8].join(" ")),);
    assert!(!recording.contains("G123456"));
    assert!(recording.contains("G123***(*)"), "what the server shows is masked by its own types");
}

#[test]
fn a_broken_recording_names_its_line() {
    let mut desk = Desk::new();
    desk.press("2");
    let recording = desk.recording();
    let broken = recording.replacen("\"key\":\"2\"", "\"key\":\"nonsense\"", 1);
    let line = recording.lines().position(|line| line.contains("\"key\":\"2\"")).unwrap() + 1;
    let Err(error) = tui::replay(&broken, None) else { panic!("it was read") };
    assert!(error.starts_with(&format!("line {line}: no such key")), "{error}");
}

/// What a session with this paste, after these keys, writes down.
fn pasted(keys: &[&str], text: &str) -> String {
    let mut desk = Desk::new();
    keys.iter().for_each(|keys| desk.press(keys));
    desk.happens(Event::Paste(Pasted::Text(text.to_owned().into())));
    desk.recording()
}

#[test]
fn a_pasted_number_is_not_recorded_wherever_it_is_pasted() {
    let call = crate::office::call();
    for (keys, text) in [
        (&[":"][..], format!("hotline find --call {call} --phone 91234567")),
        (&[":"], format!("hotline find --hkic=91234567 --call {call}")),
        (&["o"], "91234567".to_owned()),
        (&[], "91234567".to_owned()),
        (&["?"], "91234567".to_owned()),
        (&["3 r"], "91234567".to_owned()),
        (&["o", "esc"], "91234567".to_owned()),
    ] {
        let recording = pasted(keys, &text);
        assert!(!recording.contains("91234567"), "{keys:?} {text}");
        assert!(recording.contains(r#""paste":"#), "that something was pasted is recorded");
    }
    let mut desk = Desk::new();
    desk.press(":");
    desk.types("hotline find --phone");
    desk.happens(Event::Paste(Pasted::Text(" 91234567".to_owned().into())));
    assert!(!desk.recording().contains("91234567"), "the paste is judged with what was typed before");
    assert!(pasted(&[":"], "rp show hongkong-post").contains("rp show hongkong-post"), "what names nobody is kept");
    assert!(pasted(&["2 /"], "hongkong").contains("hongkong"));
}
