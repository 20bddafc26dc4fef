//! Python functions that guests call through `funcs` (H-20 to H-24), and what else of Python the core asks.

use std::sync::Arc;

use pyo3::exceptions::{PyBaseException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyMemoryView, PyString};
use wippy_host::error::Abort;
use wippy_host::frame::Frame;
use wippy_host::table::{Authorize, HostFunction, Log, Payload, Reply};
use wippy_host::values::go_float;

use crate::asking::{self, Asked};
use crate::hooks::RunsPython;

/// A registered Python function.
pub struct PyCallee {
    pub id: String,
    /// Shared, because it is passed on where there is no lock to count references under.
    pub callee: Arc<Py<PyAny>>,
    /// Whether calling it gives a coroutine, as far as can be told beforehand.
    pub is_async: bool,
}

impl Asked for PyCallee {
    type Question = Payload;
    type Answer = Payload;

    fn asked(&self) -> (&str, &Arc<Py<PyAny>>, bool) {
        (&self.id, &self.callee, self.is_async)
    }

    fn argument<'py>(py: Python<'py>, input: Payload) -> PyResult<Bound<'py, PyAny>> {
        Ok(match input {
            Payload::Text(text) => PyString::new(py, &text).into_any(),
            Payload::Bytes(bytes) => PyBytes::new(py, &bytes).into_any(),
        })
    }

    fn answer(py: Python<'_>, id: &str, value: &Bound<'_, PyAny>) -> PyResult<Payload> {
        payload(py, id, value)
    }
}

impl HostFunction for PyCallee {
    fn start(&self, input: Payload, frame: &Frame, reply: Reply) -> Option<(Payload, Reply)> {
        asking::start(self, input, frame, reply)
    }

    fn call(&self, input: Payload, frame: &Frame, reply: Reply) {
        asking::call(self, input, frame, reply);
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
        let asked = Python::try_attach(|py| {
            let answer = self.0.bind(py).call1((caller, target))?;
            // A coroutine is true, and would allow everything.
            if answer.hasattr("__await__")? {
                let _ = answer.call_method0("close");
                let text = "Runtime(authorize=...) returned an awaitable; give a function that is not async";
                return Err(PyTypeError::new_err(text));
            }
            answer.is_truthy()
        });
        match asked {
            Some(Ok(allowed)) => Ok(allowed),
            Some(Err(error)) => Err(Box::new(error)),
            None => Ok(false),
        }
    }
}

/// Guest output that nobody captures (H-35), and refusals, into `logging`.
pub struct PyLog {
    /// Takes an entry's id, 1 or 2, and lines.
    pub lines: Py<PyAny>,
    /// Takes an entry's id and a text.
    pub refused: Option<Py<PyAny>>,
}

impl Log for PyLog {
    fn lines(&self, entry: &str, fd: u8, lines: &[u8]) {
        let _running = RunsPython::enter();
        let _ = Python::try_attach(|py| {
            let logged = self.lines.bind(py).call1((entry, fd, PyBytes::new(py, lines)));
            // A broken log handler must not fail the guest's call.
            if let Err(error) = logged {
                error.write_unraisable(py, Some(self.lines.bind(py)));
            }
        });
    }

    fn refused(&self, entry: &str, text: &str) {
        let Some(refused) = &self.refused else { return };
        let _running = RunsPython::enter();
        let _ = Python::try_attach(|py| {
            if let Err(error) = refused.bind(py).call1((entry, text)) {
                error.write_unraisable(py, Some(refused.bind(py)));
            }
        });
    }

    fn failed(&self, _: &str, reason: Abort) {
        let _running = RunsPython::enter();
        let _ = Python::try_attach(|py| {
            if let Ok(error) = reason.downcast::<PyErr>() {
                error.write_unraisable(py, None);
            }
        });
    }
}
