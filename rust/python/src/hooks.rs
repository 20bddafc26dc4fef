//! What Python wants done while a guest runs: looking for Ctrl-C.

use std::time::{Duration, Instant};

use pyo3::prelude::*;
use wippy_host::driver::Hooks;
use wippy_host::error::Abort;

/// How often a waiting or busy call looks for signals.
const EVERY: Duration = Duration::from_millis(25);

/// Runs pending signal handlers; what they raise (`KeyboardInterrupt`) ends the call. Only the main thread has any.
pub fn interrupt() -> Result<(), Abort> {
    match Python::try_attach(|py| py.check_signals()) {
        Some(Err(error)) => Err(Box::new(error)),
        _ => Ok(()),
    }
}

/// Looks for signals, not more often than needed.
pub struct Signals {
    last: Instant,
}

impl Signals {
    pub fn new() -> Self {
        Signals { last: Instant::now() }
    }
}

impl Hooks for Signals {
    fn look_around(&mut self) -> Result<(), Abort> {
        if self.last.elapsed() < EVERY {
            return Ok(());
        }
        self.last = Instant::now();
        interrupt()
    }
}
