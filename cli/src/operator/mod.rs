//! `iamctl operator`.

use crate::noun::noun;

noun! {
    /// Operators: who may use the admin listener, and as what
    Verbs { Add(add), List(list), Show(show), Disable(disable), Enable(enable) }
}
