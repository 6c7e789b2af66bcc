//! `iamctl job`.

use crate::noun::noun;

noun! {
    /// Long work done by the server in the background
    Verbs { List(list), Show(show), Wait(wait), Cancel(cancel) }
}
