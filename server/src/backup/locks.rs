//! Who can open a backup: the owners of certificates, or whoever knows a passphrase, which a person types and nobody else gives.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use domain::Timestamp;
use pki::Certificate;
use pki::backup::{Certified, FileKey, Head, Lock, RecipientKey, SHORTEST_PASSPHRASE};
use zeroize::Zeroizing;

use super::make::Interrupted;
use crate::http::tls::require_private;
use crate::settings::SettingsError;

/// Certificates and keys are a few thousand bytes.
const LONGEST_FILE: u64 = 64 * 1024;
/// How often a person may mistype.
const TRIES: u32 = 3;

/// What the person at the terminal is asked; gives the answer without echo.
pub type Ask<'a> = &'a dyn Fn(&str) -> std::io::Result<Zeroizing<String>>;

/// Asks on the terminal.
///
/// # Errors
/// When there is none.
pub fn on_terminal(question: &str) -> std::io::Result<Zeroizing<String>> {
    rpassword::prompt_password(question).map(Zeroizing::new)
}

/// The ways into a new backup, and what is to be said about them.
pub struct Locks {
    /// For the head.
    pub locks: Vec<Lock>,
    /// For the audit log: fingerprints of certificates.
    pub recipients: Vec<String>,
    /// Certificates that have ended, by their file.
    pub ended: Vec<String>,
}

/// Locks for the certificates in these files; without any, for a passphrase that is asked for twice.
///
/// # Errors
/// With the file's name; a usage error when there are neither files nor a terminal.
pub fn make(files: &[PathBuf], key: &FileKey, now: Timestamp, ask: Ask<'_>) -> anyhow::Result<Locks> {
    let mut made = Locks { locks: Vec::new(), recipients: Vec::new(), ended: Vec::new() };
    if files.is_empty() {
        made.locks.push(Lock::for_passphrase(&new_passphrase(ask)?, key)?);
        return Ok(made);
    }
    for path in files {
        let shown = path.display();
        let bytes = read(path)?;
        let certificate = Certificate::from_pem(&bytes).or_else(|_| Certificate::from_der(&bytes));
        let certificate = certificate.map_err(|_| anyhow::anyhow!("{shown} holds no certificate, in PEM or DER"))?;
        let recipient = Certified::new(certificate).with_context(|| format!("cannot encrypt to {shown}"))?;
        if recipient.certificate().view().not_after < now {
            // It says who holds the key; the key opens whatever was encrypted to it on any day.
            made.ended.push(format!("{shown} ended at {}", recipient.certificate().view().not_after.people()));
        }
        if made.recipients.contains(&recipient.fingerprint()) {
            bail!("{shown} is the certificate of another --recipient");
        }
        made.locks.push(Lock::for_certificate(&recipient, key)?);
        made.recipients.push(recipient.fingerprint());
    }
    Ok(made)
}

fn new_passphrase(ask: Ask<'_>) -> anyhow::Result<Zeroizing<String>> {
    for _ in 0..TRIES {
        let question = format!("Passphrase for the backup, {SHORTEST_PASSPHRASE} characters or more: ");
        let first = answer(
            ask(&question),
            "--recipient",
            "there is no terminal to ask for a passphrase on; give a certificate to encrypt to, e.g. --recipient keeper.crt",
        )?;
        if first.chars().count() < SHORTEST_PASSPHRASE {
            continue;
        }
        if *answer(ask("The same again: "), "--recipient", "no answer could be read")? == *first {
            return Ok(first);
        }
    }
    Err(usage("passphrase", "it was too short, or not the same twice; nothing was written"))
}

/// The key of a backup, by a recipient's private key in a file, or by the passphrase.
///
/// # Errors
/// When the key is for none of its locks, the passphrase is wrong, or it cannot be asked for.
pub fn open(head: &Head, key_file: Option<&Path>, ask: Ask<'_>) -> anyhow::Result<FileKey> {
    let Some(path) = key_file else { return by_passphrase(head, ask) };
    require_private(path)?;
    let shown = path.display();
    let passphrase = || ask(&format!("Passphrase of {shown}: ")).ok().map(|text| Zeroizing::new(text.as_bytes().to_vec()));
    let key = RecipientKey::from_pem(&read(path)?, passphrase).with_context(|| format!("cannot use {shown}"))?;
    for lock in &head.locks {
        if let Some(opened) = lock.open_with_key(&key)? {
            return Ok(opened);
        }
    }
    bail!("the key in {shown} does not open this backup; {}", ways(head))
}

fn by_passphrase(head: &Head, ask: Ask<'_>) -> anyhow::Result<FileKey> {
    if !head.locks.iter().any(|lock| matches!(lock, Lock::Passphrase { .. })) {
        return Err(usage("--key", &format!("give the file of the recipient's private key; {}", ways(head))));
    }
    for _ in 0..TRIES {
        let asked = ask("Passphrase of the backup: ");
        let passphrase = answer(asked, "--from", "this backup opens with a passphrase: run this on a terminal")?;
        for lock in &head.locks {
            if let Some(opened) = lock.open_with_passphrase(&passphrase)? {
                return Ok(opened);
            }
        }
    }
    bail!("the passphrase does not open this backup; nothing was written")
}

/// Who can open it, in words.
#[must_use]
pub fn ways(head: &Head) -> String {
    let way = |lock: &Lock| match lock {
        Lock::Certificate { subject, fingerprint, .. } => {
            format!("the key of {} (certificate {})", domain::visible(subject), domain::visible(fingerprint))
        }
        Lock::Passphrase { .. } => "its passphrase".to_owned(),
    };
    match head.locks.iter().map(way).collect::<Vec<_>>().join(", or ") {
        ways if ways.is_empty() => "nothing opens it: its head names no way in".to_owned(),
        ways => format!("it opens with {ways}"),
    }
}

fn read(path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    let shown = path.display();
    let file = fs::File::open(path).with_context(|| format!("cannot read {shown}"))?;
    let mut bytes = Zeroizing::new(Vec::with_capacity(LONGEST_FILE as usize + 1));
    file.take(LONGEST_FILE + 1).read_to_end(&mut bytes).with_context(|| format!("cannot read {shown}"))?;
    anyhow::ensure!(bytes.len() as u64 <= LONGEST_FILE, "{shown} is too large for a certificate or a key");
    Ok(bytes)
}

fn answer(asked: std::io::Result<Zeroizing<String>>, place: &str, otherwise: &str) -> anyhow::Result<Zeroizing<String>> {
    asked.map_err(|error| match error.kind() {
        std::io::ErrorKind::Interrupted => Interrupted.into(),
        _ => usage(place, otherwise),
    })
}

fn usage(place: &str, message: &str) -> anyhow::Error {
    SettingsError { place: place.to_owned(), message: message.to_owned() }.into()
}
