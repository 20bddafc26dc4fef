//! Buffers of numbers: `bytearray`, `memoryview`, `array.array`, NumPy arrays (V-8).
//!
//! A buffer goes in as one copy if it has one dimension and its items are just those of the list, in this machine's
//! byte order; else its owner is read item by item like any sequence.

use std::borrow::Cow;

use pyo3::buffer::{Element, ElementType, PyUntypedBuffer};
use pyo3::ffi;
use pyo3::prelude::*;

use super::failure::Lowered;
use super::numbers::{canonical32, canonical64};
use super::plan::Scalar;

/// The items of a one-dimensional buffer.
pub(super) struct Content {
    pub count: usize,
    bytes: ContentBytes,
}

enum ContentBytes {
    /// Contiguous: read in place. The buffer is locked while this lives.
    Locked(PyUntypedBuffer, usize),
    Copied(Vec<u8>),
}

impl Content {
    pub fn as_slice(&self) -> &[u8] {
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

/// Marks of the byte order that is not this machine's.
const FOREIGN: &[u8] = if cfg!(target_endian = "little") { b">!" } else { b"<" };

/// The buffer of `value` if its items are just those of the list.
pub(super) fn buffer_of(value: &Bound<'_, PyAny>, scalar: Scalar) -> Lowered<Option<Content>> {
    // SAFETY: takes any object and cannot fail.
    if unsafe { ffi::PyObject_CheckBuffer(value.as_ptr()) } == 0 {
        return Ok(None);
    }
    let Ok(buffer) = PyUntypedBuffer::get(value) else { return Ok(None) };
    // PyO3 compares formats without their byte order.
    let swapped = buffer.format().to_bytes().first().is_some_and(|first| FOREIGN.contains(first));
    if swapped || buffer.dimensions() != 1 {
        return Ok(None);
    }
    match scalar {
        Scalar::Bool if ElementType::from_format(buffer.format()) == ElementType::Bool => Ok(raw(buffer)),
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
    let (count, size) = (buffer.item_count(), buffer.item_count() * size_of::<T>());
    let Ok(typed) = buffer.as_typed::<T>() else { return Ok(None) };
    if cfg!(target_endian = "little") && buffer.is_c_contiguous() {
        return Ok(Some(Content { count, bytes: ContentBytes::Locked(buffer, size) }));
    }
    let items = typed.to_vec(value.py())?;
    let mut bytes = Vec::with_capacity(size);
    items.into_iter().for_each(|item| item.append_to(&mut bytes));
    Ok(Some(Content { count, bytes: ContentBytes::Copied(bytes) }))
}

/// Floats with canonical NaNs (V-26), booleans of 0 and 1; most often what was given.
pub(super) fn canonical(scalar: Scalar, bytes: &[u8]) -> Cow<'_, [u8]> {
    // All items are looked at whatever is found: such a loop is as fast as memory.
    match scalar {
        Scalar::F32 => {
            let (items, _) = bytes.as_chunks();
            let bits = |item: &[u8; 4]| u32::from_le_bytes(*item);
            if !items.iter().fold(false, |found, item| found | f32::from_bits(bits(item)).is_nan()) {
                return bytes.into();
            }
            items.iter().flat_map(|item| canonical32(bits(item)).to_le_bytes()).collect()
        }
        Scalar::F64 => {
            let (items, _) = bytes.as_chunks();
            let bits = |item: &[u8; 8]| u64::from_le_bytes(*item);
            if !items.iter().fold(false, |found, item| found | f64::from_bits(bits(item)).is_nan()) {
                return bytes.into();
            }
            items.iter().flat_map(|item| canonical64(bits(item)).to_le_bytes()).collect()
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
