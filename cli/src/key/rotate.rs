//! `iamctl key rotate`.

use api::key::{RotateKey, RotatedKey};
use clap::Args;
use domain::{ActivateAt, KeyAlgorithm, KeyPurpose};

use crate::failure::Failure;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::{moment, word};

/// Publish the next key and let it take over from the active one
#[derive(Debug, Args)]
#[command(after_help = "The new key is published at once and becomes active after the publish interval,
when every relying party has fetched it. '--activate now' is for emergencies:
parties that still hold the old JWKS fail until they fetch it again.

Examples:
  iamctl key rotate --purpose token-signing
  iamctl key rotate --purpose token-signing --activate 2022-06-01T02:00:00+08:00
  iamctl key rotate --purpose token-signing --activate now --yes")]
pub struct Rotate {
    /// The purpose of the keys
    #[arg(long, value_parser = word::<KeyPurpose>(KeyPurpose::WORDS), hide_possible_values = true)]
    purpose: KeyPurpose,
    /// Only this algorithm; every one of the purpose when absent
    #[arg(long, value_parser = word::<KeyAlgorithm>(KeyAlgorithm::WORDS), hide_possible_values = true)]
    algorithm: Option<KeyAlgorithm>,
    /// When it takes over: 'now' or a time; after the publish interval when absent
    #[arg(long, value_name = "now|TIME", value_parser = activate)]
    activate: Option<ActivateAt>,
}

fn activate(text: &str) -> Result<ActivateAt, String> {
    if text == "now" { Ok(ActivateAt::Now) } else { moment(text).map(ActivateAt::Time) }
}

impl Verb for Rotate {
    type Row = RotatedKey;

    async fn run(self, session: &Session) -> Result<Answer<RotatedKey>, Failure> {
        let activate = self.activate.unwrap_or_default();
        let when = match activate {
            ActivateAt::AfterPublish => "it takes over after the publish interval".to_owned(),
            ActivateAt::Now => "it takes over NOW: parties that hold the old JWKS fail until they fetch it again".to_owned(),
            ActivateAt::Time(at) => format!("it takes over at {}", client::times::people(at)),
        };
        session.confirm::<RotateKey>(&format!("Make a new {} key; {when}?", self.purpose), self.purpose.as_str()).await?;
        let op = RotateKey { algorithm: self.algorithm, activate, ..RotateKey::of(self.purpose) };
        Ok(Answer::list(session.call(&op).await?))
    }
}
