//! Who is not let in: written into the audit log as refused, and no more often than a stranger may make a log grow.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use domain::{RequestId, Timestamp};
use serde_json::{Map, Value};

use crate::app::App;

/// Entries that one reason may cause in a minute; the next one says how many were left out.
const A_MINUTE: u32 = 3;

/// What this node has written down of late, by what was asked for and why it was refused: a crowd at one listener hides nobody at
/// another.
#[derive(Debug, Default)]
pub struct TurnedAway(Mutex<BTreeMap<(&'static str, &'static str), Window>>);

#[derive(Debug, Default)]
struct Window {
    minute: i64,
    written: u32,
    left_out: u64,
}

/// Somebody who is not let in.
#[derive(Debug)]
pub struct Stranger {
    /// What they asked for, as an operation's name.
    pub action: &'static str,
    /// Why not.
    pub code: &'static str,
    /// What they showed: the fingerprint of a certificate. Empty where they showed nothing.
    pub shown: String,
    /// Their request, where there is one.
    pub request: Option<RequestId>,
    /// What an auditor wants to know besides.
    pub facts: Map<String, Value>,
}

impl TurnedAway {
    /// Whether one more is written down, and how many of its reason were left out before it.
    fn admit(&self, action: &'static str, code: &'static str, now: Timestamp) -> Option<u64> {
        let mut windows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let window = windows.entry((action, code)).or_default();
        let minute = now.micros().div_euclid(60_000_000);
        if window.minute != minute {
            *window = Window { minute, written: 0, left_out: window.left_out };
        }
        if window.written == A_MINUTE {
            window.left_out += 1;
            return None;
        }
        window.written += 1;
        Some(std::mem::take(&mut window.left_out))
    }
}

/// Writes it down. That it cannot be written changes nothing for the stranger, who is not let in either way.
pub async fn note(app: &App, stranger: Stranger) {
    let Stranger { action, code, shown, request, mut facts } = stranger;
    metrics::counter!("iam_turned_away_total", "code" => code).increment(1);
    let Some(left_out) = app.turned_away.admit(action, code, app.clock.now()) else { return };
    facts.insert("code".to_owned(), code.into());
    if left_out > 0 {
        facts.insert("left_out".to_owned(), left_out.into());
    }
    let written = async {
        let tx = app.store.write().await?;
        tx.commit_turned_away(action, &shown, request, &Value::Object(facts)).await
    };
    if let Err(error) = written.await {
        tracing::error!(code, %error, "somebody was turned away and it could not be audited");
    }
    app.wake.sealer.notify_one();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_written_down_three_times_a_minute_and_the_rest_is_counted() {
        let turned_away = TurnedAway::default();
        let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
        let admitted: Vec<_> = (0..10).map(|second| turned_away.admit("operator.enrol", "enrol.code", at(second))).collect();
        assert_eq!(admitted[..4], [Some(0), Some(0), Some(0), None]);
        assert_eq!(turned_away.admit("operator.enrol", "tls.certificate-foreign", at(10)), Some(0), "another reason has its own");
        assert_eq!(turned_away.admit("rp.connect", "enrol.code", at(10)), Some(0), "and another door");
        assert_eq!(turned_away.admit("operator.enrol", "enrol.code", at(60)), Some(7));
        assert_eq!(turned_away.admit("operator.enrol", "enrol.code", at(61)), Some(0));
        assert_eq!(
            turned_away.admit("operator.enrol", "enrol.code", at(-61)),
            Some(0),
            "a clock that is turned back is another minute"
        );
    }
}
