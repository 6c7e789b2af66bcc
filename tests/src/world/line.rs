//! The line to PostgreSQL, in a test's hand: it can fall silent, be cut, or lose the answer to a commit.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use url::Url;

/// A socket in front of the server's own.
pub struct Line {
    folder: TempDir,
    state: Arc<State>,
}

struct State {
    /// Nothing passes either way while it is true; what was sent arrives later.
    silent: watch::Sender<bool>,
    /// What happens once the next commit has been passed on.
    after_commit: Mutex<AfterCommit>,
    lost: AtomicUsize,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum AfterCommit {
    GoOn,
    HangUp,
    FallSilent,
}

impl Line {
    /// A line to the server of this URL.
    ///
    /// # Panics
    /// When the socket cannot be made.
    #[must_use]
    pub fn to(url: &str) -> Self {
        let real = Url::parse(url).unwrap();
        let host = real.query_pairs().find(|(name, _)| name == "host").unwrap().1.into_owned();
        let real = Path::new(&host).join(".s.PGSQL.5432");
        let folder = TempDir::with_prefix("iam-line-").unwrap();
        let listener = UnixListener::bind(folder.path().join(".s.PGSQL.5432")).unwrap();
        let state = Arc::new(State {
            silent: watch::channel(false).0,
            after_commit: Mutex::new(AfterCommit::GoOn),
            lost: AtomicUsize::new(0),
        });
        tokio::spawn(accept(listener, real, Arc::clone(&state)));
        Self { folder, state }
    }

    /// The same database, over this line.
    ///
    /// # Panics
    /// When the URL is none.
    #[must_use]
    pub fn url(&self, url: &str) -> String {
        let mut url = Url::parse(url).unwrap();
        url.query_pairs_mut().clear().append_pair("host", &self.folder.path().display().to_string());
        url.into()
    }

    /// From now on nothing is heard and nobody hangs up, as with a frozen machine.
    pub fn falls_silent(&self) {
        self.state.silent.send_replace(true);
    }

    /// What was held back goes through.
    pub fn speaks_again(&self) {
        self.state.silent.send_replace(false);
    }

    /// The next commit reaches the server, and its answer reaches nobody.
    ///
    /// # Panics
    /// Never.
    pub fn loses_the_answer_to_the_next_commit(&self) {
        *self.state.after_commit.lock().unwrap() = AfterCommit::HangUp;
    }

    /// The next commit reaches the server; from then on nothing is heard.
    ///
    /// # Panics
    /// Never.
    pub fn falls_silent_after_the_next_commit(&self) {
        *self.state.after_commit.lock().unwrap() = AfterCommit::FallSilent;
    }

    /// How many commits were answered to nobody.
    #[must_use]
    pub fn lost(&self) -> usize {
        self.state.lost.load(Ordering::SeqCst)
    }
}

async fn accept(listener: UnixListener, real: PathBuf, state: Arc<State>) {
    while let Ok((client, _)) = listener.accept().await {
        let (real, state) = (real.clone(), Arc::clone(&state));
        tokio::spawn(async move {
            let Ok(server) = UnixStream::connect(real).await else { return };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = server.into_split();
            let hang_up = watch::channel(false).0;
            let forth = pass(from_client, to_server, &state, Way::Forth, &hang_up);
            let back = pass(from_server, to_client, &state, Way::Back, &hang_up);
            // When one side ends, so does the other.
            tokio::select! {
                () = forth => {}
                () = back => {}
            }
        });
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    Forth,
    Back,
}

async fn pass(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, state: &State, way: Way, hang_up: &watch::Sender<bool>) {
    let mut silent = state.silent.subscribe();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let count = match from.read(&mut buffer).await {
            Ok(0) | Err(_) => return,
            Ok(count) => count,
        };
        if silent.wait_for(|silent| !silent).await.is_err() {
            return;
        }
        let commits = way == Way::Forth && buffer[..count].windows(6).any(|window| window == b"COMMIT");
        let after = if commits {
            std::mem::replace(&mut *state.after_commit.lock().unwrap(), AfterCommit::GoOn)
        } else {
            AfterCommit::GoOn
        };
        if after != AfterCommit::GoOn {
            state.lost.fetch_add(1, Ordering::SeqCst);
            let how = if after == AfterCommit::HangUp { hang_up } else { &state.silent };
            how.send_replace(true);
        } else if way == Way::Back && *hang_up.borrow() {
            // The server has answered: the commit is done, and nobody will hear of it.
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
