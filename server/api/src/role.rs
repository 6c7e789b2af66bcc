//! Roles as data. What a role may do is the union of the operations that name it in `ROLES`.

use std::fmt;
use std::str::FromStr;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What an operator is trusted with. Kept in the database, never in a certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Role {
    /// Operators, jobs, the instance itself.
    Administrator,
    /// Relying parties and their services.
    RpOfficer,
    /// Keys and certificates.
    KeyOfficer,
    /// Answers the 24-hour hotline; may suspend.
    HotlineAgent,
    /// Watches over the hotline; may look into an account's history.
    HotlineSupervisor,
    /// Brings accounts on to the platform.
    RegistrationOfficer,
    /// Figures for the Legislative Council.
    Statistician,
    /// Reads everything that was done, changes nothing.
    Auditor,
}

impl Role {
    /// Every role.
    pub const ALL: &'static [Self] = &[
        Self::Administrator,
        Self::RpOfficer,
        Self::KeyOfficer,
        Self::HotlineAgent,
        Self::HotlineSupervisor,
        Self::RegistrationOfficer,
        Self::Statistician,
        Self::Auditor,
    ];

    /// The word used on the wire and on the command line.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Administrator => "administrator",
            Self::RpOfficer => "rp-officer",
            Self::KeyOfficer => "key-officer",
            Self::HotlineAgent => "hotline-agent",
            Self::HotlineSupervisor => "hotline-supervisor",
            Self::RegistrationOfficer => "registration-officer",
            Self::Statistician => "statistician",
            Self::Auditor => "auditor",
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The word is no role.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "no such role; the roles are administrator, rp-officer, key-officer, hotline-agent, hotline-supervisor, registration-officer, statistician, auditor"
)]
pub struct UnknownRole;

impl FromStr for Role {
    type Err = UnknownRole;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL.iter().copied().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}
