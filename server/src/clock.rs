//! The system's time and chance: the one place of the server that asks for either.

use domain::{Clock, Entropy, Timestamp};

/// The system's clock.
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        #[expect(clippy::disallowed_methods, reason = "this is the port everything else asks")]
        let now = std::time::SystemTime::now();
        let micros = now.duration_since(std::time::UNIX_EPOCH).map_or(0, |since| since.as_micros());
        Timestamp::from_micros(i64::try_from(micros).unwrap_or(i64::MAX))
    }
}

/// OpenSSL's random generator.
pub struct SystemEntropy;

impl Entropy for SystemEntropy {
    fn fill(&self, bytes: &mut [u8]) {
        // OpenSSL fails only when the kernel has no random source; then nothing may go on with weak keys.
        while openssl::rand::rand_bytes(bytes).is_err() {
            tracing::error!("the system has no randomness; waiting for it");
            std::thread::sleep(std::time::Duration::from_secs(1));
        }
    }
}
