//! The real `openssl s_client` at a listener.

use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use pki::Certificate;
use tokio::task::spawn_blocking;

use super::World;
use super::desk::Badge;

/// Somebody with `openssl` who trusts the instance's root, with or without a certificate of their own.
#[derive(Debug, Clone)]
pub struct Outsider {
    ca: PathBuf,
    own: Vec<String>,
}

impl World {
    /// Somebody without a certificate.
    #[must_use]
    pub fn outsider(&self) -> Outsider {
        Outsider { ca: self.data_dir.join(server::data_dir::FIRST_OPERATOR).join("ca.crt"), own: Vec::new() }
    }

    /// Somebody with this certificate and key, PEM.
    ///
    /// # Panics
    /// When they cannot be written.
    #[must_use]
    pub fn outsider_with(&self, chain: &str, key: &str) -> Outsider {
        let folder = tempfile::Builder::new().prefix("outsider-").tempdir_in(self.folder()).unwrap().keep();
        let file = |name: &str, text: &str| {
            let path = folder.join(name);
            std::fs::write(&path, text).unwrap();
            path.to_str().unwrap().to_owned()
        };
        let own = ["-cert".to_owned(), file("own.crt", chain), "-key".to_owned(), file("own.key", key)];
        Outsider { own: own.into(), ..self.outsider() }
    }

    /// Somebody with an operator's certificate.
    #[must_use]
    pub fn outsider_as(&self, badge: &Badge) -> Outsider {
        self.outsider_with(&badge.chain, &badge.key)
    }
}

impl Outsider {
    fn client(&self, address: SocketAddr, arguments: &[&str]) -> Command {
        let mut command = Command::new("openssl");
        command.args(["s_client", "-verify_return_error", "-connect", &address.to_string(), "-CAfile"]).arg(&self.ca);
        command.args(&self.own).args(arguments).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// Shakes hands and goes; gives the serial number of the certificate that is shown.
    ///
    /// # Errors
    /// What `openssl` says, when the handshake fails.
    ///
    /// # Panics
    /// When `openssl` cannot be run.
    pub async fn handshake(&self, address: SocketAddr) -> Result<String, String> {
        let mut client = self.client(address, &[]);
        let done = spawn_blocking(move || client.stdin(Stdio::null()).output().unwrap()).await.unwrap();
        let said = String::from_utf8_lossy(&[done.stdout, done.stderr].concat()).into_owned();
        let begins = said.find("-----BEGIN CERTIFICATE-----").filter(|_| done.status.success());
        match begins.and_then(|at| Certificate::from_pem(&said.as_bytes()[at..]).ok()) {
            Some(certificate) => Ok(certificate.view().serial.clone()),
            None => Err(said),
        }
    }

    /// Asks for a path and reads until the other side hangs up; gives everything that came.
    ///
    /// # Panics
    /// When `openssl` cannot be run.
    pub async fn gets(&self, address: SocketAddr, path: &str, arguments: &[&str]) -> String {
        let mut client = self.client(address, &[&["-quiet", "-ign_eof"], arguments].concat());
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
        let done = spawn_blocking(move || {
            let mut child = client.spawn().unwrap();
            let mut stdin = child.stdin.take().unwrap();
            // The other side may hang up before it is asked.
            let _ = stdin.write_all(request.as_bytes());
            let done = child.wait_with_output().unwrap();
            drop(stdin);
            done
        });
        String::from_utf8_lossy(&done.await.unwrap().stdout).into_owned()
    }

    /// Opens a connection that stands.
    ///
    /// # Panics
    /// When `openssl` cannot be run.
    #[must_use]
    pub fn opens(&self, address: SocketAddr) -> Standing {
        let mut child = self.client(address, &["-quiet", "-ign_eof"]).spawn().unwrap();
        let (stdin, stdout) = (child.stdin.take().unwrap(), child.stdout.take().unwrap());
        Standing { child, stdin, stdout }
    }
}

/// A connection that stands.
#[derive(Debug)]
pub struct Standing {
    child: Child,
    stdin: ChildStdin,
    stdout: ChildStdout,
}

impl Standing {
    /// Asks for a path whose answer ends with `end`; gives the connection back with all of the answer, or with what came before the
    /// other side hung up.
    ///
    /// # Panics
    /// When `openssl` is gone.
    pub async fn gets(mut self, path: &str, end: &'static str) -> (Self, String) {
        let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n");
        let answered = spawn_blocking(move || {
            self.stdin.write_all(request.as_bytes()).unwrap();
            let mut answer = String::new();
            let mut part = [0; 4096];
            while !answer.ends_with(end) {
                match self.stdout.read(&mut part).unwrap() {
                    0 => break,
                    read => answer.push_str(&String::from_utf8_lossy(&part[..read])),
                }
            }
            (self, answer)
        });
        answered.await.unwrap()
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
