//! Numbers, booleans and characters (V-1 to V-5).
//!
//! `bool` is refused for integers although Python calls it one. Anything with `__index__` is an integer (NumPy's
//! scalars), anything with `__float__` a float. Integers out of range are errors, and so are finite floats beyond the
//! range of an `f32`: a silent infinity helps nobody. NaNs become the canonical one (V-26).

use pyo3::exceptions::{PyOverflowError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};
use pyo3::{PyTypeInfo, ffi};
use wippy_host::values::Arguments;

use super::failure::{Fail, Lowered};
use super::lower::text_of;
use super::plan::{Node, Scalar};

/// The quiet NaN of the component model.
const NAN32: u32 = 0x7fc0_0000;
const NAN64: u64 = 0x7ff8_0000_0000_0000;

pub(super) fn lower_scalar(
    scalar: Scalar,
    node: &Node,
    value: &Bound<'_, PyAny>,
    at: usize,
    out: &mut Arguments,
) -> Lowered {
    macro_rules! integer {
        ($ty:ty) => {{
            let number = integer(node, value)?;
            let number = <$ty>::try_from(number).map_err(|_| Fail::overflow(node, value))?;
            out.write(at, number.to_le_bytes());
        }};
    }
    match scalar {
        Scalar::Bool => {
            let flag = value.cast_exact::<PyBool>().map_err(|_| Fail::mismatch(node, value))?;
            out.write(at, [u8::from(flag.is_true())]);
        }
        Scalar::S8 => integer!(i8),
        Scalar::U8 => integer!(u8),
        Scalar::S16 => integer!(i16),
        Scalar::U16 => integer!(u16),
        Scalar::S32 => integer!(i32),
        Scalar::U32 => integer!(u32),
        Scalar::S64 => integer!(i64),
        Scalar::U64 => integer!(u64),
        Scalar::F32 => {
            let wide = float(node, value)?;
            let narrow = wide as f32;
            if narrow.is_infinite() && wide.is_finite() {
                return Err(Fail::overflow(node, value));
            }
            out.write(at, canonical32(narrow.to_bits()).to_le_bytes());
        }
        Scalar::F64 => out.write(at, canonical64(float(node, value)?.to_bits()).to_le_bytes()),
        Scalar::Char => out.write(at, u32::from(character(node, value)?).to_le_bytes()),
    }
    Ok(())
}

pub(super) fn canonical32(bits: u32) -> u32 {
    if f32::from_bits(bits).is_nan() { NAN32 } else { bits }
}

pub(super) fn canonical64(bits: u64) -> u64 {
    if f64::from_bits(bits).is_nan() { NAN64 } else { bits }
}

/// Any integer up to 64 bits, signed or not.
fn integer(node: &Node, value: &Bound<'_, PyAny>) -> Lowered<i128> {
    if value.is_instance_of::<PyInt>() {
        if value.is_exact_instance_of::<PyBool>() {
            return Err(Fail::mismatch(node, value));
        }
        return of_int(node, value);
    }
    // SAFETY: both functions take any object; the result is owned or an exception is set.
    let index = unsafe {
        if ffi::PyIndex_Check(value.as_ptr()) == 0 {
            return Err(Fail::mismatch(node, value));
        }
        Bound::from_owned_ptr_or_err(value.py(), ffi::PyNumber_Index(value.as_ptr()))?
    };
    of_int(node, &index)
}

/// `value` is an `int`.
fn of_int(node: &Node, value: &Bound<'_, PyAny>) -> Lowered<i128> {
    let mut overflow = 0;
    // SAFETY: `value` is an `int`, for which no exception is set.
    let number = unsafe { ffi::PyLong_AsLongLongAndOverflow(value.as_ptr(), &raw mut overflow) };
    match overflow {
        0 => Ok(i128::from(number)),
        1 => value.extract::<u64>().map(i128::from).map_err(|_| Fail::overflow(node, value)),
        _ => Err(Fail::overflow(node, value)),
    }
}

fn float(node: &Node, value: &Bound<'_, PyAny>) -> Lowered<f64> {
    if let Ok(float) = value.cast_exact::<PyFloat>() {
        return Ok(float.value());
    }
    if value.is_exact_instance_of::<PyBool>() {
        return Err(Fail::mismatch(node, value));
    }
    value.extract::<f64>().map_err(|error| {
        let py = value.py();
        if error.is_instance_of::<PyOverflowError>(py) {
            Fail::overflow(node, value)
        } else if error.get_type(py).is(PyTypeError::type_object(py)) {
            Fail::mismatch(node, value)
        } else {
            Fail::Python(error)
        }
    })
}

fn character(node: &Node, value: &Bound<'_, PyAny>) -> Lowered<char> {
    let string = value.cast::<PyString>().map_err(|_| Fail::mismatch(node, value))?;
    let mut chars = text_of(string)?.chars();
    match (chars.next(), chars.next()) {
        (Some(c), None) => Ok(c),
        _ => Err(Fail::mismatch(node, value)),
    }
}
