//! What strangers send: honest inputs, damaged at random, against what must hold of any. The same that cargo-fuzz runs
//! (`tests/fuzz/README.md`), so that every run of the suite looks at some of it.
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../../../tests/fuzz/src/lib.rs"]
mod hostile;

use hostile::TARGETS;
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};

/// One damage.
#[derive(Clone, Debug)]
enum Damage {
    Flip(Index, u8),
    Set(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    /// A part of it, once more somewhere else.
    Repeat(Index, usize, Index),
    CutOff(Index),
}

impl Damage {
    fn any() -> impl Strategy<Value = Self> {
        // Lengths and tags as they are apt to be misread.
        let byte =
            prop_oneof![any::<u8>(), prop::sample::select(&[0u8, 1, 5, 0x30, 0x31, 0x7f, 0x80, 0x82, 0x84, 0xa0, 0xff][..])];
        prop_oneof![
            (any::<Index>(), 0..8u8).prop_map(|(at, bit)| Self::Flip(at, bit)),
            (any::<Index>(), byte.clone()).prop_map(|(at, byte)| Self::Set(at, byte)),
            (any::<Index>(), prop::collection::vec(byte, 1..9)).prop_map(|(at, bytes)| Self::Insert(at, bytes)),
            (any::<Index>(), 1..40usize).prop_map(|(at, length)| Self::Remove(at, length)),
            (any::<Index>(), 1..80usize, any::<Index>()).prop_map(|(from, length, to)| Self::Repeat(from, length, to)),
            any::<Index>().prop_map(Self::CutOff),
        ]
    }

    fn befall(&self, bytes: &mut Vec<u8>) {
        if bytes.is_empty() {
            return;
        }
        let place = |at: &Index| at.index(bytes.len());
        let end = |start: usize, length: usize| (start + length).min(bytes.len());
        match self {
            Self::Flip(at, bit) => {
                let at = place(at);
                bytes[at] ^= 1 << bit;
            }
            Self::Set(at, byte) => {
                let at = place(at);
                bytes[at] = *byte;
            }
            Self::Insert(at, inserted) => {
                let at = place(at);
                bytes.splice(at..at, inserted.iter().copied());
            }
            Self::Remove(at, length) => {
                let at = place(at);
                bytes.drain(at..end(at, *length));
            }
            Self::Repeat(from, length, to) => {
                let (from, to) = (place(from), place(to));
                let part = bytes[from..end(from, *length)].to_vec();
                bytes.splice(to..to, part);
            }
            Self::CutOff(at) => bytes.truncate(place(at)),
        }
    }
}

#[test]
fn every_reader_takes_its_seeds_and_nothing_else() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        assert!(!seeds.is_empty(), "{}", target.name);
        for other in TARGETS {
            for seed in (other.seeds)() {
                let is_taken = (target.run)(&seed);
                // Requests and key sets are evidence, too.
                if target.name != "evidence" || other.name == "evidence" {
                    assert_eq!(is_taken, target.name == other.name, "{} of {}", target.name, other.name);
                }
            }
        }
    }
}

#[test]
fn a_locked_key_is_no_evidence_and_nobody_is_asked_for_its_password() {
    for locked in hostile::locked_keys() {
        assert!(!hostile::evidence(&locked));
    }
}

#[test]
fn no_damage_makes_a_reader_fall() {
    for target in TARGETS {
        let seeds = (target.seeds)();
        let inputs = (any::<Index>(), prop::collection::vec(Damage::any(), 1..6));
        let mut runner = TestRunner::new(Config { cases: 512, failure_persistence: None, ..Config::default() });
        let outcome = runner.run(&inputs, |(seed, damages)| {
            let mut bytes = seed.get(&seeds).clone();
            damages.iter().for_each(|damage| damage.befall(&mut bytes));
            let _taken = (target.run)(&bytes);
            Ok(())
        });
        assert!(outcome.is_ok(), "{}: {outcome:?}", target.name);
    }
}
