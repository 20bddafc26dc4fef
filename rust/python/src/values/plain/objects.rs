//! What is not of an exact built-in type: the package's own classes, errors, enums, dataclasses, times, subclasses, and
//! whatever behaves as a sequence or a mapping.
//!
//! The order matters: an enum may be an `int`, a dataclass may have items, and they mean what they say they are.

use pyo3::exceptions::PyBaseException;
use pyo3::ffi;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{
    PyBool, PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyMapping, PyMemoryView, PyString, PyTuple, PyType,
};
use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::value::Value;

use super::{Walk, integer, mismatch};
use crate::values::buffers::buffer_of;
use crate::values::classes::{ErrValue, OkValue, SomeValue, Variant};
use crate::values::failure::Lowered;
use crate::values::plan::Scalar;
use crate::values::sequences::Sequence;

type Class = PyOnceLock<Py<PyType>>;

/// Whether `value` is an instance of a class of Python's, imported once.
fn is(value: &Bound<'_, PyAny>, class: &'static Class, module: &str, name: &str) -> PyResult<bool> {
    value.is_instance(class.import(value.py(), module, name)?)
}

impl Walk {
    pub fn object(&mut self, value: &Bound<'_, PyAny>) -> Lowered<Value> {
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return self.sequence(&Sequence::Tuple(tuple));
        }
        if let Some(found) = self.choice(value)? {
            return Ok(found);
        }
        static ENUM: Class = PyOnceLock::new();
        static TIME: Class = PyOnceLock::new();
        if value.is_instance_of::<PyBaseException>() {
            return self.error(value);
        }
        if is(value, &ENUM, "enum", "Enum")? {
            let value = value.getattr(intern!(value.py(), "value"))?;
            return self.inside(|walk| walk.value(&value));
        }
        if value.get_type().hasattr(intern!(value.py(), "__dataclass_fields__"))? {
            return self.dataclass(value);
        }
        if is(value, &TIME, "datetime", "datetime")? {
            return time(value);
        }
        self.derived(value)
    }

    /// `Ok`, `Err`, `Some` and `Variant`: tables with one key.
    fn choice(&mut self, value: &Bound<'_, PyAny>) -> Lowered<Option<Value>> {
        let py = value.py();
        let (tag, payload) = if let Ok(holder) = value.cast::<OkValue>() {
            (intern!(py, "ok").clone(), holder.get().value.bind(py))
        } else if let Ok(holder) = value.cast::<ErrValue>() {
            (intern!(py, "err").clone(), holder.get().value.bind(py))
        } else if let Ok(holder) = value.cast::<SomeValue>() {
            (intern!(py, "some").clone(), holder.get().value.bind(py))
        } else if let Ok(variant) = value.cast::<Variant>() {
            (variant.get().tag.bind(py).clone(), variant.get().payload.bind(py))
        } else {
            return Ok(None);
        };
        let payload = if payload.is_none() && !value.is_instance_of::<SomeValue>() {
            PyBool::new(py, true).to_owned().into_any()
        } else {
            payload.clone()
        };
        self.map(vec![(tag.into_any(), payload)]).map(Some)
    }

    /// An error of this package keeps what it tells; others are for Python alone.
    fn error(&mut self, value: &Bound<'_, PyAny>) -> Lowered<Value> {
        static ERROR: Class = PyOnceLock::new();
        let py = value.py();
        if !is(value, &ERROR, "wippy_native.errors", "WippyError")? {
            return Err(mismatch(value));
        }
        let text = |name: &Bound<'_, PyString>| -> PyResult<Option<String>> {
            let found = value.getattr_opt(name)?.and_then(|found| found.cast_into::<PyString>().ok());
            Ok(found.map(|text| text.to_string_lossy().into_owned()))
        };
        let kind = text(intern!(py, "kind"))?.and_then(|kind| Kind::parse(&kind)).unwrap_or_default();
        let message = text(intern!(py, "message"))?.unwrap_or_default();
        let traceback = text(intern!(py, "traceback"))?.unwrap_or_default();
        let retryable = value.getattr(intern!(py, "retryable"))?.extract().ok();
        let details = value.getattr(intern!(py, "details"))?;
        let details = if details.is_truthy()? {
            self.inside(|walk| walk.value(&details)).map_err(|fail| fail.at(intern!(py, "details")))?
        } else {
            Value::Nil
        };
        self.take(size_of::<ErrorValue>() + message.len() + traceback.len())?;
        Ok(Value::Error(Box::new(ErrorValue { kind, message, retryable, details, traceback })))
    }

    fn dataclass(&mut self, value: &Bound<'_, PyAny>) -> Lowered<Value> {
        let py = value.py();
        let fields = py.import(intern!(py, "dataclasses"))?.call_method1(intern!(py, "fields"), (value,))?;
        let mut entries = Vec::new();
        for field in fields.try_iter()? {
            let name = field?.getattr(intern!(py, "name"))?;
            let found = value.getattr(name.cast::<PyString>().map_err(PyErr::from)?)?;
            entries.push((name, found));
        }
        self.map(entries)
    }

    /// Subclasses of built-in types, and what behaves like one.
    fn derived(&mut self, value: &Bound<'_, PyAny>) -> Lowered<Value> {
        if let Ok(string) = value.cast::<PyString>() {
            return self.text(string);
        }
        if value.is_instance_of::<PyInt>() {
            return integer(value);
        }
        if let Ok(number) = value.cast::<PyFloat>() {
            return Ok(Value::Float(number.value()));
        }
        if let Ok(dict) = value.cast::<PyDict>() {
            return self.dict(dict);
        }
        if let Ok(bytes) = value.cast::<PyBytes>() {
            return self.bytes(bytes.as_bytes());
        }
        if is_bytes(value)
            && let Some(content) = buffer_of(value, Scalar::U8)?
        {
            return self.bytes(content.as_slice());
        }
        if let Some(sequence) = Sequence::of(value) {
            return self.sequence(&sequence);
        }
        match value.cast::<PyMapping>() {
            Ok(mapping) => self.mapping(mapping),
            Err(_) => number(value),
        }
    }

    fn mapping(&mut self, mapping: &Bound<'_, PyMapping>) -> Lowered<Value> {
        let items = mapping.items()?;
        let mut entries = Vec::with_capacity(items.len());
        for item in items.iter() {
            entries.push(item.extract()?);
        }
        self.map(entries)
    }
}

/// The types that stand for bytes; any other buffer is a list of its numbers.
fn is_bytes(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyByteArray>() || value.is_instance_of::<PyMemoryView>()
}

/// Unix seconds (V-25), with a fraction where there is one.
fn time(value: &Bound<'_, PyAny>) -> Lowered<Value> {
    let py = value.py();
    let seconds: f64 = value.call_method0(intern!(py, "timestamp"))?.extract()?;
    let fraction: i64 = value.getattr(intern!(py, "microsecond"))?.extract()?;
    Ok(if fraction == 0 && seconds.fract() == 0.0 {
        Value::Int(seconds as i64)
    } else {
        Value::Float(seconds)
    })
}

/// A number of another class.
fn number(value: &Bound<'_, PyAny>) -> Lowered<Value> {
    // SAFETY: both functions take any object; the result is owned or an exception is set.
    let index = unsafe {
        if ffi::PyIndex_Check(value.as_ptr()) == 0 {
            return Err(mismatch(value));
        }
        Bound::from_owned_ptr_or_err(value.py(), ffi::PyNumber_Index(value.as_ptr()))?
    };
    integer(&index)
}
