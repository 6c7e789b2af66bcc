//! Keys change while the node runs. What is unlocked follows the key rows: a housekeeping task compares their version once a
//! second, and an operation that meets a key-encryption key or a generation of the look-up columns that it does not know looks
//! once before it fails. No right rests on this: who is let in, the database says at every request.

use std::sync::Arc;

use super::{Keys, Unlocked};
use crate::store::Read;

impl Keys {
    /// What is unlocked, no older than the rows that this transaction sees.
    ///
    /// # Errors
    /// When the database cannot be reached, or the keys in it do not open.
    pub async fn as_of(&self, read: &mut Read) -> anyhow::Result<Arc<Unlocked>> {
        let now = self.now();
        if read.keys_version().await? <= now.version() {
            return Ok(now);
        }
        self.refresh(read).await
    }

    /// Takes this key-encryption key in, if any node of the instance could have it. Where that fails, what lies under it does not
    /// open, and says so itself: a suspension, for one, goes on.
    pub(crate) async fn learn(&self, read: &mut Read, kek_id: &str) {
        if self.now().ring().get(kek_id).is_none()
            && let Err(error) = self.as_of(read).await
        {
            tracing::error!(%error, "the keys could not be looked at again");
        }
    }

    /// Lets go of key-encryption keys.
    pub(super) fn let_go(&self, ids: &[String]) {
        self.unlocked.rcu(|there| Arc::new(there.without(ids)));
    }

    async fn refresh(&self, read: &mut Read) -> anyhow::Result<Arc<Unlocked>> {
        let rows = read.keys(None, None).await?;
        let fresh = Arc::new(Unlocked::of(self.now().ring().clone(), &self.instance, &rows)?);
        // Of two who refresh at once, the one that saw less must not have the last word.
        self.unlocked.rcu(|there| if there.version() < fresh.version() { Arc::clone(&fresh) } else { Arc::clone(there) });
        Ok(self.now())
    }
}
