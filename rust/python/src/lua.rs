//! `_core.LuaModule`: the compiled source of one Lua entry; and what else scripts ask of Python.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use wippy_host::script::Environment;
use wippy_host::table::Refusal;
use wippy_lua::error::Kind;
use wippy_lua::source::SyntaxError;
use wippy_lua::unit::{Unit, UnitSpec};
use wippy_lua::value::Value;

use crate::asking::refusal;
use crate::errors::error;
use crate::hooks::RunsPython;
use crate::values::plain;

#[pyclass(frozen, module = "wippy_native._core")]
pub struct LuaModule {
    pub unit: Arc<Unit>,
}

#[pymethods]
impl LuaModule {
    #[new]
    #[pyo3(signature = (*, entry, file, line, source, modules, imports))]
    fn new(
        py: Python<'_>,
        entry: String,
        file: String,
        line: u32,
        source: String,
        modules: Vec<String>,
        imports: &Bound<'_, PyDict>,
    ) -> PyResult<Self> {
        let mut units = Vec::with_capacity(imports.len());
        for (alias, module) in imports {
            units.push((alias.extract()?, Arc::clone(&module.cast::<LuaModule>()?.get().unit)));
        }
        let id = entry.clone();
        let spec = UnitSpec { entry, file, line, source, modules, imports: units };
        let compiled = py.detach(|| Unit::compile(spec));
        Ok(LuaModule { unit: compiled.map_err(|problem| syntax_error(py, &id, &problem))? })
    }

    #[getter]
    fn entry(&self) -> &str {
        &self.unit.entry
    }

    #[getter]
    fn requires(&self) -> Vec<(String, u32, u32)> {
        self.unit
            .requires
            .iter()
            .map(|require| (require.name.clone(), require.line, require.column))
            .collect()
    }
}

fn syntax_error(py: Python<'_>, entry: &str, problem: &SyntaxError) -> PyErr {
    let own = PyDict::new(py);
    let details = PyDict::new(py);
    let filled = details
        .set_item("line", problem.line)
        .and_then(|()| details.set_item("column", problem.column))
        .and_then(|()| own.set_item("details", details));
    match filled {
        Ok(()) => error(py, "RegistryError", &problem.message, "Invalid", Some(entry), &own),
        Err(failed) => failed,
    }
}

/// The environment as Python keeps it (L-34).
pub struct PyEnvironment {
    pub id: Py<PyAny>,
    pub get: Py<PyAny>,
    pub set: Py<PyAny>,
    pub all: Py<PyAny>,
}

impl PyEnvironment {
    fn ask<A>(&self, function: &Py<PyAny>, arguments: A) -> Result<Value, Refusal>
    where
        A: for<'a> FnOnce(Python<'a>) -> PyResult<Bound<'a, PyTuple>>,
    {
        let _running = RunsPython::enter();
        let asked = Python::try_attach(|py| {
            let found = arguments(py).and_then(|arguments| function.bind(py).call1(&arguments));
            found.and_then(|found| plain::result(py, "env", &found))
        });
        match asked {
            Some(answer) => answer.map_err(refusal),
            None => Err(Refusal::of(Kind::Unavailable, "Python is shutting down")),
        }
    }
}

impl Environment for PyEnvironment {
    fn id(&self, key: &str) -> Result<String, Refusal> {
        match self.ask(&self.id, |py| PyTuple::new(py, [key]))? {
            Value::Str(id) => Ok(String::from_utf8_lossy(&id).into_owned()),
            _ => Err(Refusal::of(Kind::Internal, "an environment variable without an id")),
        }
    }

    fn get(&self, key: &str) -> Result<Value, Refusal> {
        self.ask(&self.get, |py| PyTuple::new(py, [key]))
    }

    fn set(&self, key: &str, value: &str) -> Result<Value, Refusal> {
        self.ask(&self.set, |py| PyTuple::new(py, [key, value])).map(|_| Value::Bool(true))
    }

    fn all(&self) -> Result<Value, Refusal> {
        self.ask(&self.all, |py| Ok(PyTuple::empty(py)))
    }
}
