//! `iamctl sandbox`.

use crate::noun::noun;

noun! {
    /// What exists on a sandbox instance only
    Verbs {
        Populate(populate);
        Citizen(citizen), Phone(phone),
    }
}
