//! `_core.Batch`: a function called with every item of a source.
//!
//! Everything that needs Python's lock happens on the consumer's thread: items are taken from the source and lowered in
//! chunks under one hold, results are lifted in chunks under one hold. What is in flight is bounded, in number and in
//! bytes, so that the source is read no faster than the results are taken.

mod results;
mod source;

use std::sync::{Arc, Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::PyList;
use wippy_host::batch::{Batch as HostBatch, Plan, Workers};
use wippy_host::error::{Failure, What};
use wippy_host::function::Function;

use crate::bridge::{Bridge, Queue};
use crate::errors::raise;
use crate::function::{FunctionBase, Prepared};
use crate::home::PyHome;
use crate::hooks::notice_faulthandler;
use crate::scope;
use results::Results;
use source::Source;

/// How long the consumer waits before it looks for Ctrl-C.
const LOOK_AROUND: Duration = Duration::from_millis(25);
/// Calls shorter than this have their results gathered, for as long as nobody notices.
const SHORT_CALL: Duration = Duration::from_micros(200);
const GATHER: Duration = Duration::from_millis(2);
/// How long the end of a batch waits for guests that were told to end; they look up at every tick.
const UNTIL_ENDED: Duration = Duration::from_secs(2);

/// See the module's documentation.
#[pyclass(frozen, module = "wippy_native._core")]
pub struct Batch {
    prepared: Arc<Prepared>,
    host: HostBatch,
    waiter: Arc<Waiter>,
    state: Mutex<State>,
    total: Option<(Instant, Duration)>,
}

struct State {
    source: Source,
    results: Results,
}

#[pymethods]
impl Batch {
    /// `source`: an iterator; None where items come by `feed`. `star`: an item is the positional arguments, not the
    /// only one. `chunk_size` and `timeout` (seconds, for the whole): None for none.
    #[new]
    #[pyo3(signature = (
        function, source, *, star, ordered, return_errors, workers=None, chunk_size=None, timeout=None,
        bridge=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword an option, as Python has it")]
    fn new(
        py: Python<'_>,
        function: &FunctionBase,
        source: Option<Py<PyAny>>,
        star: bool,
        ordered: bool,
        return_errors: bool,
        workers: Option<usize>,
        chunk_size: Option<usize>,
        timeout: Option<f64>,
        bridge: Option<&Bridge>,
    ) -> PyResult<Self> {
        let workers = workers_for(workers, &function.shared.function);
        let queue = bridge.map(|bridge| Arc::clone(&bridge.queue));
        let waiter = Arc::new(Waiter { queue: queue.clone(), future: Mutex::new(None) });
        let told = Arc::clone(&waiter);
        let plan = Plan {
            options: function.options().clone(),
            outer: scope::current(py)?,
            home: Some(PyHome::here(py, queue)?),
            workers,
            notify: Box::new(move || Waiter::tell(&told)),
        };
        notice_faulthandler(py)?;
        let total = timeout.and_then(|seconds| Duration::try_from_secs_f64(seconds).ok());
        let total = total.and_then(|total| Some((Instant::now().checked_add(total)?, total)));
        let prepared = Arc::clone(&function.shared);
        let host = HostBatch::new(Arc::clone(&prepared.function), plan);
        let source = Source::new(source, star, chunk_size, workers.most(), prepared.function.never_waits());
        let results = Results::new(ordered, return_errors, function.raises_err());
        Ok(Batch { prepared, host, waiter, state: Mutex::new(State { source, results }), total })
    }

    /// Some results, at least one; None after the last. Waits. Raises what an item raises, unless errors are returned,
    /// and what the source raises.
    fn next(&self, py: Python<'_>) -> PyResult<Option<Py<PyList>>> {
        loop {
            if let Some(found) = self.advance(py)? {
                return Ok(found.into_some());
            }
            let (wanted, at_most) = self.patience()?;
            py.detach(|| self.host.wait(wanted, at_most));
            py.check_signals()?;
        }
    }

    /// As `next`, without waiting: an empty list where there is nothing yet.
    fn poll(&self, py: Python<'_>) -> PyResult<Option<Py<PyList>>> {
        match self.advance(py)? {
            Some(found) => Ok(found.into_some()),
            None => Ok(Some(PyList::empty(py).unbind())),
        }
    }

    /// Gives `future` None once `poll` is worth calling again; False where it is right now.
    fn when_ready(&self, future: Py<PyAny>) -> bool {
        *self.waiter.lock() = Some(future);
        // Looked at after the future is in its place: what finishes from now on finds it.
        if self.host.has_finished() {
            self.waiter.lock().take();
            return false;
        }
        true
    }

    /// Seconds until the batch's time is over.
    fn time_left(&self) -> Option<f64> {
        self.total.map(|(end, _)| end.saturating_duration_since(Instant::now()).as_secs_f64())
    }

    /// Items the source has room for.
    fn room(&self) -> PyResult<usize> {
        let state = self.state()?;
        Ok(state.source.room(state.results.in_flight()))
    }

    /// Adds items; `last`: there are no more.
    #[pyo3(signature = (items, *, last=false))]
    fn feed(&self, items: &Bound<'_, PyList>, last: bool) -> PyResult<()> {
        self.state()?.source.feed(items, last);
        Ok(())
    }

    /// Ends what is in flight; with `wait`, until the guests are gone. True if they are.
    #[pyo3(signature = (*, wait))]
    fn cancel(&self, py: Python<'_>, wait: bool) -> bool {
        if self.prepared.check_process(py).is_err() {
            // What ran, ran in the parent.
            return true;
        }
        let ended = py.detach(|| {
            self.host.cancel();
            self.host.wait_idle(if wait { UNTIL_ENDED } else { Duration::ZERO })
        });
        // The source may hold files open; nobody will read it any more.
        if let Ok(mut state) = self.state.try_lock() {
            state.source.close();
        }
        ended
    }
}

/// Guests that can wait and run at once, where nobody says how many.
const WAITING_AT_ONCE: usize = 128;

/// As many workers as there is use for: a guest that cannot wait keeps a processor busy, one that can may not.
fn workers_for(wish: Option<usize>, function: &Function) -> Workers {
    let capacity = function.capacity().max(1);
    let processors = || std::thread::available_parallelism().map_or(1, usize::from);
    match wish {
        Some(workers) => Workers::Exactly(workers.clamp(1, capacity)),
        None if function.never_waits() => Workers::UpTo(processors().min(capacity)),
        None => Workers::UpTo(WAITING_AT_ONCE.min(capacity)),
    }
}

/// What [`Batch::advance`] found.
enum Found {
    Some(Py<PyList>),
    End,
}

impl Found {
    fn into_some(self) -> Option<Py<PyList>> {
        match self {
            Found::Some(list) => Some(list),
            Found::End => None,
        }
    }
}

impl Batch {
    /// Moves everything on that can be without waiting; none where only waiting helps.
    fn advance(&self, py: Python<'_>) -> PyResult<Option<Found>> {
        self.prepared.check_process(py)?;
        let mut state = self.state()?;
        let State { source, results } = &mut *state;
        results.settle(self.host.take(), source);
        loop {
            self.refuse_overtime(py, results)?;
            // First the workers get something to do. Only a slow source has results wait for it no longer than needed.
            while !(source.is_slow() && (results.has_next() || self.host.has_finished()))
                && source.submit_chunk(py, &self.prepared, &self.host, results)?
            {}
            results.settle(self.host.take(), source);
            if let Some(list) = results.lift(py, &self.prepared)? {
                return Ok(Some(Found::Some(list)));
            }
            if !self.host.has_finished() {
                break;
            }
        }
        if results.in_flight() > 0 || !source.is_over() {
            return Ok(None);
        }
        source.raise_own_error()?;
        Ok(Some(Found::End))
    }

    /// How many results to wait for, and how long. Those of short calls come many at once.
    fn patience(&self) -> PyResult<(usize, Duration)> {
        let in_flight = self.state()?.results.in_flight();
        let is_short = self.prepared.function.never_waits() && self.host.per_call() < SHORT_CALL;
        let (wanted, at_most) = if is_short { (in_flight / 2, GATHER) } else { (1, LOOK_AROUND) };
        let left = self.total.map(|(end, _)| end.saturating_duration_since(Instant::now()));
        Ok((wanted.max(1), left.map_or(at_most, |left| left.min(at_most))))
    }

    fn refuse_overtime(&self, py: Python<'_>, results: &Results) -> PyResult<()> {
        let Some((end, total)) = self.total else { return Ok(()) };
        if Instant::now() < end {
            return Ok(());
        }
        let (id, allowed) = (&self.prepared.function.spec.id, total.as_millis() as u64);
        let text =
            format!("{id}: batch timeout exceeded: {allowed}ms; {} results had been taken", results.taken());
        Err(raise(py, Failure::new(What::Limit { limit: "total_timeout", allowed }, text), Some(id)))
    }

    /// Never waited for: whoever holds it may wait for Python's lock, which we hold.
    fn state(&self) -> PyResult<MutexGuard<'_, State>> {
        match self.state.try_lock() {
            Ok(state) => Ok(state),
            Err(TryLockError::Poisoned(poisoned)) => Ok(poisoned.into_inner()),
            Err(TryLockError::WouldBlock) => Err(PyRuntimeError::new_err(
                "the batch is in use: its source, or another thread, asks it for results",
            )),
        }
    }
}

/// The asyncio future of whoever waits for results.
struct Waiter {
    queue: Option<Arc<Queue>>,
    future: Mutex<Option<Py<PyAny>>>,
}

impl Waiter {
    fn tell(this: &Arc<Self>) {
        let Some(queue) = &this.queue else { return };
        let this = Arc::clone(this);
        queue.push(Box::new(move |py| {
            let Some(future) = this.lock().take() else { return Ok(()) };
            let future = future.bind(py);
            if future.call_method0("done")?.is_truthy()? {
                return Ok(());
            }
            future.call_method1("set_result", (py.None(),)).map(drop)
        }));
    }

    fn lock(&self) -> MutexGuard<'_, Option<Py<PyAny>>> {
        self.future.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}
