//! Files that are read twice: once to be checked, once to be sent.

use std::fs::File;
use std::io::{self, Seek, SeekFrom};
use std::path::PathBuf;

use api::Exit;

use super::unreadable;
use crate::failure::Failure;

/// The file; standard input is spooled to one without a name, which only this process can read and which goes with it.
///
/// # Errors
/// When it cannot be read.
pub async fn open(path: PathBuf) -> Result<(String, File), Failure> {
    let name = path.display().to_string();
    if name != "-" {
        let file = File::open(&path).map_err(|error| unreadable(&name, &error.to_string()))?;
        if file.metadata().is_ok_and(|metadata| metadata.is_file()) {
            return Ok((name, file));
        }
        return spool(name, file).await;
    }
    spool("-".to_owned(), io::stdin()).await
}

async fn spool(name: String, mut from: impl io::Read + Send + 'static) -> Result<(String, File), Failure> {
    let spooled = tokio::task::spawn_blocking(move || {
        let mut file = tempfile::tempfile()?;
        io::copy(&mut from, &mut file)?;
        file.seek(SeekFrom::Start(0))?;
        Ok::<_, io::Error>(file)
    });
    match spooled.await {
        Ok(Ok(file)) => Ok((name, file)),
        Ok(Err(error)) => Err(unreadable(&name, &error.to_string())),
        Err(error) => Err(Failure::new(Exit::Failed, "internal", error.to_string())),
    }
}
