//! Certificates, as a key officer looks after them.

use api::Role;
use domain::{CertificateState, HolderKind};
use tui::Read;

use crate::office::{Desk, Setting, certificate, problem};

/// An inventory of so many certificates of relying parties, one a day.
fn many(count: u32) -> Desk {
    let mut desk = Desk::new();
    let party = (HolderKind::RelyingParty, "inland-revenue-department");
    desk.server.certificates = (0..count).map(|day| certificate(day, "relying-party", party, i64::from(day))).collect();
    desk
}

/// How often the list was asked for.
fn asked(desk: &Desk) -> usize {
    desk.server.reads.iter().filter(|read| matches!(read, Read::Certificates(..))).count()
}

#[test]
fn what_ends_first_stands_first_with_a_word_for_how_near_it_is() {
    let mut desk = Desk::new();
    desk.press("5");
    desk.shows("Valid certificates: 7");
    desk.shows("$ iamctl cert list --state valid");
    let screen = desk.screen();
    let words = [
        "LAST DAY  agent-7",
        "urgent    hospital-authority",
        "renew now inland-revenue",
        "renew     listeners-1",
        "in sight  ocsp-operators-1",
    ];
    let places: Vec<usize> =
        words.iter().map(|word| screen.find(word).unwrap_or_else(|| panic!("'{word}' on\n{screen}"))).collect();
    assert!(places.is_sorted(), "{screen}");
    desk.hides("agent-3");
    desk.press("a");
    desk.shows("Certificates: 9");
    desk.shows("-12 ended     agent-3");
    desk.shows("revoked");
    desk.press("a");
    desk.hides("agent-3");
}

#[test]
fn the_server_is_asked_for_what_the_filter_says_once_it_is_written() {
    let mut desk = Desk::new();
    desk.press("5");
    let before = asked(&desk);
    desk.press("/");
    desk.types("revoked relying-party issuer:relying-parties-1 365d");
    assert_eq!(asked(&desk), before, "not at every key");
    desk.press("enter");
    assert_eq!(asked(&desk), before + 1);
    let Some(Read::Certificates(wanted, None)) = desk.server.reads.last() else { panic!("{:?}", desk.server.reads.last()) };
    assert_eq!(
        (wanted.state, wanted.kind, wanted.within),
        (Some(CertificateState::Revoked), Some(HolderKind::RelyingParty), Some(365))
    );
    desk.shows("Certificates: 1");
    desk.shows("$ iamctl cert list --state revoked --kind relying-party --issuer relying-part…");
    let same = "iamctl cert list --state revoked --kind relying-party --issuer relying-parties-1 --within 365";
    assert_eq!(desk.server.reads.last().and_then(Read::command).as_deref(), Some(same));
}

#[test]
fn a_filter_that_fits_nothing_is_left_by_escape() {
    let mut desk = Desk::new();
    desk.press("5 /");
    desk.types("nobody");
    desk.press("enter");
    desk.shows("None fits; esc clears the filter.");
    desk.press("1 5");
    desk.shows("None fits; esc clears the filter.");
    desk.press("esc");
    desk.shows("the filter is cleared: every valid certificate is listed");
    desk.shows("Valid certificates: 7");
    // While it is typed, too.
    desk.press("/");
    desk.types("nobody");
    desk.press("esc");
    desk.shows("Valid certificates: 7");
}

#[test]
fn a_word_that_is_not_understood_is_named_and_nothing_is_sent() {
    let mut desk = Desk::new();
    desk.press("5");
    let before = asked(&desk);
    desk.press("/");
    desk.types("owner:sandbox-bank");
    desk.press("enter");
    desk.shows("'owner:' is not understood");
    assert_eq!(asked(&desk), before);
}

#[test]
fn thousands_are_turned_page_by_page() {
    let mut desk = many(1_000);
    desk.press("5");
    desk.shows("Valid certificates: 1 to 200, more follow");
    desk.press("end");
    desk.shows("199");
    desk.press("down");
    desk.shows("Valid certificates: 201 to 400, more follow");
    desk.press("pagedown pageup up");
    desk.shows("Valid certificates: 1 to 200, more follow");
    for _ in 0..9 {
        desk.press("end");
    }
    desk.shows("Valid certificates: 801 to 1 000, the last");
    desk.press("end down");
    desk.shows("999");
    desk.press("home home");
    desk.shows("Valid certificates: 1 to 200, more follow");
    desk.shows("LAST DAY");
}

#[test]
fn a_page_that_does_not_come_leaves_the_one_before() {
    let mut desk = many(300);
    desk.press("5 end");
    desk.server.slow = true;
    desk.press("down down down");
    assert_eq!(desk.server.held.len(), 1, "one page is asked for at a time");
    desk.shows("turning the page");
    desk.server.slow = false;
    desk.server.troubles.push_back(problem("server.internal", "the database is away", "see its log"));
    desk.serve();
    desk.shows("Valid certificates: 1 to 200, more follow");
    desk.shows("the database is away");
    desk.press("down");
    desk.shows("Valid certificates: 201 to 300, the last");
}

#[test]
fn an_answer_to_an_older_question_is_not_shown() {
    let mut desk = many(300);
    desk.press("5");
    desk.server.slow = true;
    desk.press("ctrl-r /");
    desk.types("all operator");
    desk.press("enter");
    desk.server.slow = false;
    desk.serve();
    desk.shows("None fits");
    desk.hides("inland-revenue-department");
}

#[test]
fn one_is_shown_in_full_with_what_depends_on_it() {
    let mut desk = Desk::new();
    desk.press("5 down enter");
    desk.shows("Certificate 4be10003b3c4d5e6f708192a3b4c5d6e");
    desk.shows("Holder        relying-party hospital-authority");
    desk.shows("Issuer        relying-parties-1");
    desk.shows("Days left     5 days  urgent");
    desk.shows("Next          renew it from");
    desk.shows("relying-party hospital-authority comes in with it");
    desk.shows("$ iamctl cert show 4be10003b3c4d5e6f708192a3b4c5d6e");
    desk.press("n");
    desk.shows("Certificate 4be10004b3c4d5e6f708192a3b4c5d6e");
    desk.press("p p esc");
    desk.shows("DAYS");
}

#[test]
fn a_line_leads_to_the_list_it_names() {
    let mut desk = Desk::new();
    desk.press(":");
    desk.types("cert list --holder hospital-authority");
    desk.press("enter");
    desk.shows("filter all holder:hospital-authority");
    desk.shows("Certificates: 1");
    desk.press(":");
    desk.types("cert show 4be10005b3c4d5e6f708192a3b4c5d6e");
    desk.press("enter");
    desk.shows("Holder        key listeners-1");
}

#[test]
fn nothing_is_asked_while_nothing_happens() {
    let mut desk = many(1_000);
    desk.press("5");
    let before = desk.server.reads.len();
    desk.waits(std::time::Duration::from_secs(29));
    assert_eq!(desk.server.reads.len(), before);
    desk.waits(std::time::Duration::from_secs(2));
    assert_eq!(desk.server.reads.len(), before + 1, "the page that is shown, and no other");
}

#[test]
fn an_old_list_says_how_old_it_is() {
    let mut desk = Desk::new();
    desk.press("5");
    desk.server.away = true;
    desk.waits(std::time::Duration::from_secs(60));
    desk.shows("as at 12:00:00");
    desk.shows("not connected since");
}

#[test]
fn whoever_may_not_see_them_is_told_why() {
    let mut desk = Desk::with(Setting { roles: &[Role::Statistician], ..Setting::default() });
    desk.press("5");
    desk.shows("Your roles do not reach this: it needs one of the roles key-officer");
    desk.press("/");
    desk.shows("filter: needs one of the roles");
}
