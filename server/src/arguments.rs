//! The command line of `iamd`, and its man page.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use domain::Environment;

use crate::settings::{File, Source};

/// The headless identity platform server.
#[derive(Debug, Parser)]
#[command(
    name = "iamd",
    version,
    max_term_width = 100,
    after_help = "\
Settings: a flag, then IAMD_* in the environment, then iamd.yaml in the data folder, then the default.\n\
Logs are JSON lines on stderr; RUST_LOG filters them."
)]
pub struct Arguments {
    /// What to do.
    #[command(subcommand)]
    pub verb: Verb,
}

/// The verbs.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Make a new instance
    Init(Init),
    /// Make another node of an instance on PostgreSQL
    Join(Join),
    /// Serve in the foreground; SIGTERM drains and stops
    Serve(Node),
    /// Look over configuration, files, keys, database, schema, clock and disk
    Check(Node),
    /// Bring the database's schema up to this version
    Migrate(Node),
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
    /// Base of the public interface, baked in [default: https://localhost and the public port]
    #[arg(long, value_name = "URL", value_parser = https)]
    pub public_url: Option<String>,
    /// Base under which certificates and revocation lists are published, baked in [default: http://localhost and the pki port]
    #[arg(long, value_name = "URL", value_parser = http)]
    pub pki_url: Option<String>,
    /// Settings.
    #[command(flatten)]
    pub node: NodeSettings,
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

/// Writes `iamd.8` into a folder.
///
/// # Errors
/// When it cannot be written.
pub fn write_man(to: &Path) -> anyhow::Result<()> {
    let command = Arguments::command();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let about = about.strip_prefix("The ").unwrap_or(&about);
    let verbs: Vec<&str> = command.get_subcommands().filter(|verb| !verb.is_hide_set()).map(clap::Command::get_name).collect();
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).section("8").manual("iAM Smart operations").date("");
    man.render_title(&mut page)?;
    page.extend_from_slice(format!(".SH NAME\niamd \\- {about}\n.SH SYNOPSIS\n").as_bytes());
    for verb in &verbs {
        page.extend_from_slice(format!("\\fBiamd {verb}\\fR [\\fIflags\\fR]\n.br\n").as_bytes());
    }
    page.extend_from_slice(b".SH DESCRIPTION\n");
    page.extend_from_slice(command.get_after_help().map(ToString::to_string).unwrap_or_default().as_bytes());
    page.push(b'\n');
    for verb in Arguments::command().get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let mut options = Vec::new();
        clap_mangen::Man::new(verb.clone()).render_options_section(&mut options)?;
        let (name, about) = (verb.get_name().to_uppercase(), verb.get_about().map(ToString::to_string).unwrap_or_default());
        page.extend_from_slice(format!(".SH \"IAMD {name}\"\n{about}.\n").as_bytes());
        // Behind the preamble and the heading, which the page has already.
        let lines = options.split_inclusive(|byte| *byte == b'\n').skip_while(|line| *line != b".SH OPTIONS\n").skip(1);
        page.extend(lines.flatten());
    }
    page.extend_from_slice(REST.as_bytes());
    std::fs::write(to.join("iamd.8"), page).with_context(|| format!("cannot write to {}", to.display()))
}

const REST: &str = r".SH EXIT STATUS
.TP
0
done
.TP
1
failed; 'check' found something wrong
.TP
2
usage, or a setting that is wrong
.TP
9
the database cannot be reached: try again
.SH FILES
.TP
DIR/iamd.yaml
settings of the node
.TP
DIR/iam.db
the database, unless \-\-database\-url names another
.TP
DIR/key\-encryption.key
the only secret outside the database, mode 0600; without it nothing in the database can be opened
.TP
DIR/first\-operator/context.yaml
the first operator's way in, for 'iamctl context import'
.SH EXAMPLES
.nf
iamd init \-\-data\-dir ./demo \-\-environment sandbox
iamd serve \-\-data\-dir ./demo
iamd check \-\-data\-dir ./demo
iamd join \-\-data\-dir ./node\-2 \-\-database\-url postgres://iam@db.example/iam \-\-key\-file key\-encryption.key
.fi
";
