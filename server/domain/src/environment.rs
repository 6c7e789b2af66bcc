//! The two kinds of installation.

use crate::wire::words;

words! {
    /// Fixed when an instance is created and stamped into its certificates.
    pub enum Environment, "environment" {
        /// Test data only: simulated citizens, virtual phones, relying parties trying things out.
        Sandbox = 1 => "sandbox",
        /// Real people.
        Production = 2 => "production",
    }
}
