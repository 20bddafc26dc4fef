//! Results as Python objects.
//!
//! The image has been copied out of the guest and its pointers checked. What can still be wrong is what a guest may
//! write anywhere: a discriminant, a character, text that is not UTF-8. That is the guest's fault, and comes back as
//! such, apart from exceptions of Python's own (out of memory, mostly).

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyFrozenSet, PyString, PyTuple};
use wippy_host::values::{GuestValueError, Image};

use super::classes::{ErrValue, OkValue, SomeValue, Variant};
use super::plan::{Labels, Node, Scalar, Shape};

/// Why a result cannot be made.
pub enum LiftError {
    Guest(GuestValueError),
    Python(PyErr),
}

impl From<GuestValueError> for LiftError {
    fn from(error: GuestValueError) -> Self {
        Self::Guest(error)
    }
}

impl From<PyErr> for LiftError {
    fn from(error: PyErr) -> Self {
        Self::Python(error)
    }
}

/// What a call gives.
pub enum Lifted<'py> {
    Value(Bound<'py, PyAny>),
    /// The error side of a top-level `result`.
    GuestErr(Bound<'py, PyAny>),
}

type Object<'py> = Result<Bound<'py, PyAny>, LiftError>;

/// The whole result, a top-level `result` opened (V-22).
pub(super) fn lift_result<'py>(
    py: Python<'py>,
    node: &Node,
    image: &Image,
    raise_err: bool,
) -> Result<Lifted<'py>, LiftError> {
    let Shape::Result { ok, err } = &node.shape else { return lift(py, node, image, 0).map(Lifted::Value) };
    if !raise_err {
        return lift(py, node, image, 0).map(Lifted::Value);
    }
    let at = node.payload(0);
    match image.tag(&node.ty, 0)? {
        0 => payload(py, ok.as_deref(), image, at).map(Lifted::Value),
        _ => payload(py, err.as_deref(), image, at).map(Lifted::GuestErr),
    }
}

fn lift<'py>(py: Python<'py>, node: &Node, image: &Image, at: usize) -> Object<'py> {
    match &node.shape {
        Shape::Scalar(scalar) => lift_scalar(py, *scalar, image, at),
        Shape::Text => lift_text(py, image.text_bytes(at)),
        Shape::Bytes(_) => Ok(PyBytes::new(py, image.text_bytes(at)).into_any()),
        Shape::Scalars(scalar, element) => {
            let (start, count) = image.list(at);
            lift_scalars(py, *scalar, image.bytes(start, count * element.size()), image, start)
        }
        Shape::List(element) => {
            let (start, count) = image.list(at);
            let size = element.size();
            list(py, count, |index| lift(py, element, image, start + index * size))
        }
        Shape::Fixed(element, count) => match element.shape {
            Shape::Scalar(Scalar::U8) => Ok(PyBytes::new(py, image.bytes(at, *count)).into_any()),
            _ => list(py, *count, |index| lift(py, element, image, at + index * element.size())),
        },
        Shape::Record(members) => {
            let dict = PyDict::new(py);
            for member in members {
                let value = lift(py, &member.node, image, at + member.offset)?;
                dict.set_item(member.name.snake.bind(py), value)?;
            }
            Ok(dict.into_any())
        }
        Shape::Tuple(items) => {
            let items = items.iter().map(|(offset, node)| lift(py, node, image, at + offset));
            Ok(PyTuple::new(py, items.collect::<Result<Vec<_>, _>>()?)?.into_any())
        }
        Shape::Variant(labels, cases) => {
            let tag = image.tag(&node.ty, at)? as usize;
            let payload = payload(py, cases[tag].as_ref(), image, node.payload(at))?.unbind();
            object(py, Variant { tag: labels.names[tag].clone_ref(py), payload })
        }
        Shape::Enum(labels) => {
            Ok(labels.names[image.tag(&node.ty, at)? as usize].bind(py).clone().into_any())
        }
        Shape::Flags(labels) => lift_flags(py, node, labels, image, at),
        Shape::Option { some, nested } => {
            if image.tag(&node.ty, at)? == 0 {
                return Ok(py.None().into_bound(py));
            }
            let value = lift(py, some, image, node.payload(at))?;
            if *nested { object(py, SomeValue { value: value.unbind() }) } else { Ok(value) }
        }
        Shape::Result { ok, err } => {
            let tag = image.tag(&node.ty, at)?;
            let side = if tag == 0 { ok } else { err };
            let value = payload(py, side.as_deref(), image, node.payload(at))?.unbind();
            if tag == 0 { object(py, OkValue { value }) } else { object(py, ErrValue { value }) }
        }
    }
}

fn payload<'py>(py: Python<'py>, node: Option<&Node>, image: &Image, at: usize) -> Object<'py> {
    node.map_or_else(|| Ok(py.None().into_bound(py)), |node| lift(py, node, image, at))
}

fn object<'py, T>(py: Python<'py>, value: T) -> Object<'py>
where
    T: Into<pyo3::PyClassInitializer<T>> + pyo3::PyClass,
{
    Ok(Bound::new(py, value)?.into_any())
}

fn lift_scalar<'py>(py: Python<'py>, scalar: Scalar, image: &Image, at: usize) -> Object<'py> {
    Ok(match scalar {
        Scalar::Bool => boolean(py, image.bool(at)),
        Scalar::S8 => integer(py, i8::from_le_bytes(image.read(at))),
        Scalar::U8 => integer(py, u8::from_le_bytes(image.read(at))),
        Scalar::S16 => integer(py, i16::from_le_bytes(image.read(at))),
        Scalar::U16 => integer(py, u16::from_le_bytes(image.read(at))),
        Scalar::S32 => integer(py, i32::from_le_bytes(image.read(at))),
        Scalar::U32 => integer(py, u32::from_le_bytes(image.read(at))),
        Scalar::S64 => integer(py, i64::from_le_bytes(image.read(at))),
        Scalar::U64 => integer(py, u64::from_le_bytes(image.read(at))),
        Scalar::F32 => float(py, f64::from(f32::from_le_bytes(image.read(at)))),
        Scalar::F64 => float(py, f64::from_le_bytes(image.read(at))),
        Scalar::Char => PyString::new(py, image.char(at)?.encode_utf8(&mut [0; 4])).into_any(),
    })
}

/// A list of plain numbers, one tight loop a type.
fn lift_scalars<'py>(
    py: Python<'py>,
    scalar: Scalar,
    bytes: &[u8],
    image: &Image,
    start: usize,
) -> Object<'py> {
    macro_rules! numbers {
        ($ty:ty, $make:expr) => {{
            let (items, _) = bytes.as_chunks::<{ size_of::<$ty>() }>();
            let make = $make;
            list(py, items.len(), |index| Ok(make(py, <$ty>::from_le_bytes(items[index]))))
        }};
    }
    match scalar {
        Scalar::S8 => numbers!(i8, integer),
        Scalar::U8 => numbers!(u8, integer),
        Scalar::S16 => numbers!(i16, integer),
        Scalar::U16 => numbers!(u16, integer),
        Scalar::S32 => numbers!(i32, integer),
        Scalar::U32 => numbers!(u32, integer),
        Scalar::S64 => numbers!(i64, integer),
        Scalar::U64 => numbers!(u64, integer),
        Scalar::F32 => numbers!(f32, |py, value| float(py, f64::from(value))),
        Scalar::F64 => numbers!(f64, float),
        Scalar::Bool => list(py, bytes.len(), |index| Ok(boolean(py, bytes[index] != 0))),
        Scalar::Char => list(py, bytes.len() / 4, |index| lift_scalar(py, scalar, image, start + 4 * index)),
    }
}

fn boolean(py: Python<'_>, value: bool) -> Bound<'_, PyAny> {
    pyo3::types::PyBool::new(py, value).to_owned().into_any()
}

fn integer<'py, T>(py: Python<'py>, value: T) -> Bound<'py, PyAny>
where
    T: IntoPyObject<'py, Output = Bound<'py, pyo3::types::PyInt>, Error = std::convert::Infallible>,
{
    let Ok(number) = value.into_pyobject(py);
    number.into_any()
}

/// NaNs come out canonical (V-26).
fn float(py: Python<'_>, value: f64) -> Bound<'_, PyAny> {
    PyFloat::new(py, if value.is_nan() { f64::NAN } else { value }).into_any()
}

/// Python checks the UTF-8 while it decodes.
fn lift_text<'py>(py: Python<'py>, bytes: &[u8]) -> Object<'py> {
    // SAFETY: pointer and length are those of a slice, at most 4 GiB long; the result is owned or an exception is set.
    let string = unsafe {
        let string = ffi::PyUnicode_FromStringAndSize(bytes.as_ptr().cast(), bytes.len() as isize);
        Bound::from_owned_ptr_or_err(py, string)
    };
    string.map_err(|error| match std::str::from_utf8(bytes) {
        Ok(_) => LiftError::Python(error),
        Err(place) => LiftError::Guest(GuestValueError::utf8(place.valid_up_to())),
    })
}

fn lift_flags<'py>(py: Python<'py>, node: &Node, labels: &Labels, image: &Image, at: usize) -> Object<'py> {
    let mask = image.flags(&node.ty, at, labels.names.len());
    let set = labels.names.iter().enumerate().filter(|(bit, _)| mask & 1 << bit != 0);
    Ok(PyFrozenSet::new(py, set.map(|(_, name)| name))?.into_any())
}

/// A list of `count` objects. Until it is full nobody but the garbage collector knows of it.
fn list<'py>(py: Python<'py>, count: usize, mut item: impl FnMut(usize) -> Object<'py>) -> Object<'py> {
    // SAFETY: `count` counts values in memory; the result is owned or an exception is set.
    let list = unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyList_New(count as isize))? };
    for index in 0..count {
        let item = item(index)?;
        // SAFETY: `list` is a list with `count` places, `index` one of them; the reference is given away.
        unsafe { ffi::PyList_SetItem(list.as_ptr(), index as isize, item.into_ptr()) };
    }
    Ok(list)
}
