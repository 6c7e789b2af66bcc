//! Threads that make calls which may never return, so that who asked for one waits no longer than its deadline.

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use crate::error::PkiError;

/// How long calls under way may go on when nobody needs the device any more.
const PARTING: Duration = Duration::from_secs(2);
const FAILED: &str = "its module failed within a call";

/// Why a call is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Calling {
    /// Somebody needs the answer: while another call hangs there is none.
    Ordinarily,
    /// To find out whether a call that hung was the last one.
    ToSeeWhetherItAnswers,
}

type Job<D> = Box<dyn FnOnce(&Shared<D>) + Send>;

struct State<D> {
    waiting: VecDeque<Job<D>>,
    /// Threads that wait for work.
    idle: usize,
    /// Threads that have not ended.
    threads: usize,
    /// A call passed its deadline and none was answered since.
    hangs: bool,
    closed: bool,
    last_fault: Option<String>,
}

struct Shared<D> {
    device: D,
    state: Mutex<State<D>>,
    arrived: Condvar,
    left: Condvar,
}

/// The threads, and the device that they alone touch.
pub(super) struct Desk<D> {
    shared: Arc<Shared<D>>,
    threads: Vec<JoinHandle<()>>,
}

/// Whether anybody still waits for an answer.
#[derive(PartialEq, Eq)]
enum Asker {
    Waits,
    GaveUp,
}

impl<D> Shared<D> {
    fn state(&self) -> MutexGuard<'_, State<D>> {
        // What is behind it is whole after every statement.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A call came back, late or not: the token does not hang. `fault` says why it was no answer.
    fn returned(&self, fault: Option<String>) {
        let mut state = self.state();
        state.hangs = false;
        state.last_fault = fault;
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Send + Sync + 'static> Desk<D> {
    pub(super) fn new(device: D, threads: usize, name: &str) -> std::io::Result<Self> {
        let state = State { waiting: VecDeque::new(), idle: 0, threads: 0, hangs: false, closed: false, last_fault: None };
        let shared = Shared { device, state: Mutex::new(state), arrived: Condvar::new(), left: Condvar::new() };
        let mut desk = Self { shared: Arc::new(shared), threads: Vec::with_capacity(threads) };
        for number in 1..=threads {
            let shared = Arc::clone(&desk.shared);
            let thread = std::thread::Builder::new().name(format!("{name}-{number}")).spawn(move || serve(&shared))?;
            desk.threads.push(thread);
            let mut state = desk.shared.state();
            state.idle += 1;
            state.threads += 1;
        }
        Ok(desk)
    }

    /// Why the last call was not answered; none when it was.
    pub(super) fn last_fault(&self) -> Option<String> {
        self.shared.state().last_fault.clone()
    }

    /// Has `work` done. An answer that comes after the deadline goes to `undo`, since nobody learnt of it.
    ///
    /// Errors with [`PkiError::TokenUnavailable`] when the deadline passes, and at once while another call hangs.
    pub(super) fn call<T: Send + 'static>(
        &self,
        why: Calling,
        deadline: Duration,
        work: impl FnOnce(&D) -> Result<T, PkiError> + Send + 'static,
        undo: impl FnOnce(&D, T) + Send + 'static,
    ) -> Result<T, PkiError> {
        let (answer, answered) = sync_channel(1);
        let asker = Arc::new(Mutex::new(Asker::Waits));
        let job = job(Arc::clone(&asker), answer, work, undo);
        {
            let mut state = self.shared.state();
            if state.hangs && (why == Calling::Ordinarily || state.idle == 0) {
                return Err(PkiError::token_unavailable("it has not answered a call for longer than it may"));
            }
            state.waiting.push_back(job);
        }
        self.shared.arrived.notify_one();
        match answered.recv_timeout(deadline) {
            Ok(result) => return result,
            Err(RecvTimeoutError::Disconnected) => return Err(PkiError::token_unavailable(FAILED)),
            Err(RecvTimeoutError::Timeout) => {}
        }
        let mut asker = locked(&asker);
        // It may have come in just now: an answer is only sent by who holds the asker.
        if let Ok(result) = answered.try_recv() {
            return result;
        }
        *asker = Asker::GaveUp;
        let what = format!("it did not answer within {} ms", deadline.as_millis());
        let mut state = self.shared.state();
        state.hangs = true;
        state.last_fault = Some(what.clone());
        Err(PkiError::token_unavailable(what))
    }
}

fn job<D, T: Send + 'static>(
    asker: Arc<Mutex<Asker>>,
    answer: SyncSender<Result<T, PkiError>>,
    work: impl FnOnce(&D) -> Result<T, PkiError> + Send + 'static,
    undo: impl FnOnce(&D, T) + Send + 'static,
) -> Job<D> {
    Box::new(move |shared| {
        if *locked(&asker) == Asker::GaveUp {
            return;
        }
        let result = work(&shared.device);
        shared.returned(match &result {
            Err(PkiError::TokenUnavailable { what }) => Some(what.clone()),
            // The token answered; whether it could do as it was asked is another matter.
            _ => None,
        });
        let asker = locked(&asker);
        if *asker == Asker::Waits {
            let _ = answer.send(result);
        } else if let Ok(late) = result {
            drop(asker);
            undo(&shared.device, late);
        }
    })
}

/// One thread's day.
fn serve<D>(shared: &Shared<D>) {
    let mut state = shared.state();
    loop {
        let Some(job) = state.waiting.pop_front() else {
            if state.closed {
                state.threads -= 1;
                shared.left.notify_all();
                return;
            }
            state = shared.arrived.wait(state).unwrap_or_else(PoisonError::into_inner);
            continue;
        };
        state.idle -= 1;
        drop(state);
        // A call that panics must not take the thread with it; who asked sees the channel closed.
        if catch_unwind(AssertUnwindSafe(|| job(shared))).is_err() {
            shared.returned(Some(FAILED.to_owned()));
        }
        state = shared.state();
        state.idle += 1;
    }
}

impl<D> Drop for Desk<D> {
    fn drop(&mut self) {
        let mut state = self.shared.state();
        state.closed = true;
        state.waiting.clear();
        self.shared.arrived.notify_all();
        if state.hangs {
            return;
        }
        // A module that is in the middle of something while its process ends may well take the process down with it.
        let waited = self.shared.left.wait_timeout_while(state, PARTING, |state| state.threads > 0);
        let (state, _) = waited.unwrap_or_else(PoisonError::into_inner);
        if state.threads == 0 {
            drop(state);
            for thread in self.threads.drain(..) {
                let _ = thread.join();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc::channel;

    use super::*;

    const SOON: Duration = Duration::from_millis(100);
    /// Never reached by a test that passes.
    const LATE: Duration = Duration::from_secs(60);

    fn desk(threads: usize) -> Desk<Mutex<Vec<&'static str>>> {
        Desk::new(Mutex::default(), threads, "test").unwrap()
    }

    /// A call that comes back when it is told to, and then says so.
    fn hang(desk: &Desk<Mutex<Vec<&'static str>>>) -> (std::sync::mpsc::Sender<()>, std::sync::mpsc::Receiver<()>) {
        loop {
            let (go, gone) = channel();
            let (begin, begun) = channel();
            let (back, returned) = channel();
            let fault = desk
                .call(
                    Calling::ToSeeWhetherItAnswers,
                    SOON,
                    move |_| {
                        begin.send(()).unwrap();
                        gone.recv().unwrap();
                        Ok(())
                    },
                    move |done, ()| {
                        locked(done).push("undone");
                        back.send(()).unwrap();
                    },
                )
                .unwrap_err();
            assert_eq!(fault.to_string(), "the token is unavailable: it did not answer within 100 ms; nothing was signed");
            // On a busy machine no thread may have got round to it in time; then it is never begun.
            if begun.try_recv().is_ok() {
                return (go, returned);
            }
        }
    }

    fn simple(desk: &Desk<Mutex<Vec<&'static str>>>, why: Calling) -> Result<u8, PkiError> {
        desk.call(why, LATE, |_| Ok(7), |_, _| ())
    }

    #[test]
    fn an_answer_comes_back_and_so_does_a_refusal() {
        let desk = desk(2);
        assert_eq!(simple(&desk, Calling::Ordinarily).unwrap(), 7);
        let refused = desk.call(Calling::Ordinarily, LATE, |_| Err::<(), _>(PkiError::unfit("it", "no")), |_, ()| ());
        assert!(matches!(refused, Err(PkiError::Unfit { .. })));
        assert_eq!(desk.last_fault(), None, "a token that refuses is there");
        let gone = desk.call(Calling::Ordinarily, LATE, |_| Err::<(), _>(PkiError::token_unavailable("gone")), |_, ()| ());
        assert!(matches!(gone, Err(PkiError::TokenUnavailable { .. })));
        assert_eq!(desk.last_fault().unwrap(), "gone");
        assert_eq!(simple(&desk, Calling::Ordinarily).unwrap(), 7, "and a fault is no reason not to ask again");
        assert_eq!(desk.last_fault(), None);
    }

    #[test]
    fn while_a_call_hangs_others_fail_at_once_until_it_is_back() {
        let desk = desk(2);
        let (go, returned) = hang(&desk);
        for _ in 0..3 {
            let fault = simple(&desk, Calling::Ordinarily).unwrap_err();
            assert!(fault.to_string().contains("has not answered a call"), "{fault}");
        }
        go.send(()).unwrap();
        returned.recv().unwrap();
        assert_eq!(*locked(&desk.shared.device), ["undone"], "nobody learnt of what came late");
        assert_eq!(simple(&desk, Calling::Ordinarily).unwrap(), 7);
        assert_eq!(desk.last_fault(), None);
    }

    #[test]
    fn a_probe_finds_out_that_the_token_answers_again_though_one_call_is_lost() {
        let desk = desk(2);
        let (_go, _) = hang(&desk);
        simple(&desk, Calling::Ordinarily).unwrap_err();
        assert_eq!(simple(&desk, Calling::ToSeeWhetherItAnswers).unwrap(), 7);
        assert_eq!(simple(&desk, Calling::Ordinarily).unwrap(), 7);
        // With every thread in a call, a probe would wait for nothing.
        let (_go, _) = hang(&desk);
        let fault = simple(&desk, Calling::ToSeeWhetherItAnswers).unwrap_err();
        assert!(fault.to_string().contains("has not answered a call"), "{fault}");
    }

    #[test]
    fn what_nobody_waits_for_any_more_is_not_begun() {
        let desk = desk(1);
        let (go, returned) = hang(&desk);
        {
            // As if it had been put there before the first one was late.
            desk.shared.state().hangs = false;
            let begin = |done: &Mutex<Vec<&'static str>>| {
                locked(done).push("begun");
                Ok(())
            };
            let fault = desk.call(Calling::Ordinarily, SOON, begin, |_, ()| ()).unwrap_err();
            assert!(fault.to_string().contains("within 100 ms"), "{fault}");
        }
        go.send(()).unwrap();
        returned.recv().unwrap();
        assert_eq!(simple(&desk, Calling::ToSeeWhetherItAnswers).unwrap(), 7);
        assert_eq!(*locked(&desk.shared.device), ["undone"]);
    }

    #[test]
    fn a_call_that_panics_is_a_fault_and_the_thread_goes_on() {
        let desk = desk(1);
        let fault = desk.call(Calling::Ordinarily, LATE, |_| -> Result<(), PkiError> { panic!("within the module") }, |_, ()| ());
        assert!(fault.unwrap_err().to_string().contains(FAILED));
        assert_eq!(simple(&desk, Calling::Ordinarily).unwrap(), 7);
    }
}
