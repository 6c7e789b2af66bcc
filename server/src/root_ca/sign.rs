//! One command with the root's key: for papers that were brought, or at a node.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::Timestamp;
use pki::{Certificate, Signer};

use super::answer::RootDesk;
use super::arguments::Sign;
use super::papers::{Answer, Request};
use super::request::{request, root_row};
use super::{install, key_file, token, words};
use crate::app::App;
use crate::data_dir::ROOT_KEY_FILE;

/// Signs what papers ask for; `say` shows what waits, before anybody is asked for a secret.
///
/// # Errors
/// What is wrong with the papers or with the key; then nothing was signed.
pub fn for_papers(
    sign: &Sign,
    (from, to): (&Path, &Path),
    verb: impl FnOnce(&RootDesk) -> anyhow::Result<Answer>,
    now: Timestamp,
    say: impl Fn(&str),
) -> anyhow::Result<Vec<String>> {
    let request = Request::read(from)?;
    words::waiting(&request).iter().for_each(|line| say(line));
    anyhow::ensure!(!to.exists(), "{} is there already; nothing was signed", to.display());
    let key = brought(sign, &request, folder_of(to))?;
    let (signer, records) = match key {
        Some(key) => key,
        None => from_file(sign, Path::new("."))?,
    };
    let answer = verb(&RootDesk::open(request, signer, &records, now)?)?;
    answer.write(to)?;
    Ok(words::signed(&answer, to))
}

/// Signs what a node asks for, and takes it in. Without flags its own token signs, where the root's key lies in that.
///
/// # Errors
/// What is wrong with the key or what it signed; then nothing was changed.
pub async fn at_node(
    app: &App,
    sign: &Sign,
    verb: impl FnOnce(&RootDesk) -> anyhow::Result<Answer>,
    now: Timestamp,
) -> anyhow::Result<Vec<String>> {
    let request = request(app).await?;
    let key = match (brought(sign, &request, &app.data_dir)?, in_own_token(app).await?) {
        (Some(key), _) => key,
        (None, Some(signer)) if sign.root_key.is_none() => (signer, app.data_dir.clone()),
        (None, _) => from_file(sign, &app.data_dir)?,
    };
    let answer = verb(&RootDesk::open(request, key.0, &key.1, now)?)?;
    Ok(words::installed(&install::install(app, &answer).await?))
}

/// The root's key in this node's own token, where `iamd init` has made it there.
///
/// # Errors
/// When the database cannot be reached.
pub async fn in_own_token(app: &App) -> anyhow::Result<Option<Arc<dyn Signer>>> {
    let root = root_row(&mut app.store.read().await?).await?;
    root.token_object.is_some().then(|| app.keys.signer(&root)).transpose()
}

/// The key in the token that the flags name, and the folder of its records; none when they name none.
fn brought(sign: &Sign, request: &Request, records: &Path) -> anyhow::Result<Option<(Arc<dyn Signer>, PathBuf)>> {
    if sign.token.root_token.is_none() {
        return Ok(None);
    }
    let public = Certificate::from_pem(request.certificate.as_bytes())?.public_key()?;
    let label = token::label(&request.instance, &request.root);
    Ok(sign.token.key(&sign.name, label, &public)?.map(|key| (key, records.to_owned())))
}

/// The key in its file, and the folder of its records: beside it.
fn from_file(sign: &Sign, dir: &Path) -> anyhow::Result<(Arc<dyn Signer>, PathBuf)> {
    let path = sign.root_key.clone().unwrap_or_else(|| dir.join(ROOT_KEY_FILE));
    let key = key_file::read(&path, || key_file::passphrase(sign.passphrase_fd, &path))?;
    Ok((key, folder_of(&path).to_owned()))
}

fn folder_of(path: &Path) -> &Path {
    path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
}
