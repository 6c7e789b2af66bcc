//! A token's user PIN, and where it comes from: its file, an open file, or somebody at the terminal. Never an argument.

use std::fs::File;
use std::io::Read;
use std::path::PathBuf;

use pki::PkiError;
use pki::provider::pkcs11::PinSource;
use zeroize::Zeroizing;

use crate::http::tls::require_private;

/// A PIN is one line; whatever is longer is something else.
const LONGEST_PIN: u64 = 1024;

/// The PIN in its file, read at each login: mended, it counts at once.
pub(super) struct PinFile(PathBuf);

impl PinFile {
    pub(super) fn at(path: PathBuf) -> Self {
        Self(path)
    }
}

impl PinSource for PinFile {
    fn pin(&self) -> Result<Zeroizing<String>, PkiError> {
        let shown = self.0.display().to_string();
        require_private(&self.0).map_err(|error| unavailable(&error.to_string()))?;
        one_line(File::open(&self.0), &shown)
    }
}

/// A PIN for one command: read once, tried once.
pub struct PinForOnce(Zeroizing<String>);

impl PinForOnce {
    /// Out of a private file.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], with what is the matter with the file.
    pub fn in_file(path: PathBuf) -> Result<Self, PkiError> {
        PinFile(path).pin().map(Self)
    }

    /// Out of a file that whoever started this has opened for it.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], when it is not open or holds no PIN.
    pub fn in_open_file(number: u32) -> Result<Self, PkiError> {
        one_line(File::open(format!("/dev/fd/{number}")), &format!("file descriptor {number}")).map(Self)
    }

    /// Asks for it at the terminal, without echo.
    ///
    /// # Errors
    /// [`PkiError::TokenUnavailable`], where there is no terminal.
    pub fn at_the_terminal(token: &str) -> Result<Self, PkiError> {
        let asked = rpassword::prompt_password(format!("User PIN of the token '{}': ", domain::visible(token)));
        let pin = asked
            .map(Zeroizing::new)
            .map_err(|_| unavailable("there is no terminal to ask for it on; give it by --root-pin-file or --root-pin-fd"))?;
        if pin.is_empty() { Err(unavailable("none was typed")) } else { Ok(Self(pin)) }
    }
}

impl PinSource for PinForOnce {
    fn pin(&self) -> Result<Zeroizing<String>, PkiError> {
        Ok(self.0.clone())
    }

    fn mend(&self) -> &'static str {
        "run the command again with the right one"
    }
}

fn unavailable(why: &str) -> PkiError {
    PkiError::token_unavailable(format!("its PIN cannot be had: {why}"))
}

/// The PIN that is the one line of a file.
fn one_line(file: std::io::Result<File>, shown: &str) -> Result<Zeroizing<String>, PkiError> {
    // Room for all of it at once: a buffer that grows leaves copies behind.
    let mut text = Zeroizing::new(String::with_capacity(LONGEST_PIN as usize + 1));
    file.and_then(|file| file.take(LONGEST_PIN + 1).read_to_string(&mut text))
        .map_err(|error| unavailable(&format!("{shown}: {error}")))?;
    let pin = text.trim_end_matches(['\r', '\n']);
    if pin.is_empty() || pin.contains('\n') || text.len() as u64 > LONGEST_PIN {
        return Err(unavailable(&format!("{shown} must hold the PIN on one line, and nothing else")));
    }
    Ok(Zeroizing::new(pin.to_owned()))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::fd::AsRawFd;
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn a_pin_is_one_line_of_a_private_file() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        let read = |text: &str, mode: u32| {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
            PinFile(path.clone()).pin().map(|pin| pin.to_string()).map_err(|error| error.to_string())
        };
        for good in ["271828", "271828\n", "271828\r\n"] {
            assert_eq!(read(good, 0o600).unwrap(), "271828");
        }
        assert_eq!(read(" pass phrase ", 0o400).unwrap(), " pass phrase ");
        for (text, mode, said) in [
            ("271828", 0o640, "chmod 600"),
            ("", 0o600, "on one line"),
            ("\n", 0o600, "on one line"),
            ("271828\n271828\n", 0o600, "on one line"),
            (&"2".repeat(1025), 0o600, "on one line"),
        ] {
            let fault = read(text, mode).unwrap_err();
            assert!(fault.starts_with("the token is unavailable: its PIN cannot be had: ") && fault.contains(said), "{fault}");
            assert!(!fault.contains("271828"), "{fault}");
        }
        fs::remove_file(&path).unwrap();
        let fault = PinFile(path).pin().unwrap_err();
        assert!(matches!(fault, PkiError::TokenUnavailable { .. }), "{fault}");
    }

    #[test]
    fn a_pin_comes_through_an_open_file_as_well() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("pin");
        fs::write(&path, "271828\n").unwrap();
        let open = File::open(&path).unwrap();
        let number = u32::try_from(open.as_raw_fd()).unwrap();
        assert_eq!(PinForOnce::in_open_file(number).unwrap().pin().unwrap().as_str(), "271828");
        let fault = PinForOnce::in_open_file(1_000_000).err().unwrap().to_string();
        assert!(fault.contains("file descriptor 1000000"), "{fault}");
    }
}
