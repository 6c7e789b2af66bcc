//! The office calendar, as other programs read it.

use serde_json::Value;
use tests::daemon::Daemon;

use crate::on_both;

/// Lines of a calendar without their folds (RFC 5545 section 3.1): each ends in CRLF and has at most 75 octets.
fn unfolded(bytes: &[u8]) -> Vec<String> {
    let text = std::str::from_utf8(bytes).unwrap();
    assert!(text.ends_with("\r\n"));
    for line in text.trim_end_matches("\r\n").split("\r\n") {
        assert!(line.len() <= 75 && !line.contains(['\r', '\n']), "{line:?}");
    }
    text.replace("\r\n ", "").trim_end_matches("\r\n").split("\r\n").map(str::to_owned).collect()
}

fn values<'a>(lines: &'a [String], property: &str) -> Vec<&'a str> {
    lines.iter().filter_map(|line| line.strip_prefix(property)).collect()
}

on_both! {
    async fn the_calendar_says_the_same_in_every_format(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        daemon.json(&["key", "rotate", "--purpose", "token-signing"], "");
        let entries = daemon.json(&["key", "calendar"], "");
        let entries = entries.as_array().unwrap();
        assert!(entries.len() > 10);
        let told = |field: &str| entries.iter().map(|entry| entry[field].as_str().unwrap().to_owned()).collect::<Vec<_>>();

        let ics = daemon.iamctl(&["key", "calendar", "-o", "ics"], "");
        assert!(ics.status.success());
        let lines = unfolded(&ics.stdout);
        assert_eq!((lines.first().unwrap().as_str(), lines.last().unwrap().as_str()), ("BEGIN:VCALENDAR", "END:VCALENDAR"));
        assert_eq!(values(&lines, "BEGIN:VEVENT").len(), entries.len());
        assert_eq!(values(&lines, "UID:"), told("uid"));
        let days: Vec<String> = told("day").iter().map(|day| day.replace('-', "")).collect();
        assert_eq!(values(&lines, "DTSTART;VALUE=DATE:"), days);
        assert_eq!(values(&lines, "SUMMARY:").len(), entries.len());
        assert_eq!(values(&lines, "SEQUENCE:").len(), entries.len());
        for stamp in values(&lines, "DTSTAMP:") {
            assert!(stamp.len() == 16 && stamp.ends_with('Z'), "{stamp}");
        }

        let csv = daemon.iamctl(&["key", "calendar", "-o", "csv"], "").stdout;
        assert_eq!(String::from_utf8(csv).unwrap().lines().count(), entries.len() + 1);
        let yaml = daemon.iamctl(&["key", "calendar", "-o", "yaml"], "").stdout;
        assert_eq!(String::from_utf8(yaml).unwrap().matches("uid: ").count(), entries.len());
        let table = String::from_utf8(daemon.iamctl(&["key", "calendar"], "").stdout).unwrap();
        assert!(table.contains("new keys of token-signing tokens take over"), "{table}");
    }

    async fn a_day_without_anything_is_an_empty_calendar(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let nothing = ["key", "calendar", "--from", "2099-01-01", "--to", "2099-01-01", "-o"];
        let lines = unfolded(&daemon.iamctl(&[&nothing[..], &["ics"]].concat(), "").stdout);
        assert_eq!(values(&lines, "BEGIN:"), ["VCALENDAR", "VTIMEZONE", "STANDARD"]);
        assert_eq!(daemon.iamctl(&[&nothing[..], &["json"]].concat(), "").stdout, b"[]\n");
    }

    async fn what_has_no_days_is_no_calendar(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        let before = daemon.json(&["key", "list"], "");
        // Refused before anything is sent: a key would have been made and could not have been shown.
        let output = daemon.iamctl(&["key", "rotate", "--purpose", "token-signing", "--yes", "-o", "ics"], "");
        let told = String::from_utf8(output.stderr).unwrap();
        assert_eq!((output.status.code(), output.stdout.as_slice()), (Some(2), &b""[..]));
        assert!(told.contains("key calendar -o ics"), "{told}");
        assert_eq!(daemon.json(&["key", "list"], ""), before);
        let items: Value = daemon.json(&["key", "inventory", "--kind", "certificate"], "");
        assert_eq!(items.as_array().unwrap().len(), 14);
    }
}
