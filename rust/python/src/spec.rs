//! `_core.FunctionSpec`: what an entry says of a function.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use wippy_host::groups::{Grants, Group};
use wippy_host::imports::filesystem::Mount;
use wippy_host::limits::InstanceLimits;
use wippy_host::script::Environment;
use wippy_host::spec::{Env, EnvSource, Pairs, Spec};
use wippy_host::table::Refusal;
use wippy_lua::error::Kind;
use wippy_lua::host::Directory;

use crate::callee::message;
use crate::hooks::RunsPython;
use crate::lua::PyEnvironment;
use crate::network::NetworkSpec;
use crate::values::error_value;

#[pyclass(frozen, module = "wippy_native._core")]
pub struct FunctionSpec {
    pub spec: Spec,
    /// The callable behind a dynamic environment, to be asked before a call.
    pub env: Option<Arc<PyEnv>>,
    /// What the modules of a script find.
    pub directories: HashMap<String, Directory>,
    pub environment: Option<Arc<dyn Environment>>,
}

#[pymethods]
impl FunctionSpec {
    #[new]
    #[pyo3(signature = (
        *, id, method, wit=None, groups=vec![], strict_imports=false, capacity=16, inline=false, warm_start=false, reuse=1,
        max_execution_ms=0, max_memory_bytes=1 << 30, max_table_elements=100_000, max_result_bytes=1 << 30,
        max_output_bytes=1 << 16, args=vec![], cwd="/".to_owned(), env=None, mounts=vec![],
        network=None, filesystems=vec![], envid=None, getenv=None, setenv=None, all_env=None
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword a field, as Python has it")]
    fn new(
        id: &str,
        method: String,
        wit: Option<String>,
        groups: Vec<String>,
        strict_imports: bool,
        capacity: usize,
        inline: bool,
        warm_start: bool,
        reuse: u32,
        max_execution_ms: u64,
        max_memory_bytes: u64,
        max_table_elements: u64,
        max_result_bytes: usize,
        max_output_bytes: usize,
        args: Vec<String>,
        cwd: String,
        env: Option<Bound<'_, PyAny>>,
        mounts: Vec<(PathBuf, String, bool)>,
        network: Option<&NetworkSpec>,
        filesystems: Vec<(String, PathBuf, bool, bool)>,
        envid: Option<Py<PyAny>>,
        getenv: Option<Py<PyAny>>,
        setenv: Option<Py<PyAny>>,
        all_env: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        let (fixed, dynamic) = environment(env)?;
        let env = match &dynamic {
            Some(source) => Env::Dynamic(Arc::clone(source) as Arc<dyn EnvSource>),
            None => Env::Fixed(fixed),
        };
        let spec = Spec {
            id: id.into(),
            method,
            wit,
            grants: grants(&groups)?,
            strict_imports,
            capacity,
            inline,
            warm_start,
            reuse,
            max_execution: (max_execution_ms > 0).then(|| Duration::from_millis(max_execution_ms)),
            limits: InstanceLimits { memory_bytes: max_memory_bytes, table_elements: max_table_elements },
            max_result_bytes,
            max_output_bytes,
            args,
            cwd,
            env,
            mounts: mounts
                .into_iter()
                .map(|(host, guest, writable)| Mount { host, guest, writable })
                .collect(),
            network: network.map(|network| network.0.clone()).unwrap_or_default(),
        };
        let directories = filesystems.into_iter();
        let directories = directories
            .map(|(id, path, readable, writable)| (id, Directory { path, readable, writable }))
            .collect();
        let environment = match (envid, getenv, setenv, all_env) {
            (Some(id), Some(get), Some(set), Some(all)) => {
                Some(Arc::new(PyEnvironment { id, get, set, all }) as Arc<dyn Environment>)
            }
            _ => None,
        };
        Ok(FunctionSpec { spec, env: dynamic, directories, environment })
    }
}

fn grants(groups: &[String]) -> PyResult<Grants> {
    let parsed: PyResult<Vec<Group>> = groups
        .iter()
        .map(|name| {
            let unknown = || PyValueError::new_err(format!("unsupported wasm host import: {name}"));
            Group::parse(name).ok_or_else(unknown)
        })
        .collect();
    Ok(Grants::new(parsed?))
}

fn environment(env: Option<Bound<'_, PyAny>>) -> PyResult<(Pairs, Option<Arc<PyEnv>>)> {
    match env {
        None => Ok((Arc::new([]), None)),
        Some(source) if source.is_callable() => Ok((Arc::new([]), Some(Arc::new(PyEnv(source.unbind()))))),
        Some(pairs) => Ok((pairs.extract::<Vec<(String, String)>>()?.into(), None)),
    }
}

/// A Python callable that gives a guest's environment (H-40).
pub struct PyEnv(Py<PyAny>);

impl PyEnv {
    pub fn pairs(&self, py: Python<'_>) -> PyResult<Pairs> {
        Ok(self.0.bind(py).call0()?.extract::<Vec<(String, String)>>()?.into())
    }
}

/// What a guest may read of the error, where that is less than all of it.
fn for_guests(py: Python<'_>, error: &PyErr) -> Option<String> {
    let details = error.value(py).getattr("details").ok()?;
    details.get_item("for_guests").ok()?.extract().ok()
}

impl EnvSource for PyEnv {
    fn resolve(&self) -> Result<Pairs, Refusal> {
        let _running = RunsPython::enter();
        let resolved = Python::try_attach(|py| {
            self.pairs(py).map_err(|error| match error.is_instance_of::<PyException>(py) {
                true => {
                    let text = for_guests(py, &error).unwrap_or_else(|| message(py, &error));
                    Refusal::Err(Box::new(error_value(py, &error, text)))
                }
                false => Refusal::Abort(Box::new(error)),
            })
        });
        resolved.unwrap_or_else(|| Err(Refusal::of(Kind::Unavailable, "Python is shutting down")))
    }
}
