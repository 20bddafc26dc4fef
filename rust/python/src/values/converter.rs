//! The conversion of one function's parameters and result.

use std::sync::Arc;

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyString, PyTuple};
use wippy_host::values::{Arguments, Image, Signature};

use super::failure::{Fail, argument_error};
use super::lift::{LiftError, Lifted, lift_result};
use super::lower::lower;
use super::plan::{Name, Node};

/// Made once per function, used by any thread.
pub struct Converter {
    signature: Arc<Signature>,
    params: Vec<Parameter>,
    result: Option<Node>,
}

struct Parameter {
    name: Name,
    offset: usize,
    node: Node,
}

impl Converter {
    pub fn new(py: Python<'_>, signature: &Arc<Signature>) -> Self {
        let params = signature.params.iter().map(|param| Parameter {
            name: Name::new(py, &param.name),
            offset: param.offset as usize,
            node: Node::new(py, &param.ty),
        });
        let params = params.collect();
        let result = signature.result.as_ref().map(|ty| Node::new(py, ty));
        Self { signature: signature.clone(), params, result }
    }

    /// Lays out the arguments of a call. `function` and `method` are for messages.
    pub fn lower(
        &self,
        py: Python<'_>,
        function: &str,
        method: &str,
        args: &Bound<'_, PyTuple>,
        kwargs: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Arguments> {
        let mut out = Arguments::new(&self.signature);
        match kwargs.filter(|kwargs| !kwargs.is_empty()) {
            None if args.len() == self.params.len() => {
                for index in 0..self.params.len() {
                    let value = args.get_borrowed_item(index)?;
                    self.parameter(py, index, &value, &mut out, function, method)?;
                }
            }
            kwargs => {
                let values = self.bind(args, kwargs);
                let values =
                    values.map_err(|inner| argument_error(py, function, method, &inner.0, &inner.1))?;
                for (index, value) in values.iter().enumerate() {
                    self.parameter(py, index, value, &mut out, function, method)?;
                }
            }
        }
        Ok(out)
    }

    /// Lays out the argument of a call with one parameter.
    pub fn lower_one(
        &self,
        py: Python<'_>,
        function: &str,
        method: &str,
        value: &Bound<'_, PyAny>,
    ) -> PyResult<Arguments> {
        if self.params.len() != 1 {
            return self.lower(py, function, method, &PyTuple::new(py, [value])?, None);
        }
        let mut out = Arguments::new(&self.signature);
        self.parameter(py, 0, value, &mut out, function, method)?;
        Ok(out)
    }

    /// Makes the objects of a result. With `raise_err` the error side of a top-level `result` comes as
    /// [`Lifted::GuestErr`]; without, `Ok` and `Err` objects come as values (V-22).
    pub fn lift<'py>(
        &self,
        py: Python<'py>,
        image: &Image,
        raise_err: bool,
    ) -> Result<Lifted<'py>, LiftError> {
        match &self.result {
            Some(node) => lift_result(py, node, image, raise_err),
            None => Ok(Lifted::Value(py.None().into_bound(py))),
        }
    }

    fn parameter(
        &self,
        py: Python<'_>,
        index: usize,
        value: &Bound<'_, PyAny>,
        out: &mut Arguments,
        function: &str,
        method: &str,
    ) -> PyResult<()> {
        let param = &self.params[index];
        lower(&param.node, value, param.offset, out).map_err(|fail| {
            match fail.at(param.name.snake.bind(py)) {
                Fail::Misfit(misfit) => misfit.into_error(py, function, method, index),
                Fail::Python(error) => error,
            }
        })
    }

    /// One value for each parameter, or the message and the name of the parameter at fault.
    fn bind<'py>(
        &self,
        args: &Bound<'py, PyTuple>,
        kwargs: Option<&Bound<'py, PyDict>>,
    ) -> Result<Vec<Bound<'py, PyAny>>, (String, String)> {
        let expected = self.params.len();
        let given = args.len() + kwargs.map_or(0, |kwargs| kwargs.len());
        let mut values: Vec<Option<Bound<'py, PyAny>>> = args.iter().take(expected).map(Some).collect();
        values.resize(expected, None);
        for (key, value) in kwargs.into_iter().flatten() {
            let key = key.to_string();
            let index = self.params.iter().position(|param| param.name.is(args.py(), &key));
            let index = index.ok_or_else(|| (self.unknown(args.py(), &key), key.clone()))?;
            if values[index].replace(value).is_some() {
                let text = format!("[encode] invalid_data: parameter {key:?} is given twice");
                return Err((text, key));
            }
        }
        let values: Option<Vec<_>> = values.into_iter().collect();
        values.filter(|_| given == expected).ok_or_else(|| {
            let mut text =
                format!("[encode] invalid_data: parameter count mismatch: expected {expected}, got {given}");
            if expected > 0 {
                text.push_str("; the parameters are: ");
                text.push_str(&self.names(args.py()));
            }
            (text, String::new())
        })
    }

    fn unknown(&self, py: Python<'_>, key: &str) -> String {
        format!("[encode] invalid_data: no parameter {key:?}; the parameters are: {}", self.names(py))
    }

    fn names(&self, py: Python<'_>) -> String {
        let names: Vec<_> = self.params.iter().map(|param| param.name.snake.bind(py).to_string()).collect();
        names.join(", ")
    }
}

impl Name {
    /// Whether `given` is this name: in either spelling, and with the underscore that keywords need.
    fn is(&self, py: Python<'_>, given: &str) -> bool {
        let same = |name: &Py<PyString>, given: &str| name.bind(py).to_str().is_ok_and(|name| name == given);
        same(&self.snake, given)
            || self.kebab.as_ref().is_some_and(|kebab| same(kebab, given))
            || given.strip_suffix('_').is_some_and(|given| same(&self.snake, given))
    }
}
