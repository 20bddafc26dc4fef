//! Running a call's future on the thread that made the call.
//!
//! The thread polls the future, and between two polls does what must not be done on a guest's fiber: it runs the
//! embedder's own functions (jobs in the [`Mailbox`]), lets it look for Ctrl-C and pass on captured output, and watches
//! the deadline. When the guest waits, the thread sleeps until it is woken or something is due.

use std::future::Future;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

use crate::error::Abort;
use crate::fork::Generation;
use crate::frame::Frame;
use crate::lifecycle::Lifecycle;
use crate::mailbox::Mailbox;
use crate::signals;

/// How long the thread sleeps at most before it looks around.
const LOOK_AROUND: Duration = Duration::from_millis(20);

/// What an embedder does while a call runs.
pub trait Hooks {
    /// Called between two polls and at least every 20 ms of waiting, on the calling thread. An error ends the call.
    fn look_around(&mut self) -> Result<(), Abort>;
}

/// For calls nobody watches.
impl Hooks for () {
    fn look_around(&mut self) -> Result<(), Abort> {
        Ok(())
    }
}

/// What ends a call from outside.
#[derive(Clone, Copy)]
pub struct Until<'a> {
    pub lifecycle: &'a Lifecycle,
    /// The guest whose call it is part of.
    pub outer: Option<&'a Frame>,
}

/// Why [`drive`] gave up.
#[derive(Debug)]
pub enum Stopped {
    Deadline,
    /// The guest that the call was part of is gone.
    Over,
    Cancelled,
    Forked,
    Aborted(Abort),
}

/// Polls `future` to its end on this thread, inside `runtime`'s timers and I/O.
pub fn drive<F: Future>(
    runtime: &tokio::runtime::Handle,
    future: F,
    mailbox: &Mailbox,
    deadline: Option<Instant>,
    until: Until<'_>,
    hooks: &mut dyn Hooks,
) -> Result<F::Output, Stopped> {
    let before = Generation::current();
    let _context = runtime.enter();
    let alarm = Alarm::of_this_thread();
    let waker = Waker::from(Arc::clone(&alarm));
    let mut context = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(output) = future.as_mut().poll(&mut context) {
            return Ok(output);
        }
        hooks.look_around().map_err(Stopped::Aborted)?;
        if until.lifecycle.is_cancelled() {
            return Err(Stopped::Cancelled);
        }
        if until.outer.is_some_and(Frame::is_over) {
            return Err(Stopped::Over);
        }
        let left = match deadline.map(|deadline| deadline.saturating_duration_since(Instant::now())) {
            Some(Duration::ZERO) => return Err(Stopped::Deadline),
            Some(left) => left.min(LOOK_AROUND),
            None => LOOK_AROUND,
        };
        match mailbox.next() {
            Some(job) => {
                job();
                // The embedder's code may have installed signal handlers of its own.
                signals::ensure_in_front();
                if !before.is_current() {
                    // The child of a fork: nothing that drives guests lives here.
                    return Err(Stopped::Forked);
                }
            }
            None => alarm.sleep(left),
        }
    }
}

/// Wakes one thread.
struct Alarm {
    thread: Thread,
    rung: AtomicBool,
}

impl Alarm {
    fn of_this_thread() -> Arc<Alarm> {
        Arc::new(Alarm { thread: thread::current(), rung: AtomicBool::new(false) })
    }

    fn sleep(&self, at_most: Duration) {
        if !self.rung.swap(false, Ordering::Acquire) {
            thread::park_timeout(at_most);
            self.rung.store(false, Ordering::Release);
        }
    }
}

impl Wake for Alarm {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        if !self.rung.swap(true, Ordering::AcqRel) {
            self.thread.unpark();
        }
    }
}
