//! Variants, enums, flags, options and results (V-11 to V-18).

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyFrozenSet, PySet, PyString};
use wippy_host::values::Arguments;

use super::classes::{ErrValue, OkValue, SomeValue, Variant};
use super::failure::{Fail, Lowered};
use super::lower::{lower, text_of};
use super::plan::{Labels, Node};
use super::sequences::Sequence;

/// `Variant(tag, payload)`, `{tag: payload}`, or the tag alone.
pub(super) fn lower_variant(
    node: &Node,
    labels: &Labels,
    cases: &[Option<Node>],
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let (tag, payload) = split(node, value)?;
    let index = label(node, labels, &tag)?;
    write_tag(node, index, at, out);
    let payload = payload.filter(|payload| !payload.is_none());
    match (&cases[index as usize], payload) {
        (None, None) => Ok(()),
        (None, Some(payload)) => Err(Fail::mismatch_unit(&payload).at(&tag)),
        (Some(case), payload) => {
            let payload = payload.unwrap_or_else(|| value.py().None().into_bound(value.py()));
            lower(case, &payload, node.payload(at), out).map_err(|fail| fail.at(&tag))
        }
    }
}

type Split<'py> = (Bound<'py, PyString>, Option<Bound<'py, PyAny>>);

fn split<'py>(node: &Node, value: &Bound<'py, PyAny>) -> Lowered<Split<'py>> {
    let py = value.py();
    if let Ok(variant) = value.cast::<Variant>() {
        let variant = variant.get();
        return Ok((variant.tag.bind(py).clone(), Some(variant.payload.bind(py).clone())));
    }
    if let Ok(tag) = value.cast::<PyString>() {
        return Ok((tag.clone(), None));
    }
    let only = value.cast::<PyDict>().ok().filter(|dict| dict.len() == 1).and_then(|dict| dict.iter().next());
    if let Some((tag, payload)) = only
        && let Ok(tag) = tag.cast_into::<PyString>()
    {
        return Ok((tag, Some(payload)));
    }
    Err(Fail::mismatch(node, value))
}

pub(super) fn lower_enum(
    node: &Node,
    labels: &Labels,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let name = value.cast::<PyString>().map_err(|_| Fail::mismatch(node, value))?;
    write_tag(node, label(node, labels, name)?, at, out);
    Ok(())
}

/// A set or sequence of labels.
pub(super) fn lower_flags(
    node: &Node,
    labels: &Labels,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let set = value.is_instance_of::<PyFrozenSet>() || value.is_instance_of::<PySet>();
    if !set && Sequence::of(value).is_none() {
        return Err(Fail::mismatch(node, value));
    }
    let mut mask = 0_u32;
    for name in value.try_iter()? {
        let name = name?;
        let name = name.cast::<PyString>().map_err(|_| Fail::mismatch(node, value))?;
        mask |= 1 << label(node, labels, name)?;
    }
    write_tag(node, mask, at, out);
    Ok(())
}

/// `None` is none; `Some` is needed only for an option inside an option, and allowed everywhere.
pub(super) fn lower_option(
    node: &Node,
    some: &Node,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    if value.is_none() {
        write_tag(node, 0, at, out);
        return Ok(());
    }
    write_tag(node, 1, at, out);
    match value.cast::<SomeValue>() {
        Ok(holder) => lower(some, holder.get().value.bind(value.py()), node.payload(at), out),
        Err(_) => lower(some, value, node.payload(at), out),
    }
}

/// `Ok(value)`, `Err(value)`; anything else is the value of an `Ok`.
pub(super) fn lower_result(
    node: &Node,
    ok: Option<&Node>,
    err: Option<&Node>,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    let py = value.py();
    let (tag, name, payload, value) = if let Ok(holder) = value.cast::<ErrValue>() {
        (1, "err", err, holder.get().value.bind(py))
    } else if let Ok(holder) = value.cast::<OkValue>() {
        (0, "ok", ok, holder.get().value.bind(py))
    } else {
        (0, "ok", ok, value)
    };
    write_tag(node, tag, at, out);
    let written = match payload {
        Some(payload) => lower(payload, value, node.payload(at), out),
        None if value.is_none() => Ok(()),
        None => Err(Fail::mismatch_unit(value)),
    };
    written.map_err(|fail| fail.at(&PyString::new(py, name)))
}

fn label(node: &Node, labels: &Labels, name: &Bound<'_, PyString>) -> Lowered<u32> {
    labels
        .find(text_of(name)?)
        .ok_or_else(|| Fail::new("invalid_data", format!("expected {}, got {}", node.ty, name_repr(name))))
}

fn name_repr(name: &Bound<'_, PyString>) -> String {
    name.repr().map_or_else(|_| "another name".to_owned(), |repr| repr.to_string_lossy().into_owned())
}

/// A discriminant or mask, in as many bytes as the type has cases or labels for.
fn write_tag(node: &Node, tag: u32, at: usize, out: &mut Arguments) {
    match node.ty.tag_size {
        1 => out.write(at, (tag as u8).to_le_bytes()),
        2 => out.write(at, (tag as u16).to_le_bytes()),
        _ => out.write(at, tag.to_le_bytes()),
    }
}
