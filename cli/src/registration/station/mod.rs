//! `iamctl registration station`.

use crate::noun::noun;

noun! {
    /// Stations where people register: kiosks, counters, mobile teams, each with a certificate
    Verbs { Add(add), List(list), Retire(retire) }
}
