//! Python objects as values of Lua programs and back (V-24, V-25, L-10, L-11, L-15).
//!
//! A Lua function has no types, so what an object becomes follows from the object alone: the exact types of Python first,
//! since nearly everything is one of them, then the others in `objects`. An object may contain itself, or share parts a
//! million times: depth and size are bounded.
//!
//! What the rules leave open: `Ok(None)`, `Err(None)` and a `Variant` without payload hold `true`, since a key with nil
//! is an empty table in Lua; `bytes` keys go in as they are, so that every map that comes out goes in again; a number of
//! another class (NumPy) is an integer if it says it is one; sets and iterators are nothing Lua can hold.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyDict, PyFloat, PyInt, PyList, PyString, PyTuple};
use wippy_lua::error::{ErrorValue, Kind};
use wippy_lua::value::Value;

use super::failure::{Fail, Lowered, describe, script_argument_error};
use super::lower::text_of;
use super::sequences::Sequence;

mod into_python;
mod objects;

pub use into_python::to_python;

/// Lists and dicts inside each other.
const DEPTH: usize = 128;
/// Bytes of all arguments of a call together.
const LARGEST: usize = 1 << 30;

/// The arguments of a call, positional only (L-10). `function` and `method` are for messages.
pub fn arguments(
    function: &str,
    method: &str,
    args: &Bound<'_, PyTuple>,
    kwargs: Option<&Bound<'_, PyDict>>,
) -> PyResult<Vec<Value>> {
    let py = args.py();
    if let Some((name, _)) = kwargs.and_then(|kwargs| kwargs.iter().next()) {
        let inner = format!("[encode] invalid_data: a Lua function has no parameter names, not even {name}");
        return Err(script_argument_error(py, function, method, &inner, &name.to_string()));
    }
    let mut walk = Walk::default();
    let mut values = Vec::with_capacity(args.len());
    for index in 0..args.len() {
        let value = walk.value(&*args.get_borrowed_item(index)?);
        let value = value.map_err(|fail| match fail.at_index(index).at(&PyString::new(py, "args")) {
            Fail::Misfit(misfit) => misfit.into_script_error(py, function, method, index),
            Fail::Python(error) => error,
        });
        values.push(value?);
    }
    Ok(values)
}

/// What a Python function gave to a script. `id` is for messages.
pub fn result(py: Python<'_>, id: &str, value: &Bound<'_, PyAny>) -> PyResult<Value> {
    to_value(value).map_err(|fail| match fail {
        Fail::Misfit(misfit) => misfit.into_result_error(py, id),
        Fail::Python(error) => error,
    })
}

/// What a script learns of an exception: what it says of itself where it is one of ours, else its words (L-24).
pub fn error_value(py: Python<'_>, error: &PyErr, message: String) -> ErrorValue {
    match to_value(error.value(py).as_any()) {
        Ok(Value::Error(known)) => ErrorValue { message, ..*known },
        _ => ErrorValue::new(Kind::Internal, message),
    }
}

/// One object as a value; its own parts are the path of a failure.
pub(super) fn to_value(value: &Bound<'_, PyAny>) -> Lowered<Value> {
    Walk::default().value(value)
}

/// A walk through objects.
pub(super) struct Walk {
    depth: usize,
    too_deep: bool,
    room: usize,
}

impl Default for Walk {
    fn default() -> Self {
        Self { depth: 0, too_deep: false, room: LARGEST }
    }
}

impl Walk {
    fn value(&mut self, value: &Bound<'_, PyAny>) -> Lowered<Value> {
        self.take(size_of::<Value>())?;
        if let Ok(string) = value.cast_exact::<PyString>() {
            self.text(string)
        } else if let Ok(list) = value.cast_exact::<PyList>() {
            self.sequence(&Sequence::List(list))
        } else if let Ok(dict) = value.cast_exact::<PyDict>() {
            self.dict(dict)
        } else if value.is_exact_instance_of::<PyInt>() {
            integer(value)
        } else if value.is_none() {
            Ok(Value::Nil)
        } else if let Ok(flag) = value.cast_exact::<PyBool>() {
            Ok(Value::Bool(flag.is_true()))
        } else if let Ok(number) = value.cast_exact::<PyFloat>() {
            Ok(Value::Float(number.value()))
        } else if let Ok(bytes) = value.cast_exact::<PyBytes>() {
            self.bytes(bytes.as_bytes())
        } else {
            self.object(value)
        }
    }

    fn text(&mut self, string: &Bound<'_, PyString>) -> Lowered<Value> {
        self.bytes(text_of(string)?.as_bytes())
    }

    fn bytes(&mut self, bytes: &[u8]) -> Lowered<Value> {
        self.take(bytes.len())?;
        Ok(Value::Str(bytes.to_vec()))
    }

    fn sequence(&mut self, sequence: &Sequence<'_, '_>) -> Lowered<Value> {
        let count = sequence.len()?;
        // Not all at once where a class says anything about its length.
        let mut items = Vec::with_capacity(count.min(1024));
        self.inside(|walk| {
            sequence.each(count, |_, item| {
                items.push(walk.value(item)?);
                Ok(())
            })
        })?;
        Ok(Value::List(items))
    }

    /// The entries are taken out first: looking at them may run code that changes the dict.
    fn dict(&mut self, dict: &Bound<'_, PyDict>) -> Lowered<Value> {
        let entries: Vec<_> = dict.iter().collect();
        self.map(entries)
    }

    fn map(&mut self, entries: Vec<(Bound<'_, PyAny>, Bound<'_, PyAny>)>) -> Lowered<Value> {
        let mut map = Vec::with_capacity(entries.len());
        self.inside(|walk| {
            for (key, value) in entries {
                let name = key_bytes(&key)?;
                walk.take(name.len() + size_of::<Vec<u8>>())?;
                let value = walk.value(&value).map_err(|fail| at_key(fail, &key, &name))?;
                map.push((name, value));
            }
            Ok(())
        })?;
        Ok(Value::Map(map))
    }

    fn inside<T>(&mut self, fill: impl FnOnce(&mut Self) -> Lowered<T>) -> Lowered<T> {
        let outermost = self.depth == 0;
        if self.depth == DEPTH {
            self.too_deep = true;
            return Err(too_deep());
        }
        self.depth += 1;
        let filled = fill(self);
        self.depth -= 1;
        // Without the way down, which nobody wants to read.
        if outermost && self.too_deep { Err(too_deep()) } else { filled }
    }

    fn take(&mut self, size: usize) -> Lowered {
        self.room = self.room.checked_sub(size).ok_or_else(Fail::too_long)?;
        Ok(())
    }
}

#[cold]
fn too_deep() -> Fail {
    let text = format!("more than {DEPTH} lists and dicts inside each other; is it part of itself?");
    Fail::new("invalid_data", text)
}

#[cold]
fn mismatch(found: &Bound<'_, PyAny>) -> Fail {
    let text = "expected a value Lua can hold (None, bool, int, float, str, bytes, list, dict), got";
    Fail::new("type_mismatch", format!("{text} {}", describe(found)))
}

/// `value` is an `int`.
fn integer(value: &Bound<'_, PyAny>) -> Lowered<Value> {
    let mut overflow = 0;
    // SAFETY: `value` is an `int`, for which no exception is set.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    if overflow == 0 {
        return Ok(Value::Int(number));
    }
    let text = format!("expected an integer of 64 bits with a sign, got {}", describe(value));
    Err(Fail::new("overflow", text))
}

/// A key as text; Lua's own have no other type once they are copied.
fn key_bytes(key: &Bound<'_, PyAny>) -> Lowered<Vec<u8>> {
    if let Ok(string) = key.cast::<PyString>() {
        return Ok(text_of(string)?.as_bytes().to_vec());
    }
    if let Ok(bytes) = key.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().to_vec());
    }
    if key.is_instance_of::<PyInt>() && !key.is_exact_instance_of::<PyBool>() {
        let Value::Int(number) = integer(key)? else { return Err(Fail::too_long()) };
        return Ok(number.to_string().into_bytes());
    }
    Err(Fail::new("type_mismatch", format!("expected a key Lua can hold (str, int), got {}", describe(key))))
}

fn at_key(fail: Fail, key: &Bound<'_, PyAny>, name: &[u8]) -> Fail {
    match key.cast::<PyString>() {
        Ok(key) => fail.at(key),
        Err(_) => fail.at(&PyString::new(key.py(), &String::from_utf8_lossy(name))),
    }
}
