//! `_core.InstanceBase`: one instance of a function that Python keeps.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyTuple};
use wippy_host::call::{Caller, Kept, Options, Request};
use wippy_host::error::Failure;
use wippy_host::values::{Arguments, Image};

use crate::bridge::Bridge;
use crate::errors::raise;
use crate::function::{Export, FunctionBase, Prepared};
use crate::home::{self, PyHome};
use crate::hooks::{Signals, interrupt, notice_faulthandler};
use crate::pending::{Delivery, Pending};
use crate::scope;

/// See the module's documentation.
#[pyclass(frozen, subclass, module = "wippy_native._core")]
pub struct InstanceBase {
    kept: Arc<Kept>,
    shared: Arc<Prepared>,
    options: Options,
    raise_err: bool,
}

#[pymethods]
impl InstanceBase {
    #[new]
    fn new(function: &Bound<'_, FunctionBase>) -> Self {
        let FunctionBase { shared, options, raise_err } = function.get();
        InstanceBase {
            kept: Kept::new(&shared.function),
            shared: Arc::clone(shared),
            options: options.clone(),
            raise_err: *raise_err,
        }
    }

    #[getter]
    fn id(&self) -> &str {
        &self.shared.function.spec.id
    }

    /// Waits for room and runs the start code.
    fn open(&self, py: Python<'_>) -> PyResult<()> {
        let outcome = self.run(py, None, None)?;
        outcome.map(drop).map_err(|failure| self.raise(py, failure))
    }

    fn start_open(&self, py: Python<'_>, bridge: &Bound<'_, Bridge>, future: Py<PyAny>) -> PyResult<Pending> {
        let id = Arc::clone(&self.shared.function.spec.id);
        let lift = move |py: Python<'_>, outcome: Result<Image, Failure>| match outcome {
            Ok(_) => Ok(py.None()),
            Err(failure) => Err(raise(py, failure, Some(&id))),
        };
        let delivery = Delivery::lifted_by(future, Arc::clone(&bridge.get().queue), Box::new(lift));
        self.dispatch(py, bridge, None, None, delivery)
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        self.call_export(py, None, args, kwargs)
    }

    #[pyo3(signature = (method, /, *args, **kwargs))]
    fn call(
        &self,
        py: Python<'_>,
        method: &str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let export = self.shared.export(py, method)?;
        self.call_export(py, Some(export), args, kwargs)
    }

    #[pyo3(signature = (bridge, future, method, args, kwargs=None))]
    fn start(
        &self,
        py: Python<'_>,
        bridge: &Bound<'_, Bridge>,
        future: Py<PyAny>,
        method: Option<&str>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Pending> {
        let export = method.map(|method| self.shared.export(py, method)).transpose()?;
        let arguments = self.shared.arguments(py, export.as_deref(), args, kwargs)?;
        let (shared, raise_err, plan) = (Arc::clone(&self.shared), self.raise_err, export.clone());
        let lift = move |py: Python<'_>, outcome| shared.result_of(py, plan.as_deref(), outcome, raise_err);
        let delivery = Delivery::lifted_by(future, Arc::clone(&bridge.get().queue), Box::new(lift));
        self.dispatch(py, bridge, export, Some(arguments), delivery)
    }

    /// Ends the instance; a call that runs on another thread goes on to its end.
    fn close(&self, py: Python<'_>) {
        py.detach(|| self.kept.close());
    }
}

impl InstanceBase {
    fn call_export(
        &self,
        py: Python<'_>,
        export: Option<Arc<Export>>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let mut arguments = self.shared.arguments(py, export.as_deref(), args, kwargs)?;
        let outcome = self.run(py, export.as_ref(), Some(&mut arguments))?;
        self.shared.result_of(py, export.as_deref(), outcome, self.raise_err)
    }

    fn run(
        &self,
        py: Python<'_>,
        export: Option<&Arc<Export>>,
        arguments: Option<&mut Arguments>,
    ) -> PyResult<Result<Image, Failure>> {
        let env = self.env(py)?;
        let options = self.options(export);
        let outer = scope::current(py)?;
        let (home, must_not_wait) = home::inherited(py, outer.as_ref())?;
        notice_faulthandler(py)?;
        let mut hooks = Signals::new();
        Ok(py.detach(|| {
            let (env, outer) = (env.as_ref(), outer.as_ref());
            let caller = Caller { env, outer, home, must_not_wait, hooks: &mut hooks, interrupt };
            self.kept.call(arguments, &options, caller)
        }))
    }

    /// On the core's threads. Without arguments the instance is only started.
    fn dispatch(
        &self,
        py: Python<'_>,
        bridge: &Bound<'_, Bridge>,
        export: Option<Arc<Export>>,
        arguments: Option<Arguments>,
        delivery: Delivery,
    ) -> PyResult<Pending> {
        let only_start = arguments.is_none();
        let request = Request {
            options: self.options(export.as_ref()),
            env: self.env(py)?,
            outer: scope::current(py)?,
            home: Some(PyHome::here(py, Some(Arc::clone(&bridge.get().queue)))?),
            arguments: arguments.unwrap_or_default(),
        };
        notice_faulthandler(py)?;
        let kept = Arc::clone(&self.kept);
        delivery.start(bridge, move |done| kept.dispatch(request, only_start, done))
    }

    /// An instance has its environment from its start.
    fn env(&self, py: Python<'_>) -> PyResult<Option<wippy_host::spec::Pairs>> {
        if self.kept.is_started() { Ok(None) } else { self.shared.resolve_env(py) }
    }

    fn options(&self, export: Option<&Arc<Export>>) -> Options {
        Options { export: export.map(|export| Arc::clone(&export.named)), ..self.options.clone() }
    }

    fn raise(&self, py: Python<'_>, failure: Failure) -> PyErr {
        raise(py, failure, Some(&self.shared.function.spec.id))
    }
}
