//! `iamctl cert list`.

use api::certificate::{CertificateView, ListCertificates};
use clap::Args;
use domain::{CertificateState, HolderKind};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List certificates, the one that ends first at the top
#[derive(Debug, Args)]
#[command(after_help = "Serial numbers that were put on record and never became a certificate are
listed with '--state planned' and not otherwise.

Examples:
  iamctl cert list --state valid --within 60
  iamctl cert list --holder inland-revenue-department -o json
  iamctl cert list --kind relying-party --state revoked -o wide")]
pub struct List {
    /// Only this kind of holder
    #[arg(long, value_name = "KIND", value_parser = word::<HolderKind>(HolderKind::WORDS))]
    kind: Option<HolderKind>,
    /// Only this holder: an operator, a relying party, an account or a key
    #[arg(long, value_name = "ID")]
    holder: Option<String>,
    /// Only what this authority issued
    #[arg(long, value_name = "NAME")]
    issuer: Option<String>,
    /// Only this profile
    #[arg(long)]
    profile: Option<String>,
    /// Only this state
    #[arg(long, value_parser = word::<CertificateState>(CertificateState::WORDS))]
    state: Option<CertificateState>,
    /// Only what ends within this many days
    #[arg(long, value_name = "DAYS")]
    within: Option<u32>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = CertificateView;

    async fn run(self, session: &Session) -> Result<Answer<CertificateView>, Failure> {
        let op = ListCertificates {
            holder_kind: self.kind,
            holder: self.holder,
            issuer: self.issuer,
            profile: self.profile,
            state: self.state,
            ends_within_days: self.within,
            ..ListCertificates::default()
        };
        session.list(op, &self.list)
    }
}
