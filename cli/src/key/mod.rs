//! `iamctl key`.

use crate::noun::noun;

noun! {
    /// Keys of the platform, generation by generation
    Verbs { List(list), Show(show), Inventory(inventory), Calendar(calendar), Plan(plan), Rotate(rotate), Pause(pause), Resume(resume), Abort(abort), Revoke(revoke) }
}
