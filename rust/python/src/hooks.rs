//! What Python wants done while a guest runs: looking for Ctrl-C.

use std::time::{Duration, Instant};

use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use wippy_host::driver::Hooks;
use wippy_host::error::Abort;
use wippy_host::signals::ensure_in_front;

/// How often a waiting or busy call looks for signals.
const EVERY: Duration = Duration::from_millis(25);

static EXITING: AtomicBool = AtomicBool::new(false);

/// Pieces of Python code that run for guests.
static RUNNING: AtomicUsize = AtomicUsize::new(0);
/// How long the end of Python waits for those.
const GRACE: Duration = Duration::from_millis(500);

/// Python is about to end. What is left are daemon threads, which it would end inside the core, with an abort: those
/// that run Python code for a guest may finish that, and then wait for the end.
#[pyfunction]
pub fn exiting(py: Python<'_>) {
    EXITING.store(true, Ordering::SeqCst);
    py.detach(|| {
        let end = Instant::now() + GRACE;
        while RUNNING.load(Ordering::SeqCst) > 0 && Instant::now() < end {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
}

/// A piece of Python code that runs for a guest, until dropped.
pub struct RunsPython(());

impl RunsPython {
    /// Once Python is about to end, a daemon thread gets no further than this.
    pub fn enter() -> Self {
        RUNNING.fetch_add(1, Ordering::SeqCst);
        if EXITING.load(Ordering::SeqCst) && !may_be_main_thread() {
            RUNNING.fetch_sub(1, Ordering::SeqCst);
            loop {
                std::thread::park();
            }
        }
        RunsPython(())
    }
}

impl Drop for RunsPython {
    fn drop(&mut self) {
        RUNNING.fetch_sub(1, Ordering::SeqCst);
    }
}

/// Runs pending signal handlers; what they raise (`KeyboardInterrupt`) ends the call.
pub fn interrupt() -> Result<(), Abort> {
    // Waiting for Python's lock takes long where others use it, and only the main thread runs handlers.
    if !may_be_main_thread() {
        return Ok(());
    }
    match Python::try_attach(|py| py.check_signals()) {
        Some(Err(error)) => Err(Box::new(error)),
        _ => Ok(()),
    }
}

/// The identity of Python's main thread, which is that of its pthread.
static MAIN: AtomicUsize = AtomicUsize::new(0);

/// Learns which thread is the main one; a fork may have changed that.
pub fn notice_main_thread(py: Python<'_>) -> PyResult<()> {
    let main = py.import("threading")?.call_method0("main_thread")?.getattr("ident")?;
    MAIN.store(main.extract::<Option<usize>>()?.unwrap_or(0), Ordering::Relaxed);
    Ok(())
}

#[cfg(unix)]
fn may_be_main_thread() -> bool {
    // SAFETY: names the calling thread.
    let this = unsafe { libc::pthread_self() } as usize;
    matches!(MAIN.load(Ordering::Relaxed), main if main == 0 || main == this)
}

#[cfg(not(unix))]
fn may_be_main_thread() -> bool {
    true
}

/// Looks for signals, not more often than needed.
#[derive(Default)]
pub struct Signals {
    last: Option<Instant>,
}

impl Signals {
    pub fn new() -> Self {
        Signals::default()
    }
}

/// Notices what `faulthandler` does to the process's signal handlers: switched on it puts its own in front of ours,
/// switched off it takes away all that came later. While it is on, every call looks, because it may be switched off and
/// on again; while it is off, asking it is ten times cheaper than asking the system.
pub fn notice_faulthandler(py: Python<'_>) -> PyResult<()> {
    static IS_ENABLED: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    static LAST: AtomicBool = AtomicBool::new(false);
    let is_enabled = IS_ENABLED
        .get_or_try_init(py, || py.import("faulthandler")?.getattr("is_enabled").map(Bound::unbind))?;
    let enabled = is_enabled.bind(py).call0()?.is_truthy()?;
    if enabled | LAST.swap(enabled, Ordering::Relaxed) {
        ensure_in_front();
    }
    Ok(())
}

impl Hooks for Signals {
    fn look_around(&mut self) -> Result<(), Abort> {
        drop(RunsPython::enter());
        let now = Instant::now();
        match self.last {
            Some(last) if now - last < EVERY => Ok(()),
            None => {
                self.last = Some(now);
                Ok(())
            }
            Some(_) => {
                self.last = Some(now);
                interrupt()
            }
        }
    }
}
