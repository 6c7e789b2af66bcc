//! Statistics, as a statistician looks at a month and takes it away.

use api::Role;
use tui::Read;

use crate::office::{Desk, Setting, problem};

#[test]
fn a_month_is_picked_by_key_and_by_name() {
    let mut desk = Desk::new();
    desk.press("7");
    desk.shows("Statistics: April 2022");
    desk.shows("ended, not closed");
    desk.press("left");
    desk.shows("Statistics: March 2022");
    desk.shows("closed as known at 2022-04-10, digest 4f3a9c12774f, 4 711 users");
    desk.press("right right");
    desk.shows("Statistics: May 2022");
    desk.shows("still running: figures of a part of the month");
    desk.press("right");
    desk.shows("June 2022 has not begun");
    desk.press("m");
    desk.types("21-2");
    desk.press("enter");
    desk.shows("a month is written 2022-05");
    desk.press("ctrl-u");
    desk.types("2021-02");
    desk.press("enter");
    desk.shows("Statistics: February 2021");
    desk.press("m");
    desk.types("2020-11");
    desk.press("enter");
    desk.shows("the platform was launched in December 2020");
    assert_eq!(desk.server.reads.last(), Some(&Read::Month(Some("2021-02".parse().unwrap()))));
}

#[test]
fn services_stand_by_their_uses_and_equals_share_a_rank() {
    let mut desk = Desk::new();
    desk.press("7");
    let screen = desk.screen();
    let line =
        |text: &str| screen.lines().find(|line| line.contains(text)).unwrap_or_else(|| panic!("{text}: {screen}")).to_owned();
    assert!(line("eTAX").contains("1 eTAX") && line("Renewal of Vehicle").contains("1 Renewal"), "{screen}");
    assert!(line("e-Banking").contains("3 e-Banking"));
    assert!(line("Application for").contains('–'), "left out, and said so");
    assert!(!screen.contains("HA Go"), "nobody used it");
    assert!(!screen.contains('\u{1b}'), "a name moves no cursor");
    desk.press("enter");
    desk.shows("inland-revenue-department.etax");
    desk.shows("on a rise");
    desk.press("down");
    desk.shows("transport-department.vehicle-licence-renewal");
    // As it stood in another month.
    desk.press("left");
    let asked = "transport-department.vehicle-licence-renewal".parse().unwrap();
    assert_eq!(desk.server.reads.last(), Some(&Read::ServiceMonths(asked, Some("2022-03".parse().unwrap()))));
    desk.press("esc");
    desk.shows("By sector");
}

#[test]
fn the_reply_is_written_where_it_is_said() {
    let mut desk = Desk::new();
    desk.press("7 :");
    desk.types("export");
    desk.press("enter");
    desk.shows("Where is the reply as at 2022-04-30 written?");
    desk.shows("legco-2022-04-30.pdf");
    desk.press("ctrl-u");
    desk.types("april.doc");
    desk.press("enter");
    desk.shows("the name ends in what it becomes");
    desk.press("ctrl-u");
    desk.types("april.pdf");
    desk.press("enter");
    desk.shows("123 456 bytes are in april.pdf");
    desk.press("e");
    desk.server.troubles.push_back(problem(
        "report.no-font",
        "no font with Chinese characters",
        "apt-get install fonts-noto-cjk",
    ));
    desk.press("enter");
    desk.shows("apt-get install fonts-noto-cjk");
}

#[test]
fn whose_figures_they_are_is_said() {
    let mut desk = Desk::new();
    desk.press("7");
    desk.shows("SYNTHETIC DATA, auditor's view");
    let mut desk = Desk::with(Setting { roles: &[Role::Statistician], ..Setting::default() });
    desk.press("7");
    desk.shows("SYNTHETIC DATA, published view");
    let mut desk = Desk::with(Setting { roles: &[Role::HotlineAgent], ..Setting::default() });
    desk.press("7");
    desk.shows("Your roles do not reach this");
}

#[test]
fn a_server_that_is_away_leaves_what_is_known() {
    let mut desk = Desk::new();
    desk.press("7");
    desk.server.away = true;
    desk.press("left");
    desk.shows("Statistics: March 2022");
    desk.shows("not connected since");
}
