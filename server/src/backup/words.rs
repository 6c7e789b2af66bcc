//! What `iamd backup` and `iamd restore` say, line by line; the program prints it.

use std::path::Path;
use std::time::Duration;

use super::locks;
use super::make::Made;
use super::merge::Merged;
use super::prove::{Invited, Outcome};
use super::restore::{Done, Schema};

const DAY: Duration = Duration::from_hours(24);

/// A backup was made.
#[must_use]
pub fn made(to: &Path, made: &Made) -> Vec<String> {
    let mut lines = vec![
        format!("backup       {} ({} bytes)", to.display(), made.whole.bytes),
        format!("sha256       {}", made.whole.sha256),
        format!("holds        {}", made.head.holds.join(", ")),
        format!("audit log    {} entries under its newest checkpoint", made.entries),
        format!("opens with   {}", locks::ways(&made.head).trim_start_matches("it opens with ")),
    ];
    if made.head.engine == "postgresql" {
        lines.push(String::new());
        lines.push("next: dump the database now, after this: pg_dump --format=custom --file=iam.dump URL".to_owned());
    }
    lines
}

/// A backup was restored.
#[must_use]
pub fn restored(dir: &Path, done: &Done) -> Vec<String> {
    let dir = dir.display();
    let mut lines = vec![
        format!("restored     instance {} ({}) in {dir}", done.head.instance, done.head.environment),
        format!("backup of    {}", done.head.made_at.people()),
        String::new(),
    ];
    if done.schema == Schema::Older {
        lines.push(format!("next: iamd migrate --data-dir {dir}"));
    }
    lines.push(format!("next: iamd restore --data-dir {dir} --prove --checkpoint FILE --crl FILE"));
    lines.push("it is not served before it is proven not to be behind what the world has seen of it".to_owned());
    lines
}

/// What a backup's age means for the people in it.
#[must_use]
pub fn age(done: &Done) -> String {
    let age = done.at.saturating_since(done.head.made_at);
    let age = match age.as_secs() / DAY.as_secs() {
        0 if age.as_secs() < 3_600 => "less than an hour".to_owned(),
        0 => format!("{} h", age.as_secs() / 3_600),
        days => format!("{days} days"),
    };
    format!(
        "the backup is {age} old: accounts that were closed since are open in it, and whom they were of is readable again; close them again"
    )
}

/// What a database learned from the lists, and what is to be done by hand.
fn learned(merged: &Merged) -> Vec<String> {
    let Merged { revoked, on_hold, unknown, accounts, numbers, roots } = merged;
    let mut lines = Vec::new();
    if revoked + on_hold > 0 {
        lines.push(format!("learned      revoked: {revoked}, on hold: {on_hold}; without any other record here: {unknown}"));
    }
    lines.extend(
        numbers.iter().map(|(authority, number)| format!("published    the revocation list of {authority}, number {number}")),
    );
    for root in roots {
        lines.push(format!(
            "to do        sign the lists of {root} anew with its key ('iamd ca crl'): the one that counts now is good for days only"
        ));
    }
    for account in accounts {
        lines.push(format!("to do        look into account {account}: its certificate was revoked or on hold, why is lost"));
    }
    lines
}

/// What came out of the proof: lines of the result, and the line of the refusal when it stays closed.
#[must_use]
pub fn proof(dir: &Path, outcome: &Outcome) -> (Vec<String>, Option<String>) {
    let dir = dir.display();
    let next = |clock: &Option<String>| match clock {
        None => vec![format!("next: iamd serve --data-dir {dir}")],
        Some(clock) => vec![
            format!("clock        {clock}"),
            format!("next: iamd serve --data-dir {dir}"),
            "where the clock is right: the same with --clock-is-right".to_owned(),
        ],
    };
    let behind = |findings: &[String]| findings.iter().map(|finding| format!("behind       {finding}")).collect::<Vec<_>>();
    match outcome {
        Outcome::Proven { entries, lists, clock } => {
            let what = format!("the audit log's {entries} entries and {lists} revocation lists");
            let mut lines = vec![format!("proven       {what}: nothing that was seen is missing")];
            lines.extend(next(clock));
            (lines, None)
        }
        Outcome::Behind(findings) => {
            let mend = "it stays closed; restore a newer backup, or answer for the loss: --accept-loss --reason TEXT. Nothing was changed";
            (behind(findings), Some(format!("{dir} is behind what the world has seen; {mend}")))
        }
        Outcome::Accepted { findings, merged, invited, clock } => {
            let mut lines = behind(findings);
            lines.push(
                "accepted     the loss is in the audit log, and every auditor with a newer checkpoint will see it".to_owned(),
            );
            lines.extend(learned(merged));
            if let Some(Invited { operator, code, expires_at }) = invited {
                lines.push(format!("invited      {operator}, enrolment code {code} (until {})", expires_at.people()));
            }
            lines.extend(next(clock));
            (lines, None)
        }
    }
}
