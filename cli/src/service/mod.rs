//! `iamctl service`.

use crate::noun::noun;

noun! {
    /// Services: what citizens use, each run by one relying party
    Verbs { List(list), Show(show) }
}
