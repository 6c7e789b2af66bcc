//! `iamctl audit`.

mod offline;
mod stamps;

use crate::noun::noun;

noun! {
    /// The audit log: who did what, to whom, why
    Verbs {
        #[command(visible_alias = "log")]
        List(list),
        Show(show),
        Verify(verify),
        Export(export),
    }
}
