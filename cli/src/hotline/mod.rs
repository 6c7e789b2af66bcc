//! `iamctl hotline`.

use crate::noun::noun;

noun! {
    /// The 24-hour hotline: open a call, find the caller, suspend the account, close the call
    Verbs { Open(open), Find(find), Suspend(suspend), Close(close) }
}
