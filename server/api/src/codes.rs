//! Every stable code that a command can answer with, and what to do about it: what `iamctl explain errors` lists. The codes
//! of the rules stand beside the rules, in `domain::codes`; a test of the command line holds both lists against the sources.

mod command_line;
mod server;
mod stats;

pub use domain::codes::Code;

/// Every code, by name.
pub fn all() -> Vec<&'static Code> {
    let mut all: Vec<&Code> = domain::codes::CODES.iter().chain(ours()).collect();
    all.sort_by_key(|entry| entry.code);
    all
}

/// The entry of a code.
#[must_use]
pub fn explained(code: &str) -> Option<&'static Code> {
    domain::codes::explained(code).or_else(|| ours().find(|entry| entry.code == code))
}

fn ours() -> impl Iterator<Item = &'static Code> {
    server::CODES.iter().chain(stats::CODES).chain(command_line::CODES)
}

const fn entry(code: &'static str, meaning: &'static str, mend: &'static str) -> Code {
    Code { code, meaning, mend }
}

const ENROL_AGAIN: &str =
    "ask an administrator for a new enrolment code ('iamctl operator add' for the same id), then 'iamctl enrol'";
const SAME_KEY: &str = "give the same command with the same --idempotency-key: it is done at most once";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_has_one_entry() {
        let all = all();
        for pair in all.windows(2) {
            assert_ne!(pair[0].code, pair[1].code);
        }
        assert!(explained("store.unavailable").is_some());
        assert!(explained("account.closed").is_some());
        assert!(explained("no.such").is_none());
    }
}
