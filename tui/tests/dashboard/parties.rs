//! Relying parties, as an officer looks after them.

use domain::{Environment, Override, PlanState};
use tui::{Event, Write};

use crate::office::{Desk, Setting, problem, rotation};

#[test]
fn the_filter_narrows_the_list_while_it_is_typed() {
    let mut desk = Desk::new();
    let all = desk.server.parties.len();
    desk.press("2");
    desk.shows(&format!("Relying parties: {all}"));
    desk.press("/");
    desk.types("郵政");
    desk.shows(&format!("Relying parties: 1 of {all}"));
    desk.shows("hongkong-post");
    desk.press("enter enter");
    desk.shows("Hongkong Post");
    desk.shows("EC-Ship 投寄易");
    desk.press("esc /");
    desk.press("esc");
    desk.shows(&format!("Relying parties: {all} "));
}

#[test]
fn a_filter_that_fits_nothing_is_left_by_escape() {
    let mut desk = Desk::new();
    let all = desk.server.parties.len();
    desk.press("2 /");
    desk.types("nobody");
    desk.press("enter");
    desk.shows("None fits; esc clears the filter.");
    desk.shows("esc show all");
    desk.press("3 2 esc");
    desk.shows(&format!("Relying parties: {all} "));
    desk.shows(&format!("the filter is cleared: {all} parties are listed"));
    // While it is typed, and from behind a party that is open.
    desk.press("/");
    desk.types("nobody");
    desk.press("esc");
    desk.shows(&format!("Relying parties: {all} "));
    desk.press("/");
    desk.types("sandbox-bank");
    desk.press("enter enter esc");
    desk.shows(&format!("Relying parties: 1 of {all}"));
    desk.press("esc");
    desk.shows(&format!("the filter is cleared: {all} parties are listed"));
}

#[test]
fn a_party_is_suspended_by_typing_its_id_and_goes_on_by_a_yes() {
    let mut desk = Desk::new();
    desk.press("2 /");
    desk.types("sandbox-bank");
    desk.press("enter s");
    desk.shows("Why is sandbox-bank suspended?");
    desk.press("enter");
    desk.shows("Why is sandbox-bank suspended?");
    desk.types("credential leaked, case 4711");
    desk.shows("$ iamctl rp suspend sandbox-bank --reason 'credential leaked, case 4711'");
    desk.press("enter");
    desk.shows("None of its services is accessible from that moment.");
    desk.types("sandbox-bank");
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::SuspendParty(rp, _) if rp.as_str() == "sandbox-bank"));
    desk.shows("sandbox-bank is suspended");
    desk.press("s");
    desk.shows("suspend: only an active party can be suspended");
    desk.press("r");
    desk.types("mended");
    desk.press("enter y");
    desk.shows("sandbox-bank goes on");
}

#[test]
fn a_command_is_about_the_party_that_is_open() {
    let mut desk = Desk::new();
    desk.press("2 /");
    desk.types("bank");
    desk.press("enter :");
    desk.types("rp show hongkong-post");
    desk.press("enter s");
    desk.shows("Why is hongkong-post suspended?");
}

#[test]
fn the_manifest_is_shown_as_it_was_applied() {
    let mut desk = Desk::new();
    desk.press("2 enter m");
    desk.shows("manifest");
    desk.shows("apiVersion: iam/v1");
    desk.press("pagedown n");
    desk.shows("Organisation");
}

#[test]
fn production_is_written_where_it_cannot_be_overlooked() {
    let mut desk = Desk::with(Setting { environment: Environment::Production, ..Setting::default() });
    desk.shows(" PRODUCTION  demo");
    desk.press("2 s");
    desk.shows(" PRODUCTION demo ");
    desk.types("leaked");
    desk.press("enter");
    let dialog = desk.screen();
    assert!(dialog.matches("PRODUCTION").count() >= 2, "{dialog}");
}

#[test]
fn a_party_that_is_gone_is_an_error_with_its_next_step() {
    let mut desk = Desk::new();
    desk.press("2");
    desk.server.troubles.push_back(problem(
        "rp.not-found",
        "there is no relying party civil-service-bureau",
        "'iamctl rp list' shows them",
    ));
    desk.press("enter");
    desk.shows("there is no relying party civil-service-bureau");
    desk.shows("'iamctl rp list' shows them");
    desk.shows("rp.not-found");
    desk.shows("request 01a20229-a48a-7100-a649-cfec5dc4a182");
}

#[test]
fn text_from_outside_is_shown_and_never_obeyed() {
    let mut desk = Desk::new();
    let hostile = "\u{1b}]0;owned\u{7}\u{202e}Bank\u{9b}2J";
    let party = desk.server.parties.iter_mut().find(|party| party.id.as_str() == "civil-service-bureau").unwrap();
    party.organisation.en = hostile.to_owned();
    party.organisation.zh_hant = format!("銀行{hostile}");
    party.contact.name = hostile.to_owned();
    for (place, service) in party.services.iter_mut().enumerate() {
        service.name.en = format!("{hostile}{place}");
    }
    desk.server.suspended.push(("civil-service-bureau".parse().unwrap(), hostile.to_owned()));
    desk.server.keys[0].name = hostile.to_owned();
    desk.server.found[0].device = Some(hostile.to_owned());
    for certificate in &mut desk.server.certificates {
        certificate.holder = hostile.to_owned();
        certificate.subject = hostile.to_owned();
    }
    let mut plan = rotation(PlanState::Held);
    plan.ledger.iter_mut().for_each(|party| party.breaks = hostile.to_owned());
    let by = "first-operator".parse().unwrap();
    plan.overridden = Some(Override { reason: hostile.to_owned(), by, at: plan.created_at });
    desk.server.plans = vec![plan];
    let mut screens = Vec::new();
    for keys in ["5", "enter", "6", "enter"] {
        desk.press(keys);
        screens.push(desk.screen());
    }
    desk.press("2");
    screens.push(desk.screen());
    desk.press("enter");
    screens.push(desk.screen());
    desk.press("m");
    screens.push(desk.screen());
    desk.press("3");
    screens.push(desk.screen());
    desk.press("o");
    desk.types("91234567");
    desk.press("enter");
    screens.push(desk.screen());
    desk.server.troubles.push_back(problem(hostile, hostile, hostile));
    desk.press("enter l");
    screens.push(desk.screen());
    desk.press("esc c");
    desk.happens(Event::Resize { columns: 120, rows: 40 });
    desk.size = (120, 40);
    desk.press("2");
    screens.push(desk.screen());
    for screen in screens {
        // YAML has an escape of its own for it.
        assert!(screen.contains("\\u{1b}]") || screen.contains("\\u001b]0;owned"), "it is told\n{screen}");
        assert!(!screen.chars().any(|character| character != '\n' && client::safe::is_unsafe(character)), "{screen}");
    }
}
