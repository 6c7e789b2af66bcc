//! The command line of `iamd`.

mod manual;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use domain::{Environment, OperatorId};

use crate::settings::{File, KeysFile, Source, explained};

pub use manual::write_man;

/// The headless identity platform server.
#[derive(Debug, Parser)]
#[command(
    name = "iamd",
    version,
    max_term_width = 100,
    after_help = "\
Settings: a flag, then IAMD_* in the environment, then iamd.yaml in the data folder, then the default.\n\
Logs are JSON lines on stderr; RUST_LOG filters them.",
    after_long_help = long_help()
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// Every setting, below the short help.
fn long_help() -> String {
    format!(
        "Settings: a flag, then IAMD_* in the environment (IAMD_CRL_NEXT_UPDATE), then iamd.yaml in the data folder, then the \
         default. In iamd.yaml:\n{}\nLogs are JSON lines on stderr; RUST_LOG filters them.",
        explained::lines()
    )
}

/// Flags of listeners say nothing to a verb that listens nowhere: it takes them, as every setting, and does not list them.
fn without_listeners(flag: clap::Arg) -> clap::Arg {
    let listens = flag.get_id().as_str().ends_with("_listen");
    if listens { flag.hide(true) } else { flag }
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a new instance
    Init(Init),
    /// Make another node of an instance on PostgreSQL
    Join(Join),
    /// Serve in the foreground; SIGTERM drains and stops
    Serve(Serve),
    /// Look over configuration, files, keys, database, schema, clock and disk
    #[command(mut_args(without_listeners))]
    Check(Node),
    /// Bring the database's schema up to this version
    #[command(mut_args(without_listeners))]
    Migrate(Node),
    /// Write the instance into one encrypted file, while it is served or not
    #[command(mut_args(without_listeners))]
    Backup(Backup),
    /// Restore a backup into an empty folder, or prove that what was restored is not behind
    Restore(Restore),
    /// Ask the root authority to sign, sign where its key is, and take in what was signed
    #[command(subcommand)]
    Ca(crate::root_ca::arguments::Ca),
    /// Write the man page
    #[command(hide = true)]
    Man(Man),
}

/// `iamd init`.
#[derive(Debug, Args)]
pub struct Init {
    /// Folder of the instance; made when it is not there
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Fixed for the instance's life, and stamped into its certificates
    #[arg(long, value_name = "sandbox|production", value_parser = environment)]
    pub environment: Environment,
    /// Base of the public interface, baked in; on production give it [default: https://localhost and the public port]
    #[arg(long, value_name = "URL", value_parser = https)]
    pub public_url: Option<String>,
    /// Base under which certificates and revocation lists are published, baked in; on production give it [default: http://localhost and the pki port]
    #[arg(long, value_name = "URL", value_parser = http)]
    pub pki_url: Option<String>,
    /// On a sandbox: where immd-sim answers for the Immigration Department's records [default: https://127.0.0.1:7600]
    #[arg(long, value_name = "URL", value_parser = https)]
    pub immd_url: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub node: NodeSettings,
    /// Where keys are made.
    #[command(flatten)]
    pub keys: KeySettings,
    /// With pkcs11: make the root's key as a file all the same, DIR/root-ca.key, to be kept away
    #[arg(long, conflicts_with = "root_token")]
    pub root_in_file: bool,
    /// A token of the root's own.
    #[command(flatten)]
    pub root: crate::root_ca::arguments::RootToken,
}

/// `iamd join`.
#[derive(Debug, Args)]
pub struct Join {
    /// Folder of the new node
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// The instance's key-encryption key, copied from a node that is there (key-encryption.key)
    #[arg(long, value_name = "FILE")]
    pub key_file: PathBuf,
    /// Settings.
    #[command(flatten)]
    pub node: NodeSettings,
    /// Where keys are made.
    #[command(flatten)]
    pub keys: KeySettings,
}

/// Verbs over a node that is there.
#[derive(Debug, Args)]
pub struct Node {
    /// Folder of the node
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// Settings.
    #[command(flatten)]
    pub settings: NodeSettings,
}

/// `iamd serve`.
#[derive(Debug, Args)]
pub struct Serve {
    /// The node.
    #[command(flatten)]
    pub node: Node,
    /// Say that this machine's clock is right, after more than a day switched off: certificates and lists are signed at once, not after a day. It is written to the audit log, for this gap alone, and counts at every node
    #[arg(long)]
    pub clock_is_right: bool,
}

/// `iamd backup`.
#[derive(Debug, Args)]
pub struct Backup {
    /// The node.
    #[command(flatten)]
    pub node: Node,
    /// File to write; it must not be there yet
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
    /// Certificate to encrypt to, RSA or EC; may be given several times, and any one's key opens the file. Without it a passphrase is asked for on the terminal
    #[arg(long, value_name = "FILE")]
    pub recipient: Vec<PathBuf>,
}

/// `iamd restore`: out of a backup, or the proof afterwards.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("what").required(true).args(["from", "prove"])))]
pub struct Restore {
    /// Folder of the node; empty, or not there yet, for --from
    #[arg(long, value_name = "DIR")]
    pub data_dir: PathBuf,
    /// postgres://… where the database is now [default: as the settings in the backup say]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// The backup
    #[arg(long, value_name = "FILE")]
    pub from: Option<PathBuf>,
    /// Private key of one of its recipients, mode 0600; without it the passphrase is asked for on the terminal
    #[arg(long, value_name = "FILE", requires = "from")]
    pub key: Option<PathBuf>,
    /// Compare what was restored with what the world has seen of the instance, and let it be served when it is not behind
    #[arg(long)]
    pub prove: bool,
    /// The newest checkpoint that an auditor has, out of 'iamctl audit export'
    #[arg(long, value_name = "FILE", requires = "prove")]
    pub checkpoint: Option<PathBuf>,
    /// Newest revocation list that was published, DER or PEM; one for each authority
    #[arg(long, value_name = "FILE", requires = "prove")]
    pub crl: Vec<PathBuf>,
    /// Let it be served although something is lost, or although nothing from outside was kept
    #[arg(long, requires = "prove", requires = "reason")]
    pub accept_loss: bool,
    /// Why, for the audit log
    #[arg(long, value_name = "TEXT", requires = "accept_loss")]
    pub reason: Option<String>,
    /// Administrator who is invited again, where nobody who can come in is left after a loss; the enrolment code is shown
    #[arg(long, value_name = "ID", requires = "accept_loss")]
    pub administrator: Option<OperatorId>,
    /// Say that this machine's clock is right although the restored log ends more than a day ago, as with 'iamd serve'
    #[arg(long, requires = "prove")]
    pub clock_is_right: bool,
}

/// Settings that flags give.
#[derive(Debug, Args)]
pub struct NodeSettings {
    /// postgres://… [default: SQLite in the data folder]
    #[arg(long, value_name = "URL")]
    pub database_url: Option<String>,
    /// Operators' listener [default: 127.0.0.1:7443]
    #[arg(long, value_name = "A:P")]
    pub admin_listen: Option<String>,
    /// Relying parties' and apps' listener [default: 127.0.0.1:8443]
    #[arg(long, value_name = "A:P")]
    pub public_listen: Option<String>,
    /// Address for certificates and revocation lists [default: 127.0.0.1:8080]
    #[arg(long, value_name = "A:P")]
    pub pki_listen: Option<String>,
    /// Metrics and health listener [default: 127.0.0.1:9464]
    #[arg(long, value_name = "A:P")]
    pub metrics_listen: Option<String>,
}

/// Where keys are made: settings that a node is given once, when it is made.
#[derive(Debug, Args)]
pub struct KeySettings {
    /// Where private keys are made, fixed for the instance's life [default: files]
    #[arg(long, value_name = "files|pkcs11")]
    pub keys_provider: Option<String>,
    /// PKCS#11 library of the token
    #[arg(long, value_name = "FILE")]
    pub keys_module: Option<String>,
    /// Label of the token
    #[arg(long, value_name = "LABEL")]
    pub keys_token: Option<String>,
    /// File of mode 0600 with the token's user PIN
    #[arg(long, value_name = "FILE")]
    pub keys_pin_file: Option<String>,
}

impl KeySettings {
    /// As `iamd.yaml` holds them; none when no flag was given.
    #[must_use]
    pub fn file(&self) -> Option<KeysFile> {
        let file = KeysFile {
            provider: self.keys_provider.clone(),
            module: self.keys_module.clone(),
            token: self.keys_token.clone(),
            pin_file: self.keys_pin_file.clone(),
        };
        (file != KeysFile::default()).then_some(file)
    }
}

/// `iamd man`.
#[derive(Debug, Args)]
pub struct Man {
    /// Folder to write to
    #[arg(long, value_name = "DIR")]
    pub to: PathBuf,
}

impl NodeSettings {
    /// As `iamd.yaml` holds them.
    #[must_use]
    pub fn file(&self) -> File {
        File {
            database_url: self.database_url.clone(),
            admin_listen: self.admin_listen.clone(),
            public_listen: self.public_listen.clone(),
            pki_listen: self.pki_listen.clone(),
            metrics_listen: self.metrics_listen.clone(),
            ..File::default()
        }
    }

    /// As one source of settings.
    #[must_use]
    pub fn source(&self) -> Source {
        [
            ("database-url", &self.database_url),
            ("admin-listen", &self.admin_listen),
            ("public-listen", &self.public_listen),
            ("pki-listen", &self.pki_listen),
            ("metrics-listen", &self.metrics_listen),
        ]
        .into_iter()
        .filter_map(|(name, value)| value.clone().map(|value| (name, value)))
        .collect()
    }
}

fn environment(text: &str) -> Result<Environment, String> {
    text.parse().map_err(|_| "'sandbox' or 'production' is wanted".to_owned())
}

fn https(text: &str) -> Result<String, String> {
    base(text, &["https"])
}

fn http(text: &str) -> Result<String, String> {
    base(text, &["http", "https"])
}

/// A base URL: it is baked into tokens and certificates, so nothing may follow its path.
fn base(text: &str, schemes: &[&str]) -> Result<String, String> {
    let url = url::Url::parse(text).map_err(|error| format!("it is no URL: {error}"))?;
    if !schemes.contains(&url.scheme()) || url.host().is_none() {
        return Err(format!("it must be {}://HOST", schemes.join(":// or ")));
    }
    if url.query().is_some() || url.fragment().is_some() || !url.username().is_empty() {
        return Err("it must have no query, fragment or user".to_owned());
    }
    Ok(text.trim_end_matches('/').to_owned())
}
