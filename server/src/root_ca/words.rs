//! What `iamd ca` says.

use std::path::Path;

use super::install::Installed;
use super::papers::{Answer, Request, decoded};

/// A request that was written.
#[must_use]
pub fn requested(request: &Request, to: &Path, dir: &Path) -> Vec<String> {
    let (to, dir) = (to.display(), dir.display());
    let mut lines = vec![format!("request      {to}, nothing in it is secret")];
    lines.extend(waiting(request));
    let verb = if request.wanted.is_empty() { "crl" } else { "issue" };
    lines.push(String::new());
    lines.push(format!("next, where the root's key is: iamd ca {verb} --request {to} --root-key root-ca.key --to answer.json"));
    lines.push(format!("then, here: iamd ca install --data-dir {dir} --from answer.json"));
    lines
}

/// The keys that wait, by fingerprints that two machines can compare.
#[must_use]
pub fn waiting(request: &Request) -> Vec<String> {
    let line = |wanted: &super::papers::Wanted| {
        let print = decoded(&wanted.public_key, "a key").map(|spki| pki::hex(&openssl::sha::sha256(&spki))).unwrap_or_default();
        format!("waits        {}, key SHA-256 {print}", domain::visible(&wanted.name))
    };
    request.wanted.iter().map(line).collect()
}

/// What the root has signed.
#[must_use]
pub fn signed(answer: &Answer, to: &Path) -> Vec<String> {
    let mut lines: Vec<String> = answer.certificates.iter().map(|one| format!("certified    {}", one.name)).collect();
    lines.extend(answer.revoked.iter().map(|one| format!("revoked      {}, {}", one.name, one.entry.reason)));
    if !answer.lists.is_empty() {
        lines.push(format!("lists        {}, one for each day", answer.lists.len()));
    }
    lines.push(format!("answer       {}", to.display()));
    lines.push(String::new());
    lines.push(format!("next, at a node: iamd ca install --data-dir DIR --from {}", to.display()));
    lines
}

/// What was taken in.
#[must_use]
pub fn installed(installed: &Installed) -> Vec<String> {
    let mut lines = Vec::new();
    for (name, ends) in &installed.certified {
        let ends = ends.people();
        lines.push(format!("certified    {name}, until {ends}; it takes over on the date of its rotation ('iamctl key plan')"));
    }
    for (name, certificates) in &installed.revoked {
        lines.push(format!("revoked      {name}, and {certificates} certificates that it issued"));
    }
    if let Some((first, last, until)) = installed.lists {
        lines.push(format!("lists        {first} to {last}, one for each day until {}", until.people()));
    }
    lines
}
