//! Rotations, as a key officer plans, runs and stops them.

use std::time::Duration;

use api::Role;
use domain::{KeyPurpose, PlanState, RevocationReason};
use tui::{Read, Write};

use crate::office::{Desk, Setting, plan, problem, rotation};

/// At the board, with a rotation of the token-signing key for PS256 in that state.
fn at_the_board(state: PlanState) -> Desk {
    let mut desk = Desk::new();
    desk.server.plans = vec![rotation(state)];
    desk.press("6");
    desk
}

#[test]
fn a_line_of_keys_shows_its_generations_in_time() {
    let mut desk = at_the_board(PlanState::Running);
    desk.shows("Rotations: 6 lines of keys");
    let board = desk.screen();
    let line = |label: &str| board.lines().find(|line| line.contains(label)).unwrap().to_owned();
    // PS256 has a key that waits and none that signs; ES256 one that signs beside one that drains.
    assert!(line("token-signing PS256").contains('░') && !line("token-signing PS256").contains('█'), "{board}");
    assert!(line("token-signing ES256").contains('▓') && line("token-signing ES256").contains('█'), "{board}");
    assert!(line("token-signing PS256").contains("active in 9 min"), "{board}");
    assert!(line("now").contains("12:09"), "hours while a rotation is under way\n{board}");
    desk.shows("1 h from end to end");
    desk.press("- -");
    desk.shows("1 d from end to end");
    desk.press("+");
    desk.shows("6 h from end to end");
    desk.press("0");
    desk.shows("1 h from end to end");
}

#[test]
fn where_nothing_is_under_way_a_year_is_drawn() {
    let mut desk = Desk::new();
    desk.press("6");
    desk.shows("1 y from end to end");
    desk.shows("No rotation of this line is on record; 'p' plans one.");
    desk.shows("2022-02");
}

#[test]
fn a_rotation_shows_its_steps_and_who_is_ready() {
    let mut desk = at_the_board(PlanState::Held);
    desk.shows("HELD for parties");
    desk.shows("Rotation R3NQK8N");
    desk.shows("HELD at its date: 2 relying parties are not ready");
    desk.shows("wait      under way  11:40:00 to 11:55:00       due");
    desk.shows("Ready: 1 of 3; not ready 1, unknown 1. 2 would fail were it to take over now.");
    desk.press("enter");
    let screen = desk.screen();
    let order = ["inland-revenue-department", "hospital-authority"].map(|rp| screen.find(rp).unwrap());
    assert!(order.is_sorted(), "whom it waits for comes first\n{screen}");
    desk.shows("稅務局");
    desk.shows(
        "fetched at 08:40:00 at its own address, saw WfT6LDG8 NzbLsXh8; breaks: inland-revenue-department.etax would refuse",
    );
    desk.press("end");
    desk.shows("fetched at 11:58:00 at its own address, saw dS7FF0ZB WfT6LDG8 +1");
    desk.shows("1 other does not count");
    desk.shows("Planned       2022-05-31 11:30:00 HKT by first-operator");
}

#[test]
fn a_rotation_is_planned_looked_at_and_run_by_its_reference() {
    let mut desk = Desk::new();
    desk.press("6 down p");
    desk.shows("Write a rotation of token-signing tokens down? Nothing happens");
    desk.press("y");
    let (write, _) = &desk.server.writes[0];
    assert_eq!(write.command(), "iamctl key plan --purpose token-signing --line tokens");
    desk.shows(&format!("rotation {} is written down", plan()));
    desk.press("esc");
    desk.shows("the dates are as if it were run now");
    desk.press("r");
    desk.shows(&format!("Type {} to go on:", plan()));
    desk.types("R0000000");
    desk.press("enter");
    desk.shows("that is another name; nothing was sent");
    assert_eq!(desk.server.writes.len(), 1);
    desk.press("ctrl-u");
    desk.types(&plan().to_string());
    desk.press("enter");
    assert!(matches!(desk.server.writes[1].0, Write::RunPlan(run, None) if run == plan()));
    desk.waits(Duration::from_secs(1));
    desk.shows("running; its steps are taken as they are due");
}

#[test]
fn a_rotation_is_stopped_resumed_and_called_off_by_its_reference() {
    let mut desk = at_the_board(PlanState::Running);
    for (key, says, done) in [
        ("s", "The new keys stay published and", "is paused"),
        ("c", "What fell due meanwhile", "is running"),
        ("x", "and retire the keys", "is aborted"),
    ] {
        desk.press(key);
        desk.shows(says);
        desk.press("y enter");
        assert!(!desk.screen().contains(&format!("rotation {} {done}", plan())), "a yes is not enough");
        desk.press("ctrl-u");
        desk.types(&plan().to_string());
        desk.press("enter");
        desk.shows(&format!("rotation {} {done}", plan()));
    }
    assert_eq!(desk.server.writes.len(), 3);
    desk.press("x");
    desk.shows("abort: this rotation is over");
}

#[test]
fn going_on_without_parties_needs_a_reason_and_the_reference() {
    let mut desk = at_the_board(PlanState::Held);
    desk.press("c");
    desk.shows("resume: only a paused rotation can be resumed; 'g' goes on without parties");
    desk.press("g");
    desk.shows("go on without parties that are not");
    desk.press("enter");
    desk.types("told by phone, ticket 4711");
    desk.press("enter");
    desk.shows("go on WITHOUT the 2 relying parties that");
    desk.types(&plan().to_string());
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::ResumePlan(_, Some(why)) if why == "told by phone, ticket 4711"));
    desk.shows("Goes on without them by the word of first-operator at 2022-05-31 12:00:00 HKT");
}

#[test]
fn a_rotation_that_is_planned_is_run_without_parties_too() {
    let mut desk = at_the_board(PlanState::Planned);
    desk.press("down g");
    desk.types("agreed with all of them");
    desk.press("enter");
    desk.types(&plan().to_string());
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::RunPlan(_, Some(why)) if why == "agreed with all of them"));
}

#[test]
fn an_emergency_asks_why_and_for_the_name_of_what_it_replaces() {
    let mut desk = Desk::new();
    desk.press("6 e");
    desk.shows("Why are the keys of token-signing tokens replaced at once");
    desk.shows("$ iamctl key rotate --emergency --purpose token-signing --line");
    desk.press("enter");
    desk.shows("Replace the keys of token-signing tokens NOW and revoke the old");
    desk.shows("Type token-signing to go on:");
    desk.types("token-signing");
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::Emergency(line, RevocationReason::KeyCompromise)
        if line.purpose == KeyPurpose::TokenSigning));
}

#[test]
fn lines_of_the_command_line_do_what_they_do_there() {
    let mut desk = at_the_board(PlanState::Planned);
    let mut typed = |line: &str, says: &str| {
        desk.press(":");
        desk.types(&line.replace("PLAN", &plan().to_string()));
        desk.press("enter");
        desk.shows(&says.replace("PLAN", &plan().to_string()));
        desk.press("esc");
    };
    typed("key rotate --plan PLAN", "Type PLAN to go on:");
    typed("key rotate --plan PLAN --override --reason told", "$ iamctl key rotate --plan PLAN --override --reason told");
    typed("key rotate --emergency --reason superseded", "Type token-signing to go on:");
    typed("key rotate --emergency --reason whim", "'whim' is no reason to revoke a key");
    typed("key rotate --purpose issuing-ca --line operators", "is planned first, with 'key plan'");
    typed("key plan --purpose token-signing --at now", "$ iamctl key plan --purpose token-signing --at now");
    typed("key plan --purpose token-signing --list", "leave --purpose out");
    typed("key pause PLAN", "Type PLAN to go on:");
    typed("key resume PLAN --override --reason told", "$ iamctl key resume PLAN --override --reason told");
    typed("key abort PLAN", "Type PLAN to go on:");
    typed("key plan R0000012", "rotation R0000012 is not on the board   $ iamctl key plan R0000012");
    assert!(desk.server.writes.is_empty());
    // From another view, before the board was ever seen.
    let mut desk = Desk::new();
    desk.server.plans = vec![rotation(PlanState::Held)];
    desk.press(":");
    desk.types(&format!("key plan {}", plan()));
    desk.press("enter");
    desk.shows(&format!("Rotation {}", plan()));
    desk.shows("Who is ready");
}

#[test]
fn whoever_was_slower_is_told_and_sees_how_it_stands() {
    let mut desk = at_the_board(PlanState::Planned);
    desk.press("down r");
    desk.types(&plan().to_string());
    desk.server.plans[0] = rotation(PlanState::Running);
    desk.server.troubles.push_back(problem(
        "key.plan-state",
        &format!("plan {} is running and cannot be run", plan()),
        "see 'iamctl key plan'",
    ));
    desk.press("enter");
    desk.shows("It was not done");
    desk.shows("is running and cannot be run");
    desk.press("esc");
    desk.shows("running; its steps are taken as they are due");
}

#[test]
fn a_board_that_is_old_says_so() {
    let mut desk = at_the_board(PlanState::Running);
    desk.server.away = true;
    desk.waits(Duration::from_secs(60));
    desk.shows("not connected since");
    assert_eq!(desk.screen().matches("as at 12:00:").count(), 2, "the board and the rotation\n{}", desk.screen());
}

#[test]
fn a_rotation_of_another_line_is_not_shown_for_this_one() {
    let mut desk = at_the_board(PlanState::Running);
    desk.shows(&plan().to_string());
    desk.server.slow = true;
    desk.press("down down");
    desk.hides(&plan().to_string());
    desk.server.slow = false;
    desk.serve();
    desk.hides(&plan().to_string());
    desk.press("home");
    desk.shows(&plan().to_string());
}

#[test]
fn nothing_is_asked_that_is_not_shown() {
    let mut desk = at_the_board(PlanState::Running);
    assert!(!desk.server.reads.contains(&Read::Parties), "names are for the ledger");
    desk.press("enter esc enter");
    assert_eq!(desk.server.reads.iter().filter(|read| **read == Read::Parties).count(), 1);
    let before = desk.server.reads.len();
    desk.waits(Duration::from_secs(29));
    assert_eq!(desk.server.reads.len(), before);
    desk.waits(Duration::from_secs(2));
    assert_eq!(desk.server.reads[before..], [Read::Keys, Read::Plans, Read::Plan(plan())]);
}

#[test]
fn whoever_may_not_rotate_may_look() {
    let mut desk = Desk::with(Setting { roles: &[Role::Auditor], ..Setting::default() });
    desk.server.plans = vec![rotation(PlanState::Running)];
    desk.press("6");
    desk.shows("running; its steps are taken");
    desk.press("x");
    desk.shows("abort: needs the role key-officer");
    let mut desk = Desk::with(Setting { roles: &[Role::Statistician], ..Setting::default() });
    desk.press("6");
    desk.shows("Your roles do not reach this: it needs one of the roles key-officer");
}
