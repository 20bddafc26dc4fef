//! Values of Lua programs as Python objects.
//!
//! Strings are `str` where they are UTF-8 and `bytes` where not, keys as well. How deep a value is was bounded when it
//! was copied out of Lua.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyList, PyString};
use wippy_lua::error::ErrorValue;
use wippy_lua::value::Value;

use crate::errors;

/// The object for a value.
pub fn to_python<'py>(py: Python<'py>, value: &Value) -> PyResult<Bound<'py, PyAny>> {
    Ok(match value {
        Value::Nil => py.None().into_bound(py),
        Value::Bool(flag) => PyBool::new(py, *flag).to_owned().into_any(),
        Value::Int(number) => number.into_pyobject(py)?.into_any(),
        Value::Float(number) => PyFloat::new(py, *number).into_any(),
        Value::Str(bytes) => text(py, bytes)?,
        Value::List(items) => {
            let items = items.iter().map(|item| to_python(py, item)).collect::<PyResult<Vec<_>>>()?;
            PyList::new(py, items)?.into_any()
        }
        Value::Map(entries) => map(py, entries)?.into_any(),
        Value::Error(error) => exception(py, error)?.into_value(py).into_bound(py).into_any(),
    })
}

/// The exception for an error (L-22).
fn exception(py: Python<'_>, error: &ErrorValue) -> PyResult<PyErr> {
    let own = PyDict::new(py);
    own.set_item("retryable", error.retryable.unwrap_or(false))?;
    own.set_item("traceback", &error.traceback)?;
    own.set_item("details", errors::details_of(py, &error.details)?)?;
    Ok(errors::error(py, "LuaError", &error.message, error.kind.name(), None, &own))
}

fn map<'py>(py: Python<'py>, entries: &[(Vec<u8>, Value)]) -> PyResult<Bound<'py, PyDict>> {
    let dict = PyDict::new(py);
    for (key, value) in entries {
        dict.set_item(text(py, key)?, to_python(py, value)?)?;
    }
    Ok(dict)
}

fn text<'py>(py: Python<'py>, bytes: &[u8]) -> PyResult<Bound<'py, PyAny>> {
    // Python checks the UTF-8 while it decodes.
    match PyString::from_bytes(py, bytes) {
        Ok(text) => Ok(text.into_any()),
        Err(error) if std::str::from_utf8(bytes).is_ok() => Err(error),
        Err(_) => Ok(PyBytes::new(py, bytes).into_any()),
    }
}
