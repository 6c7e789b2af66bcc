//! How many tokens are signed in a second of processor time, beside the bar: four fifths of the signatures that `openssl speed`
//! makes in the same minute. Run by `scripts/bench`, or:
//!
//!     cargo bench -p pki --bench tokens
//!
//! The two take turns, so that whatever else the machine does disturbs both; the ratio is that of their best turns.
#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "a measurement prints, and stops where it cannot go on")]

use std::process::Command;

use pki::{JwsAlgorithm, KeyKind, PrivateKey, TokenSigner, TokenType};

const TURNS: usize = 5;
/// Tokens of a turn, about a second.
const TOKENS: u32 = 50_000;
/// Of `openssl speed`.
const BAR: f64 = 0.8;
/// An access token as long as they get: ids and addresses in full, a certificate that it is bound to.
const CLAIMS: &str = r#"{"iss":"https://iam.gov.example","sub":"7PZcW2yX0sPjM3qB1uWm9Jq3l5tV8nRk","aud":"https://iam.gov.example","client_id":"inland-revenue-department.etax","iat":1795350000,"exp":1795350300,"jti":"0197f0a03c3b70008000","scope":"openid profile form-filling signing","cnf":{"x5t#S256":"bwcK0esc3ACC3DB2Y5_lESsXE8o9ltc05O89jdN-dg2"}}"#;

fn main() {
    let key = PrivateKey::generate(KeyKind::P256).unwrap();
    let signer = TokenSigner::new(key.into(), JwsAlgorithm::ES256).unwrap();
    let (mut ours, mut theirs) = (0.0f64, 0.0f64);
    for _ in 0..TURNS {
        theirs = theirs.max(openssl_speed());
        let began = processor_seconds();
        for _ in 0..TOKENS {
            std::hint::black_box(signer.sign(TokenType::AccessToken, CLAIMS.as_bytes()).unwrap());
        }
        ours = ours.max(f64::from(TOKENS) / (processor_seconds() - began));
    }
    println!(
        "tokens      ES256, {} bytes of claims  {:>8.1} k/s   bar {:>7.1} k/s   {:.2}x, openssl speed {:.1} k/s",
        CLAIMS.len(),
        ours / 1e3,
        theirs * BAR / 1e3,
        ours / (theirs * BAR),
        theirs / 1e3
    );
}

/// Signatures in a second of processor time, as it says itself.
fn openssl_speed() -> f64 {
    let speed = Command::new("openssl").args(["speed", "-seconds", "1", "-mr", "ecdsap256"]).output().unwrap();
    let said = String::from_utf8(speed.stdout).unwrap();
    let figures = said.lines().find_map(|line| line.strip_prefix("+F4:")).unwrap();
    figures.split(':').nth(2).unwrap().parse().unwrap()
}

/// What this program has used so far, in user mode: in hundredths, as the kernel counts them.
fn processor_seconds() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    // Behind the name, which may hold anything, the state is the first field and utime the twelfth.
    let ticks: f64 = stat.rsplit_once(')').unwrap().1.split_whitespace().nth(11).unwrap().parse().unwrap();
    ticks / 100.0
}
