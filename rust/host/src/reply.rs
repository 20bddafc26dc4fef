//! The answer of an embedder's function, which may come later and from any thread.

use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::table::{Output, Refusal};
use crate::threads::Threads;

type Answer<T> = Result<T, Refusal>;
type Action = Box<dyn FnOnce() + Send>;

/// Takes the answer, once.
pub struct Reply<T = Output> {
    answer: oneshot::Sender<Answer<T>>,
    withdrawal: Arc<Mutex<Withdrawal>>,
}

/// Whether anybody still waits for the answer.
#[derive(Default)]
enum Withdrawal {
    #[default]
    Wanted,
    /// What to do when nobody waits any more.
    Told(Action),
    Withdrawn,
}

impl<T> Reply<T> {
    pub fn send(self, answer: Answer<T>) {
        drop(self.answer.send(answer));
    }

    /// Has `action` run if the guest's call ends before the answer: its deadline, or because it is cancelled. At once if
    /// it has ended already. Runs where it may block.
    pub fn when_withdrawn(&self, action: Action) {
        let mut withdrawal = self.withdrawal.lock().unwrap_or_else(PoisonError::into_inner);
        match &*withdrawal {
            Withdrawal::Withdrawn => {
                drop(withdrawal);
                action();
            }
            _ => *withdrawal = Withdrawal::Told(action),
        }
    }
}

/// The guest's side of a [`Reply`].
pub struct Awaited<T = Output> {
    answered: oneshot::Receiver<Answer<T>>,
    withdrawal: Arc<Mutex<Withdrawal>>,
    threads: &'static Threads,
}

impl<T> Awaited<T> {
    /// A reply, and who waits for it; what is to be done on withdrawal is done on one of `threads`.
    pub fn new(threads: &'static Threads) -> (Reply<T>, Awaited<T>) {
        let (answer, answered) = oneshot::channel();
        let withdrawal = Arc::<Mutex<Withdrawal>>::default();
        (Reply { answer, withdrawal: Arc::clone(&withdrawal) }, Awaited { answered, withdrawal, threads })
    }

    /// The answer; none if the function ended without one.
    pub async fn answer(mut self) -> Option<Answer<T>> {
        let answer = (&mut self.answered).await.ok();
        *self.withdrawal.lock().unwrap_or_else(PoisonError::into_inner) = Withdrawal::Withdrawn;
        answer
    }
}

impl<T> Drop for Awaited<T> {
    fn drop(&mut self) {
        let mut withdrawal = self.withdrawal.lock().unwrap_or_else(PoisonError::into_inner);
        let before = std::mem::replace(&mut *withdrawal, Withdrawal::Withdrawn);
        drop(withdrawal);
        if let Withdrawal::Told(action) = before {
            self.threads.run(action);
        }
    }
}
