//! `iamctl cert list`.

use api::certificate::{CertificateView, ListCertificates};
use clap::Args;
use clap::builder::PossibleValuesParser;
use domain::{CertificateState, HolderKind};
use pki::profile;

use super::days;
use crate::failure::Failure;
use crate::flags::{Format, ListFlags};
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List certificates, the one that ends first at the top
#[derive(Debug, Args)]
#[command(after_help = "A table leaves out what has expired, unless '--all' or '--state' is given; other
formats list it. Serials that were put on record and never became a certificate
are listed with '--state planned' alone.

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
    #[arg(long, value_parser = PossibleValuesParser::new(profile::ALL.iter().map(|profile| profile.name)), hide_possible_values = true)]
    profile: Option<String>,
    /// Only this state
    #[arg(long, value_parser = word::<CertificateState>(CertificateState::WORDS))]
    state: Option<CertificateState>,
    /// What has expired, too, in a table
    #[arg(long, conflicts_with = "state")]
    all: bool,
    /// Only what ends within this many days
    #[arg(long, value_name = "DAYS", value_parser = days, allow_negative_numbers = true)]
    within: Option<u32>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for List {
    type Row = CertificateView;

    async fn run(self, session: &Session) -> Result<Answer<CertificateView>, Failure> {
        // A list holds everything; who reads it on the screen is spared the dead, who stand at its top.
        let people = session.flags.output.is_none_or(|format| matches!(format, Format::Table | Format::Wide));
        let op = ListCertificates {
            holder_kind: self.kind,
            holder: self.holder,
            issuer: self.issuer,
            profile: self.profile,
            not_ended: people && !self.all && self.state.is_none(),
            state: self.state,
            ends_within_days: self.within,
            ..ListCertificates::default()
        };
        session.list(op, &self.list)
    }
}
