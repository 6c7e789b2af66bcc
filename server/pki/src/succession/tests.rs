use std::convert::Infallible;

use super::*;
use crate::audit_log::{CheckpointFile, Verdict, verify};
use crate::generate::{KeyKind, PrivateKey};
use crate::merkle::{leaf_hash, root_of};

const ORIGIN: &str = "iam-audit-demo";

fn signer() -> NoteSigner {
    NoteSigner::new(ORIGIN, PrivateKey::generate(KeyKind::Ed25519).unwrap()).unwrap()
}

fn succession(parting: Parting, old: &NoteSigner, new: &NoteSigner, size: u64) -> Succession {
    let at = "2022-05-31T15:58:26.720501Z".parse().unwrap();
    Succession { parting, old: old.verifier().clone(), new: new.verifier().clone(), size, at }
}

fn announced(old: &NoteSigner, new: &NoteSigner, size: u64) -> String {
    succession(Parting::Announced, old, new, size).sign(Some(old.clone()), new.clone()).unwrap()
}

fn revoked(old: &NoteSigner, new: &NoteSigner, size: u64) -> String {
    succession(Parting::Revoked, old, new, size).sign(None, new.clone()).unwrap()
}

/// Ten entries; at each size, who signs.
fn verdict(signed: &[(u64, &[&NoteSigner])], notes: &[String], vkey: &NoteSigner, kept: Option<&str>) -> Verdict {
    let entries: Vec<Vec<u8>> = (0..10)
        .map(|n| format!(r#"{{"v":1,"id":"01970000-0000-7000-8000-00000000000{n}","at":"x","action":"y"}}"#).into_bytes())
        .collect();
    let hashes: Vec<_> = entries.iter().map(|entry| leaf_hash(entry)).collect();
    let checkpoints = signed
        .iter()
        .map(|(size, signers)| {
            let signers: Vec<NoteSigner> = signers.iter().map(|signer| (*signer).clone()).collect();
            let root = root_of(&hashes[..usize::try_from(*size).unwrap()]);
            let note = Checkpoint::new(ORIGIN, *size, root).sign_by(&signers).unwrap();
            CheckpointFile { tree_size: *size, note }
        })
        .collect();
    let mut trust = Trust::new(vkey.verifier().clone());
    trust.follow(notes);
    verify(entries.iter().map(Ok::<_, Infallible>), checkpoints, kept, &trust).unwrap()
}

#[track_caller]
fn good(verdict: &Verdict, checkpoints: u64) {
    assert_eq!((verdict.first_bad.as_ref(), verdict.checkpoints, verdict.tree_size), (None, checkpoints, 10));
}

#[track_caller]
fn bad(verdict: Verdict, from: u64, to: u64, why: &str) {
    let bad = verdict.first_bad.unwrap();
    assert!((bad.from, bad.to) == (from, to) && bad.reason.contains(why), "{bad:?}");
}

#[test]
fn an_announcement_has_the_published_form_and_comes_back() {
    let (old, new) = (signer(), signer());
    let made = succession(Parting::Announced, &old, &new, 7);
    assert_eq!(
        made.body(),
        format!("{ORIGIN}/succession\nannounced\n{}\n{}\n7\n2022-05-31T15:58:26.720501Z\n", old.verifier(), new.verifier())
    );
    assert_eq!(Succession::open(&announced(&old, &new, 7)).unwrap(), made);
    assert_eq!(Succession::open(&revoked(&old, &new, 7)).unwrap().parting, Parting::Revoked);
    assert!(made.sign(None, new.clone()).is_err(), "the old key must sign it");
    assert!(made.sign(Some(old.clone()), signer()).is_err());
    assert!(Checkpoint::parse_body(&made.body()).is_err(), "it is no checkpoint");
}

#[test]
fn an_announcement_that_is_none_is_refused() {
    let (old, new, stranger) = (signer(), signer(), signer());
    let note = announced(&old, &new, 7);
    let without_the_old = {
        let mut lines: Vec<&str> = note.lines().collect();
        lines.pop();
        lines.join("\n") + "\n"
    };
    for bad in [
        String::new(),
        without_the_old,
        note.replace("announced", "renounced"),
        note.replace("\n7\n", "\n8\n"),
        note.replace("\n7\n", "\n07\n"),
        note.replace("/succession", "/checkpoint"),
        note.replace(&old.verifier().to_string(), &stranger.verifier().to_string()),
        Checkpoint::new(ORIGIN, 7, [7; 32]).sign(&old).unwrap(),
        sign_note(&succession(Parting::Announced, &old, &old, 7).body(), std::slice::from_ref(&old)).unwrap(),
    ] {
        assert!(Succession::open(&bad).is_err(), "{bad}");
    }
}

#[test]
fn the_first_key_leads_to_every_later_one() {
    let (one, two, three) = (signer(), signer(), signer());
    let notes = [announced(&one, &two, 3), announced(&two, &three, 6)];
    let signed: &[(u64, &[&NoteSigner])] =
        &[(3, &[&one]), (4, &[&two, &one]), (6, &[&two]), (8, &[&three, &two]), (10, &[&three])];
    good(&verdict(signed, &notes, &one, None), 5);
    // Whoever came in later believes the later keys alone, and passes over what they have not signed.
    good(&verdict(signed, &notes, &two, None), 4);
    good(&verdict(signed, &notes, &three, None), 2);
    let kept = Checkpoint::new(ORIGIN, 0, crate::merkle::empty_root()).sign(&one).unwrap();
    good(&verdict(signed, &notes, &one, Some(&kept)), 5);
}

#[test]
fn a_key_that_nobody_announced_is_refused_and_named() {
    let (one, two, stranger) = (signer(), signer(), signer());
    let signed: &[(u64, &[&NoteSigner])] = &[(3, &[&one]), (6, &[&two]), (10, &[&two])];
    let named = |key: &NoteSigner| format!("it is signed by {}, which no trusted key has announced", key.verifier().short());
    bad(verdict(signed, &[], &one, None), 3, 5, &named(&two));
    good(&verdict(signed, &[announced(&one, &two, 3)], &one, None), 3);
    // An announcement by somebody else, of themselves or of the key in question, leads nowhere.
    bad(verdict(signed, &[announced(&stranger, &two, 3)], &one, None), 3, 5, &named(&two));
    let forked: &[(u64, &[&NoteSigner])] = &[(3, &[&one]), (10, &[&stranger])];
    bad(verdict(forked, &[announced(&one, &two, 3)], &one, None), 3, 9, &named(&stranger));
    // In their order: what is announced by a key that nobody has announced yet is not taken in later.
    let (three, backwards) = (signer(), [announced(&two, &stranger, 6), announced(&one, &two, 3)]);
    bad(verdict(forked, &backwards, &one, None), 3, 9, &named(&stranger));
    bad(verdict(forked, &[announced(&two, &three, 6)], &one, None), 3, 9, &named(&stranger));
}

#[test]
fn the_first_key_of_a_log_passes_over_nothing() {
    let (one, two) = (signer(), signer());
    // Nobody says that another came before it.
    let signed: &[(u64, &[&NoteSigner])] = &[(3, &[&one]), (10, &[&two])];
    bad(verdict(signed, &[], &two, None), 0, 2, &one.verifier().short());
    // And once a trusted key has signed, a checkpoint that none has signed is bad again.
    let signed: &[(u64, &[&NoteSigner])] = &[(3, &[&one]), (6, &[&two]), (8, &[&one]), (10, &[&two])];
    bad(verdict(signed, &[announced(&one, &two, 3)], &two, None), 6, 7, &one.verifier().short());
}

#[test]
fn a_wrong_signature_counts_against_a_checkpoint_even_beside_a_good_one() {
    let (one, two) = (signer(), signer());
    let mut trust = Trust::new(one.verifier().clone());
    trust.follow(&[announced(&one, &two, 3)]);
    let checkpoint = Checkpoint::new(ORIGIN, 3, [7; 32]);
    let other = Checkpoint::new(ORIGIN, 4, [7; 32]).sign(&two).unwrap();
    let mixed = checkpoint.sign(&one).unwrap() + other.lines().last().unwrap() + "\n";
    assert!(matches!(trust.open(&mixed), Opened::Bad(_)));
    assert!(matches!(trust.open(&checkpoint.sign(&two).unwrap()), Opened::Good(_)));
}

#[test]
fn a_revoked_key_signs_and_announces_nothing_any_more() {
    let (one, two, thief) = (signer(), signer(), signer());
    let notes = [announced(&one, &two, 3), revoked(&one, &two, 6), announced(&one, &thief, 7)];
    good(&verdict(&[(3, &[&one]), (6, &[&one]), (10, &[&two])], &notes, &one, None), 3);
    let alone = format!("it is signed by {} alone, which was revoked when the log had 6 leaves", one.verifier().short());
    bad(verdict(&[(3, &[&one]), (8, &[&one]), (10, &[&two])], &notes, &one, None), 3, 7, &alone);
    bad(verdict(&[(3, &[&one]), (10, &[&thief])], &notes, &one, None), 3, 9, &thief.verifier().short());
}

#[test]
fn a_key_that_was_revoked_before_it_announced_another_leads_nowhere() {
    let (one, two) = (signer(), signer());
    let notes = [revoked(&one, &two, 6)];
    let signed: &[(u64, &[&NoteSigner])] = &[(3, &[&one]), (6, &[&one]), (8, &[&two]), (10, &[&two])];
    // The revocation is by a key that nobody trusts: the new one has to be taken from the office by another way.
    let own_word = format!("by its own word it follows {}, revoked when the log had 6 leaves: whether", one.verifier().short());
    bad(verdict(signed, &notes, &one, None), 6, 7, &two.verifier().short());
    bad(verdict(signed, &notes, &one, None), 6, 7, &own_word);
    // With it, what the revoked one signed is covered by what the new one signs.
    good(&verdict(signed, &notes, &two, None), 2);
    // What the auditor kept from before is by the revoked one: it still shows a past that was rewritten.
    let kept = |root| Checkpoint::new(ORIGIN, 3, root).sign(&one).unwrap();
    let hash =
        |n| leaf_hash(format!(r#"{{"v":1,"id":"01970000-0000-7000-8000-00000000000{n}","at":"x","action":"y"}}"#).as_bytes());
    good(&verdict(signed, &notes, &two, Some(&kept(root_of(&[hash(0), hash(1), hash(2)])))), 2);
    bad(verdict(signed, &notes, &two, Some(&kept([7; 32]))), 0, 2, "rewritten");
    bad(verdict(signed, &[], &two, Some(&kept([7; 32]))), 0, 0, "the kept checkpoint");
}

proptest::proptest! {
    #[test]
    fn noise_is_no_announcement(noise: String) {
        proptest::prop_assert!(Succession::open(&noise).is_err());
        let mut trust = Trust::new(signer().verifier().clone());
        trust.follow(&[noise]);
    }
}
