//! Where the Python functions that guests call belong: the event loop and the context of the code that made the call.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyTuple;
use wippy_host::frame::Frame;
use wippy_host::mailbox::Home;

use crate::bridge::Queue;

/// What a call from an event loop, or of a batch, brings along.
pub struct PyHome {
    /// The loop's bridge; none where the call was not made on a loop.
    pub queue: Option<Arc<Queue>>,
    /// A `contextvars.Context`.
    pub context: Py<PyAny>,
}

impl PyHome {
    /// The home of a call that the running code makes now.
    pub fn here(py: Python<'_>, queue: Option<Arc<Queue>>) -> PyResult<Home> {
        static COPY: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
        let copy = COPY
            .get_or_try_init(py, || py.import("contextvars")?.getattr("copy_context").map(Bound::unbind))?;
        let context = copy.call0(py)?;
        Ok(Arc::new(PyHome { queue, context }))
    }

    pub fn of(frame: &Frame) -> Option<&PyHome> {
        frame.mailbox().home()?.downcast_ref()
    }

    /// Calls `function` in a copy of the context: several may run at once, and one context is entered only once.
    pub fn run<'py>(
        &self,
        function: &Bound<'py, PyAny>,
        arguments: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let context = self.context.bind(function.py()).call_method0("copy")?;
        let all = std::iter::once(function.clone()).chain(arguments.iter());
        context.call_method1("run", PyTuple::new(function.py(), all.collect::<Vec<_>>())?)
    }
}

/// The home that a call made here takes from the guest it is part of; none on a thread that runs an event loop: the call
/// blocks that loop, so nothing may wait for it, which the second value says.
pub fn inherited(py: Python<'_>, outer: Option<&Frame>) -> PyResult<(Option<Home>, bool)> {
    let Some(home) = outer.and_then(|outer| outer.mailbox().home()) else { return Ok((None, false)) };
    let running = py.import("asyncio")?.call_method0("_get_running_loop")?;
    Ok(if running.is_none() { (Some(Arc::clone(home)), false) } else { (None, true) })
}
