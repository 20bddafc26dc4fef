//! What Python wants done while a guest runs: looking for Ctrl-C.

use std::time::{Duration, Instant};

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use wippy_host::driver::Hooks;
use wippy_host::error::Abort;
use wippy_host::signals::ensure_in_front;

/// How often a waiting or busy call looks for signals.
const EVERY: Duration = Duration::from_millis(25);

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

#[cfg(any(target_os = "linux", target_os = "android"))]
fn may_be_main_thread() -> bool {
    // SAFETY: both only name the caller.
    unsafe { libc::gettid() == libc::getpid() }
}

#[cfg(target_vendor = "apple")]
fn may_be_main_thread() -> bool {
    // SAFETY: asks about the calling thread.
    unsafe { libc::pthread_main_np() != 0 }
}

#[cfg(not(any(target_os = "linux", target_os = "android", target_vendor = "apple")))]
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
