//! What this platform asks of the records of the Immigration Department, over HTTP with mutual TLS, and what it is told.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::registration::Card;

/// `POST` [`IdentityCheck`]: [`IdentityAnswer`].
pub const IDENTITY_CHECKS: &str = "/v1/identity-checks";

/// Is this what the records say?
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct IdentityCheck {
    /// What the card says.
    pub card: Card,
}

/// What the records say of a card.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct IdentityAnswer {
    /// In a word.
    pub verdict: RecordVerdict,
}

/// Whether a card is its holder's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RecordVerdict {
    /// It is, in every particular that was given.
    Valid,
    /// There is no such card.
    NotOnRecord,
    /// The records say something else.
    DetailsDiffer,
    /// It was reported lost, has been replaced, or its holder has died.
    CardNotValid,
}
