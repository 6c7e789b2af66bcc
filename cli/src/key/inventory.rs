//! `iamctl key inventory`.

use api::inventory::{InventoryItem, ListInventory};
use clap::Args;
use domain::{Direction, ItemKind};

use crate::failure::Failure;
use crate::flags::ListFlags;
use crate::output::Answer;
use crate::session::Session;
use crate::verb::Verb;
use crate::words::word;

/// List every key and certificate in use, ours and the relying parties'
#[derive(Debug, Args)]
#[command(after_help = "The one that ends first stands at the top. Ours: generations of keys, the
certificates that the platform issued, and revocation lists that were signed
beforehand. Theirs: keys and certificates that relying parties brought, the
addresses of their key sets, and the copies of our key set that they are known
to hold. '-o wide' says what each is, whose, what depends on it, and what to do
next. Citizens' certificates are not in it: see 'iamctl cert list'.

Examples:
  iamctl key inventory
  iamctl key inventory --within 60 -o wide
  iamctl key inventory --direction theirs --holder sandbox-bank -o json")]
pub struct Inventory {
    /// Only this kind of thing
    #[arg(long, value_parser = word::<ItemKind>(ItemKind::WORDS))]
    kind: Option<ItemKind>,
    /// Only what is made on this side
    #[arg(long, value_parser = word::<Direction>(Direction::WORDS))]
    direction: Option<Direction>,
    /// Only this holder's: an operator, a relying party, a key; or platform
    #[arg(long, value_name = "ID")]
    holder: Option<String>,
    /// Only what ends within this many days, or has ended
    #[arg(long, value_name = "DAYS")]
    within: Option<u32>,
    #[command(flatten)]
    list: ListFlags,
}

impl Verb for Inventory {
    type Row = InventoryItem;

    async fn run(self, session: &Session) -> Result<Answer<InventoryItem>, Failure> {
        let op = ListInventory {
            kind: self.kind,
            direction: self.direction,
            holder: self.holder,
            ends_within_days: self.within,
            ..ListInventory::default()
        };
        session.list(op, &self.list)
    }
}
