//! Records and tuples (V-9, V-10).
//!
//! A record is a mapping or any object with attributes. Field names are looked up as the WIT spells them first, then
//! in snake_case; attributes in snake_case, with an underscore after where Python reserves the word. A missing field
//! is none if it is optional, unknown keys are ignored.

use pyo3::exceptions::PyKeyError;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyFloat, PyInt, PyList, PyMapping, PyString, PyTuple};
use wippy_host::values::Arguments;

use super::failure::{Fail, Lowered};
use super::lower::lower;
use super::plan::{Member, Name, Node, Shape};
use super::sequences::Sequence;

pub(super) fn lower_record(
    node: &Node,
    members: &[Member],
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let source = Source::of(value).ok_or_else(|| Fail::mismatch(node, value))?;
    for member in members {
        match source.get(&member.name)? {
            Some(found) => lower(&member.node, &found, at + member.offset, out)
                .map_err(|fail| fail.at(member.name.snake.bind(value.py())))?,
            // Arguments start as zeros, and that is none.
            None if matches!(member.node.shape, Shape::Option { .. }) => {}
            None => return Err(missing(value.py(), &member.name)),
        }
    }
    Ok(())
}

fn missing(py: Python<'_>, name: &Name) -> Fail {
    let kebab = name.kebab.as_ref().unwrap_or(&name.snake);
    Fail::new("field_missing", format!("required field \"{}\" not found", kebab.bind(py)))
}

/// Where fields come from.
enum Source<'a, 'py> {
    Dict(&'a Bound<'py, PyDict>),
    Mapping(&'a Bound<'py, PyMapping>),
    Object(&'a Bound<'py, PyAny>),
}

impl<'a, 'py> Source<'a, 'py> {
    fn of(value: &'a Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(dict) = value.cast::<PyDict>() {
            return Some(Self::Dict(dict));
        }
        if is_plain(value) {
            return None;
        }
        match value.cast::<PyMapping>() {
            Ok(mapping) => Some(Self::Mapping(mapping)),
            Err(_) => Some(Self::Object(value)),
        }
    }

    fn get(&self, name: &Name) -> PyResult<Option<Bound<'py, PyAny>>> {
        match self {
            Self::Dict(dict) => {
                let py = dict.py();
                if let Some(kebab) = &name.kebab
                    && let Some(found) = dict.get_item(kebab.bind(py))?
                {
                    return Ok(Some(found));
                }
                dict.get_item(name.snake.bind(py))
            }
            Self::Mapping(mapping) => {
                let py = mapping.py();
                if let Some(kebab) = &name.kebab
                    && let Some(found) = item(mapping, kebab.bind(py))?
                {
                    return Ok(Some(found));
                }
                item(mapping, name.snake.bind(py))
            }
            Self::Object(object) => {
                let snake = name.snake.bind(object.py());
                match object.getattr_opt(snake)? {
                    Some(found) => Ok(Some(found)),
                    None => object.getattr_opt(format!("{snake}_")),
                }
            }
        }
    }
}

fn item<'py>(
    mapping: &Bound<'py, PyMapping>,
    key: &Bound<'py, PyString>,
) -> PyResult<Option<Bound<'py, PyAny>>> {
    match mapping.get_item(key) {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.is_instance_of::<PyKeyError>(mapping.py()) => Ok(None),
        Err(error) => Err(error),
    }
}

/// Values that nobody means as a record, though they have attributes.
fn is_plain(value: &Bound<'_, PyAny>) -> bool {
    value.is_none()
        || value.is_instance_of::<PyInt>()
        || value.is_instance_of::<PyFloat>()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
        || value.is_instance_of::<PyByteArray>()
        || value.is_instance_of::<PyList>()
        || value.is_exact_instance_of::<PyTuple>()
}

pub(super) fn lower_tuple(
    node: &Node,
    items: &[(usize, Node)],
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let bytes = value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>();
    let sequence = Sequence::of(value).filter(|_| !bytes);
    let sequence = sequence.ok_or_else(|| Fail::mismatch(node, value))?;
    let (expected, found) = (items.len(), sequence.len()?);
    if found != expected {
        return Err(Fail::new(
            "invalid_data",
            format!("expected {} ({expected} items), got {found}", node.ty),
        ));
    }
    sequence.each(expected, |index, item| {
        let (offset, node) = &items[index];
        lower(node, item, at + offset, out)
    })
}
