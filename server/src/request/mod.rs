//! What services ask of citizens: asked, taken up and shown, approved or refused, redeemed. The core under every protocol that
//! relying parties speak: a face asks here and redeems here, and touches no account and no device itself.
//!
//! Whoever redeems, or lets personal data go, keeps the account's row and the party's state as they are until its commit; whoever
//! suspends one waits for that, and ends everything it finds. So what was acknowledged as suspended has no success after it.
//! Locks are taken in one order: the party, the account, the request.

mod ask;
mod decide;
mod end;
mod guesses;
mod link;
mod outcome;
mod redeem;
mod shown;

pub use ask::{Ask, Asked, Door, ask};
pub use decide::{Device, approve, refuse, take_up};
pub use end::{cancel, expire_due};
pub use guesses::Guesses;
pub use link::{LINK_PATH, PAGE_PATH, app_link, read_link};
pub(crate) use outcome::record_ended;
pub use redeem::{NotRedeemed, Redeemed, redeem};
pub use shown::Named;
