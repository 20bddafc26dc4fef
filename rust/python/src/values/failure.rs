//! Why an argument does not fit, and where: `users[3].tags: expected list<string>, got int (5)` (V-28).
//!
//! The place is put together only when something fails, each level adding its part on the way out.

use std::fmt::Write;

use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{PyBool, PyDict, PyFloat, PyInt, PyString, PyType};

use super::plan::Node;

pub(super) type Lowered<T = ()> = Result<T, Fail>;

/// A value that does not fit, or an exception of the caller's own objects.
pub(super) enum Fail {
    Misfit(Box<Misfit>),
    Python(PyErr),
}

pub(super) struct Misfit {
    /// Innermost first.
    path: Vec<Segment>,
    kind: &'static str,
    text: String,
}

enum Segment {
    Name(String),
    Index(usize),
}

impl From<PyErr> for Fail {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

impl Fail {
    /// `kind` is one of V-28's: `type_mismatch`, `field_missing`, `invalid_data`, `overflow`, `invalid_utf8`.
    pub fn new(kind: &'static str, text: impl Into<String>) -> Self {
        Self::Misfit(Box::new(Misfit { path: Vec::new(), kind, text: text.into() }))
    }

    /// The object is of another type than the parameter.
    pub fn mismatch(node: &Node, found: &Bound<'_, PyAny>) -> Self {
        Self::new("type_mismatch", format!("expected {}, got {}", node.ty, describe(found)))
    }

    /// A payload for a case that has none.
    pub fn mismatch_unit(found: &Bound<'_, PyAny>) -> Self {
        Self::new("type_mismatch", format!("expected no payload, got {}", describe(found)))
    }

    /// The number does not fit its type.
    pub fn overflow(node: &Node, found: &Bound<'_, PyAny>) -> Self {
        Self::new("overflow", format!("expected {}, got {}", node.ty, describe(found)))
    }

    pub fn too_long() -> Self {
        Self::new("overflow", "more than a string or list may hold")
    }

    pub fn changed() -> Self {
        Self::new("invalid_data", "changed size while it was read")
    }

    pub fn at_index(mut self, index: usize) -> Self {
        if let Self::Misfit(misfit) = &mut self {
            misfit.path.push(Segment::Index(index));
        }
        self
    }

    pub fn at(mut self, name: &Bound<'_, PyString>) -> Self {
        if let Self::Misfit(misfit) = &mut self {
            misfit.path.push(Segment::Name(name.to_string_lossy().into_owned()));
        }
        self
    }
}

impl Misfit {
    fn path(&self) -> String {
        let mut path = String::new();
        for segment in self.path.iter().rev() {
            // Writing to a string does not fail.
            let _ = match segment {
                Segment::Index(index) => write!(path, "[{index}]"),
                Segment::Name(name) if path.is_empty() => write!(path, "{name}"),
                Segment::Name(name) => write!(path, ".{name}"),
            };
        }
        path
    }

    /// The error for argument `index` of a script.
    pub fn into_script_error(self, py: Python<'_>, function: &str, method: &str, index: usize) -> PyErr {
        let (path, inner) = self.of_parameter(index);
        script_argument_error(py, function, method, &inner, &path)
    }

    /// The error for what a Python function returned to a script.
    pub fn into_result_error(self, py: Python<'_>, id: &str) -> PyErr {
        let path = self.path();
        let at = if path.is_empty() { String::new() } else { format!("{path}: ") };
        let text = format!("{id}: the result cannot be given to Lua: {at}{}", self.text);
        crate::errors::error(py, "WippyError", &text, "Invalid", Some(id), &PyDict::new(py))
    }

    /// Where, and what follows `encode params: `.
    fn of_parameter(&self, index: usize) -> (String, String) {
        let (path, kind, text) = (self.path(), self.kind, &self.text);
        let inner = format!(
            "[encode] invalid_data at param[{index}]: failed to encode parameter {index}: [encode] {kind}: {path}: {text}"
        );
        (path, inner)
    }

    /// The error for parameter `index`.
    pub fn into_error(self, py: Python<'_>, function: &str, method: &str, index: usize) -> PyErr {
        let (path, inner) = self.of_parameter(index);
        argument_error(py, function, method, &inner, &path)
    }
}

/// An `ArgumentError`; `inner` is what follows `encode params: `.
pub(super) fn argument_error(py: Python<'_>, function: &str, method: &str, inner: &str, path: &str) -> PyErr {
    misfit(
        py,
        &format!("{function}: failed to call wasm method: {method}: encode params: {inner}"),
        function,
        path,
    )
}

/// The same for a script's.
pub(super) fn script_argument_error(
    py: Python<'_>,
    function: &str,
    method: &str,
    inner: &str,
    path: &str,
) -> PyErr {
    misfit(
        py,
        &format!("{function}: failed to call lua function: {method}: encode params: {inner}"),
        function,
        path,
    )
}

fn misfit(py: Python<'_>, message: &str, function: &str, path: &str) -> PyErr {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    let build = || {
        let class = CLASS.import(py, "wippy_native.errors", "ArgumentError")?;
        let attributes = PyDict::new(py);
        attributes.set_item("kind", "Invalid")?;
        attributes.set_item("entry", function)?;
        attributes.set_item("path", path)?;
        class.call((message,), Some(&attributes))
    };
    build().map_or_else(|error| error, PyErr::from_value)
}

/// The type of an object, with its value where that is short and made by Python itself.
pub(super) fn describe(found: &Bound<'_, PyAny>) -> String {
    if found.is_none() {
        return "None".to_owned();
    }
    let name = found.get_type().name().map_or_else(|_| "object".to_owned(), |name| name.to_string());
    match shown(found) {
        Some(value) => format!("{name} ({value})"),
        None => name,
    }
}

fn shown(found: &Bound<'_, PyAny>) -> Option<String> {
    const LONGEST: usize = 40;
    let plain = match found.cast_exact::<PyString>() {
        Ok(string) => string.len().is_ok_and(|len| len <= LONGEST),
        Err(_) => {
            found.is_exact_instance_of::<PyInt>()
                || found.is_exact_instance_of::<PyFloat>()
                || found.is_exact_instance_of::<PyBool>()
        }
    };
    let repr = plain.then(|| found.repr().ok()).flatten()?;
    let repr = repr.to_string_lossy();
    (repr.len() <= LONGEST).then(|| repr.into_owned())
}
