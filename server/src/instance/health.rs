//! What has to be right for the node to be ready, each part apart.

use std::time::Duration;

use api::instance::Check;
use domain::{Day, KeyPurpose, KeyState, Timestamp};
use pki::Certificate;

use crate::app::App;
use crate::audit::whole;
use crate::certificate::clock::{Fault, fault};
use crate::http::listeners::NEXT_AUTHORITY;
use crate::key::clock::{Doubt, doubt};
use crate::keys::{Hsm, LISTENERS, SERVERS};
use crate::root_ca::root_lists_until;
use crate::stats::ledger::edited;
use crate::store::{Read, StoreError, TakesWrites};

/// An entry that waits longer than this to be sealed means that nobody seals.
const SEALING_LATE: Duration = Duration::from_secs(60);
/// A clock this far behind the newest record runs wrong.
const CLOCK_BEHIND: Duration = Duration::from_secs(60);
/// A certificate of ours that ends sooner than this is said.
const CERTIFICATE_ENDS: Duration = Duration::from_hours(14 * 24);

/// From so many days on it is said that the root's lists run out, and from so many on it is found wrong.
const LISTS_RUN_OUT: i64 = 60;
const LISTS_RUN_SHORT: i64 = 14;

/// How long the database may take to answer: whoever asks for readiness waits no longer.
const PATIENCE: Duration = Duration::from_secs(5);

/// Looks at database, audit, keys, clock and disk.
pub async fn look(app: &App) -> Vec<Check> {
    let facts = match tokio::time::timeout(PATIENCE, facts(app)).await {
        Ok(facts) => facts,
        Err(_) => Err(StoreError::Unavailable(format!("it gave no answer within {} s", PATIENCE.as_secs()))),
    };
    let (audit, keys, clock) = match &facts {
        Ok(facts) => (audit(app, facts), keys(app, facts), clock(app, facts)),
        Err(_) => (unknown("audit"), unknown("keys"), unknown("clock")),
    };
    let mut checks = vec![database(app, &facts), audit, keys, clock, disk(app)];
    if let Ok(facts) = &facts {
        checks.extend(
            [quarantine(facts), root_lists(app, facts), signing(app, facts), listeners(app, facts), definitions(facts)]
                .into_iter()
                .flatten(),
        );
    }
    checks
}

/// Whether a node of which all this was said should be given work. Entries set aside tell of somebody in the database; to take
/// every node away would be to do their work. And where nothing new is signed, people are still let in and suspended.
#[must_use]
pub fn ready(checks: &[Check]) -> bool {
    checks
        .iter()
        .all(|check| check.ok || [QUARANTINE, ROOT_LISTS, SIGNING, LISTENERS_END, DEFINITIONS].contains(&check.id.as_str()))
}

/// Id of what is said only when there is something to say.
const QUARANTINE: &str = "quarantine";
/// The same; without lists others refuse what is ours, and this node is no worse than any other.
const ROOT_LISTS: &str = "root-lists";
/// The same.
const SIGNING: &str = "signing";

/// The same: calls are taken, and whether a client accepts it is the client's to say.
const LISTENERS_END: &str = "listeners";
/// The same; reports go by what is on record.
const DEFINITIONS: &str = "definitions";

const CLOCK_RIGHT: &str = "set the clock right (chrony, systemd-timesyncd); where it is right, 'iamd serve --clock-is-right' says so to the log and to every node";

struct Facts {
    amiss: Option<String>,
    quarantined: i64,
    oldest_unsealed: Option<Timestamp>,
    last_sealed: Option<Timestamp>,
    takes_writes: TakesWrites,
    signing: usize,
    /// Set when something of a key is dated and the clock is not believed.
    doubt: Option<Doubt>,
    listener_ends: Option<Timestamp>,
    /// When the authority ends that issues the listeners' certificate.
    servers_end: Option<Timestamp>,
    /// Until when the root has a list for each day.
    root_lists_until: Option<Timestamp>,
    /// Why nothing that is dated is signed.
    fault: Option<Fault>,
    /// Definitions of figures that this software has otherwise than they are on record.
    edited: Vec<String>,
}

async fn facts(app: &App) -> Result<Facts, StoreError> {
    let mut read = app.store.read().await?;
    let takes_writes = read.takes_writes().await?;
    let (oldest_unsealed, last_sealed) = read.audit_times().await?;
    let keys = read.keys(None, Some(KeyState::Active)).await?;
    let signing = keys.iter().filter(|row| row.purpose == KeyPurpose::TokenSigning.to_string()).count();
    let ends = |purpose: KeyPurpose, name: &str| {
        let row = keys.iter().find(|row| row.purpose == purpose.as_str() && row.name == name)?;
        Some(Certificate::from_der(row.certificate.as_deref()?).ok()?.view().not_after)
    };
    let listener_ends = ends(KeyPurpose::ServerTls, LISTENERS);
    let servers_end = ends(KeyPurpose::IssuingCa, SERVERS);
    let checkpoint_keys = whole::checkpoint_keys(&mut read).await?;
    let amiss = whole::amiss(app, &mut read, &checkpoint_keys).await.map_err(StoreError::Broken)?;
    let quarantined = read.log_counts().await?.quarantined;
    let dated = !read.open_plans().await?.is_empty() || keys_are_dated(&mut read).await?;
    let doubt = if dated { doubt(&mut read, app.clock.now()).await? } else { None };
    let root_lists_until = root_lists_until(&mut read).await?;
    let fault = fault(app, &mut read, app.clock.now()).await?;
    let edited = edited(&read.figure_definitions(Day::MAX).await?).map_err(StoreError::Broken)?;
    Ok(Facts {
        edited,
        amiss,
        quarantined,
        oldest_unsealed,
        last_sealed,
        takes_writes,
        signing,
        doubt,
        listener_ends,
        servers_end,
        root_lists_until,
        fault,
    })
}

/// Whether a key waits for its date.
async fn keys_are_dated(read: &mut Read) -> Result<bool, StoreError> {
    let waits = |row: &crate::store::KeyRow| row.state != KeyState::Active.to_string();
    Ok(read.live_keys().await?.iter().any(waits))
}

fn check(id: &str, ok: bool, detail: impl Into<String>, mend: &str) -> Check {
    Check { id: id.to_owned(), ok, detail: detail.into(), mend: (!ok).then(|| mend.to_owned()) }
}

fn unknown(id: &str) -> Check {
    check(id, false, "not known while the database is away", "mend the database first")
}

fn database(app: &App, facts: &Result<Facts, StoreError>) -> Check {
    match facts {
        Ok(facts) if facts.takes_writes == TakesWrites::No => check(
            "database",
            false,
            format!("{} answers and takes no writes: it is a standby, or set read-only", app.store.engine().name()),
            "let 'databaseUrl' in iamd.yaml name the primary, or end the read-only setting",
        ),
        Ok(_) => check("database", true, format!("{} answers", app.store.engine().name()), ""),
        Err(error) => check("database", false, error.to_string(), "start the database, or mend 'databaseUrl' in iamd.yaml"),
    }
}

fn audit(app: &App, facts: &Facts) -> Check {
    if let Some(missing) = app.seen.missing() {
        return check(
            "audit",
            false,
            format!("the database is not the one that this node has seen: {missing}"),
            "put the newest database back; 'iamctl audit verify --checkpoint FILE' compares it with a checkpoint that was kept",
        );
    }
    if let Some(amiss) = &facts.amiss {
        return check(
            "audit",
            false,
            format!("nothing is sealed: {amiss}"),
            "put the newest database back; 'iamctl audit verify' tells how far the log is whole",
        );
    }
    let waits = facts.oldest_unsealed.map(|oldest| app.clock.now().saturating_since(oldest));
    match waits {
        Some(waits) if waits > SEALING_LATE => check(
            "audit",
            false,
            format!("entries wait {} s to be sealed", waits.as_secs()),
            "see the log for 'seal'; 'iamctl audit verify' tells whether the log is whole",
        ),
        _ => check("audit", true, "entries are sealed as they come", ""),
    }
}

fn signing(app: &App, facts: &Facts) -> Option<Check> {
    let told = facts.fault?.told(app.clock.now());
    Some(check(SIGNING, false, told, CLOCK_RIGHT))
}

fn listeners(app: &App, facts: &Facts) -> Option<Check> {
    let (now, ends) = (app.clock.now(), facts.listener_ends?);
    if ends > now.plus(CERTIFICATE_ENDS) {
        return None;
    }
    let said = |end: Timestamp| format!("{}, at {}", if end > now { "ends soon" } else { "has ended" }, end.people());
    let (why, mend) = match (&facts.fault, facts.servers_end) {
        (Some(_), _) => ("; by a clock that is not believed it is not renewed".to_owned(), CLOCK_RIGHT),
        (None, Some(end)) if end <= now.plus(CERTIFICATE_ENDS) => {
            (format!("; the authority for servers {}", said(end)), NEXT_AUTHORITY)
        }
        _ => (String::new(), "iamd renews it by itself within a minute; where it does not, its log tells why"),
    };
    Some(check(LISTENERS_END, false, format!("the listeners' certificate {}{why}", said(ends)), mend))
}

fn quarantine(facts: &Facts) -> Option<Check> {
    let entries = match facts.quarantined {
        0 => return None,
        1 => "1 audit entry lies".to_owned(),
        more => format!("{more} audit entries lie"),
    };
    Some(check(
        QUARANTINE,
        false,
        format!("{entries} in the database that no node of this instance has written; they are set aside and never sealed"),
        "find out who writes to the database; 'iamctl audit export' keeps them in quarantine.jsonl, then delete their rows (audit_entry, quarantined_at)",
    ))
}

fn definitions(facts: &Facts) -> Option<Check> {
    if facts.edited.is_empty() {
        return None;
    }
    let detail = format!(
        "this software defines {} otherwise than what is on record, which stays in use for every report",
        facts.edited.join(", ")
    );
    Some(check(
        DEFINITIONS,
        false,
        detail,
        "install software whose definitions are those on record; a changed one is a new version",
    ))
}

fn root_lists(app: &App, facts: &Facts) -> Option<Check> {
    let until = facts.root_lists_until?;
    let days = domain::days_left(until, app.clock.now());
    if days >= LISTS_RUN_OUT {
        return None;
    }
    let detail = format!("the root's revocation lists last {} days, until {}", days.max(0), until.people());
    let mend = "where the root's key is: 'iamd ca crl' signs the next ones; 'iamd ca request' first where it is another machine";
    Some(check(ROOT_LISTS, days >= LISTS_RUN_SHORT, detail, mend))
}

fn keys(app: &App, facts: &Facts) -> Check {
    if let Some(Err(error)) = app.keys.hsm().map(Hsm::standing) {
        return check(
            "keys",
            false,
            format!("{error}; what needs a new signature waits or is refused, everything else goes on"),
            "put the token in, or mend 'keys' in iamd.yaml or the PIN file, as said; iamd finds it by itself",
        );
    }
    if facts.signing == 0 {
        return check(
            "keys",
            false,
            "there is no active token-signing key",
            "'iamctl key rotate --purpose token-signing --activate now', with --override and a reason where parties are not ready",
        );
    }
    match facts.listener_ends {
        None => check("keys", false, "the listeners have no certificate", "restore the database from a backup"),
        Some(ends) => {
            let ends = ends.people();
            check("keys", true, format!("{} token-signing keys are active; listeners until {ends}", facts.signing), "")
        }
    }
}

fn clock(app: &App, facts: &Facts) -> Check {
    let now = app.clock.now();
    match facts.last_sealed {
        Some(last) if last.saturating_since(now) > CLOCK_BEHIND => check(
            "clock",
            false,
            format!("the clock says {}, but the last audit entry is of {}", now.people(), last.people()),
            "set the clock right (chrony, systemd-timesyncd); where it is right now, this ends with the next entry",
        ),
        _ => match &facts.doubt {
            // It serves: only what has a date waits.
            Some(doubt) => check("clock", true, doubt.told(), ""),
            None => check("clock", true, now.people(), ""),
        },
    }
}

fn disk(app: &App) -> Check {
    let place = app.data_dir.display().to_string();
    match rustix::fs::statvfs(&app.data_dir) {
        Err(error) => check("disk", false, format!("{place}: {error}"), "mount the data folder"),
        Ok(stat) => {
            let room = stat.f_bavail.saturating_mul(stat.f_frsize);
            let read_only = stat.f_flag.contains(rustix::fs::StatVfsMountFlags::RDONLY);
            judge_disk(&place, room, read_only, app.settings.disk_reserve)
        }
    }
}

fn judge_disk(place: &str, room: u64, read_only: bool, reserve: u64) -> Check {
    let free = format!("{} MiB free at {place}", room / (1024 * 1024));
    if read_only {
        let mend = "see the system's log for why, then mount it read-write";
        return check("disk", false, format!("{place} is mounted read-only"), mend);
    }
    let mend = "free some space, or lower 'diskReserveMib' in iamd.yaml";
    check("disk", room >= reserve, free, mend)
}

/// Bytes an unprivileged process may still write at `path`.
///
/// # Errors
/// When the path is not there.
pub fn free_bytes(path: &std::path::Path) -> std::io::Result<u64> {
    let stat = rustix::fs::statvfs(path)?;
    Ok(stat.f_bavail.saturating_mul(stat.f_frsize))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_disk_that_is_mounted_read_only_is_not_ready_however_much_room_it_has() {
        let (room, reserve) = (1 << 40, 64 << 20);
        let check = judge_disk("/data", room, true, reserve);
        assert!(!check.ok && check.detail.contains("/data is mounted read-only") && check.mend.is_some());
        assert!(judge_disk("/data", room, false, reserve).ok);
        assert!(!judge_disk("/data", reserve - 1, false, reserve).ok);
    }
}
