//! `_core.Pending`: a call that runs on the core's threads while Python does something else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;
use wippy_host::call::{Handle, Request};
use wippy_host::error::Failure;
use wippy_host::values::Image;

use crate::bridge::{Queue, Start};
use crate::function::Prepared;

/// The future that gets the outcome, asyncio's or that of `concurrent.futures`.
enum Waiter {
    /// Gets the result or the error.
    Outcome(Py<PyAny>),
    /// Gets None once the call has ended.
    End(Py<PyAny>),
    Nobody,
}

type Shared = Arc<Mutex<Waiter>>;

/// A call that may not have been started yet.
#[derive(Default)]
struct Started {
    handle: OnceLock<Handle>,
    cancelled: AtomicBool,
}

impl Started {
    fn cancel(&self) {
        // In this order, and the other one in `Delivery::start`: one of the two sees what the other did.
        self.cancelled.store(true, Ordering::SeqCst);
        if let Some(handle) = self.handle.get() {
            handle.cancel();
        }
    }
}

/// See the module's documentation.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct Pending {
    waiter: Shared,
    started: Arc<Started>,
}

#[pymethods]
impl Pending {
    /// Ends the call at its next wait or tick; its outcome is lost. `ended`, a future, gets None when its instance is
    /// gone. False where the call has ended already; `ended` is not used then.
    #[pyo3(signature = (ended=None))]
    fn cancel(&self, ended: Option<Py<PyAny>>) -> bool {
        let mut waiter = lock(&self.waiter);
        if matches!(*waiter, Waiter::Nobody) {
            return false;
        }
        let before = std::mem::replace(&mut *waiter, ended.map_or(Waiter::Nobody, Waiter::End));
        drop(waiter);
        drop(before);
        self.started.cancel();
        true
    }
}

/// A call to be started, and who waits for it.
pub struct Delivery {
    waiter: Shared,
    queue: Arc<Queue>,
    prepared: Arc<Prepared>,
    raise_err: bool,
}

impl Delivery {
    pub fn new(future: Py<PyAny>, queue: Arc<Queue>, prepared: Arc<Prepared>, raise_err: bool) -> Self {
        Delivery { waiter: Arc::new(Mutex::new(Waiter::Outcome(future))), queue, prepared, raise_err }
    }

    /// What Python holds of the call, and what starts it.
    pub fn start(self, request: Request) -> (Pending, Start) {
        let started = Arc::<Started>::default();
        let pending = Pending { waiter: Arc::clone(&self.waiter), started: Arc::clone(&started) };
        let function = Arc::clone(&self.prepared.function);
        let start = Box::new(move || {
            let handle = function.dispatch(request, Box::new(move |outcome| self.deliver(outcome)));
            let handle = started.handle.get_or_init(|| handle);
            if started.cancelled.load(Ordering::SeqCst) {
                handle.cancel();
            }
        });
        (pending, start)
    }

    /// Takes the outcome to the thread that reads the bridge.
    fn deliver(self, outcome: Result<Image, Failure>) {
        let queue = Arc::clone(&self.queue);
        queue.push(Box::new(move |py| self.settle(py, outcome)));
    }

    fn settle(self, py: Python<'_>, outcome: Result<Image, Failure>) -> PyResult<()> {
        let waiter = std::mem::replace(&mut *lock(&self.waiter), Waiter::Nobody);
        let future = match waiter {
            Waiter::Outcome(future) => future.into_bound(py),
            Waiter::End(ended) => {
                let ended = ended.bind(py);
                return if is_done(ended)? {
                    Ok(())
                } else {
                    ended.call_method1("set_result", (py.None(),)).map(drop)
                };
            }
            Waiter::Nobody => return Ok(()),
        };
        // Whoever waited may have given up.
        if is_done(&future)? {
            return Ok(());
        }
        match self.prepared.result(py, outcome, self.raise_err) {
            Ok(value) => future.call_method1("set_result", (value,)).map(drop),
            Err(error) => future.call_method1("set_exception", (error.into_value(py),)).map(drop),
        }
    }
}

fn is_done(future: &Bound<'_, PyAny>) -> PyResult<bool> {
    future.call_method0("done")?.is_truthy()
}

fn lock(waiter: &Mutex<Waiter>) -> std::sync::MutexGuard<'_, Waiter> {
    waiter.lock().unwrap_or_else(PoisonError::into_inner)
}
