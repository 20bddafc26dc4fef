//! Where a call's host functions leave what must not run on a guest's stack: the embedder's own code.
//!
//! A call that its caller waits for has its jobs run by the caller's thread ([`crate::driver`]). A call that nobody's
//! thread waits for, made from an event loop or a batch, has them run on threads kept for that.

use std::any::Any;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use tokio::sync::oneshot;

use crate::error::{Failure, What};
use crate::signals;
use crate::threads::Threads;

/// Something to run off the guest's stack.
pub type Job = Box<dyn FnOnce() + Send>;

/// Where the embedder's asynchronous functions run for a call: an event loop, say. Only the embedder knows what it is.
pub type Home = Arc<dyn Any + Send + Sync>;

/// See the module's documentation.
pub struct Mailbox {
    place: Place,
    home: Option<Home>,
}

enum Place {
    Driver(Mutex<VecDeque<Job>>),
    Threads(&'static Threads),
}

impl Default for Mailbox {
    fn default() -> Self {
        Mailbox::of_driver(None)
    }
}

impl Mailbox {
    /// For a call that a thread drives.
    pub fn of_driver(home: Option<Home>) -> Self {
        Mailbox { place: Place::Driver(Mutex::default()), home }
    }

    /// For a call that runs by itself.
    pub fn of_threads(threads: &'static Threads, home: Option<Home>) -> Self {
        Mailbox { place: Place::Threads(threads), home }
    }

    pub fn home(&self) -> Option<&Home> {
        self.home.as_ref()
    }

    /// Runs `work` and waits for its answer.
    pub async fn run<R: Send + 'static>(
        &self,
        work: impl FnOnce() -> R + Send + 'static,
    ) -> Result<R, Failure> {
        let (answer, answered) = oneshot::channel();
        match &self.place {
            // Posted while the future is polled: the driver looks before it sleeps, and after a job looks at signals.
            Place::Driver(jobs) => lock(jobs).push_back(Box::new(move || drop(answer.send(work())))),
            Place::Threads(threads) => threads.run(move || {
                if answer.is_closed() {
                    return;
                }
                let result = work();
                // The embedder's code may have installed signal handlers of its own.
                signals::ensure_in_front();
                drop(answer.send(result));
            }),
        }
        answered
            .await
            .map_err(|_| Failure::new(What::Cancelled, "the call ended before its host function ran"))
    }

    /// The driver's next job.
    pub(crate) fn next(&self) -> Option<Job> {
        match &self.place {
            Place::Driver(jobs) => lock(jobs).pop_front(),
            Place::Threads(_) => None,
        }
    }
}

fn lock(jobs: &Mutex<VecDeque<Job>>) -> std::sync::MutexGuard<'_, VecDeque<Job>> {
    jobs.lock().unwrap_or_else(PoisonError::into_inner)
}
