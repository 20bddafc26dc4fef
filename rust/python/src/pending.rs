//! `_core.Pending`: a call that runs on the core's threads while Python does something else.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use pyo3::prelude::*;
use wippy_host::call::{Done, Handle};
use wippy_host::error::Failure;
use wippy_host::values::Image;

use crate::bridge::{Bridge, Queue};
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
    lift: Lift,
}

/// Makes Python objects of an outcome.
type Lift = Box<dyn FnOnce(Python<'_>, Result<Image, Failure>) -> PyResult<Py<PyAny>> + Send>;

impl Delivery {
    pub fn new(future: Py<PyAny>, queue: Arc<Queue>, prepared: Arc<Prepared>, raise_err: bool) -> Self {
        let lift = Box::new(move |py: Python<'_>, outcome| prepared.result(py, outcome, raise_err));
        Delivery::lifted_by(future, queue, lift)
    }

    pub fn lifted_by(future: Py<PyAny>, queue: Arc<Queue>, lift: Lift) -> Self {
        Delivery { waiter: Arc::new(Mutex::new(Waiter::Outcome(future))), queue, lift }
    }

    /// Has `begin` start the call when the bridge says.
    pub fn start(
        self,
        bridge: &Bound<'_, Bridge>,
        begin: impl FnOnce(Done) -> Handle + Send + 'static,
    ) -> PyResult<Pending> {
        let started = Arc::<Started>::default();
        let pending = Pending { waiter: Arc::clone(&self.waiter), started: Arc::clone(&started) };
        let start = Box::new(move || {
            let handle = begin(Box::new(move |outcome| self.deliver(outcome)));
            let handle = started.handle.get_or_init(|| handle);
            if started.cancelled.load(Ordering::SeqCst) {
                handle.cancel();
            }
        });
        Bridge::start(bridge, start)?;
        Ok(pending)
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
        match (self.lift)(py, outcome) {
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
