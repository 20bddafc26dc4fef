//! `_core.Module` and `_core.wit_text`: compiled modules and what they say of themselves.

use pyo3::prelude::*;
use pyo3::pybacked::PyBackedBytes;
use wippy_host::error::Failure;
use wippy_host::inspect::Wit;
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

/// The WIT text, and each export's name and signature.
type Description = (String, Vec<(String, String)>);

/// The WIT of a component's own packages, and its exports with the names of their types.
#[pyfunction]
#[pyo3(signature = (source, text=false))]
pub fn describe(py: Python<'_>, source: PyBackedBytes, text: bool) -> PyResult<Option<Description>> {
    let described = py.detach(|| {
        let Some(wit) = Wit::decode(&source, text)? else { return Ok(None) };
        Ok(Some((wit.text()?, wit.exports())))
    });
    described.map_err(|failure: Failure| raise(py, failure, None))
}
