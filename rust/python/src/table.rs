//! `_core.Table`: the functions of one runtime.

use std::sync::Arc;
use std::time::Duration;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use wippy_host::error::Failure;
use wippy_host::net::{Network as HostNetwork, NetworkOptions};
use wippy_host::stats::Snapshot;
use wippy_host::table::{Authorize, Table as HostTable, Target, TreeLimits};
use wippy_host::values::ResultStyle;

use crate::asking;
use crate::callee::{PyAuthorize, PyCallee, PyLog};
use crate::errors::raise;
use crate::function::FunctionBase;
use crate::hooks::Signals;
use crate::network::Network;
use crate::scope;
use crate::stats;

#[pyclass(frozen, module = "wippy_native._core")]
pub struct Table {
    pub inner: Arc<HostTable>,
}

#[pymethods]
impl Table {
    #[new]
    #[pyo3(signature = (
        *, log, message=None, refused=None, network=None, authorize=None, result_style="table", max_call_depth=64,
        max_calls=0, timed=true
    ))]
    #[expect(clippy::too_many_arguments, reason = "one keyword an option, as Python has it")]
    fn new(
        py: Python<'_>,
        log: Py<PyAny>,
        message: Option<Py<PyAny>>,
        refused: Option<Py<PyAny>>,
        network: Option<&Network>,
        authorize: Option<Py<PyAny>>,
        result_style: &str,
        max_call_depth: u32,
        max_calls: u64,
        timed: bool,
    ) -> PyResult<Self> {
        let limits = TreeLimits { depth: max_call_depth, calls: max_calls };
        let authorize = authorize.map(|hook| Arc::new(PyAuthorize(hook)) as Arc<dyn Authorize>);
        let log = Arc::new(PyLog { lines: log, message, refused });
        let network = match network {
            Some(network) => Arc::clone(&network.0),
            None => {
                HostNetwork::new(NetworkOptions::default()).map_err(|failure| raise(py, failure, None))?
            }
        };
        let style = match result_style {
            "table" => ResultStyle::Table,
            "pair" => ResultStyle::Pair,
            other => {
                let text = format!("result_style={other:?}: expected \"table\" or \"pair\"");
                return Err(PyValueError::new_err(text));
            }
        };
        Ok(Table { inner: HostTable::new(limits, authorize, log, network, style, timed) })
    }

    fn add(&self, function: &Bound<'_, FunctionBase>) {
        let function = Arc::clone(&function.get().shared.function);
        self.inner.insert(function.spec.id.to_string(), Target::Guest(function));
    }

    fn add_python(&self, py: Python<'_>, id: String, callee: Py<PyAny>) -> PyResult<()> {
        // Imported here, where there is stack for it: a callee may run on a small thread, deep in calls.
        let is_async = asking::is_async(py, &callee)?;
        let callee = PyCallee { id: id.clone(), callee: Arc::new(callee), is_async };
        let target = Target::Host(Arc::new(callee));
        self.inner.insert(id, target);
        Ok(())
    }

    fn remove(&self, id: &str) -> bool {
        self.inner.remove(id)
    }

    fn stats<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let all = PyDict::new(py);
        // Summing up may take milliseconds, the first time.
        for (id, snapshot) in py.detach(|| self.snapshots()) {
            all.set_item(id, stats::as_dict(py, &snapshot)?)?;
        }
        Ok(all)
    }

    #[pyo3(signature = (wait=None))]
    fn close(&self, py: Python<'_>, wait: Option<f64>) -> PyResult<Vec<String>> {
        let wait = wait.and_then(|seconds| Duration::try_from_secs_f64(seconds.max(0.0)).ok());
        let wait = wait.unwrap_or(FOR_EVER);
        let outer = scope::current(py)?;
        let closed = py.detach(|| self.inner.close(wait, outer.as_ref(), &mut Signals::new()));
        closed.map_err(|reason| raise(py, Failure::aborted(reason), None))
    }
}

impl Table {
    fn snapshots(&self) -> Vec<(String, Snapshot)> {
        let guests = self.inner.guests();
        guests.iter().map(|function| (function.spec.id.to_string(), function.stats.snapshot())).collect()
    }
}

/// A year.
const FOR_EVER: Duration = Duration::from_secs(365 * 24 * 3600);
