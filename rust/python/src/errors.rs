//! From the host's failures to the exception tree of `wippy_native.errors`.

use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyType};
use wippy_host::error::{Failure, What};
use wippy_lua::error::ErrorValue;
use wippy_lua::value::Value;

use crate::values::to_python;

/// A class of `wippy_native.errors`.
fn class<'py>(py: Python<'py>, name: &str) -> PyResult<Bound<'py, PyType>> {
    static MODULE: PyOnceLock<Py<PyModule>> = PyOnceLock::new();
    let module = MODULE.get_or_try_init(py, || py.import("wippy_native.errors").map(Bound::unbind))?;
    Ok(module.bind(py).getattr(name)?.cast_into()?)
}

/// An exception with the attributes every class of the tree has, and its own.
pub fn error(
    py: Python<'_>,
    name: &str,
    message: &str,
    kind: &str,
    entry: Option<&str>,
    own: &Bound<'_, PyDict>,
) -> PyErr {
    let made = class(py, name).and_then(|class| {
        own.set_item("kind", kind)?;
        own.set_item("entry", entry)?;
        class.call((message,), Some(own))
    });
    match made {
        Ok(exception) => PyErr::from_value(exception),
        // Ctrl-C may arrive while Python makes the exception.
        Err(problem) if !problem.is_instance_of::<PyException>(py) => problem,
        Err(problem) => {
            let fallback = PyRuntimeError::new_err(message.to_owned());
            fallback.set_cause(py, Some(problem));
            fallback
        }
    }
}

/// The exception for a failure of `entry`; what Python itself raised comes back as it was.
pub fn raise(py: Python<'_>, failure: Failure, entry: Option<&str>) -> PyErr {
    let none = PyDict::new(py);
    let Failure { what, message } = failure;
    let kind = what.kind().name();
    let plain = |name: &str| error(py, name, &message, kind, entry, &none);
    match what {
        What::Load => plain("RegistryError"),
        What::Method => plain("FunctionNotFound"),
        What::Closed => plain("PoolClosed"),
        What::Conflict => plain("WippyError"),
        What::Cancelled => plain("Cancelled"),
        What::Ended | What::Forked => plain("WippyError"),
        What::Internal => plain("InternalError"),
        What::Raised(error) => raised(py, *error, &message, entry),
        What::Trap { trap, backtrace } => with(py, "GuestTrap", &message, kind, entry, |own| {
            own.set_item("trap", trap)?;
            own.set_item("backtrace", backtrace)
        }),
        What::Denied { interface, function, group, backtrace } => {
            with(py, "ImportDenied", &message, kind, entry, |own| {
                own.set_item("trap", "import denied")?;
                own.set_item("backtrace", backtrace)?;
                own.set_item("interface", interface)?;
                own.set_item("function", function)?;
                own.set_item("group", group)
            })
        }
        What::Exit { code } => with(py, "GuestExit", &message, kind, entry, |own| own.set_item("code", code)),
        What::Limit { limit, allowed } => with(py, "LimitExceeded", &message, kind, entry, |own| {
            own.set_item("limit", limit)?;
            own.set_item("allowed", allowed)
        }),
        What::Aborted(reason) => match reason.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(_) => plain("InternalError"),
        },
    }
}

/// A script's error, with its place (L-14).
fn raised(py: Python<'_>, found: ErrorValue, message: &str, entry: Option<&str>) -> PyErr {
    let ErrorValue { kind, message: value, retryable, details, traceback } = found;
    with(py, "LuaError", message, kind.name(), entry, |own| {
        let (file, line) = place(&traceback).or_else(|| place(&value)).unzip();
        own.set_item("value", value)?;
        own.set_item("retryable", retryable.unwrap_or(false))?;
        own.set_item("traceback", traceback)?;
        own.set_item("file", file)?;
        own.set_item("line", line)?;
        own.set_item("details", details_of(py, &details)?)
    })
}

/// The details of an error, which have names in Python.
pub fn details_of<'py>(py: Python<'py>, details: &Value) -> PyResult<Bound<'py, PyAny>> {
    let found = to_python(py, details)?;
    if matches!(details, Value::Map(_)) {
        return Ok(found);
    }
    let named = PyDict::new(py);
    if !matches!(details, Value::Nil) {
        named.set_item("value", found)?;
    }
    Ok(named.into_any())
}

/// File and line of the first frame: `file:line: ...`.
fn place(text: &str) -> Option<(String, u32)> {
    let frame = text.lines().next()?;
    let mut from = 0;
    loop {
        let colon = from + frame.get(from..)?.find(':')?;
        let rest = &frame[colon + 1..];
        let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
        if digits > 0 && rest[digits..].starts_with(':') {
            return Some((frame[..colon].to_owned(), rest[..digits].parse().ok()?));
        }
        from = colon + 1;
    }
}

fn with(
    py: Python<'_>,
    name: &str,
    message: &str,
    kind: &str,
    entry: Option<&str>,
    fill: impl FnOnce(&Bound<'_, PyDict>) -> PyResult<()>,
) -> PyErr {
    let own = PyDict::new(py);
    match fill(&own) {
        Ok(()) => error(py, name, message, kind, entry, &own),
        Err(problem) => problem,
    }
}

/// `GuestError` with the value of the error side (V-22).
pub fn guest_error(py: Python<'_>, entry: &str, value: Bound<'_, PyAny>, cause: Option<ErrorValue>) -> PyErr {
    let shown =
        value.str().map_or_else(|_| "an error".to_owned(), |text| text.to_string_lossy().into_owned());
    // WIT has no kinds of errors: the guest may have passed on the text of one that has.
    let kind = cause.as_ref().map_or("Unknown", |cause| cause.kind.name());
    let filled = [("value", value)].into_py_dict(py).and_then(|own| {
        if let Some(cause) = &cause {
            own.set_item("retryable", cause.retryable.unwrap_or(false))?;
            own.set_item("details", details_of(py, &cause.details)?)?;
        }
        Ok(own)
    });
    match filled {
        Ok(own) => error(py, "GuestError", &format!("{entry}: {shown}"), kind, Some(entry), &own),
        Err(problem) => problem,
    }
}
