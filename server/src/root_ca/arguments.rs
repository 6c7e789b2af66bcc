//! The command line of `iamd ca`.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use domain::RevocationReason;

use super::token::KeyId;
use crate::arguments::Node;

/// The verbs around the root's key.
#[derive(Debug, Subcommand)]
pub enum Ca {
    /// Write down what the root is to sign, for the machine that has its key
    Request(Ask),
    /// Let the root certify every issuing authority that waits
    Issue(Sign),
    /// Let the root sign the next stock of its revocation lists: a year and a month, one for each day
    Crl(Sign),
    /// Let the root revoke issuing authorities, and sign a stock of lists that says so
    Revoke(Revoke),
    /// Take in what the root has signed
    Install(Install),
}

/// `iamd ca request`.
#[derive(Debug, Args)]
pub struct Ask {
    /// The node.
    #[command(flatten)]
    pub node: Node,
    /// File to write; nothing in it is secret
    #[arg(long, value_name = "FILE")]
    pub to: PathBuf,
}

/// Where the root's key is asked for: with papers, or at a node that has the key beside it.
#[derive(Debug, Args)]
#[command(group(clap::ArgGroup::new("where").required(true).args(["data_dir", "request"])))]
pub struct Sign {
    /// Folder of a node that the key was brought to: asked, signed and taken in at once
    #[arg(long, value_name = "DIR")]
    pub data_dir: Option<PathBuf>,
    /// What 'iamd ca request' wrote
    #[arg(long, value_name = "FILE", requires = "to")]
    pub request: Option<PathBuf>,
    /// File to write, for 'iamd ca install'
    #[arg(long, value_name = "FILE", requires = "request")]
    pub to: Option<PathBuf>,
    /// The root's private key, PKCS#8 in PEM, mode 0600; where it is encrypted, the passphrase is asked for [default: the node's token, where 'iamd init' made it there, else DIR/root-ca.key]
    #[arg(long, value_name = "FILE", required_unless_present_any = ["data_dir", "root_token"], conflicts_with = "root_token")]
    pub root_key: Option<PathBuf>,
    /// Read the passphrase of the key from this open file, rather than from the terminal
    #[arg(long, value_name = "N", conflicts_with = "root_token")]
    pub passphrase_fd: Option<u32>,
    /// The token, where the root's key lies in one.
    #[command(flatten)]
    pub token: RootToken,
    /// Which key of it.
    #[command(flatten)]
    pub name: RootName,
}

/// The token with the root's key.
#[derive(Debug, Args)]
pub struct RootToken {
    /// Label of a PKCS#11 token of the root's own, which is kept away
    #[arg(long, value_name = "LABEL", requires = "root_module")]
    pub root_token: Option<String>,
    /// PKCS#11 library of that token
    #[arg(long, value_name = "FILE", requires = "root_token")]
    pub root_module: Option<PathBuf>,
    /// Its PIN.
    #[command(flatten)]
    pub pin: TokenPin,
}

/// How the token's user PIN is given; without either it is asked for on the terminal.
#[derive(Debug, Args)]
pub struct TokenPin {
    /// File of mode 0600 with that token's user PIN; without it the PIN is asked for on the terminal, and tried once
    #[arg(long, value_name = "FILE", requires = "root_token")]
    pub root_pin_file: Option<PathBuf>,
    /// Read the PIN from this open file
    #[arg(long, value_name = "N", requires = "root_token", conflicts_with = "root_pin_file")]
    pub root_pin_fd: Option<u32>,
}

/// Which key of the token is the root's.
#[derive(Debug, Args)]
pub struct RootName {
    /// Label of the root's key in that token [default: INSTANCE/root-1]
    #[arg(long, value_name = "LABEL", requires = "root_token")]
    pub root_label: Option<String>,
    /// Id of the root's key in that token (CKA_ID), hex
    #[arg(long, value_name = "HEX", requires = "root_token", conflicts_with = "root_label")]
    pub root_id: Option<KeyId>,
}

/// `iamd ca revoke`.
#[derive(Debug, Args)]
pub struct Revoke {
    /// NAMEs of authorities: operators-1
    #[arg(value_name = "NAME", required = true)]
    pub names: Vec<String>,
    /// Why: ca-compromise, superseded, cessation-of-operation …
    #[arg(long, value_name = "REASON", value_parser = reason)]
    pub reason: RevocationReason,
    /// Where.
    #[command(flatten)]
    pub sign: Sign,
}

/// `iamd ca install`.
#[derive(Debug, Args)]
pub struct Install {
    /// The node.
    #[command(flatten)]
    pub node: Node,
    /// What 'iamd ca issue', 'crl' or 'revoke' wrote
    #[arg(long, value_name = "FILE")]
    pub from: PathBuf,
}

fn reason(text: &str) -> Result<RevocationReason, String> {
    let known = || RevocationReason::ALL.iter().filter(|reason| reason.check_for_key().is_ok()).map(|reason| reason.as_str());
    let found = text.parse().ok().filter(|reason: &RevocationReason| reason.check_for_key().is_ok());
    found.ok_or_else(|| format!("one of {} is wanted", known().collect::<Vec<_>>().join(", ")))
}
