use std::time::Duration;

use api::instance::{Check, CheckInstance};
use domain::Timestamp;

use super::health;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::key::telling::COMPROMISED;
use crate::store::WaitingNotices;

/// Receivers that are named one by one.
const NAMED: usize = 5;
/// A notice of a compromise that nobody could deliver for so long is said, and found wrong no more: whoever had to call has called.
const CALLED_BY: Duration = Duration::from_hours(30 * 24);

/// The running server, looked over.
pub async fn check(app: &App, _: &Caller, _: CheckInstance) -> Result<Vec<Check>, Failure> {
    let mut checks = health::look(app).await;
    let waiting = app.store.read().await?.outbox_waiting().await?;
    checks.extend(crate::inventory::told::look(app).await?);
    checks.push(outbox(&waiting, |receiver| app.courier.has_way(receiver), app.clock.now()));
    Ok(checks)
}

/// Notices on their way, and those that have none.
fn outbox(waiting: &[WaitingNotices], has_way: impl Fn(&str) -> bool, now: Timestamp) -> Check {
    let (sent, stuck): (Vec<&WaitingNotices>, Vec<&WaitingNotices>) = waiting.iter().partition(|row| has_way(&row.receiver));
    let count = |rows: &[&WaitingNotices]| rows.iter().map(|row| row.notices).sum::<i64>();
    let on_their_way = format!("{} notices on their way", count(&sent));
    let mut check = Check { id: "outbox".to_owned(), ok: true, detail: on_their_way, mend: None };
    if stuck.is_empty() {
        return check;
    }
    let of = |rows: &[&WaitingNotices]| {
        let mut receivers: Vec<&str> = rows.iter().map(|row| row.receiver.as_str()).collect();
        receivers.dedup();
        let more = receivers.len().saturating_sub(NAMED);
        receivers.truncate(NAMED);
        let more = if more > 0 { format!(" and {more} more") } else { String::new() };
        let mut kinds: Vec<&str> = rows.iter().map(|row| row.kind.as_str()).collect();
        kinds.sort_unstable();
        kinds.dedup();
        format!(
            "{} notices ({}) reach nobody, there is no channel to {}{more}",
            count(rows),
            kinds.join(", "),
            receivers.join(", ")
        )
    };
    let urgent = |row: &&WaitingNotices| row.kind == COMPROMISED && row.newest >= now.minus(CALLED_BY).micros();
    let (urgent, others): (Vec<&WaitingNotices>, Vec<&WaitingNotices>) = stuck.into_iter().partition(urgent);
    if !others.is_empty() {
        check.detail += &format!("; {}", of(&others));
    }
    if urgent.is_empty() {
        return check;
    }
    Check {
        ok: false,
        detail: format!("{}; {}", of(&urgent), check.detail),
        mend: Some("call the contact of each: 'iamctl rp show RP' has it".to_owned()),
        ..check
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(day: i64) -> Timestamp {
        Timestamp::from_micros(day * 86_400_000_000)
    }

    fn row(receiver: &str, kind: &str, notices: i64, day: i64) -> WaitingNotices {
        WaitingNotices { kind: kind.to_owned(), receiver: receiver.to_owned(), notices, newest: at(day).micros() }
    }

    #[test]
    fn a_notice_that_reaches_nobody_is_not_on_its_way() {
        let waiting =
            [row("a", "account.suspended", 2, 99), row("a", "key.compromised", 1, 99), row("b", "key.compromised", 1, 99)];
        let good = outbox(&waiting, |_| true, at(100));
        assert_eq!((good.ok, good.detail.as_str(), good.mend), (true, "4 notices on their way", None));
        let some = outbox(&waiting, |receiver| receiver == "b", at(100));
        let told = "1 notices (key.compromised) reach nobody, there is no channel to a; 1 notices on their way; 2 notices (account.suspended) reach nobody, there is no channel to a";
        assert_eq!((some.ok, some.detail.as_str()), (false, told));
        assert!(some.mend.unwrap().contains("iamctl rp show"));
        let old = outbox(&waiting, |_| false, at(130));
        assert!(old.ok && old.detail.contains("4 notices (account.suspended, key.compromised) reach nobody"), "{old:?}");
        let many: Vec<WaitingNotices> = (0..7).map(|number| row(&format!("party-{number}"), "key.compromised", 1, 99)).collect();
        assert!(outbox(&many, |_| false, at(100)).detail.contains("party-4 and 2 more"));
        assert_eq!(outbox(&[], |_| false, at(100)).detail, "0 notices on their way");
    }
}
