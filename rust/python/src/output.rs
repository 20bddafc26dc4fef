//! `stdout=` and `stderr=` of a call.

use std::sync::Arc;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use wippy_host::error::Abort;
use wippy_host::streams::{Output, Writer};

use crate::hooks::RunsPython;

struct PyWriter(Py<PyAny>);

impl Writer for PyWriter {
    fn write(&self, bytes: &[u8]) -> Result<(), Abort> {
        let _running = RunsPython::enter();
        match Python::try_attach(|py| self.0.bind(py).call1((PyBytes::new(py, bytes),)).map(drop)) {
            Some(Err(error)) => Err(Box::new(error)),
            _ => Ok(()),
        }
    }
}

/// A word, or a callable that takes bytes.
pub fn output(sink: &Bound<'_, PyAny>) -> PyResult<Output> {
    let Ok(word) = sink.cast::<PyString>() else {
        return Ok(Output::Writer(Arc::new(PyWriter(sink.clone().unbind()))));
    };
    match word.to_str()? {
        "log" => Ok(Output::Log),
        "discard" => Ok(Output::Discard),
        "inherit" => Ok(Output::Inherit),
        other => Err(PyValueError::new_err(format!(
            "expected \"inherit\", \"discard\", \"log\" or a callable, got {other:?}"
        ))),
    }
}
