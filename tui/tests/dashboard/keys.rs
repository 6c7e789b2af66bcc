//! Keys, as a key officer works on them.

use api::Role;
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
