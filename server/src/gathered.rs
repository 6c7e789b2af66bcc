//! Reads that several share. Those who ask for the same thing while somebody else's read is under way share the next one, which
//! begins after they asked: so each is answered by the database as it is, no copy is kept, and a busy client costs little more than
//! a quiet one.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::{BoxFuture, Shared};
use tokio::time::Instant;

use crate::failure::Failure;

/// How far apart two reads of the same thing begin: whoever asks in between waits for so long at most.
const APART: Duration = Duration::from_millis(1);
/// The most things of which it is remembered when they were last read.
const MOST: usize = 1_024;

/// Reads of one kind of thing.
pub struct Gathered<K, V>(Arc<Mutex<HashMap<K, Slot<V>>>>);

type Next<V> = Shared<BoxFuture<'static, Result<Arc<V>, Arc<Failure>>>>;

struct Slot<V> {
    /// The read that has not begun yet.
    next: Option<Next<V>>,
    /// When the one before began.
    began: Option<Instant>,
}

impl<K, V> Default for Gathered<K, V> {
    fn default() -> Self {
        Self(Arc::default())
    }
}

impl<K, V> Gathered<K, V>
where
    K: Clone + Eq + Hash + Send + 'static,
    V: Send + Sync + 'static,
{
    /// Reads a thing. `read` begins after this was called; of several calls that share one, the first one's is used.
    ///
    /// # Errors
    /// As `read`; everybody who shares it has the same.
    pub async fn read<F>(&self, key: K, read: impl FnOnce() -> F + Send + 'static) -> Result<Arc<V>, Failure>
    where
        F: Future<Output = Result<V, Failure>> + Send,
    {
        let next = self.join(key, read);
        next.await.map_err(|failure| failure.told_again())
    }

    fn join<F>(&self, key: K, read: impl FnOnce() -> F + Send + 'static) -> Next<V>
    where
        F: Future<Output = Result<V, Failure>> + Send,
    {
        let mut slots = lock(&self.0);
        if slots.len() >= MOST && !slots.contains_key(&key) {
            slots.retain(|_, slot| slot.next.is_some());
        }
        let slot = slots.entry(key.clone()).or_insert(Slot { next: None, began: None });
        if let Some(next) = &slot.next {
            return next.clone();
        }
        let (all, begins) = (Arc::clone(&self.0), slot.began.map(|began| began + APART));
        let next = async move {
            if let Some(begins) = begins {
                tokio::time::sleep_until(begins).await;
            }
            // Whoever comes from now on has come too late for this one.
            if let Some(slot) = lock(&all).get_mut(&key) {
                *slot = Slot { next: None, began: Some(Instant::now()) };
            }
            read().await.map(Arc::new).map_err(Arc::new)
        };
        let next = next.boxed().shared();
        slot.next = Some(next.clone());
        next
    }
}

fn lock<K, V>(slots: &Mutex<HashMap<K, Slot<V>>>) -> MutexGuard<'_, HashMap<K, Slot<V>>> {
    slots.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicU32, Ordering};

    use futures_util::future::join_all;
    use tokio::sync::Semaphore;

    use super::*;

    #[tokio::test]
    async fn whoever_asks_is_answered_by_a_read_that_began_afterwards() {
        let gathered = Gathered::<&str, u32>::default();
        let (reads, open) = (Arc::new(AtomicU32::new(0)), Arc::new(Semaphore::new(0)));
        let ask = |key| {
            let (reads, open) = (Arc::clone(&reads), Arc::clone(&open));
            gathered.read(key, move || async move {
                let read = reads.fetch_add(1, Ordering::SeqCst) + 1;
                open.acquire().await.unwrap().forget();
                Ok(read)
            })
        };
        let told = |answers: Vec<Result<Arc<u32>, Failure>>| answers.into_iter().map(|read| *read.unwrap()).collect::<Vec<_>>();
        let mut first = Box::pin(ask("a"));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        assert_eq!(reads.load(Ordering::SeqCst), 1, "it has begun");
        open.add_permits(2);
        let answers = join_all([first, Box::pin(ask("a")), Box::pin(ask("a"))]).await;
        assert_eq!(told(answers), [1, 2, 2], "those who came when the first was under way share the next");
        open.add_permits(2);
        assert_eq!(told(join_all([ask("a"), ask("b")]).await).len(), 2);
        assert_eq!(reads.load(Ordering::SeqCst), 4, "another thing is another read");
    }

    #[tokio::test]
    async fn whoever_goes_away_keeps_nobody_from_being_answered() {
        let gathered = Gathered::<(), u32>::default();
        gathered.read((), || async { Ok(1) }).await.unwrap();
        let mut goes = Box::pin(gathered.read((), || async { Ok(2) }));
        assert!(futures_util::poll!(goes.as_mut()).is_pending(), "it waits for its time");
        drop(goes);
        assert_eq!(*gathered.read((), || async { Ok(3) }).await.unwrap(), 2, "by the read that the other had begun to wait for");
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_away_for_all_who_share_the_question() {
        let gathered = Gathered::<(), u32>::default();
        let away = || async { Err(Failure::Unavailable { code: "store.unavailable", message: "away".into(), hint: None }) };
        let answers = join_all([gathered.read((), away), gathered.read((), away)]).await;
        assert!(answers.into_iter().all(|answer| answer.unwrap_err().code() == "store.unavailable"));
    }
}
