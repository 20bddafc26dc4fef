//! The walk over Python objects: one step here, the kinds of types in the files beside.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use wippy_host::values::Arguments;

use super::choices::{lower_enum, lower_flags, lower_option, lower_result, lower_variant};
use super::composites::{lower_record, lower_tuple};
use super::failure::{Fail, Lowered};
use super::numbers::lower_scalar;
use super::plan::{Node, Shape};
use super::sequences::{lower_bytes, lower_fixed, lower_list, lower_scalars};

/// From this size on, immutable text and bytes are lent to the call instead of copied.
const BORROW_FROM: usize = 4096;

/// Writes `value` at `at`, its strings and lists after it.
pub(super) fn lower(node: &Node, value: &Bound<'_, PyAny>, at: usize, out: &mut Arguments) -> Lowered {
    match &node.shape {
        Shape::Scalar(scalar) => lower_scalar(*scalar, node, value, at, out),
        Shape::Text => lower_text(node, value, at, out),
        Shape::Bytes(element) => lower_bytes(node, element, value, at, out),
        Shape::Scalars(scalar, element) => lower_scalars(*scalar, node, element, value, at, out),
        Shape::List(element) => lower_list(node, element, value, at, out),
        Shape::Fixed(element, len) => lower_fixed(node, element, *len, value, at, out),
        Shape::Record(members) => lower_record(node, members, value, at, out),
        Shape::Tuple(items) => lower_tuple(node, items, value, at, out),
        Shape::Variant(labels, cases) => lower_variant(node, labels, cases, value, at, out),
        Shape::Enum(labels) => lower_enum(node, labels, value, at, out),
        Shape::Flags(labels) => lower_flags(node, labels, value, at, out),
        Shape::Option { some, .. } => lower_option(node, some, value, at, out),
        Shape::Result { ok, err } => lower_result(node, ok.as_deref(), err.as_deref(), value, at, out),
    }
}

fn lower_text(node: &Node, value: &Bound<'_, PyAny>, at: usize, out: &mut Arguments) -> Lowered {
    let string = value.cast::<PyString>().map_err(|_| Fail::mismatch(node, value))?;
    let text = text_of(string)?;
    if text.len() < BORROW_FROM {
        return out.text(at, text).map_err(|_| Fail::too_long());
    }
    let keep = Box::new(string.clone().unbind());
    // SAFETY: a `str` is immutable and keeps its UTF-8 form as long as it lives; `keep` holds the object.
    unsafe { out.borrow(at, text.as_bytes(), true, keep) }.map_err(|_| Fail::too_long())
}

/// The UTF-8 form of a `str`.
pub(super) fn text_of<'a>(string: &'a Bound<'_, PyString>) -> Lowered<&'a str> {
    string
        .to_str()
        .map_err(|_| Fail::new("invalid_utf8", "the str has a lone surrogate, which no UTF-8 text can hold"))
}

/// A `list<u8>` from an immutable `bytes`.
pub(super) fn lower_immutable(bytes: &Bound<'_, PyBytes>, at: usize, out: &mut Arguments) -> Lowered {
    let content = bytes.as_bytes();
    if content.len() < BORROW_FROM {
        return out.plain_list(at, content, content.len(), 1).map_err(|_| Fail::too_long());
    }
    let keep = Box::new(bytes.clone().unbind());
    // SAFETY: a `bytes` is immutable; `keep` holds the object.
    unsafe { out.borrow(at, content, false, keep) }.map_err(|_| Fail::too_long())
}
