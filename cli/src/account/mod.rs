//! `iamctl account`.

use crate::noun::noun;

noun! {
    /// Citizens' accounts; personal data is shown masked only
    Verbs { List(list), Show(show), Suspend(suspend), History(history), Import(import) }
}
