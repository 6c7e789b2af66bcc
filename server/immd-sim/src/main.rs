//! `immd-sim`: the Immigration Department's records as a sandbox sees them, over HTTP with mutual TLS. It knows nobody but people who
//! do not exist.
//!
//! Invariant: it shares nothing with `iamd` but the form of the questions and who the people of a sandbox are.

mod certificates;
mod people;
mod serve;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;

/// Answers for the Immigration Department's records, on sandbox instances
#[derive(Debug, Parser)]
#[command(
    name = "immd-sim",
    version,
    after_help = "What it takes to be asked lies in DIR/immd: ca.crt, and iamd.crt with iamd.key for the node.
They are made at the first start and kept.

POST /v1/identity-checks answers; POST /v1/fault {\"fault\":\"slow\"} sets how.

Examples:
  immd-sim --data-dir ./demo
  immd-sim --data-dir ./demo --listen 127.0.0.1:7700 --fault slow"
)]
struct Arguments {
    /// Folder of the instance: the files are put beside its own
    #[arg(long, value_name = "DIR")]
    data_dir: PathBuf,
    /// Address and port
    #[arg(long, value_name = "A:P", default_value = "127.0.0.1:7600")]
    listen: SocketAddr,
    /// What is wrong with it: nothing, a slow answer, a wrong one, or none
    #[arg(long, value_enum, default_value_t)]
    fault: serve::Fault,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say_error(&format!("immd-sim: {error:#}"));
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> anyhow::Result<()> {
    let context = arguments.data_dir.join("first-operator/context.yaml");
    // Without the file there is no instance there yet: what it is asked by is made beforehand.
    if std::fs::read_to_string(&context).is_ok_and(|text| is_of_production(&text)) {
        anyhow::bail!(
            "{} is the folder of a production instance, which asks the Immigration Department itself; nothing was made. \
             Give the folder of a sandbox instance: --data-dir DIR",
            arguments.data_dir.display()
        );
    }
    let identity = certificates::identity(&arguments.data_dir.join("immd"), arguments.listen.ip())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve::serve(arguments.listen, &identity, arguments.fault))
}

/// Whether a context, as `iamd init` writes it, is of a production instance.
fn is_of_production(context: &str) -> bool {
    context.lines().any(|line| line.strip_prefix("environment:").is_some_and(|word| word.trim() == "production"))
}

/// One of the program's few words for people.
pub(crate) fn say(text: &str) {
    use std::io::Write;
    // Where standard output is closed there is nobody to tell it to.
    let _ = writeln!(std::io::stdout(), "{text}");
}

fn say_error(text: &str) {
    use std::io::Write;
    let _ = writeln!(std::io::stderr(), "{text}");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_does_not_start_in_the_folder_of_a_production_instance() {
        let folder = tempfile::tempdir().unwrap();
        let arguments = Arguments {
            data_dir: folder.path().to_owned(),
            listen: "127.0.0.1:0".parse().unwrap(),
            fault: serve::Fault::default(),
        };
        std::fs::create_dir(folder.path().join("first-operator")).unwrap();
        std::fs::write(folder.path().join("first-operator/context.yaml"), "name: p\nenvironment: production\n").unwrap();
        let refused = run(&arguments).unwrap_err().to_string();
        assert!(refused.contains("production instance") && refused.contains("nothing was made"), "{refused}");
        assert!(!folder.path().join("immd").exists());
        assert!(!is_of_production("name: production\nenvironment: sandbox\n"));
    }
}
