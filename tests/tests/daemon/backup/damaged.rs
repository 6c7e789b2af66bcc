//! Whatever was done to a backup, restoring it says so in a line, and writes nothing.

use std::fs;
use std::path::Path;

use tests::Engine;
use tests::daemon::Daemon;

use super::{Keeper, at, backup, restores, told};

/// Bytes of a chunk in the file.
const CHUNK: usize = 64 * 1024 + 16;

/// The refusal, which leaves nothing behind.
fn refused(daemon: &Daemon, bytes: &[u8], keeper: &Keeper) -> String {
    let (from, folder) = (at(daemon, "damaged.bak"), daemon.folder().join("restored"));
    fs::write(&from, bytes).unwrap();
    let output = restores(daemon, &from, keeper, &folder);
    let line = told(&output);
    assert_eq!(output.status.code(), Some(1), "{line}");
    assert!(line.lines().count() == 1 && line.starts_with("iamd: "), "{line}");
    assert!(output.stdout.is_empty() && !folder.exists(), "something was written");
    line
}

fn head(bytes: &[u8]) -> usize {
    20 + u32::from_be_bytes(bytes[16..20].try_into().unwrap()) as usize + 32
}

#[test]
fn a_backup_that_was_cut_off_altered_or_mixed_is_refused() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let whole = fs::read(backup(&daemon, "one.bak", &keeper)).unwrap();
        let (start, end) = (head(&whole), whole.len());
        assert!(end > start + 4 * CHUNK, "several chunks: {end}");

        for length in [0, 1, 13, 14, 19, 20, 21, start / 2, start - 1] {
            let line = refused(&daemon, &whole[..length], &keeper);
            assert!(line.contains("cut off in its head") || line.contains("its head is none"), "{length}: {line}");
        }
        for length in [start, start + 1, start + CHUNK - 1, start + CHUNK + 1, end - 1] {
            let line = refused(&daemon, &whole[..length], &keeper);
            assert!(line.contains("cut off") && line.contains("nothing was written"), "{length}: {line}");
        }
        // At the very border of a chunk, where only the mark of the last one tells.
        for chunks in [1, 2, 3] {
            let line = refused(&daemon, &whole[..start + chunks * CHUNK], &keeper);
            assert!(line.contains(&format!("it was cut off: chunk {chunks} is not the last one")), "{line}");
        }
        for at in [0, 10, 14, 16, 22, start / 2, start - 40, start - 1, start, start + CHUNK, start + 3 * CHUNK + 77, end - 1] {
            let mut altered = whole.clone();
            altered[at] ^= 0x20;
            let line = refused(&daemon, &altered, &keeper);
            let told = [
                "altered",
                "does not open this backup",
                "sent as text",
                "its head is none",
                "does not begin",
                "of format",
                "too long",
                "cut off",
            ];
            assert!(told.iter().any(|words| line.contains(words)), "{at}: {line}");
        }
        assert!(refused(&daemon, &[&whole[..], b"\n"].concat(), &keeper).contains("altered or cut off"));
        assert!(refused(&daemon, &[&whole[..], &whole[..]].concat(), &keeper).contains("chunk"));

        let chunk = |file: &[u8], number: usize| file[head(file) + number * CHUNK..][..CHUNK].to_vec();
        let rest = &whole[start + 2 * CHUNK..];
        let swapped = [&whole[..start], &chunk(&whole, 1), &chunk(&whole, 0), rest].concat();
        assert!(refused(&daemon, &swapped, &keeper).contains("it was altered in chunk 1"));
        // Another backup of the same instance, for the same recipient.
        let other = fs::read(backup(&daemon, "two.bak", &keeper)).unwrap();
        let mixed = [&whole[..start], &chunk(&whole, 0), &chunk(&other, 1), rest].concat();
        assert!(refused(&daemon, &mixed, &keeper).contains("it was altered in chunk 2"));
        let headed = [&other[..head(&other)], &whole[start..]].concat();
        assert!(refused(&daemon, &headed, &keeper).contains("it was altered in chunk 1"));
    });
}

#[test]
fn what_is_said_of_the_backup_cannot_be_changed() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let keeper = Keeper::new(daemon.folder(), "keeper");
        let whole = fs::read(backup(&daemon, "one.bak", &keeper)).unwrap();
        let replaced = |what: &str, with: &str| {
            assert_eq!(what.len(), with.len());
            let at = whole.windows(what.len()).position(|window| window == what.as_bytes()).unwrap();
            let mut altered = whole.clone();
            altered[at..at + with.len()].copy_from_slice(with.as_bytes());
            altered
        };
        for (what, with) in [("\"sandbox\"", "\"sandbax\""), ("\"schema\":", "\"schemx\":")] {
            assert!(refused(&daemon, &replaced(what, with), &keeper).contains("its head is none"));
        }
        for (what, with) in
            [("made_at\":\"2", "made_at\":\"1"), ("\"program\":\"0", "\"program\":\"9"), ("CN=keeper", "CN=friend")]
        {
            assert!(refused(&daemon, &replaced(what, with), &keeper).contains("its head was altered"), "{what}");
        }
    });
}

#[test]
fn what_is_no_backup_and_a_key_that_is_not_of_it_are_named() {
    crate::on(Engine::Sqlite, async |engine| {
        let daemon = Daemon::new(engine).await;
        let (keeper, stranger) = (Keeper::new(daemon.folder(), "keeper"), Keeper::new(daemon.folder(), "stranger"));
        let whole = fs::read(backup(&daemon, "one.bak", &keeper)).unwrap();
        let line = refused(&daemon, &whole, &stranger);
        assert!(
            line.contains("does not open this backup") && line.contains("CN=keeper") && !line.contains("CN=stranger"),
            "{line}"
        );
        assert!(
            refused(&daemon, &fs::read(daemon.data_dir.join("iam.db")).unwrap(), &keeper).contains("does not begin as one does")
        );
        let text = String::from_utf8_lossy(&whole).replace("\r\n", "\n").into_bytes();
        assert!(refused(&daemon, &text, &keeper).contains("sent as text"));
        let mut newer = whole.clone();
        newer[15] = 2;
        assert!(refused(&daemon, &newer, &keeper).contains("it is of format 2, and this program reads 1"));

        // A key that others may read, and a file that holds none.
        fs::set_permissions(&stranger.key, std::os::unix::fs::PermissionsExt::from_mode(0o644)).unwrap();
        assert!(refused(&daemon, &whole, &stranger).contains("chmod 600"));
        let not_a_key = Keeper { certificate: keeper.certificate.clone(), key: at(&daemon, "nothing.key") };
        server::data_dir::write_private(Path::new(&not_a_key.key), b"hello").unwrap();
        assert!(refused(&daemon, &whole, &not_a_key).contains("it holds no private key in PEM"));
        let not_a_certificate = Keeper { certificate: not_a_key.key.clone(), key: keeper.key.clone() };
        let output = super::backs_up(&daemon, &at(&daemon, "none.bak"), &not_a_certificate);
        assert!(output.status.code() == Some(1) && told(&output).contains("holds no certificate"), "{output:?}");
        assert!(!daemon.folder().join("none.bak").exists());
    });
}
