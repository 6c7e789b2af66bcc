//! `-f FILE`, `-f -`, `-f DIR` (every `*.yaml` and `*.yml`, sorted).

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use crate::failure::{Failure, NOTHING_SENT};

/// A file that was read, or standard input.
#[derive(Debug)]
pub struct Source {
    /// As it is called in messages.
    pub name: String,
    /// Where files that it names are looked for.
    pub folder: PathBuf,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

/// Reads all that `-f` names, each at most `limit` bytes.
///
/// # Errors
/// When one cannot be read, is too large, or a folder holds none.
pub fn sources(named: &[PathBuf], limit: u64) -> Result<Vec<Source>, Failure> {
    let mut read = Vec::new();
    for path in named {
        if path.as_os_str() == "-" {
            let bytes = within(io::stdin().lock(), "standard input", limit)?;
            read.push(Source { name: "-".to_owned(), folder: PathBuf::from("."), bytes });
        } else if path.is_dir() {
            for file in yaml_files(path)? {
                read.push(source(&file, limit)?);
            }
        } else {
            read.push(source(path, limit)?);
        }
    }
    Ok(read)
}

fn source(path: &Path, limit: u64) -> Result<Source, Failure> {
    let name = path.display().to_string();
    let cannot = |error: &io::Error| unreadable(&name, &error.to_string());
    let file = File::open(path).map_err(|error| cannot(&error))?;
    // Looked at before reading: a file of a gigabyte is refused at once.
    let size = file.metadata().map_err(|error| cannot(&error))?.len();
    if size > limit {
        return Err(too_large(&name, limit));
    }
    let bytes = within(file, &name, limit)?;
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new(".")).to_owned();
    Ok(Source { name, folder, bytes })
}

/// Reads to the end, but no further than the limit: a pipe has no size to look at.
fn within(from: impl Read, name: &str, limit: u64) -> Result<Vec<u8>, Failure> {
    let mut bytes = Vec::new();
    from.take(limit + 1).read_to_end(&mut bytes).map_err(|error| unreadable(name, &error.to_string()))?;
    if bytes.len() as u64 > limit { Err(too_large(name, limit)) } else { Ok(bytes) }
}

fn yaml_files(folder: &Path) -> Result<Vec<PathBuf>, Failure> {
    let name = folder.display().to_string();
    let mut files = Vec::new();
    for entry in fs::read_dir(folder).map_err(|error| unreadable(&name, &error.to_string()))? {
        let path = entry.map_err(|error| unreadable(&name, &error.to_string()))?.path();
        let hidden = path.file_name().is_some_and(|name| name.as_encoded_bytes().starts_with(b"."));
        if !hidden && path.extension().is_some_and(|extension| extension == "yaml" || extension == "yml") && !path.is_dir() {
            files.push(path);
        }
    }
    if files.is_empty() {
        return Err(Failure::usage("file.none", format!("the folder {name} holds no *.yaml or *.yml file")).changed(NOTHING_SENT));
    }
    files.sort();
    Ok(files)
}

/// A file cannot be read.
pub fn unreadable(name: &str, cause: &str) -> Failure {
    Failure::usage("file.unreadable", format!("cannot read {name}: {cause}")).changed(NOTHING_SENT)
}

fn too_large(name: &str, limit: u64) -> Failure {
    let limit = if limit >= 1024 * 1024 { format!("{} MiB", limit / (1024 * 1024)) } else { format!("{} KiB", limit / 1024) };
    Failure::usage("file.too-large", format!("{name} is larger than {limit}"))
        .changed(NOTHING_SENT)
        .hint("split it; is it the right file?")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_gives_its_yaml_files_in_order() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["b.yaml", "a.yml", "c.json", ".hidden.yaml", "yml"] {
            fs::write(folder.path().join(name), name).unwrap();
        }
        let read = sources(&[folder.path().to_owned()], 100).unwrap();
        assert_eq!(read.iter().map(|source| source.bytes.as_slice()).collect::<Vec<_>>(), [b"a.yml".as_slice(), b"b.yaml"]);
        assert_eq!(read[0].folder, folder.path());
    }

    #[test]
    fn an_empty_folder_and_a_huge_file_are_refused() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(sources(&[folder.path().to_owned()], 100).unwrap_err().code, "file.none");
        let path = folder.path().join("big.yaml");
        File::create(&path).unwrap().set_len(1 << 30).unwrap();
        let failure = sources(&[path], super::super::MAX_YAML).unwrap_err();
        assert_eq!((failure.code.as_str(), failure.exit), ("file.too-large", api::Exit::Usage));
        assert!(failure.message.ends_with("is larger than 1 MiB"));
    }

    #[test]
    fn what_has_no_size_is_read_no_further_than_the_limit() {
        assert_eq!(sources(&["/dev/zero".into()], 1_000).unwrap_err().code, "file.too-large");
    }
}
