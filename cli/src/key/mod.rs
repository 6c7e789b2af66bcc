//! `iamctl key`.

use crate::noun::noun;

noun! {
    /// Keys of the platform, generation by generation
    Verbs { List(list), Show(show), Rotate(rotate), Revoke(revoke) }
}
