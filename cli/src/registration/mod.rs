//! `iamctl registration`.

use crate::noun::noun;

noun! {
    /// Registrations: how people came to their accounts, and the stations where they do
    Verbs { List(list), Show(show), Count(count); Station(station) }
}
