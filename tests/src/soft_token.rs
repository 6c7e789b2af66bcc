//! A PKCS#11 token in software (SoftHSM2, Debian's `softhsm2`) in a folder of its own.
//!
//! SoftHSM finds its tokens by the variable `SOFTHSM2_CONF` of the process that loads it. Daemons get it when they are
//! started; a test that loads the module itself is run again in a process of its own, by [`apart`].

use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tempfile::TempDir;

/// The variable that SoftHSM reads.
pub const VARIABLE: &str = "SOFTHSM2_CONF";
/// In the process of [`apart`]: the token's folder.
const APART: &str = "IAM_TEST_SOFT_TOKEN";
/// The token's label.
pub const LABEL: &str = "identity";
/// Its user PIN.
pub const PIN: &str = "271828";

/// A token, initialised, with its PIN in a private file.
pub struct SoftToken {
    folder: PathBuf,
    _owned: Option<TempDir>,
}

/// The module, wherever the system keeps it.
///
/// # Panics
/// When SoftHSM is not installed; `scripts/test` does.
#[must_use]
pub fn module() -> PathBuf {
    [
        "/usr/lib/softhsm",
        "/usr/lib/x86_64-linux-gnu/softhsm",
        "/usr/lib/aarch64-linux-gnu/softhsm",
        "/usr/lib64/softhsm",
        "/usr/lib64/pkcs11",
    ]
    .iter()
    .map(|folder| Path::new(folder).join("libsofthsm2.so"))
    .find(|path| path.exists())
    .expect("SoftHSM is not installed; run: apt-get install softhsm2")
}

impl SoftToken {
    /// Makes one, in a temporary folder.
    ///
    /// # Panics
    /// When `softhsm2-util` refuses.
    #[must_use]
    pub fn make() -> Self {
        let owned = TempDir::with_prefix("iam-token-").unwrap();
        let token = Self { folder: owned.path().to_owned(), _owned: Some(owned) };
        fs::create_dir(token.tokens()).unwrap();
        let configuration =
            format!("directories.tokendir = {}\nobjectstore.backend = file\nlog.level = ERROR\n", token.tokens().display());
        fs::write(token.configuration(), configuration).unwrap();
        token.initialises(PIN);
        token.writes_pin(PIN);
        token
    }

    /// Puts an empty token of the same label there, with this user PIN.
    ///
    /// # Panics
    /// When `softhsm2-util` refuses.
    pub fn initialises(&self, pin: &str) {
        fs::remove_dir_all(self.tokens()).unwrap();
        fs::create_dir(self.tokens()).unwrap();
        let mut init = self.util();
        init.args(["--init-token", "--free", "--label", LABEL, "--so-pin", "31415926", "--pin", pin]);
        util_does(init);
    }

    /// Writes the PIN file anew.
    ///
    /// # Panics
    /// When it cannot be written.
    pub fn writes_pin(&self, pin: &str) {
        use std::io::Write;
        let path = self.pin_file();
        let mut file = fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path).unwrap();
        writeln!(file, "{pin}").unwrap();
    }

    /// The flags by which `iamd` is told of it.
    #[must_use]
    pub fn flags(&self) -> [String; 4] {
        [
            "--keys-provider=pkcs11".to_owned(),
            format!("--keys-module={}", module().display()),
            format!("--keys-token={LABEL}"),
            format!("--keys-pin-file={}", self.pin_file().display()),
        ]
    }

    /// How many objects it holds, public and private halves, with those of a token beside it.
    ///
    /// # Panics
    /// When it is taken out.
    #[must_use]
    pub fn objects(&self) -> usize {
        let object = |entry: fs::DirEntry| {
            let name = entry.file_name();
            name.to_string_lossy().ends_with(".object") && name != "token.object"
        };
        let tokens = fs::read_dir(self.tokens()).unwrap().map(Result::unwrap);
        let entries = tokens.flat_map(|token| fs::read_dir(token.path()).unwrap().map(Result::unwrap));
        entries.filter_map(|entry| object(entry).then_some(())).count()
    }

    /// Brings a key pair from a file into the token of that label, as its officer does.
    ///
    /// # Panics
    /// When `softhsm2-util` refuses.
    pub fn imports(&self, pem: &Path, token: &str, label: &str, id: &str) {
        let mut import = self.util();
        import.arg("--import").arg(pem).args(["--token", token, "--pin", PIN, "--label", label, "--id", id]);
        util_does(import);
    }

    /// Puts a second token beside it, of this label and the same PIN.
    ///
    /// # Panics
    /// When `softhsm2-util` refuses.
    pub fn is_joined_by(&self, label: &str) {
        let mut init = self.util();
        init.args(["--init-token", "--free", "--label", label, "--so-pin", "31415926", "--pin", PIN]);
        util_does(init);
    }

    fn util(&self) -> Command {
        let mut command = Command::new("softhsm2-util");
        command.env(VARIABLE, self.configuration());
        command
    }

    /// SoftHSM's own settings.
    #[must_use]
    pub fn configuration(&self) -> PathBuf {
        self.folder.join("softhsm2.conf")
    }

    /// The file with the PIN.
    #[must_use]
    pub fn pin_file(&self) -> PathBuf {
        self.folder.join("pin")
    }

    /// Where the token's objects lie.
    #[must_use]
    pub fn tokens(&self) -> PathBuf {
        self.folder.join("tokens")
    }

    /// Takes the token out: who looks for it finds none.
    ///
    /// # Panics
    /// When it is out already.
    pub fn is_taken_out(&self) {
        fs::rename(self.tokens(), self.folder.join("taken-out")).unwrap();
        fs::create_dir(self.tokens()).unwrap();
    }

    /// Holds it: it is there, and answers no call until this is dropped. SoftHSM locks its files while it reads them.
    ///
    /// # Panics
    /// When it is taken out.
    #[must_use]
    pub fn is_held(&self) -> Vec<fs::File> {
        let token = fs::read_dir(self.tokens()).unwrap().next().unwrap().unwrap().path();
        let held = |entry: fs::DirEntry| {
            let file = fs::File::options().read(true).write(true).open(entry.path()).unwrap();
            rustix::fs::fcntl_lock(&file, rustix::fs::FlockOperation::LockExclusive).unwrap();
            file
        };
        fs::read_dir(token).unwrap().map(|entry| held(entry.unwrap())).collect()
    }

    /// Puts it in again.
    ///
    /// # Panics
    /// When it is in.
    pub fn is_put_in(&self) {
        fs::remove_dir(self.tokens()).unwrap();
        fs::rename(self.folder.join("taken-out"), self.tokens()).unwrap();
    }
}

fn util_does(mut command: Command) {
    let output = command.stdin(Stdio::null()).output().expect("softhsm2-util is not installed; run: apt-get install softhsm2");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

/// Runs a test's body in a process of its own, which has a token. `test` is its full name, as the test program lists it.
///
/// # Panics
/// With what the other process wrote, when the body fails there or did not run.
#[expect(clippy::disallowed_methods, reason = "how the other process learns that it is the other one")]
pub fn apart(test: &str, body: impl FnOnce(&SoftToken)) {
    if let Some(folder) = std::env::var_os(APART) {
        return body(&SoftToken { folder: folder.into(), _owned: None });
    }
    let token = SoftToken::make();
    let output = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", test, "--nocapture"])
        .env(VARIABLE, token.configuration())
        .env(APART, &token.folder)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (told, complained) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && told.contains("1 passed"), "{}\n{told}\n{complained}", output.status);
}
