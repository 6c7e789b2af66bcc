//! What a citizen's browser brings from a client, damaged at every place, against what must hold of any. The same that cargo-fuzz runs
//! (`tests/fuzz/README.md`).
#![expect(clippy::unwrap_used, reason = "tests")]

#[path = "../fuzz/src/browser.rs"]
mod browser;

use browser::{AUTHORIZE, Target};

#[test]
fn honest_addresses_are_taken_and_no_damage_leads_astray() {
    let Target { name, run: reads, seeds } = AUTHORIZE;
    let mut refused = 0;
    for seed in seeds() {
        assert!(reads(&seed), "{name}");
        for at in 0..seed.len() {
            let (before, after) = seed.split_at(at);
            let damaged = |put: &[u8], rest: &[u8]| [before, put, rest].concat();
            let mut inputs = vec![damaged(b"", &after[1..]), before.to_vec(), damaged(&after[..1], after), damaged(after, after)];
            inputs
                .extend([b"&", b"=", b"%", b"+", b"#", b"@", b"\0", b"/", b"A", b"\xff"].map(|byte| damaged(byte, &after[1..])));
            inputs.extend(["%00", "%2e", "%2F", "%40", "%E5", "redirect_uri="].map(|word| damaged(word.as_bytes(), after)));
            refused += inputs.iter().filter(|input| !reads(input)).count();
        }
    }
    assert!(refused > 2_000, "{refused}");
}
