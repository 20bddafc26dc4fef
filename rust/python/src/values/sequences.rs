//! Lists (V-7, V-8): bytes and numbers by buffer where there is one, anything else item by item.

use pyo3::buffer::{Element, PyUntypedBuffer};
use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyList, PyMapping, PyString, PyTuple};
use wippy_host::values::Arguments;

use super::failure::{Fail, Lowered};
use super::lower::{lower, lower_immutable};
use super::numbers::{canonical32, canonical64};
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
    if let Some(content) = buffer_bytes(value, Scalar::U8)? {
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
    match buffer_bytes(value, scalar)? {
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

/// The items of a one-dimensional buffer.
struct Content {
    count: usize,
    bytes: ContentBytes,
}

enum ContentBytes {
    /// Contiguous: read in place. The buffer is locked while this lives.
    Locked(PyUntypedBuffer, usize),
    Copied(Vec<u8>),
}

impl Content {
    fn as_slice(&self) -> &[u8] {
        match &self.bytes {
            ContentBytes::Copied(bytes) => bytes,
            ContentBytes::Locked(_, 0) => &[],
            // SAFETY: the exporter keeps `len` contiguous bytes at this address until the buffer is released, which
            // its owner `self` does not do meanwhile. They are copied at once, with the interpreter attached and no
            // Python code in between; native code that writes to them from another thread at that moment makes the
            // numbers wrong, as it would for any other reader.
            ContentBytes::Locked(buffer, len) => unsafe {
                std::slice::from_raw_parts(buffer.buf_ptr().cast::<u8>(), *len)
            },
        }
    }
}

/// The buffer of `value` if its items are just those of the list.
fn buffer_bytes(value: &Bound<'_, PyAny>, scalar: Scalar) -> Lowered<Option<Content>> {
    // SAFETY: takes any object and cannot fail.
    if unsafe { ffi::PyObject_CheckBuffer(value.as_ptr()) } == 0 {
        return Ok(None);
    }
    let Ok(buffer) = PyUntypedBuffer::get(value) else { return Ok(None) };
    if buffer.dimensions() != 1 {
        return Ok(None);
    }
    match scalar {
        Scalar::U8 if buffer.format() == c"c" => Ok(raw(buffer)),
        Scalar::Bool if buffer.format() == c"?" => Ok(raw(buffer)),
        Scalar::S8 => typed::<i8>(value, buffer),
        Scalar::U8 => typed::<u8>(value, buffer),
        Scalar::S16 => typed::<i16>(value, buffer),
        Scalar::U16 => typed::<u16>(value, buffer),
        Scalar::S32 => typed::<i32>(value, buffer),
        Scalar::U32 => typed::<u32>(value, buffer),
        Scalar::S64 => typed::<i64>(value, buffer),
        Scalar::U64 => typed::<u64>(value, buffer),
        Scalar::F32 => typed::<f32>(value, buffer),
        Scalar::F64 => typed::<f64>(value, buffer),
        Scalar::Bool | Scalar::Char => Ok(None),
    }
}

fn raw(buffer: PyUntypedBuffer) -> Option<Content> {
    let count = buffer.item_count();
    let contiguous = buffer.is_c_contiguous() && buffer.item_size() == 1;
    contiguous.then(|| Content { count, bytes: ContentBytes::Locked(buffer, count) })
}

/// The buffer if its format is that of `T` in the machine's own byte order.
fn typed<T: Element + Bytes>(value: &Bound<'_, PyAny>, buffer: PyUntypedBuffer) -> Lowered<Option<Content>> {
    let (count, size) = (buffer.item_count(), count_bytes::<T>(&buffer));
    let Ok(typed) = buffer.as_typed::<T>() else { return Ok(None) };
    if cfg!(target_endian = "little") && buffer.is_c_contiguous() {
        return Ok(Some(Content { count, bytes: ContentBytes::Locked(buffer, size) }));
    }
    let items = typed.to_vec(value.py())?;
    let mut bytes = Vec::with_capacity(size);
    items.into_iter().for_each(|item| item.append_to(&mut bytes));
    Ok(Some(Content { count, bytes: ContentBytes::Copied(bytes) }))
}

fn count_bytes<T>(buffer: &PyUntypedBuffer) -> usize {
    buffer.item_count() * size_of::<T>()
}

/// Floats with canonical NaNs, booleans of 0 and 1.
fn canonical(scalar: Scalar, bytes: &[u8]) -> std::borrow::Cow<'_, [u8]> {
    let word32 = |item: &[u8]| u32::from_le_bytes([item[0], item[1], item[2], item[3]]);
    match scalar {
        Scalar::F32 if bytes.chunks_exact(4).any(|item| f32::from_bits(word32(item)).is_nan()) => {
            bytes.chunks_exact(4).flat_map(|item| canonical32(word32(item)).to_le_bytes()).collect()
        }
        Scalar::F64 => {
            let word = |item: &[u8]| u64::from(word32(&item[4..])) << 32 | u64::from(word32(item));
            if !bytes.chunks_exact(8).any(|item| f64::from_bits(word(item)).is_nan()) {
                return bytes.into();
            }
            bytes.chunks_exact(8).flat_map(|item| canonical64(word(item)).to_le_bytes()).collect()
        }
        Scalar::Bool => bytes.iter().map(|&item| u8::from(item != 0)).collect(),
        _ => bytes.into(),
    }
}

/// Numbers as little-endian bytes.
trait Bytes {
    fn append_to(self, bytes: &mut Vec<u8>);
}

macro_rules! bytes {
    ($($ty:ty),*) => {$(
        impl Bytes for $ty {
            fn append_to(self, bytes: &mut Vec<u8>) {
                bytes.extend_from_slice(&self.to_le_bytes());
            }
        }
    )*};
}
bytes!(i8, u8, i16, u16, i32, u32, i64, u64, f32, f64);
