//! Lists (V-7, V-8): bytes and numbers by buffer where there is one, anything else item by item.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMapping, PyString, PyTuple};
use wippy_host::values::Arguments;

use super::buffers::{buffer_of, canonical};
use super::failure::{Fail, Lowered};
use super::lower::{lower, lower_immutable};
use super::plan::{Node, Scalar, Shape};

pub(super) fn lower_bytes(
    node: &Node,
    element: &Node,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return lower_immutable(bytes, at, out);
    }
    if let Some(content) = buffer_of(value, Scalar::U8)? {
        return out.plain_list(at, content.as_slice(), content.count, 1).map_err(|_| Fail::too_long());
    }
    let sequence = Sequence::of(value).ok_or_else(|| Fail::mismatch(node, value))?;
    lower_items(element, &sequence, at, out)
}

/// A list of numbers or booleans.
pub(super) fn lower_scalars(
    scalar: Scalar,
    node: &Node,
    element: &Node,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    if value.is_exact_instance_of::<PyList>() || value.is_exact_instance_of::<PyTuple>() {
        return lower_list(node, element, value, at, out);
    }
    match buffer_of(value, scalar)? {
        Some(content) => {
            let bytes = canonical(scalar, content.as_slice());
            let align = element.ty.align;
            out.plain_list(at, &bytes, content.count, align).map_err(|_| Fail::too_long())
        }
        None => lower_list(node, element, value, at, out),
    }
}

pub(super) fn lower_list(
    node: &Node,
    element: &Node,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let sequence = Sequence::of(value).filter(|_| !is_bytes(value));
    lower_items(element, &sequence.ok_or_else(|| Fail::mismatch(node, value))?, at, out)
}

/// A list of fixed length lies in its parent.
pub(super) fn lower_fixed(
    node: &Node,
    element: &Node,
    len: usize,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let bytes_fit = matches!(element.shape, Shape::Scalar(Scalar::U8));
    let sequence = Sequence::of(value).filter(|_| bytes_fit || !is_bytes(value));
    let sequence = sequence.ok_or_else(|| Fail::mismatch(node, value))?;
    let found = sequence.len()?;
    if found != len {
        return Err(Fail::new("invalid_data", format!("expected {}, got {found} items", node.ty)));
    }
    sequence.each(len, |index, item| lower(element, item, at + index * element.size(), out))
}

fn lower_items(element: &Node, sequence: &Sequence<'_, '_>, at: usize, out: &mut Arguments) -> Lowered {
    let (count, size) = (sequence.len()?, element.ty.size);
    let start = out.begin_list(size, count).map_err(|_| Fail::too_long())?;
    sequence.each(count, |index, item| lower(element, item, start + index * size as usize, out))?;
    out.end_list(at, start, size, element.ty.align, count);
    Ok(())
}

/// Something with a length and items by number.
pub(super) enum Sequence<'a, 'py> {
    List(&'a Bound<'py, PyList>),
    Tuple(&'a Bound<'py, PyTuple>),
    Other(&'a Bound<'py, PyAny>),
}

impl<'a, 'py> Sequence<'a, 'py> {
    /// Text and mappings are not sequences here, sets and iterators have no order or no length.
    pub fn of(value: &'a Bound<'py, PyAny>) -> Option<Self> {
        if let Ok(list) = value.cast::<PyList>() {
            return Some(Self::List(list));
        }
        if let Ok(tuple) = value.cast::<PyTuple>() {
            return Some(Self::Tuple(tuple));
        }
        // SAFETY: takes any object and cannot fail.
        let sequence = unsafe { ffi::PySequence_Check(value.as_ptr()) } != 0;
        let other = value.is_instance_of::<PyString>()
            || value.is_instance_of::<PyDict>()
            || value.cast::<PyMapping>().is_ok();
        (sequence && !other).then_some(Self::Other(value))
    }

    pub fn len(&self) -> PyResult<usize> {
        match self {
            Self::List(list) => Ok(list.len()),
            Self::Tuple(tuple) => Ok(tuple.len()),
            Self::Other(other) => other.len(),
        }
    }

    /// Calls `visit` with each of `count` items, then checks that there are still as many.
    pub fn each(&self, count: usize, mut visit: impl FnMut(usize, &Bound<'py, PyAny>) -> Lowered) -> Lowered {
        match self {
            Self::List(list) => {
                for index in 0..count {
                    let item = list.get_item(index).map_err(|_| Fail::changed())?;
                    visit(index, &item).map_err(|fail| fail.at_index(index))?;
                }
            }
            Self::Tuple(tuple) => {
                for index in 0..count {
                    let item = tuple.get_borrowed_item(index)?;
                    visit(index, &item).map_err(|fail| fail.at_index(index))?;
                }
            }
            Self::Other(other) => {
                for index in 0..count {
                    let item = other.get_item(index)?;
                    visit(index, &item).map_err(|fail| fail.at_index(index))?;
                }
            }
        }
        if self.len()? == count { Ok(()) } else { Err(Fail::changed()) }
    }
}

/// `bytes` and `bytearray` are lists of `u8` and of nothing else.
fn is_bytes(value: &Bound<'_, PyAny>) -> bool {
    value.is_instance_of::<PyBytes>() || value.is_instance_of::<PyByteArray>()
}
