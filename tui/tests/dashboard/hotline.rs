//! The hotline, as an agent goes through it.

use std::time::Duration;

use api::Role;
use domain::{AccountState, SuspensionReason};
use tui::{Event, Pasted, Trouble, Write};

use crate::office::{Desk, Setting, account, call, citizen, problem, unreachable};

fn agent() -> Desk {
    Desk::with(Setting { roles: &[Role::HotlineAgent], ..Setting::default() })
}

/// A call up to the account that was found.
fn found() -> Desk {
    let mut desk = agent();
    desk.press("o");
    desk.types("G123456(A)");
    desk.press("enter");
    desk
}

#[test]
fn an_agent_suspends_a_lost_phone_while_the_caller_waits() {
    let mut desk = agent();
    desk.shows("Nobody is on the line.");
    desk.press("o");
    desk.shows("Who is calling?");
    desk.types("g123456a");
    desk.shows("8 typed");
    desk.press("enter");
    desk.shows("One account fits. Is it the caller's?");
    desk.shows("CHAN T** M** 陳**");
    desk.press("enter");
    desk.shows("Why is it suspended? One key suspends at once.");
    desk.press("l");
    desk.shows("Suspended; read this to the caller");
    desk.shows("你的「智方便」帳戶由此刻起已暫停");
    desk.press("c");
    desk.shows("Nobody is on the line.");
    desk.shows("Last call HC");
    desk.hides("CHAN");

    assert!(desk.pressed <= 12, "{} keys beyond what the caller says", desk.pressed);
    let commands: Vec<String> = desk.server.writes.iter().map(|(write, _)| write.command()).collect();
    assert_eq!(
        commands,
        [
            "iamctl hotline open".to_owned(),
            format!("iamctl hotline suspend {} --call {} --reason lost-device", account(77), call()),
            format!("iamctl hotline close {}", call()),
        ]
    );
}

#[test]
fn what_the_caller_says_is_never_on_the_screen() {
    let mut desk = agent();
    desk.press("o");
    desk.types("G123456");
    desk.shows("•••••••");
    desk.hides("G123456");
    desk.press("enter");
    assert_eq!(desk.server.named, ["G123456"], "it leaves the dashboard with the request");
    desk.hides("G123456");
}

#[test]
fn a_mistyped_number_is_told_and_typed_again() {
    let mut desk = agent();
    desk.press("o");
    desk.types("G123456(3)");
    desk.press("enter");
    desk.shows("the check character of the HKIC number is wrong");
    desk.types("G123456(A)");
    desk.hides("the check character");
    desk.press("enter");
    desk.shows("One account fits.");
}

#[test]
fn nobody_fits() {
    let mut desk = agent();
    desk.server.found.clear();
    desk.press("o");
    desk.types("91234567");
    desk.press("enter");
    desk.shows("No account fits. Ask the caller to read it again");
    desk.press("esc c");
    desk.shows("Nobody is on the line.");
}

#[test]
fn among_several_accounts_the_agent_picks() {
    let mut desk = agent();
    desk.server.found = vec![
        citizen(77, "CHAN TAI MAN", "陳大文", "G123456(A)", AccountState::Closed),
        citizen(78, "CHAN SIU MING", "陳小明", "L555555(0)", AccountState::Active),
    ];
    desk.press("o");
    desk.types("91234567");
    desk.press("enter");
    desk.shows("2 accounts fit. Which one is the caller's?");
    desk.press("enter");
    desk.shows("this account is closed: there is nothing to suspend");
    desk.press("down enter");
    desk.shows("L555***(*)");
    desk.press("esc");
    desk.shows("2 accounts fit.");
    desk.press("enter");
    desk.press("f");
    assert!(matches!(
        &desk.server.writes[1].0,
        Write::SuspendAccount { account: suspended, reason: SuspensionReason::SuspectedFraud, .. } if *suspended == account(78)
    ));
}

#[test]
fn the_agent_can_look_again() {
    let mut desk = found();
    desk.press("esc");
    desk.shows("Who is calling?");
    desk.types("91234567");
    desk.press("enter enter esc");
    desk.shows("Who is calling?");
    assert_eq!(desk.server.writes.len(), 1, "only the call was opened");
}

#[test]
fn another_reason_needs_a_note() {
    let mut desk = found();
    desk.press("enter t");
    desk.shows("what has happened? The note is kept sealed.");
    desk.press("enter");
    assert_eq!(desk.server.writes.len(), 1, "an empty note is none");
    desk.types("spoke to the sister");
    desk.shows("spoke to the sister");
    desk.press("enter");
    let Write::SuspendAccount { note: Some(note), reason: SuspensionReason::Other, .. } = &desk.server.writes[1].0 else {
        panic!("{:?}", desk.server.writes)
    };
    assert_eq!(note.as_str(), "spoke to the sister");
    desk.hides("spoke to the sister");
    assert!(!desk.recording().contains("sister"), "a note may speak of a person");
}

#[test]
fn a_second_suspension_says_so() {
    let mut desk = agent();
    desk.server.found[0].state = AccountState::Suspended;
    desk.press("o");
    desk.types("91234567");
    desk.press("enter enter l");
    desk.shows("Suspended before; read this to the caller");
    desk.shows("nothing was changed now");
}

#[test]
fn a_suspension_without_an_answer_is_not_confirmed_and_is_sent_again_under_its_key() {
    let mut desk = found();
    desk.press("enter");
    desk.server.troubles.push_back(Trouble {
        unconfirmed: Some("0190-key".to_owned()),
        message: "NOT CONFIRMED: https://127.0.0.1:7443 did not answer 'account.suspend': no answer within 10 s".to_owned(),
        hint: Some("it may have been done or not; to send it again is safe: it is done at most once".to_owned()),
        ..unreachable()
    });
    desk.press("l");
    desk.shows(" NOT CONFIRMED ");
    desk.shows("r  sends it again");
    desk.press("r");
    desk.shows("Suspended; read this to the caller");
    assert_eq!(desk.server.writes[2].1.as_deref(), Some("0190-key"));
}

#[test]
fn a_refusal_leads_back_to_the_reasons() {
    let mut desk = found();
    desk.press("enter");
    desk.server.troubles.push_back(problem("account.closed", "account A000 is closed", "see 'iamctl account history'"));
    desk.press("d");
    desk.shows("account A000 is closed");
    desk.shows("see 'iamctl account history'");
    desk.shows("account.closed");
    desk.shows("request 01a20229-a48a-7100-a649-cfec5dc4a182");
    desk.press("esc");
    desk.shows("One key suspends at once.");
}

#[test]
fn the_sentence_stays_until_the_agent_goes_on() {
    let mut desk = found();
    desk.press("enter l esc enter space up");
    desk.shows("Suspended; read this to the caller");
    desk.press("2 o");
    desk.shows("Suspended; read this to the caller");
    desk.press("a");
    desk.shows("Who is calling?");
}

#[test]
fn one_key_is_one_suspension() {
    let mut desk = found();
    desk.press("enter");
    desk.server.slow = true;
    desk.press("l l s");
    desk.shows("Suspending: lost-device. Waiting for the server.");
    assert_eq!(desk.server.writes.len(), 2);
    desk.server.slow = false;
    desk.serve();
    desk.shows("Suspended; read this to the caller");
}

#[test]
fn a_number_can_be_pasted_into_the_field_and_nowhere_else() {
    let paste = |text: &str| Event::Paste(Pasted::Text(text.to_owned().into()));
    let mut desk = agent();
    desk.happens(paste("q"));
    desk.shows("there is no field here to paste into");
    assert!(!desk.left);
    desk.press("o");
    desk.happens(paste("  G123456(A)\nq\n"));
    desk.shows("10 typed");
    desk.press("enter");
    desk.shows("One account fits.");
    assert!(!desk.recording().contains("G123456"));
}

#[test]
fn the_call_is_timed_and_not_left_by_mistake() {
    let mut desk = agent();
    desk.press("o");
    desk.waits(Duration::from_secs(75));
    desk.shows("1:15");
    desk.press("esc q");
    desk.shows("A call is still open.");
    desk.press("n");
    assert!(!desk.left);
    desk.press("q y");
    assert!(desk.left);
}

#[test]
fn an_operator_with_other_work_finds_the_hotline_by_one_key() {
    let mut desk = Desk::new();
    desk.shows("Latest audit entries");
    desk.press("3 o");
    desk.shows("Who is calling?");
    desk.press("esc 1 o");
    desk.shows("Who is calling?");
    assert_eq!(desk.server.writes.len(), 1, "the second 'o' goes back to the open call");
}

#[test]
fn who_has_no_role_for_it_is_told() {
    let mut desk = Desk::with(Setting { roles: &[Role::Auditor], ..Setting::default() });
    desk.press("4");
    desk.shows("needs one of the roles hotline-agent, hotline-supervisor");
    desk.press("o");
    desk.shows("open call: needs one of the roles hotline-agent, hotline-supervisor");
    assert!(desk.server.writes.is_empty());
}

#[test]
fn after_a_suspension_without_a_call_one_can_be_opened() {
    let mut desk = Desk::new();
    desk.press(":");
    desk.types(&format!("account suspend {} --reason lost-device", account(77)));
    desk.press("enter");
    desk.shows("Suspended; read this to the caller");
    desk.press("o");
    desk.shows("Who is calling?");
    let commands: Vec<String> = desk.server.writes.iter().map(|(write, _)| write.command()).collect();
    assert_eq!(commands[1..], ["iamctl hotline open".to_owned()]);
}

#[test]
fn a_terminal_that_became_too_small_does_not_lose_the_call() {
    let mut desk = agent();
    desk.press("o");
    desk.size = (60, 10);
    desk.happens(Event::Resize { columns: 60, rows: 10 });
    desk.happens(Event::Paste(Pasted::Text("quick".to_owned().into())));
    assert!(!desk.left, "a pasted text is no command");
    desk.press("q");
    desk.shows("A call is still open. Leave the dashboard all the same?");
    desk.shows("y leaves, n stays.");
    assert!(!desk.left);
    desk.press("n");
    desk.shows("make it larger, or q to leave");
    desk.press("q y");
    assert!(desk.left);
}

#[test]
fn a_terminal_that_became_too_small_does_not_lose_an_unanswered_write() {
    let mut desk = found();
    desk.press("enter");
    desk.server.slow = true;
    desk.press("l");
    desk.size = (79, 24);
    desk.happens(Event::Resize { columns: 79, rows: 24 });
    desk.press("ctrl-c");
    desk.shows("Leave without knowing whether this was done?");
    assert!(!desk.left);
    desk.press("ctrl-c");
    assert!(desk.left, "asked twice it does not ask back");
}
