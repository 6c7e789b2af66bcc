//! `iamctl rp credential`.

use crate::noun::noun;

noun! {
    /// Credentials of relying parties: several at once, so that old and new overlap
    Verbs { Add(add), List(list), Revoke(revoke), Leaked(leaked), Ack(ack) }
}
