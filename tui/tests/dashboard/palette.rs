//! Commands found by name, and lines of the command line.

use tui::Write;

use crate::office::{Desk, call};

fn typed(desk: &mut Desk, line: &str) {
    desk.press(":");
    desk.types(line);
    desk.press("enter");
}

#[test]
fn a_command_is_found_by_a_part_of_its_name() {
    let mut desk = Desk::new();
    desk.press("ctrl-p");
    desk.types("rotat");
    desk.shows("key rotate --purpose token-signing");
    desk.press("enter");
    desk.shows("Make new token-signing keys, one for each algorithm?");
    desk.shows("$ iamctl key rotate --purpose token-signing");
}

#[test]
fn what_cannot_be_done_says_why() {
    let mut desk = Desk::new();
    desk.press(":");
    desk.types("revoke");
    desk.press("enter");
    desk.shows("go to the keys and select one first");
    assert!(desk.server.writes.is_empty());
}

#[test]
fn a_line_of_the_command_line_does_what_it_does_there() {
    let mut desk = Desk::new();
    typed(&mut desk, "iamctl key rotate --purpose token-signing --algorithm ES256 --activate now");
    desk.shows("Make a new token-signing key for ES256?");
    desk.shows("For emergencies only.");
    desk.press("y");
    let (write, _) = &desk.server.writes[0];
    assert_eq!(write.command(), "iamctl key rotate --purpose token-signing --algorithm ES256 --activate now");
    desk.shows("new keys: ES256 published");
}

#[test]
fn a_severe_line_asks_for_the_name_all_the_same() {
    let mut desk = Desk::new();
    typed(&mut desk, "rp suspend sandbox-bank --reason 'credential leaked, case 4711'");
    desk.shows("Type sandbox-bank to go on:");
    desk.press("enter");
    assert!(desk.server.writes.is_empty());
    desk.types("sandbox-bank");
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::SuspendParty(_, reason) if reason == "credential leaked, case 4711"));
}

#[test]
fn lines_lead_to_views() {
    let mut desk = Desk::new();
    typed(&mut desk, "rp show hongkong-post");
    desk.shows("香港郵政");
    typed(&mut desk, "key list");
    desk.shows("Keys: 7 in use, 8 in all");
    typed(&mut desk, "whoami");
    desk.shows("Operator      first-operator (First operator)");
    desk.press("esc");
    typed(&mut desk, "job list");
    desk.shows("Latest audit entries");
    typed(&mut desk, "q");
    assert!(desk.left);
}

#[test]
fn a_call_that_was_opened_elsewhere_is_taken_up() {
    let mut desk = Desk::new();
    typed(&mut desk, &format!("hotline find --call {} --hkic -", call()));
    desk.shows("Who is calling?");
    desk.types("G123456(A)");
    desk.press("enter");
    desk.shows("One account fits.");
    let account = desk.server.found[0].account;
    typed(&mut desk, &format!("hotline suspend {account} --call {} --reason stolen-device", call()));
    desk.shows("Suspended; read this to the caller");
}

#[test]
fn an_account_reference_is_looked_for_at_once() {
    let mut desk = Desk::new();
    let account = desk.server.found[0].account;
    typed(&mut desk, &format!("hotline find --call {} --account {account}", call()));
    desk.shows("One account fits.");
    assert_eq!(desk.server.named, [account.to_string()]);
}

#[test]
fn personal_numbers_are_no_arguments() {
    let mut desk = Desk::new();
    typed(&mut desk, &format!("hotline find --call {} --hkic G123456(A)", call()));
    desk.shows("card and phone numbers are not typed here");
    assert!(desk.server.named.is_empty());
    assert!(!desk.recording().contains("G123456"), "nor are they recorded");
}

#[test]
fn a_mistake_in_a_line_is_named() {
    let mut desk = Desk::new();
    for (line, says) in [
        ("key rotate", "required arguments were not provided"),
        ("key rotate --purpose signing", "invalid value 'signing'"),
        ("rp suspend sandbox-bank --reason 'leaked", "a quotation mark is not closed"),
        ("key list --dry-run", "the dashboard does not take --dry-run: run this line in a shell"),
        ("rp list --limit 3", "the dashboard does not take --limit"),
        ("stats legco", "the dashboard does not know 'stats legco': run it in a shell"),
        ("account suspend A000000007G --reason other", "--note TEXT"),
    ] {
        typed(&mut desk, &line.replace("A000000007G", &crate::office::account(7).to_string()));
        desk.shows(says);
        desk.press("esc");
    }
    assert!(desk.server.writes.is_empty());
}

#[test]
fn tab_takes_a_line_over_with_what_is_selected() {
    let mut desk = Desk::new();
    desk.press("2");
    desk.press(":");
    desk.types("suspend");
    desk.press("tab");
    desk.shows(": rp suspend civil-service-bureau --reason TEXT");
}

#[test]
fn roles_hold_for_lines_too() {
    let setting = crate::office::Setting { roles: &[api::Role::Auditor], ..Default::default() };
    let mut desk = Desk::with(setting);
    typed(&mut desk, "key rotate --purpose token-signing");
    desk.shows("needs the role key-officer");
    desk.press("esc");
    typed(&mut desk, "hotline open");
    desk.shows("needs one of the roles hotline-agent, hotline-supervisor");
    assert!(desk.server.writes.is_empty());
}

#[test]
fn every_example_is_understood() {
    for line in tui::examples() {
        let mut desk = Desk::new();
        typed(&mut desk, &line);
        desk.hides("─ Commands ─");
        desk.hides("run it in a shell");
    }
}

#[test]
fn the_palette_shows_the_commands_of_the_view_first() {
    let mut desk = Desk::new();
    desk.press("3 :");
    insta::assert_snapshot!(desk.screen());
}

#[test]
fn a_text_to_read_is_never_cut() {
    let mut desk = Desk::new();
    desk.press("4");
    typed(&mut desk, "rp list --help");
    desk.shows("Columns: rp,");
    desk.shows("ends.");
    desk.hides("…");
    desk.press("esc w");
    desk.shows("Roles         administrator,");
    desk.shows("statistician, auditor");
    desk.hides("…");
}
