//! Screens, whole: at the smallest size, at a large one, out of ASCII, without colour.

use api::job::JobState;
use domain::{Environment, PlanState};
use tui::{Event, Look};

use crate::office::{Desk, Setting, job, rotation};
use crate::screen::{drawn, text};

const SMALL: (u16, u16) = (80, 24);
const LARGE: (u16, u16) = (120, 40);
const HUGE: (u16, u16) = (200, 60);

fn at_size(size: (u16, u16)) -> Desk {
    let mut desk = Desk::with(Setting { size, ..Setting::default() });
    desk.server.jobs = vec![job(JobState::Running, 6_000_000)];
    desk.press("ctrl-r");
    desk.waits(std::time::Duration::from_secs(21));
    desk
}

#[test]
fn the_overview() {
    insta::assert_snapshot!("overview_80x24", at_size(SMALL).styled());
    insta::assert_snapshot!("overview_120x40", at_size(LARGE).styled());
}

#[test]
fn the_overview_of_a_new_instance() {
    let mut desk = Desk::new();
    desk.server.parties.clear();
    desk.press("2");
    insta::assert_snapshot!("parties_none", desk.screen());
}

#[test]
fn the_relying_parties() {
    let mut desk = at_size(SMALL);
    desk.press("2 down down");
    insta::assert_snapshot!("parties_80x24", desk.styled());
    desk.press("/");
    desk.types("inland");
    desk.press("enter enter");
    insta::assert_snapshot!("party_80x24", desk.styled());
    let mut desk = at_size(LARGE);
    desk.press("2 /");
    desk.types("inland");
    desk.press("enter");
    insta::assert_snapshot!("parties_120x40", desk.screen());
    desk.press("/ esc enter");
    insta::assert_snapshot!("party_120x40", desk.screen());
}

#[test]
fn the_keys() {
    let mut desk = at_size(SMALL);
    desk.press("3");
    insta::assert_snapshot!("keys_80x24", desk.styled());
    let mut desk = at_size(LARGE);
    desk.press("3 down down down down enter");
    insta::assert_snapshot!("keys_120x40", desk.screen());
}

#[test]
fn the_certificates() {
    for (size, name) in [(SMALL, "80x24"), (LARGE, "120x40"), (HUGE, "200x60")] {
        let mut desk = at_size(size);
        desk.press("5");
        insta::assert_snapshot!(format!("certificates_{name}"), desk.styled());
        desk.press("down down enter");
        insta::assert_snapshot!(format!("certificate_{name}"), desk.screen());
    }
    let mut desk = at_size(SMALL);
    desk.press("5 /");
    desk.types("revoked relying-party");
    insta::assert_snapshot!("certificates_filtering", desk.screen());
    let mut desk = Desk::with(Setting { look: Look { ascii: true, color: false }, ..Setting::default() });
    desk.press("5");
    insta::assert_snapshot!("certificates_ascii", desk.styled());
}

#[test]
fn the_rotations() {
    for (size, name) in [(SMALL, "80x24"), (LARGE, "120x40"), (HUGE, "200x60")] {
        let mut desk = at_size(size);
        desk.server.plans = vec![rotation(PlanState::Held)];
        desk.press("6");
        insta::assert_snapshot!(format!("rotations_{name}"), desk.styled());
        desk.press("enter");
        insta::assert_snapshot!(format!("rotation_{name}"), desk.screen());
    }
    let mut desk = at_size(SMALL);
    desk.press("6");
    insta::assert_snapshot!("rotations_none", desk.screen());
    let mut desk = Desk::with(Setting { look: Look { ascii: true, color: false }, ..Setting::default() });
    desk.server.plans = vec![rotation(PlanState::Running)];
    desk.press("6");
    insta::assert_snapshot!("rotations_ascii", desk.styled());
}

#[test]
fn the_statistics() {
    for (size, name) in [(SMALL, "80x24"), (LARGE, "120x40"), (HUGE, "200x60")] {
        let mut desk = at_size(size);
        desk.press("7");
        insta::assert_snapshot!(format!("statistics_{name}"), desk.styled());
        desk.press("left down enter");
        insta::assert_snapshot!(format!("statistics_service_{name}"), desk.screen());
    }
    let mut desk = Desk::with(Setting { look: Look { ascii: true, color: false }, ..Setting::default() });
    desk.press("7 enter");
    insta::assert_snapshot!("statistics_ascii", desk.styled());
}

#[test]
fn the_hotline() {
    for (size, name) in [(SMALL, "80x24"), (LARGE, "120x40")] {
        let mut desk = at_size(size);
        desk.press("4");
        insta::assert_snapshot!(format!("hotline_idle_{name}"), desk.screen());
        desk.press("o");
        desk.types("G123456");
        insta::assert_snapshot!(format!("hotline_asking_{name}"), desk.styled());
        desk.types("(A)");
        desk.press("enter");
        insta::assert_snapshot!(format!("hotline_found_{name}"), desk.screen());
        desk.press("enter");
        insta::assert_snapshot!(format!("hotline_reasons_{name}"), desk.screen());
        desk.press("l");
        insta::assert_snapshot!(format!("hotline_read_back_{name}"), desk.styled());
    }
}

#[test]
fn questions_stand_in_front() {
    let mut desk = Desk::with(Setting { environment: Environment::Production, ..Setting::default() });
    desk.press("2 s");
    desk.types("credential leaked, case 4711");
    desk.press("enter");
    desk.types("civil");
    insta::assert_snapshot!("confirm_production", desk.styled());
    desk.press("esc ?");
    insta::assert_snapshot!("help_80x24", desk.screen());
}

#[test]
fn out_of_ascii_nothing_else_is_drawn() {
    let look = Look { ascii: true, color: false };
    let mut desk = Desk::with(Setting { look, ..Setting::default() });
    desk.server.jobs = vec![job(JobState::Running, 6_000_000)];
    desk.press("ctrl-r");
    insta::assert_snapshot!("overview_ascii", desk.styled());
    let mut screens = vec![desk.screen()];
    for keys in ["3", "enter", "?", "esc", ":", "esc", "r", "esc", "5", "/", "enter", "enter", "6", "enter", "o"] {
        desk.press(keys);
        screens.push(desk.screen());
    }
    for screen in screens {
        assert!(screen.is_ascii(), "{screen}");
    }
    desk.types("91234567");
    desk.press("enter enter l");
    insta::assert_snapshot!("hotline_ascii", desk.screen());
}

#[test]
fn without_colour_the_same_is_told_by_other_means() {
    let mut desk = Desk::with(Setting {
        look: Look { ascii: false, color: false },
        environment: Environment::Production,
        ..Setting::default()
    });
    desk.press("3");
    let buffer = drawn(&desk.state, 80, 24);
    for cell in buffer.content() {
        assert_eq!((cell.fg, cell.bg), (ratatui::style::Color::Reset, ratatui::style::Color::Reset));
    }
    insta::assert_snapshot!("keys_without_colour", desk.styled());
}

#[test]
fn a_small_terminal_says_what_it_needs() {
    let mut desk = Desk::new();
    for (columns, rows) in [(79, 24), (80, 23), (40, 10), (10, 3), (1, 1)] {
        desk.happens(Event::Resize { columns, rows });
        let screen = text(&drawn(&desk.state, columns, rows));
        assert!(columns < 40 || screen.replace('\n', " ").contains("The dashboard needs 80 columns and 24 rows."), "{screen}");
    }
    desk.press("r");
    assert!(desk.server.writes.is_empty());
    desk.press("q");
    assert!(desk.left);
}

#[test]
fn no_size_breaks_the_drawing() {
    let mut desk = Desk::new();
    desk.server.jobs = vec![job(JobState::Running, 6_000_000)];
    for keys in [
        "1", "2", "enter", "m", "3", "enter", "5", "/", "esc", "enter", "6", "+", "-", "enter", "e", "esc", "esc", "?", "esc",
        ":", "esc", "4", "o", "?", "esc", "1", "x",
    ] {
        desk.press(keys);
        for (columns, rows) in [(80, 24), (81, 25), (99, 24), (100, 33), (109, 60), (110, 24), (111, 31), (300, 100)] {
            desk.happens(Event::Resize { columns, rows });
            drawn(&desk.state, columns, rows);
        }
        desk.happens(Event::Resize { columns: 80, rows: 24 });
    }
}

#[test]
fn a_covered_wide_character_leaves_no_half_behind() {
    let mut desk = Desk::with(Setting { size: LARGE, ..Setting::default() });
    desk.press("2");
    for keys in ["s", "esc", "?", "esc", ":"] {
        desk.press(keys);
        let buffer = drawn(&desk.state, LARGE.0, LARGE.1);
        for y in 0..LARGE.1 {
            for x in 0..LARGE.0 - 1 {
                if client::width::columns(buffer[(x, y)].symbol()) == 2 {
                    let beside = buffer[(x + 1, y)].symbol();
                    assert!(beside.trim().is_empty(), "'{beside}' at {x},{y} covers half of a character");
                }
            }
        }
    }
}
