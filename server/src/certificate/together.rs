//! Commits that several share. Those who come while one is under way share the next: a commit is as dear for one as for many.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::failure::Failure;

/// The most that one commit takes along.
const MOST: usize = 500;

/// What became of one of those that shared a commit.
pub type Verdict = Result<(), Failure>;

/// What waits for a commit.
pub struct Together<T> {
    waiting: Mutex<Vec<Waiting<T>>>,
    turn: tokio::sync::Mutex<()>,
    tickets: AtomicU64,
}

struct Waiting<T> {
    ticket: u64,
    item: T,
    told: oneshot::Sender<Verdict>,
}

impl<T> Default for Together<T> {
    fn default() -> Self {
        Self { waiting: Mutex::default(), turn: tokio::sync::Mutex::default(), tickets: AtomicU64::default() }
    }
}

impl<T: Clone> Together<T> {
    /// Has `item` committed by `put`, with those of others, and gives what became of it.
    ///
    /// `put` makes one commit of what it is given, and says of each, in the same order, whether it was refused; an error of `put`
    /// means that nothing was written. It may be given what is in the database already: whoever had the turn before may have gone
    /// away after its commit, and told nobody whom it had taken along.
    ///
    /// # Errors
    /// The item's own refusal, and when the database does not take it.
    pub async fn commit<F>(&self, item: T, put: impl Fn(Vec<T>) -> F) -> Verdict
    where
        F: Future<Output = Result<Vec<Verdict>, Failure>>,
    {
        let mut most = MOST;
        loop {
            let (ticket, mut told) = self.wait(item.clone());
            let _turn = self.turn.lock().await;
            match told.try_recv() {
                // Whoever had the turn before took this one along.
                Ok(verdict) => return verdict,
                // Whoever took it along went away, or failed for a reason that may be another's: once more, on one's own account.
                Err(oneshot::error::TryRecvError::Closed) => {
                    most = 1;
                    continue;
                }
                Err(oneshot::error::TryRecvError::Empty) => {}
            }
            let batch = self.take(ticket, most);
            let items = batch.iter().map(|waiting| waiting.item.clone()).collect();
            match put(items).await {
                Ok(verdicts) => {
                    let mut own = Ok(());
                    for (waiting, verdict) in batch.into_iter().zip(verdicts) {
                        if waiting.ticket == ticket {
                            own = verdict;
                        } else {
                            // Who went away meanwhile hears nothing; what was written stays.
                            let _ = waiting.told.send(verdict);
                        }
                    }
                    return own;
                }
                Err(Failure::Unavailable { code, message, hint }) => {
                    // It is everybody's: nobody waits for the same once more.
                    let away = || Failure::Unavailable { code, message: message.clone(), hint: hint.clone() };
                    for waiting in batch.into_iter().filter(|waiting| waiting.ticket != ticket) {
                        let _ = waiting.told.send(Err(away()));
                    }
                    return Err(away());
                }
                Err(error) if batch.len() == 1 => return Err(error),
                Err(_) => most = 1,
            }
        }
    }

    fn wait(&self, item: T) -> (u64, oneshot::Receiver<Verdict>) {
        let (told, hears) = oneshot::channel();
        let ticket = self.tickets.fetch_add(1, Ordering::Relaxed);
        self.lock().push(Waiting { ticket, item, told });
        (ticket, hears)
    }

    /// The own one and those of others, the oldest first. Of those who went away nothing is kept.
    fn take(&self, own: u64, most: usize) -> Vec<Waiting<T>> {
        let mut all = self.lock();
        all.retain(|waiting| !waiting.told.is_closed());
        let own = all.iter().position(|waiting| waiting.ticket == own);
        let mut batch: Vec<Waiting<T>> = own.map(|at| all.remove(at)).into_iter().collect();
        let others = all.len().min(most - 1);
        batch.extend(all.drain(..others));
        batch
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting<T>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::pin::pin;
    use std::sync::Arc;

    use domain::Refusal;
    use tokio::sync::Semaphore;

    use super::*;

    /// A database that keeps the first commit waiting, refuses the odd and breaks at 13.
    #[derive(Default)]
    struct Office {
        together: Together<u32>,
        commits: Mutex<Vec<Vec<u32>>>,
    }

    impl Office {
        async fn put(&self, items: Vec<u32>, open: &Semaphore) -> Result<Vec<Verdict>, Failure> {
            open.acquire().await.unwrap().forget();
            self.commits.lock().unwrap().push(items.clone());
            if items.contains(&13) {
                return Err(Failure::Conflict(Refusal::new("store.contended", "13")));
            }
            if items.contains(&99) {
                return Err(Failure::Unavailable { code: "store.unavailable", message: "away".into(), hint: None });
            }
            let refused = |item: u32| Err(Refusal::new("cert.account", item.to_string()).into());
            Ok(items.into_iter().map(|item| if item % 2 == 0 { Ok(()) } else { refused(item) }).collect())
        }

        /// What becomes of each, when all but the first come while its commit is under way.
        async fn come(items: &[u32]) -> (Vec<String>, Vec<Vec<u32>>) {
            let (office, open) = (Arc::new(Self::default()), Arc::new(Semaphore::new(0)));
            let mut tasks = Vec::new();
            for item in items.iter().copied() {
                let (office, open) = (Arc::clone(&office), Arc::clone(&open));
                tasks.push(tokio::spawn(async move {
                    let verdict = office.together.commit(item, |items| office.put(items, &open)).await;
                    verdict.map_or_else(|failure| failure.code(), |()| "done".to_owned())
                }));
                tokio::task::yield_now().await;
            }
            open.add_permits(items.len() * 3);
            let mut verdicts = Vec::new();
            for task in tasks {
                verdicts.push(task.await.unwrap());
            }
            let commits = office.commits.lock().unwrap().clone();
            (verdicts, commits)
        }
    }

    #[tokio::test]
    async fn those_who_come_during_a_commit_share_the_next_and_each_hears_its_own() {
        let (verdicts, commits) = Office::come(&[2, 4, 5, 6]).await;
        assert_eq!(verdicts, ["done", "done", "cert.account", "done"]);
        assert_eq!(commits, [vec![2], vec![4, 5, 6]]);
    }

    #[tokio::test]
    async fn one_that_breaks_a_commit_breaks_its_own_alone() {
        let (verdicts, _) = Office::come(&[2, 4, 13, 6]).await;
        assert_eq!(verdicts, ["done", "done", "store.contended", "done"]);
    }

    #[tokio::test]
    async fn a_database_that_is_away_is_asked_once_for_all() {
        let (verdicts, commits) = Office::come(&[2, 99, 4, 6]).await;
        assert_eq!(verdicts, ["done", "store.unavailable", "store.unavailable", "store.unavailable"]);
        assert_eq!(commits, [vec![2], vec![99, 4, 6]]);
    }

    #[tokio::test]
    async fn what_somebody_who_went_away_had_taken_along_is_put_once_more() {
        let (office, open) = (Office::default(), Semaphore::new(0));
        let put = |items| office.put(items, &open);
        let mut first = pin!(office.together.commit(2, put));
        let mut goes = Box::pin(office.together.commit(4, put));
        let mut stays = pin!(office.together.commit(6, put));
        assert!(futures_util::poll!(first.as_mut()).is_pending());
        assert!(futures_util::poll!(goes.as_mut()).is_pending());
        assert!(futures_util::poll!(stays.as_mut()).is_pending());
        open.add_permits(1);
        first.await.unwrap();
        assert!(futures_util::poll!(goes.as_mut()).is_pending(), "its commit is under way, with the other's");
        drop(goes);
        open.add_permits(1);
        stays.await.unwrap();
        assert_eq!(*office.commits.lock().unwrap(), [vec![2], vec![6]]);
    }
}
