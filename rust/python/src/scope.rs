//! Which guest's call Python code is running for.
//!
//! A Python function that a guest called may call further functions: depth, deadline and re-entry (F-39) follow from
//! the guest's frame. A plain function runs on the guest's thread, so a thread-local tells; an `async def` runs among
//! others on a loop, where only a context variable can, which is looked at only while such functions run at all.

use std::cell::RefCell;
use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;
use wippy_host::frame::Frame;

thread_local! {
    static CURRENT: RefCell<Option<Frame>> = const { RefCell::new(None) };
}

/// Async functions that run for guests, in all loops.
static ASYNC: AtomicUsize = AtomicUsize::new(0);

/// The frame of a guest, for the context variable of an async function; it counts as running while this lives.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct Scope(Frame);

impl Scope {
    pub fn new(frame: Frame) -> Self {
        ASYNC.fetch_add(1, Ordering::Relaxed);
        Scope(frame)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        ASYNC.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Runs `work` as part of a guest's call.
pub fn within<R>(frame: &Frame, work: impl FnOnce() -> R) -> R {
    /// Puts the previous frame back, also when `work` panics.
    struct Restore(Option<Frame>);
    impl Drop for Restore {
        fn drop(&mut self) {
            CURRENT.replace(self.0.take());
        }
    }
    let _restore = Restore(CURRENT.replace(Some(frame.clone())));
    work()
}

/// The frame of the guest this code runs for.
pub fn current(py: Python<'_>) -> PyResult<Option<Frame>> {
    if let Some(frame) = CURRENT.with_borrow(Clone::clone) {
        return Ok(Some(frame));
    }
    if ASYNC.load(Ordering::Relaxed) == 0 {
        return Ok(None);
    }
    let scope = py.import("wippy_native.callees")?.getattr("current_scope")?.call0()?;
    let scope: Option<PyRef<'_, Scope>> = scope.extract()?;
    Ok(scope.map(|scope| scope.0.clone()))
}
