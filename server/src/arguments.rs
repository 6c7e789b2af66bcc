//! The command line of `iamd`, and its man page.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, CommandFactory, Parser, Subcommand};
use domain::Environment;

use crate::settings::{File, KeysFile, Source, explained};

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
    /// Settings.
    #[command(flatten)]
    pub node: NodeSettings,
    /// Where keys are made.
    #[command(flatten)]
    pub keys: KeySettings,
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
    /// Say that this machine's clock is right, after more than a day switched off on production: certificates and lists are signed at once, not after a day
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

/// Writes `iamd.8` into a folder.
///
/// # Errors
/// When it cannot be written.
pub fn write_man(to: &Path) -> anyhow::Result<()> {
    let command = Arguments::command();
    let about = command.get_about().map(ToString::to_string).unwrap_or_default();
    let about = about.strip_prefix("The ").unwrap_or(&about);
    let verbs = verbs(&command);
    let mut page = Vec::new();
    let man = clap_mangen::Man::new(command.clone()).section("8").manual("iAM Smart operations").date("");
    man.render_title(&mut page)?;
    page.extend_from_slice(format!(".SH NAME\niamd \\- {about}\n.SH SYNOPSIS\n").as_bytes());
    for (verb, _) in &verbs {
        page.extend_from_slice(format!("\\fBiamd {verb}\\fR [\\fIflags\\fR]\n.br\n").as_bytes());
    }
    page.extend_from_slice(b".SH DESCRIPTION\n");
    page.extend_from_slice(command.get_after_help().map(ToString::to_string).unwrap_or_default().as_bytes());
    page.push(b'\n');
    for (name, verb) in verbs {
        let mut options = Vec::new();
        clap_mangen::Man::new(verb.clone()).render_options_section(&mut options)?;
        let (name, about) = (name.to_uppercase(), verb.get_about().map(ToString::to_string).unwrap_or_default());
        page.extend_from_slice(format!(".SH \"IAMD {name}\"\n{about}.\n").as_bytes());
        // Behind the preamble and the heading, which the page has already.
        let lines = options.split_inclusive(|byte| *byte == b'\n').skip_while(|line| *line != b".SH OPTIONS\n").skip(1);
        page.extend(lines.flatten());
    }
    page.extend_from_slice(b".SH SETTINGS\nIn iamd.yaml; as a variable, crlNextUpdate is IAMD_CRL_NEXT_UPDATE.\n");
    for setting in explained::EXPLAINED {
        let text = format!(".TP\n{}\n{} [default: {}]\n", setting.place(), setting.meaning, setting.default);
        page.extend_from_slice(text.replace('-', "\\-").as_bytes());
    }
    page.extend_from_slice(REST.as_bytes());
    std::fs::write(to.join("iamd.8"), page).with_context(|| format!("cannot write to {}", to.display()))
}

/// The verbs that are shown, each with its name behind `iamd`: `ca issue`.
fn verbs(command: &clap::Command) -> Vec<(String, clap::Command)> {
    let mut all = Vec::new();
    for verb in command.get_subcommands().filter(|verb| !verb.is_hide_set()) {
        let name = verb.get_name();
        let within = verb.get_subcommands().filter(|inner| !inner.is_hide_set());
        all.extend(within.map(|inner| (format!("{name} {}", inner.get_name()), inner.clone())));
        if !verb.has_subcommands() {
            all.push((name.to_owned(), verb.clone()));
        }
    }
    all
}

const REST: &str = r#".SH EXIT STATUS
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
the database or the token cannot be reached: try again
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
.TP
DIR/anchor.json
how far the node has seen the instance come; a database that is behind it is not served
.TP
DIR/root\-ca.key
the root authority's key: needed by \fBiamd ca issue\fR, \fBcrl\fR and \fBrevoke\fR alone, and to be kept away from the node. Encrypt it with:
openssl pkcs8 \-topk8 \-in root\-ca.key \-out FILE
.TP
root\-ca.records
beside the root's key: what it was about to sign, serial number and digest, before it did
.TP
DIR/restored.json
there from a restore until its proof: the node is not served
.SH BACKUPS
A backup is one encrypted file: the database as it is at one moment (SQLite), the key\-encryption key, the first operator's way in,
the settings, and the anchor: the newest checkpoint of the audit log and the numbers of the revocation lists. It is made while the
node is served or not, and is in the audit log. A certificate to encrypt to is made with:
.PP
.nf
openssl req \-x509 \-newkey ec \-pkeyopt ec_paramgen_curve:P\-384 \-days 3650 \-subj "/CN=Backup keeper" \-keyout keeper.key \-out keeper.crt
.fi
.PP
Its key, which openssl encrypts under a passphrase, is kept away from the node. Without \fB\-\-recipient\fR the backup opens with a
passphrase, which is asked for on the terminal and comes in no other way.
.PP
On PostgreSQL the backup holds all but the database, which PostgreSQL's own tools back up. First the backup, then the dump; and back
first the database, then the backup:
.PP
.nf
iamd backup \-\-data\-dir DIR \-\-to keys.bak \-\-recipient keeper.crt
pg_dump \-\-format=custom \-\-file=iam.dump postgres://iam@db.example/iam
.PP
createdb \-\-template=template0 \-\-encoding=UTF8 \-\-lc\-collate=C \-\-lc\-ctype=C.UTF\-8 iam
pg_restore \-\-exit\-on\-error \-\-no\-owner \-\-dbname=postgres://iam@db.example/iam iam.dump
iamd restore \-\-data\-dir DIR \-\-from keys.bak \-\-key keeper.key
.fi
.PP
A dump from before the backup is refused: the anchor in the backup would be ahead of it. A base backup with archived log, restored to
its end, needs no more than a backup made any time before that end; after each rotation of the key\-encryption key make a new one.
.PP
What was restored is not served before \fBiamd restore \-\-prove\fR has compared it with what the world has seen of the instance: the
newest checkpoint that an auditor has, and the newest revocation list of each authority (relying parties and mirrors keep them). Where
it is behind, it says by how much and stays closed: restore something newer, or answer for the loss with \fB\-\-accept\-loss\fR. Then
whatever the lists name is revoked here, too, the numbers of the next lists jump ahead by a million, so that none is ever given twice,
and the audit log has the loss for ever, as a fork. Where nothing outside was kept, \fB\-\-accept\-loss\fR is the only way. Other nodes
of an instance on PostgreSQL are made again with \fBiamd join\fR.
.PP
A backup remembers whom the instance has forgotten: an account that was closed is open in it, and its data key is there, until the
backup itself is destroyed. Keep none for longer than the erasure of a person may take, and after a restore close again what was closed.
.SH THE ROOT'S KEY
The root certifies issuing authorities, revokes them, and signs its own revocation lists: a year and a month of them at a time, one
for each day. Nothing else needs its key, so it is kept on a machine apart, which needs no database. Files go there and back; nothing
in them is secret, and each is looked at when it arrives:
.PP
.nf
iamctl key rotate \-\-purpose issuing\-ca \-\-line operators        (the key officer begins; the plan says what it waits for)
iamd ca request \-\-data\-dir DIR \-\-to request.json              (at a node)
iamd ca issue \-\-request request.json \-\-root\-key root\-ca.key \-\-to answer.json      (where the root's key is)
iamd ca install \-\-data\-dir DIR \-\-from answer.json             (at a node; it may be serving)
.fi
.PP
The new authority takes over on its date, when it has a responder and a list and what it has issued is proven to verify. The old one
answers for what it has issued until the last of it has ended. \fBiamd ca crl\fR goes the same way before the lists run out:
\fBiamctl doctor\fR, \fB/readyz\fR and the metric \fBiam_root_lists_days\fR say so from 60 days on. \fBiamd ca revoke\fR refuses an
authority from the moment its answer is taken in, with every certificate that it has issued.
.SH KEYS IN A TOKEN
By default every private key lies wrapped in the database, under DIR/key\-encryption.key. With
.PP
.nf
keys:
  provider: pkcs11
  module: /usr/lib/softhsm/libsofthsm2.so
  token: identity
  pinFile: /etc/iam/token.pin
.fi
.PP
the keys of authorities, tokens, revocation answers, time stamps and audit checkpoints are made in a PKCS#11 token and never
leave it. This is decided by 'iamd init' (\-\-keys\-provider and the other flags) for the life of the instance; every node of it
reaches the same token. The key\-encryption key stays a file; the listeners' key, which TLS needs in memory, and the secrets
that sign nothing stay wrapped under it. A checkpoint key does as well where the token makes no Ed25519 keys.
.PP
The PIN file has mode 0600 and one line. A PIN that the token refused is not given again until the file holds another one or
iamd is started anew, and none is given at the token's final try, so that nothing here locks it.
.PP
Nobody waits for a signature longer than 5 seconds. While the token is away, what needs a new signature is refused with
keys.token\-unavailable, the audit log is sealed later, and everything else goes on; /readyz, 'iamctl doctor' and the metric
iam_signing_token_up say so, and iamd finds the token by itself when it is back.
.PP
A backup does not hold these keys: back the token up by its maker's own means. A token in software to try all this with is
made by 'softhsm2\-util \-\-init\-token \-\-free \-\-label identity', which asks for its PINs.
.SH EXAMPLES
.nf
iamd init \-\-data\-dir ./demo \-\-environment sandbox
iamd serve \-\-data\-dir ./demo
iamd check \-\-data\-dir ./demo
iamd init \-\-data\-dir ./demo \-\-environment sandbox \-\-keys\-provider pkcs11 \-\-keys\-token identity \\
  \-\-keys\-module /usr/lib/softhsm/libsofthsm2.so \-\-keys\-pin\-file /etc/iam/token.pin
iamd join \-\-data\-dir ./node\-2 \-\-database\-url postgres://iam@db.example/iam \-\-key\-file key\-encryption.key
iamd backup \-\-data\-dir ./demo \-\-to /backups/demo\-2026\-11\-22.bak \-\-recipient keeper.crt
iamd restore \-\-data\-dir ./again \-\-from /backups/demo\-2026\-11\-22.bak \-\-key keeper.key
iamd restore \-\-data\-dir ./again \-\-prove \-\-checkpoint export/checkpoints/1234 \-\-crl root\-1.crl \-\-crl operators\-1.crl
.fi
"#;
