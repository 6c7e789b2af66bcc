//! Keys, as a key officer works on them.

use api::Role;
use api::instance::Check;
use domain::{ActivateAt, KeyPurpose, RevocationReason};
use tui::Write;

use crate::office::{Desk, Setting, problem};

#[test]
fn a_rotation_is_confirmed_by_one_key() {
    let mut desk = Desk::new();
    desk.press("3 r");
    desk.shows("over after the publish interval, when every party");
    desk.press("n");
    assert!(desk.server.writes.is_empty());
    desk.press("r enter");
    assert!(desk.server.writes.is_empty(), "enter is no yes");
    desk.press("r y");
    assert!(matches!(desk.server.writes[0].0, Write::RotateKey(KeyPurpose::TokenSigning, None, ActivateAt::AfterPublish)));
    desk.shows("new keys: ES256 published");
    desk.shows("$ iamctl key rotate --purpose token-signing");
    desk.shows("nExt0nEr");
}

#[test]
fn a_leaked_key_is_revoked_by_its_name() {
    let mut desk = Desk::new();
    desk.press("3 down down down down down v");
    desk.shows("Why is key WfT6LDG8 revoked?");
    desk.press("enter");
    desk.shows("Type WfT6LDG8 to go on:");
    desk.types("NzbLsXh8");
    desk.press("enter");
    desk.shows("that is another name; nothing was sent");
    desk.press("ctrl-u");
    desk.types("WfT6LDG8");
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::RevokeKey(kid, RevocationReason::KeyCompromise)
        if kid.as_str().starts_with("WfT6LDG8")));
    desk.shows("key WfT6LDG8 is revoked");
    desk.press("a");
    desk.shows("revoked   WfT6LDG8      key-compromise");
}

#[test]
fn in_an_emergency_the_old_keys_are_revoked_with_the_rotation() {
    let mut desk = Desk::new();
    desk.press("3 e down up");
    desk.shows("Why are the keys of token-signing replaced at once");
    desk.press("enter y enter");
    assert!(desk.server.writes.is_empty(), "a yes is not enough");
    desk.press("ctrl-u");
    desk.types("token-signing");
    desk.press("enter");
    assert!(matches!(&desk.server.writes[0].0, Write::Emergency(line, RevocationReason::KeyCompromise) if line.name.is_none()));
    desk.shows("1 party not told: call");
    desk.shows("$ iamctl key rotate --emer");
}

#[test]
fn two_officers_at_once_are_told_who_was_faster() {
    let mut desk = Desk::new();
    desk.press("3 r");
    desk.server.troubles.push_back(problem(
        "key.rotation-in-progress",
        "a token-signing key for PS256 waits to become active already",
        "wait until it is active, or revoke it",
    ));
    desk.press("y");
    desk.shows("It was not done");
    desk.shows("waits to become active already");
    desk.shows("key.rotation-in-progress");
    desk.shows("request 01a20229-a48a-7100-a649-cfec5dc4a182");
}

#[test]
fn a_key_is_shown_in_full() {
    let mut desk = Desk::new();
    desk.press("3 end enter");
    desk.shows("In the JWKS   yes");
    desk.shows("active in 9 min");
    desk.shows("Public JWK");
    desk.press("esc");
    desk.shows("PURPOSE");
}

#[test]
fn whoever_may_not_is_not_offered_it() {
    let mut desk = Desk::with(Setting { roles: &[Role::Auditor], ..Setting::default() });
    desk.press("3");
    desk.shows("token-signing");
    desk.hides("r rotate");
    desk.press("r");
    desk.shows("rotate: needs the role key-officer");
    let mut desk = Desk::with(Setting { roles: &[Role::Statistician], ..Setting::default() });
    desk.press("3");
    desk.shows("Your roles do not reach this: it needs one of the roles key-officer");
}

#[test]
fn the_last_line_is_reached_although_an_alarm_stands() {
    let failing = || Check {
        id: "disk".to_owned(),
        ok: false,
        detail: "3 % of the space is left, and that is said at some length so that it takes two rows".to_owned(),
        mend: Some("make room on the volume of the data folder".to_owned()),
    };
    // The last row above the footer, which nothing is below.
    let bottom = |desk: &Desk| desk.screen().lines().nth(21).unwrap().to_owned();
    for (tab, opens) in [("3", "down down enter"), ("2", "enter m")] {
        let mut desk = Desk::new();
        desk.press(tab);
        desk.press(opens);
        desk.press("end");
        let wanted = bottom(&desk);
        assert!(!wanted.trim().is_empty() && !wanted.ends_with('↓'), "{}", desk.screen());
        desk.server.failing = vec![failing()];
        desk.press("1 ctrl-r");
        desk.press(tab);
        desk.press("home");
        assert_ne!(bottom(&desk), wanted);
        desk.press("end");
        desk.shows("NOT READY, disk");
        assert_eq!(bottom(&desk), wanted, "{}", desk.screen());
    }
}
