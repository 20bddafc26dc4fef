//! `_core.Module` and `_core.wit_text`: compiled modules and what they say of themselves.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use wippy_host::inspect;
use wippy_host::module::{Code, Module as HostModule};

use crate::engine::Engine;
use crate::errors::raise;

#[pyclass(frozen, module = "wippy_native._core")]
pub struct Module {
    pub inner: HostModule,
}

#[pymethods]
impl Module {
    #[new]
    #[pyo3(signature = (engine, source, *, digest, text=false))]
    fn new(
        py: Python<'_>,
        engine: &Engine,
        source: PyBackedBytes,
        digest: &str,
        text: bool,
    ) -> PyResult<Self> {
        let loaded = py.detach(|| HostModule::load(&source, digest, text, engine.cache.as_ref()));
        Ok(Module { inner: loaded.map_err(|failure| raise(py, failure, None))? })
    }

    #[getter]
    fn kind(&self) -> &'static str {
        match self.inner.code {
            Code::Component(_) => "component",
            Code::Core(_) => "core",
        }
    }

    #[getter]
    fn size(&self) -> usize {
        self.inner.size
    }

    #[getter]
    fn imports(&self) -> Vec<(String, String, &'static str)> {
        let imports = self.inner.imports().into_iter();
        imports
            .map(|import| {
                let group = import.group();
                (import.interface, import.function, group)
            })
            .collect()
    }

    #[getter]
    fn exports(&self) -> Vec<(String, String)> {
        self.inner.exports()
    }
}

#[pyfunction]
#[pyo3(signature = (source, text=false))]
pub fn wit_text(py: Python<'_>, source: PyBackedBytes, text: bool) -> PyResult<String> {
    py.detach(|| inspect::wit_text(&source, text)).map_err(|failure| raise(py, failure, None))
}
