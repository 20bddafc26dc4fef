//! The epoch ticker: one thread that advances the engine's epoch while calls run, so that guests see deadlines,
//! cancellation and Ctrl-C.
//!
//! It sleeps for good while nothing runs: an idle process is not woken two hundred times a second. The price is two
//! atomic operations a call.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, Thread};
use std::time::Duration;

use crate::signals;

/// How often guests look up. A limit is noticed at most this late, and the run of the code up to its next loop head.
pub const TICK: Duration = Duration::from_millis(4);
/// Ticks without a running call after which the thread goes to sleep.
const IDLE_TICKS: u32 = 50;

struct Inner {
    engine: wasmtime::Engine,
    running: AtomicUsize,
    ticks: Arc<AtomicUsize>,
    asleep: AtomicBool,
}

/// See the module's documentation.
pub struct Ticker {
    inner: Arc<Inner>,
    thread: Thread,
}

impl Ticker {
    pub fn start(engine: wasmtime::Engine) -> io::Result<Ticker> {
        let inner = Arc::new(Inner {
            engine,
            running: AtomicUsize::new(0),
            ticks: Arc::default(),
            asleep: AtomicBool::new(false),
        });
        let its = Arc::clone(&inner);
        let handle = thread::Builder::new().name("wippy-ticker".to_owned()).spawn(move || its.run())?;
        Ok(Ticker { inner, thread: handle.thread().clone() })
    }

    /// A clock that costs nothing to read: it changes every [`TICK`] while calls run.
    pub fn ticks(&self) -> usize {
        self.inner.ticks.load(Ordering::Relaxed)
    }

    /// The same clock, for those that read it without us.
    pub fn clock(&self) -> Arc<AtomicUsize> {
        Arc::clone(&self.inner.ticks)
    }

    /// Keeps the epoch advancing until the guard is dropped.
    pub fn running(&self) -> Running<'_> {
        self.inner.running.fetch_add(1, Ordering::SeqCst);
        // Ordered after the addition: either the ticker sees the call before it sleeps, or we see it asleep.
        if self.inner.asleep.load(Ordering::SeqCst) {
            self.thread.unpark();
            // Nobody looked during the pause.
            signals::ensure_in_front();
        }
        Running(&self.inner)
    }
}

/// A call in progress.
pub struct Running<'a>(&'a Inner);

impl Drop for Running<'_> {
    fn drop(&mut self) {
        self.0.running.fetch_sub(1, Ordering::SeqCst);
    }
}

impl Inner {
    fn run(&self) {
        let mut idle = 0;
        loop {
            thread::sleep(TICK);
            self.engine.increment_epoch();
            self.ticks.fetch_add(1, Ordering::Relaxed);
            signals::ensure_in_front();
            if self.running.load(Ordering::SeqCst) > 0 {
                idle = 0;
                continue;
            }
            idle += 1;
            if idle >= IDLE_TICKS {
                self.sleep_until_needed();
                idle = 0;
            }
        }
    }

    fn sleep_until_needed(&self) {
        self.asleep.store(true, Ordering::SeqCst);
        while self.running.load(Ordering::SeqCst) == 0 {
            thread::park();
        }
        self.asleep.store(false, Ordering::SeqCst);
    }
}
