//! What `iamd ca` says.

use std::path::Path;

use domain::visible;

use super::install::Installed;
use super::papers::{Answer, Request, decoded};
use crate::data_dir::ROOT_KEY_FILE;

/// Where `iamd init` has made the root's key.
#[must_use]
pub fn made(dir: &Path, token: Option<&str>, instance: &str) -> String {
    match token {
        None => format!("root's key   {}/{ROOT_KEY_FILE}: asked for by 'iamd ca' alone, never to serve", dir.display()),
        Some(token) => {
            let label = super::token::label(instance, "root-1");
            format!("root's key   in the token '{}', labelled {label}: used by 'iamd ca' alone, never to serve", visible(token))
        }
    }
}

/// What is to be done with the root's key before anything is served.
#[must_use]
pub fn keep_away(dir: &Path, token: Option<&str>, with_the_others: bool) -> String {
    match (token, with_the_others) {
        (None, _) => format!(
            "before anything is served, take {}/{ROOT_KEY_FILE} away: two copies on media that are locked away, none on this machine. Who has it \
             makes certificates in the platform's name; without it no authority can ever be replaced",
            dir.display()
        ),
        (Some(token), true) => format!(
            "the root's key lies in the token '{}', which every node reaches: whoever may use that token makes certificates in the platform's \
             name. 'iamd init --root-token' makes it in a token of its own that is locked away, '--root-in-file' in a file",
            visible(token)
        ),
        (Some(token), false) => format!(
            "before anything is served, take the token '{}' away, and copy it by its maker's means: locked away, none at this machine. Who may use \
             it makes certificates in the platform's name; without it no authority can ever be replaced",
            visible(token)
        ),
    }
}

/// A request that was written; `root_here` when this node's own token has the root's key.
#[must_use]
pub fn requested(request: &Request, to: &Path, dir: &Path, root_here: bool) -> Vec<String> {
    let (to, dir) = (to.display(), dir.display());
    let mut lines = vec![format!("request      {to}, nothing in it is secret")];
    lines.extend(waiting(request));
    let verb = if request.wanted.is_empty() { "crl" } else { "issue" };
    lines.push(String::new());
    if root_here {
        lines.push(format!(
            "the root's key is in this node's token, so that one command does all of it: iamd ca {verb} --data-dir {dir}"
        ));
        return lines;
    }
    lines.push(format!("next, where the root's key is: iamd ca {verb} --request {to} --root-key root-ca.key --to answer.json"));
    lines.push("with the key in a token, in place of --root-key: --root-token LABEL --root-module FILE".to_owned());
    lines.push(format!("then, here: iamd ca install --data-dir {dir} --from answer.json"));
    lines
}

/// The keys that wait, by fingerprints that two machines can compare.
#[must_use]
pub fn waiting(request: &Request) -> Vec<String> {
    let line = |wanted: &super::papers::Wanted| {
        let print = decoded(&wanted.public_key, "a key").map(|spki| pki::hex(&openssl::sha::sha256(&spki))).unwrap_or_default();
        format!("waits        {}, key SHA-256 {print}", visible(&wanted.name))
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
