//! Files that people bring: checked whole before anything is sent.

use std::fs;

use serde_json::Value;
use tests::daemon::Daemon;
use tests::fixtures::registrations;

use crate::on_both;

on_both! {
    async fn one_bad_line_far_down_keeps_every_row_out(engine: Engine) {
        let daemon = Daemon::new(engine).await;
        let _running = daemon.serves();
        // A place that there is, but of another channel: only a look into the list of places tells.
        let mut lines: Vec<String> = registrations(100_000).lines().map(str::to_owned).collect();
        lines[70_000] = lines[70_000].replace("harbour-road-sports-centre", "post-offices");
        let column = lines[70_000].find("\"post-offices").unwrap() + 1;
        let file = daemon.folder().join("people.jsonl");
        fs::write(&file, lines.join("\n") + "\n").unwrap();
        let file = file.display().to_string();

        let output = daemon.iamctl(&["account", "import", "-f", &file, "-o", "json"], "");
        assert_eq!(output.status.code(), Some(2));
        let told: Value = serde_json::from_slice(&output.stderr).unwrap();
        let field = &told["error"]["fields"][0];
        assert_eq!(field["line"], 70_001, "{told}");
        // JSON writes the name in Chinese characters: a column is a character, not a byte.
        assert_eq!(field["column"], lines[70_000][..column - 1].chars().count() + 1, "{told}");
        assert_eq!((&field["path"], &field["code"]), (&"location".into(), &"account.location-channel".into()), "{told}");
        assert_eq!(field["file"], file);
        assert_eq!(daemon.number("SELECT COUNT(*) FROM account").await, 0, "nothing was sent");
    }
}
