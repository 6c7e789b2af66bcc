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
    let identity = certificates::identity(&arguments.data_dir.join("immd"), arguments.listen.ip())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(serve::serve(arguments.listen, &identity, arguments.fault))
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
