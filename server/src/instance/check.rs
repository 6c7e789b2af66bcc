use std::time::Duration;

use api::instance::{Check, CheckInstance};
use domain::{Environment, Timestamp};

use super::health;
use crate::app::{App, Caller};
use crate::failure::Failure;
use crate::key::telling::COMPROMISED;
use crate::population_register::Standing;
use crate::store::WaitingNotices;

/// A certificate of ours that ends sooner than this is said.
const CERTIFICATE_ENDS: Duration = Duration::from_hours(14 * 24);
/// Receivers that are named one by one.
const NAMED: usize = 5;
/// A notice of a compromise that nobody could deliver for so long is said, and found wrong no more: whoever had to call has called.
const CALLED_BY: Duration = Duration::from_hours(30 * 24);

/// For how long a notice that was given up is said.
const SAID_FOR: Duration = Duration::from_hours(7 * 24);

/// The running server, looked over.
pub async fn check(app: &App, _: &Caller, _: CheckInstance) -> Result<Vec<Check>, Failure> {
    let mut checks = health::look(app).await;
    let waiting = app.store.read().await?.outbox_waiting().await?;
    checks.extend(crate::inventory::told::look(app).await?);
    checks.extend(registering(
        app.environment,
        &app.population_register.look().await,
        app.face_matcher.is_some(),
        app.clock.now(),
    ));
    let now = app.clock.now();
    let given_up = app.store.read().await?.outbox_given_up(now.minus(SAID_FOR)).await?;
    let mut check = outbox(&waiting, |kind, receiver| app.courier.has_way(kind, receiver), now);
    check.detail += &lost(&given_up);
    checks.push(check);
    Ok(checks)
}

/// What people are registered with: the records of the Immigration Department, and what compares faces.
fn registering(environment: Environment, records: &Standing, faces: bool, now: Timestamp) -> [Check; 2] {
    let sandbox = environment == Environment::Sandbox;
    let (ok, detail, mend) = match records {
        Standing::NotConfigured if sandbox => (
            true,
            "the settings name no records of the Immigration Department: nobody can be registered but by import".to_owned(),
            None,
        ),
        Standing::NotConfigured => (
            false,
            "the settings name no records of the Immigration Department: nobody can be registered".to_owned(),
            Some("set 'immigrationDepartment' in iamd.yaml on every node: url, caFile, certificateFile, keyFile"),
        ),
        Standing::Configured { place, fault: None, certificate_ends: Some(end), .. } if *end <= now.plus(CERTIFICATE_ENDS) => (
            false,
            format!("the records at {place} answer; the certificate that they know this platform by ends at {}", end.people()),
            Some(
                "ask the Immigration Department for the next one, and put it and its key where iamd.yaml says; iamd reads them by itself",
            ),
        ),
        Standing::Configured { place, fault: None, certificate_ends, .. } => {
            let until = certificate_ends.map(|end| format!("; the certificate for them lasts until {}", end.people()));
            (true, format!("the records at {place} answer{}", until.unwrap_or_default()), None)
        }
        Standing::Configured { place, fault: Some(fault), left_alone_since, certificate_ends } => {
            let alone = left_alone_since
                .map(|since| format!("; registrations are refused at once, without an answer since {}", since.people()));
            let ended = certificate_ends.filter(|end| *end <= now);
            let ended =
                ended.map(|end| format!("; the certificate that they know this platform by has ended at {}", end.people()));
            let detail = format!(
                "the records at {place} do not answer: {fault}{}{}",
                alone.unwrap_or_default(),
                ended.unwrap_or_default()
            );
            let mend = "see that they are reached from this node, and that the files of 'immigrationDepartment' in iamd.yaml are good; iamd asks again by itself";
            (false, detail, Some(mend))
        }
    };
    let faces = match (faces, sandbox) {
        (true, true) => "a simulator compares faces: it looks at no photo",
        (true, false) => "faces are compared",
        (false, _) => "nothing compares faces here: kiosks and phones are refused, counters and mobile teams register",
    };
    [
        Check { id: "immigration-department".to_owned(), ok, detail, mend: mend.map(str::to_owned) },
        Check { id: "face-matcher".to_owned(), ok: true, detail: faces.to_owned(), mend: None },
    ]
}

/// What was given up: whoever should have had it learns it in another way, or not at all.
fn lost(given_up: &[WaitingNotices]) -> String {
    if given_up.is_empty() {
        return String::new();
    }
    let count = given_up.iter().map(|row| row.notices).sum::<i64>();
    let days = SAID_FOR.as_secs() / 86_400;
    let mut named: Vec<String> = given_up.iter().map(|row| format!("{} to {}", row.kind, row.receiver)).collect();
    let more = named.len().saturating_sub(NAMED);
    named.truncate(NAMED);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    format!("; {count} given up in the last {days} days: {}{more}", named.join(", "))
}

/// Notices on their way, and those that have none.
fn outbox(waiting: &[WaitingNotices], has_way: impl Fn(&str, &str) -> bool, now: Timestamp) -> Check {
    let (sent, stuck): (Vec<&WaitingNotices>, Vec<&WaitingNotices>) =
        waiting.iter().partition(|row| has_way(&row.kind, &row.receiver));
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
    fn what_registering_needs_and_has_not_is_said_plainly() {
        let look = |environment, records: &Standing, faces| registering(environment, records, faces, at(100));
        let [records, faces] = look(Environment::Production, &Standing::NotConfigured, false);
        assert_eq!((&*records.id, records.ok, records.mend.is_some()), ("immigration-department", false, true));
        assert!(records.detail.contains("nobody can be registered"), "{records:?}");
        assert!(faces.ok && faces.detail.contains("kiosks and phones are refused"), "{faces:?}");
        let [records, faces] = look(Environment::Sandbox, &Standing::NotConfigured, true);
        assert!(records.ok && faces.detail.contains("simulator"), "{records:?} {faces:?}");

        let standing = |fault: Option<&str>, since: Option<i64>, end: Option<i64>| {
            let place = "immd.example:8443".to_owned();
            let (left_alone_since, certificate_ends) = (since.map(at), end.map(at));
            let standing = Standing::Configured { place, fault: fault.map(str::to_owned), left_alone_since, certificate_ends };
            let [records, _] = look(Environment::Production, &standing, false);
            (records.ok, records.detail)
        };
        let told = "the records at immd.example:8443 answer";
        let until = |day: i64| at(day).people();
        assert_eq!(standing(None, None, None), (true, told.to_owned()));
        assert_eq!(
            standing(None, None, Some(200)),
            (true, format!("{told}; the certificate for them lasts until {}", until(200)))
        );
        let soon = format!("{told}; the certificate that they know this platform by ends at {}", until(110));
        assert_eq!(standing(None, None, Some(110)), (false, soon));
        let down = standing(Some("connection refused"), Some(99), Some(200));
        let told = format!(
            "the records at immd.example:8443 do not answer: connection refused; registrations are refused at once, without an answer since {}",
            until(99)
        );
        assert_eq!(down, (false, told));
        assert!(standing(Some("tls"), None, Some(99)).1.ends_with(&format!("has ended at {}", until(99))));
    }

    #[test]
    fn a_notice_that_reaches_nobody_is_not_on_its_way() {
        let waiting =
            [row("a", "account.suspended", 2, 99), row("a", "key.compromised", 1, 99), row("b", "key.compromised", 1, 99)];
        let good = outbox(&waiting, |_, _| true, at(100));
        assert_eq!((good.ok, good.detail.as_str(), good.mend), (true, "4 notices on their way", None));
        let some = outbox(&waiting, |_, receiver| receiver == "b", at(100));
        let told = "1 notices (key.compromised) reach nobody, there is no channel to a; 1 notices on their way; 2 notices (account.suspended) reach nobody, there is no channel to a";
        assert_eq!((some.ok, some.detail.as_str()), (false, told));
        assert!(some.mend.unwrap().contains("iamctl rp show"));
        let old = outbox(&waiting, |_, _| false, at(130));
        assert!(old.ok && old.detail.contains("4 notices (account.suspended, key.compromised) reach nobody"), "{old:?}");
        let many: Vec<WaitingNotices> = (0..7).map(|number| row(&format!("party-{number}"), "key.compromised", 1, 99)).collect();
        assert!(outbox(&many, |_, _| false, at(100)).detail.contains("party-4 and 2 more"));
        assert_eq!(outbox(&[], |_, _| false, at(100)).detail, "0 notices on their way");
    }

    #[test]
    fn what_was_given_up_is_said_with_whom_it_was_for() {
        assert_eq!(lost(&[]), "");
        let one = [row("a.b", "login.ended", 3, 99)];
        assert_eq!(lost(&one), "; 3 given up in the last 7 days: login.ended to a.b");
        let many: Vec<WaitingNotices> = (0..7).map(|number| row(&format!("a.s{number}"), "login.ended", 1, 99)).collect();
        assert!(lost(&many).ends_with("login.ended to a.s4 and 2 more"), "{}", lost(&many));
    }
}
