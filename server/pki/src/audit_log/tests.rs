use std::convert::Infallible;

use super::*;
use crate::checkpoint::{Checkpoint, NoteSigner, VerifierKey};
use crate::generate::{KeyKind, PrivateKey};
use crate::succession::{Parting, Succession};

const ORIGIN: &str = "demo.iam.example/audit";

/// A log as the sealer makes it, and what an attacker may then do to its export.
#[derive(Clone)]
struct Log {
    entries: Vec<Vec<u8>>,
    checkpoints: Vec<CheckpointFile>,
    signer: NoteSigner,
}

/// The n-th entry; ids ascend with n.
fn entry(n: u64, action: &str) -> Vec<u8> {
    format!(
        r#"{{"v":1,"id":"0197{:04x}-{:04x}-7000-8000-{:012x}","at":"2022-05-31T15:59:{:02}.000000Z","action":"{action}","outcome":"done"}}"#,
        n >> 16,
        n & 0xffff,
        n,
        n % 60
    )
    .into_bytes()
}

impl Log {
    fn new() -> Self {
        let signer = NoteSigner::new(ORIGIN, PrivateKey::generate(KeyKind::Ed25519).unwrap()).unwrap();
        Self { entries: Vec::new(), checkpoints: Vec::new(), signer }
    }

    /// A log sealed in batches of these sizes.
    fn sealed(batches: &[u64]) -> Self {
        let mut log = Self::new();
        for batch in batches {
            for _ in 0..*batch {
                log.entries.push(entry(log.entries.len() as u64, "account.suspend"));
            }
            log.seal();
        }
        log
    }

    fn seal(&mut self) {
        let hashes: Vec<Hash> = self.entries.iter().map(|entry| leaf_hash(entry)).collect();
        let size = hashes.len() as u64;
        let note = Checkpoint::new(ORIGIN, size, crate::merkle::root_of(&hashes)).sign(&self.signer).unwrap();
        self.checkpoints.push(CheckpointFile { tree_size: size, note });
    }

    fn last(&self) -> String {
        self.checkpoints.last().unwrap().note.clone()
    }

    fn verify_against(&self, kept: Option<&str>) -> Verdict {
        let entries = self.entries.iter().map(Ok::<_, Infallible>);
        verify(entries, self.checkpoints.clone(), kept, &Trust::new(self.signer.verifier().clone())).unwrap()
    }

    #[track_caller]
    fn is_good(&self, kept: Option<&str>) -> Verdict {
        let verdict = self.verify_against(kept);
        assert_eq!(verdict.first_bad, None);
        assert!(verdict.ok);
        verdict
    }

    #[track_caller]
    fn is_bad(&self, kept: Option<&str>, from: u64, to: u64, reason: &str) -> Verdict {
        let verdict = self.verify_against(kept);
        assert!(!verdict.ok);
        let bad = verdict.first_bad.clone().unwrap();
        assert_eq!((bad.from, bad.to, bad.reason.as_str()), (from, to, reason));
        verdict
    }
}

const ALTERED: &str = "one of them was altered, removed, inserted or moved";

#[test]
fn a_log_that_nobody_touched_is_good() {
    let log = Log::sealed(&[3, 1, 7, 20]);
    let verdict = log.is_good(None);
    assert_eq!((verdict.entries, verdict.checkpoints, verdict.tree_size), (31, 4, 31));
    let root = verdict.root.as_str();
    assert_eq!(log.last().lines().nth(2), Some(root), "the root reads as in the checkpoint");
    for kept in &log.checkpoints {
        assert_eq!(log.is_good(Some(&kept.note)), verdict);
    }
}

#[test]
fn a_log_without_entries_is_good() {
    let mut log = Log::new();
    let verdict = log.is_good(None);
    assert_eq!((verdict.entries, verdict.checkpoints, verdict.tree_size), (0, 0, 0));
    assert_eq!(verdict.root, "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
    log.seal();
    assert_eq!(log.is_good(None).checkpoints, 1);
}

#[test]
fn the_reply_has_the_published_fields() {
    let log = Log::sealed(&[2]);
    let json = serde_json::to_string(&log.is_good(None)).unwrap();
    assert!(json.starts_with(r#"{"entries":2,"checkpoints":1,"tree_size":2,"root":""#), "{json}");
    assert!(json.ends_with(r#","ok":true}"#), "{json}");
    let mut cut = log;
    cut.entries.pop();
    let json = serde_json::to_string(&cut.verify_against(None)).unwrap();
    assert!(json.contains(r#""ok":false,"first_bad":{"from":0,"to":1,"reason":"the log ends"#), "{json}");
}

#[test]
fn a_flipped_bit_shows_between_its_checkpoints() {
    let log = Log::sealed(&[3, 4, 5]);
    // A digit of the time: the entry stays well formed.
    let mut altered = log.clone();
    let at = altered.entries[4].windows(4).position(|window| window == b"2022").unwrap();
    altered.entries[4][at + 3] ^= 1;
    let verdict = altered.is_bad(None, 3, 6, &format!("the entries do not give the root of checkpoint 7: {ALTERED}"));
    assert_eq!((verdict.entries, verdict.checkpoints, verdict.tree_size), (12, 1, 3));
    // Whatever bit it is, the right interval is named, and the leaf itself when it no longer is an entry.
    for bit in 0..log.entries[4].len() * 8 {
        let mut altered = log.clone();
        altered.entries[4][bit / 8] ^= 1 << (bit % 8);
        let bad = altered.verify_against(None).first_bad.unwrap();
        assert!((bad.from, bad.to) == (3, 6) || (bad.from, bad.to) == (4, 4), "bit {bit}: {bad:?}");
    }
}

#[test]
fn an_entry_that_is_none_is_named_itself() {
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries[5] = b"{\"v\":1".to_vec();
    log.is_bad(
        None,
        5,
        5,
        "the entries do not give the root of checkpoint 7: entry 5 is not an audit entry: a JSON object with v, id, at and action",
    );
    log.entries[5] = br#"{"v":1,"id":"none","at":"","action":""}"#.to_vec();
    log.is_bad(None, 5, 5, "the entries do not give the root of checkpoint 7: entry 5 has an id that is not a UUID");
}

#[test]
fn swapped_entries_are_named_by_the_first_that_moved() {
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries.swap(4, 6);
    let reason =
        "the entries do not give the root of checkpoint 7: entry 4 was moved, the entries are the sealed ones in another order";
    log.is_bad(None, 4, 4, reason);
    // Across a checkpoint no order proves anything.
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries.swap(2, 3);
    log.is_bad(None, 0, 2, &format!("the entries do not give the root of checkpoint 3: {ALTERED}"));
}

#[test]
fn a_removed_entry_shows() {
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries.remove(4);
    log.is_bad(None, 3, 6, &format!("the entries do not give the root of checkpoint 7: {ALTERED}"));
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries.remove(8);
    log.is_bad(None, 7, 11, "the log ends after 11 entries, checkpoint 12 is signed over 12: 1 entry is missing");
}

#[test]
fn an_inserted_entry_shows() {
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries.insert(4, entry(900, "account.reactivate"));
    log.is_bad(None, 3, 6, &format!("the entries do not give the root of checkpoint 7: {ALTERED}"));
}

#[test]
fn an_appended_entry_shows() {
    let mut log = Log::sealed(&[3, 4]);
    log.entries.push(entry(7, "key.revoke"));
    log.entries.push(entry(8, "key.revoke"));
    let reason = "the last checkpoint has 7 leaves and 2 entries follow it that no signature covers";
    let verdict = log.is_bad(None, 7, 8, reason);
    assert_eq!((verdict.entries, verdict.tree_size), (9, 7));
    log.checkpoints.clear();
    log.is_bad(None, 0, 8, "there is no checkpoint and 9 entries follow it that no signature covers");
}

#[test]
fn a_truncated_log_shows() {
    let mut log = Log::sealed(&[3, 4, 5]);
    log.entries.truncate(4);
    log.is_bad(None, 3, 6, "the log ends after 4 entries, checkpoint 7 is signed over 7: 3 entries are missing");
    log.entries.clear();
    log.is_bad(None, 0, 2, "the log ends after 0 entries, checkpoint 3 is signed over 3: 3 entries are missing");
}

#[test]
fn a_rollback_shows_only_against_a_kept_checkpoint() {
    let mut log = Log::sealed(&[3, 4, 5]);
    let kept = log.last();
    log.entries.truncate(7);
    log.checkpoints.pop();
    log.is_good(None);
    let reason = "the log was rolled back: the kept checkpoint has 12 leaves, the log ends after 7 entries";
    let verdict = log.is_bad(Some(&kept), 7, 11, reason);
    assert_eq!((verdict.checkpoints, verdict.tree_size), (2, 7));
}

#[test]
fn a_past_rewritten_and_signed_again_shows_against_a_kept_checkpoint() {
    let mut log = Log::sealed(&[3, 4]);
    let kept = log.last();
    log.entries[1] = entry(1, "account.show");
    log.checkpoints.clear();
    log.entries.truncate(3);
    log.seal();
    for n in 3..9 {
        log.entries.push(entry(n, "account.suspend"));
    }
    log.seal();
    log.is_good(None);
    let reason = "the log was rewritten: its first 7 entries do not give the root of the kept checkpoint";
    log.is_bad(Some(&kept), 0, 6, reason);
}

#[test]
fn entries_behind_the_exports_last_checkpoint_count_when_the_kept_one_covers_them() {
    let mut log = Log::sealed(&[3, 4]);
    let kept = log.last();
    log.checkpoints.pop();
    log.is_bad(None, 3, 6, "the last checkpoint has 3 leaves and 4 entries follow it that no signature covers");
    assert_eq!(log.is_good(Some(&kept)).tree_size, 7);
}

#[test]
fn another_key_shows() {
    let log = Log::sealed(&[3, 4]);
    let mut other = Log::sealed(&[3, 4]);
    other.checkpoints = log.checkpoints.clone();
    let unknown = format!("it is signed by {}, which no trusted key has announced", log.signer.verifier().short());
    let reason = format!("checkpoint 3: the signed note cannot be used: {unknown}");
    other.is_bad(None, 0, 2, &reason);
    // The whole export replaced, its vkey too: what the auditor kept is by another key.
    let replaced = Log::sealed(&[3, 4]);
    let reason = format!("the kept checkpoint: the signed note cannot be used: {unknown}");
    replaced.is_bad(Some(&log.last()), 0, 0, &reason);
}

#[test]
fn an_altered_checkpoint_shows() {
    let good = Log::sealed(&[3, 4, 5]);
    let mut log = good.clone();
    let other_root = log.checkpoints[0].note.lines().nth(2).unwrap().to_owned();
    let root = log.checkpoints[1].note.lines().nth(2).unwrap().to_owned();
    log.checkpoints[1].note = log.checkpoints[1].note.replace(&root, &other_root);
    let reason = format!("checkpoint 7: the signed note cannot be used: its signature by {ORIGIN} does not verify");
    log.is_bad(None, 3, 6, &reason);
    let mut log = good.clone();
    log.checkpoints[1].note = "nothing".into();
    log.is_bad(None, 3, 6, "checkpoint 7: the signed note is malformed: no blank line parts its text from its signatures");
    let mut log = good.clone();
    log.checkpoints[1].note = log.checkpoints[2].note.clone();
    log.is_bad(None, 3, 6, "checkpoint 7: the file states a tree of 12 leaves");
    // Fewer checkpoints say less, and nothing wrong.
    let mut log = good;
    log.checkpoints.remove(1);
    assert_eq!(log.is_good(None).checkpoints, 2);
}

#[test]
fn a_fork_shows() {
    let mut log = Log::sealed(&[3, 4]);
    let note = Checkpoint::new(ORIGIN, 7, [9; 32]).sign(&log.signer).unwrap();
    log.checkpoints.push(CheckpointFile { tree_size: 7, note });
    log.is_bad(None, 6, 6, "two checkpoints over 7 leaves are signed with different roots: the log was forked");
}

#[test]
fn a_checkpoint_of_another_log_by_the_same_key_shows() {
    let mut log = Log::sealed(&[3]);
    let note = Checkpoint::new("demo.iam.example/other", 3, [9; 32]).sign(&log.signer).unwrap();
    log.checkpoints = vec![CheckpointFile { tree_size: 3, note }];
    let reason = "checkpoint 3: the checkpoint cannot be used: its origin is not the name of the key that signed it";
    log.is_bad(None, 0, 2, reason);
}

#[test]
fn the_order_of_the_files_does_not_matter() {
    let mut log = Log::sealed(&[3, 4, 5]);
    log.checkpoints.reverse();
    assert_eq!(log.is_good(None).checkpoints, 3);
}

#[test]
fn a_failing_disk_is_an_error_and_no_verdict() {
    let log = Log::sealed(&[3]);
    let entries = [Ok(log.entries[0].clone()), Err("I/O error")];
    assert_eq!(verify(entries, log.checkpoints, None, &Trust::new(log.signer.verifier().clone())), Err("I/O error"));
}

proptest::proptest! {
    /// Whatever one does to the entries, the verdict is bad exactly when they differ, and what is named is never behind
    /// the first difference.
    #[test]
    fn no_change_goes_unseen(
        batches in proptest::collection::vec(1u64..6, 1..6),
        change in 0usize..5,
        one: proptest::sample::Index,
        two: proptest::sample::Index,
    ) {
        let log = Log::sealed(&batches);
        let mut changed = log.clone();
        let (a, b) = (one.index(log.entries.len()), two.index(log.entries.len()));
        match change {
            0 => changed.entries.swap(a, b),
            1 => drop(changed.entries.remove(a)),
            2 => changed.entries.insert(a, log.entries[b].clone()),
            3 => changed.entries.truncate(a),
            _ => changed.entries[a].push(b' '),
        }
        let verdict = changed.verify_against(None);
        proptest::prop_assert_eq!(verdict.ok, changed.entries == log.entries);
        if let Some(bad) = verdict.first_bad {
            let first = (0..).find(|at| changed.entries.get(*at) != log.entries.get(*at)).unwrap() as u64;
            proptest::prop_assert!(bad.from <= first && verdict.tree_size <= first, "{:?}, first {}", bad, first);
            proptest::prop_assert!(bad.to >= bad.from);
        }
    }
}

/// The published format, and the example that it gives to those who write another verifier.
mod published {
    use super::*;

    const FORMAT: &str = include_str!("../../../AUDIT-FORMAT.md");

    /// The code block under a heading.
    fn block(heading: &str) -> &'static str {
        let (_, rest) = FORMAT.split_once(&format!("### {heading}\n\n```\n")).unwrap();
        rest.split_once("```\n").unwrap().0
    }

    fn example() -> (Vec<Vec<u8>>, Vec<CheckpointFile>, VerifierKey) {
        let entries = leaves(block("entries.jsonl").as_bytes()).map(Result::unwrap).collect();
        let file = |tree_size| CheckpointFile { tree_size, note: block(&format!("checkpoints/{tree_size}")).to_owned() };
        (entries, vec![file(2), file(5)], block("vkey").parse().unwrap())
    }

    fn verdict(entries: &[Vec<u8>], checkpoints: &[CheckpointFile], kept: Option<&str>) -> Verdict {
        let (_, _, vkey) = example();
        verify(entries.iter().map(Ok::<_, Infallible>), checkpoints.to_vec(), kept, &Trust::new(vkey)).unwrap()
    }

    #[track_caller]
    fn bad(verdict: Verdict) -> (u64, u64) {
        verdict.first_bad.map(|bad| (bad.from, bad.to)).unwrap()
    }

    #[test]
    fn the_example_is_good_and_gives_the_values_on_the_way() {
        let (entries, checkpoints, vkey) = example();
        let good = verdict(&entries, &checkpoints, None);
        assert_eq!((good.ok, good.entries, good.checkpoints, good.tree_size), (true, 5, 2, 5));
        let hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (index, hash) in hashes.iter().enumerate() {
            assert!(FORMAT.contains(&format!("| hash of leaf {index} | `{}` |", crate::text::hex(hash))));
        }
        for size in 2..=5 {
            let root = crate::text::hex(&crate::merkle::root_of(&hashes[..size]));
            assert!(FORMAT.contains(&format!("root at size {size} | `{root}` |")));
        }
        assert!(FORMAT.contains(&format!("| key id | `{}` |", crate::text::hex(&vkey.key_id()))));
    }

    #[test]
    fn the_example_is_made_again_from_its_key() {
        let (entries, checkpoints, vkey) = example();
        let seed: [u8; 32] = std::array::from_fn(|byte| byte as u8);
        let key = openssl::pkey::PKey::private_key_from_raw_bytes(&seed, openssl::pkey::Id::ED25519).unwrap();
        let signer = NoteSigner::new("iam-audit-demo", PrivateKey::from_pkey(key).unwrap()).unwrap();
        assert_eq!(*signer.verifier(), vkey);
        for file in checkpoints {
            let hashes: Vec<Hash> = entries[..file.tree_size as usize].iter().map(|entry| leaf_hash(entry)).collect();
            let root = crate::merkle::root_of(&hashes);
            // Ed25519 is deterministic: the same text and key give the same signature.
            assert_eq!(Checkpoint::new("iam-audit-demo", file.tree_size, root).sign(&signer).unwrap(), file.note);
        }
    }

    #[test]
    fn the_verdicts_of_the_example_are_ours() {
        let (entries, checkpoints, _) = example();
        let text = |entry: &[u8]| String::from_utf8(entry.to_vec()).unwrap();
        let mut altered = entries.clone();
        altered[1] = text(&entries[1]).replace("lost-device", "lost-devica").into_bytes();
        assert_eq!(bad(verdict(&altered, &checkpoints, None)), (0, 1));
        let mut removed = entries.clone();
        removed.remove(2);
        assert_eq!(bad(verdict(&removed, &checkpoints, None)), (2, 4));
        let mut swapped = entries.clone();
        swapped.swap(2, 3);
        assert_eq!(bad(verdict(&swapped, &checkpoints, None)), (2, 2));
        assert_eq!(bad(verdict(&entries[..4], &checkpoints[..1], None)), (2, 3));
        assert!(verdict(&entries[..2], &checkpoints[..1], None).ok);
        assert_eq!(bad(verdict(&entries[..2], &checkpoints[..1], Some(&checkpoints[1].note))), (2, 4));
        let mut appended = entries.clone();
        appended.push(entries[0].clone());
        assert_eq!(bad(verdict(&appended, &checkpoints, None)), (5, 5));
        // Every entry has the fields of section 2, in words that a reader finds there.
        for entry in &entries {
            let fields: serde_json::Map<String, serde_json::Value> = serde_json::from_slice(entry).unwrap();
            assert!(fields.keys().all(|field| FORMAT.contains(&format!("\n| `{field}` | "))));
            assert_eq!(fields.len(), 13);
        }
    }

    /// The keys of both examples, out of 32 bytes that count up.
    fn key_from(start: u8) -> NoteSigner {
        let seed: [u8; 32] = std::array::from_fn(|byte| start + byte as u8);
        let key = openssl::pkey::PKey::private_key_from_raw_bytes(&seed, openssl::pkey::Id::ED25519).unwrap();
        NoteSigner::new("iam-audit-demo", PrivateKey::from_pkey(key).unwrap()).unwrap()
    }

    #[test]
    fn the_second_example_goes_on_under_another_key() {
        let (old, new) = (key_from(0), key_from(0x20));
        let (mut entries, mut checkpoints, vkey) = example();
        entries.extend(leaves(block("entries.jsonl, from leaf 5 on").as_bytes()).map(Result::unwrap));
        let hashes: Vec<Hash> = entries.iter().map(|entry| leaf_hash(entry)).collect();
        for (size, signers) in [(6, vec![old.clone()]), (7, vec![new.clone(), old.clone()]), (8, vec![new.clone()])] {
            let root = crate::merkle::root_of(&hashes[..size]);
            let note = Checkpoint::new("iam-audit-demo", size as u64, root).sign_by(&signers).unwrap();
            assert_eq!(block(&format!("checkpoints/{size}")), note);
            checkpoints.push(CheckpointFile { tree_size: size as u64, note });
        }
        let at = "2022-06-01T01:00:00.000000Z".parse().unwrap();
        let (of_old, of_new) = (old.verifier().clone(), new.verifier().clone());
        let announced = Succession { parting: Parting::Announced, old: of_old, new: of_new.clone(), size: 5, at };
        let note = announced.sign(Some(old), new).unwrap();
        assert_eq!(block("announcements/1"), note);
        assert_eq!(block("The new verifier key"), format!("{of_new}\n"));

        let mut trust = Trust::new(vkey.clone());
        trust.follow(&[note.as_str()]);
        let verdict = |trust: &Trust| verify(entries.iter().map(Ok::<_, Infallible>), checkpoints.clone(), None, trust).unwrap();
        assert_eq!((verdict(&trust).ok, verdict(&trust).checkpoints, verdict(&trust).tree_size), (true, 5, 8));
        assert_eq!(bad(verdict(&Trust::new(vkey))), (7, 7));
        let mut later = Trust::new(of_new.clone());
        later.follow(&[note.as_str()]);
        assert_eq!((verdict(&later).ok, verdict(&later).checkpoints), (true, 2));
        assert_eq!(bad(verdict(&Trust::new(of_new))), (0, 1));
    }
}
