//! The file with the root's key: PKCS#8 in PEM, which may be encrypted under a passphrase.

use std::fs;
use std::io::Read as _;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, ensure};
use pki::{Signer, envelope};
use zeroize::Zeroizing;

use crate::http::tls::require_private;

/// A key is a few hundred bytes.
const LONGEST: u64 = 64 * 1024;

/// Reads the key; `ask` gives the passphrase of one that is encrypted.
///
/// # Errors
/// With the file's name and the mend.
pub fn read(path: &Path, ask: impl FnOnce() -> anyhow::Result<Zeroizing<String>>) -> anyhow::Result<Arc<dyn Signer>> {
    let shown = path.display();
    ensure!(
        path.exists(),
        "{shown} is not there: bring the root's key, or name its file with --root-key or its token with --root-token; nothing was signed"
    );
    require_private(path)?;
    let mut pem = Zeroizing::new(Vec::with_capacity(4_096));
    let file = fs::File::open(path).with_context(|| format!("cannot read {shown}"))?;
    file.take(LONGEST).read_to_end(&mut pem).with_context(|| format!("cannot read {shown}"))?;
    let key = if envelope::is_encrypted(&pem) {
        envelope::private_key_from_encrypted_pem(&pem, ask()?.trim_end_matches(['\r', '\n']).as_bytes())
    } else {
        envelope::private_key_from_pem(&pem)
    };
    Ok(key.with_context(|| format!("cannot use {shown}"))?.into())
}

/// The passphrase: from a file that whoever started this has opened for it, else asked for on the terminal.
///
/// # Errors
/// When there is neither.
pub fn passphrase(descriptor: Option<u32>, of: &Path) -> anyhow::Result<Zeroizing<String>> {
    let Some(number) = descriptor else {
        let asked = rpassword::prompt_password(format!("Passphrase of {}: ", of.display())).map(Zeroizing::new);
        return asked.context("there is no terminal to ask for the passphrase on; give it by --passphrase-fd");
    };
    let mut text = Zeroizing::new(String::with_capacity(4_096));
    let file = fs::File::open(format!("/dev/fd/{number}")).with_context(|| format!("file descriptor {number} is not open"))?;
    file.take(LONGEST).read_to_string(&mut text).with_context(|| format!("cannot read file descriptor {number}"))?;
    Ok(text)
}
