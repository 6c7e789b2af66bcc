//! `iamctl sandbox phone`.

use crate::noun::noun;

mod decide;
mod in_turn;

noun! {
    /// Virtual phones: approve and refuse what services ask of simulated citizens
    Verbs {
        List(list), Approve(approve), Refuse(refuse), LoginHint(login_hint), Auto(auto),
        /// What 'auto on' starts
        #[command(hide = true)]
        Watch(watch),
    }
}
