//! `_core.FunctionBase`: a prepared function as a Python callable.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyTuple};
use wippy_host::call::{Caller, Options, Request};
use wippy_host::error::{Failure, What};
use wippy_host::function::{Function, NamedExport};
use wippy_host::imports::cli::Stdin;
use wippy_host::script::ScriptSpec;
use wippy_host::spec::{Env, Pairs};
use wippy_host::table::Table as HostTable;
use wippy_host::values::{Arguments, Image};

use crate::bridge::Bridge;
use crate::errors::{guest_error, raise};
use crate::home::{self, PyHome};
use crate::hooks::{Signals, interrupt, notice_faulthandler};
use crate::lua::LuaModule;
use crate::module::Module;
use crate::output::output;
use crate::pending::{Delivery, Pending};
use crate::scope;
use crate::spec::{FunctionSpec, PyEnv};
use crate::stats;
use crate::table::Table;
use crate::values::{Converter, LiftError, Lifted, plain, to_python};

/// What all configurations of a function share.
pub struct Prepared {
    pub function: Arc<Function>,
    /// Keeps alive what the function's guests may call.
    _table: Arc<HostTable>,
    /// Absent where the method does not resolve.
    converter: Option<Converter>,
    env: Option<Arc<PyEnv>>,
    /// Plans of other exports, by the names that kept instances call them.
    exports: Mutex<HashMap<String, Arc<Export>>>,
}

/// Another export than the function's own, and how its values are converted.
pub struct Export {
    pub named: Arc<NamedExport>,
    converter: Converter,
}

/// A function, and how its calls are made.
#[pyclass(frozen, subclass, module = "wippy_native._core")]
pub struct FunctionBase {
    pub shared: Arc<Prepared>,
    pub options: Options,
    pub raise_err: bool,
}

/// Carries a configured function through `type.__call__`, so that subclasses make instances of themselves.
#[pyclass(frozen, module = "wippy_native._core")]
struct Configured {
    shared: Arc<Prepared>,
    options: Options,
    raise_err: bool,
}

#[pymethods]
impl FunctionBase {
    #[new]
    #[pyo3(signature = (table, module=None, spec=None))]
    fn new(
        py: Python<'_>,
        table: &Bound<'_, PyAny>,
        module: Option<&Bound<'_, PyAny>>,
        spec: Option<&Bound<'_, FunctionSpec>>,
    ) -> PyResult<Self> {
        if let Ok(configured) = table.cast::<Configured>() {
            let Configured { shared, options, raise_err } = configured.get();
            return Ok(FunctionBase {
                shared: Arc::clone(shared),
                options: options.clone(),
                raise_err: *raise_err,
            });
        }
        let (Some(module), Some(spec)) = (module, spec) else {
            return Err(PyTypeError::new_err(
                "FunctionBase(table, module, spec): module and spec are required",
            ));
        };
        let (table, spec) = (&table.cast::<Table>()?.get().inner, spec.get());
        let prepared = prepare(py, table, module, spec)?;
        let function = prepared.map_err(|failure| raise(py, failure, Some(&spec.spec.id)))?;
        let converter = match function.signature() {
            Ok(signature) => Some(Converter::new(py, signature)),
            // A script has none, and needs none.
            Err(_) => None,
        };
        let shared = Arc::new(Prepared {
            function,
            _table: Arc::clone(table),
            converter,
            env: spec.env.clone(),
            exports: Mutex::default(),
        });
        Ok(FunctionBase { shared, options: Options::default(), raise_err: true })
    }

    #[pyo3(signature = (*args, **kwargs))]
    fn __call__(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Py<PyAny>> {
        let function = &self.shared.function;
        let (env, mut arguments) = self.shared.lower(py, args, kwargs)?;
        let outer = scope::current(py)?;
        let (home, must_not_wait) = home::inherited(py, outer.as_ref())?;
        notice_faulthandler(py)?;
        let mut hooks = Signals::new();
        let image = py.detach(|| {
            let (env, outer) = (env.as_ref(), outer.as_ref());
            let caller = Caller { env, outer, home, must_not_wait, hooks: &mut hooks, interrupt };
            function.call(&mut arguments, &self.options, caller)
        });
        self.shared.result(py, image, self.raise_err)
    }

    #[pyo3(signature = (bridge, future, args, kwargs=None, on_loop=true))]
    fn start(
        &self,
        py: Python<'_>,
        bridge: &Bound<'_, Bridge>,
        future: Py<PyAny>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
        on_loop: bool,
    ) -> PyResult<Pending> {
        self.shared.check_process(py)?;
        let (env, arguments) = self.shared.lower(py, args, kwargs)?;
        let queue = &bridge.get().queue;
        let request = Request {
            arguments,
            options: self.options.clone(),
            env,
            outer: scope::current(py)?,
            home: Some(PyHome::here(py, on_loop.then(|| Arc::clone(queue)))?),
        };
        notice_faulthandler(py)?;
        let delivery = Delivery::new(future, Arc::clone(queue), Arc::clone(&self.shared), self.raise_err);
        let function = Arc::clone(&self.shared.function);
        delivery.start(bridge, move |done| function.dispatch(request, done))
    }

    #[getter]
    fn id(&self) -> &str {
        &self.shared.function.spec.id
    }

    /// The entry's `method`.
    #[getter]
    fn method(&self) -> &str {
        &self.shared.function.spec.method
    }

    #[getter]
    fn parameters(&self) -> Option<Vec<(String, String)>> {
        let signature = self.shared.function.signature().ok()?;
        Some(signature.params.iter().map(|param| (param.name.clone(), param.ty.to_string())).collect())
    }

    #[getter]
    fn result(&self) -> Option<String> {
        let signature = self.shared.function.signature().ok()?;
        signature.result.as_ref().map(ToString::to_string)
    }

    fn resolve_error(&self) -> Option<String> {
        let function = &self.shared.function;
        if function.script().is_some() {
            return None;
        }
        function.signature().err().map(|failure| failure.message)
    }

    fn probe(&self, py: Python<'_>) -> PyResult<Vec<(String, String)>> {
        let Prepared { function, env, .. } = &*self.shared;
        let env: Pairs = match (env, &function.spec.env) {
            (Some(env), _) => env.pairs(py)?,
            (None, Env::Fixed(pairs)) => Arc::clone(pairs),
            (None, Env::Dynamic(_)) => Arc::new([]),
        };
        match py.detach(|| function.probe(&env, &mut Signals::new())) {
            Ok(()) => Ok(Vec::new()),
            Err(Failure { what: What::Denied { interface, function, .. }, .. }) => {
                Ok(vec![(interface, function)])
            }
            Err(failure) => Err(raise(py, failure, Some(&function.spec.id))),
        }
    }

    #[pyo3(signature = (**changes))]
    fn configure<'py>(
        slf: &Bound<'py, Self>,
        changes: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let this = slf.get();
        let (mut options, mut raise_err) = (this.options.clone(), this.raise_err);
        for (name, value) in changes.into_iter().flatten() {
            match name.extract::<&str>()? {
                "timeout" => options.timeout = value.extract::<Option<f64>>()?.map(seconds),
                "stdin" => options.stdin = stdin(&value)?,
                "stdout" => options.stdout = output(&value)?,
                "stderr" => options.stderr = output(&value)?,
                "raise_err" => raise_err = value.extract()?,
                other => return Err(PyTypeError::new_err(format!("configure() has no option {other:?}"))),
            }
        }
        let configured = Configured { shared: Arc::clone(&this.shared), options, raise_err };
        slf.get_type().call1((configured,))
    }
}

impl FunctionBase {
    pub fn options(&self) -> &Options {
        &self.options
    }

    /// Whether the error side of a `result` raises.
    pub fn raises_err(&self) -> bool {
        self.raise_err
    }
}

impl Prepared {
    /// The environment, if it is resolved at each call, and the arguments of a call.
    fn lower(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<(Option<Pairs>, Arguments)> {
        // F-42: what the environment lacks is reported before what is wrong with the arguments.
        let env = self.resolve_env(py).inspect_err(|error| stats::count(py, &self.function, error))?;
        Ok((env, self.arguments(py, None, args, kwargs)?))
    }

    /// Nobody would run a call in the child of a fork.
    pub fn check_process(&self, py: Python<'_>) -> PyResult<()> {
        self.function.check_process().map_err(|failure| raise(py, failure, Some(&self.function.spec.id)))
    }

    /// The environment, if it is resolved at each call.
    pub fn resolve_env(&self, py: Python<'_>) -> PyResult<Option<Pairs>> {
        self.env.as_ref().map(|env| env.pairs(py)).transpose()
    }

    /// The arguments of a call with a single parameter.
    pub fn lower_one(&self, py: Python<'_>, value: &Bound<'_, PyAny>) -> PyResult<Arguments> {
        if self.function.script().is_some() {
            return self.script_arguments(py, &PyTuple::new(py, [value])?, None);
        }
        let spec = &self.function.spec;
        let lowered = self.converter(py)?.lower_one(py, &spec.id, &spec.method, value);
        lowered.inspect_err(|error| stats::count(py, &self.function, error))
    }

    fn converter(&self, py: Python<'_>) -> PyResult<&Converter> {
        self.converter.as_ref().ok_or_else(|| self.unresolved(py))
    }

    /// The arguments for an export; the function's own where none is named.
    pub fn arguments(
        &self,
        py: Python<'_>,
        export: Option<&Export>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Arguments> {
        if self.function.script().is_some() {
            return self.script_arguments(py, args, kwargs);
        }
        let spec = &self.function.spec;
        let lowered = match export {
            Some(Export { named, converter }) => converter.lower(py, &spec.id, &named.name, args, kwargs),
            None => self
                .converter(py)
                .and_then(|converter| converter.lower(py, &spec.id, &spec.method, args, kwargs)),
        };
        lowered.inspect_err(|error| stats::count(py, &self.function, error))
    }

    fn script_arguments(
        &self,
        py: Python<'_>,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Arguments> {
        let spec = &self.function.spec;
        let lowered = plain::arguments(&spec.id, &spec.method, args, kwargs).map(Arguments::of_script);
        lowered.inspect_err(|error| stats::count(py, &self.function, error))
    }

    pub fn export(&self, py: Python<'_>, name: &str) -> PyResult<Arc<Export>> {
        let exports = || self.exports.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(export) = exports().get(name) {
            return Ok(Arc::clone(export));
        }
        let found = py.detach(|| self.function.export(name));
        let named = found.map_err(|failure| raise(py, failure, Some(&self.function.spec.id)))?;
        let converter = Converter::new(py, named.signature());
        let export = Arc::new(Export { named: Arc::new(named), converter });
        exports().insert(name.to_owned(), Arc::clone(&export));
        Ok(export)
    }

    /// The objects of a result, or the exception that says why there is none.
    pub fn result(
        &self,
        py: Python<'_>,
        outcome: Result<Image, Failure>,
        raise_err: bool,
    ) -> PyResult<Py<PyAny>> {
        self.result_of(py, None, outcome, raise_err)
    }

    /// The same for an export.
    pub fn result_of(
        &self,
        py: Python<'_>,
        export: Option<&Export>,
        outcome: Result<Image, Failure>,
        raise_err: bool,
    ) -> PyResult<Py<PyAny>> {
        let id = &self.function.spec.id;
        let image = outcome.map_err(|failure| raise(py, failure, Some(id)))?;
        if self.function.script().is_some() {
            return to_python(py, image.script_value()).map(Bound::unbind);
        }
        let converter = match export {
            Some(export) => &export.converter,
            None => self.converter(py)?,
        };
        let error = match converter.lift(py, &image, raise_err) {
            Ok(Lifted::Value(value)) => return Ok(value.unbind()),
            Ok(Lifted::GuestErr(value)) => {
                let text = value.extract::<String>().ok();
                let cause = text.and_then(|text| image.passed_on(&text).cloned());
                guest_error(py, id, value, cause)
            }
            Err(LiftError::Guest(broken)) => raise(py, self.function.broken_result(&broken), Some(id)),
            Err(LiftError::Python(error)) => error,
        };
        stats::count(py, &self.function, &error);
        Err(error)
    }

    fn unresolved(&self, py: Python<'_>) -> PyErr {
        match self.function.signature() {
            Err(failure) => raise(py, failure, Some(&self.function.spec.id)),
            Ok(_) => PyTypeError::new_err("the function has no conversion plan"),
        }
    }
}

fn prepare(
    py: Python<'_>,
    table: &Arc<HostTable>,
    module: &Bound<'_, PyAny>,
    spec: &FunctionSpec,
) -> PyResult<Result<Arc<Function>, Failure>> {
    if let Ok(script) = module.cast::<LuaModule>() {
        let script = ScriptSpec {
            unit: Arc::clone(&script.get().unit),
            directories: spec.directories.clone(),
            environment: spec.environment.clone(),
        };
        return Ok(py.detach(|| Function::prepare_script(table, script, spec.spec.clone())));
    }
    let module = &module.cast::<Module>()?.get().inner;
    Ok(py.detach(|| Function::prepare(table, module, spec.spec.clone())))
}

fn seconds(seconds: f64) -> Duration {
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

fn stdin(value: &Bound<'_, PyAny>) -> PyResult<Stdin> {
    if value.is_none() {
        return Ok(Stdin::Empty);
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(Stdin::Bytes(bytes.as_bytes().into()));
    }
    if value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>() {
        return Ok(Stdin::Bytes(PyByteArray::from(value)?.to_vec().into()));
    }
    let found = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("stdin: expected bytes or None, got {found}")))
}
