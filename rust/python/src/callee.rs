//! Python functions that guests call through `funcs` (H-20 to H-24), and what else of Python the core asks.

use std::sync::Arc;

use pyo3::exceptions::{PyBaseException, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyByteArray, PyBytes, PyFloat, PyInt, PyMemoryView, PyString, PyTuple};
use wippy_host::error::Abort;
use wippy_host::frame::Frame;
use wippy_host::table::{Authorize, HostFunction, Input, Log, Output, Reply};
use wippy_host::values::go_float;
use wippy_lua::host::Level;
use wippy_lua::value::Value;

use crate::asking::{self, Asked, Form};
use crate::hooks::RunsPython;
use crate::values::{plain, to_python};

/// A registered Python function.
pub struct PyCallee {
    pub id: String,
    /// Shared, because it is passed on where there is no lock to count references under.
    pub callee: Arc<Py<PyAny>>,
    /// Whether calling it gives a coroutine, as far as can be told beforehand.
    pub is_async: bool,
}

impl Asked for PyCallee {
    type Question = Input;
    type Answer = Output;

    fn asked(&self) -> (&str, &Arc<Py<PyAny>>, bool) {
        (&self.id, &self.callee, self.is_async)
    }

    fn form(question: &Input) -> Form {
        match question {
            Input::Values(_) => Form::Value,
            _ => Form::Payload,
        }
    }

    fn arguments<'py>(py: Python<'py>, input: Input) -> PyResult<Bound<'py, PyTuple>> {
        match input {
            Input::Text(text) => PyTuple::new(py, [PyString::new(py, &text)]),
            Input::Bytes(bytes) => PyTuple::new(py, [PyBytes::new(py, &bytes)]),
            Input::Values(values) => {
                let values = values.iter().map(|value| to_python(py, value));
                PyTuple::new(py, values.collect::<PyResult<Vec<_>>>()?)
            }
        }
    }

    fn answer(py: Python<'_>, id: &str, value: &Bound<'_, PyAny>, form: Form) -> PyResult<Output> {
        match form {
            Form::Payload => payload(py, id, value),
            Form::Value => plain::result(py, id, value).map(Output::Value),
        }
    }
}

impl HostFunction for PyCallee {
    fn start(&self, input: Input, frame: &Frame, reply: Reply) -> Option<(Input, Reply)> {
        asking::start(self, input, frame, reply)
    }

    fn call(&self, input: Input, frame: &Frame, reply: Reply) {
        asking::call(self, input, frame, reply);
    }
}

/// A Python value as text or bytes (H-24): JSON for what has no text of its own.
fn payload(py: Python<'_>, id: &str, value: &Bound<'_, PyAny>) -> PyResult<Output> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(Output::Text(text.to_str()?.to_owned()));
    }
    if value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyMemoryView>()
    {
        return Ok(Output::Bytes(PyByteArray::from(value)?.to_vec()));
    }
    if value.is_none() {
        return Ok(Output::Text(String::new()));
    }
    if let Ok(flag) = value.cast_exact::<PyBool>() {
        return Ok(Output::Text(flag.is_true().to_string()));
    }
    if value.is_instance_of::<PyInt>() {
        return Ok(Output::Text(value.str()?.to_str()?.to_owned()));
    }
    if let Ok(number) = value.cast::<PyFloat>() {
        return Ok(Output::Text(go_float(number.value(), false)));
    }
    let text = py.import("wippy_native.callees")?.call_method1("to_json", (id, value))?;
    Ok(Output::Text(text.extract()?))
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
    /// Takes an entry's id, a level's name, a logger's name or None, a text, and fields.
    pub message: Option<Py<PyAny>>,
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

    fn message(&self, entry: &str, level: Level, name: Option<&str>, text: &str, fields: &Value) {
        let Some(message) = &self.message else { return };
        let _running = RunsPython::enter();
        let level = match level {
            Level::Debug => "DEBUG",
            Level::Info => "INFO",
            Level::Warn => "WARNING",
            Level::Error => "ERROR",
        };
        let _ = Python::try_attach(|py| {
            let logged = to_python(py, fields)
                .and_then(|fields| message.bind(py).call1((entry, level, name, text, fields)));
            if let Err(error) = logged {
                error.write_unraisable(py, Some(message.bind(py)));
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
