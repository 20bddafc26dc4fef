//! From the host's failures to the exception tree of `wippy_native.errors`.

use pyo3::exceptions::{PyException, PyRuntimeError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyType};
use wippy_host::error::{Failure, What};

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
    let plain = |name: &str, kind: &str| error(py, name, &message, kind, entry, &none);
    match what {
        What::Load => plain("RegistryError", "Invalid"),
        What::Method => plain("FunctionNotFound", "NotFound"),
        What::Closed => plain("PoolClosed", "Unavailable"),
        What::Conflict => plain("WippyError", "Conflict"),
        What::Cancelled => plain("Cancelled", "Canceled"),
        What::Ended | What::Forked => plain("WippyError", "Unavailable"),
        What::Internal => plain("InternalError", "Internal"),
        What::Trap { trap, backtrace } => with(py, "GuestTrap", &message, "Internal", entry, |own| {
            own.set_item("trap", trap)?;
            own.set_item("backtrace", backtrace)
        }),
        What::Denied { interface, function, group, backtrace } => {
            with(py, "ImportDenied", &message, "PermissionDenied", entry, |own| {
                own.set_item("trap", "import denied")?;
                own.set_item("backtrace", backtrace)?;
                own.set_item("interface", interface)?;
                own.set_item("function", function)?;
                own.set_item("group", group)
            })
        }
        What::Exit { code } => {
            with(py, "GuestExit", &message, "Internal", entry, |own| own.set_item("code", code))
        }
        What::Limit { limit, allowed } => {
            let kind = if matches!(limit, "max_execution_ms" | "timeout" | "total_timeout") {
                "Timeout"
            } else {
                "Invalid"
            };
            with(py, "LimitExceeded", &message, kind, entry, |own| {
                own.set_item("limit", limit)?;
                own.set_item("allowed", allowed)
            })
        }
        What::Aborted(reason) => match reason.downcast::<PyErr>() {
            Ok(error) => *error,
            Err(_) => plain("InternalError", "Internal"),
        },
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
pub fn guest_error(py: Python<'_>, entry: &str, value: Bound<'_, PyAny>) -> PyErr {
    let shown =
        value.str().map_or_else(|_| "an error".to_owned(), |text| text.to_string_lossy().into_owned());
    match [("value", value)].into_py_dict(py) {
        Ok(own) => error(py, "GuestError", &format!("{entry}: {shown}"), "Unknown", Some(entry), &own),
        Err(problem) => problem,
    }
}
