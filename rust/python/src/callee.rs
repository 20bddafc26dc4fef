//! Python functions that guests call through `funcs` (H-20 to H-24).

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use pyo3::exceptions::{PyBaseException, PyException};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyMemoryView, PyString};
use wippy_host::error::Abort;
use wippy_host::frame::Frame;
use wippy_host::table::{Authorize, HostFunction, Log, Payload, Refusal, Reply};
use wippy_host::values::go_float;

use crate::home::PyHome;
use crate::hooks::RunsPython;
use crate::scope::{Scope, within};

/// A registered Python function.
pub struct PyCallee {
    pub id: String,
    /// Shared, because it is passed on where there is no lock to count references under.
    pub callee: Arc<Py<PyAny>>,
    /// Whether calling it gives a coroutine, as far as can be told beforehand.
    pub is_async: bool,
}

impl HostFunction for PyCallee {
    fn start(&self, input: Payload, frame: &Frame, reply: Reply) -> Option<(Payload, Reply)> {
        let home = PyHome::of(frame).filter(|_| self.is_async);
        let Some(queue) = home.and_then(|home| home.queue.as_ref()) else { return Some((input, reply)) };
        let (id, callee, frame) = (self.id.clone(), Arc::clone(&self.callee), frame.clone());
        queue.push(Box::new(move |py| {
            let Some(home) = PyHome::of(&frame) else { return Ok(()) };
            let done = Done::new(&id, Some(reply));
            let scope = Scope::new(frame.clone());
            let start = py.import("wippy_native.callees")?.getattr("start_at_home")?;
            start.call1((callee.bind(py), argument(py, input), &home.context, scope, id, done)).map(drop)
        }));
        None
    }

    fn call(&self, input: Payload, frame: &Frame, reply: Reply) {
        let _running = RunsPython::enter();
        let mut reply = Some(reply);
        let answer = Python::try_attach(|py| {
            let argument = argument(py, input);
            let callee = self.callee.bind(py);
            let result = within(frame, || match PyHome::of(frame) {
                Some(home) => home.run(callee, argument),
                None => callee.call1((argument,)),
            })?;
            if !result.hasattr("__await__")? {
                return payload(py, &self.id, &result).map(Some);
            }
            let done = Done::new(&self.id, reply.take());
            let scope = Scope::new(frame.clone());
            if let Some((queue, home)) = PyHome::of(frame).and_then(|home| Some((home.queue.as_ref()?, home)))
            {
                let (result, context) = (result.unbind(), home.context.clone_ref(py));
                queue.push(Box::new(move |py| {
                    let wait = py.import("wippy_native.callees")?.getattr("await_at_home")?;
                    wait.call1((result, context, scope, done)).map(drop)
                }));
                return Ok(None);
            }
            let context = PyHome::of(frame).map(|home| home.context.clone_ref(py));
            let start = py.import("wippy_native.callees")?.getattr("start")?;
            start.call1((result, scope, self.id.as_str(), done, context)).map(|_| None)
        });
        // Taken where `start` has the reply: it answers later, or has answered already if it failed.
        let Some(reply) = reply else { return };
        match answer {
            Some(Ok(Some(payload))) => reply.send(Ok(payload)),
            Some(Ok(None)) => {}
            Some(Err(error)) => reply.send(Err(refusal(error))),
            None => reply.send(Err(Refusal::Err("Python is shutting down".to_owned()))),
        }
    }
}

/// Takes the outcome of an async function, once.
#[pyclass(frozen, module = "wippy_native._core")]
struct Done {
    id: String,
    reply: Mutex<Option<Reply>>,
}

impl Done {
    fn new(id: &str, reply: Option<Reply>) -> Self {
        Done { id: id.to_owned(), reply: Mutex::new(reply) }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Reply>> {
        self.reply.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[pymethods]
impl Done {
    /// `error` is None when the function returned `result`.
    fn __call__(&self, result: &Bound<'_, PyAny>, error: Option<Bound<'_, PyAny>>) {
        let Some(reply) = self.lock().take() else { return };
        reply.send(match error {
            Some(error) => Err(refusal(PyErr::from_value(error))),
            None => payload(result.py(), &self.id, result).map_err(refusal),
        });
    }

    /// Has `cancel` called, on some thread, if the guest ends before the answer.
    fn when_withdrawn(&self, py: Python<'_>, cancel: Py<PyAny>) {
        let action = Box::new(move || {
            let _running = RunsPython::enter();
            // A loop that was closed meanwhile has cancelled its tasks itself.
            let _ = Python::try_attach(|py| cancel.bind(py).call0().map(drop));
        });
        // Not under the lock: the action may run at once.
        let reply = self.lock().take();
        if let Some(reply) = reply {
            py.detach(|| reply.when_withdrawn(action));
            *self.lock() = Some(reply);
        }
    }
}

fn argument(py: Python<'_>, input: Payload) -> Bound<'_, PyAny> {
    match input {
        Payload::Text(text) => PyString::new(py, &text).into_any(),
        Payload::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
    }
}

/// A Python value as text or bytes (H-24): JSON for what has no text of its own.
fn payload(py: Python<'_>, id: &str, value: &Bound<'_, PyAny>) -> PyResult<Payload> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Payload::Text(text.to_str()?.to_owned()));
    }
    if value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
    {
        return Ok(Payload::Bytes(PyByteArray::from(value)?.to_vec()));
    }
    if value.is_none() {
        return Ok(Payload::Text(String::new()));
    }
    if let Ok(flag) = value.cast_exact::<PyBool>() {
        return Ok(Payload::Text(flag.is_true().to_string()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Payload::Text(value.str()?.to_str()?.to_owned()));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Payload::Text(go_float(number.value(), false)));
    }
    let text = py.import("wippy_native.callees")?.call_method1("to_json", (id, value))?;
    Ok(Payload::Text(text.extract()?))
}

/// An exception as the guest's `err` (H-23). What is no error of the function (Ctrl-C, an exit) ends the whole call.
fn refusal(error: PyErr) -> Refusal {
    let text = Python::try_attach(|py| error.is_instance_of::<PyException>(py).then(|| message(py, &error)));
    match text.flatten() {
        Some(text) => Refusal::Err(text),
        None => Refusal::Abort(Box::new(error)),
    }
}

/// The exception's message and those of its causes, `A: B`.
pub fn message(py: Python<'_>, error: &PyErr) -> String {
    let mut parts = Vec::new();
    let mut next = Some(error.clone_ref(py));
    // A chain that leads back to itself must not be followed for ever.
    while let Some(error) = next
        && parts.len() < 16
    {
        let value = error.value(py);
        let text = own_words(value).unwrap_or_default();
        parts.push(if text.is_empty() { type_name(value) } else { text });
        next = error.cause(py);
    }
    parts.join(": ")
}

fn type_name(value: &Bound<'_, PyBaseException>) -> String {
    value.get_type().name().map_or_else(|_| "error".to_owned(), |name| name.to_string_lossy().into_owned())
}

/// A guest's error by what it says, so that words in front of it do not pile up as it passes from call to call.
fn own_words(error: &Bound<'_, PyBaseException>) -> PyResult<String> {
    for attribute in ["value", "message"] {
        if let Ok(text) = error.getattr(attribute).and_then(|text| text.extract::<String>()) {
            return Ok(text);
        }
    }
    Ok(error.str()?.to_string_lossy().into_owned())
}

/// `Runtime(authorize=...)` (H-25).
pub struct PyAuthorize(pub Py<PyAny>);

impl Authorize for PyAuthorize {
    fn allows(&self, caller: &str, target: &str) -> Result<bool, Abort> {
        let _running = RunsPython::enter();
        let asked = Python::try_attach(|py| self.0.bind(py).call1((caller, target))?.is_truthy());
        match asked {
            Some(Ok(allowed)) => Ok(allowed),
            Some(Err(error)) => Err(Box::new(error)),
            None => Ok(false),
        }
    }
}

/// Guest output that nobody captures, into `logging` (H-35).
pub struct PyLog(pub Py<PyAny>);

impl Log for PyLog {
    fn lines(&self, entry: &str, fd: u8, lines: &[u8]) {
        let _running = RunsPython::enter();
        let _ = Python::try_attach(|py| {
            let logged = self.0.bind(py).call1((entry, fd, PyBytes::new(py, lines)));
            // A broken log handler must not fail the guest's call.
            if let Err(error) = logged {
                error.write_unraisable(py, Some(self.0.bind(py)));
            }
        });
    }
}
