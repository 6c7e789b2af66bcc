//! `POST /enrol`, the one path of the admin listener that needs no certificate: a one-time code and a CSR become one.

use domain::{Environment, OperatorId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Role;

/// Path of the enrolment on the admin listener.
pub const PATH: &str = "/enrol";

/// A new operator's key, proven, and the code that was handed over by another way.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Enrol {
    /// The one-time code that `operator add` printed; good for ten minutes, once.
    pub code: String,
    /// PKCS#10 request, PEM. Only its key is used; the name comes from the record.
    pub csr: String,
}

/// The operator's certificate.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct Enrolled {
    /// Who this is.
    pub operator: OperatorId,
    /// The name on record.
    pub name: String,
    /// What they may do.
    pub roles: Vec<Role>,
    /// The certificate, PEM.
    pub certificate: String,
    /// Its issuers up to and without the root, PEM.
    pub chain: Vec<String>,
    /// The instance's id.
    pub instance: String,
    /// Sandbox or production.
    pub environment: Environment,
}
